/* API clients: keys of programs, and which cameras a session takes frames of. A key is told once,
 * when it is made; the store has its hash. What a kind may do at most is in auth/permission.c.
 * Handler threads; one transaction a call. After every change this process forgets what it
 * remembered of keys, so that a revoked one is refused at once. */
#include "api/handlers.h"

#include "store/api_client.h"
#include "store/live.h"

struct client_in {
    uint64_t has;
    struct str name, kind;
    struct str *scopes;
    int n_scopes;
    char camera[ID_TEXT];
    usec_t expires_at;
};

struct client_out {
    char id[ID_TEXT];
    struct str name, kind, prefix, created_by;
    struct str *scopes;
    int n_scopes;
    char camera[ID_TEXT];
    usec_t created_at, updated_at, expires_at, last_seen, revoked_at;
    int64_t version;
};

struct client_key_out {
    struct str key;
    struct client_out client;
};

#define SCOPES_MAX 32
static const struct field client_fields[] = {
    FIELD_ID(struct client_out, id, FIELD_REQUIRED, "The client's id."),
    FIELD_STR(struct client_out, name, 1, 100, FIELD_REQUIRED, "For people."),
    FIELD_WORD(struct client_out, kind, client_kind_names, FIELD_REQUIRED,
               "camera: posts frames as its camera; kiosk: reads sessions, too; service: a program "
               "with the scopes it is given."),
    FIELD_STRINGS(struct client_out, scopes, n_scopes, SCOPES_MAX, FIELD_REQUIRED,
                  "The permissions of the key."),
    FIELD_ID(struct client_out, camera, FIELD_NULLABLE, "The camera it is."),
    FIELD_STR(struct client_out, prefix, 0, 16, FIELD_REQUIRED, "How its key begins."),
    FIELD_STR(struct client_out, created_by, 0, 64, FIELD_REQUIRED, "A user's id, or local."),
    FIELD_TIME(struct client_out, created_at, FIELD_REQUIRED, "When it was made."),
    FIELD_TIME(struct client_out, updated_at, FIELD_REQUIRED, "When it was last changed."),
    FIELD_TIME(struct client_out, expires_at, FIELD_NULLABLE, "Until when the key is good."),
    FIELD_TIME(struct client_out, last_seen, FIELD_NULLABLE, "Its last request, to the minute."),
    FIELD_TIME(struct client_out, revoked_at, FIELD_NULLABLE, "Since when its key is worthless."),
    FIELD_INT(struct client_out, version, 1, 1e15, FIELD_REQUIRED,
              "Grows with each change; the ETag."),
};
const struct schema api_client_schema = SCHEMA("ApiClient", struct client_out, client_fields);
LIST_SCHEMA(api_client_list, "ApiClientList", api_client_schema)

#define CLIENT_IN(doc_scopes)                                                                      \
    FIELD_STRINGS(struct client_in, scopes, n_scopes, SCOPES_MAX, 0, doc_scopes),                  \
        FIELD_ID(struct client_in, camera, FIELD_NULLABLE,                                         \
                 "The camera it is: a camera has one, a kiosk may, a service may not."),           \
        FIELD_TIME(struct client_in, expires_at, FIELD_NULLABLE, "null: never.")
static const struct field client_in_fields[] = {
    FIELD_STR(struct client_in, name, 1, 100, FIELD_REQUIRED, "Unique."),
    CLIENT_IN("Permissions. Default: all that the kind may have; a service must name its own."),
    FIELD_WORD(struct client_in, kind, client_kind_names, FIELD_REQUIRED,
               "camera, kiosk, service."),
};
const struct schema api_client_in_schema =
    SCHEMA_PATCH("ApiClientIn", struct client_in, client_in_fields);
static const struct field client_patch_fields[] = {
    FIELD_STR(struct client_in, name, 1, 100, 0, "Unique."),
    CLIENT_IN("Permissions."),
};
const struct schema api_client_patch_schema =
    SCHEMA_PATCH("ApiClientPatch", struct client_in, client_patch_fields);
enum { HAS_NAME = 1, HAS_SCOPES = 2, HAS_CAMERA = 4, HAS_EXPIRES = 8 }; /* in both tables */

static const struct field client_key_fields[] = {
    FIELD_STR(struct client_key_out, key, 0, 64, FIELD_REQUIRED,
              "Send as Authorization: Bearer. It is told here and never again."),
    FIELD_OBJECT(struct client_key_out, client, &api_client_schema, FIELD_REQUIRED, "Whose it is."),
};
const struct schema api_client_key_schema =
    SCHEMA("ApiClientKey", struct client_key_out, client_key_fields);

struct client_ctx {
    struct call *c;
    const struct client_in *in;
    struct api_client client, *list;
    struct api_client_filter filter;
    char id[ID_TEXT];
    int64_t if_match;
    int n;
};

