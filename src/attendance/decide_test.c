/* The decision, rule by rule: one row a case. */
#include "attendance/decide.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct decide_thresholds thresholds = {.roster = .5, .gallery = .7, .margin = .03};

static struct decide_candidate candidate(const char *who, double score, bool on_roster)
{
    struct decide_candidate c = {.score = score, .on_roster = on_roster};
    snprintf(c.student.text, sizeof c.student.text, "%s", who);
    return c;
}

/* A good face whose best student is `who`; the second is somebody who is nowhere else, or nobody
 * for -1. An empty gallery for "". */
static struct decide_face face(const char *who, double score, double second, bool on_roster)
{
    struct decide_face f = {.usable = true, .alive = true};
    if (who[0])
        f.best[f.n++] = candidate(who, score, on_roster);
    if (who[0] && !(second <= -1))
        f.best[f.n++] = candidate("somebody", second, true);
    return f;
}

/* A face that could be two. */
static struct decide_face either(const char *a, double score_a, const char *b, double score_b)
{
    return (struct decide_face){.usable = true,
                                .alive = true,
                                .n = 2,
                                .best = {candidate(a, score_a, true), candidate(b, score_b, true)}};
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
        {"rising scores", face("a", .6, .9, true), FACE_STATUS_UNKNOWN, .5},
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
    const struct decide_thresholds odd[] = {
        {NAN, .7, .03}, {.5, NAN, .03}, {.5, .7, NAN}, {.5, .7, NAN}};
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct decide_face f = face("a", .9, i == 3 ? -1 : .1, i != 1);
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
        {"a visitor below the gallery's threshold",
         2,
         {face("b", .69, 0, 0), face("b", .71, 0, 0)},
         {NOBODY, VISITOR}},
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
    cases[4].faces[0].alive = false;
    cases[5].faces[0].usable = false;
    check_crowds(cases, ARRAY_LEN(cases));
}

static void a_look_alike_who_is_elsewhere_in_the_frame_is_not_this_face(void **state)
{
    (void)state;
    struct crowd cases[] = {
        {"the other is here: the second best",
         2,
         {either("a", .72, "b", .70), face("a", .9, 0, 1)},
         {CONFIRM, CONFIRM}},
        {"the other is here: the best",
         2,
         {either("b", .72, "a", .70), face("a", .9, 0, 1)},
         {CONFIRM, CONFIRM}},
        {"nobody else is here", 1, {either("a", .72, "b", .70)}, {NOBODY}},
        {"the other face is not nearer by the margin",
         2,
         {either("a", .72, "b", .70), face("a", .74, 0, 1)},
         {NOBODY, CONFIRM}},
        {"the second best is below the threshold",
         2,
         {either("a", .51, "b", .49), face("a", .9, 0, 1)},
         {NOBODY, CONFIRM}},
        {"the face knows what it is: a picture of somebody who is here",
         2,
         {either("a", .8, "b", .70), face("a", .9, 0, 1)},
         {NOBODY, CONFIRM}},
        {"both are here",
         3,
         {either("a", .72, "b", .70), face("a", .9, 0, 1), face("b", .9, 0, 1)},
         {NOBODY, CONFIRM, CONFIRM}},
        {"twins, each nearer to itself",
         2,
         {either("a", .72, "b", .70), either("b", .72, "a", .70)},
         {NOBODY, NOBODY}},
        {"one settles the next",
         3,
         {either("b", .66, "c", .65), either("a", .72, "b", .70), face("a", .9, 0, 1)},
         {CONFIRM, CONFIRM, CONFIRM}},
        {"who is settled by others meets a better claim",
         3,
         {either("a", .72, "b", .70), face("a", .9, 0, 1), face("b", .71, 0, 1)},
         {NOBODY, CONFIRM, CONFIRM}},
        {"a face that is not alive settles nothing",
         2,
         {either("a", .72, "b", .70), face("a", .9, 0, 1)},
         {NOBODY, FACE_STATUS_SPOOF}},
        {"a face that is not compared is not settled",
         2,
         {either("a", .72, "b", .70), face("a", .9, 0, 1)},
         {FACE_STATUS_LOW_QUALITY, CONFIRM}},
        {"a visitor counts by the gallery's threshold",
         2,
         {either("a", .69, "b", .68), face("a", .9, 0, 1)},
         {NOBODY, CONFIRM}},
    };
    cases[10].faces[1].alive = false;
    cases[11].faces[0].usable = false;
    cases[12].faces[0].best[1].on_roster = false;
    check_crowds(cases, ARRAY_LEN(cases));
}

