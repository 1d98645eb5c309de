/* Consents of students: see the route table. Handler threads; a few queries a call. Withdrawing the
 * consent to recognition erases the face (store/erasure.h). */
#include "api/handlers.h"

#include "store/consent.h"
#include "store/student.h"

struct consent_out {
    char id[ID_TEXT], replaced_by[ID_TEXT];
    struct str purpose, text_version, recorded_by;
    usec_t given_at, expires_at, withdrawn_at;
    bool live;
};

struct consent_in {
    struct str purpose, text_version;
    usec_t given_at, expires_at;
};

static const struct field consent_fields[] = {
    FIELD_ID(struct consent_out, id, FIELD_REQUIRED, "The consent's id."),
    FIELD_WORD(struct consent_out, purpose, consent_purposes, FIELD_REQUIRED,
               "recognition: templates, and being recognised; photos: keeping enrolment photos."),
    FIELD_STR(
        struct consent_out, text_version, 1, 64, FIELD_REQUIRED,
        "Which words were agreed to; before-consents: nobody recorded a consent when the face "
        "was enrolled."),
    FIELD_TIME(struct consent_out, given_at, FIELD_REQUIRED, "When it was given."),
    FIELD_TIME(struct consent_out, expires_at, FIELD_NULLABLE, "When it ends; null: never."),
    FIELD_TIME(struct consent_out, withdrawn_at, FIELD_NULLABLE, "When it was withdrawn; or null."),
    FIELD_ID(struct consent_out, replaced_by, FIELD_NULLABLE,
             "The newer consent that took its place; or null."),
    FIELD_STR(struct consent_out, recorded_by, 0, 64, FIELD_REQUIRED,
              "Who recorded it: a user's id, local or migration."),
    FIELD_BOOL(struct consent_out, live, FIELD_REQUIRED, "It stands."),
};
const struct schema consent_schema = SCHEMA("Consent", struct consent_out, consent_fields);
LIST_SCHEMA(consent_list, "ConsentList", consent_schema)

static const struct field consent_in_fields[] = {
    FIELD_WORD(struct consent_in, purpose, consent_purposes, FIELD_REQUIRED,
               "recognition or photos."),
    FIELD_STR(struct consent_in, text_version, 1, 64, FIELD_REQUIRED,
              "Which words were agreed to."),
    FIELD_TIME(struct consent_in, given_at, 0, "When it was given; default now."),
    FIELD_TIME(struct consent_in, expires_at, FIELD_NULLABLE, "When it ends; default never."),
};
const struct schema consent_in_schema = SCHEMA("ConsentIn", struct consent_in, consent_in_fields);

struct consent_ctx {
    struct call *c;
    struct student_id student;
    struct consent consent;
    struct consent *list;
    char id[ID_TEXT];
    int limit, n;
};

static void fill(const struct consent *c, struct consent_out *ret_out)
{
    *ret_out = (struct consent_out){.purpose = str_from(consent_purposes[c->purpose]),
                                    .text_version = c->text_version,
                                    .recorded_by = c->recorded_by,
                                    .given_at = c->given_at,
                                    .expires_at = c->expires_at,
                                    .withdrawn_at = c->withdrawn_at,
                                    .live = c->live};
    memcpy(ret_out->id, c->id, ID_TEXT);
    memcpy(ret_out->replaced_by, c->replaced_by, ID_TEXT);
}

static enum err show(struct call *c, const struct consent *consent, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct consent_out), &memory, e);
    if (r)
        return r;
    fill(consent, memory);
    c->out = memory;
    return ERR_OK;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct consent_ctx *t = ctx;
    struct student s;
    enum err r = student_get(cx, t->c->a, t->student, &s, e);
    return r ? r : consent_list(cx, t->c->a, t->student, t->id, t->limit + 1, &t->list, &t->n, e);
}

enum err consent_index(struct call *c, struct error *e)
{
    struct consent_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = call_page(c, &t.limit, t.id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    if (r)
        return r;
    struct consent_out *out = arena_array(c->a, (size_t)t.n + 1, sizeof *out);
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory for %d consents", t.n);
    for (int i = 0; i < t.n; i++)
        fill(&t.list[i], &out[i]);
    return call_list(c, out, t.n, t.limit, sizeof *out, offsetof(struct consent_out, id), e);
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct consent_ctx *t = ctx;
    struct student s;
    enum err r = student_get(cx, t->c->a, t->student, &s, e);
    if (r == ERR_OK && str_is(s.status, "erased"))
        r = error_set(e, ERR_CONFLICT, "this student is erased");
    return r ? r : consent_insert(cx, &t->consent, e);
}

enum err consent_create(struct call *c, struct error *e)
{
    const struct consent_in *in = c->in;
    usec_t now = time_utc();
    struct consent_ctx t = {.c = c,
                            .consent = {.text_version = in->text_version,
                                        .recorded_by = str_from(c->who.user),
                                        .given_at = in->given_at ? in->given_at : now,
                                        .expires_at = in->expires_at,
                                        .live = true}};
    enum err r = call_id(c, 0, t.student.text, e);
    if (r)
        return r;
    if (t.consent.given_at > now)
        return error_set(e, ERR_INVALID, "given_at is in the future");
    if (t.consent.expires_at && t.consent.expires_at <= now)
        return error_set(e, ERR_INVALID, "expires_at is in the past");
    while (!str_is(in->purpose, consent_purposes[t.consent.purpose]))
        t.consent.purpose++; /* the schema lets only these words in */
    t.consent.student = t.student;
    id_new(t.consent.id);
    r = db_tx(c->api->env.db, insert_fn, &t, e);
    return r ? r : show(c, &t.consent, e);
}

struct consent_end_out {
    struct consent_out consent;
    struct erasure *erasure; /* NULL: nothing was erased */
};

static const struct field consent_end_fields[] = {
    FIELD_OBJECT(struct consent_end_out, consent, &consent_schema, FIELD_REQUIRED, "As it is now."),
    FIELD_POINTER(struct consent_end_out, erasure, &erasure_schema,
                  "The receipt of what was erased with a consent to recognition; else null."),
};
const struct schema consent_end_schema =
    SCHEMA("ConsentEnd", struct consent_end_out, consent_end_fields);

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct consent_ctx *t = ctx;
    return consent_get(cx, t->c->a, t->student, t->id, &t->consent, e);
}

enum err consent_end(struct call *c, struct error *e)
{
    const struct erasure_env env = call_erasure(c);
    struct consent_ctx t = {.c = c};
    void *memory, *erasure;
    enum err r = call_alloc(c, sizeof(struct consent_end_out), &memory, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct erasure), &erasure, e);
    if (r == ERR_OK)
        r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = call_id(c, 1, t.id, e);
    if (r == ERR_OK)
        r = erasure_withdraw(&env, c->a, t.student, t.id, "consent_withdrawn",
                             str_from(c->who.user), erasure, e);
    if (r == ERR_OK)
        r = call_gallery_changed(c, t.student, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    if (r)
        return r;
    struct consent_end_out *out = memory;
    fill(&t.consent, &out->consent);
    out->erasure = ((struct erasure *)erasure)->id[0] ? erasure : NULL;
    c->out = out;
    return ERR_OK;
}
