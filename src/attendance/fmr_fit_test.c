/* Fitting: a curve that is known comes out of scores drawn from it. */
#include "attendance/fmr_fit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SCORES = 1000000 };

/* The score that a share `rate` of all reaches: log10 rate = c0 + c1 s + c2 s^2, its larger root.
 */
static double score_at(double rate, const struct fmr_curve *c)
{
    return (-c->c1 - sqrt(c->c1 * c->c1 - 4 * c->c2 * (c->c0 - log10(rate)))) / (2 * c->c2);
}

static void the_curve_comes_out_of_its_scores(void **state)
{
    (void)state;
    static const struct fmr_curve curves[] = {{.c0 = -1.1, .c1 = .98, .c2 = -9.9},
                                              {.c0 = -.5, .c1 = -3.9, .c2 = -10.5},
                                              {.c0 = -533, .c1 = 1211, .c2 = -689}};
    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        struct arena *a = arena_new(4 * MIB);
        struct fmr_tail t;
        struct fmr_curve got;
        assert_int_equal(fmr_tail_new(a, &t, NULL), ERR_OK);
        for (int k = 0; k < SCORES; k++) {
            double rate = (k + .5) / SCORES;
            fmr_tail_add(&t, rate > .02 ? -.5 : score_at(rate, &curves[i]), 1);
        }
        t.pairs = SCORES;
        assert_int_equal(fmr_tail_fit(&t, &got, NULL), ERR_OK);
        assert_int_equal(t.comparisons, SCORES);
        assert_float_equal(got.lowest_fmr, 8e-6, 1e-9);
        for (double rate = 1e-2; rate > 1e-5; rate /= 3)
            assert_float_equal(score_at(rate, &got), score_at(rate, &curves[i]), 1e-3);
        arena_free(a);
    }
}

static void weights_count_and_scores_stay_inside(void **state)
{
    (void)state;
    struct arena *a = arena_new(4 * MIB);
    struct fmr_tail one, half;
    struct fmr_curve x, y;
    assert_int_equal(fmr_tail_new(a, &one, NULL), ERR_OK);
    assert_int_equal(fmr_tail_new(a, &half, NULL), ERR_OK);
    fmr_tail_add(&one, 7, 1);
    fmr_tail_add(&one, -7, 1);
    fmr_tail_add(&half, 1, 1);
    fmr_tail_add(&half, -1, 1);
    for (int k = 2; k < 200000; k++) {
        double score = .3 + (double)(k % 1000) / 2500;
        fmr_tail_add(&one, score, 1);
        fmr_tail_add(&half, score, .5);
        fmr_tail_add(&half, score, .5);
    }
    one.pairs = half.pairs = 200000;
    assert_int_equal(fmr_tail_fit(&one, &x, NULL), ERR_OK);
    assert_int_equal(fmr_tail_fit(&half, &y, NULL), ERR_OK);
    assert_float_equal(x.c0, y.c0, 1e-9);
    assert_float_equal(x.c2, y.c2, 1e-9);
    arena_free(a);
}

static void too_few_pairs_are_no_table(void **state)
{
    (void)state;
    struct arena *a = arena_new(4 * MIB);
    struct fmr_tail t;
    struct fmr_curve c;
    struct error e = {0};
    assert_int_equal(fmr_tail_new(a, &t, NULL), ERR_OK);
    static const double pairs[] = {0, NAN, FMR_PAIRS_MIN - 1};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        t.pairs = pairs[i];
        assert_int_equal(fmr_tail_fit(&t, &c, &e), ERR_UNPROCESSABLE);
    }
    t.pairs = FMR_PAIRS_MIN; /* but not one score */
    assert_int_equal(fmr_tail_fit(&t, &c, &e), ERR_UNPROCESSABLE);
    arena_free(a);
    a = arena_new(1024);
    assert_int_equal(fmr_tail_new(a, &t, NULL), ERR_NOMEM);
    arena_free(a);
}

static void intervals_hold_the_rate(void **state)
{
    (void)state;
    struct arena *a = arena_new(4 * MIB);
    struct fmr_tail t;
    double low, high;
    assert_int_equal(fmr_tail_new(a, &t, NULL), ERR_OK);
    fmr_tail_add(&t, .5, 2);
    fmr_tail_add(&t, .7, 1);
    assert_float_equal(fmr_tail_above(&t, .6), 1, 1e-9);
    assert_float_equal(fmr_tail_above(&t, .4), 3, 1e-9);
    assert_float_equal(fmr_tail_above(&t, .8), 0, 0);
    assert_float_equal(fmr_tail_above(&t, -9), 3, 1e-9); /* below every score there is */
    fmr_interval(0, 1000, &low, &high);
    assert_float_equal(low, 0, 0);
    assert_float_equal(high, .003, 1e-9);
    fmr_interval(10, 1000, &low, &high); /* Wilson: .00544 to .01831 */
    assert_float_equal(low, .00544, 1e-5);
    assert_float_equal(high, .01831, 1e-5);
    fmr_interval(1000, 1000, &low, &high);
    assert_true(low > .99 && high > .9999 && high <= 1);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_curve_comes_out_of_its_scores),
        cmocka_unit_test(weights_count_and_scores_stay_inside),
        cmocka_unit_test(too_few_pairs_are_no_table),
        cmocka_unit_test(intervals_hold_the_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
