/* Conformance of the whole pipeline: exactly-once effects over at-least-once delivery, on plain
 * back ends and in chaos. Frames here, enrolment and gallery in pipeline_enrolment.c. Needs models
 * and sample photos; without them it is skipped. CONFORMANCE_SEEDS sets how many seeds. */
#include "pipeline_suite.h"

#include "base/mem.h"
#include "base/metrics.h"

#include <stdlib.h>

enum { SKIPPED = 77, SHARE = 4, TIMES = 6 };
#define ROUGH USEC_PER_SEC

static const struct pipeline_subject subjects[] = {
    {.suite = {"memory", false}},
    {.suite = {"memory in chaos", true}},
    {.suite = {"memory in chaos with restarts", true}, .restart = 15},
    {.suite = {"durable in chaos with restarts", true}, .durable = true, .restart = 15},
};

/* A volatile queue that restarts loses frames: the loss that DESIGN section 3 names. */
static bool loses(const struct pipeline_subject *s) { return s->restart && !s->durable; }

typedef void (*seed_fn)(const struct pipeline_subject *subject, uint64_t seed);

int pipeline_seeds(int usual, uint64_t *ret_first)
{
    if (getenv("CONFORMANCE_SEED") || getenv("CONFORMANCE_SEEDS"))
        return suite_seeds(ret_first);
    *ret_first = 1;
    return usual;
}

static void each_seed(void **state, int usual, seed_fn fn)
{
    uint64_t first;
    int n = pipeline_seeds(usual, &first);
    const struct pipeline_subject *subject = *state;
    for (int i = 0; i < (subject->suite.chaotic ? n : 1); i++)
        fn(subject, first + (uint64_t)i);
}

/* Every person twice, and who must not be marked. */
enum { SCENES = 2 * PEOPLE + 2 };

static struct str scene(int i)
{
    if (i >= 2 * PEOPLE)
        return i == 2 * PEOPLE ? world.strangers : world.nobody;
    return world.photos[i % PEOPLE][i / PEOPLE];
}

/* ---- one mark a student, whatever comes twice */

static void push_scenes(struct rig *r, const struct frame_id frames[SCENES], usec_t begin)
{
    for (int i = 0; i < SCENES; i++)
        rig_push(r, frames[i], scene(i), begin + i * USEC_PER_MSEC);
}

static void marks_of_seed(const struct pipeline_subject *subject, uint64_t seed)
{
    struct frame_id frames[SCENES];
    usec_t begin = time_utc();
    struct rig *r = rig_open(subject, seed, &(struct rig_options){0});
    for (int i = 0; i < SCENES; i++)
        frames[i] = frame_new();
    push_scenes(r, frames, begin);
    push_scenes(r, frames, begin); /* the camera repeats its posts */
    rig_settle(r, ROUGH);
    if (loses(subject)) {
        push_scenes(r, frames, begin);
        rig_settle(r, 0);
    }
    assert_register(r, ROSTER);
    assert_true(tap_statuses(&r->tap, r->students[ROSTER], FACE_STATUS_NOT_ENROLLED) > 0);
    for (int i = 0; i < SCENES; i++)
        assert_true(tap_endings(&r->tap, frames[i]) > 0);
    /* and once more in calm: the marking frames say present again, the others do not */
    int before = tap_statuses(&r->tap, r->students[0], FACE_STATUS_PRESENT);
    push_scenes(r, frames, begin);
    rig_settle(r, 0);
    assert_register(r, ROSTER);
    assert_true(tap_statuses(&r->tap, r->students[0], FACE_STATUS_PRESENT) > before);
    rig_close(r);
}

static void a_student_is_marked_exactly_once_whatever_comes_twice(void **state)
{
    each_seed(state, 1, marks_of_seed);
}

/* ---- evidence is counted per frame */

static void evidence_of_seed(const struct pipeline_subject *subject, uint64_t seed)
{
    const struct frame_id one = frame_new(), close = frame_new(), apart = frame_new();
    usec_t begin = time_utc();
    struct rig *r = rig_open(subject, seed, &(struct rig_options){.confirmations = 2});
    for (int i = 0; i < TIMES; i++)
        rig_push(r, one, world.photos[0][0], begin);
    rig_push(r, close, world.photos[0][1], begin + 100 * USEC_PER_MSEC);
    rig_settle(r, ROUGH);
    assert_register(r, 0);
    if (!loses(subject))
        assert_true(tap_statuses(&r->tap, r->students[0], FACE_STATUS_CONFIRMING) > TIMES);
    rig_push(r, apart, world.photos[0][1], begin + 300 * USEC_PER_MSEC);
    rig_settle(r, 0);
    if (loses(subject)) { /* what a restart took of the evidence costs one more sighting */
        rig_push(r, one, world.photos[0][0], begin);
        rig_push(r, apart, world.photos[0][1], begin + 300 * USEC_PER_MSEC);
        rig_settle(r, 0);
    }
    assert_register(r, 1);
    rig_close(r);
}

