/* The SQLite back end: one writer thread, a pool of read-only connections, a lock file.
 *
 * The file belongs to one process (PATH.lock). Writes go through sqlite_writer.c; a read borrows a
 * connection of the pool for the time of its function and sees one snapshot (write-ahead log), so
 * readers and the writer never wait for each other. More readers than connections wait their turn.
 * Thread: any. Invariant: a connection is used by one thread at a time, so SQLite's own mutexes are
 * off. Lock order: `lock` is a leaf; it is not held while a db_fn runs. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/sqlite_conn.h"
#include "store/sqlite_writer.h"

enum { READERS_DEFAULT = 2, READERS_MAX = 64, WAITING_DEFAULT = 1024, PATH_BYTES = 4096 };

struct sqlite_db {
    struct db base;
    char path[PATH_BYTES];
    int lock_fd; /* of PATH.lock; -1: not held */
    struct sqlite_conn write_conn;
    struct sqlite_writer *writer;
    struct sqlite_conn *readers; /* owned array */
    int reader_n;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    /* under lock */
    struct sqlite_conn *idle[READERS_MAX];
    int idle_n;
    bool closing;
};

static enum err reader_borrow(struct sqlite_db *db, struct sqlite_conn **ret_conn, struct error *e)
{
    pthread_mutex_lock(&db->lock);
    while (db->idle_n == 0 && !db->closing)
        pthread_cond_wait(&db->returned, &db->lock);
    bool closing = db->closing;
    if (!closing)
        *ret_conn = db->idle[--db->idle_n];
    pthread_mutex_unlock(&db->lock);
    return closing ? error_set(e, ERR_UNAVAILABLE, "the database is being closed") : ERR_OK;
}

static void reader_return(struct sqlite_db *db, struct sqlite_conn *conn)
{
    pthread_mutex_lock(&db->lock);
    db->idle[db->idle_n++] = conn;
    /* db_close waits on the same condition: wake all when it does */
    if (db->closing)
        pthread_cond_broadcast(&db->returned);
    else
        pthread_cond_signal(&db->returned);
    pthread_mutex_unlock(&db->lock);
}

static enum err sqlite_read(struct db *base, db_fn fn, void *ctx, struct error *e)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    struct sqlite_conn *conn = NULL;
    enum err r = reader_borrow(db, &conn, e);
    if (r)
        return r;
    r = sqlite_control(conn, CONTROL_BEGIN, e);
    if (!r) {
        db_fn_enter();
        r = fn(&conn->base, ctx, e);
        db_fn_leave();
        assert(conn->busy_n == 0); /* fn must finish its rows */
        enum err ended = ERR_OK;
        if (sqlite_in_transaction(conn))
            ended = sqlite_control(conn, CONTROL_ROLLBACK, NULL);
        (void)ended; /* nothing was written */
    }
    reader_return(db, conn);
    return r;
}

static enum err sqlite_tx(struct db *base, db_fn fn, void *ctx, struct error *e)
{
    return sqlite_writer_run(((struct sqlite_db *)base)->writer, fn, ctx, e);
}

int db_sqlite_waiting(struct db *db)
{
    return sqlite_writer_waiting(((struct sqlite_db *)db)->writer);
}

static void readers_stop(struct sqlite_db *db)
{
    pthread_mutex_lock(&db->lock);
    db->closing = true;
    pthread_cond_broadcast(&db->returned);
    while (db->idle_n < db->reader_n)
        pthread_cond_wait(&db->returned, &db->lock);
    pthread_mutex_unlock(&db->lock);
}

/* Also undoes a half-done open. The writer's connection closes last: it moves the log into the
 * file. */
static void sqlite_close_db(struct db *base)
{
    struct sqlite_db *db = (struct sqlite_db *)base;
    sqlite_writer_free(db->writer);
    readers_stop(db);
    for (int i = 0; i < db->reader_n; i++)
        sqlite_conn_close(&db->readers[i]);
    mem_free(db->readers);
    sqlite_conn_close(&db->write_conn);
    file_unlock(db->lock_fd);
    pthread_cond_destroy(&db->returned);
    pthread_mutex_destroy(&db->lock);
    mem_free(db);
}

