/* Schema migrations: numbered SQL in migrations/<back end>/NNNN_name.sql, embedded in the program,
 * forward only, each with its SHA-256 in the migration table. */
#pragma once

#include "store/db.h"

struct migration_state {
    int version;      /* number of the migration */
    const char *name; /* static */
    bool applied;
    usec_t applied_at;
};

/* Brings the schema up to date, one transaction per migration; safe when two processes try at once.
 * Errors CONFLICT: the database is newer than this program, or an applied migration was altered. */
NODISCARD enum err migrate_up(struct db *db, int *ret_applied, struct error *e);
/* All known migrations, in order. */
NODISCARD enum err migrate_status(struct db *db, struct arena *a, struct migration_state **ret_rows,
                                  int *ret_n, struct error *e);
