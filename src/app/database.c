/* Which database a configuration means: see app.h. Any thread; no state. */
#include "app/app.h"

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
