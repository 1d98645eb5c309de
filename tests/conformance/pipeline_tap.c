/* What the rig hears: every event the bus published, and the properties that read them. See
 * pipeline_suite.h. The tap sits under the chaos, so an event counts even when its subscribers lost
 * it. Callbacks come on any thread; one mutex. */
#include "pipeline_suite.h"

#include "attendance/chain.h"

#include <jansson.h>

static void note(struct tap *t, const char *text, void *rows, int *n, size_t size)
{
    if (*n < TAP_MAX)
        memcpy((char *)rows + (size_t)*n * size, text, ID_TEXT);
    *n += *n < TAP_MAX;
    (void)t;
}

static enum face_status status_of(const char *word)
{
    for (int s = 0; s < FACE_STATUS_N; s++)
        if (word && strcmp(word, face_status_name((enum face_status)s)) == 0)
            return (enum face_status)s;
    return FACE_STATUS_SPOOF;
}

static void note_faces(struct tap *t, const char *frame, json_t *faces)
{
    json_t *face;
    size_t i;
    json_array_foreach(faces, i, face)
    {
        const char *id = json_string_value(json_object_get(json_object_get(face, "student"), "id"));
        if (!id || t->faces_n == TAP_MAX)
            continue;
        struct tap_face *f = &t->faces[t->faces_n++];
        snprintf(f->frame.text, ID_TEXT, "%s", frame);
        snprintf(f->student.text, ID_TEXT, "%s", id);
        f->status = status_of(json_string_value(json_object_get(face, "status")));
    }
}

static void note_event(struct tap *t, const struct event_view *v)
{
    json_t *json = json_loadb(v->json.p, v->json.n, 0, NULL);
    if (!json)
        return;
    if (v->kind == EVENT_FRAME_RESULT) {
        note_faces(t, v->about, json_object_get(json, "faces"));
        note(t, v->about, t->results, &t->results_n, sizeof t->results[0]);
    } else if (v->kind == EVENT_FRAME_DROPPED) {
        note(t, v->about, t->drops, &t->drops_n, sizeof t->drops[0]);
    } else if (v->kind == EVENT_MARK_CHANGED) {
        note(t, v->about, t->changes, &t->changes_n, sizeof t->changes[0]);
    }
    json_decref(json);
}

void tap_event(void *ctx, const struct bus_event *event)
{
    struct rig *r = ctx;
    struct event_view view;
    if (str_starts(event->topic, STR("session:")) &&
        event_unpack(event->bytes, &view, NULL) == ERR_OK) {
        pthread_mutex_lock(&r->tap.lock);
        note_event(&r->tap, &view);
        pthread_mutex_unlock(&r->tap.lock);
    }
    if (r->next_fn)
        r->next_fn(r->next_ctx, event);
}

static int count_ids(const void *rows, int n, size_t size, const char *text)
{
    int found = 0;
    for (int i = 0; i < n; i++)
        found += strcmp((const char *)rows + (size_t)i * size, text) == 0;
    return found;
}

int tap_endings(struct tap *t, struct frame_id frame)
{
    pthread_mutex_lock(&t->lock);
    int n = count_ids(t->results, t->results_n, sizeof t->results[0], frame.text) +
            count_ids(t->drops, t->drops_n, sizeof t->drops[0], frame.text);
    pthread_mutex_unlock(&t->lock);
    return n;
}

int tap_statuses(struct tap *t, struct student_id student, enum face_status status)
{
    int n = 0;
    pthread_mutex_lock(&t->lock);
    for (int i = 0; i < t->faces_n; i++)
        n += t->faces[i].status == status && strcmp(t->faces[i].student.text, student.text) == 0;
    pthread_mutex_unlock(&t->lock);
    return n;
}

/* ---- what must hold in the end */

struct looked {
    struct rig *r;
    struct mark *marks;
    struct register_event *events;
    struct outbox_row *outbox;
    int marks_n, events_n, outbox_n;
};

static enum err look_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct looked *l = ctx;
    struct arena *a = l->r->a;
    enum err r = mark_list(cx, a, l->r->session, &l->marks, &l->marks_n, e);
    if (!r)
        r = register_list(cx, a, str_from(l->r->session.text), &l->events, &l->events_n, e);
    return r ? r : outbox_list(cx, a, INT64_MAX, 10, &l->outbox, &l->outbox_n, e);
}