static void a_third_student_within_the_margin_keeps_it_unknown(void **state)
{
    (void)state;
    struct decide_face faces[2] = {either("a", .72, "b", .70), face("a", .9, 0, 1)};
    struct decide_result r[2];
    faces[0].best[faces[0].n++] = candidate("c", .66, true);
    decide_frame(faces, 2, &thresholds, r);
    assert_int_equal(r[0].status, CONFIRM);
    assert_int_equal(r[0].candidate, 1);
    assert_float_equal(r[0].margin, .04, 1e-9); /* a does not count */
    assert_true(isinf(r[1].margin) == 0 && r[1].candidate == 0);
    faces[0].best[2].score = .69;
    decide_frame(faces, 2, &thresholds, r);
    assert_int_equal(r[0].status, NOBODY);
}

static void a_look_alike_needs_a_larger_margin(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        double extra, second;
        enum face_status want;
    } cases[] = {
        {"far enough", .07, .799, CONFIRM},
        {"far enough for others only", .07, .81, NOBODY},
        {"no look-alike", 0, .81, CONFIRM},
        {"broken", NAN, .1, NOBODY},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct decide_face f = face("a", .9, cases[i].second, true);
        struct decide_result r;
        f.best[0].margin_extra = cases[i].extra;
        decide_frame(&f, 1, &thresholds, &r);
        if (r.status != cases[i].want)
            fail_msg("%s: %s", cases[i].why, face_status_name(r.status));
    }
}

static void a_look_alike_must_be_elsewhere_by_the_larger_margin(void **state)
{
    (void)state;
    struct decide_face faces[2] = {either("a", .72, "b", .70), face("a", .80, 0, 1)};
    struct decide_result r[2];
    faces[0].best[0].margin_extra = .07;
    faces[1].best[0].margin_extra = .07;
    decide_frame(faces, 2, &thresholds, r);
    assert_int_equal(r[0].status, NOBODY); /* .80 - .72 < .10 */
    faces[1].best[0].score = .83;
    decide_frame(faces, 2, &thresholds, r);
    assert_int_equal(r[0].status, CONFIRM);
    assert_int_equal(r[0].candidate, 1);
}

/* ---- every frame of three faces and three students whose scores are on a grid */

enum { GRID_FACES = 3, GRID_STUDENTS = 3, GRID_LEVELS = 5 };

static const double grid[GRID_LEVELS] = {.40, .62, .64, .70, .90};

static void grid_face(int code, struct decide_face *f)
{
    *f = (struct decide_face){.usable = true, .alive = true};
    for (int s = 0; s < GRID_STUDENTS; s++, code /= GRID_LEVELS) {
        struct decide_candidate c =
            candidate((const char[]){(char)('a' + s), 0}, grid[code % GRID_LEVELS], s < 2);
        int at = f->n++;
        for (; at > 0 && f->best[at - 1].score < c.score; at--)
            f->best[at] = f->best[at - 1];
        f->best[at] = c;
    }
}

/* What a face is when it is alone. */
static struct decide_result alone(const struct decide_face *f)
{
    struct decide_result r;
    decide_frame(f, 1, &thresholds, &r);
    return r;
}

/* Face j holds candidate c's student, nearer by the margin. */
static bool nearer(const struct decide_face *faces, const struct decide_result *r, int j,
                   const struct decide_candidate *c)
{
    const struct decide_candidate *held = &faces[j].best[r[j].candidate];
    return r[j].names_student && strcmp(held->student.text, c->student.text) == 0 &&
           held->score - c->score >= thresholds.margin;
}

/* Every student within the margin of the name, before it or after, is clearly another face. */
static bool others_excused(const struct decide_face *faces, const struct decide_result *r, int i)
{
    const struct decide_face *f = &faces[i];
    const struct decide_candidate *name = &f->best[r[i].candidate];
    for (int k = 0; k < f->n; k++) {
        bool excused = k == r[i].candidate || name->score - f->best[k].score >= thresholds.margin;
        for (int j = 0; j < GRID_FACES && !excused; j++)
            excused = j != i && nearer(faces, r, j, &f->best[k]);
        if (!excused)
            return false;
    }
    return f->best[0].score - name->score < thresholds.margin;
}

/* A face keeps the name that it has alone unless a better face has it. */
static bool keeps_own(const struct decide_face *faces, const struct decide_result *r, int i)
{
    struct decide_result own = alone(&faces[i]);
    if (!own.names_student || (r[i].names_student && r[i].candidate == 0))
        return true;
    for (int j = 0; j < GRID_FACES; j++) {
        const struct decide_candidate *held = &faces[j].best[r[j].candidate];
        if (j != i && r[j].names_student &&
            strcmp(held->student.text, faces[i].best[0].student.text) == 0)
            return !r[i].names_student && held->score >= faces[i].best[0].score;
    }
    return false;
}