/* ---- between rows and bodies */

static enum err to_out(struct call *c, const struct api_client *from, struct client_out *o,
                       struct error *e)
{
    uint64_t perms;
    enum err r = perms_parse(from->scopes, &perms, e);
    o->scopes = arena_array(c->a, PERM_N, sizeof *o->scopes);
    if (r || !o->scopes)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for an API client");
    for (int p = 0; p < PERM_N; p++)
        if (perms >> p & 1)
            o->scopes[o->n_scopes++] = str_from(perm_name((enum perm)p));
    memcpy(o->id, from->id, ID_TEXT);
    memcpy(o->camera, from->camera.text, ID_TEXT);
    o->name = from->name;
    o->kind = from->kind;
    o->prefix = from->prefix;
    o->created_by = from->created_by;
    o->created_at = from->created_at;
    o->updated_at = from->updated_at;
    o->expires_at = from->expires_at;
    o->last_seen = from->last_seen;
    o->revoked_at = from->revoked_at;
    o->version = from->version;
    return ERR_OK;
}

static enum err output(struct call *c, const struct api_client *from, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct client_out), &memory, e);
    c->out = memory;
    c->version = r ? 0 : from->version;
    return r ? r : to_out(c, from, c->out, e);
}

static enum err output_key(struct call *c, const struct api_client *from, const char *key,
                           struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct client_key_out), &memory, e);
    if (r)
        return r;
    struct client_key_out *out = memory;
    out->key = arena_copy(c->a, str_from(key));
    c->out = out;
    c->version = from->version;
    return to_out(c, from, &out->client, e);
}

static enum err words_of(struct call *c, uint64_t perms, struct str *ret_words, struct error *e)
{
    char *text = arena_alloc(c->a, (size_t)PERM_N * 32);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for an API client");
    for (int p = 0; p < PERM_N; p++)
        if (perms >> p & 1) {
            const char *word = perm_name((enum perm)p);
            size_t n = strlen(text);
            memcpy(text + n + (n > 0), word, strlen(word));
            if (n)
                text[n] = ' ';
        }
    *ret_words = str_from(text);
    return ERR_OK;
}

static enum err take_scopes(struct call *c, const struct client_in *in, struct api_client *client,
                            struct error *e)
{
    enum client_kind kind = CLIENT_CAMERA;
    uint64_t all = 0, perms = 0;
    enum err r = client_kind_parse(client->kind, &kind, e);
    all = client_kind_perms(kind);
    if (r == ERR_OK && !(in->has & HAS_SCOPES)) {
        if (kind == CLIENT_SERVICE)
            return error_set(e, ERR_INVALID, "scopes: a service names the permissions it needs");
        return words_of(c, all, &client->scopes, e);
    }
    for (int i = 0; r == ERR_OK && i < in->n_scopes; i++) {
        uint64_t one;
        r = error_wrap(e, perms_parse(in->scopes[i], &one, e), "scopes");
        if (r == ERR_OK && one & ~all)
            r = error_set(e, ERR_INVALID, "scopes: a %s cannot have %.40s", client_kind_names[kind],
                          in->scopes[i].p);
        perms |= r ? 0 : one;
    }
    return r ? r : words_of(c, perms | 1ull << PERM_SELF, &client->scopes, e);
}

static enum err check_camera(const struct api_client *client, struct error *e)
{
    bool has = client->camera.text[0];
    if (str_is(client->kind, client_kind_names[CLIENT_CAMERA]) && !has)
        return error_set(e, ERR_INVALID, "camera: a key of kind camera belongs to a camera");
    if (str_is(client->kind, client_kind_names[CLIENT_SERVICE]) && has)
        return error_set(e, ERR_INVALID, "camera: a service has none");
    return ERR_OK;
}

static enum err check_expiry(const struct api_client *client, struct error *e)
{
    if (client->expires_at && client->expires_at <= time_utc())
        return error_set(e, ERR_INVALID, "expires_at lies in the past");
    return ERR_OK;
}

/* ---- handlers */

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct client_ctx *t = ctx;
    return api_client_insert(cx, &t->client, e);
}

/* A camera that does not exist is a fault of the body, not of the path. */
static enum err no_camera(enum err r, struct error *e)
{
    return r == ERR_NOT_FOUND ? error_set(e, ERR_INVALID, "camera: there is no such camera") : r;
}

