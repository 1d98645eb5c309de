/* One SQLite connection: see sqlite_conn.h.
 *
 * Each query is prepared once per connection and kept for its life; a query that is started again
 * while it runs (a callback inside template_each) gets a statement of its own. Arguments are copied
 * by SQLite when bound, so callers' memory may go as soon as db_query returns. Cost: a cached
 * query is a bind and a step; column look-up by name is one strcmp when columns are read in the
 * order of the SELECT. Called on the writer thread and, through the reader pool, on any. */
#include "store/sqlite_conn.h"

#include <assert.h>
#include <stdio.h>

#include "base/day.h"
#include "base/mem.h"
#include "base/tz.h"

enum { BUSY_TIMEOUT_MS = 5000 };

static const char *const control_sql[CONTROL_N] = {
    [CONTROL_BEGIN] = "BEGIN",           [CONTROL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [CONTROL_COMMIT] = "COMMIT",         [CONTROL_ROLLBACK] = "ROLLBACK",
    [CONTROL_SAVE] = "SAVEPOINT item",   [CONTROL_RELEASE] = "RELEASE item",
    [CONTROL_UNDO] = "ROLLBACK TO item",
};

/* "UNIQUE constraint failed: course.code, course.term" -> "there is a course with this code, term
 * already" */
static enum err unique_error(const char *text, struct error *e)
{
    char columns[128] = {0}, table[64] = {0};
    struct str rest = str_from(text), part;
    size_t n = 0;
    str_split(&rest, ':', &part);
    while (str_split(&rest, ',', &part)) {
        struct str column = str_trim(part), name;
        if (!str_split(&column, '.', &name))
            continue;
        snprintf(table, sizeof table, "%.*s", STR_ARGS(name));
        int put =
            snprintf(columns + n, sizeof columns - n, "%s%.*s", n ? ", " : "", STR_ARGS(column));
        if (put < 0 || (size_t)put >= sizeof columns - n)
            break;
        n += (size_t)put;
    }
    return error_set(e, ERR_CONFLICT, "there is a %s with this %s already", table, columns);
}

static enum err constraint_error(int rc, const char *text, struct error *e)
{
    if (rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY)
        return unique_error(text, e);
    if (rc == SQLITE_CONSTRAINT_FOREIGNKEY)
        return error_set(e, ERR_CONFLICT,
                         "it refers to something that does not exist, or is still in use");
    return error_set(e, ERR_INVALID, "not allowed by the database: %s", text);
}

/* SQLite's result code as an error; the cases are the primary codes. */
static enum err sqlite_error(const struct sqlite_conn *conn, int rc, struct error *e)
{
    const char *text = conn->handle ? sqlite3_errmsg(conn->handle) : sqlite3_errstr(rc);
    switch (rc & 0xFF) {
    case SQLITE_CONSTRAINT:
        return constraint_error(rc, text, e);
    case SQLITE_NOMEM:
        return error_set(e, ERR_NOMEM, "no memory for a database query");
    case SQLITE_FULL:
        return error_set(e, ERR_UNAVAILABLE, "no space left on the disk of %s", conn->path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return error_set(e, ERR_UNAVAILABLE, "%s is read-only for this program", conn->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(e, ERR_UNAVAILABLE, "%s is locked by another program", conn->path);
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
        return error_set(e, ERR_UNAVAILABLE, "cannot read or write %s: %s", conn->path, text);
    case SQLITE_CANTOPEN:
        return error_set(e, ERR_IO, "cannot open %s or its -wal and -shm files", conn->path);
    case SQLITE_CORRUPT:
        return error_set(e, ERR_CORRUPT, "%s is damaged (%s): restore it from a backup", conn->path,
                         text);
    case SQLITE_NOTADB:
        return error_set(e, ERR_CORRUPT, "%s is not a Rollcall database", conn->path);
    case SQLITE_TOOBIG:
        return error_set(e, ERR_TOO_LARGE, "a value is too large for the database");
    default:
        return error_set(e, ERR_INTERNAL, "database: %s (code %d)", text, rc);
    }
}

enum err sqlite_control(struct sqlite_conn *conn, enum control c, struct error *e)
{
    int rc = sqlite3_step(conn->control[c]);
    enum err r = rc == SQLITE_DONE ? ERR_OK : sqlite_error(conn, rc, e);
    sqlite3_reset(conn->control[c]);
    return r;
}

bool sqlite_in_transaction(const struct sqlite_conn *conn)
{
    return !sqlite3_get_autocommit(conn->handle);
}

static enum err run(struct sqlite_conn *conn, const char *sql, struct error *e)
{
    int rc = sqlite3_exec(conn->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ERR_OK : sqlite_error(conn, rc, e);
}

/* Write-ahead logging is a property of the file; some network file systems cannot. */
static enum err use_wal(struct sqlite_conn *conn, struct error *e)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(conn->handle, "PRAGMA journal_mode = WAL", -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    enum err r = ERR_OK;
    if (rc != SQLITE_ROW)
        r = sqlite_error(conn, rc, e);
    else if (sqlite3_stricmp((const char *)sqlite3_column_text(stmt, 0), "wal") != 0)
        r = error_set(e, ERR_IO, "the file system of %s cannot do write-ahead logging: use a disk",
                      conn->path);
    sqlite3_finalize(stmt);
    return r;
}

/* FULL: the log is on the disk before a commit returns (DESIGN section 3). */
static const char writer_pragmas[] = "PRAGMA synchronous = FULL;"
                                     "PRAGMA journal_size_limit = 67108864;";
static const char reader_pragmas[] = "PRAGMA query_only = ON;";

/* What was asked for is what is: a library built without foreign keys, say, ignores the wish. */
static enum err settings_check(struct sqlite_conn *conn, bool readonly, struct error *e)
{
    static const struct {
        const char *sql;
        int wanted;
        bool writer;
    } settings[] = {
        {"PRAGMA foreign_keys", 1, false},
        {"PRAGMA synchronous", 2, true},
        {"PRAGMA ignore_check_constraints", 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
        sqlite3_stmt *stmt = NULL;
        if (settings[i].writer && readonly)
            continue;
        int rc = sqlite3_prepare_v2(conn->handle, settings[i].sql, -1, &stmt, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        int value = rc == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : -1;
        enum err r = rc == SQLITE_ROW ? ERR_OK : sqlite_error(conn, rc, e);
        sqlite3_finalize(stmt);
        if (r)
            return r;
        if (value != settings[i].wanted)
            return error_set(e, ERR_UNAVAILABLE, "this SQLite library does not keep %s = %d",
                             settings[i].sql, settings[i].wanted);
    }
    return ERR_OK;
}

/* The function local_weekday(at, tz) of the queries; PostgreSQL's is made by a migration. */
static void local_weekday(sqlite3_context *call, int n, sqlite3_value **values)
{
    const char *tz = (const char *)sqlite3_value_text(values[1]);
    usec_t local = 0;
    (void)n;
    if (tz_to_local(str_from(tz && tz[0] ? tz : "UTC"), sqlite3_value_int64(values[0]), &local,
                    NULL))
        sqlite3_result_error(call, "local_weekday: no such time zone", -1);
    else
        sqlite3_result_int(call, day_weekday(day_of(local)));
}

static enum err conn_setup(struct sqlite_conn *conn, bool readonly, struct error *e)
{
    sqlite3_extended_result_codes(conn->handle, 1);
    sqlite3_busy_timeout(conn->handle, BUSY_TIMEOUT_MS);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(conn->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    int made = sqlite3_create_function_v2(conn->handle, "local_weekday", 2,
                                          SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, local_weekday,
                                          NULL, NULL, NULL);
    enum err r = made != SQLITE_OK ? sqlite_error(conn, made, e)
                 : readonly        ? ERR_OK
                                   : use_wal(conn, e);
    if (!r)
        r = run(conn, readonly ? reader_pragmas : writer_pragmas, e);
    if (!r)
        r = settings_check(conn, readonly, e);
    for (int c = 0; !r && c < CONTROL_N; c++) {
        int rc = sqlite3_prepare_v3(conn->handle, control_sql[c], -1, SQLITE_PREPARE_PERSISTENT,
                                    &conn->control[c], NULL);
        if (rc != SQLITE_OK)
            r = sqlite_error(conn, rc, e);
    }
    return r;
}

enum err sqlite_conn_open(struct sqlite_conn *conn, const char *path, bool readonly,
                          const struct db_driver *driver, struct error *e)
{
    *conn = (struct sqlite_conn){.base = {.driver = driver}, .path = path};
    int rc =
        sqlite3_open_v2(path, &conn->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    enum err r = rc == SQLITE_OK ? conn_setup(conn, readonly, e) : sqlite_error(conn, rc, e);
    if (r)
        sqlite_conn_close(conn);
    return r;
}

static void statement_done(struct sqlite_rows *rows)
{
    sqlite3_finalize(rows->stmt);
    mem_free(rows->columns);
    rows->stmt = NULL;
    rows->columns = NULL;
}

void sqlite_conn_close(struct sqlite_conn *conn)
{
    for (int q = 0; q < QUERY_N; q++)
        statement_done(&conn->cached[q]);
    for (int c = 0; c < CONTROL_N; c++) {
        sqlite3_finalize(conn->control[c]);
        conn->control[c] = NULL;
    }
    sqlite3_close(conn->handle);
    conn->handle = NULL;
}

/* Copies the names of the columns: SQLite's own may move when a statement is prepared again. */
static enum err columns_copy(struct sqlite_rows *rows, struct error *e)
{
    int n = sqlite3_column_count(rows->stmt);
    size_t pointers = (size_t)n * sizeof(char *), size = pointers;
    for (int i = 0; i < n; i++) {
        const char *name = sqlite3_column_name(rows->stmt, i);
        if (!name)
            return error_set(e, ERR_NOMEM, "no memory for a database query");
        size += strlen(name) + 1;
    }
    rows->columns = mem_alloc(size);
    if (!rows->columns)
        return error_set(e, ERR_NOMEM, "no memory for a database query");
    char *text = (char *)rows->columns + pointers;
    for (int i = 0; i < n; i++) {
        size_t length = strlen(sqlite3_column_name(rows->stmt, i)) + 1;
        memcpy(text, sqlite3_column_name(rows->stmt, i), length);
        rows->columns[i] = text;
        text += length;
    }
    rows->column_n = n;
    return ERR_OK;
}

static enum err statement_prepare(struct sqlite_conn *conn, enum query q, struct sqlite_rows *rows,
                                  struct error *e)
{
    rows->base.driver = conn->base.driver;
    rows->conn = conn;
    int rc = sqlite3_prepare_v3(conn->handle, query_texts[q].sqlite, -1, SQLITE_PREPARE_PERSISTENT,
                                &rows->stmt, NULL);
    if (rc != SQLITE_OK)
        return error_wrap(e, sqlite_error(conn, rc, e), "query %s", query_texts[q].name);
    enum err r = columns_copy(rows, e);
    if (r)
        statement_done(rows);
    return r;
}

static int bind(sqlite3_stmt *stmt, int at, const struct db_value *v)
{
    switch (v->type) {
    case DB_NULL:
        return sqlite3_bind_null(stmt, at);
    case DB_INT:
        return sqlite3_bind_int64(stmt, at, v->i);
    case DB_REAL:
        return sqlite3_bind_double(stmt, at, v->d);
    case DB_TEXT:
        return sqlite3_bind_text64(stmt, at, v->s.p, v->s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(stmt, at, v->s.p, v->s.n, SQLITE_TRANSIENT);
    }
    return SQLITE_MISUSE;
}

enum err sqlite_query(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                      struct db_rows **ret_rows, struct error *e)
{
    struct sqlite_conn *conn = (struct sqlite_conn *)cx;
    struct sqlite_rows *rows = &conn->cached[q];
    if (rows->busy) {
        rows = mem_alloc(sizeof *rows);
        if (!rows)
            return error_set(e, ERR_NOMEM, "no memory for a database query");
        rows->temporary = true;
    }
    enum err r = rows->stmt ? ERR_OK : statement_prepare(conn, q, rows, e);
    if (r) {
        if (rows->temporary)
            mem_free(rows);
        return r;
    }
    rows->busy = true;
    rows->hint = 0;
    rows->changed = 0;
    conn->busy_n++;
    for (int i = 0; !r && i < n; i++) {
        int rc = bind(rows->stmt, i + 1, &args[i]);
        if (rc != SQLITE_OK)
            r = error_wrap(e, sqlite_error(conn, rc, e), "%s", query_texts[q].name);
    }
    if (r)
        sqlite_rows_done(&rows->base);
    else
        *ret_rows = &rows->base;
    return r;
}

enum err sqlite_next(struct db_rows *base, bool *ret_has, struct error *e)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;
    int rc = sqlite3_step(rows->stmt);
    rows->hint = 0;
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sqlite_error(rows->conn, rc, e);
    if (rc == SQLITE_DONE && !sqlite3_stmt_readonly(rows->stmt))
        rows->changed = sqlite3_changes64(rows->conn->handle);
    *ret_has = rc == SQLITE_ROW;
    return ERR_OK;
}

void sqlite_rows_done(struct db_rows *base)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;
    assert(rows->busy);
    rows->busy = false;
    rows->conn->busy_n--;
    if (rows->temporary) {
        statement_done(rows);
        mem_free(rows);
        return;
    }
    sqlite3_reset(rows->stmt);
    sqlite3_clear_bindings(rows->stmt);
}

int64_t sqlite_changed(struct db_rows *base) { return ((struct sqlite_rows *)base)->changed; }

int sqlite_column(struct db_rows *base, const char *name)
{
    struct sqlite_rows *rows = (struct sqlite_rows *)base;
    for (int i = 0; i < rows->column_n; i++) {
        int at = (rows->hint + i) % rows->column_n;
        if (strcmp(rows->columns[at], name) != 0)
            continue;
        rows->hint = at + 1 < rows->column_n ? at + 1 : 0;
        return at;
    }
    return -1;
}

/* Text is read as a blob too: asking for text may allocate a terminator, and fail. */
struct db_value sqlite_value(struct db_rows *base, int column)
{
    sqlite3_stmt *stmt = ((struct sqlite_rows *)base)->stmt;
    struct db_value v = {.type = DB_NULL};
    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER:
        return db_int(sqlite3_column_int64(stmt, column));
    case SQLITE_FLOAT:
        return db_real(sqlite3_column_double(stmt, column));
    case SQLITE_TEXT:
    case SQLITE_BLOB:
        v.type = sqlite3_column_type(stmt, column) == SQLITE_TEXT ? DB_TEXT : DB_BLOB;
        v.s.p = sqlite3_column_blob(stmt, column);
        v.s.n = (size_t)sqlite3_column_bytes(stmt, column);
        return v;
    default:
        return v;
    }
}

enum err sqlite_script(struct db_cx *cx, const char *sql, struct error *e)
{
    return run((struct sqlite_conn *)cx, sql, e);
}
