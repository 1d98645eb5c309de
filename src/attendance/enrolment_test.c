/* Enrolment: words, which template gives way, when one is old. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>

#include "attendance/enrolment.h"

#define DAY USEC_PER_DAY
#define NOW (1000 * DAY)

static void every_verdict_has_a_word_and_says_what_to_do(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_N; i++) {
        enum verdict v = (enum verdict)i;
        assert_string_equal(verdict_name(v), verdict_names[i]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(verdict_names[k], verdict_names[i]);
        size_t n = strlen(verdict_help(v));
        assert_true(v == VERDICT_ACCEPTED ? n == 0 : n > 20 && n < 256);
        if (n)
            assert_ptr_equal(strchr(verdict_help(v), '.'), verdict_help(v) + n - 1);
    }
    assert_null(verdict_names[VERDICT_N]);
}

static void the_worst_of_the_old_ones_gives_way_else_the_worst(void **state)
{
    (void)state;
    static const struct {
        struct enrolled_photo photos[3];
        int n, gives_way;
    } rows[] = {
        {.photos = {{.5, NOW}}, .n = 1, .gives_way = 0},
        {.photos = {{.5, NOW}, {.4, NOW}, {.6, NOW}}, .n = 3, .gives_way = 1},
        {.photos = {{.2, NOW}, {.9, NOW - 366 * DAY}}, .n = 2, .gives_way = 1},
        {.photos = {{.2, NOW}, {.9, NOW - 365 * DAY}}, .n = 2, .gives_way = 0},
        {.photos = {{.9, NOW - 400 * DAY}, {.8, NOW - 380 * DAY}, {.1, NOW - 10 * DAY}},
         .n = 3,
         .gives_way = 1},
        {.photos = {{.8, NOW - 400 * DAY}, {.9, NOW - 380 * DAY}, {.1, NOW - 10 * DAY}},
         .n = 3,
         .gives_way = 0},
        {.photos = {{.5, NOW - 2 * DAY}, {.5, NOW - 3 * DAY}}, .n = 2, .gives_way = 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(enrolment_gives_way(rows[i].photos, rows[i].n, NOW), rows[i].gives_way);
}

static void a_template_is_old_beyond_its_age_and_never_without_one(void **state)
{
    (void)state;
    assert_true(enrolment_is_stale(NOW - 11 * DAY, 10 * DAY, NOW));
    assert_false(enrolment_is_stale(NOW - 10 * DAY, 10 * DAY, NOW));
    assert_false(enrolment_is_stale(NOW - 11 * DAY, 0, NOW));
    assert_false(enrolment_is_stale(0, 10 * DAY, NOW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_verdict_has_a_word_and_says_what_to_do),
        cmocka_unit_test(the_worst_of_the_old_ones_gives_way_else_the_worst),
        cmocka_unit_test(a_template_is_old_beyond_its_age_and_never_without_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
