/* The decision, rule by rule: one row a case. */
#include "attendance/decide.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct decide_thresholds thresholds = {.roster = .5, .gallery = .7, .margin = .03};

/* A good face whose best student is `who`. */
static struct decide_face face(const char *who, double score, double second, bool on_roster)
{
    struct decide_face f = {
        .usable = true, .alive = true, .score = score, .second = second, .on_roster = on_roster};
    snprintf(f.student.text, sizeof f.student.text, "%s", who);
    return f;
}

struct single {
    const char *why;
    struct decide_face face;
    enum face_status status;
    double threshold;
};

static void check_singles(const struct single *cases, size_t n)
{
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        struct decide_result r = {.threshold = 9};
        decide_frame(&cases[i].face, 1, &thresholds, &r);
        bool named = cases[i].status == FACE_STATUS_CONFIRMING ||
                     cases[i].status == FACE_STATUS_NOT_ENROLLED;
        if (r.status == cases[i].status && r.threshold == cases[i].threshold &&
            r.names_student == named)
            continue;
        print_error("%s: %s, threshold %g, named %d\n", cases[i].why, face_status_name(r.status),
                    r.threshold, r.names_student);
        bad++;
    }
    assert_int_equal(bad, 0);
}

static void the_best_of_the_whole_gallery_decides(void **state)
{
    (void)state;
    const struct single cases[] = {
        {"roster, above", face("a", .6, .1, true), FACE_STATUS_CONFIRMING, .5},
        {"roster, exactly", face("a", .5, .1, true), FACE_STATUS_CONFIRMING, .5},
        {"roster, below", face("a", .499, .1, true), FACE_STATUS_UNKNOWN, .5},
        {"roster, alone in the gallery", face("a", .6, -1, true), FACE_STATUS_CONFIRMING, .5},
        {"visitor, above", face("b", .8, .1, false), FACE_STATUS_NOT_ENROLLED, .7},
        {"visitor, exactly", face("b", .7, .1, false), FACE_STATUS_NOT_ENROLLED, .7},
        {"visitor, between", face("b", .6, .1, false), FACE_STATUS_UNKNOWN, .7},
        {"visitor, below both", face("b", .2, .1, false), FACE_STATUS_UNKNOWN, .7},
        {"empty gallery", face("", -1, -1, false), FACE_STATUS_UNKNOWN, 0},
        {"no student, whatever else", face("", 1, -1, true), FACE_STATUS_UNKNOWN, 0},
    };
    check_singles(cases, ARRAY_LEN(cases));
}

static void a_look_alike_within_the_margin_makes_it_unknown(void **state)
{
    (void)state;
    const struct single cases[] = {
        {"roster, too near", face("a", .9, .88, true), FACE_STATUS_UNKNOWN, .5},
        {"roster, the same", face("a", .9, .9, true), FACE_STATUS_UNKNOWN, .5},
        {"roster, far enough", face("a", .9, .86, true), FACE_STATUS_CONFIRMING, .5},
        {"visitor, too near", face("b", .9, .88, false), FACE_STATUS_UNKNOWN, .7},
        {"visitor, far enough", face("b", .9, .86, false), FACE_STATUS_NOT_ENROLLED, .7},
    };
    check_singles(cases, ARRAY_LEN(cases));
}

static void a_margin_of_zero_asks_for_nothing(void **state)
{
    (void)state;
    struct decide_thresholds t = {.roster = .5, .gallery = .7};
    struct decide_face f = face("a", .9, .9, true);
    struct decide_result r;
    decide_frame(&f, 1, &t, &r);
    assert_int_equal(r.status, FACE_STATUS_CONFIRMING);
}

