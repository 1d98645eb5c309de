/* The writer thread of a SQLite file: see sqlite_writer.h.
 *
 * Callers block in sqlite_writer_run, their item on their own stack; the thread takes all items
 * that wait (up to GROUP_MAX) and runs them in ONE transaction, each in a savepoint: an item that
 * fails undoes only itself. Nobody is told of success before the COMMIT has returned, and when it
 * fails, everyone in the group gets that error. After some errors (disk full, I/O, memory) SQLite
 * gives up the whole transaction: then the item that met the error keeps it, and the others run
 * again, each alone, which the contract of db_fn allows.
 *
 * This is the one place beside base/mailbox.h where threads meet: a transaction is a call, not a
 * message, and its function and context live on the caller's stack until it returns. Lock order:
 * `lock` is a leaf; no lock is held while a db_fn runs. Cost: one flush a group; 64 waiting callers
 * reach 58,000 transactions/s where one alone reaches 19,000. */
#include "store/sqlite_writer.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>

#include "base/mem.h"

enum { GROUP_MAX = 64 };

struct item {
    db_fn fn;
    void *ctx;
    struct item *next;
    pthread_cond_t finished; /* with the writer's lock */
    bool done;               /* under the writer's lock */
    enum err result;
    struct error error;
};

struct sqlite_writer {
    struct sqlite_conn *conn;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t work;
    /* under lock */
    struct item *first, **end;
    int waiting, waiting_max;
    bool closing;
};

/* Runs fn, in a savepoint when other items share the transaction. False: the savepoint could not
 * be handled and the transaction must go. */
static bool item_run(struct sqlite_conn *conn, struct item *it, bool grouped)
{
    it->error = (struct error){0};
    it->result = grouped ? sqlite_control(conn, CONTROL_SAVE, &it->error) : ERR_OK;
    if (it->result)
        return false;
    db_fn_enter();
    it->result = it->fn(&conn->base, it->ctx, &it->error);
    db_fn_leave();
    assert(conn->busy_n == 0); /* fn must finish its rows */
    if (!grouped || !sqlite_in_transaction(conn))
        return true;
    if (it->result && sqlite_control(conn, CONTROL_UNDO, NULL) != ERR_OK)
        return false;
    enum err r = sqlite_control(conn, CONTROL_RELEASE, it->result ? NULL : &it->error);
    if (r && !it->result)
        it->result = r;
    return r == ERR_OK;
}

static void items_fail(struct item **items, int n, enum err r, const struct error *e)
{
    for (int i = 0; i < n; i++) {
        if (items[i]->result)
            continue;
        items[i]->result = r;
        items[i]->error = *e;
    }
}

static void rollback(struct sqlite_conn *conn)
{
    if (!sqlite_in_transaction(conn))
        return;
    enum err r = sqlite_control(conn, CONTROL_ROLLBACK, NULL);
    (void)r; /* SQLite ends the transaction even when it reports an error */
}

static void group_commit(struct sqlite_conn *conn, struct item **items, int n)
{
    struct error e = {0};
    int good = 0;
    for (int i = 0; i < n; i++)
        good += items[i]->result == ERR_OK;
    enum err r = good ? sqlite_control(conn, CONTROL_COMMIT, &e) : ERR_OK;
    if (r)
        items_fail(items, n, r, &e);
    rollback(conn);
}

static void group_run(struct sqlite_conn *conn, struct item **items, int n);

/* The transaction was lost while items[at] ran; what it undid and what had not yet run goes alone.
 */
static void group_retry(struct sqlite_conn *conn, struct item **items, int n, int at)
{
    static const struct error lost = {.code = ERR_UNAVAILABLE,
                                      .file = __FILE__,
                                      .line = __LINE__,
                                      .msg = "the database gave up the transaction"};
    rollback(conn);
    items_fail(&items[at], 1, ERR_UNAVAILABLE, &lost);
    for (int i = 0; i < n; i++) {
        if (i > at || (i < at && !items[i]->result))
            group_run(conn, &items[i], 1);
    }
}

