/* Which database a configuration means: see app.h. Any thread; no state. */
#include "app/internal.h"

#include <stdio.h>

#include "store/replica.h"

enum err app_open_database(const struct config *cfg, bool create, struct db **ret_db,
                           struct error *e)
{
    const char *url = config_database_url(cfg);
    const struct db_options o = {.path = url ? url : config_database_path(cfg),
                                 .readers = (int)cfg->store_readers,
                                 .create = create,
                                 .connections = (int)cfg->database_connections};
    return url ? db_postgres_open(&o, ret_db, e) : db_sqlite_open(&o, ret_db, e);
}

enum err app_open_keystore(const struct config *cfg, const struct seal_key *installation,
                           struct keystore **ret_keystore, struct error *e)
{
    char path[APP_PATH];
    const char *url = cfg->keystore;
    snprintf(path, sizeof path, "%s/keys.db", cfg->data_dir);
    const struct db_options o = {.path = url[0] ? url : path,
                                 .readers = 1,
                                 .secret = true,
                                 .create = true,
                                 .connections = 4};
    struct db *db = NULL;
    enum err r = url[0] ? db_postgres_open(&o, &db, e) : db_sqlite_open(&o, &db, e);
    if (r)
        return error_wrap(e, r, "the keystore");
    r = keystore_open(db, installation, ret_keystore, e);
    if (r)
        db_close(db);
    return r;
}

enum err app_open_replica(const struct config *cfg, struct db *primary,
                          struct replica **ret_replica, struct error *e)
{
    const struct db_options o = {.path = cfg->database_replica,
                                 .connections = (int)cfg->database_connections};
    if (!cfg->database_replica[0])
        return ERR_OK;
    return replica_open(&o, primary, cfg->database_replica_max_lag_ms * USEC_PER_MSEC, ret_replica,
                        e);
}
