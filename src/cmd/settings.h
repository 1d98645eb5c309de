/* The configuration as the commands need it. Every command takes the options of the configuration
 * (--config, --data-dir, ...) beside its own. Thread: main. */
#pragma once

#include "cmd/args.h"
#include "cmd/remote.h"
#include "config/config.h"
#include "store/db.h"

/* Reads the configuration and the command's arguments; ret_config is the caller's (config_free),
 * set only for ARGS_RUN. The command's own options win over those of the configuration. */
NODISCARD enum args_outcome settings_args(const struct arg_spec *spec, int argc, char **argv,
                                          struct args *ret_args, struct config **ret_config);

/* Fills what --server and --token left open: ROLLCALL_URL, server_url, token, data_dir. Borrows
 * from c. */
void settings_place(const struct config *c, struct remote_place *place);

/* Opens the database itself, for when no server runs; create: makes folder and file when missing.
 * Errors NOT_FOUND (no database: how to make one), CONFLICT (a server holds it). */
NODISCARD enum err settings_open_db(const struct config *c, bool create, struct db **ret_db,
                                    struct error *e);
/* A running server when there is one, else the database itself: sets one of the two. A server.json
 * where nobody answers is what a killed server leaves behind. Errors of both. */
NODISCARD enum err settings_reach(const struct config *c, const struct remote_place *place,
                                  struct arena *a, struct remote **ret_remote, struct db **ret_db,
                                  struct error *e);
/* Cleanup attribute helper. */
void settings_close_db(struct db **db);
