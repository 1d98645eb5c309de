/* The PostgreSQL back end: a pool of connections, transactions on the caller's thread.
 *
 * A connection is lent to one thread for one transaction. Writes run READ COMMITTED: what must not
 * happen twice is kept by unique keys and by the advisory locks of the queries, so a statement sees
 * what was committed before it. Reads run on one snapshot, read only. A transaction that lost
 * against another (deadlock, serialisation) runs again, up to TRIES times; so does one whose
 * connection was found dead before its first statement. While the server is away every call fails
 * at once, but one that tries to connect, at growing intervals.
 * Thread: any. Lock order: `lock` is a leaf; it is not held while connecting or in a db_fn. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/postgres_conn.h"

enum { CONNECTIONS_DEFAULT = 8, CONNECTIONS_MAX = 256, URL_BYTES = 2048, TRIES = 6 };
enum { LEND_SECONDS = 10, RETRY_MS = 5 };
#define BACKOFF_MIN (USEC_PER_SEC / 10)
#define BACKOFF_MAX (5 * USEC_PER_SEC)

struct pg_db {
    struct db base;
    bool replica;
    char url[URL_BYTES]; /* may hold a password: wiped on close */
    struct pg_conn *conns;
    int conn_n;
    pthread_mutex_t lock;
    pthread_cond_t returned; /* monotonic clock */
    /* under lock */
    struct pg_conn *idle[CONNECTIONS_MAX]; /* the last used is lent first: it is connected */
    int idle_n;
    usec_t next_try, backoff; /* when somebody may connect again; 0: at once */
    struct error why;         /* of the last attempt that failed */
    bool closing;
};

/* ---- the pool */

static enum err lend(struct pg_db *db, struct pg_conn **ret_conn, struct error *e)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LEND_SECONDS;
    int rc = 0;
    pthread_mutex_lock(&db->lock);
    while (db->idle_n == 0 && !db->closing && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&db->returned, &db->lock, &until);
    bool closing = db->closing, lent = !closing && db->idle_n > 0;
    if (lent)
        *ret_conn = db->idle[--db->idle_n];
    pthread_mutex_unlock(&db->lock);
    if (lent)
        return ERR_OK;
    return closing ? error_set(e, ERR_UNAVAILABLE, "the database is being closed")
                   : error_set(e, ERR_UNAVAILABLE,
                               "all %d database connections are busy: raise "
                               "database_connections or try again",
                               db->conn_n);
}

static void give_back(struct pg_db *db, struct pg_conn *conn)
{
    assert(conn->busy_n == 0); /* fn must finish its rows */
    if (conn->handle && pg_lost(conn))
        pg_disconnect(conn);
    pthread_mutex_lock(&db->lock);
    if (conn->handle || db->idle_n == 0) {
        db->idle[db->idle_n++] = conn;
    } else { /* one that must connect first is lent last */
        memmove(db->idle + 1, db->idle, (size_t)db->idle_n * sizeof(struct pg_conn *));
        db->idle[0] = conn;
        db->idle_n++;
    }
    if (db->closing)
        pthread_cond_broadcast(&db->returned);
    else
        pthread_cond_signal(&db->returned);
    pthread_mutex_unlock(&db->lock);
}

/* May this thread try to connect now? One does; the others hear why not. */
static enum err may_connect(struct pg_db *db, struct error *e)
{
    usec_t now = time_mono();
    enum err r = ERR_OK;
    pthread_mutex_lock(&db->lock);
    if (now < db->next_try)
        r = error_set(e, ERR_UNAVAILABLE, "%s",
                      db->why.code ? db->why.msg : "connecting to PostgreSQL: try again");
    else if (db->backoff)
        db->next_try = now + BACKOFF_MAX; /* until this attempt is over */
    pthread_mutex_unlock(&db->lock);
    return r;
}

static enum err connect_one(struct pg_db *db, struct pg_conn *conn, struct error *e)
{
    struct error why = {0};
    enum err r = may_connect(db, e);
    if (r)
        return r;
    r = pg_connect(conn, db->url, db->replica, db->base.driver, &why);
    pthread_mutex_lock(&db->lock);
    if (r) {
        db->backoff = db->backoff ? 2 * db->backoff : BACKOFF_MIN;
        if (db->backoff > BACKOFF_MAX)
            db->backoff = BACKOFF_MAX;
        db->next_try = time_mono() + db->backoff;
        db->why = why;
    } else {
        db->backoff = db->next_try = 0;
    }
    pthread_mutex_unlock(&db->lock);
    return r ? error_set(e, r, "%s", why.msg) : ERR_OK;
}

/* ---- transactions */

