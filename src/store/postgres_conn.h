/* One PostgreSQL connection: opening, prepared statements by enum query, rows, and SQLSTATEs as
 * errors. For postgres.c only. Thread: one at a time per connection. */
#pragma once

#include <libpq-fe.h>

#include "store/driver.h"

struct pg_conn {
    struct db_cx base;
    PGconn *handle; /* owned; NULL: not connected */
    bool prepared[QUERY_N];
    bool again;  /* the transaction failed in a way that running it again mends */
    int busy_n;  /* rows handed out and not done */
    int cursors; /* names given so far */
};

/* Connects and sets the session up. url: postgresql://... or postgres://... Errors UNAVAILABLE (not
 * reached, refused, read-only unless `replica`), INVALID (too old, not UTF-8); *conn is then
 * unconnected. */
NODISCARD enum err pg_connect(struct pg_conn *conn, const char *url, bool replica,
                              const struct db_driver *driver, struct error *e);
void pg_disconnect(struct pg_conn *conn);
/* The connection broke; it must be opened anew. */
bool pg_lost(const struct pg_conn *conn);

/* Runs a command without rows or parameters: BEGIN, ROLLBACK, SET. */
NODISCARD enum err pg_command(struct pg_conn *conn, const char *sql, struct error *e);
/* Ends the transaction; an error when the server rolled it back instead. UNAVAILABLE may mean that
 * it did commit and only the answer was lost. */
NODISCARD enum err pg_commit(struct pg_conn *conn, struct error *e);

/* Rows of the vtable. */
enum err pg_query(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                  struct db_rows **ret_rows, struct error *e);
enum err pg_next(struct db_rows *rows, bool *ret_has, struct error *e);
void pg_rows_done(struct db_rows *rows);
int64_t pg_changed(struct db_rows *rows);
int pg_column(struct db_rows *rows, const char *name);
struct db_value pg_value(struct db_rows *rows, int column);
enum err pg_script(struct db_cx *cx, const char *sql, struct error *e);