static const struct db_driver sqlite_driver = {
    .name = "sqlite",
    .exclusive = true,
    .close = sqlite_close_db,
    .tx = sqlite_tx,
    .read = sqlite_read,
    .query = sqlite_query,
    .next = sqlite_next,
    .rows_done = sqlite_rows_done,
    .changed = sqlite_changed,
    .column = sqlite_column,
    .value = sqlite_value,
    .script = sqlite_script,
};

static enum err folder_create(const char *path, struct error *e)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return ERR_OK;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    return file_mkdirs(folder, e);
}

/* Makes the empty file itself, so that it and the log beside it (SQLite copies the mode) are for
 * the owner alone from the start. */
static enum err file_create(const char *path, struct error *e)
{
    char text[96];
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(e, ERR_IO, "cannot create %s: %s", path,
                         strerror_r(errno, text, sizeof text));
    close(fd);
    return ERR_OK;
}

static enum err lock_take(struct sqlite_db *db, struct error *e)
{
    char path[PATH_BYTES + 8];
    snprintf(path, sizeof path, "%s.lock", db->path);
    return file_lock(path, &db->lock_fd, e);
}

static enum err readers_open(struct sqlite_db *db, int n, struct error *e)
{
    db->readers = mem_array((size_t)n, sizeof *db->readers);
    if (!db->readers)
        return error_set(e, ERR_NOMEM, "no memory for database connections");
    for (int i = 0; i < n; i++) {
        enum err r = sqlite_conn_open(&db->readers[i], db->path, true, &sqlite_driver, e);
        if (r)
            return r;
        db->idle[db->idle_n++] = &db->readers[i];
        db->reader_n++;
    }
    return ERR_OK;
}

/* Before any reader opens: the journal of a file changes only while nobody else has it open. */
static const char secret_pragmas[] = "PRAGMA journal_mode = TRUNCATE; PRAGMA secure_delete = ON;";

static enum err writer_open(struct sqlite_db *db, const struct db_options *o, struct error *e)
{
    enum err r = sqlite_conn_open(&db->write_conn, db->path, false, &sqlite_driver, e);
    return r || !o->secret ? r : sqlite_script(&db->write_conn.base, secret_pragmas, e);
}

static enum err sqlite_setup(struct sqlite_db *db, const struct db_options *o, struct error *e)
{
    enum err r = o->create ? folder_create(db->path, e) : ERR_OK;
    if (!r && !o->create && !file_exists(db->path))
        r = error_set(e, ERR_NOT_FOUND, "there is no database file %s", db->path);
    if (!r)
        r = lock_take(db, e);
    if (!r && o->create)
        r = file_create(db->path, e);
    if (!r)
        r = writer_open(db, o, e);
    int readers = o->readers > 0 ? o->readers : READERS_DEFAULT;
    if (!r)
        r = readers_open(db, readers < READERS_MAX ? readers : READERS_MAX, e);
    int waiting = o->waiting > 0 ? o->waiting : WAITING_DEFAULT;
    return r ? r : sqlite_writer_new(&db->write_conn, waiting, &db->writer, e);
}

enum err db_sqlite_open(const struct db_options *o, struct db **ret_db, struct error *e)
{
    struct sqlite_db *db = mem_alloc(sizeof *db);
    if (!db)
        return error_set(e, ERR_NOMEM, "no memory to open the database");
    db->base.driver = &sqlite_driver;
    db->lock_fd = -1;
    pthread_mutex_init(&db->lock, NULL);
    pthread_cond_init(&db->returned, NULL);
    int n = snprintf(db->path, sizeof db->path, "%s", o->path);
    enum err r = n > 0 && (size_t)n < sizeof db->path
                     ? sqlite_setup(db, o, e)
                     : error_set(e, ERR_INVALID, "bad path of a database: %.80s", o->path);
    if (r) {
        db_close(&db->base);
        return r;
    }
    *ret_db = &db->base;
    return ERR_OK;
}

const char *db_sqlite_version(void) { return sqlite3_libversion(); }
