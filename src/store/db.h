/* The database driver: named queries in, rows out, transactions as functions.
 *
 * One interface, back ends as vtables (sqlite.c, postgres.c). SQL lives in
 * store/sql/<entity>.sql; tools/embed_sql.py makes `enum query` (store/queries.h) and the texts.
 *
 *  db_tx    runs fn inside ONE transaction and returns after the commit is durable. SQLite: on the
 *           writer thread, where waiting transactions are grouped into one commit, each in its own
 *           savepoint; fn that fails undoes only itself. PostgreSQL: on the caller's thread with a
 *           pooled connection. fn may run more than once (retry after a serialisation failure): it
 *           must touch nothing but the database and its ctx, and ctx must be safe to fill again.
 *  db_read  runs fn on a read-only snapshot, on the caller's thread.
 * Never call the network, another db_tx or a lock inside fn. Thread: any. */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "store/queries.h"

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };
enum { DB_TYPE_N = DB_BLOB + 1 };

struct db_value {
    enum db_type type;
    int64_t i;
    double d;
    struct str s; /* text and blob; borrowed for the call */
};

static inline struct db_value db_null(void) { return (struct db_value){.type = DB_NULL}; }
static inline struct db_value db_int(int64_t i)
{
    return (struct db_value){.type = DB_INT, .i = i};
}
static inline struct db_value db_real(double d)
{
    return (struct db_value){.type = DB_REAL, .d = d};
}
static inline struct db_value db_text(const char *s)
{
    return (struct db_value){.type = s ? DB_TEXT : DB_NULL, .s = str_from(s)};
}
static inline struct db_value db_str(struct str s)
{
    return (struct db_value){.type = s.p ? DB_TEXT : DB_NULL, .s = s};
}
static inline struct db_value db_blob(struct str s)
{
    return (struct db_value){.type = s.p ? DB_BLOB : DB_NULL, .s = s};
}

struct db;    /* an opened database */
struct db_cx; /* a connection inside db_tx or db_read; valid in fn only */
struct db_rows;

typedef enum err (*db_fn)(struct db_cx *cx, void *ctx, struct error *e);

/* Hears what committed transactions noted: borrowed bytes of one db_note each, in their order. Runs
 * on the thread that called db_tx, before db_tx returns; transactions of two threads may be heard
 * in the other order. */
typedef void (*db_note_fn)(void *ctx, struct str note);
/* Before the first db_tx of another thread. */
void db_set_listener(struct db *db, db_note_fn fn, void *ctx);
/* Inside a db_tx: tells the listener this once the transaction is committed, and never when it is
 * not. Nothing is kept without a listener. Errors NOMEM (over 1 MiB of notes in one transaction).
 */
NODISCARD enum err db_note(struct db_cx *cx, struct str note, struct error *e);
/* As db_note, but the note takes the place of the one before it when that is as long and begins
 * with the same `head` bytes: of many that supersede each other only the last is kept. */
NODISCARD enum err db_note_newest(struct db_cx *cx, struct str note, size_t head, struct error *e);

/* Runs fn in a transaction; returns fn's error (rolled back) or that of the commit. Errors of its
 * own: UNAVAILABLE (database gone, locked, read-only or disk full: says which), CORRUPT, FULL (too
 * many writers waiting). */
NODISCARD enum err db_tx(struct db *db, db_fn fn, void *ctx, struct error *e);
NODISCARD enum err db_read(struct db *db, db_fn fn, void *ctx, struct error *e);

/* Starts a query; step with db_next; done by db_rows_done (also the cleanup helper). A statement
 * without result rows runs at the first db_next; one with RETURNING is only done (and its foreign
 * keys checked) when db_next has said that no row is left. Errors CONFLICT (a unique or foreign
 * key: the message names the unique one), INVALID (another constraint, named; text that is not
 * UTF-8 or holds a zero byte), UNAVAILABLE, CORRUPT, NOMEM, INTERNAL. After an error of a write the
 * transaction is good for nothing but returning that error (PostgreSQL refuses more). */
NODISCARD enum err db_query(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                            struct db_rows **ret_rows, struct error *e);
/* ret_has = a row is there; after the last one, and after an error, do not call again. */
NODISCARD enum err db_next(struct db_rows *rows, bool *ret_has, struct error *e);
void db_rows_done(struct db_rows **rows);
/* Runs a query to its end, ignoring rows; ret_changed (may be NULL) = rows written. */
NODISCARD enum err db_exec(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                           int64_t *ret_changed, struct error *e);

/* Columns of the current row, by name; a missing name is a programming error (assert). NULL reads
 * as 0 and an empty str. Text and blobs are borrowed until the next db_next. */
int64_t db_col_int(struct db_rows *rows, const char *name);
double db_col_real(struct db_rows *rows, const char *name);
struct str db_col_str(struct db_rows *rows, const char *name);
bool db_col_is_null(struct db_rows *rows, const char *name);
/* Copies text into out[n], cut and terminated. */
void db_col_copy(struct db_rows *rows, const char *name, char *out, size_t n);

struct db_options {
    const char *path; /* SQLite file, or postgresql://user:password@host/database */
    int readers;      /* SQLite: read connections kept open */
    bool secret;      /* SQLite: what is deleted is overwritten; no log stays behind a commit */
    bool create;      /* SQLite: make the file (0600) and its folder (0700) when missing */
    int waiting;      /* SQLite: transactions that may wait for the writer; 0 = 1024 */
    int connections;  /* PostgreSQL: connections at most; 0 = 8 */
    bool replica;     /* PostgreSQL: a server that only reads, and may be away when it is opened */
};

/* Opens the SQLite back end: WAL, synchronous=FULL, foreign keys, busy timeout; takes the lock file
 * PATH.lock (one serve process owns a file). Errors CONFLICT (held by another process), NOT_FOUND
 * (no file and not `create`), IO, UNAVAILABLE, CORRUPT. */
NODISCARD enum err db_sqlite_open(const struct db_options *o, struct db **ret_db, struct error *e);
/* Of the SQLite library that is loaded; static. */
const char *db_sqlite_version(void);
/* Opens the PostgreSQL back end (15 or newer, encoding UTF8) and connects once. A server that goes
 * away later is an error UNAVAILABLE of each call until it is back. Errors UNAVAILABLE (not
 * reached, refused, a read-only replica), INVALID (too old, other encoding). */
NODISCARD enum err db_postgres_open(const struct db_options *o, struct db **ret_db,
                                    struct error *e);
/* Waits for running and waiting transactions, then closes. Nobody may call it any more. */
void db_close(struct db *db);
const char *db_backend(const struct db *db); /* "sqlite", "postgres" */
/* No other process can be using the database: what looks abandoned in it is. */
bool db_is_exclusive(const struct db *db);

/* Vtable that a back end fills; struct db embeds it first. */
struct db_driver {
    const char *name;
    bool exclusive; /* db_is_exclusive */
    void (*close)(struct db *db);
    enum err (*tx)(struct db *db, db_fn fn, void *ctx, struct error *e);
    enum err (*read)(struct db *db, db_fn fn, void *ctx, struct error *e);
    enum err (*query)(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                      struct db_rows **ret_rows, struct error *e);
    enum err (*next)(struct db_rows *rows, bool *ret_has, struct error *e);
    void (*rows_done)(struct db_rows *rows);
    int64_t (*changed)(struct db_rows *rows);
    int (*column)(struct db_rows *rows, const char *name);
    struct db_value (*value)(struct db_rows *rows, int column);
    /* For migrate.c only: runs a script of several statements. */
    enum err (*script)(struct db_cx *cx, const char *sql, struct error *e);
};
