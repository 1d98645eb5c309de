/* Students and their photos: see the route table. Handler threads; one or two queries a call. */
#include "api/handlers.h"

#include "api/multipart.h"
#include "attendance/enrolment.h"
#include "queue/work.h"
#include "store/consent.h"
#include "store/job.h"
#include "store/kept_photo.h"
#include "store/keystore.h"
#include "store/look_alike.h"
#include "store/student.h"
#include "store/template.h"

#include <stdio.h>

#include <sodium.h>

struct student_in {
    uint64_t has;
    struct str external_id, name, email, status;
};

static const char *const no_or_yes[] = {"0", "1", NULL};
static const char *const statuses[] = {"active", "inactive", "erased", NULL};
static const char *const settable[] = {"active", "inactive", NULL};

static const struct field student_fields[] = {
    FIELD_ID(struct student, id, FIELD_REQUIRED, "The student's id."),
    FIELD_STR(struct student, external_id, 1, 64, FIELD_REQUIRED,
              "The institution's number; unique."),
    FIELD_STR(struct student, name, 1, 200, FIELD_REQUIRED, "The student's name."),
    FIELD_STR(struct student, email, 0, 200, FIELD_NULLABLE, "An address, or null."),
    FIELD_WORD(struct student, status, statuses, FIELD_REQUIRED,
               "Inactive students are kept, not matched; of erased ones only the marks are left."),
    {.name = "photos",
     .type = FIELD_T_INT,
     .offset = offsetof(struct student, templates),
     .flags = FIELD_REQUIRED,
     .max = 1e6,
     .doc = "Photos behind the student's face template."},
    {.name = "photos_other",
     .type = FIELD_T_INT,
     .offset = offsetof(struct student, other_templates),
     .flags = FIELD_REQUIRED,
     .max = 1e6,
     .doc = "Behind that of the other engine while a switch is under way; else as photos."},
    FIELD_TIME(struct student, newest_template, FIELD_NULLABLE,
               "When the newest photo behind the face was accepted; null: there is none."),
    FIELD_BOOL(struct student, stale, FIELD_REQUIRED,
               "The newest photo is older than template_max_age_days: ask for new ones."),
    FIELD_INT(struct student, version, 1, 1e15, FIELD_REQUIRED,
              "Grows with each change; the ETag."),
    FIELD_TIME(struct student, created_at, FIELD_REQUIRED, "When it was registered."),
    FIELD_TIME(struct student, updated_at, FIELD_REQUIRED, "When it last changed."),
};
const struct schema student_schema = SCHEMA("Student", struct student, student_fields);
LIST_SCHEMA(student_list, "StudentList", student_schema)

static const struct field student_in_fields[] = {
    FIELD_STR(struct student_in, external_id, 1, 64, FIELD_REQUIRED,
              "The institution's number; unique."),
    FIELD_STR(struct student_in, name, 1, 200, FIELD_REQUIRED, "The student's name."),
    FIELD_STR(struct student_in, email, 0, 200, FIELD_NULLABLE, "An address."),
};
const struct schema student_in_schema =
    SCHEMA_PATCH("StudentIn", struct student_in, student_in_fields);

static const struct field student_patch_fields[] = {
    FIELD_STR(struct student_in, external_id, 1, 64, 0, "The institution's number; unique."),
    FIELD_STR(struct student_in, name, 1, 200, 0, "The student's name."),
    FIELD_STR(struct student_in, email, 0, 200, FIELD_NULLABLE, "An address."),
    FIELD_WORD(struct student_in, status, settable, 0, "active or inactive."),
};
const struct schema student_patch_schema =
    SCHEMA_PATCH("StudentPatch", struct student_in, student_patch_fields);

struct student_ctx {
    struct call *c;
    struct student *s;
    const struct student_in *in;
    int64_t if_match;
    struct student_filter filter;
    struct list_page page;
    struct student_id after;
    int limit, n;
    bool stale;
    int64_t removed;
};

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student_ctx *t = ctx;
    return student_insert(cx, t->s, e);
}

static usec_t max_age(const struct call *c)
{
    return c->api->env.config->template_max_age_days * USEC_PER_DAY;
}

static enum err count_photos(struct db_cx *cx, struct call *c, struct student *s, struct error *e)
{
    struct api_engine engine = call_engine(c);
    enum err r = template_count(cx, s->id, str_from(engine.encoder), str_from(engine.preprocessing),
                                &s->templates, e);
    if (r == ERR_OK)
        r = template_newest(cx, s->id, str_from(engine.encoder), str_from(engine.preprocessing),
                            &s->newest_template, e);
    s->other_templates = s->templates;
    if (r == ERR_OK && engine.other_encoder[0])
        r = template_count(cx, s->id, str_from(engine.other_encoder),
                           str_from(engine.other_preprocessing), &s->other_templates, e);
    s->stale = r == ERR_OK && enrolment_is_stale(s->newest_template, max_age(c), time_utc());
    return r;
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student_ctx *t = ctx;
    struct student_id id = t->s->id;
    enum err r = student_get(cx, t->c->a, id, t->s, e);
    return r ? r : count_photos(cx, t->c, t->s, e);
}

