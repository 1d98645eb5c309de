/* Enrolment: the photos of one upload, judged one by one (DESIGN section 8: a verdict a photo).
 *
 * The job and its photos are rows; the queue carries a notice only. Each photo is judged and its
 * template written in one transaction, so a job killed half-way goes on with the photos that have
 * no verdict yet and repeats none; the same transaction renews the claim, so a worker whose claim
 * another one took over writes nothing more. Photos (sealed) are removed with their verdict. Worker
 * threads; 20 to 200 ms a photo. */
#include "jobs/enrolment.h"

#include "attendance/event.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/kept_photo.h"

#include <stdio.h>

#include <sodium.h>

#define ADMIN_CHAIN STR("admin")

static enum err load_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolment *n = ctx;
    const char *id = n->job.id;
    enum err r = job_get(cx, n->w->arena, id, &n->job, e);
    if (r == ERR_OK)
        r = job_photos(cx, n->w->arena, id, true, &n->photos, &n->n, e);
    if (r == ERR_OK)
        r = id_parse(n->job.subject, n->student.text, e);
    if (r == ERR_OK)
        r = template_of_student(
            cx, n->w->arena, n->student, str_from(vision_encoder(n->engine->vision)),
            str_from(vision_preprocessing(n->engine->vision)), &n->rows, &n->n_rows, e);
    if (r == ERR_OK)
        r = enrolment_other_load(cx, n, e);
    return r;
}

/* What is decided about templates without a person looking is told in the admin chain. */
static enum err tell_register(struct db_cx *cx, struct enrolment *n, struct str payload,
                              struct error *e)
{
    struct register_event event = {.chain = ADMIN_CHAIN,
                                   .at = time_utc(),
                                   .actor = n->job.actor.n ? n->job.actor : STR("worker"),
                                   .student = str_from(n->student.text),
                                   .payload = payload};
    return payload.p ? register_append(cx, &event, &n->env->hasher, e)
                     : error_set(e, ERR_NOMEM, "no memory for an event");
}

/* Removes the template that gives way to the new one, where the student has as many as may be. */
static enum err make_room(struct db_cx *cx, struct enrolment *n, struct error *e)
{
    struct arena *a = n->w->scratch;
    struct template_row *rows;
    int count = 0;
    enum err r = template_of_student(cx, a, n->student, n->row.encoder, n->row.preprocessing, &rows,
                                     &count, e);
    struct enrolled_photo *photos = r ? NULL : arena_array(a, (size_t)count + 1, sizeof *photos);
    if (r || n->env->templates_max < 1 || count < n->env->templates_max)
        return r;
    if (!photos)
        return error_set(e, ERR_NOMEM, "no memory for %d templates", count);
    for (int i = 0; i < count; i++)
        photos[i] = (struct enrolled_photo){rows[i].quality, rows[i].created_at};
    const struct template_row *gone = &rows[enrolment_gives_way(photos, count, n->row.created_at)];
    char made[TIME_TEXT];
    time_format_iso(gone->created_at, made);
    const char *detail = arena_printf(
        a, "The student had %d photos, so it takes the place of the one of %.10s (quality %.2f).",
        count, made, gone->quality);
    if (!detail)
        return error_set(e, ERR_NOMEM, "no memory for a verdict");
    n->verdict.detail = str_from(detail);
    memcpy(n->verdict.replaced, gone->id, ID_TEXT);
    r = template_delete_one(cx, n->student, gone->id, e);
    const char *payload =
        arena_printf(a, "{\"event\":\"template_replaced\",\"job\":\"%s\",\"template\":\"%s\"}",
                     n->job.id, gone->id);
    return r ? r : tell_register(cx, n, (struct str){payload, payload ? strlen(payload) : 0}, e);
}

static enum err insert_template(struct db_cx *cx, struct enrolment *n, struct error *e)
{
    struct template_row *t = &n->row;
    t->encoder = str_from(vision_encoder(n->engine->vision));
    t->preprocessing = str_from(vision_preprocessing(n->engine->vision));
    t->precision = str_from(vision_precision(n->engine->vision));
    t->model_sha256 = str_from(vision_model_sha256(n->engine->vision));
    id_new(t->id);
    enum err r = make_room(cx, n, e);
    if (r == ERR_OK)
        r = template_insert(cx, t, e);
    if (r == ERR_OK && !id_is_empty(n->twin.text)) {
        const char *payload = arena_printf(
            n->w->scratch,
            "{\"event\":\"look_alike_allowed\",\"job\":\"%s\",\"other\":\"%s\",\"score\":%.4f}",
            n->job.id, n->twin.text, n->twin_score);
        r = tell_register(cx, n, (struct str){payload, payload ? strlen(payload) : 0}, e);
    }
    return r;
}

/* The bytes stay sealed as the upload sealed them. */
static enum err keep_picture(struct db_cx *cx, struct enrolment *n, struct error *e)
{
    struct kept_photo photo = {.sealed = n->picture, .created_at = time_utc()};
    if (!n->env->photos_keep || !n->picture.n)
        return ERR_OK;
    id_new(photo.id);
    memcpy(photo.job, n->job.id, ID_TEXT);
    photo.kept_until = photo.created_at + n->env->photos_keep;
    return kept_photo_add(cx, n->student, &photo, e);
}