static void one_frame_repeated_is_one_sighting_and_two_apart_make_a_mark(void **state)
{
    each_seed(state, 1, evidence_of_seed);
}

/* ---- no accepted frame vanishes */

static enum err stop_session_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct rig *r = ctx;
    struct session after;
    bool changed;
    return session_stop(cx, r->a, r->session, time_utc(), &after, &changed, e);
}

enum { GOOD = 12, BROKEN = 3, OFFLINE = 3, LATE = 3, CORRUPT = 2 };
enum { ALL = GOOD + BROKEN + OFFLINE + LATE + CORRUPT };

/* An item that no worker can read: the tag alone tells whose frame it was. */
static void push_corrupt(struct rig *r, struct frame_id frame)
{
    char tag[WORK_TAG];
    const struct work_frame f = {.session = r->session, .frame = frame};
    work_tag(&f, tag);
    rig_push_item(r, &(struct queue_push){.lane = QUEUE_BULK,
                                          .producer = STR("camera"),
                                          .tag = str_from(tag),
                                          .bytes = STR("corrupt")});
}

static void answers_of_seed(const struct pipeline_subject *subject, uint64_t seed)
{
    struct frame_id frames[ALL];
    const struct str broken = STR("\xff\xd8\xff\xe0 not a picture");
    struct rig *r = rig_open(
        subject, seed,
        &(struct rig_options){.share = SHARE, .frame_ttl = 200 * USEC_PER_MSEC, .max_tries = 8});
    for (int i = 0; i < ALL; i++)
        frames[i] = frame_new();
    for (int i = 0; i < GOOD + BROKEN; i++)
        rig_push(r, frames[i], i < GOOD ? scene(i % SCENES) : broken, time_utc());
    for (int i = GOOD + BROKEN; i < GOOD + BROKEN + OFFLINE; i++) {
        struct work_frame f = {.session = r->session,
                               .frame = frames[i],
                               .captured_at = time_utc(),
                               .offline = true,
                               .image = world.photos[0][0]};
        rig_push_work(r, &f, QUEUE_BULK);
    }
    suite_sleep(50 * USEC_PER_MSEC);
    assert_int_equal(db_tx(r->db, stop_session_fn, r, NULL), ERR_OK);
    for (int i = GOOD + BROKEN + OFFLINE; i < ALL - CORRUPT; i++)
        rig_push(r, frames[i], world.photos[1][0], time_utc());
    for (int i = ALL - CORRUPT; i < ALL; i++)
        push_corrupt(r, frames[i]);
    rig_settle(r, loses(subject) ? ROUGH : 4 * ROUGH);
    for (int i = 0; i < ALL; i++)
        if (!loses(subject) && tap_endings(&r->tap, frames[i]) == 0)
            fail_msg("%s, seed %llu: frame %d ended without a word", subject->suite.name,
                     (unsigned long long)seed, i);
    rig_close(r);
}

static void every_accepted_frame_ends_in_a_result_or_a_drop(void **state)
{
    each_seed(state, 1, answers_of_seed);
}

/* ---- frames together */

enum { WAITING = 24, UNREADABLE = 10 };

/* A queue long enough that the workers take several: the broken frame among them fails alone. */
static void together_of_seed(const struct pipeline_subject *subject, uint64_t seed)
{
    struct frame_id frames[WAITING];
    const struct str broken = STR("\xff\xd8\xff\xe0 not a picture");
    int64_t before = metric_get(METRIC_frames_batched_total);
    struct rig *r = rig_open(subject, seed, &(struct rig_options){0});
    for (int i = 0; i < WAITING; i++) {
        frames[i] = frame_new();
        rig_push(r, frames[i], i == UNREADABLE ? broken : scene(i % SCENES), time_utc());
    }
    rig_settle(r, loses(subject) ? ROUGH : 4 * ROUGH);
    for (int i = 0; i < WAITING && !loses(subject); i++)
        assert_true(tap_endings(&r->tap, frames[i]) > 0);
    if (!loses(subject))
        assert_register(r, ROSTER);
    if (!subject->suite.chaotic)
        assert_true(metric_get(METRIC_frames_batched_total) - before > WAITING / 2);
    rig_close(r);
}