enum err api_client_create(struct call *c, struct error *e)
{
    const struct client_in *in = c->in;
    struct client_ctx t = {.c = c};
    char key[API_KEY_TEXT];
    t.client = (struct api_client){.name = in->name,
                                   .kind = in->kind,
                                   .created_by = str_from(c->who.user),
                                   .created_at = time_utc(),
                                   .expires_at = in->expires_at,
                                   .version = 1};
    t.client.updated_at = t.client.created_at;
    memcpy(t.client.camera.text, in->camera, ID_TEXT);
    id_new(t.client.id);
    auth_api_key(key, t.client.key_hash);
    t.client.prefix = (struct str){key, API_KEY_PREFIX};
    enum err r = take_scopes(c, in, &t.client, e);
    if (r == ERR_OK)
        r = check_camera(&t.client, e);
    if (r == ERR_OK)
        r = check_expiry(&t.client, e);
    if (r == ERR_OK)
        r = no_camera(db_tx(c->api->env.db, insert_fn, &t, e), e);
    if (r == ERR_OK) {
        t.client.prefix = arena_copy(c->a, t.client.prefix);
        r = output_key(c, &t.client, key, e);
    }
    return r ? r : call_location(c, "/v1/api-clients/", t.client.id, e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct client_ctx *t = ctx;
    return api_client_get(cx, t->c->a, t->id, &t->client, e);
}

enum err api_client_show(struct call *c, struct error *e)
{
    struct client_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    return r ? r : output(c, &t.client, e);
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct client_ctx *t = ctx;
    return api_client_list(cx, t->c->a, &t->filter, &t->list, &t->n, e);
}

enum err api_client_index(struct call *c, struct error *e)
{
    struct client_ctx t = {.c = c};
    struct str camera;
    int limit, kind = -1;
    enum err r = call_page(c, &limit, t.filter.after, e);
    t.filter.limit = limit + 1;
    if (r == ERR_OK)
        r = call_word(c, "kind", client_kind_names, &kind, e);
    if (r == ERR_OK)
        r = call_flag(c, "revoked", &t.filter.revoked, e);
    if (r == ERR_OK)
        r = call_query(c, "camera", &camera, e);
    if (r == ERR_OK && camera.p)
        r = error_wrap(e, id_parse(camera, t.filter.camera.text, e), "camera");
    if (kind >= 0)
        t.filter.kind = str_from(client_kind_names[kind]);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    struct client_out *out = r ? NULL : arena_array(c->a, (size_t)t.n, sizeof *out);
    if (!out)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d API clients", t.n);
    for (int i = 0; r == ERR_OK && i < t.n; i++)
        r = to_out(c, &t.list[i], &out[i], e);
    return r ? r : call_list(c, out, t.n, limit, sizeof *out, offsetof(struct client_out, id), e);
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct client_ctx *t = ctx;
    enum err r = get_fn(cx, ctx, e);
    if (r)
        return r;
    if (t->in->has & HAS_NAME)
        t->client.name = t->in->name;
    if (t->in->has & HAS_CAMERA)
        memcpy(t->client.camera.text, t->in->camera, ID_TEXT);
    if (t->in->has & HAS_EXPIRES)
        t->client.expires_at = t->in->expires_at;
    if (t->in->has & HAS_SCOPES)
        r = take_scopes(t->c, t->in, &t->client, e);
    if (r == ERR_OK)
        r = check_camera(&t->client, e);
    if (r == ERR_OK && t->in->has & HAS_EXPIRES)
        r = check_expiry(&t->client, e);
    t->client.version = t->if_match;
    t->client.updated_at = time_utc();
    return r ? r : api_client_update(cx, &t->client, &t->client.version, e);
}

enum err api_client_patch(struct call *c, struct error *e)
{
    struct client_ctx t = {.c = c, .in = c->in};
    enum err r = call_id(c, 0, t.id, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.if_match, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    auth_forget(c->api->env.auth);
    return r ? r : output(c, &t.client, e);
}

static enum err rotate_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct client_ctx *t = ctx;
    struct api_client fresh = t->client;
    memcpy(fresh.id, t->id, ID_TEXT);
    enum err r = api_client_rotate(cx, &fresh, &fresh.version, e);
    return r ? r : get_fn(cx, ctx, e);
}

enum err api_client_renew(struct call *c, struct error *e)
{
    struct client_ctx t = {.c = c};
    char key[API_KEY_TEXT];
    auth_api_key(key, t.client.key_hash);
    t.client.prefix = arena_copy(c->a, (struct str){key, API_KEY_PREFIX});
    t.client.updated_at = time_utc();
    enum err r = call_id(c, 0, t.id, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, rotate_fn, &t, e);
    auth_forget(c->api->env.auth);
    return r ? r : output_key(c, &t.client, key, e);
}

static enum err revoke_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct client_ctx *t = ctx;
    return api_client_revoke(cx, t->id, time_utc(), e);
}

enum err api_client_remove(struct call *c, struct error *e)
{
    struct client_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, revoke_fn, &t, e);
    auth_forget(c->api->env.auth);
    return r;
}
