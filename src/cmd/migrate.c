/* `rollcall migrate`: the database's schema. Opens an SQLite file itself, so no server may be
 * running on that. Thread: main. */
#include "store/migrate.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/settings.h"

static const char about[] =
    "up      brings the database to this program's schema; makes it when there is none\n"
    "status  lists the migrations and which of them are applied\n"
    "Migrations only go forward. On SQLite, `rollcall serve` must not be running.";

static const char examples[] = "  rollcall migrate up\n"
                               "  rollcall migrate status";

static int print_status(struct db *db)
{
    struct error e = {.code = ERR_OK};
    struct migration_state *rows = NULL;
    int n = 0, waiting = 0;
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * MIB);
    enum err r =
        a ? migrate_status(db, a, &rows, &n, &e) : error_set(&e, ERR_NOMEM, "out of memory");
    if (r)
        return cmd_fail("migrate", &e);
    for (int i = 0; i < n; i++) {
        char at[TIME_TEXT] = "waiting";
        if (rows[i].applied)
            time_format_iso(rows[i].applied_at, at);
        else
            waiting++;
        printf("  %04d  %-32s  %s\n", rows[i].version, rows[i].name, at);
    }
    printf("%d migrations, %d waiting%s\n", n, waiting, waiting ? ": rollcall migrate up" : "");
    return CMD_OK;
}

static int bring_up(struct db *db, const char *path)
{
    struct error e = {.code = ERR_OK};
    int applied = 0;
    if (migrate_up(db, &applied, &e))
        return cmd_fail("migrate", &e);
    if (applied > 0)
        printf("%s: %d migrations applied\n", path, applied);
    else
        printf("%s: up to date\n", path);
    return CMD_OK;
}

int cmd_migrate(int argc, char **argv)
{
    const struct arg_spec spec = {.command = "migrate",
                                  .synopsis = "up | status",
                                  .about = about,
                                  .examples = examples,
                                  .min_positional = 1,
                                  .max_positional = 1};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    bool up = strcmp(args.positional[0], "up") == 0;
    if (!up && strcmp(args.positional[0], "status") != 0)
        return cmd_bad_usage("migrate", "'%s' is neither up nor status", args.positional[0]);

    struct error e = {.code = ERR_OK};
    _cleanup_(settings_close_db) struct db *db = NULL;
    if (settings_open_db(config, up, &db, &e))
        return cmd_fail("migrate", &e);
    return up ? bring_up(db, config_database_name(config)) : print_status(db);
}
