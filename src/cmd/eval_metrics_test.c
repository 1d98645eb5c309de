/* Tests of cmd/eval_metrics.h: figures that can be counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/eval_metrics.h"

#include <math.h>

enum { PEOPLE = 8 };
#define NEAR 1e-6
#define assert_near(x, wanted) assert_true(fabs((double)(x) - (double)(wanted)) < NEAR)

/* Two folds; genuine .9 .8 .7 .3, impostor .6 .4 .2 .1: at .6 one of each side is wrong. */
static struct eval_score rows[] = {
    {.score = 0.9f, .a = 0, .b = 0, .fold = 0, .same = true},
    {.score = 0.3f, .a = 1, .b = 1, .fold = 0, .same = true},
    {.score = 0.6f, .a = 0, .b = 1, .fold = 0},
    {.score = 0.1f, .a = 2, .b = 3, .fold = 0},
    {.score = 0.8f, .a = 4, .b = 4, .fold = 1, .same = true},
    {.score = 0.7f, .a = 5, .b = 5, .fold = 1, .same = true},
    {.score = 0.4f, .a = 4, .b = 5, .fold = 1},
    {.score = 0.2f, .a = 6, .b = 7, .fold = 1},
};

static struct eval_scores sorted(void)
{
    struct eval_scores s = {.rows = rows, .n = ARRAY_LEN(rows), .folds = 2, .people = PEOPLE};
    eval_scores_sort(&s);
    return s;
}

static void scores_are_sorted_and_counted(void **state)
{
    struct eval_scores s = sorted();
    (void)state;
    assert_int_equal(s.n_genuine, 4);
    assert_int_equal(s.n_impostor, 4);
    for (size_t i = 1; i < s.n; i++)
        assert_true(s.rows[i - 1].score <= s.rows[i].score);
}

static void a_genuine_pair_comes_before_an_equal_impostor(void **state)
{
    struct eval_score equal[] = {{.score = 0.5f, .b = 1}, {.score = 0.5f, .same = true}};
    struct eval_scores s = {.rows = equal, .n = 2};
    (void)state;
    eval_scores_sort(&s);
    assert_true(s.rows[0].same);
}

static void the_equal_error_rate_is_where_both_errors_meet(void **state)
{
    struct eval_scores s = sorted();
    (void)state;
    assert_near(eval_eer(&s, NULL), 0.25);
}

static void tar_counts_the_genuine_pairs_above_the_impostor_of_that_rank(void **state)
{
    static const struct {
        double far, tar, threshold;
    } cases[] = {{0.25, 0.75, 0.4}, {0.5, 1, 0.2}, {0.75, 1, 0.1}, {0.26, 0.75, 0.4}};
    struct eval_scores s = sorted();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double threshold = 0;
        assert_near(eval_tar(&s, cases[i].far, NULL, &threshold), cases[i].tar);
        assert_near(threshold, cases[i].threshold);
    }
}

static void a_far_below_one_pair_is_not_measured(void **state)
{
    struct eval_scores s = sorted();
    double threshold = 0;
    (void)state;
    assert_true(isnan(eval_tar(&s, 0.2, NULL, &threshold)));
    assert_true(isnan(threshold));
}

static void weights_of_one_change_nothing(void **state)
{
    struct eval_scores s = sorted();
    const float ones[PEOPLE] = {1, 1, 1, 1, 1, 1, 1, 1};
    double threshold = 0;
    (void)state;
    assert_near(eval_eer(&s, ones), eval_eer(&s, NULL));
    assert_near(eval_tar(&s, 0.25, ones, &threshold), 0.75);
}

static void a_person_not_drawn_takes_all_pairs_along(void **state)
{
    struct eval_scores s = sorted();
    const float without_one[PEOPLE] = {1, 0, 1, 1, 1, 1, 1, 1}; /* .3 genuine, .6 impostor go */
    (void)state;
    assert_near(eval_eer(&s, without_one), 0);
}