static enum err write_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolment *n = ctx;
    enum err r = job_renew(cx, n->job.id, n->job.tries, time_utc(), n->env->job_lease, e);
    n->taken_over = r == ERR_CONFLICT;
    if (r == ERR_OK && n->row.sealed.n)
        r = insert_template(cx, n, e);
    if (r == ERR_OK && n->row.sealed.n)
        r = keep_picture(cx, n, e);
    if (r == ERR_OK)
        r = enrolment_other_write(cx, n, e);
    if (r)
        return r;
    return job_photo_judge(cx, n->job.id, &n->verdict, e);
}

static enum err claim_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct enrolment *n = ctx;
    return job_claim(cx, n->job.id, time_utc(), n->env->job_lease, e);
}

struct finish {
    const char *id;
    enum job_state state;
    struct str error;
};

static enum err finish_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct finish *f = ctx;
    return job_finish(cx, f->id, f->state, f->error, time_utc(), e);
}

static enum err read_known(struct enrolment *n, struct error *e)
{
    n->known = arena_array(n->w->arena, (size_t)(n->n_rows + n->n) + 1, sizeof *n->known);
    if (!n->known)
        return error_set(e, ERR_NOMEM, "no memory to enrol");
    for (int i = 0; i < n->n_rows; i++) {
        struct enrolled *k = &n->known[n->n_known++];
        struct error ignored;
        memcpy(k->id, n->rows[i].id, ID_TEXT);
        k->source = n->rows[i].source;
        if (template_open_one(n->env, &n->key, n->engine, n->w->arena, &n->rows[i], &k->vec,
                              &ignored))
            k->vec = NULL;
    }
    return ERR_OK;
}

/* The photo in hand is committed: the next ones are compared with it, and not with what it took
 * the place of. */
static enum err remember(struct enrolment *n, struct error *e)
{
    if (!n->row.sealed.n)
        return ERR_OK;
    for (int i = 0; i < n->n_known; i++)
        if (strcmp(n->known[i].id, n->verdict.replaced) == 0)
            n->known[i--] = n->known[--n->n_known];
    size_t bytes = (size_t)vision_dim(n->engine->vision) * sizeof *n->vec;
    float *vec = arena_alloc(n->w->arena, bytes);
    struct enrolled *k = &n->known[n->n_known];
    k->source = arena_copy(n->w->arena, n->row.source);
    if (!vec || !k->source.p)
        return error_set(e, ERR_NOMEM, "no memory to enrol");
    memcpy(vec, n->vec, bytes);
    memcpy(k->id, n->row.id, ID_TEXT);
    k->vec = vec;
    n->n_known++;
    return ERR_OK;
}

/* The gallery of this process at once, the others by message; then the job may say that it is done.
 */
static enum err announce(struct enrolment *n, struct error *e)
{
    int64_t id;
    enum err r = templates_reload_both(n->env, n->student, e);
    if (r == ERR_OK)
        r = look_alikes_refresh_both(n->env, n->student, e);
    return r ? r
             : bus_publish(n->env->bus, STR(EVENT_TOPIC_GALLERY), str_from(n->student.text), &id,
                           e);
}

/* Done; or failed for good; or given back, so that the notice's next delivery starts it again. */
static enum err finish_job(struct enrolment *n, enum err outcome, struct error *e)
{
    struct error ignored;
    struct finish f = {.id = n->job.id, .state = JOB_DONE};
    if (outcome && n->job.tries >= n->env->max_tries)
        outcome = ERR_INTERNAL; /* often enough */
    if (outcome)
        f.state = err_retryable(outcome) ? JOB_QUEUED : JOB_FAILED;
    f.error = outcome ? str_from(e->msg) : STR("");
    enum err r = db_tx(n->env->db, finish_fn, &f, outcome ? &ignored : e);
    return outcome && err_retryable(outcome) ? outcome : r;
}

enum err enrol_run(struct worker *w, const char *job, const char *token, struct error *e)
{
    struct enrolment n = {.w = w, .env = w->env, .engine = w->engines.active};
    snprintf(n.job.id, sizeof n.job.id, "%s", job);
    if (w->engines.shadow && !engine_shares_templates(n.engine, w->engines.shadow))
        n.other = w->engines.shadow;
    enum err r = db_tx(w->env->db, claim_fn, &n, e);
    if (r == ERR_CONFLICT || r == ERR_NOT_FOUND)
        return ERR_OK; /* somebody has it, or the student is gone */
    if (r)
        return r;
    r = db_read(w->env->db, load_fn, &n, e);
    if (r == ERR_OK)
        r = keystore_make(w->env->keystore, n.student, KEY_FACE, &n.key, e);
    if (r == ERR_OK)
        r = read_known(&n, e);
    for (int i = 0; r == ERR_OK && i < n.n; i++) {
        if (n.photos[i].verdict.n)
            continue;
        r = enrolment_judge(&n, i, e);
        if (r == ERR_OK)
            r = db_tx(w->env->db, write_fn, &n, e);
        if (r == ERR_OK)
            r = remember(&n, e);
        metric_add(METRIC_photos_processed_total, r == ERR_OK);
        struct error ignored;
        enum err renewed = queue_renew(w->env->queue, token, &ignored);
        (void)renewed; /* a lost lease means a second worker, which finds the job claimed */
    }
    sodium_memzero(&n.key, sizeof n.key);
    if (n.taken_over)
        return ERR_OK; /* whoever has it ends it */
    if (r == ERR_OK)
        r = announce(&n, e);
    return finish_job(&n, r, e);
}
