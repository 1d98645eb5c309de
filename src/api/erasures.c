/* Erasures and their receipts: see the route table. Handler threads. Deleting a student and
 * withdrawing a consent (consents.c) are store/erasure.h; the galleries are told here. */
#include "api/handlers.h"

#include "attendance/event.h"
#include "store/erasure.h"

static const char *const scopes[] = {"face", "student", NULL};

static const struct field erasure_fields[] = {
    FIELD_ID(struct erasure, id, FIELD_REQUIRED, "The erasure's id."),
    FIELD_ID(struct erasure, student, FIELD_REQUIRED, "Whose; the row may be gone."),
    FIELD_WORD(struct erasure, scope, scopes, FIELD_REQUIRED,
               "face: templates and photos; student: all that names the student."),
    FIELD_STR(struct erasure, reason, 1, 64, FIELD_REQUIRED,
              "consent_withdrawn, consent_expired or deleted."),
    FIELD_TIME(struct erasure, at, FIELD_REQUIRED, "When."),
    FIELD_STR(struct erasure, statement, 1, 4096, FIELD_REQUIRED,
              "The lines that are signed: what was removed, and which keys were destroyed."),
    FIELD_STR(struct erasure, signature, 128, 128, FIELD_REQUIRED,
              "Ed25519 over the bytes of the statement, hexadecimal."),
    FIELD_STR(struct erasure, public_key, 64, 64, FIELD_REQUIRED,
              "Of this installation, hexadecimal; also in GET /v1/register/verification."),
};
const struct schema erasure_schema = SCHEMA("Erasure", struct erasure, erasure_fields);
LIST_SCHEMA(erasure_page, "ErasureList", erasure_schema)

struct erasure_env call_erasure(const struct call *c)
{
    return (struct erasure_env){.db = c->api->env.db,
                                .keystore = c->api->env.keystore,
                                .hasher = &c->api->env.marks.hasher,
                                .key = &c->api->env.sign_key};
}

enum err call_gallery_changed(struct call *c, struct student_id student, struct error *e)
{
    int64_t id;
    return bus_publish(c->api->env.bus, STR(EVENT_TOPIC_GALLERY), str_from(student.text), &id, e);
}

enum err student_remove(struct call *c, struct error *e)
{
    const struct erasure_env env = call_erasure(c);
    struct student_id student;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct erasure), &memory, e);
    if (r == ERR_OK)
        r = call_id(c, 0, student.text, e);
    if (r == ERR_OK)
        r = erasure_student(&env, c->a, student, str_from(c->who.user), memory, e);
    if (r == ERR_OK)
        auth_forget(c->api->env.auth); /* the student's user is gone */
    c->out = memory;
    return r ? r : call_gallery_changed(c, student, e);
}

struct erasure_ctx {
    struct call *c;
    char id[ID_TEXT];
    struct student_id student;
    struct erasure *list;
    int limit, n;
};

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct erasure_ctx *t = ctx;
    return erasure_get(cx, t->c->a, t->id, t->list, e);
}

enum err erasure_show(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct erasure), &memory, e);
    struct erasure_ctx t = {.c = c, .list = memory};
    if (r == ERR_OK)
        r = call_id(c, 0, t.id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    c->out = memory;
    return r;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct erasure_ctx *t = ctx;
    return erasure_list(cx, t->c->a, t->student, t->id, t->limit + 1, &t->list, &t->n, e);
}

enum err erasure_index(struct call *c, struct error *e)
{
    struct erasure_ctx t = {.c = c};
    struct str student = {0};
    enum err r = call_page(c, &t.limit, t.id, e);
    if (r == ERR_OK)
        r = call_query(c, "student", &student, e);
    if (r == ERR_OK && student.n)
        r = id_parse(student, t.student.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r
             : call_list(c, t.list, t.n, t.limit, sizeof *t.list, offsetof(struct erasure, id), e);
}
