/* Cameras: registered frame sources. Handler threads; one or two queries a call. */
#include "api/handlers.h"

#include "store/session.h"

struct camera_in {
    uint64_t has;
    struct str name, room;
    char room_id[ID_TEXT];
};

static const struct field camera_fields[] = {
    FIELD_ID(struct camera, id, FIELD_REQUIRED, "The camera's id."),
    FIELD_STR(struct camera, name, 1, 100, FIELD_REQUIRED, "Unique."),
    FIELD_STR(struct camera, room, 0, 100, FIELD_REQUIRED, "Where it stands, in words."),
    FIELD_ID(struct camera, room_id, FIELD_NULLABLE, "The room it stands in."),
    FIELD_TIME(struct camera, last_seen, FIELD_NULLABLE, "Its last frame, to the minute."),
    FIELD_INT(struct camera, version, 1, 1e15, FIELD_REQUIRED, "Grows with each change; the ETag."),
    FIELD_TIME(struct camera, created_at, FIELD_REQUIRED, "When it was registered."),
    FIELD_TIME(struct camera, updated_at, FIELD_REQUIRED, "When it was last changed."),
};
const struct schema camera_schema = SCHEMA("Camera", struct camera, camera_fields);
LIST_SCHEMA(camera_list, "CameraList", camera_schema)

#define CAMERA_IN(required)                                                                        \
    FIELD_STR(struct camera_in, name, 1, 100, required, "Unique."),                                \
        FIELD_STR(struct camera_in, room, 0, 100, 0, "Where it stands, in words."),                \
        FIELD_ID(struct camera_in, room_id, FIELD_NULLABLE, "The room it stands in.")
static const struct field camera_in_fields[] = {CAMERA_IN(FIELD_REQUIRED)};
static const struct field camera_patch_fields[] = {CAMERA_IN(0)};
const struct schema camera_in_schema = SCHEMA_PATCH("CameraIn", struct camera_in, camera_in_fields);
const struct schema camera_patch_schema =
    SCHEMA_PATCH("CameraPatch", struct camera_in, camera_patch_fields);
enum { HAS_NAME = 1, HAS_ROOM = 2, HAS_ROOM_ID = 4 };

struct camera_ctx {
    struct call *c;
    struct camera *camera;
    struct camera_id id;
    int64_t if_match;
    struct str search;
    char room_id[ID_TEXT];
    struct list_page page;
    int n;
};

static void apply(const struct camera_in *in, struct camera *camera)
{
    if (in->has & HAS_NAME)
        camera->name = in->name;
    if (in->has & HAS_ROOM)
        camera->room = in->room;
    if (in->has & HAS_ROOM_ID)
        memcpy(camera->room_id, in->room_id, ID_TEXT);
}

/* A room that does not exist is a fault of the body, not of the path. */
static enum err no_room(enum err r, struct error *e)
{
    return r == ERR_NOT_FOUND ? error_set(e, ERR_INVALID, "room_id: there is no such room") : r;
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    return no_room(camera_insert(cx, t->camera, e), e);
}

enum err camera_create(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct camera), &memory, e);
    if (r)
        return r;
    struct camera_ctx t = {.c = c, .camera = memory};
    *t.camera = (struct camera){.room = STR(""), .version = 1, .created_at = time_utc()};
    t.camera->updated_at = t.camera->created_at;
    id_new(t.camera->id.text);
    apply(c->in, t.camera);
    r = db_tx(c->api->env.db, insert_fn, &t, e);
    c->out = t.camera;
    c->version = 1;
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
    c->version = r ? 0 : t.camera->version;
    return r;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    return camera_list(cx, t->c->a, t->search, t->room_id, &t->page, &t->camera, &t->n, e);
}

enum err camera_index(struct call *c, struct error *e)
{
    static const char *const sorts[] = {"name", "created_at", NULL};
    struct camera_ctx t = {.c = c};
    struct str room;
    enum err r = call_sorted(c, sorts, &t.page, e);
    if (r == ERR_OK)
        r = call_query(c, "search", &t.search, e);
    if (r == ERR_OK)
        r = call_query(c, "room", &room, e);
    if (r == ERR_OK && room.p)
        r = error_wrap(e, id_parse(room, t.room_id, e), "room");
    if (r == ERR_OK)
        r = call_read(c, list_fn, &t, e);
    if (r)
        return r;
    struct str key = t.n == t.page.limit ? call_fold(c, t.camera[t.n - 2].name) : STR("");
    return call_list_sorted(c, t.camera, t.n, &t.page, sizeof *t.camera,
                            offsetof(struct camera, id), key, e);
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct camera_ctx *t = ctx;
    enum err r = get_fn(cx, ctx, e);
    if (r)
        return r;
    apply(t->c->in, t->camera);
    t->camera->version = t->if_match;
    t->camera->updated_at = time_utc();
    return no_room(camera_update(cx, t->camera, &t->camera->version, e), e);
}

enum err camera_patch(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct camera), &memory, e);
    struct camera_ctx t = {.c = c, .camera = memory};
    if (r == ERR_OK)
        r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.if_match, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    c->out = t.camera;
    c->version = r ? 0 : t.camera->version;
    return r;
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