enum err student_create(struct call *c, struct error *e)
{
    const struct student_in *in = c->in;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct student), &memory, e);
    if (r)
        return r;
    struct student *s = memory;
    id_new(s->id.text);
    *s = (struct student){.id = s->id,
                          .external_id = in->external_id,
                          .name = in->name,
                          .email = in->email,
                          .status = STR("active"),
                          .version = 1,
                          .created_at = time_utc()};
    s->updated_at = s->created_at;
    struct student_ctx t = {.c = c, .s = s};
    r = db_tx(c->api->env.db, insert_fn, &t, e);
    c->out = s;
    c->version = 1;
    return r ? r : call_location(c, "/v1/students/", s->id.text, e);
}

enum err student_show(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct student), &memory, e);
    struct student_ctx t = {.c = c, .s = memory};
    if (r == ERR_OK)
        r = call_id(c, 0, t.s->id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    if (r)
        return r;
    c->out = t.s;
    c->version = t.s->version;
    return ERR_OK;
}

static enum err page_fn(struct db_cx *cx, struct student_ctx *t, struct error *e)
{
    const struct student_filter *f = &t->filter;
    struct student_id after;
    bool plain = page_by_id(&t->page) && !t->page.descending && !f->status.p &&
                 !f->course.text[0] && f->has_photos < 0 && f->has_consent < 0 && !f->search.p;
    memcpy(after.text, t->page.after, ID_TEXT);
    return plain ? student_list(cx, t->c->a, &t->c->who.scope, STR(""), after, t->page.limit, &t->s,
                                &t->n, e)
                 : student_search(cx, t->c->a, &t->c->who.scope, f, &t->page, &t->s, &t->n, e);
}

static enum err stale_fn(struct db_cx *cx, struct student_ctx *t, struct error *e)
{
    const struct student_stale stale = {.encoder = t->filter.encoder,
                                        .preprocessing = t->filter.preprocessing,
                                        .before = max_age(t->c) ? time_utc() - max_age(t->c) : 0};
    struct student_id after;
    memcpy(after.text, t->page.after, ID_TEXT);
    return student_list_stale(cx, t->c->a, &t->c->who.scope, &stale, after, t->page.limit, &t->s,
                              &t->n, e);
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student_ctx *t = ctx;
    struct api_engine engine = call_engine(t->c);
    t->filter.encoder = str_from(engine.encoder);
    t->filter.preprocessing = str_from(engine.preprocessing);
    enum err r = t->stale ? stale_fn(cx, t, e) : page_fn(cx, t, e);
    for (int i = 0; r == ERR_OK && i < t->n; i++)
        r = count_photos(cx, t->c, &t->s[i], e);
    return r;
}

static enum err read_filter(struct call *c, struct student_filter *f, struct error *e)
{
    struct str course;
    int status = -1;
    enum err r = call_query(c, "search", &f->search, e);
    if (r == ERR_OK)
        r = call_word(c, "status", statuses, &status, e);
    if (status >= 0)
        f->status = str_from(statuses[status]);
    if (r == ERR_OK)
        r = call_query(c, "course", &course, e);
    if (r == ERR_OK && course.p)
        r = error_wrap(e, id_parse(course, f->course.text, e), "course");
    if (r == ERR_OK)
        r = call_word(c, "photos", no_or_yes, &f->has_photos, e);
    return r ? r : call_word(c, "consent", no_or_yes, &f->has_consent, e);
}

enum err student_index(struct call *c, struct error *e)
{
    static const char *const sorts[] = {"name", "external_id", "created_at", NULL};
    struct student_ctx t = {.c = c};
    enum err r = call_sorted(c, sorts, &t.page, e);
    if (r == ERR_OK)
        r = read_filter(c, &t.filter, e);
    if (r == ERR_OK)
        r = call_flag(c, "stale", &t.stale, e);
    if (r == ERR_OK && t.stale && t.page.sort[0])
        r = error_set(e, ERR_INVALID, "stale=1 has an order of its own: leave sort out");
    if (r == ERR_OK)
        r = call_read(c, list_fn, &t, e);
    if (r)
        return r;
    const struct student *last = t.n == t.page.limit ? &t.s[t.n - 2] : NULL;
    bool by_name = strcmp(t.page.sort, "name") == 0;
    struct str key = last ? by_name ? call_fold(c, last->name) : last->external_id : STR("");
    return call_list_sorted(c, t.s, t.n, &t.page, sizeof *t.s, offsetof(struct student, id), key,
                            e);
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student_ctx *t = ctx;
    enum err r = get_fn(cx, ctx, e);
    if (r)
        return r;
    struct str *const members[] = {&t->s->external_id, &t->s->name, &t->s->email, &t->s->status};
    const struct str values[] = {t->in->external_id, t->in->name, t->in->email, t->in->status};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (t->in->has >> i & 1)
            *members[i] = values[i];
    t->s->version = t->if_match;
    t->s->updated_at = time_utc();
    return student_update(cx, t->s, &t->s->version, e);
}

