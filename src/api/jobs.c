/* Jobs as their clients see them. Handler threads; two queries a call. */
#include "api/handlers.h"

#include "store/job.h"

#include <math.h>

struct photo_out {
    int64_t position;
    struct str name, verdict, detail;
    double quality;
};

struct job_out {
    char id[ID_TEXT], student[ID_TEXT];
    struct str kind, state, error;
    int64_t tries;
    struct photo_out *photos;
    int n_photos;
    usec_t created_at, updated_at;
};

static const struct field photo_fields[] = {
    FIELD_INT(struct photo_out, position, 0, 1e6, FIELD_REQUIRED, "0 for the first one uploaded."),
    FIELD_STR(struct photo_out, name, 0, 200, FIELD_NULLABLE, "The file name that came with it."),
    FIELD_STR(struct photo_out, verdict, 0, 32, FIELD_NULLABLE,
              "null until judged; accepted, or why not: no_face, many_faces, too_small, blurred, "
              "too_dark, too_bright, pose, not_same_person, duplicate_photo, unreadable."),
    FIELD_STR(struct photo_out, detail, 0, 256, FIELD_NULLABLE, "The same for people."),
    FIELD_REAL(struct photo_out, quality, 0, 1, FIELD_NULLABLE,
               "1 is best; null until judged, or without a face."),
};
const struct schema photo_schema = SCHEMA("PhotoVerdict", struct photo_out, photo_fields);

static const char *const state_words[] = {"queued", "running", "done", "failed", NULL};

static const struct field job_fields[] = {
    FIELD_ID(struct job_out, id, FIELD_REQUIRED, "The job's id."),
    FIELD_STR(struct job_out, kind, 0, 32, FIELD_REQUIRED, "enrol."),
    FIELD_WORD(struct job_out, state, state_words, FIELD_REQUIRED, "Where it is."),
    FIELD_ID(struct job_out, student, FIELD_REQUIRED, "Whose photos these are."),
    FIELD_STR(struct job_out, error, 0, 256, FIELD_NULLABLE, "Why it failed."),
    FIELD_INT(struct job_out, tries, 0, 1e6, FIELD_REQUIRED, "How often it was started."),
    FIELD_LIST(struct job_out, photos, n_photos, &photo_schema, 1000, FIELD_REQUIRED,
               "A verdict for each photo."),
    FIELD_TIME(struct job_out, created_at, FIELD_REQUIRED, "When it was asked for."),
    FIELD_TIME(struct job_out, updated_at, FIELD_REQUIRED, "When its state last changed."),
};
const struct schema job_schema = SCHEMA("Job", struct job_out, job_fields);
LIST_SCHEMA(job_list, "JobList", job_schema)

struct job_ctx {
    struct call *c;
    const char *id;
    struct job_out *out;
    int state, limit, n;
    char before[ID_TEXT];
};

static struct str or_null(struct str s) { return s.n ? s : (struct str){0}; }

static enum err fill(struct db_cx *cx, struct job_ctx *t, const struct job *j, struct job_out *o,
                     struct error *e)
{
    struct job_photo *photos;
    memcpy(o->id, j->id, ID_TEXT);
    o->kind = j->kind;
    o->state = str_from(job_state_name(j->state));
    o->error = or_null(j->error);
    o->tries = j->tries;
    o->created_at = j->created_at;
    o->updated_at = j->updated_at;
    enum err r = id_parse(j->subject, o->student, e);
    if (r == ERR_OK)
        r = job_photos(cx, t->c->a, j->id, false, &photos, &o->n_photos, e);
    if (r)
        return r;
    o->photos = arena_array(t->c->a, (size_t)o->n_photos, sizeof *o->photos);
    if (!o->photos)
        return error_set(e, ERR_NOMEM, "no memory for a job");
    for (int i = 0; i < o->n_photos; i++)
        o->photos[i] =
            (struct photo_out){.position = photos[i].position,
                               .name = or_null(photos[i].name),
                               .verdict = or_null(photos[i].verdict),
                               .detail = or_null(photos[i].detail),
                               .quality = photos[i].quality > 0 ? photos[i].quality : (double)NAN};
    return ERR_OK;
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct job_ctx *t = ctx;
    struct job j;
    enum err r = job_get(cx, t->c->a, t->id, &j, e);
    return r ? r : fill(cx, t, &j, t->out, e);
}

enum err job_output(struct call *c, const char *id, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct job_out), &memory, e);
    struct job_ctx t = {.c = c, .id = id, .out = memory};
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    c->out = memory;
    return r;
}

enum err job_show(struct call *c, struct error *e)
{
    char id[ID_TEXT];
    enum err r = call_id(c, 0, id, e);
    return r ? r : job_output(c, id, e);
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct job_ctx *t = ctx;
    struct job *jobs;
    enum err r = job_list(cx, t->c->a, t->state, t->before, t->limit + 1, &jobs, &t->n, e);
    t->out = r ? NULL : arena_array(t->c->a, (size_t)t->n, sizeof *t->out);
    if (r == ERR_OK && !t->out)
        r = error_set(e, ERR_NOMEM, "no memory for %d jobs", t->n);
    for (int i = 0; r == ERR_OK && i < t->n; i++)
        r = fill(cx, t, &jobs[i], &t->out[i], e);
    return r;
}

enum err job_index(struct call *c, struct error *e)
{
    struct job_ctx t = {.c = c};
    enum err r = call_page(c, &t.limit, t.before, e);
    if (r == ERR_OK)
        r = call_word(c, "state", state_words, &t.state, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r
             : call_list(c, t.out, t.n, t.limit, sizeof *t.out, offsetof(struct job_out, id), e);
}
