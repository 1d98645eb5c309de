/* Tests of attendance/counts: what counts, and what a percentage is. */
#include "attendance/counts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_percentage_leaves_excuses_out(void **state)
{
    (void)state;
    static const struct {
        struct counts t;
        double percent;
    } rows[] = {
        {{.present = 1}, 100},
        {{.absent = 4}, 0},
        {{.present = 1, .absent = 1}, 50},
        {{.present = 1, .absent = 1, .excused = 50}, 50},
        {{.present = 1, .late = 1, .left_early = 1, .absent = 1}, 75},
        {{.present = 2, .absent = 1}, 66.7},
        {{.present = 1, .absent = 2}, 33.3},
        {{.present = 1, .absent = 1999}, 0.1}, /* 0.05: half goes up */
        {{.present = 1, .absent = 2000}, 0},
        {{.present = 1999, .absent = 1}, 100}, /* 99.95 */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_true(fabs(counts_percent(&rows[i].t) - rows[i].percent) < 1e-9);
}

static void nothing_that_counts_is_no_percentage(void **state)
{
    (void)state;
    static const struct counts none, excused = {.excused = 3};
    assert_true(isnan(counts_percent(&none)));
    assert_true(isnan(counts_percent(&excused)));
    assert_false(counts_is_below(&none, 100));
    assert_false(counts_is_below(&excused, 100));
}

static void below_is_decided_before_rounding(void **state)
{
    (void)state;
    static const struct counts t = {.present = 2, .absent = 1}; /* 66.666 shown as 66.7 */
    assert_true(counts_is_below(&t, 66.7));
    assert_false(counts_is_below(&t, 66.6));
    static const struct counts half = {.late = 1, .absent = 1};
    assert_false(counts_is_below(&half, 50));
    assert_true(counts_is_below(&half, 50.1));
}

static void every_status_has_its_count_and_other_words_none(void **state)
{
    (void)state;
    static const char *const words[] = {"present", "late", "left-early", "absent", "excused"};
    struct counts t = {0}, all = {0};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        counts_add(&t, str_from(words[i]), (int64_t)i + 1);
    counts_add(&t, STR("unheard-of"), 100);
    assert_int_equal(t.present, 1);
    assert_int_equal(t.late, 2);
    assert_int_equal(t.left_early, 3);
    assert_int_equal(t.absent, 4);
    assert_int_equal(t.excused, 5);
    assert_int_equal(counts_attended(&t), 6);
    assert_int_equal(counts_marks(&t), 15);
    counts_sum(&all, &t);
    counts_sum(&all, &t);
    assert_int_equal(counts_marks(&all), 30);
    assert_int_equal(all.left_early, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_percentage_leaves_excuses_out),
        cmocka_unit_test(nothing_that_counts_is_no_percentage),
        cmocka_unit_test(below_is_decided_before_rounding),
        cmocka_unit_test(every_status_has_its_count_and_other_words_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
