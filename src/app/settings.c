/* Options that an admin changed by the API (PATCH /v1/settings), read once at start, before any
 * other thread runs. What the file, the environment or a flag says stands above them. */
#include "app/internal.h"

#include "base/log.h"
#include "config/option.h"
#include "store/job.h"

#include <string.h>

struct settings_ctx {
    struct app *app;
    struct arena *a;
};

/* A value that no longer fits is passed over: a start must not fail for a row of the database. */
static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct settings_ctx *t = ctx;
    for (enum option o = 0; o < OPTION_N; o++) {
        char name[SETTING_NAME];
        struct str value;
        struct error why = {0};
        if (option_change_of(o) == OPTION_CHANGE_NEVER ||
            strcmp(config_origin(t->app->cfg, o), "default") != 0)
            continue;
        option_setting_name(o, name);
        enum err r = setting_get(cx, t->a, name, &value, &why);
        if (r == ERR_OK)
            r = config_override(t->app->cfg, o, value, &why);
        if (r && r != ERR_NOT_FOUND && r != ERR_INVALID)
            return error_set(e, r, "%s", why.msg);
        if (r == ERR_INVALID)
            app_warn(t->app, "setting %s: %s, ignoring", option_rows[o].name, why.msg);
    }
    return ERR_OK;
}

enum err app_settings_read(struct app *app, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to read settings");
    struct settings_ctx t = {.app = app, .a = a};
    return db_read(app->db, read_fn, &t, e);
}
