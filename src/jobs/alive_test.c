/* Who is a spoof: the rules at the head of alive.c, on passes made by hand over the real bus. */
#include "jobs/pass.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { FACES_MAX = 2 };

static const struct bus_options bus_options = {
    .history_max = 10, .topics_max = 10, .cache_max_bytes = 1024 * 1024};

/* A picture's faces before the liveness rule, and one session's bus. */
struct world {
    struct jobs_env env;
    struct work_frame frame;
    struct decide_face faces[FACES_MAX];
    struct decide_result decided[FACES_MAX];
    struct pass_alive alive[FACES_MAX];
    struct vision_face seen[FACES_MAX];
    struct pass pass;
    int n_frames;
};

static int set_up(void **state)
{
    static struct world w;
    w = (struct world){.env = {.liveness = LIVENESS_ENFORCE,
                               .liveness_threshold = .7,
                               .liveness_window = 10 * USEC_PER_SEC}};
    snprintf(w.frame.session.text, ID_TEXT, "%s", "session");
    snprintf(w.frame.camera.text, ID_TEXT, "%s", "door");
    *state = &w;
    return bus_memory_open(&bus_options, NULL, NULL, &w.env.bus, NULL);
}

static int tear_down(void **state)
{
    bus_close(((struct world *)*state)->env.bus);
    return 0;
}

/* Face i resembles student "ann" by `score` and looks alive by `liveness`. */
static void face(struct world *w, int i, double score, double liveness)
{
    w->faces[i] = (struct decide_face){
        .usable = true, .alive = true, .n = 1, .best = {{.score = score, .on_roster = true}}};
    snprintf(w->faces[i].best[0].student.text, ID_TEXT, "%s", "ann");
    w->seen[i] = (struct vision_face){.liveness = (float)liveness};
}

/* Takes the first n faces through the rule, as a frame of second `at`; its number, to say it again,
 * or 0 for a new one. */
static int look(struct world *w, int n, double at, int again)
{
    int number = again ? again : ++w->n_frames;
    snprintf(w->frame.frame.text, ID_TEXT, "frame-%d", number);
    w->frame.captured_at = (usec_t)(at * USEC_PER_SEC) + USEC_PER_DAY;
    memset(w->alive, 0, sizeof w->alive);
    w->pass = (struct pass){.env = &w->env,
                            .f = &w->frame,
                            .thresholds = {.roster = .5, .gallery = .6},
                            .seen = {.faces = w->seen, .n = n},
                            .faces = w->faces,
                            .decided = w->decided,
                            .alive = w->alive};
    decide_frame(w->faces, n, &w->pass.thresholds, w->decided);
    assert_int_equal(pass_alive(&w->pass, NULL), ERR_OK);
    return number;
}

/* The status of a lone face of this liveness at second `at`. */
static enum face_status lone(struct world *w, double liveness, double at)
{
    face(w, 0, .8, liveness);
    look(w, 1, at, 0);
    return w->decided[0].status;
}

static void the_mean_of_the_sightings_decides(void **state)
{
    struct world *w = *state;
    assert_int_equal(lone(w, .95, 0), FACE_STATUS_CONFIRMING);
    assert_int_equal(lone(w, .55, 1), FACE_STATUS_CONFIRMING); /* one unlucky frame */
    assert_int_equal(lone(w, .2, 2), FACE_STATUS_SPOOF);       /* mean .567 */
    assert_false(w->decided[0].names_student);
    assert_int_equal(lone(w, .9, 3), FACE_STATUS_SPOOF); /* one lucky frame: .65 */
    assert_int_equal(w->alive[0].score.count, 4);
    assert_int_equal(lone(w, .95, 4), FACE_STATUS_CONFIRMING); /* .71 */
}

static void a_frame_counts_once(void **state)
{
    struct world *w = *state;
    face(w, 0, .8, .2);
    int number = look(w, 1, 0, 0);
    face(w, 0, .8, .2);
    look(w, 1, 0, number);
    assert_int_equal(w->alive[0].score.count, 1);
}

static void a_picture_shown_before_is_forgotten_after_the_window(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(lone(w, .1, i), FACE_STATUS_SPOOF);
    assert_int_equal(lone(w, .95, 5), FACE_STATUS_SPOOF);
    assert_int_equal(lone(w, .95, 15), FACE_STATUS_CONFIRMING);
}

static void a_picture_beside_its_student_is_the_spoof_and_does_no_harm(void **state)
{
    struct world *w = *state;
    for (int order = 0; order < 2; order++) {
        face(w, order, .9, .1); /* resembles the student even more */
        face(w, 1 - order, .7, .95);
        look(w, 2, order, 0);
        assert_int_equal(w->decided[order].status, FACE_STATUS_SPOOF);
        assert_int_equal(w->decided[1 - order].status, FACE_STATUS_CONFIRMING);
        assert_true(fabs(w->alive[1 - order].score.mean - .95) < 1e-6);
    }
}

static void two_pictures_of_a_student_are_both_spoofs(void **state)
{
    struct world *w = *state;
    face(w, 0, .9, .3);
    face(w, 1, .8, .2);
    look(w, 2, 0, 0);
    assert_int_equal(w->decided[0].status, FACE_STATUS_SPOOF);
    assert_int_equal(w->decided[1].status, FACE_STATUS_SPOOF);
}

static void another_camera_is_not_concerned(void **state)
{
    struct world *w = *state;
    assert_int_equal(lone(w, .1, 0), FACE_STATUS_SPOOF);
    snprintf(w->frame.camera.text, ID_TEXT, "%s", "window");
    assert_int_equal(lone(w, .95, 1), FACE_STATUS_CONFIRMING);
}

static void a_face_that_nobody_is_adds_to_nobody(void **state)
{
    struct world *w = *state;
    face(w, 0, .3, .1);
    look(w, 1, 0, 0);
    assert_int_equal(w->decided[0].status, FACE_STATUS_UNKNOWN);
    assert_false(w->alive[0].judged);
    assert_int_equal(lone(w, .8, 1), FACE_STATUS_CONFIRMING);
    assert_int_equal(w->alive[0].score.count, 1);
}

static void a_face_not_measured_never_passes(void **state)
{
    assert_int_equal(lone(*state, NAN, 0), FACE_STATUS_SPOOF);
}

static void report_tells_and_lets_pass(void **state)
{
    struct world *w = *state;
    w->env.liveness = LIVENESS_REPORT;
    assert_int_equal(lone(w, .1, 0), FACE_STATUS_CONFIRMING);
    assert_true(w->alive[0].judged && w->alive[0].spoof);
    w->env.liveness = LIVENESS_OFF;
    assert_int_equal(lone(w, .1, 0), FACE_STATUS_CONFIRMING);
    assert_false(w->alive[0].judged || w->alive[0].spoof);
}

#define RULE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(the_mean_of_the_sightings_decides),
        RULE(a_frame_counts_once),
        RULE(a_picture_shown_before_is_forgotten_after_the_window),
        RULE(a_picture_beside_its_student_is_the_spoof_and_does_no_harm),
        RULE(two_pictures_of_a_student_are_both_spoofs),
        RULE(another_camera_is_not_concerned),
        RULE(a_face_that_nobody_is_adds_to_nobody),
        RULE(a_face_not_measured_never_passes),
        RULE(report_tells_and_lets_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