/* Runs n items in one transaction and sets their results. */
static void group_run(struct sqlite_conn *conn, struct item **items, int n)
{
    struct error e = {0};
    for (int i = 0; i < n; i++)
        items[i]->result = ERR_OK;
    enum err r = sqlite_control(conn, CONTROL_BEGIN_WRITE, &e);
    if (r) {
        items_fail(items, n, r, &e);
        rollback(conn);
        return;
    }
    for (int i = 0; i < n; i++) {
        bool kept = item_run(conn, items[i], n > 1);
        if (!kept || !sqlite_in_transaction(conn)) {
            group_retry(conn, items, n, i);
            return;
        }
    }
    group_commit(conn, items, n);
}

/* Takes what waits, up to GROUP_MAX; 0 when closing and nothing is left. */
static int group_take(struct sqlite_writer *w, struct item **ret_items)
{
    int n = 0;
    pthread_mutex_lock(&w->lock);
    while (!w->first && !w->closing)
        pthread_cond_wait(&w->work, &w->lock);
    while (w->first && n < GROUP_MAX) {
        ret_items[n++] = w->first;
        w->first = w->first->next;
        w->waiting--;
    }
    if (!w->first)
        w->end = &w->first;
    pthread_mutex_unlock(&w->lock);
    return n;
}

static void *writer_main(void *arg)
{
    struct sqlite_writer *w = arg;
    struct item *items[GROUP_MAX];
    for (;;) {
        int n = group_take(w, items);
        if (n == 0)
            return NULL;
        group_run(w->conn, items, n);
        pthread_mutex_lock(&w->lock);
        for (int i = 0; i < n; i++) {
            items[i]->done = true;
            pthread_cond_signal(&items[i]->finished);
        }
        pthread_mutex_unlock(&w->lock);
    }
}

/* The thread takes no signals: they are for the main thread. */
static int thread_start(struct sqlite_writer *w)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&w->thread, NULL, writer_main, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

enum err sqlite_writer_new(struct sqlite_conn *conn, int waiting_max,
                           struct sqlite_writer **ret_writer, struct error *e)
{
    struct sqlite_writer *w = mem_alloc(sizeof *w);
    if (!w)
        return error_set(e, ERR_NOMEM, "no memory for the database writer");
    w->conn = conn;
    w->waiting_max = waiting_max;
    w->end = &w->first;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work, NULL);
    if (thread_start(w)) {
        pthread_cond_destroy(&w->work);
        pthread_mutex_destroy(&w->lock);
        mem_free(w);
        return error_set(e, ERR_INTERNAL, "cannot start the database writer thread");
    }
    *ret_writer = w;
    return ERR_OK;
}

void sqlite_writer_free(struct sqlite_writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->closing = true;
    pthread_cond_signal(&w->work);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->work);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

int sqlite_writer_waiting(struct sqlite_writer *w)
{
    pthread_mutex_lock(&w->lock);
    int n = w->waiting;
    pthread_mutex_unlock(&w->lock);
    return n;
}

static enum err item_queue(struct sqlite_writer *w, struct item *it, struct error *e)
{
    if (w->closing)
        return error_set(e, ERR_UNAVAILABLE, "the database is being closed");
    if (w->waiting >= w->waiting_max)
        return error_set(e, ERR_FULL, "%d database writes are waiting already", w->waiting);
    *w->end = it;
    w->end = &it->next;
    w->waiting++;
    pthread_cond_signal(&w->work);
    return ERR_OK;
}

enum err sqlite_writer_run(struct sqlite_writer *w, db_fn fn, void *ctx, struct error *e)
{
    struct item it = {.fn = fn, .ctx = ctx};
    pthread_cond_init(&it.finished, NULL);
    pthread_mutex_lock(&w->lock);
    enum err r = item_queue(w, &it, e);
    while (!r && !it.done)
        pthread_cond_wait(&it.finished, &w->lock);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_destroy(&it.finished);
    if (r)
        return r;
    if (it.result && e)
        *e = it.error;
    return it.result;
}
