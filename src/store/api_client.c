/* API clients: see api_client.h. SQL in sql/api_client.sql. Inside db_tx or db_read, any thread.
 * Invariant: only the hash of a key is here, and it is never read back. */
#include "store/api_client.h"

#include "store/rows.h"

static const char no_camera[] = "there is no such camera";

static struct db_value hash_value(const uint8_t *hash)
{
    return db_blob((struct str){(const char *)hash, TOKEN_HASH_BYTES});
}

static struct db_value camera_value(const struct camera_id *id)
{
    return id->text[0] ? db_text(id->text) : db_null();
}

static void api_client_read(struct row *row, void *ret_item)
{
    struct api_client *c = ret_item;
    db_col_copy(row->rows, "id", c->id, sizeof c->id);
    c->name = row_str(row, "name");
    c->kind = row_str(row, "kind");
    c->scopes = row_str(row, "scopes");
    db_col_copy(row->rows, "camera_id", c->camera.text, sizeof c->camera.text);
    c->prefix = row_str(row, "prefix");
    c->created_by = row_str(row, "created_by");
    c->created_at = db_col_int(row->rows, "created_at");
    c->updated_at = db_col_int(row->rows, "updated_at");
    c->expires_at = db_col_int(row->rows, "expires_at");
    c->last_seen = db_col_int(row->rows, "last_seen");
    c->revoked_at = db_col_int(row->rows, "revoked_at");
    c->version = db_col_int(row->rows, "version");
}

/* A unique name and a foreign key are both a CONFLICT of the driver: ask which. */
static enum err camera_exists(struct db_cx *cx, const struct camera_id *id, struct error *e)
{
    const struct db_value args[] = {db_text(id->text)};
    int64_t at;
    bool has = true;
    enum err r =
        id->text[0] ? rows_int(cx, Q_CAMERA_BY_ID, args, 1, "created_at", &at, &has, e) : ERR_OK;
    return r || has ? r : error_set(e, ERR_NOT_FOUND, "%s", no_camera);
}

enum err api_client_insert(struct db_cx *cx, const struct api_client *c, struct error *e)
{
    const struct db_value args[] = {
        db_text(c->id),        text_of(c->name),         text_of(c->kind),
        text_of(c->scopes),    camera_value(&c->camera), hash_value(c->key_hash),
        text_of(c->prefix),    text_of(c->created_by),   time_or_now(c->created_at),
        db_int(c->expires_at),
    };
    enum err r = camera_exists(cx, &c->camera, e);
    return r ? r : db_exec(cx, Q_API_CLIENT_INSERT, args, ARRAY_LEN(args), NULL, e);
}

enum err api_client_get(struct db_cx *cx, struct arena *a, const char *id,
                        struct api_client *ret_client, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    struct api_client c = {0};
    enum err r =
        rows_one(cx, Q_API_CLIENT_BY_ID, args, 1, a, api_client_read, &c, "such API client", e);
    if (!r)
        *ret_client = c;
    return r;
}

enum err api_client_by_key(struct db_cx *cx, struct arena *a,
                           const uint8_t hash[static TOKEN_HASH_BYTES], usec_t now,
                           struct api_client *ret_client, struct error *e)
{
    const struct db_value args[] = {hash_value(hash), db_int(now)};
    struct api_client c = {0};
    enum err r = rows_one(cx, Q_API_CLIENT_BY_KEY, args, ARRAY_LEN(args), a, api_client_read, &c,
                          "such key", e);
    if (!r)
        *ret_client = c;
    return error_replace(e, r, ERR_NOT_FOUND, ERR_UNAUTHENTICATED,
                         "this API key is unknown, expired or revoked");
}

enum err api_client_list(struct db_cx *cx, struct arena *a, const struct api_client_filter *f,
                         struct api_client **ret_clients, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(f->after), text_of(f->kind), db_text(f->camera.text),
                                    db_int(f->revoked), db_int(f->limit)};
    return rows_all(cx, Q_API_CLIENT_LIST, args, ARRAY_LEN(args), a, api_client_read,
                    sizeof(struct api_client), ret_clients, ret_n, e);
}

