/* Calibrations: text and back, and which table a threshold comes from. */
#include "attendance/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FACENET "facenet128", "rot115x105w"

static struct calibration site(void)
{
    return (struct calibration){
        .version = "site-2026-11-22T19:26:31Z",
        .people = 312,
        .hub_helps = true,
        .kinds = {[SCORE_COSINE] = {true, {-1.25, .5, -9.123456, 2e-6}, 123456789012},
                  [SCORE_HUB] = {true, {-1.8, -5, -13, 7e-6}, 5}}};
}

static void what_is_printed_is_read_again(void **state)
{
    (void)state;
    char text[CALIBRATION_TEXT];
    struct calibration c = site(), got;
    calibration_print(&c, text);
    assert_int_equal(calibration_parse(str_from(text), &got, NULL), ERR_OK);
    assert_string_equal(got.version, c.version);
    assert_int_equal(got.people, 312);
    assert_true(got.hub_helps);
    for (int k = 0; k < SCORE_KIND_N; k++) {
        assert_true(got.kinds[k].has);
        assert_float_equal(got.kinds[k].curve.c0, c.kinds[k].curve.c0, 1e-9);
        assert_float_equal(got.kinds[k].curve.c1, c.kinds[k].curve.c1, 1e-9);
        assert_float_equal(got.kinds[k].curve.c2, c.kinds[k].curve.c2, 1e-9);
        assert_int_equal(got.kinds[k].comparisons, c.kinds[k].comparisons);
    }
}

static void no_text_is_no_calibration(void **state)
{
    (void)state;
    struct calibration c = site();
    assert_int_equal(calibration_parse(STR(""), &c, NULL), ERR_OK);
    assert_string_equal(calibration_version(&c, SCORE_COSINE), fmr_tables_version);
}

static void broken_text_is_an_error(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "2 v 3 1 1 1 1 -1 1 1 0 0 0 0 0 0",
        "1",
        "1 v",
        "1 v x 1 1 1 1 -1 1 1 0 0 0 0 0 0",
        "1 v 3 1 1 1 1 -1 1 1 0 0 0 0 0",
        "1 v 3 nan 1 1 1 -1 1 1 0 0 0 0 0 0",
        "1 v 3 1 1 1 1 1 1 1 0 0 0 0 0 0",
        "1 v 3 1 1 inf 1 -1 1 1 0 0 0 0 0 0",
        "1  3 1 1 1 1 -1 1 1 0 0 0 0 0 0",
        "words",
        "1 0123456789012345678901234567890123456789 3 1 1 1 1 -1 1 1 0 0 0 0 0 0"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct calibration c = site();
        if (calibration_parse(str_from(texts[i]), &c, NULL) != ERR_CORRUPT)
            fail_msg("%s", texts[i]);
        assert_int_equal(c.people, 312); /* untouched */
    }
    struct calibration odd;
    assert_int_equal(calibration_parse(STR("1 v 1e10 0 0 1 1 1 1 -4 0 0 0 0 0 1"), &odd, NULL),
                     ERR_OK);
    assert_int_equal(odd.people, 0);
    assert_int_equal(calibration_parse(STR("1 v -3 0 0 1 1 1 1 -4 0 0 0 0 0 1e30"), &odd, NULL),
                     ERR_OK);
    assert_int_equal(odd.people, 0);
    assert_int_equal(odd.kinds[SCORE_COSINE].comparisons, 0);
}

static void kinds_of_scores_never_share_a_table(void **state)
{
    (void)state;
    struct calibration c = site();
    double cosine = calibration_threshold(&c, FACENET, SCORE_COSINE, 30, 30);
    double hub = calibration_threshold(&c, FACENET, SCORE_HUB, 30, 30);
    double shipped_cosine = calibration_threshold(NULL, FACENET, SCORE_COSINE, 30, 30);
    double shipped_hub = calibration_threshold(NULL, FACENET, SCORE_HUB, 30, 30);
    assert_true(cosine > hub + .2 && shipped_cosine > shipped_hub + .2);
    assert_true(cosine != shipped_cosine && hub != shipped_hub);
    c.kinds[SCORE_HUB].has = false;
    assert_float_equal(calibration_threshold(&c, FACENET, SCORE_HUB, 30, 30), shipped_hub, 0);
    assert_float_equal(calibration_threshold(&c, FACENET, SCORE_COSINE, 30, 30), cosine, 0);
    assert_string_equal(calibration_version(&c, SCORE_HUB), fmr_tables_version);
    assert_string_equal(calibration_version(&c, SCORE_COSINE), c.version);
    c.version[0] = 0;
    assert_float_equal(calibration_threshold(&c, FACENET, SCORE_COSINE, 30, 30), shipped_cosine, 0);
}

