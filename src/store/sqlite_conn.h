/* One SQLite connection: opening, prepared statements cached by enum query, rows, and SQLite's
 * result codes as errors. For sqlite.c and sqlite_writer.c (and their tests) only.
 * Thread: one at a time per connection. */
#pragma once

#include <sqlite3.h>

#include "store/driver.h"

/* Statements that control transactions, prepared when the connection opens. */
enum control {
    CONTROL_BEGIN,
    CONTROL_BEGIN_WRITE,
    CONTROL_COMMIT,
    CONTROL_ROLLBACK,
    CONTROL_SAVE,
    CONTROL_RELEASE,
    CONTROL_UNDO,
};
enum { CONTROL_N = CONTROL_UNDO + 1 };

struct sqlite_conn;

/* A prepared statement and where it stands. */
struct sqlite_rows {
    struct db_rows base;
    struct sqlite_conn *conn;
    sqlite3_stmt *stmt;   /* owned; NULL until the query is first used */
    const char **columns; /* owned: names in order, one block with their text */
    int column_n;
    int hint;       /* where the next look-up of a column starts: rows are read in order */
    bool busy;      /* handed out, not yet done */
    bool temporary; /* a second run of a query that is busy; freed when done */
    int64_t changed;
};

struct sqlite_conn {
    struct db_cx base;
    sqlite3 *handle;
    const char *path; /* borrowed, for messages */
    sqlite3_stmt *control[CONTROL_N];
    struct sqlite_rows cached[QUERY_N];
    int busy_n; /* rows handed out and not done */
};

/* Opens path (which exists) for reading and writing, or for reading alone, and fills *conn.
 * Errors CORRUPT, UNAVAILABLE, IO, NOMEM; *conn is then as after sqlite_conn_close. */
NODISCARD enum err sqlite_conn_open(struct sqlite_conn *conn, const char *path, bool readonly,
                                    const struct db_driver *driver, struct error *e);
void sqlite_conn_close(struct sqlite_conn *conn);

NODISCARD enum err sqlite_control(struct sqlite_conn *conn, enum control c, struct error *e);
/* True while a transaction is open: SQLite ends one by itself after some errors (disk full ...). */
bool sqlite_in_transaction(const struct sqlite_conn *conn);

/* Rows of the vtable. */
enum err sqlite_query(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                      struct db_rows **ret_rows, struct error *e);
enum err sqlite_next(struct db_rows *rows, bool *ret_has, struct error *e);
void sqlite_rows_done(struct db_rows *rows);
int64_t sqlite_changed(struct db_rows *rows);
int sqlite_column(struct db_rows *rows, const char *name);
struct db_value sqlite_value(struct db_rows *rows, int column);
enum err sqlite_script(struct db_cx *cx, const char *sql, struct error *e);
