/* Which cameras a session takes frames of: none assigned, any camera; else those alone. It binds
 * keys that belong to a camera (api_clients.c); users with the permission post as they say. Handler
 * threads; the list of a session is cached as its policy is. */
#include "api/frame_in.h"

#include "bus/cached.h"
#include "store/api_client.h"
#include "store/live.h"

struct session_camera_out {
    char id[ID_TEXT];
};

static const struct field session_camera_fields[] = {
    FIELD_ID(struct session_camera_out, id, FIELD_REQUIRED, "The camera's id."),
};
const struct schema session_camera_schema =
    SCHEMA("SessionCamera", struct session_camera_out, session_camera_fields);
LIST_SCHEMA(session_camera_list, "SessionCameraList", session_camera_schema)

struct assign_ctx {
    struct call *c;
    struct session_id session;
    struct camera_id camera, *list;
    int64_t version;
    bool remove;
    int n;
};

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct assign_ctx *t = ctx;
    struct session s;
    enum err r = session_get(cx, t->c->a, t->session, &s, e);
    return r ? r : session_camera_list(cx, t->c->a, t->session, &t->list, &t->n, e);
}

enum err session_camera_index(struct call *c, struct error *e)
{
    _Static_assert(sizeof(struct camera_id) == sizeof(struct session_camera_out), "same layout");
    struct assign_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.session.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r : call_list(c, t.list, t.n, t.n, sizeof *t.list, 0, e);
}

static enum err assign_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct assign_ctx *t = ctx;
    return t->remove ? session_camera_remove(cx, t->session, t->camera, &t->version, e)
                     : session_camera_add(cx, t->session, t->camera, &t->version, e);
}

static enum err assign(struct call *c, bool remove, struct error *e)
{
    struct assign_ctx t = {.c = c, .remove = remove};
    enum err r = call_id(c, 0, t.session.text, e);
    if (r == ERR_OK)
        r = call_id(c, 1, t.camera.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, assign_fn, &t, e);
    if (r == ERR_OK)
        live_session_changed(c->api, t.session, t.version);
    return r;
}

enum err session_camera_put(struct call *c, struct error *e) { return assign(c, false, e); }

enum err session_camera_delete(struct call *c, struct error *e) { return assign(c, true, e); }

static bool listed(struct str bytes, const struct camera_id *camera)
{
    for (size_t at = 0; at + sizeof *camera <= bytes.n; at += sizeof *camera)
        if (strcmp(bytes.p + at, camera->text) == 0)
            return true;
    return false;
}

enum err frame_in_camera(struct call *c, struct work_frame *f, struct error *e)
{
    const struct camera_id *mine = &c->who.camera;
    char key[LIVE_KEY];
    struct str bytes;
    if (!mine->text[0])
        return ERR_OK;
    if (f->camera.text[0] && strcmp(f->camera.text, mine->text) != 0)
        return error_set(e, ERR_FORBIDDEN, "this key is another camera's: leave `camera` out");
    f->camera = *mine;
    struct live_source from = {.db = c->api->env.db, .session = f->session};
    live_cameras_key(f->session, key);
    enum err r = bus_cached(c->api->env.bus, c->a, str_from(key),
                            c->api->env.config->cache_ttl_s * USEC_PER_SEC, live_cameras_load,
                            &from, &bytes, e);
    if (r == ERR_OK && bytes.n && !listed(bytes, mine))
        return error_set(e, ERR_FORBIDDEN,
                         "this camera is not one of the session's: it has others assigned");
    return r;
}
