/* Jobs as their clients see them. Handler threads; two queries a call. */
#include "api/handlers.h"

#include "attendance/enrolment.h"
#include "store/job.h"
#include "store/student.h"
#include "store/template.h"

#include <math.h>

struct photo_out {
    int64_t position;
    struct str name, verdict, detail;
    double quality;
    struct person *other;
    char replaced[ID_TEXT];
};

struct job_out {
    char id[ID_TEXT], student[ID_TEXT];
    struct str kind, state, error;
    int64_t tries;
    struct photo_out *photos;
    int n_photos;
    int64_t good_photos;
    struct str advice;
    usec_t created_at, updated_at;
};

static const struct field photo_fields[] = {
    FIELD_INT(struct photo_out, position, 0, 1e6, FIELD_REQUIRED, "0 for the first one uploaded."),
    FIELD_STR(struct photo_out, name, 0, 200, FIELD_NULLABLE, "The file name that came with it."),
    FIELD_WORD(struct photo_out, verdict, verdict_names, FIELD_NULLABLE,
               "null until judged; accepted, or why not."),
    FIELD_STR(struct photo_out, detail, 0, 256, FIELD_NULLABLE,
              "A sentence that says what to do, or what else happened."),
    FIELD_REAL(struct photo_out, quality, 0, 1, FIELD_NULLABLE,
               "1 is best; null until judged, or without a face."),
    FIELD_POINTER(struct photo_out, other, &person_schema,
                  "The other student whom the face is like: with duplicate_of, or accepted by "
                  "allow_look_alike."),
    FIELD_ID(struct photo_out, replaced, FIELD_NULLABLE,
             "The template that gave way to this photo, as the student had templates_max."),
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
    FIELD_INT(struct job_out, good_photos, 0, 1e6, FIELD_REQUIRED,
              "Photos behind the student's face now, those of other jobs too."),
    FIELD_STR(struct job_out, advice, 0, 256, FIELD_NULLABLE,
              "What would make the student better recognised; null: nothing."),
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

/* Names the other student only to who may see students, and only while there is one. */
static enum err fill_other(struct db_cx *cx, struct call *c, const char *other, struct photo_out *o,
                           struct error *e)
{
    struct student s;
    struct student_id id;
    if (id_is_empty(other) || !principal_may(&c->who, PERM_STUDENT_READ))
        return ERR_OK;
    memcpy(id.text, other, ID_TEXT);
    enum err r = student_get(cx, c->a, id, &s, e);
    if (r)
        return r == ERR_NOT_FOUND ? ERR_OK : r;
    o->other = arena_alloc(c->a, sizeof *o->other);
    if (!o->other)
        return error_set(e, ERR_NOMEM, "no memory for a job");
    memcpy(o->other->id, other, ID_TEXT);
    o->other->external_id = s.external_id;
    o->other->name = s.name;
    return ERR_OK;
}

static enum err fill_photo(struct db_cx *cx, struct call *c, const struct job_photo *p,
                           struct photo_out *o, struct error *e)
{
    *o = (struct photo_out){.position = p->position,
                            .name = or_null(p->name),
                            .verdict = or_null(p->verdict),
                            .detail = or_null(p->detail),
                            .quality = p->quality > 0 ? p->quality : (double)NAN};
    memcpy(o->replaced, p->replaced, ID_TEXT);
    return fill_other(cx, c, p->other, o, e);
}

/* Real photos are what helps most. */
static enum err fill_advice(struct db_cx *cx, struct call *c, struct job_out *o, struct error *e)
{
    struct api_engine engine = call_engine(c);
    struct student_id student;
    memcpy(student.text, o->student, ID_TEXT);
    enum err r = template_count(cx, student, str_from(engine.encoder),
                                str_from(engine.preprocessing), &o->good_photos, e);
    if (r || o->good_photos >= ENROLMENT_PHOTOS_ADVISED || !str_is(o->state, "done"))
        return r;
    const char *text = arena_printf(
        c->a,
        "The student has %lld good photo%s: %d or more are advised, taken on "
        "different days or in different light.",
        (long long)o->good_photos, o->good_photos == 1 ? "" : "s", ENROLMENT_PHOTOS_ADVISED);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for a job");
    o->advice = str_from(text);
    return ERR_OK;
}

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
    for (int i = 0; r == ERR_OK && i < o->n_photos; i++)
        r = fill_photo(cx, t->c, &photos[i], &o->photos[i], e);
    return r ? r : fill_advice(cx, t->c, o, e);
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