static void a_moved_curve_moves_its_thresholds(void **state)
{
    (void)state;
    struct calibration c = site(), moved = site();
    calibration_move(&moved.kinds[SCORE_COSINE], .02);
    for (int64_t n = 1; n < 1000; n *= 3)
        assert_true(fabs(calibration_threshold(&moved, FACENET, SCORE_COSINE, 30, n) - .02 -
                         calibration_threshold(&c, FACENET, SCORE_COSINE, 30, n)) < 1e-9);
    assert_float_equal(calibration_threshold(&moved, FACENET, SCORE_HUB, 30, 30),
                       calibration_threshold(&c, FACENET, SCORE_HUB, 30, 30), 0);
}

static void shipped_thresholds_are_the_higher_of_both_photo_counts(void **state)
{
    (void)state;
    for (int k = 0; k < SCORE_KIND_N; k++) {
        double one = threshold_score(fmr_table_find(FACENET, (enum score_kind)k, 1), 30, 100);
        double many = threshold_score(fmr_table_find(FACENET, (enum score_kind)k, 3), 30, 100);
        assert_float_equal(calibration_threshold(NULL, FACENET, (enum score_kind)k, 30, 100),
                           fmax(one, many), 0);
    }
}

static void an_encoder_of_ones_own_needs_a_calibration(void **state)
{
    (void)state;
    struct calibration c = site();
    assert_false(calibration_covers(NULL, "mine", "points5", SCORE_COSINE));
    assert_true(isinf(calibration_threshold(NULL, "mine", "points5", SCORE_COSINE, 30, 10)));
    assert_true(calibration_covers(&c, "mine", "points5", SCORE_COSINE));
    assert_true(calibration_threshold(&c, "mine", "points5", SCORE_COSINE, 30, 10) < 1);
    assert_true(calibration_covers(NULL, FACENET, SCORE_COSINE));
}

static void every_shipped_pair_has_all_four_tables(void **state)
{
    (void)state;
    for (int i = 0; i < fmr_tables_n; i++) {
        const struct fmr_table *t = &fmr_tables[i];
        for (int k = 0; k < SCORE_KIND_N; k++) {
            enum score_kind kind = (enum score_kind)k;
            assert_true(calibration_covers(NULL, t->encoder, t->preprocessing, kind));
            assert_non_null(fmr_table_find(t->encoder, t->preprocessing, kind, 1));
            assert_non_null(fmr_table_find(t->encoder, t->preprocessing, kind, 3));
        }
        for (int64_t n = 2; n < 2000; n *= 2) {
            assert_true(threshold_score(t, 30, n) > threshold_score(t, 30, n / 2) ||
                        threshold_score(t, 30, n) == threshold_score(t, 30, 3000));
            assert_true(threshold_score(t, 30, n) < 1);
        }
    }
}

static void settings_are_named_after_what_they_are_for(void **state)
{
    (void)state;
    char name[CALIBRATION_NAME];
    calibration_setting(FACENET, name);
    assert_string_equal(name, "calibration:facenet128:rot115x105w");
    assert_string_equal(score_kind_name(SCORE_COSINE), "cosine");
    assert_string_equal(score_kind_name(SCORE_HUB), "hub");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read_again),
        cmocka_unit_test(no_text_is_no_calibration),
        cmocka_unit_test(broken_text_is_an_error),
        cmocka_unit_test(kinds_of_scores_never_share_a_table),
        cmocka_unit_test(a_moved_curve_moves_its_thresholds),
        cmocka_unit_test(shipped_thresholds_are_the_higher_of_both_photo_counts),
        cmocka_unit_test(an_encoder_of_ones_own_needs_a_calibration),
        cmocka_unit_test(every_shipped_pair_has_all_four_tables),
        cmocka_unit_test(settings_are_named_after_what_they_are_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