static const char begin_write[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
static const char begin_read[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/* A connection that broke while it was idle is opened anew, once. */
static enum err begin(struct pg_db *db, struct pg_conn *conn, const char *sql, struct error *e)
{
    conn->again = false;
    if (conn->handle) {
        enum err r = pg_command(conn, sql, e);
        if (!r || !pg_lost(conn))
            return r;
        pg_disconnect(conn);
    }
    enum err r = connect_one(db, conn, e);
    return r ? r : pg_command(conn, sql, e);
}

static enum err run_once(struct pg_db *db, struct pg_conn *conn, const char *sql, db_fn fn,
                         void *ctx, struct error *e)
{
    enum err r = begin(db, conn, sql, e);
    if (r)
        return r;
    db_fn_enter();
    r = fn(&conn->base, ctx, e);
    db_fn_leave();
    if (!r)
        r = pg_commit(conn, e);
    if (r && !pg_lost(conn) && PQtransactionStatus(conn->handle) != PQTRANS_IDLE) {
        enum err undone = pg_command(conn, "ROLLBACK", NULL);
        (void)undone; /* a connection that cannot is lost, and the server rolls back */
    }
    return r;
}

/* Waits a little, longer each time and not the same for two threads. */
static void wait_for_others(int try)
{
    uint64_t spread = (uint64_t)time_mono() * 2654435761u >> 20 & 7;
    usleep((useconds_t)((RETRY_MS << try) * 1000 + (int)spread * 1000));
}

static enum err run_tx(struct pg_db *db, const char *sql, db_fn fn, void *ctx, struct error *e)
{
    struct pg_conn *conn = NULL;
    struct error why = {0};
    enum err r = lend(db, &conn, e);
    if (r)
        return r;
    for (int try = 0; try < TRIES; try++) {
        why = (struct error){0};
        r = run_once(db, conn, sql, fn, ctx, &why);
        if (!r || !conn->again)
            break;
        wait_for_others(try);
    }
    give_back(db, conn);
    if (r && e)
        *e = why;
    return r;
}

static enum err pg_tx(struct db *db, db_fn fn, void *ctx, struct error *e)
{
    return run_tx((struct pg_db *)db, begin_write, fn, ctx, e);
}

static enum err pg_read(struct db *db, db_fn fn, void *ctx, struct error *e)
{
    return run_tx((struct pg_db *)db, begin_read, fn, ctx, e);
}

/* ---- life */

static void pg_close_db(struct db *base)
{
    struct pg_db *db = (struct pg_db *)base;
    pthread_mutex_lock(&db->lock);
    db->closing = true;
    pthread_cond_broadcast(&db->returned);
    while (db->idle_n < db->conn_n)
        pthread_cond_wait(&db->returned, &db->lock);
    pthread_mutex_unlock(&db->lock);
    for (int i = 0; i < db->conn_n; i++)
        pg_disconnect(&db->conns[i]);
    mem_free(db->conns);
    pthread_cond_destroy(&db->returned);
    pthread_mutex_destroy(&db->lock);
    secure_free(db, sizeof *db);
}

static const struct db_driver pg_driver = {
    .name = "postgres",
    .close = pg_close_db,
    .tx = pg_tx,
    .read = pg_read,
    .query = pg_query,
    .next = pg_next,
    .rows_done = pg_rows_done,
    .changed = pg_changed,
    .column = pg_column,
    .value = pg_value,
    .script = pg_script,
};

static enum err pool_open(struct pg_db *db, int n, struct error *e)
{
    db->conns = mem_array((size_t)n, sizeof *db->conns);
    if (!db->conns)
        return error_set(e, ERR_NOMEM, "no memory for database connections");
    for (int i = 0; i < n; i++) {
        db->conns[i].base.driver = &pg_driver;
        db->idle[db->idle_n++] = &db->conns[i];
        db->conn_n++;
    }
    enum err r = connect_one(db, &db->conns[n - 1], e);
    return db->replica && r == ERR_UNAVAILABLE ? ERR_OK : r;
}

enum err db_postgres_open(const struct db_options *o, struct db **ret_db, struct error *e)
{
    int n = o->connections > 0 ? o->connections : CONNECTIONS_DEFAULT;
    struct pg_db *db = mem_alloc(sizeof *db);
    if (!db)
        return error_set(e, ERR_NOMEM, "no memory to open the database");
    db->base.driver = &pg_driver;
    db->replica = o->replica;
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&db->returned, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&db->lock, NULL);
    int length = snprintf(db->url, sizeof db->url, "%s", o->path);
    enum err r = length > 0 && (size_t)length < sizeof db->url
                     ? pool_open(db, n < CONNECTIONS_MAX ? n : CONNECTIONS_MAX, e)
                     : error_set(e, ERR_INVALID, "the address of the database is too long");
    if (r) {
        db_close(&db->base);
        return r;
    }
    *ret_db = &db->base;
    return ERR_OK;
}
