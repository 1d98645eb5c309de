/* The replica: see replica.h. One thread watches; readers look at one time under a lock.
 *
 * samples holds (time, end of the primary's log) of the last SAMPLES steps, oldest overwritten:
 * STEPS of them make max_lag, the rest is for a replica that is further behind, to tell by how
 * much. `seen_until` is the newest sample's time that the replica has replayed. Each time is taken
 * before the primary is asked, so what was committed before it lies before that end of the log.
 * Cost: two tiny queries max_lag / STEPS apart. Lock order: `lock` is a leaf. */
#include "store/replica.h"

#include <pthread.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

enum { STEPS = 4, SAMPLES = 256 };
#define STEP_MIN (10 * USEC_PER_MSEC)

struct sample {
    usec_t at; /* monotonic */
    int64_t lsn;
};

struct replica {
    struct db *db, *primary;
    usec_t max_lag;
    pthread_t watcher;
    bool started;
    struct sample samples[SAMPLES]; /* of the watcher */
    int64_t n_samples;
    pthread_mutex_t lock;
    pthread_cond_t stop; /* monotonic clock */
    /* under lock */
    usec_t seen_until; /* monotonic; 0: nothing is known */
    bool closing;
};

/* ---- watching */

struct position {
    enum query q;
    bool known;
    int64_t lsn;
};

static enum err position_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct position *p = ctx;
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, p->q, NULL, 0, &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    p->known = !r && has && !db_col_is_null(rows, "lsn");
    p->lsn = p->known ? db_col_int(rows, "lsn") : 0;
    return r;
}

/* The newest sample that a log replayed up to lsn covers; 0: none. */
static usec_t covered(const struct replica *r, int64_t lsn)
{
    usec_t at = 0;
    int64_t kept = r->n_samples < SAMPLES ? r->n_samples : SAMPLES;
    for (int64_t i = 0; i < kept; i++) {
        const struct sample *s = &r->samples[i];
        if (s->lsn <= lsn && s->at > at)
            at = s->at;
    }
    return at;
}

static void step(struct replica *r)
{
    struct error e = {0};
    struct position end = {.q = Q_REPLICA_PRIMARY_END}, replayed = {.q = Q_REPLICA_REPLAYED};
    usec_t now = time_mono();
    if (db_read(r->primary, position_fn, &end, &e) == ERR_OK && end.known)
        r->samples[r->n_samples++ % SAMPLES] = (struct sample){.at = now, .lsn = end.lsn};
    enum err err = db_read(r->db, position_fn, &replayed, &e);
    usec_t at = err == ERR_OK && replayed.known ? covered(r, replayed.lsn) : 0;
    pthread_mutex_lock(&r->lock);
    bool was = r->seen_until > 0 && now - r->seen_until < r->max_lag;
    if (at > r->seen_until)
        r->seen_until = at;
    usec_t lag = r->seen_until ? time_mono() - r->seen_until : -USEC_PER_MSEC;
    pthread_mutex_unlock(&r->lock);
    metric_set(METRIC_replica_lag_ms, lag / USEC_PER_MSEC);
    if (was && lag >= r->max_lag)
        log_event(LOG_WARN, "store", "replica_not_used", "lag_ms=%lld reason=\"%s\"",
                  (long long)(lag / USEC_PER_MSEC), err ? e.msg : "behind");
}

static void *watch(void *ctx)
{
    struct replica *r = ctx;
    usec_t pause = r->max_lag / STEPS > STEP_MIN ? r->max_lag / STEPS : STEP_MIN;
    bool closing = false;
    while (!closing) {
        struct timespec until;
        step(r);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += (time_t)(pause / USEC_PER_SEC);
        until.tv_nsec += (long)(pause % USEC_PER_SEC) * 1000;
        if (until.tv_nsec >= 1000000000L) {
            until.tv_sec++;
            until.tv_nsec -= 1000000000L;
        }
        pthread_mutex_lock(&r->lock);
        while (!r->closing && pthread_cond_timedwait(&r->stop, &r->lock, &until) == 0)
            continue;
        closing = r->closing;
        pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

/* ---- for readers */

bool replica_is_recent(struct replica *r)
{
    pthread_mutex_lock(&r->lock);
    bool recent = r->seen_until > 0 && time_mono() - r->seen_until < r->max_lag;
    pthread_mutex_unlock(&r->lock);
    return recent;
}

enum err replica_read(struct replica *r, db_fn fn, void *ctx, struct error *e)
{
    if (replica_is_recent(r)) {
        struct error why = {0};
        enum err err = db_read(r->db, fn, ctx, &why);
        if (err != ERR_UNAVAILABLE) {
            metric_add(METRIC_replica_reads_total, 1);
            if (err && e)
                *e = why;
            return err;
        }
        pthread_mutex_lock(&r->lock);
        r->seen_until = 0; /* until the watcher has heard of it again */
        pthread_mutex_unlock(&r->lock);
    }
    metric_add(METRIC_replica_fallbacks_total, 1);
    return db_read(r->primary, fn, ctx, e);
}

/* ---- life */

enum err replica_open(const struct db_options *o, struct db *primary, usec_t max_lag,
                      struct replica **ret_replica, struct error *e)
{
    if (strcmp(db_backend(primary), "postgres") != 0)
        return error_set(e, ERR_INVALID, "only a PostgreSQL database has a replica");
    struct replica *r = mem_alloc(sizeof *r);
    if (!r)
        return error_set(e, ERR_NOMEM, "no memory for the replica");
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&r->stop, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&r->lock, NULL);
    r->primary = primary;
    r->max_lag = max_lag;
    struct db_options replica = *o;
    replica.replica = true;
    enum err err = db_postgres_open(&replica, &r->db, e);
    if (!err) {
        r->started = pthread_create(&r->watcher, NULL, watch, r) == 0;
        err = r->started ? ERR_OK : error_set(e, ERR_NOMEM, "the replica's thread cannot start");
    }
    if (err)
        replica_close(r);
    else
        *ret_replica = r;
    return err;
}

void replica_close(struct replica *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->closing = true;
    pthread_cond_signal(&r->stop);
    pthread_mutex_unlock(&r->lock);
    if (r->started)
        pthread_join(r->watcher, NULL);
    db_close(r->db);
    pthread_cond_destroy(&r->stop);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}
