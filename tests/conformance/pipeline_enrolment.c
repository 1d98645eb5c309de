/* Enrolment jobs and the gallery: durable, judged once, and right in the end whatever messages were
 * lost. See pipeline_suite.h. */
#include "pipeline_suite.h"

enum { UPLOAD = PHOTOS + 1, NOTICES = 3, SLICES = 400 };
#define ROUGH USEC_PER_SEC
#define SLICE (25 * USEC_PER_MSEC)

/* Judged by what a probe finds: each person's own photo must find that person. */
void assert_gallery(struct rig *r, struct gallery *g, int people)
{
    struct error e = {0};
    if ((int)gallery_count(g) != people)
        fail_msg("%s, seed %llu: the gallery knows %zu students, should be %d",
                 r->subject->suite.name, (unsigned long long)r->seed, gallery_count(g), people);
    for (int i = 0; i < people; i++) {
        struct vision_result seen;
        struct gallery_match match;
        assert_int_equal(
            vision_analyse(world.vision, r->a, world.photos[i][0], 16000000, &seen, &e), ERR_OK);
        assert_int_equal(gallery_search(g, seen.faces[0].embedding, 1, &match, &e), ERR_OK);
        assert_string_equal(match.best[0].student.text, r->students[i].text);
    }
}

static void upload_all(struct rig *r, char jobs[PEOPLE][ID_TEXT])
{
    for (int i = 0; i < PEOPLE; i++) {
        const struct str photos[UPLOAD] = {world.photos[i][0], world.nobody, world.photos[i][1]};
        rig_upload(r, i, photos, UPLOAD, jobs[i]);
    }
    for (int n = 0; n < NOTICES; n++)
        for (int i = 0; i < PEOPLE; i++)
            rig_notify(r, jobs[i]);
}

static void enrol(const struct pipeline_subject *subject, uint64_t seed, usec_t job_lease)
{
    char jobs[PEOPLE][ID_TEXT];
    int accepted;
    struct rig *r =
        rig_open(subject, seed, &(struct rig_options){.empty = true, .job_lease = job_lease});
    upload_all(r, jobs);
    rig_settle(r, ROUGH);
    for (int i = 0; i < PEOPLE; i++) {
        assert_enrolled(r, jobs[i], UPLOAD, &accepted);
        assert_int_equal(accepted, PHOTOS);
    }
    assert_gallery(r, r->gallery, PEOPLE);
    rig_close(r);
}

static void every_photo_is_judged_once_and_removed(void **state)
{
    uint64_t first;
    int n = pipeline_seeds(1, &first);
    for (int i = 0; i < n; i++)
        enrol(*state, first + (uint64_t)i, 0);
}

/* A lease shorter than a photo takes: workers take jobs from each other in the middle. */
static void a_job_taken_over_in_the_middle_is_still_done_once(void **state)
{
    uint64_t first;
    pipeline_seeds(1, &first);
    enrol(*state, first, 10 * USEC_PER_MSEC);
}

/* ---- galleries of other processes */

struct photo_removal {
    struct student_id student;
    int64_t removed;
};

static enum err remove_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct photo_removal *p = ctx;
    return template_delete(cx, p->student, &p->removed, e);
}

/* Waits until the gallery has that many students. */
static void await_gallery(struct gallery *g, int people)
{
    for (int i = 0; i < SLICES && (int)gallery_count(g) != people; i++)
        suite_sleep(SLICE);
}

/* A second process that hears nothing: its keeper must look into the store by itself. */
static void a_gallery_that_missed_every_message_is_right_in_the_end(void **state)
{
    struct error e = {0};
    char job[ID_TEXT];
    struct rig *r = rig_open(
        *state, 1, &(struct rig_options){.empty = true, .gallery_rebuild = 100 * USEC_PER_MSEC});
    rig_second_process(r);
    for (int i = 0; i < PEOPLE; i++) {
        rig_upload(r, i, world.photos[i], PHOTOS, job);
        rig_notify(r, job);
    }
    rig_settle(r, ROUGH);
    await_gallery(r->other_gallery, PEOPLE);
    assert_gallery(r, r->other_gallery, PEOPLE);
    struct photo_removal p = {.student = r->students[PEOPLE - 1]};
    assert_int_equal(db_tx(r->db, remove_fn, &p, &e), ERR_OK);
    await_gallery(r->other_gallery, PEOPLE - 1);
    assert_gallery(r, r->other_gallery, PEOPLE - 1);
    await_gallery(r->gallery, PEOPLE - 1);
    assert_gallery(r, r->gallery, PEOPLE - 1);
    rig_close(r);
}

#define TEST(f)                                                                                    \
    {                                                                                              \
        .name = #f, .run = f                                                                       \
    }

const struct suite_test pipeline_enrolment[] = {
    TEST(every_photo_is_judged_once_and_removed),
    TEST(a_job_taken_over_in_the_middle_is_still_done_once),
    TEST(a_gallery_that_missed_every_message_is_right_in_the_end),
};
const size_t pipeline_enrolment_n = ARRAY_LEN(pipeline_enrolment);
