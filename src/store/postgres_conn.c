/* One PostgreSQL connection: see postgres_conn.h.
 *
 * Each query is prepared once per connection, under the name q<number>. It runs at the first
 * db_next, with a copy of its arguments; its rows come back in binary form and whole, except those
 * of :stream queries, which come by a cursor, STREAM_ROWS at a time. Arguments are text, blobs
 * binary. Cost: one round trip a query, one allocation. Threads: as the pool lends it.
 * Source of the codes: PostgreSQL documentation, appendix A. */
#include "store/postgres_conn.h"

#include <assert.h>
#include <endian.h>
#include <stdio.h>

#include "base/mem.h"

enum { OLDEST_SERVER = 150000, STREAM_ROWS = 500, NUMBER_TEXT = 32, NAME_TEXT = 32, BINARY = 1 };
enum { STATEMENT_LIMIT = 32 }; /* parameters of a query; embed_sql.py knows no more */

/* Types that rows are read from: oids of pg_type.dat, which never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_VARCHAR = 1043,
    OID_VOID = 2278,
};

struct pg_rows {
    struct db_rows base;
    struct pg_conn *conn;
    enum query query;
    PGresult *result; /* owned; NULL until the first db_next */
    int row, hint;
    int64_t changed;
    char cursor[NAME_TEXT]; /* of a :stream query that has begun */
    int n;
    const char *values[STATEMENT_LIMIT];
    int lengths[STATEMENT_LIMIT], formats[STATEMENT_LIMIT];
    char bytes[]; /* what values point to */
};

/* ---- errors */

/* "Key (code, term)=(X, 2026) already exists." in any language -> "code, term" */
static struct str key_columns(const char *detail)
{
    const char *open = detail ? strchr(detail, '(') : NULL;
    const char *end = open ? strstr(open, ")=") : NULL;
    return end ? (struct str){open + 1, (size_t)(end - open - 1)} : STR("key");
}

static const char *field(const PGresult *result, int code)
{
    const char *text = result ? PQresultErrorField(result, code) : NULL;
    return text ? text : "";
}

static enum err constraint_error(const char *state, const PGresult *result, struct error *e)
{
    if (strcmp(state, "23505") == 0) {
        struct str columns = key_columns(field(result, PG_DIAG_MESSAGE_DETAIL));
        return error_set(e, ERR_CONFLICT, "there is a %s with this %.*s already",
                         field(result, PG_DIAG_TABLE_NAME), STR_ARGS(columns));
    }
    if (strcmp(state, "23503") == 0)
        return error_set(e, ERR_CONFLICT,
                         "it refers to something that does not exist, or is still in use");
    if (strcmp(state, "23502") == 0)
        return error_set(e, ERR_INVALID,
                         "not allowed by the database: NOT NULL constraint failed: %s.%s",
                         field(result, PG_DIAG_TABLE_NAME), field(result, PG_DIAG_COLUMN_NAME));
    return error_set(e, ERR_INVALID, "not allowed by the database: constraint failed: %s",
                     field(result, PG_DIAG_CONSTRAINT_NAME));
}

static struct str first_line(const char *text)
{
    struct str all = str_from(text), line;
    return str_split(&all, '\n', &line) ? line : STR("");
}

/* What the first letters of an SQLSTATE mean; the first row that fits counts. */
static const struct {
    const char *state;
    enum err code;
    const char *text; /* NULL: PostgreSQL's own words */
} states[] = {
    {"40", ERR_UNAVAILABLE, "the database was too busy with other changes: try again"},
    {"22021", ERR_INVALID, NULL},
    {"22", ERR_INVALID, NULL},
    {"25006", ERR_UNAVAILABLE, "PostgreSQL is read-only for this program"},
    {"53100", ERR_UNAVAILABLE, "no space left on the disk of PostgreSQL"},
    {"53", ERR_UNAVAILABLE, NULL},
    {"54", ERR_TOO_LARGE, "a value is too large for the database"},
    {"55P03", ERR_UNAVAILABLE, "PostgreSQL waited too long for a lock: try again"},
    {"57014", ERR_UNAVAILABLE, "PostgreSQL took too long for a query: try again"},
    {"57", ERR_UNAVAILABLE, NULL},
    {"58", ERR_UNAVAILABLE, NULL},
    {"08", ERR_UNAVAILABLE, NULL},
    {"28", ERR_UNAVAILABLE, NULL},
    {"3D", ERR_UNAVAILABLE, NULL},
    {"42501", ERR_UNAVAILABLE, NULL}, /* no right to a table: an operator mends it */
    {"XX001", ERR_CORRUPT, NULL},
    {"XX002", ERR_CORRUPT, NULL},
};