static void a_fold_is_judged_by_the_threshold_of_the_others(void **state)
{
    struct eval_scores s = sorted();
    (void)state;
    /* Fold 1 is clean from .7 on: in fold 0 that loses .3 only. Fold 0 chooses .9 over .3 (equal,
     * but .3 is lower and accepts .6 wrongly: 3 of 4 each, the lower one is taken). */
    assert_near(eval_fold_accuracy(&s, 0), 0.75);
    assert_near(eval_fold_accuracy(&s, 1), 0.75);
}

static void balanced_accuracy_weighs_both_classes_alike(void **state)
{
    struct eval_score skewed[] = {
        {.score = 0.9f, .fold = 0, .same = true}, {.score = 0.1f, .fold = 0, .b = 1},
        {.score = 0.5f, .fold = 1, .same = true}, {.score = 0.95f, .fold = 1, .b = 1},
        {.score = 0.2f, .fold = 1, .b = 1},       {.score = 0.3f, .fold = 1, .b = 1},
        {.score = 0.4f, .fold = 1, .b = 1},
    };
    struct eval_scores s = {.rows = skewed, .n = ARRAY_LEN(skewed), .folds = 2, .balanced = true};
    (void)state;
    eval_scores_sort(&s);
    assert_near(eval_fold_accuracy(&s, 1), (0.0 + 0.75) / 2);
    s.balanced = false;
    assert_near(eval_fold_accuracy(&s, 1), 3 / 5.0);
}

static void balanced_accuracy_is_not_known_where_a_fold_lacks_a_class(void **state)
{
    struct eval_score few[] = {
        {.score = 0.9f, .fold = 0, .same = true},
        {.score = 0.1f, .fold = 0, .b = 1},
        {.score = 0.95f, .fold = 1, .same = true},
    };
    struct eval_scores s = {.rows = few, .n = ARRAY_LEN(few), .folds = 2, .balanced = true};
    (void)state;
    eval_scores_sort(&s);
    assert_true(isnan(eval_fold_accuracy(&s, 1)));
    s.balanced = false;
    assert_near(eval_fold_accuracy(&s, 1), 1);
}

static void pairs_across_folds_do_not_count_for_accuracy(void **state)
{
    enum { MORE = 3 };
    struct eval_score more[ARRAY_LEN(rows) + MORE];
    (void)state;
    memcpy(more, rows, sizeof rows);
    for (int i = 0; i < MORE; i++) /* would pull the threshold down to .1 */
        more[ARRAY_LEN(rows) + i] = (struct eval_score){.score = 0.1f, .fold = -1, .same = true};
    struct eval_scores s = {.rows = more, .n = ARRAY_LEN(more), .folds = 2};
    eval_scores_sort(&s);
    assert_near(eval_fold_accuracy(&s, 0), 0.75);
}

static void a_score_at_the_threshold_is_accepted(void **state)
{
    struct eval_score equal[] = {{.score = 0.7f, .fold = 0, .same = true},
                                 {.score = 0.7f, .fold = 1, .same = true},
                                 {.score = 0.1f, .fold = 1, .b = 1}};
    struct eval_scores s = {.rows = equal, .n = ARRAY_LEN(equal), .folds = 2};
    (void)state;
    eval_scores_sort(&s);
    assert_near(eval_fold_accuracy(&s, 0), 1);
}

static void a_pair_of_two_needs_both_people_drawn(void **state)
{
    struct eval_scores s = sorted();
    const float without_five[PEOPLE] = {1, 1, 1, 1, 1, 0, 1, 1}; /* impostor .4 and genuine .7 go */
    double threshold = 0;
    (void)state;
    assert_near(eval_tar(&s, 0.25, without_five, &threshold), 2 / 3.0);
    assert_near(threshold, 0.6);
}