static void scores_that_are_no_numbers_never_match(void **state)
{
    (void)state;
    const struct single cases[] = {
        {"nan, roster", face("a", NAN, .1, true), FACE_STATUS_UNKNOWN, .5},
        {"nan, visitor", face("b", NAN, .1, false), FACE_STATUS_UNKNOWN, .7},
        {"second nan", face("a", .9, NAN, true), FACE_STATUS_UNKNOWN, .5},
        {"second infinite", face("a", .9, INFINITY, true), FACE_STATUS_UNKNOWN, .5},
        {"infinite", face("a", INFINITY, .1, true), FACE_STATUS_UNKNOWN, .5},
        {"minus infinite", face("a", -INFINITY, .1, true), FACE_STATUS_UNKNOWN, .5},
        {"both nan", face("a", NAN, NAN, true), FACE_STATUS_UNKNOWN, .5},
    };
    check_singles(cases, ARRAY_LEN(cases));
}

static void thresholds_that_are_no_numbers_match_nobody(void **state)
{
    (void)state;
    const struct decide_thresholds odd[] = {{NAN, .7, .03}, {.5, NAN, .03}, {.5, .7, NAN}};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct decide_face f = face("a", .9, .1, i != 1);
        struct decide_result r;
        decide_frame(&f, 1, &odd[i], &r);
        assert_int_equal(r.status, FACE_STATUS_UNKNOWN);
        assert_false(r.names_student);
    }
}

static void a_face_not_compared_or_not_alive_is_nobody(void **state)
{
    (void)state;
    struct single cases[] = {
        {"bad picture", face("a", .9, .1, true), FACE_STATUS_LOW_QUALITY, 0},
        {"a photo of a student", face("a", .9, .1, true), FACE_STATUS_SPOOF, 0},
        {"a photo of a visitor", face("b", .9, .1, false), FACE_STATUS_SPOOF, 0},
        {"bad picture and not alive", face("a", .9, .1, true), FACE_STATUS_LOW_QUALITY, 0},
        {"not alive and nobody", face("", -1, -1, false), FACE_STATUS_SPOOF, 0},
    };
    cases[0].face.usable = false;
    cases[1].face.alive = cases[2].face.alive = false;
    cases[3].face.usable = cases[3].face.alive = false;
    cases[4].face.alive = false;
    check_singles(cases, ARRAY_LEN(cases));
}

enum { FACES_MAX = 4 };

struct crowd {
    const char *why;
    int n;
    struct decide_face faces[FACES_MAX];
    enum face_status want[FACES_MAX];
};

