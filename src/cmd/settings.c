/* The configuration as the commands need it. See settings.h. Thread: main. */
#include "cmd/settings.h"

#include "app/app.h"
#include "base/file.h"
#include "cmd/cmd.h"

enum { OWN_MAX = 16 };

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

enum args_outcome settings_args(const struct arg_spec *spec, int argc, char **argv,
                                struct args *ret_args, struct config **ret_config)
{
    const char *own[OWN_MAX + 1] = {NULL};
    struct error e = {.code = ERR_OK};
    struct config *config = NULL;
    if (wants_help(argc, argv)) /* helps with a broken configuration, too */
        return args_parse(spec, argc, argv, ret_args);
    for (int i = 0; i < spec->n_options && i < OWN_MAX; i++)
        own[i] = spec->options[i].name;
    if (config_load(&argc, argv, own, &config, &e)) {
        cmd_bad_usage(spec->command, "%s", e.msg);
        return ARGS_BAD;
    }
    enum args_outcome outcome = args_parse(spec, argc, argv, ret_args);
    if (outcome == ARGS_RUN)
        *ret_config = config;
    else
        config_free(config);
    return outcome;
}

void settings_place(const struct config *c, struct remote_place *place)
{
    const char *url = getenv("ROLLCALL_URL");
    if (!place->server && url && url[0])
        place->server = url;
    if (!place->server && c->server_url[0])
        place->server = c->server_url;
    if (!place->token && c->token[0])
        place->token = c->token;
    place->data_dir = c->data_dir;
}

enum err settings_open_db(const struct config *c, bool create, struct db **ret_db, struct error *e)
{
    const char *name = config_database_name(c);
    if (!config_database_url(c) && !create && !file_exists(name))
        return error_set(e, ERR_NOT_FOUND, "there is no database %.120s: run 'rollcall migrate up'",
                         name);
    struct error inner = {.code = ERR_OK};
    enum err r = app_open_database(c, create, ret_db, &inner);
    if (r == ERR_CONFLICT)
        return error_set(e, r, "%.120s is in use by a running server: stop that first", name);
    return r ? error_set(e, r, "%s", inner.msg) : ERR_OK;
}

enum err settings_reach(const struct config *c, const struct remote_place *place, struct arena *a,
                        struct remote **ret_remote, struct db **ret_db, struct error *e)
{
    struct remote *remote = NULL;
    enum err r = remote_open(place, &remote, e);
    if (!r && !place->server)
        r = remote_json(remote, a, HTTP_GET, "/healthz", NULL, NULL, e);
    if (!r) {
        *ret_remote = remote;
        return ERR_OK;
    }
    remote_close(remote);
    if (place->server || (r != ERR_NOT_FOUND && r != ERR_UNAVAILABLE))
        return r;
    return settings_open_db(c, false, ret_db, e);
}

void settings_close_db(struct db **db)
{
    if (*db)
        db_close(*db);
    *db = NULL;
}