/* The failure of a result, or of the connection when there is none, as an error. */
static enum err pg_error(struct pg_conn *conn, const PGresult *result, struct error *e)
{
    const char *state = field(result, PG_DIAG_SQLSTATE);
    if (pg_lost(conn))
        return error_set(e, ERR_UNAVAILABLE, "the connection to PostgreSQL was lost");
    if (strncmp(state, "23", 2) == 0)
        return constraint_error(state, result, e);
    const char *own = field(result, PG_DIAG_MESSAGE_PRIMARY);
    struct str text = own[0] ? str_from(own) : first_line(PQerrorMessage(conn->handle));
    conn->again = conn->again || strncmp(state, "40", 2) == 0;
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) != 0)
            continue;
        return states[i].text ? error_set(e, states[i].code, "%s", states[i].text)
                              : error_set(e, states[i].code, "PostgreSQL: %.*s", STR_ARGS(text));
    }
    return error_set(e, ERR_INTERNAL, "PostgreSQL: %.*s (%s)", STR_ARGS(text), state);
}

/* ---- connection */

bool pg_lost(const struct pg_conn *conn) { return PQstatus(conn->handle) != CONNECTION_OK; }

static void ignore_notice(void *ctx, const PGresult *result) { (void)ctx, (void)result; }

/* Bounds on what may hold a worker up; a lost client's locks go with its idle transaction. */
static const char session_sql[] = "SET statement_timeout = '30s'; SET lock_timeout = '10s';"
                                  "SET idle_in_transaction_session_timeout = '60s';"
                                  "SET TimeZone = 'UTC'; SET bytea_output = 'hex'";

static enum err session_check(struct pg_conn *conn, bool replica, struct error *e)
{
    const char *encoding = PQparameterStatus(conn->handle, "server_encoding");
    const char *standby = PQparameterStatus(conn->handle, "in_hot_standby");
    int version = PQserverVersion(conn->handle);
    if (version < OLDEST_SERVER)
        return error_set(e, ERR_INVALID, "PostgreSQL 15 or newer is needed, this is %d",
                         version / 10000);
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return error_set(e, ERR_INVALID,
                         "the database has the encoding %s: create it with UTF8 "
                         "(createdb --encoding=UTF8 --template=template0)",
                         encoding ? encoding : "unknown");
    if (!replica && standby && strcmp(standby, "on") == 0)
        return error_set(e, ERR_UNAVAILABLE,
                         "this PostgreSQL is a read-only replica: give the primary's address");
    return ERR_OK;
}

enum err pg_connect(struct pg_conn *conn, const char *url, bool replica,
                    const struct db_driver *driver, struct error *e)
{
    static const char *const names[] = {
        "connect_timeout",  "application_name",    "keepalives_idle",
        "keepalives_count", "keepalives_interval", "tcp_user_timeout",
        "dbname",           "client_encoding",     NULL};
    const char *const values[] = {"5", "rollcall", "30", "3", "5", "20000", url, "UTF8", NULL};
    *conn = (struct pg_conn){.base = {.driver = driver}};
    conn->handle = PQconnectdbParams(names, values, 1);
    if (!conn->handle)
        return error_set(e, ERR_NOMEM, "no memory to connect to PostgreSQL");
    PQsetNoticeReceiver(conn->handle, ignore_notice, NULL);
    enum err r = ERR_OK;
    if (pg_lost(conn)) /* the message names host and user, never the password */
        r = error_set(e, ERR_UNAVAILABLE, "cannot reach PostgreSQL: %.*s",
                      STR_ARGS(first_line(PQerrorMessage(conn->handle))));
    if (!r)
        r = session_check(conn, replica, e);
    if (!r)
        r = pg_command(conn, session_sql, e);
    if (r)
        pg_disconnect(conn);
    return r;
}

void pg_disconnect(struct pg_conn *conn)
{
    PQfinish(conn->handle);
    conn->handle = NULL;
    memset(conn->prepared, 0, sizeof conn->prepared);
}

enum err pg_command(struct pg_conn *conn, const char *sql, struct error *e)
{
    PGresult *result = PQexec(conn->handle, sql);
    ExecStatusType status = PQresultStatus(result);
    enum err r = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
                     ? ERR_OK
                     : pg_error(conn, result, e);
    PQclear(result);
    return r;
}

