/* Thresholds: the tables give the scores that were measured, and odd questions get safe answers. */
#include "attendance/threshold.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_near(got, want, within) assert_true(fabs((got) - (want)) <= (within))

#define FACENET "facenet128"
#define YUNET_CROP "rot115x105w"
#define RETINA_CROP "rot115x097w-retinaface"
#define MTCNN_CROP "rot120x097w-mtcnn"

static const int people[] = {10, 30, 50, 100, 300, 600};
static const double budgets[] = {100, 30, 10}; /* per 10,000: FPIR 1, .3 and .1 % */

/* The scores that were measured, and how near the fitted curve comes to them: `within` where false
 * matches were plenty, `tail_within` below a rate of 1e-5, where the curve is extrapolated (for
 * facenet128 on the safe side: it asks for more). */
static const struct row {
    const char *encoder, *preprocessing;
    int photos;
    double within, tail_within;
    double scores[6][3];
} rows[] = {
    {FACENET,
     YUNET_CROP,
     3,
     .005,
     .016,
     {{.501, .560, .610},
      {.554, .609, .652},
      {.577, .629, .671},
      {.607, .655, .693},
      {.648, .692, .722},
      {.671, .711, .736}}},
    {"omz0095",
     "points5",
     3,
     .009,
     .009,
     {{.351, .400, .444},
      {.396, .443, .485},
      {.415, .464, .501},
      {.442, .488, .518},
      {.483, .517, .549},
      {.503, .536, .575}}},
    {FACENET,
     RETINA_CROP,
     3,
     .005,
     .005,
     {{.502, .559, .605},
      {.554, .605, .647},
      {.576, .625, .666},
      {.605, .651, .690},
      {.647, .690, .727},
      {.672, .714, .749}}},
    {FACENET,
     RETINA_CROP,
     1,
     .005,
     .005,
     {{.488, .542, .587},
      {.538, .587, .628},
      {.559, .606, .647},
      {.587, .632, .671},
      {.628, .671, .707},
      {.653, .694, .729}}},
    {FACENET,
     MTCNN_CROP,
     3,
     .005,
     .005,
     {{.507, .563, .610},
      {.559, .610, .653},
      {.581, .631, .673},
      {.610, .657, .698},
      {.653, .698, .736},
      {.679, .722, .759}}},
    {FACENET,
     MTCNN_CROP,
     1,
     .005,
     .005,
     {{.495, .549, .593},
      {.544, .593, .634},
      {.566, .612, .652},
      {.593, .638, .675},
      {.634, .675, .711},
      {.658, .698, .732}}},
};

static const struct fmr_table *table(const char *encoder, const char *preprocessing, int photos)
{
    const struct fmr_table *t = fmr_table_find(encoder, preprocessing, SCORE_COSINE, photos);
    assert_non_null(t);
    return t;
}

static void the_tables_reproduce_the_measured_thresholds(void **state)
{
    (void)state;
    int bad = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct fmr_table *t = table(rows[i].encoder, rows[i].preprocessing, rows[i].photos);
        for (size_t p = 0; p < ARRAY_LEN(people); p++)
            for (size_t b = 0; b < ARRAY_LEN(budgets); b++) {
                double score = threshold_score(t, budgets[b], people[p]);
                bool tail = budgets[b] / 10000 / people[p] < 1e-5;
                if (fabs(score - rows[i].scores[p][b]) <=
                    (tail ? rows[i].tail_within : rows[i].within))
                    continue;
                print_error("%s %s %d photos, N=%d, budget %g: %.4f, measured %.3f\n",
                            rows[i].encoder, rows[i].preprocessing, rows[i].photos, people[p],
                            budgets[b], score, rows[i].scores[p][b]);
                bad++;
            }
    }
    assert_int_equal(bad, 0);
}

static void the_score_has_the_false_match_rate_asked_for(void **state)
{
    (void)state;
    const struct fmr_table *t = table(FACENET, YUNET_CROP, 1);
    double s = threshold_score(t, 30, 300);
    assert_near(t->c0 + t->c1 * s + t->c2 * s * s, log10(30.0 / 10000 / 300), 1e-9);
}

