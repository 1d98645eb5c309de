/* Cameras: registered frame sources. Handler threads; one query a call. */
#include "api/handlers.h"

#include "store/session.h"

struct camera_in {
    struct str name, room;
};

static const struct field camera_fields[] = {
    FIELD_ID(struct camera, id, FIELD_REQUIRED, "The camera's id."),
    FIELD_STR(struct camera, name, 1, 100, FIELD_REQUIRED, "Unique."),
    FIELD_STR(struct camera, room, 0, 100, FIELD_REQUIRED, "Where it stands; may be empty."),
    FIELD_TIME(struct camera, created_at, FIELD_REQUIRED, "When it was registered."),
};
const struct schema camera_schema = SCHEMA("Camera", struct camera, camera_fields);
LIST_SCHEMA(camera_list, "CameraList", camera_schema)

static const struct field camera_in_fields[] = {
    FIELD_STR(struct camera_in, name, 1, 100, FIELD_REQUIRED, "Unique."),
    FIELD_STR(struct camera_in, room, 0, 100, 0, "Where it stands."),
};
const struct schema camera_in_schema = SCHEMA("CameraIn", struct camera_in, camera_in_fields);

struct camera_ctx {
    struct call *c;
    struct camera *camera;
    struct camera_id id;
    int limit, n;
};

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    return camera_insert(cx, t->camera, e);
}

enum err camera_create(struct call *c, struct error *e)
{
    const struct camera_in *in = c->in;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct camera), &memory, e);
    if (r)
        return r;
    struct camera_ctx t = {.c = c, .camera = memory};
    id_new(t.camera->id.text);
    t.camera->name = in->name;
    t.camera->room = in->room.p ? in->room : STR("");
    t.camera->created_at = time_utc();
    r = db_tx(c->api->env.db, insert_fn, &t, e);
    c->out = t.camera;
    return r ? r : call_location(c, "/v1/cameras/", t.camera->id.text, e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    return camera_get(cx, t->c->a, t->id, t->camera, e);
}

enum err camera_show(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct camera), &memory, e);
    struct camera_ctx t = {.c = c, .camera = memory};
    if (r == ERR_OK)
        r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    c->out = t.camera;
    return r;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    return camera_list(cx, t->c->a, t->id, t->limit + 1, &t->camera, &t->n, e);
}

enum err camera_index(struct call *c, struct error *e)
{
    struct camera_ctx t = {.c = c};
    enum err r = call_page(c, &t.limit, t.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r
             : call_list(c, t.camera, t.n, t.limit, sizeof *t.camera, offsetof(struct camera, id),
                         e);
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    return camera_delete(cx, t->id, e);
}

enum err camera_remove(struct call *c, struct error *e)
{
    struct camera_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id.text, e);
    return r ? r : db_tx(c->api->env.db, delete_fn, &t, e);
}