enum err student_patch(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct student), &memory, e);
    struct student_ctx t = {.c = c, .s = memory, .in = c->in};
    if (r == ERR_OK)
        r = call_id(c, 0, t.s->id.text, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.if_match, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    c->out = t.s;
    c->version = r ? 0 : t.s->version;
    return r;
}

static enum err photos_delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student_ctx *t = ctx;
    struct student s;
    enum err r = student_get(cx, t->c->a, t->after, &s, e);
    if (r == ERR_OK)
        r = template_delete(cx, t->after, &t->removed, e);
    if (r == ERR_OK)
        r = kept_photo_delete(cx, t->after, NULL, e);
    int64_t version; /* workers find the pairs gone when their gallery forgets the student */
    return r ? r : look_alike_delete(cx, t->after, &version, e);
}

enum err photos_remove(struct call *c, struct error *e)
{
    struct student_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.after.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, photos_delete_fn, &t, e);
    return r ? r : call_gallery_changed(c, t.after, e);
}

struct upload_ctx {
    struct call *c;
    struct student_id student;
    struct job job;
    struct job_photo *photos;
    int n;
};

static enum err upload_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct upload_ctx *u = ctx;
    struct student s;
    enum err r = student_get(cx, u->c->a, u->student, &s, e);
    if (r == ERR_OK)
        r = consent_hold(cx, u->student, CONSENT_RECOGNITION, time_utc(), NULL, e);
    return r ? r : job_insert(cx, &u->job, u->photos, u->n, e);
}

/* Photos wait in the database until they are judged: sealed with the student's key, bound to their
 * job. */
static enum err seal_photos(struct upload_ctx *u, const struct seal_key *key,
                            const struct multipart *parts, struct error *e)
{
    const struct config *cfg = u->c->api->env.config;
    char context[64];
    snprintf(context, sizeof context, "photo|%s", u->job.id);
    if (parts->n > cfg->photos_max_per_request)
        return error_set(e, ERR_TOO_LARGE, "at most %lld photos in one request",
                         (long long)cfg->photos_max_per_request);
    u->photos = arena_array(u->c->a, (size_t)parts->n, sizeof *u->photos);
    if (!u->photos)
        return error_set(e, ERR_NOMEM, "no memory for %d photos", parts->n);
    for (u->n = 0; u->n < parts->n; u->n++) {
        const struct multipart_part *part = &parts->parts[u->n];
        struct job_photo *p = &u->photos[u->n];
        p->position = u->n;
        p->name = part->filename;
        if (part->body.n > (size_t)cfg->photo_max_bytes)
            return error_set(e, ERR_TOO_LARGE, "photo %d has %zu bytes, the limit is %lld",
                             u->n + 1, part->body.n, (long long)cfg->photo_max_bytes);
        enum err r = seal(key, u->c->a, str_from(context), part->body, &p->sealed, e);
        if (r)
            return r;
    }
    return ERR_OK;
}

/* The job is durable; a lost notice is found again by housekeeping, so a full queue is no error. */
static void notify_worker(struct call *c, const char *job)
{
    struct error ignored;
    struct work w = {.kind = WORK_ENROL};
    struct queue_push push = {.lane = QUEUE_JOB};
    memcpy(w.job, job, ID_TEXT);
    if (work_pack(c->a, &w, &push.bytes, &ignored) == ERR_OK) {
        enum err r = queue_push(c->api->env.queue, &push, &ignored);
        (void)r;
    }
}

enum err photos_create(struct call *c, struct error *e)
{
    struct upload_ctx u = {.c = c};
    struct multipart parts;
    enum err r = call_id(c, 0, u.student.text, e);
    if (r == ERR_OK)
        r = photos_of_request(c, &parts, e);
    if (r == ERR_OK)
        r = call_flag(c, "allow_look_alike", &u.job.allow_look_alike, e);
    if (r)
        return r;
    id_new(u.job.id);
    u.job.kind = STR("enrol");
    u.job.subject = str_from(u.student.text);
    u.job.actor = str_from(c->who.user);
    u.job.created_at = u.job.updated_at = time_utc();
    struct seal_key key;
    r = keystore_make(c->api->env.keystore, u.student, KEY_FACE, &key, e);
    if (r == ERR_OK)
        r = seal_photos(&u, &key, &parts, e);
    sodium_memzero(&key, sizeof key);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, upload_fn, &u, e);
    if (r)
        return r;
    notify_worker(c, u.job.id);
    r = job_output(c, u.job.id, e);
    return r ? r : call_location(c, "/v1/jobs/", u.job.id, e);
}
