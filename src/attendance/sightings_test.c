/* Sightings: bins, rates, and when and by how much they raise a threshold. */
#include "attendance/sightings.h"

#include "base/str.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_score_has_a_bin(void **state)
{
    (void)state;
    static const struct {
        double score;
        int bin;
    } rows[] = {{-1, 0},   {-7, 0},    {-.995, 0}, {-.99, 1},  {0, 100}, {.009, 100}, {.01, 101},
                {.3, 130}, {.29, 129}, {.57, 157}, {.99, 199}, {1, 199}, {1.5, 199}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (sighting_bin(rows[i].score) != rows[i].bin)
            fail_msg("%g: %d", rows[i].score, sighting_bin(rows[i].score));
}

/* `low` runner-ups at .1 off the roster, the rest as told. */
static struct sightings seen(int64_t low, int64_t off_at_40, int64_t on_at_30)
{
    struct sightings s = {0};
    s.bins[SIGHTING_GALLERY][sighting_bin(.1)] = low;
    s.bins[SIGHTING_GALLERY][sighting_bin(.4)] = off_at_40;
    s.bins[SIGHTING_ROSTER][sighting_bin(.3)] = on_at_30;
    s.bins[SIGHTING_GENUINE][sighting_bin(.5)] = 7;
    s.bins[SIGHTING_GENUINE][sighting_bin(.8)] = low;
    return s;
}

static void runner_ups_are_counted_from_the_scores_own_bin_up(void **state)
{
    (void)state;
    struct sightings s = seen(1000, 4, 2);
    assert_int_equal(sightings_runner_ups(&s), 1006);
    assert_int_equal(sightings_above(&s, false, .405), 4);
    assert_int_equal(sightings_above(&s, false, .3), 6);
    assert_int_equal(sightings_above(&s, true, .3), 2);
    assert_int_equal(sightings_above(&s, true, .31), 0);
    assert_int_equal(sightings_above(&s, false, -5), 1006);
    assert_int_equal(sightings_above(&s, false, INFINITY), 0);
    assert_int_equal(sightings_lost(&s, .5), 0);
    assert_int_equal(sightings_lost(&s, .51), 7);
}

static void a_budget_needs_ten_in_its_tail(void **state)
{
    (void)state;
    assert_int_equal(sightings_needed(30), 3334);
    assert_int_equal(sightings_needed(10), 10000);
    assert_true(sightings_needed(0) == INT64_MAX);
}

static void thresholds_rise_where_sightings_ask_for_it_and_never_fall(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int64_t low, off, on;
        double gallery, roster, raise;
    } rows[] = {
        {"too few, however bad", 3000, 100, 0, .3, .3, 0},
        {"within the budget of 12", 4000, 10, 0, .38, .3, 0},
        {"beyond it: to above .4", 4000, 20, 0, .38, .3, .03},
        {"the table asks for more", 4000, 20, 0, .45, .3, 0},
        {"the roster asks for more", 4000, 0, 20, .32, .25, .06},
        {"no roster is left out", 4000, 0, 20, .32, INFINITY, 0},
        {"no table at all", 4000, 20, 20, INFINITY, INFINITY, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct sightings s = seen(rows[i].low, rows[i].off, rows[i].on);
        double got = sightings_raise(&s, 30, rows[i].gallery, rows[i].roster);
        if (fabs(got - rows[i].raise) > 1e-9)
            fail_msg("%s: %g", rows[i].what, got);
    }
}

static void words_are_stable(void **state)
{
    (void)state;
    assert_string_equal(sighting_kind_name(SIGHTING_GENUINE), "genuine");
    assert_string_equal(sighting_kind_name(SIGHTING_ROSTER), "roster");
    assert_string_equal(sighting_kind_name(SIGHTING_GALLERY), "gallery");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_score_has_a_bin),
        cmocka_unit_test(runner_ups_are_counted_from_the_scores_own_bin_up),
        cmocka_unit_test(a_budget_needs_ten_in_its_tail),
        cmocka_unit_test(thresholds_rise_where_sightings_ask_for_it_and_never_fall),
        cmocka_unit_test(words_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