/* No row with this id and version that is not revoked: says why. */
static enum err missed(struct db_cx *cx, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t revoked_at = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_API_CLIENT_BY_ID, args, 1, "revoked_at", &revoked_at, &has, e);
    if (r)
        return r;
    if (!has || revoked_at)
        return error_set(e, ERR_NOT_FOUND, "there is no such API client%s",
                         has ? " any more: it was revoked" : "");
    return error_set(e, ERR_PRECONDITION, "the API client was changed by someone else");
}

enum err api_client_update(struct db_cx *cx, const struct api_client *c, int64_t *ret_version,
                           struct error *e)
{
    const struct db_value args[] = {
        db_text(c->id),           text_of(c->name),      text_of(c->scopes),
        camera_value(&c->camera), db_int(c->expires_at), time_or_now(c->updated_at),
        db_int(c->version),
    };
    bool has = false;
    enum err r = camera_exists(cx, &c->camera, e);
    if (!r)
        r = rows_int(cx, Q_API_CLIENT_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has,
                     e);
    return r || has ? r : missed(cx, c->id, e);
}

enum err api_client_rotate(struct db_cx *cx, const struct api_client *c, int64_t *ret_version,
                           struct error *e)
{
    const struct db_value args[] = {db_text(c->id), hash_value(c->key_hash), text_of(c->prefix),
                                    time_or_now(c->updated_at)};
    bool has = false;
    enum err r =
        rows_int(cx, Q_API_CLIENT_ROTATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    return r || has ? r : missed(cx, c->id, e);
}

enum err api_client_revoke(struct db_cx *cx, const char *id, usec_t at, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(at)};
    int64_t version;
    enum err r = rows_int(cx, Q_API_CLIENT_BY_ID, args, 1, "version", &version, NULL, e);
    r = error_replace(e, r, ERR_NOT_FOUND, ERR_NOT_FOUND, "there is no such API client");
    return r ? r : db_exec(cx, Q_API_CLIENT_REVOKE, args, ARRAY_LEN(args), NULL, e);
}

enum err api_client_seen(struct db_cx *cx, const char *id, usec_t at, usec_t unless_after,
                         struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(at), db_int(unless_after)};
    return db_exec(cx, Q_API_CLIENT_SEEN, args, ARRAY_LEN(args), NULL, e);
}

static enum err session_bump(struct db_cx *cx, struct session_id session, int64_t *ret_version,
                             struct error *e)
{
    const struct db_value args[] = {db_text(session.text)};
    enum err r = rows_int(cx, Q_SESSION_VERSION_BUMP, args, 1, "version", ret_version, NULL, e);
    return error_replace(e, r, ERR_NOT_FOUND, ERR_NOT_FOUND, "there is no such session");
}

enum err session_camera_add(struct db_cx *cx, struct session_id session, struct camera_id camera,
                            int64_t *ret_version, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(camera.text)};
    enum err r = session_bump(cx, session, ret_version, e);
    if (!r)
        r = camera_exists(cx, &camera, e);
    return r ? r : db_exec(cx, Q_SESSION_CAMERA_ADD, args, ARRAY_LEN(args), NULL, e);
}

enum err session_camera_remove(struct db_cx *cx, struct session_id session, struct camera_id camera,
                               int64_t *ret_version, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(camera.text)};
    int64_t removed = 0;
    enum err r = session_bump(cx, session, ret_version, e);
    if (!r)
        r = db_exec(cx, Q_SESSION_CAMERA_REMOVE, args, ARRAY_LEN(args), &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "the camera is not assigned to this session");
    return r;
}

static void camera_id_read(struct row *row, void *ret_item)
{
    struct camera_id *id = ret_item;
    db_col_copy(row->rows, "camera_id", id->text, sizeof id->text);
}

enum err session_camera_list(struct db_cx *cx, struct arena *a, struct session_id session,
                             struct camera_id **ret_ids, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(session.text)};
    return rows_all(cx, Q_SESSION_CAMERA_LIST, args, 1, a, camera_id_read, sizeof(struct camera_id),
                    ret_ids, ret_n, e);
}
