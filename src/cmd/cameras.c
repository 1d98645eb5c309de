/* Registered cameras by name. See cameras.h. Cost: the list of cameras, once. Thread: one. */
#include "cmd/cameras.h"

struct wanted {
    const char *name;
    char *ret_id; /* [ID_TEXT]; empty until found */
};

static enum err match_camera(void *ctx, const json_t *item, struct error *e)
{
    struct wanted *w = ctx;
    (void)e;
    if (strcmp(json_text(item, "name"), w->name) == 0)
        snprintf(w->ret_id, ID_TEXT, "%s", json_text(item, "id"));
    return ERR_OK;
}

enum err camera_find_or_add(struct remote *r, const char *name, char ret_id[static ID_TEXT],
                            struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * MIB);
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    char id[ID_TEXT] = "";
    struct wanted wanted = {.name = name, .ret_id = id};
    enum err err = remote_each(r, "/v1/cameras", "", match_camera, &wanted, e);
    if (!err && id[0] == 0) {
        json_t *made = NULL;
        err =
            remote_json(r, a, HTTP_POST, "/v1/cameras", json_pack("{s:s}", "name", name), &made, e);
        snprintf(id, sizeof id, "%s", json_text(made, "id"));
        json_decref(made);
    }
    if (err)
        return error_wrap(e, err, "camera %.60s", name);
    snprintf(ret_id, ID_TEXT, "%s", id);
    return ERR_OK;
}
