/* The workers' threads: see jobs.h. N workers claim from the queue and hand what they get to
 * claim.c; the keeper follows template changes; housekeeping wakes every second. Stop order: flag,
 * wake, join workers, then the other two. */
#include "jobs/internal.h"

#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define CLAIM_WAIT (USEC_PER_SEC / 2)
#define RETRY_DELAY (USEC_PER_SEC / 2)
enum {
    WORKERS_MAX = 64,
    WORKER_ARENA_MAX = 768 * MIB,
    KEEPER_CAPACITY = 65536,
    OUTBOX_CAPACITY = 16,
    TALLY_EVERY_S = 30
};

struct jobs {
    struct jobs_env env;
    pthread_t threads[WORKERS_MAX], keeper, housekeeping;
    int n_threads;
    bool has_keeper, has_housekeeping;
    struct mailbox *changes; /* student ids whose templates changed: for the keeper */
    struct mailbox *outbox;  /* a message: there is something in the outbox */
    struct tally *tally;
    _Atomic bool stop, reload_all, follow;
};

/* How many items to take: a fair share of what waits, so that no worker idles while another holds
 * several. A queue that does not answer now is asked for one. */
static int fair_share(const struct jobs *j)
{
    struct queue_stats s;
    struct error e;
    size_t workers = j->env.workers > 0 ? (size_t)j->env.workers : 1;
    size_t most = j->env.batch_frames < CLAIM_MAX ? (size_t)j->env.batch_frames : CLAIM_MAX;
    if (most <= 1 || queue_stats(j->env.queue, &s, &e))
        return 1;
    size_t share = (s.items + workers - 1) / workers;
    return share < 1 ? 1 : (int)(share < most ? share : most);
}

static void *worker_main(void *arg)
{
    struct jobs *j = arg;
    struct worker w = {.env = &j->env,
                       .tally = j->tally,
                       .arena = arena_new(WORKER_ARENA_MAX),
                       .scratch = arena_new(WORKER_ARENA_MAX)};
    while (w.arena && w.scratch && !atomic_load(&j->stop)) {
        struct queue_delivery items[CLAIM_MAX];
        int n = 0;
        struct error e = {0};
        if (queue_claim(j->env.queue, fair_share(j), CLAIM_WAIT, items, &n, &e)) {
            log_failure(LOG_WARN, "jobs", "queue_unreachable", &e);
            usleep((useconds_t)RETRY_DELAY);
        }
        claim_handle(&w, items, n);
        for (int i = 0; i < n; i++)
            queue_delivery_done(&items[i]);
    }
    arena_free(w.arena);
    arena_free(w.scratch);
    return NULL;
}

/* Messages of a remote bus may be lost: read everything now and then. */
static bool rebuild_is_due(const struct jobs *j, usec_t *last)
{
    usec_t now = time_mono();
    bool due = j->env.gallery_rebuild > 0 && now - *last >= j->env.gallery_rebuild;
    if (due)
        *last = now;
    return due;
}

static void *keeper_main(void *arg)
{
    struct jobs *j = arg;
    usec_t last = time_mono();
    while (!atomic_load(&j->stop)) {
        struct message msg;
        struct error e = {0};
        enum err r = ERR_OK;
        bool due = rebuild_is_due(j, &last);
        if ((atomic_exchange(&j->follow, false) || due) && j->env.follow)
            j->env.follow(j->env.follow_ctx);
        if (atomic_exchange(&j->reload_all, false) || due)
            r = templates_load_both(&j->env, &e);
        else if (mailbox_wait(j->changes, CLAIM_WAIT, &msg)) {
            struct student_id student;
            r = id_parse((struct str){msg.p, msg.n}, student.text, &e);
            if (r == ERR_OK)
                r = templates_reload_both(&j->env, student, &e);
            if (r == ERR_OK)
                r = look_alikes_refresh_both(&j->env, student, &e);
            message_done(&msg);
        }
        if (r) {
            log_failure(LOG_ERROR, "jobs", "gallery_not_updated", &e);
            atomic_store(&j->reload_all, err_retryable(r));
            usleep((useconds_t)RETRY_DELAY);
        }
    }
    return NULL;
}

void jobs_gallery_changed(struct jobs *j, struct student_id student)
{
    struct error e;
    if (mailbox_post(j->changes, 0, 0, str_from(student.text), &e))
        atomic_store(&j->reload_all, true); /* too many at once: read them all */
}

void jobs_engines_changed(struct jobs *j) { atomic_store(&j->follow, true); }

enum err jobs_engine_load(struct jobs *j, struct engine *engine, struct error *e)
{
    return templates_load_all(&j->env, engine, e);
}

double jobs_threshold(const struct jobs *j, const struct engine *engine)
{
    struct calibration calibration;
    struct error e = {0};
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    if (j->env.threshold_override > 0)
        return j->env.threshold_override;
    if (!a || calibration_cached(&j->env, engine, a, &calibration, &e))
        return 0;
    return calibration_threshold(
        &calibration, vision_encoder(engine->vision), vision_preprocessing(engine->vision),
        SCORE_COSINE, j->env.risk_budget_per_10k, (int64_t)gallery_count(engine->gallery));
}

void jobs_gallery_reload(struct jobs *j) { atomic_store(&j->reload_all, true); }

void jobs_calibrated(struct jobs *j)
{
    struct engine_pair pair = engines_get(j->env.engines);
    struct error e = {0};
    enum err r = calibration_changed(&j->env, pair.active, &e);
    if (!r && pair.shadow)
        r = calibration_changed(&j->env, pair.shadow, &e);
    if (r) /* followed within cache_ttl all the same */
        log_failure(LOG_WARN, "jobs", "calibration_not_announced", &e);
    engine_pair_done(&pair);
    jobs_gallery_reload(j);
}