enum err pg_commit(struct pg_conn *conn, struct error *e)
{
    PGresult *result = PQexec(conn->handle, "COMMIT");
    enum err r = ERR_OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        r = pg_error(conn, result, e);
    else if (strcmp(PQcmdStatus(result), "COMMIT") != 0)
        r = error_set(e, ERR_INTERNAL, "a failed query was ignored; the transaction is undone");
    PQclear(result);
    return r;
}

enum err pg_script(struct db_cx *cx, const char *sql, struct error *e)
{
    return pg_command((struct pg_conn *)cx, sql, e);
}

/* ---- queries */

static const char *query_name(char text[static NAME_TEXT], enum query q)
{
    snprintf(text, NAME_TEXT, "q%d", (int)q);
    return text;
}

static enum err prepare(struct pg_conn *conn, enum query q, struct error *e)
{
    char name[NAME_TEXT];
    if (conn->prepared[q])
        return ERR_OK;
    PGresult *result =
        PQprepare(conn->handle, query_name(name, q), query_texts[q].postgres, 0, NULL);
    enum err r = ERR_OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        r = error_wrap(e, pg_error(conn, result, e), "query %s", query_texts[q].name);
    PQclear(result);
    conn->prepared[q] = r == ERR_OK;
    return r;
}

static size_t value_size(const struct db_value *v)
{
    return v->type == DB_TEXT || v->type == DB_BLOB ? v->s.n + 1 : NUMBER_TEXT;
}

/* Copies the argument to `at`; gives where the next one goes. */
static char *bind(struct pg_rows *rows, int i, const struct db_value *v, char *at)
{
    rows->values[i] = at;
    switch (v->type) {
    case DB_NULL:
        rows->values[i] = NULL;
        return at;
    case DB_INT:
        snprintf(at, NUMBER_TEXT, "%lld", (long long)v->i);
        break;
    case DB_REAL:
        snprintf(at, NUMBER_TEXT, "%.17g", v->d);
        break;
    case DB_BLOB:
    case DB_TEXT:
        rows->formats[i] = v->type == DB_BLOB ? BINARY : 0;
        if (v->s.n)
            memcpy(at, v->s.p, v->s.n);
        at[v->s.n] = 0;
        rows->lengths[i] = (int)v->s.n;
    }
    return at + value_size(v);
}

enum err pg_query(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                  struct db_rows **ret_rows, struct error *e)
{
    struct pg_conn *conn = (struct pg_conn *)cx;
    size_t size = 0;
    assert(n <= STATEMENT_LIMIT);
    for (int i = 0; i < n; i++)
        size += value_size(&args[i]);
    if (size > INT32_MAX)
        return error_set(e, ERR_TOO_LARGE, "a value is too large for the database");
    enum err r = query_texts[q].stream ? ERR_OK : prepare(conn, q, e);
    if (r)
        return r;
    struct pg_rows *rows = mem_alloc(sizeof *rows + size);
    if (!rows)
        return error_set(e, ERR_NOMEM, "no memory for a database query");
    rows->base.driver = conn->base.driver;
    rows->conn = conn;
    rows->query = q;
    rows->n = n;
    char *at = rows->bytes;
    for (int i = 0; i < n; i++)
        at = bind(rows, i, &args[i], at);
    conn->busy_n++;
    *ret_rows = &rows->base;
    return ERR_OK;
}

/* Takes the result over; its columns must have types that pg_value reads. */
static enum err take_result(struct pg_rows *rows, PGresult *result, struct error *e)
{
    ExecStatusType status = PQresultStatus(result);
    PQclear(rows->result);
    rows->result = result;
    rows->row = -1;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return pg_error(rows->conn, result, e);
    for (int c = 0; c < PQnfields(result); c++) {
        switch (PQftype(result, c)) {
        case OID_BOOL:
        case OID_BYTEA:
        case OID_NAME:
        case OID_INT8:
        case OID_INT4:
        case OID_TEXT:
        case OID_FLOAT8:
        case OID_VARCHAR:
        case OID_VOID:
            break;
        default:
            return error_set(e, ERR_INTERNAL, "query %s: column %s has type %u: cast it",
                             query_texts[rows->query].name, PQfname(result, c), PQftype(result, c));
        }
    }
    return ERR_OK;
}

static enum err fetch(struct pg_rows *rows, struct error *e)
{
    char sql[64 + NAME_TEXT];
    snprintf(sql, sizeof sql, "FETCH FORWARD %d FROM %s", STREAM_ROWS, rows->cursor);
    PGresult *result = PQexecParams(rows->conn->handle, sql, 0, NULL, NULL, NULL, NULL, BINARY);
    return take_result(rows, result, e);
}