static void verification_brings_everything(void **state)
{
    struct eval_scores s = sorted();
    struct eval_verification v;
    struct arena *a = arena_new(MIB);
    double genuine = 0, impostor = 0;
    (void)state;
    assert_int_equal(eval_verify(&s, 200, a, &v, NULL), ERR_OK);
    assert_near(v.accuracy.mean, 0.75);
    assert_true(v.eer.low <= v.eer.mean && v.eer.mean <= v.eer.high);
    assert_true(v.eer.high > v.eer.low);
    assert_true(isnan(v.tar[0].mean));
    for (int i = 0; i < EVAL_BINS; i++) {
        genuine += v.genuine_bins[i];
        impostor += v.impostor_bins[i];
    }
    assert_near(genuine, 1);
    assert_near(impostor, 1);
    assert_int_equal(v.n_curve, 4);
    assert_near(v.curve[0].far, 0.25);
    assert_near(v.curve[0].tar, 0.75);
    assert_near(v.curve[3].far, 1);
    arena_free(a);
}

static void verification_wants_both_kinds_of_pairs(void **state)
{
    struct eval_score one[] = {{.score = 0.9f, .same = true}};
    struct eval_scores s = {.rows = one, .n = 1};
    struct eval_verification v;
    (void)state;
    eval_scores_sort(&s);
    assert_int_equal(eval_verify(&s, 0, NULL, &v, NULL), ERR_INVALID);
}

static void the_spread_is_mean_and_quantiles(void **state)
{
    double values[41];
    (void)state;
    for (int i = 0; i < 41; i++)
        values[i] = 40 - i;
    struct eval_interval s = eval_spread(values, 41);
    assert_near(s.mean, 20);
    assert_near(s.low, 1);
    assert_near(s.high, 39);
    assert_true(isnan(eval_spread(values, 0).mean));
}

static void random_numbers_are_those_of_the_paper(void **state)
{
    uint64_t seed = 1234567;
    (void)state;
    assert_true(eval_random(&seed) == 6457827717110365317u);
    assert_true(eval_random(&seed) == 3203168211198807973u);
}

static void a_shuffle_keeps_every_value(void **state)
{
    int values[50];
    uint64_t seed = 7, seen = 0;
    (void)state;
    for (int i = 0; i < 50; i++)
        values[i] = i;
    eval_shuffle(values, 50, &seed);
    for (int i = 0; i < 50; i++)
        seen |= (uint64_t)1 << values[i];
    assert_true(seen == ((uint64_t)1 << 50) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_sorted_and_counted),
        cmocka_unit_test(a_genuine_pair_comes_before_an_equal_impostor),
        cmocka_unit_test(the_equal_error_rate_is_where_both_errors_meet),
        cmocka_unit_test(tar_counts_the_genuine_pairs_above_the_impostor_of_that_rank),
        cmocka_unit_test(a_far_below_one_pair_is_not_measured),
        cmocka_unit_test(weights_of_one_change_nothing),
        cmocka_unit_test(a_person_not_drawn_takes_all_pairs_along),
        cmocka_unit_test(a_fold_is_judged_by_the_threshold_of_the_others),
        cmocka_unit_test(balanced_accuracy_weighs_both_classes_alike),
        cmocka_unit_test(balanced_accuracy_is_not_known_where_a_fold_lacks_a_class),
        cmocka_unit_test(pairs_across_folds_do_not_count_for_accuracy),
        cmocka_unit_test(a_score_at_the_threshold_is_accepted),
        cmocka_unit_test(a_pair_of_two_needs_both_people_drawn),
        cmocka_unit_test(verification_brings_everything),
        cmocka_unit_test(verification_wants_both_kinds_of_pairs),
        cmocka_unit_test(the_spread_is_mean_and_quantiles),
        cmocka_unit_test(random_numbers_are_those_of_the_paper),
        cmocka_unit_test(a_shuffle_keeps_every_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
