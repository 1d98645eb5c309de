/* Schema migrations: numbered SQL in migrations/<back end>/NNNN_name.sql, embedded in the program,
 * forward only, each with its SHA-256 in the migration table. */
#pragma once

#include "store/db.h"

/* A migration as embedded by tools/embed_sql.py: one text for each back end. */
struct migration_text {
    int version; /* 1, 2, 3 ... */
    const char *name;
    struct migration_script {
        const char *sha256; /* of the file, hexadecimal */
        const char *sql;    /* several statements; runs inside a transaction */
    } sqlite, postgres;
};

/* Those of this program. */
extern const struct migration_text migration_texts[];
extern const int migration_text_n;

struct migration_state {
    int version;      /* number of the migration */
    const char *name; /* static */
    bool applied;
    usec_t applied_at;
};

/* Brings the schema up to date, one transaction per migration; safe when two processes try at once.
 * Errors CONFLICT: the database is newer than this program, or an applied migration was altered. */
NODISCARD enum err migrate_up(struct db *db, int *ret_applied, struct error *e);
/* The same with a list of the caller's: what migrate_up and the tests run. */
NODISCARD enum err migrate_apply(struct db *db, const struct migration_text *texts, int n,
                                 int *ret_applied, struct error *e);
/* All known migrations, in order. Errors as migrate_up; changes nothing. */
NODISCARD enum err migrate_status(struct db *db, struct arena *a, struct migration_state **ret_rows,
                                  int *ret_n, struct error *e);