/* Gap-free, each hash over the one before, one event a mark. */
static void assert_chain(const struct rig *r, const struct looked *l)
{
    static const uint8_t zeros[CHAIN_HASH_BYTES];
    const uint8_t *prev = zeros;
    if (l->events_n != l->marks_n)
        fail_msg("seed %llu: %d register events for %d marks", (unsigned long long)r->seed,
                 l->events_n, l->marks_n);
    for (int i = 0; i < l->events_n; i++) {
        const struct register_event *event = &l->events[i];
        uint8_t hash[CHAIN_HASH_BYTES];
        int of_student = 0;
        assert_int_equal(event->seq, i + 1);
        assert_memory_equal(event->prev_hash, prev, CHAIN_HASH_BYTES);
        r->env.hasher.fn(r->env.hasher.ctx, event, hash);
        assert_memory_equal(event->hash, hash, CHAIN_HASH_BYTES);
        for (int k = 0; k < l->events_n; k++)
            of_student += str_eq(l->events[k].student, event->student);
        assert_int_equal(of_student, 1);
        prev = event->hash;
    }
}

/* `present` in a result of the frame that made the mark, and in no other frame. That frame may have
 * answered `confirming` before: when it was handed out again, other sightings had come meanwhile.
 */
static void assert_statuses(struct rig *r, const struct mark *m)
{
    int present = 0, made_n = 0;
    for (int i = 0; i < r->tap.faces_n; i++) {
        const struct tap_face *f = &r->tap.faces[i];
        bool made = strcmp(f->frame.text, m->frame.text) == 0;
        if (strcmp(f->student.text, m->student.text) != 0)
            continue;
        made_n += made;
        present += f->status == FACE_STATUS_PRESENT;
        if (f->status != FACE_STATUS_CONFIRMING &&
            f->status != (made ? FACE_STATUS_PRESENT : FACE_STATUS_ALREADY_PRESENT))
            fail_msg("seed %llu: frame %s answered %s, the mark is of %s",
                     (unsigned long long)r->seed, f->frame.text, face_status_name(f->status),
                     m->frame.text);
    }
    if (made_n && !present)
        fail_msg("seed %llu: no result of frame %s says that it made the mark",
                 (unsigned long long)r->seed, m->frame.text);
}

void assert_register(struct rig *r, int marked)
{
    struct looked l = {.r = r};
    struct error e = {0};
    if (db_read(r->db, look_fn, &l, &e))
        fail_msg("the store cannot be read: %s", e.msg);
    if (l.marks_n != marked)
        fail_msg("seed %llu: %d marks, should be %d", (unsigned long long)r->seed, l.marks_n,
                 marked);
    assert_int_equal(l.outbox_n, 0);
    assert_chain(r, &l);
    pthread_mutex_lock(&r->tap.lock);
    for (int i = 0; i < l.marks_n; i++) {
        const struct mark *m = &l.marks[i];
        for (int k = 0; k < i; k++)
            assert_string_not_equal(m->student.text, l.marks[k].student.text);
        if (count_ids(r->tap.changes, r->tap.changes_n, sizeof r->tap.changes[0], m->student.text) <
            1)
            fail_msg("seed %llu: a mark without mark_changed", (unsigned long long)r->seed);
        assert_statuses(r, m);
    }
    pthread_mutex_unlock(&r->tap.lock);
}

struct enrolled {
    struct rig *r;
    struct job job;
    struct job_photo *photos;
    struct template_row *rows;
    int n, rows_n;
};

static enum err enrolled_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolled *n = ctx;
    struct student_id student;
    enum err r = job_get(cx, n->r->a, n->job.id, &n->job, e);
    if (!r)
        r = id_parse(n->job.subject, student.text, e);
    if (!r)
        r = job_photos(cx, n->r->a, n->job.id, true, &n->photos, &n->n, e);
    return r ? r
             : template_of_student(cx, n->r->a, student, str_from(vision_encoder(world.vision)),
                                   str_from(vision_preprocessing(world.vision)), &n->rows,
                                   &n->rows_n, e);
}

void assert_enrolled(struct rig *r, const char *job, int photos, int *ret_accepted)
{
    struct enrolled n = {.r = r};
    struct error e = {0};
    memcpy(n.job.id, job, ID_TEXT);
    *ret_accepted = 0;
    if (db_read(r->db, enrolled_fn, &n, &e))
        fail_msg("the store cannot be read: %s", e.msg);
    if (n.job.state != JOB_DONE)
        fail_msg("seed %llu: the job is %s: %.*s", (unsigned long long)r->seed,
                 job_state_name(n.job.state), STR_ARGS(n.job.error));
    assert_int_equal(n.n, photos);
    for (int i = 0; i < n.n; i++) {
        assert_true(n.photos[i].verdict.n > 0);
        assert_int_equal(n.photos[i].sealed.n, 0);
        *ret_accepted += str_is(n.photos[i].verdict, "accepted");
    }
    /* judged once: as many templates as photos were accepted */
    if (n.rows_n != *ret_accepted)
        fail_msg("seed %llu: %d templates of %d accepted photos", (unsigned long long)r->seed,
                 n.rows_n, *ret_accepted);
}