static void check_crowds(const struct crowd *cases, size_t n)
{
    int bad = 0;
    for (size_t i = 0; i < n; i++) {
        struct decide_result r[FACES_MAX];
        decide_frame(cases[i].faces, cases[i].n, &thresholds, r);
        for (int f = 0; f < cases[i].n; f++) {
            bool named = cases[i].want[f] == FACE_STATUS_CONFIRMING ||
                         cases[i].want[f] == FACE_STATUS_NOT_ENROLLED;
            if (r[f].status == cases[i].want[f] && r[f].names_student == named)
                continue;
            print_error("%s: face %d is %s\n", cases[i].why, f, face_status_name(r[f].status));
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

#define CONFIRM FACE_STATUS_CONFIRMING
#define VISITOR FACE_STATUS_NOT_ENROLLED
#define NOBODY FACE_STATUS_UNKNOWN

static void a_student_counts_once_in_a_frame(void **state)
{
    (void)state;
    const struct crowd cases[] = {
        {"the better second", 2, {face("a", .6, 0, 1), face("a", .7, 0, 1)}, {NOBODY, CONFIRM}},
        {"the better first", 2, {face("a", .7, 0, 1), face("a", .6, 0, 1)}, {CONFIRM, NOBODY}},
        {"a tie: the first", 2, {face("a", .7, 0, 1), face("a", .7, 0, 1)}, {CONFIRM, NOBODY}},
        {"rising scores",
         4,
         {face("a", .6, 0, 1), face("a", .7, 0, 1), face("a", .8, 0, 1), face("a", .9, 0, 1)},
         {NOBODY, NOBODY, NOBODY, CONFIRM}},
        {"falling scores",
         3,
         {face("a", .9, 0, 1), face("a", .8, 0, 1), face("a", .7, 0, 1)},
         {CONFIRM, NOBODY, NOBODY}},
        {"visitors too", 2, {face("b", .8, 0, 0), face("b", .9, 0, 0)}, {NOBODY, VISITOR}},
        {"different students",
         4,
         {face("a", .6, 0, 1), face("b", .9, 0, 0), face("c", .6, 0, 1), face("d", .2, 0, 1)},
         {CONFIRM, VISITOR, CONFIRM, NOBODY}},
    };
    check_crowds(cases, ARRAY_LEN(cases));
}

static void only_faces_that_match_compete_for_the_name(void **state)
{
    (void)state;
    struct crowd cases[] = {
        {"a poor match", 2, {face("a", .4, 0, 1), face("a", .6, 0, 1)}, {NOBODY, CONFIRM}},
        {"a better score without margin",
         2,
         {face("a", .9, .9, 1), face("a", .6, 0, 1)},
         {NOBODY, CONFIRM}},
        {"a broken score", 2, {face("a", NAN, 0, 1), face("a", .6, 0, 1)}, {NOBODY, CONFIRM}},
        {"a photo held up beside the student",
         2,
         {face("a", .9, 0, 1), face("a", .6, 0, 1)},
         {FACE_STATUS_SPOOF, CONFIRM}},
        {"a blurred one",
         2,
         {face("a", .9, 0, 1), face("a", .6, 0, 1)},
         {FACE_STATUS_LOW_QUALITY, CONFIRM}},
        {"two faces of nobody", 2, {face("", -1, -1, 0), face("", -1, -1, 0)}, {NOBODY, NOBODY}},
        {"no face at all", 0, {face("", 0, 0, 0)}, {NOBODY}},
    };
    cases[3].faces[0].alive = false;
    cases[4].faces[0].usable = false;
    check_crowds(cases, ARRAY_LEN(cases));
}

static void a_mark_is_late_after_the_minutes_allowed(void **state)
{
    (void)state;
    static const struct {
        usec_t late_after, seen;
        enum mark_status want;
    } cases[] = {
        {10 * USEC_PER_MIN, 0, MARK_PRESENT},
        {10 * USEC_PER_MIN, -5 * USEC_PER_MIN, MARK_PRESENT},
        {10 * USEC_PER_MIN, 10 * USEC_PER_MIN, MARK_PRESENT},
        {10 * USEC_PER_MIN, 10 * USEC_PER_MIN + 1, MARK_LATE},
        {0, USEC_PER_DAY, MARK_PRESENT},
        {-1, USEC_PER_DAY, MARK_PRESENT},
    };
    const usec_t start = 1800000000 * USEC_PER_SEC;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attendance_policy p = {.confirmations = 2, .late_after = cases[i].late_after};
        assert_int_equal(mark_status_at(&p, start, start + cases[i].seen), cases[i].want);
    }
}

static void the_words_of_the_api_are_stable(void **state)
{
    (void)state;
    static const char *const faces[] = {"present", "already_present", "confirming", "not_enrolled",
                                        "unknown", "spoof",           "low_quality"};
    static const char *const marks[] = {"present", "late", "left-early", "absent", "excused"};
    assert_int_equal(ARRAY_LEN(faces), FACE_STATUS_N);
    assert_int_equal(ARRAY_LEN(marks), MARK_STATUS_N);
    for (int i = 0; i < FACE_STATUS_N; i++)
        assert_string_equal(face_status_name((enum face_status)i), faces[i]);
    for (int i = 0; i < MARK_STATUS_N; i++)
        assert_string_equal(mark_status_name((enum mark_status)i), marks[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_the_whole_gallery_decides),
        cmocka_unit_test(a_look_alike_within_the_margin_makes_it_unknown),
        cmocka_unit_test(a_margin_of_zero_asks_for_nothing),
        cmocka_unit_test(scores_that_are_no_numbers_never_match),
        cmocka_unit_test(thresholds_that_are_no_numbers_match_nobody),
        cmocka_unit_test(a_face_not_compared_or_not_alive_is_nobody),
        cmocka_unit_test(a_student_counts_once_in_a_frame),
        cmocka_unit_test(only_faces_that_match_compete_for_the_name),
        cmocka_unit_test(a_mark_is_late_after_the_minutes_allowed),
        cmocka_unit_test(the_words_of_the_api_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