static void waiting_frames_share_runs_and_a_broken_one_fails_alone(void **state)
{
    each_seed(state, 1, together_of_seed);
}

/* ---- memory */

enum { WARM_UP = 4, FRAMES_SEEN = 100 };

/* Beside ONNX Runtime, the codec and FAISS: one frame with faces, one without, one with strangers,
 * over and over in the arena of a worker. */
static void frames_alike_ask_for_no_memory(void **state)
{
    const struct pipeline_subject *subject = *state;
    if (subject->suite.chaotic)
        return;
    const struct str frames[] = {world.photos[0][0], world.nobody, world.strangers};
    _cleanup_(arena_freep) struct arena *a = arena_new(256 * MIB);
    int64_t before = 0;
    int faces = 0;
    for (int i = -WARM_UP; i < FRAMES_SEEN; i++) {
        struct vision_result seen;
        before = i == 0 ? mem_calls() : before;
        arena_reset(a);
        assert_int_equal(
            vision_analyse(world.vision, a, frames[(i + WARM_UP) % 3], 64000000, &seen, NULL),
            ERR_OK);
        faces += seen.n;
    }
    assert_true(faces > FRAMES_SEEN / 2);
    assert_int_equal(mem_calls() - before, 0);
}

/* ---- restarts */

enum { RESTARTS = 3, RESTART_WITHIN_MS = 120 };

static void restarts_of_seed(const struct pipeline_subject *subject, uint64_t seed)
{
    struct frame_id frames[SCENES];
    char jobs[PEOPLE][ID_TEXT];
    int accepted;
    usec_t begin = time_utc();
    struct rig *r = rig_open(subject, seed, &(struct rig_options){.empty = true});
    struct chaos dice = {.state = seed};
    for (int i = 0; i < PEOPLE; i++) {
        rig_upload(r, i, world.photos[i], PHOTOS, jobs[i]);
        rig_notify(r, jobs[i]);
    }
    for (int i = 0; i < SCENES; i++)
        frames[i] = frame_new();
    for (int i = 0; i < RESTARTS; i++) {
        push_scenes(r, frames, begin);
        suite_sleep((usec_t)chaos_below(&dice, RESTART_WITHIN_MS) * USEC_PER_MSEC);
        rig_restart(r);
    }
    if (loses(subject)) { /* a start looks for jobs whose notices were lost, at once */
        rig_calm(r);
        rig_restart(r);
    }
    rig_settle(r, ROUGH);
    for (int i = 0; i < PEOPLE; i++)
        assert_enrolled(r, jobs[i], PHOTOS, &accepted);
    assert_gallery(r, r->gallery, PEOPLE);
    push_scenes(r, frames, begin); /* frames are not durable in memory, and some came too early */
    rig_settle(r, 0);
    rig_restart(r);
    assert_register(r, ROSTER);
    assert_gallery(r, r->gallery, PEOPLE);
    rig_close(r);
}

static void restarts_at_any_moment_lose_nothing_durable(void **state)
{
    each_seed(state, 1, restarts_of_seed);
}

#define TEST(f)                                                                                    \
    {                                                                                              \
        .name = #f, .run = f                                                                       \
    }

const struct suite_test pipeline_frames[] = {
    TEST(a_student_is_marked_exactly_once_whatever_comes_twice),
    TEST(one_frame_repeated_is_one_sighting_and_two_apart_make_a_mark),
    TEST(every_accepted_frame_ends_in_a_result_or_a_drop),
    TEST(waiting_frames_share_runs_and_a_broken_one_fails_alone),
    TEST(frames_alike_ask_for_no_memory),
    TEST(restarts_at_any_moment_lose_nothing_durable),
};
const size_t pipeline_frames_n = ARRAY_LEN(pipeline_frames);

int main(void)
{
    const struct suite_subject *all[ARRAY_LEN(subjects)];
    if (!world_open()) {
        world_close();
        return SKIPPED;
    }
    world_enrol();
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        all[i] = &subjects[i].suite;
    int failed =
        suite_run("enrolment", pipeline_enrolment, pipeline_enrolment_n, all, ARRAY_LEN(all));
    failed += suite_run("frames", pipeline_frames, pipeline_frames_n, all, ARRAY_LEN(all));
    world_close();
    return failed;
}