void jobs_sightings_store(struct jobs *j)
{
    struct error e = {0};
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    enum err r = a ? tally_flush(j->tally, j->env.db, a, &e)
                   : error_set(&e, ERR_NOMEM, "no memory to store sightings");
    if (r)
        log_failure(LOG_WARN, "jobs", "sightings_not_stored", &e);
}

struct waiting {
    struct arena *a;
    char (*ids)[ID_TEXT];
    int n;
};

static enum err waiting_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct waiting *w = ctx;
    return job_waiting(cx, w->a, time_utc(), 100, &w->ids, &w->n, e);
}

/* Notices of durable jobs may be lost with the queue: look what the store knows. */
static void requeue_jobs(struct jobs *j, struct arena *a)
{
    struct error e = {0};
    struct waiting w = {.a = a};
    enum err r = db_read(j->env.db, waiting_fn, &w, &e);
    for (int i = 0; r == ERR_OK && i < w.n; i++) {
        struct work work = {.kind = WORK_ENROL};
        struct queue_push push = {.lane = QUEUE_JOB};
        memcpy(work.job, w.ids[i], ID_TEXT);
        r = work_pack(a, &work, &push.bytes, &e);
        if (r == ERR_OK)
            r = queue_push(j->env.queue, &push, &e);
    }
    if (r && r != ERR_FULL)
        log_failure(LOG_WARN, "jobs", "jobs_not_requeued", &e);
}

static void queue_gauges(struct jobs *j)
{
    struct queue_stats s;
    struct error e;
    if (queue_stats(j->env.queue, &s, &e) == ERR_OK) {
        metric_set(METRIC_queue_items, (int64_t)s.items);
        metric_set(METRIC_queue_bytes, (int64_t)s.bytes);
    }
}

/* A second of publishing what is announced. */
static void follow_outbox(struct jobs *j, struct arena *a)
{
    usec_t end = time_mono() + USEC_PER_SEC;
    struct message msg;
    for (usec_t now = time_mono(); now < end && !atomic_load(&j->stop); now = time_mono()) {
        if (!mailbox_wait(j->outbox, end - now, &msg))
            continue;
        do
            message_done(&msg);
        while (mailbox_take(j->outbox, &msg));
        arena_reset(a);
        outbox_sweep(&j->env, a);
    }
}

void jobs_outbox_changed(struct jobs *j)
{
    struct error full; /* a full mailbox means that housekeeping is about to look anyway */
    enum err r = mailbox_post(j->outbox, 0, 0, (struct str){0}, &full);
    (void)r;
}

static void *housekeeping_main(void *arg)
{
    struct jobs *j = arg;
    struct arena *a = arena_new(16 * MIB);
    for (int second = 0; a && !atomic_load(&j->stop); second++) {
        arena_reset(a);
        queue_gauges(j);
        outbox_sweep(&j->env, a);
        if (second % 10 == 0)
            requeue_jobs(j, a);
        if (second % TALLY_EVERY_S == 0)
            jobs_sightings_store(j);
        follow_outbox(j, a);
    }
    arena_free(a);
    return NULL;
}

static bool start_threads(struct jobs *j)
{
    while (j->n_threads < j->env.workers && j->n_threads < WORKERS_MAX) {
        if (pthread_create(&j->threads[j->n_threads], NULL, worker_main, j) != 0)
            return false;
        j->n_threads++;
    }
    j->has_keeper = pthread_create(&j->keeper, NULL, keeper_main, j) == 0;
    j->has_housekeeping = pthread_create(&j->housekeeping, NULL, housekeeping_main, j) == 0;
    return j->has_keeper && j->has_housekeeping;
}

enum err jobs_start(const struct jobs_env *env, struct jobs **ret_jobs, struct error *e)
{
    struct jobs *j = mem_alloc(sizeof *j);
    if (!j)
        return error_set(e, ERR_NOMEM, "no memory for the workers");
    j->env = *env;
    j->changes = mailbox_new(KEEPER_CAPACITY, NULL, NULL);
    j->outbox = mailbox_new(OUTBOX_CAPACITY, NULL, NULL);
    enum err r = j->changes && j->outbox ? tally_new(&j->tally, e)
                                         : error_set(e, ERR_NOMEM, "no memory for the workers");
    if (r == ERR_OK)
        r = templates_load_both(&j->env, e);
    if (r == ERR_OK && !start_threads(j))
        r = error_set(e, ERR_UNAVAILABLE, "cannot start %d worker threads", env->workers);
    if (r) {
        jobs_stop(j);
        return r;
    }
    *ret_jobs = j;
    return ERR_OK;
}

void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    atomic_store(&j->stop, true);
    queue_wake(j->env.queue);
    if (j->changes)
        mailbox_close(j->changes);
    if (j->outbox)
        mailbox_close(j->outbox);
    for (int i = 0; i < j->n_threads; i++)
        pthread_join(j->threads[i], NULL);
    if (j->has_keeper)
        pthread_join(j->keeper, NULL);
    if (j->has_housekeeping)
        pthread_join(j->housekeeping, NULL);
    if (j->tally)
        jobs_sightings_store(j); /* what the workers counted to their end */
    tally_free(j->tally);
    mailbox_free(j->changes);
    mailbox_free(j->outbox);
    secure_free(j, sizeof *j);
}