static bool grid_frame_holds(const struct decide_face *faces)
{
    struct decide_result r[GRID_FACES];
    decide_frame(faces, GRID_FACES, &thresholds, r);
    for (int i = 0; i < GRID_FACES; i++) {
        const struct decide_candidate *c = &faces[i].best[r[i].candidate];
        if (!keeps_own(faces, r, i))
            return false;
        if (!r[i].names_student)
            continue;
        if (c->score < (c->on_roster ? thresholds.roster : thresholds.gallery) ||
            !others_excused(faces, r, i))
            return false;
        for (int j = 0; j < i; j++)
            if (r[j].names_student &&
                strcmp(faces[j].best[r[j].candidate].student.text, c->student.text) == 0)
                return false;
    }
    return true;
}

static void no_frame_of_the_grid_breaks_the_rules(void **state)
{
    (void)state;
    enum { CODES = GRID_LEVELS * GRID_LEVELS * GRID_LEVELS };
    static struct decide_face all[CODES];
    int settled = 0;
    for (int c = 0; c < CODES; c++)
        grid_face(c, &all[c]);
    for (int a = 0; a < CODES; a++) {
        for (int b = 0; b < CODES; b++) {
            for (int c = b; c < CODES; c++) {
                const struct decide_face faces[GRID_FACES] = {all[a], all[b], all[c]};
                struct decide_result r[GRID_FACES];
                if (!grid_frame_holds(faces))
                    fail_msg("faces %d, %d, %d", a, b, c);
                decide_frame(faces, GRID_FACES, &thresholds, r);
                settled += r[0].names_student && !alone(&faces[0]).names_student;
            }
        }
    }
    assert_true(settled > 1000); /* else the grid would show nothing */
}

/* Different scores, so that no tie is decided by place. */
static void the_order_of_the_faces_decides_nothing(void **state)
{
    (void)state;
    enum { FACES = 5, ROUNDS = 4000 };
    uint64_t seed = 7;
    int settled = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct decide_face faces[FACES] = {{0}}, turned[FACES];
        struct decide_result r[FACES], t[FACES];
        for (int i = 0; i < FACES; i++) {
            faces[i] = (struct decide_face){.usable = true, .alive = true};
            for (int k = 0; k < DECIDE_CANDIDATES; k++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                const char who[] = {(char)('a' + ((seed >> 60) + (uint64_t)k) % 4), 0};
                double below = k ? faces[i].best[k - 1].score : .95;
                bool again = false;
                for (int j = 0; j < k; j++)
                    again = again || faces[i].best[j].student.text[0] == who[0];
                if (again)
                    break;
                faces[i].best[faces[i].n++] = candidate(
                    who, below - (double)(seed >> 40 & 0xFFFF) / 65536 * (k ? .05 : .4), true);
            }
        }
        decide_frame(faces, FACES, &thresholds, r);
        for (int i = 0; i < FACES; i++)
            turned[i] = faces[(i + 1 + round % (FACES - 1)) % FACES];
        decide_frame(turned, FACES, &thresholds, t);
        for (int i = 0; i < FACES; i++) {
            int from = (i + 1 + round % (FACES - 1)) % FACES;
            assert_int_equal(t[i].status, r[from].status);
            assert_int_equal(t[i].candidate, r[from].candidate);
            settled += r[i].names_student && !alone(&faces[i]).names_student;
        }
    }
    assert_true(settled > 50);
}

static void the_words_of_the_api_are_stable(void **state)
{
    (void)state;
    static const char *const faces[] = {"present", "already_present", "confirming", "not_enrolled",
                                        "unknown", "spoof",           "low_quality"};
    assert_int_equal(ARRAY_LEN(faces), FACE_STATUS_N);
    for (int i = 0; i < FACE_STATUS_N; i++)
        assert_string_equal(face_status_name((enum face_status)i), faces[i]);
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
        cmocka_unit_test(a_look_alike_who_is_elsewhere_in_the_frame_is_not_this_face),
        cmocka_unit_test(a_third_student_within_the_margin_keeps_it_unknown),
        cmocka_unit_test(a_look_alike_needs_a_larger_margin),
        cmocka_unit_test(a_look_alike_must_be_elsewhere_by_the_larger_margin),
        cmocka_unit_test(no_frame_of_the_grid_breaks_the_rules),
        cmocka_unit_test(the_order_of_the_faces_decides_nothing),
        cmocka_unit_test(the_words_of_the_api_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
