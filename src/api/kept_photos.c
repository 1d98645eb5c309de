/* Enrolment photos that are kept: see the route table. Handler threads. A picture is opened for the
 * answer alone; who asked is in the audit trail. */
#include "api/handlers.h"

#include "store/kept_photo.h"
#include "store/keystore.h"
#include "store/student.h"

#include <stdio.h>

#include <sodium.h>

static const struct field kept_photo_fields[] = {
    FIELD_ID(struct kept_photo, id, FIELD_REQUIRED, "The photo's id."),
    FIELD_TIME(struct kept_photo, created_at, FIELD_REQUIRED, "When it was accepted."),
    FIELD_TIME(struct kept_photo, kept_until, FIELD_REQUIRED, "When it is removed at the latest."),
};
const struct schema kept_photo_schema = SCHEMA("KeptPhoto", struct kept_photo, kept_photo_fields);
LIST_SCHEMA(kept_photo_list, "KeptPhotoList", kept_photo_schema)

struct kept_ctx {
    struct call *c;
    struct student_id student;
    char id[ID_TEXT];
    struct kept_photo *list, photo;
    int limit, n;
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct kept_ctx *t = ctx;
    struct student s;
    enum err r = student_get(cx, t->c->a, t->student, &s, e);
    return r ? r
             : kept_photo_list(cx, t->c->a, t->student, t->id, t->limit + 1, &t->list, &t->n, e);
}

enum err kept_photo_index(struct call *c, struct error *e)
{
    struct kept_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = call_page(c, &t.limit, t.id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r
             : call_list(c, t.list, t.n, t.limit, sizeof *t.list, offsetof(struct kept_photo, id),
                         e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct kept_ctx *t = ctx;
    return kept_photo_get(cx, t->c->a, t->student, t->id, &t->photo, e);
}

/* By the first bytes; the decoder accepted one of these once. */
static struct str type_of(struct str image)
{
    static const struct {
        const char *magic;
        size_t n;
        struct str type;
    } types[] = {{"\xff\xd8", 2, STR("image/jpeg")},
                 {"\x89PNG", 4, STR("image/png")},
                 {"RIFF", 4, STR("image/webp")}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (image.n >= types[i].n && memcmp(image.p, types[i].magic, types[i].n) == 0)
            return types[i].type;
    return STR("application/octet-stream");
}

enum err kept_photo_show(struct call *c, struct error *e)
{
    struct kept_ctx t = {.c = c};
    char context[64];
    struct seal_key key;
    enum err r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = call_id(c, 1, t.id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    if (r == ERR_OK)
        r = keystore_get(c->api->env.keystore, t.student, KEY_FACE, &key, e);
    snprintf(context, sizeof context, "photo|%s", t.photo.job);
    if (r == ERR_OK)
        r = unseal(&key, c->a, str_from(context), t.photo.sealed, &c->raw_body, e);
    sodium_memzero(&key, sizeof key);
    if (r == ERR_OK)
        c->raw_type = type_of(c->raw_body);
    return r;
}