static enum err stream_begin(struct pg_rows *rows, struct error *e)
{
    const char *text = query_texts[rows->query].postgres;
    size_t size = strlen(text) + 64 + NAME_TEXT;
    char *sql = mem_alloc(size);
    if (!sql)
        return error_set(e, ERR_NOMEM, "no memory for a database query");
    snprintf(rows->cursor, sizeof rows->cursor, "c%d", rows->conn->cursors++);
    snprintf(sql, size, "DECLARE %s NO SCROLL CURSOR FOR %s", rows->cursor, text);
    PGresult *result = PQexecParams(rows->conn->handle, sql, rows->n, NULL, rows->values,
                                    rows->lengths, rows->formats, BINARY);
    mem_free(sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        enum err r = pg_error(rows->conn, result, e);
        PQclear(result);
        rows->cursor[0] = 0;
        return error_wrap(e, r, "query %s", query_texts[rows->query].name);
    }
    PQclear(result);
    return fetch(rows, e);
}

static enum err run(struct pg_rows *rows, struct error *e)
{
    char name[NAME_TEXT];
    if (query_texts[rows->query].stream)
        return stream_begin(rows, e);
    PGresult *result = PQexecPrepared(rows->conn->handle, query_name(name, rows->query), rows->n,
                                      rows->values, rows->lengths, rows->formats, BINARY);
    enum err r = take_result(rows, result, e);
    if (!r && strncmp(PQcmdStatus(result), "SELECT", 6) != 0) {
        enum err none = str_to_i64(str_from(PQcmdTuples(result)), &rows->changed, NULL);
        (void)none; /* a command that changes no rows has no number */
    }
    return r;
}

enum err pg_next(struct db_rows *base, bool *ret_has, struct error *e)
{
    struct pg_rows *rows = (struct pg_rows *)base;
    enum err r = rows->result ? ERR_OK : run(rows, e);
    if (r)
        return r;
    rows->hint = 0;
    rows->row++;
    if (rows->cursor[0] && rows->row == STREAM_ROWS) {
        r = fetch(rows, e);
        rows->row = 0;
    }
    if (!r)
        *ret_has = rows->row < PQntuples(rows->result);
    return r;
}

void pg_rows_done(struct db_rows *base)
{
    struct pg_rows *rows = (struct pg_rows *)base;
    rows->conn->busy_n--;
    if (rows->cursor[0] && PQtransactionStatus(rows->conn->handle) == PQTRANS_INTRANS) {
        char sql[16 + NAME_TEXT];
        snprintf(sql, sizeof sql, "CLOSE %s", rows->cursor);
        enum err r = pg_command(rows->conn, sql, NULL);
        (void)r; /* it ends with the transaction at the latest */
    }
    PQclear(rows->result);
    mem_free(rows);
}

int64_t pg_changed(struct db_rows *rows) { return ((struct pg_rows *)rows)->changed; }

int pg_column(struct db_rows *base, const char *name)
{
    struct pg_rows *rows = (struct pg_rows *)base;
    int n = PQnfields(rows->result);
    for (int i = 0; i < n; i++) {
        int at = (rows->hint + i) % n;
        if (strcmp(PQfname(rows->result, at), name) != 0)
            continue;
        rows->hint = at + 1 < n ? at + 1 : 0;
        return at;
    }
    return -1;
}

static uint64_t read_u64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static uint32_t read_u32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

struct db_value pg_value(struct db_rows *base, int column)
{
    const struct pg_rows *rows = (struct pg_rows *)base;
    if (PQgetisnull(rows->result, rows->row, column))
        return db_null();
    const char *p = PQgetvalue(rows->result, rows->row, column);
    struct str bytes = {p, (size_t)PQgetlength(rows->result, rows->row, column)};
    double real;
    uint64_t bits;
    switch (PQftype(rows->result, column)) {
    case OID_INT8:
        return db_int((int64_t)read_u64(p));
    case OID_INT4:
        return db_int((int32_t)read_u32(p));
    case OID_BOOL:
        return db_int(p[0] != 0);
    case OID_FLOAT8:
        bits = read_u64(p);
        memcpy(&real, &bits, sizeof real);
        return db_real(real);
    case OID_BYTEA:
        return (struct db_value){.type = DB_BLOB, .s = bytes};
    case OID_VOID:
        return db_null();
    default:
        return (struct db_value){.type = DB_TEXT, .s = bytes};
    }
}
