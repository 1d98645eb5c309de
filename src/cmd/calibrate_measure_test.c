/* Calibration: it says no when people are too few, and sees hubs that are there. */
#include "cmd/calibrate_measure.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DIM = 48, PEOPLE = 700, PHOTOS = 2 };

static struct eval_faces make_people(struct arena *a, int people, double hub_strength)
{
    struct eval_faces f = {.n = people * PHOTOS, .dim = DIM, .people = people};
    float *x = arena_array(a, (size_t)f.n * DIM, sizeof *x);
    int *first = arena_array(a, (size_t)people + 1, sizeof *first);
    uint64_t seed = 3;
    assert_true(x && first);
    for (int p = 0; p < people; p++) {
        double self[DIM], lean = p % 10 == 0 ? hub_strength : 0;
        first[p] = p * PHOTOS;
        for (int k = 0; k < DIM; k++)
            self[k] = (double)(eval_random(&seed) >> 11) / 0x1p53 - .5 + (k == 0 ? lean + .3 : 0);
        for (int i = 0; i < PHOTOS; i++) {
            double sum = 0, v[DIM];
            for (int k = 0; k < DIM; k++) {
                v[k] = self[k] + ((double)(eval_random(&seed) >> 11) / 0x1p53 - .5) * .8;
                sum += v[k] * v[k];
            }
            for (int k = 0; k < DIM; k++)
                x[(p * PHOTOS + i) * DIM + k] = (float)(v[k] / sqrt(sum));
        }
    }
    first[people] = f.n;
    f.x = x;
    f.first = first;
    return f;
}

static void too_few_people_are_refused_with_their_number(void **state)
{
    (void)state;
    struct arena *a = arena_new(256 * MIB);
    struct calibrate_result r;
    struct error e = {0};
    struct eval_faces f = make_people(a, CALIBRATE_PEOPLE_MIN - 1, 0);
    assert_int_equal(calibrate_measure(&f, a, &r, &e), ERR_UNPROCESSABLE);
    assert_non_null(strstr(e.msg, "283 people"));
    f = make_people(a, CALIBRATE_PEOPLE_MIN, 0);
    assert_int_equal(calibrate_measure(&f, a, &r, &e), ERR_OK);
    assert_true(r.calibration.kinds[SCORE_COSINE].has);
    assert_false(r.calibration.kinds[SCORE_HUB].has); /* 142 x 142 pairs */
    arena_free(a);
}

static void hub_correction_is_taken_where_it_finds_more(void **state)
{
    (void)state;
    struct arena *a = arena_new(256 * MIB);
    struct calibrate_result even, hubs;
    struct eval_faces f = make_people(a, PEOPLE, 2);
    assert_int_equal(calibrate_measure(&f, a, &hubs, NULL), ERR_OK);
    assert_true(hubs.gallery >= CALIBRATION_HUB_FROM && hubs.calibration.hub_helps);
    assert_true(hubs.calibration.kinds[SCORE_HUB].has && hubs.hubbed > hubs.plain);
    assert_int_equal(hubs.calibration.people, PEOPLE);
    assert_int_equal(hubs.photos, PEOPLE * PHOTOS);
    f = make_people(a, PEOPLE, 0);
    assert_int_equal(calibrate_measure(&f, a, &even, NULL), ERR_OK);
    assert_true(even.gallery > 0 && !even.calibration.hub_helps);
    arena_free(a);
}

static void the_table_keeps_the_rate_that_was_seen(void **state)
{
    (void)state;
    struct arena *a = arena_new(256 * MIB);
    struct calibrate_result r;
    struct eval_faces f = make_people(a, PEOPLE, 0);
    assert_int_equal(calibrate_measure(&f, a, &r, NULL), ERR_OK);
    for (int kind = 0; kind < SCORE_KIND_N; kind++) {
        const struct calibration c = {.version = "site",
                                      .kinds = {r.calibration.kinds[0], r.calibration.kinds[1]}};
        double score = calibration_threshold(&c, "mine", "crop", (enum score_kind)kind, 100, 10);
        double rate = fmr_tail_above(&r.tails[kind], score) / r.tails[kind].pairs;
        assert_true(rate > .0007 && rate < .0014); /* 1 % of 10 people */
    }
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_people_are_refused_with_their_number),
        cmocka_unit_test(hub_correction_is_taken_where_it_finds_more),
        cmocka_unit_test(the_table_keeps_the_rate_that_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