static void a_smaller_budget_and_more_people_need_a_higher_score(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct fmr_table *t = table(rows[i].encoder, rows[i].preprocessing, rows[i].photos);
        double before = 0;
        for (int64_t n = 2; n <= 1000; n *= 2) {
            double score = threshold_score(t, 30, n);
            assert_true(score > before && score < 1);
            assert_true(threshold_score(t, 10, n) > score);
            before = score;
        }
    }
}

static void photo_counts_choose_the_nearest_safe_table(void **state)
{
    (void)state;
    for (int photos = -1; photos <= 2; photos++)
        assert_int_equal(table(FACENET, YUNET_CROP, photos)->photos, 1);
    assert_int_equal(table(FACENET, YUNET_CROP, 3)->photos, 3);
    assert_int_equal(table(FACENET, YUNET_CROP, 50)->photos, 3);
}

static void what_was_not_measured_has_no_table(void **state)
{
    (void)state;
    assert_null(fmr_table_find("sface", YUNET_CROP, SCORE_COSINE, 1));
    assert_null(fmr_table_find(FACENET, "rot100x100", SCORE_COSINE, 1));
    assert_null(fmr_table_find("omz0095", YUNET_CROP, SCORE_COSINE, 3));
}

static void beyond_the_table_its_nearest_end_counts(void **state)
{
    (void)state;
    const struct fmr_table *t = table(FACENET, YUNET_CROP, 3);
    double low = threshold_score(t, 100, 1), high = threshold_score(t, 1, 100);
    assert_near(threshold_score(t, 10000, 1), low, 0);
    assert_near(threshold_score(t, INFINITY, 1), low, 0);
    assert_near(threshold_score(t, 1, INT64_MAX), high, 0);
    assert_true(low > 0 && low < high && high < 1);
}

static void nobody_counts_as_one_person(void **state)
{
    (void)state;
    const struct fmr_table *t = table(FACENET, YUNET_CROP, 3);
    double one = threshold_score(t, 30, 1);
    assert_near(threshold_score(t, 30, 0), one, 0);
    assert_near(threshold_score(t, 30, -5), one, 0);
}

static void a_budget_that_is_no_number_asks_for_the_highest_score(void **state)
{
    (void)state;
    const struct fmr_table *t = table(FACENET, YUNET_CROP, 3);
    double highest = threshold_score(t, 1, INT64_MAX);
    static const double odd[] = {0, -1, NAN, -INFINITY};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        assert_near(threshold_score(t, odd[i], 10), highest, 0);
}

static void any_curve_gives_a_score_from_zero_to_one(void **state)
{
    (void)state;
    const struct fmr_table steep = {.c0 = -5, .c2 = -10}, flat = {.c0 = 0, .c2 = -.1};
    assert_near(threshold_score(&steep, 100, 1), 0, 0); /* no real root */
    assert_near(threshold_score(&flat, 100, 100), 1, 0);
}

static void galleries_of_both_kinds_of_template_need_the_higher_score(void **state)
{
    (void)state;
    for (int n = 10; n <= 600; n *= 2) {
        double one = threshold_score(table(FACENET, YUNET_CROP, 1), 30, n);
        double many = threshold_score(table(FACENET, YUNET_CROP, 3), 30, n);
        assert_near(threshold_highest(FACENET, YUNET_CROP, 30, n), fmax(one, many), 0);
    }
    assert_near(threshold_highest("sface", YUNET_CROP, 30, 10), 1, 0);
}

static void the_words_of_the_kinds_are_stable(void **state)
{
    (void)state;
    assert_string_equal(score_kind_name(SCORE_COSINE), "cosine");
    assert_string_equal(score_kind_name(SCORE_HUB), "hub");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tables_reproduce_the_measured_thresholds),
        cmocka_unit_test(the_score_has_the_false_match_rate_asked_for),
        cmocka_unit_test(a_smaller_budget_and_more_people_need_a_higher_score),
        cmocka_unit_test(photo_counts_choose_the_nearest_safe_table),
        cmocka_unit_test(what_was_not_measured_has_no_table),
        cmocka_unit_test(beyond_the_table_its_nearest_end_counts),
        cmocka_unit_test(nobody_counts_as_one_person),
        cmocka_unit_test(a_budget_that_is_no_number_asks_for_the_highest_score),
        cmocka_unit_test(galleries_of_both_kinds_of_template_need_the_higher_score),
        cmocka_unit_test(the_words_of_the_kinds_are_stable),
        cmocka_unit_test(any_curve_gives_a_score_from_zero_to_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
