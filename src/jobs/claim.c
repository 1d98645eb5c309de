/* What a worker does with the items it claimed together (jobs/internal.h).
 *
 * Frames that come for the first time share the encoder's runs: all are looked at, then embedded,
 * then each is decided, marked, published and acked by itself. Everything else goes alone, after
 * them: jobs, class photos, drop notices, what cannot be read, and what was tried before, since an
 * item that kills its worker must not take its neighbours along for good: tried items run in an
 * order that turns round with each try, so that those on both sides of such an item get their turn.
 * Model: an item's answer is its own; only a failed run of the encoder concerns the whole batch,
 * and then each frame runs alone. Leases are renewed on the way. Worker threads; memory: passes and
 * results in the worker's arena, pixels of one frame at a time in its scratch.
 * Invariant: an item is acked only after its effects are committed and published. */
#include "jobs/pass.h"

#include "base/log.h"
#include "base/metrics.h"

#include <stdio.h>

#define RETRY_DELAY (USEC_PER_SEC / 2)
enum { RENEWALS_A_LEASE = 4 };

struct claim {
    struct worker *w;
    const struct queue_delivery *items;
    bool done[CLAIM_MAX]; /* acked, released or buried */
    int n;
    usec_t renewed;
};

/* Announced first, then buried. What cannot be announced goes back to the queue instead, which
 * hands it out again, at last as a notice of the drop. */
static enum err bury(struct worker *w, const struct queue_delivery *d, const struct error *why,
                     struct error *e)
{
    struct session_id session;
    struct frame_id frame;
    enum err r = ERR_OK;
    metric_add(METRIC_jobs_failed_total, 1);
    log_failure(LOG_ERROR, "jobs", "item_failed", why);
    if (d->tag.n && work_tag_parse(d->tag, &session, &frame, NULL) == ERR_OK)
        r = recognise_dropped(w, session, frame, "failed", why->msg, e);
    return r ? queue_release(w->env->queue, d->token, RETRY_DELAY, e)
             : queue_bury(w->env->queue, d->token, e);
}

static const struct {
    const char *reason, *detail;
} drop_reasons[] = {
    [QUEUE_KEPT] = {"failed", ""},
    [QUEUE_DROP_AGE] = {"too_old", "it waited too long for a worker; send fewer frames a second"},
    [QUEUE_DROP_SHARE] = {"share", "newer frames of this camera were waiting; send fewer a second"},
    [QUEUE_DROP_TRIES] = {"failed", "it was tried too often; the server's log says why"},
};

static enum err announce_dropped(struct worker *w, const struct queue_delivery *d, struct error *e)
{
    struct session_id session;
    struct frame_id frame;
    enum err r = work_tag_parse(d->tag, &session, &frame, e);
    return r ? r
             : recognise_dropped(w, session, frame, drop_reasons[d->why].reason,
                                 drop_reasons[d->why].detail, e);
}

static enum err run_item(struct worker *w, const struct queue_delivery *d, struct error *e)
{
    struct work work;
    if (d->dropped)
        return announce_dropped(w, d, e);
    enum err r = work_unpack(d->bytes, &work, e);
    if (r)
        return r;
    return work.kind == WORK_FRAME ? recognise_frame(w, &work.frame, e)
                                   : enrol_run(w, work.job, d->token, e);
}

/* Ends an item with what came of it. */
static void settle(struct claim *c, int i, enum err r, const struct error *e)
{
    const struct queue_delivery *d = &c->items[i];
    struct queue *queue = c->w->env->queue;
    struct error late = {0};
    enum err done = ERR_OK;
    if (r == ERR_OK)
        done = queue_ack(queue, d->token, &late);
    else if (!err_retryable(r) || d->tries >= c->w->env->max_tries)
        done = bury(c->w, d, e, &late);
    else
        done = queue_release(queue, d->token, RETRY_DELAY, &late);
    if (r && err_retryable(r))
        log_failure(LOG_WARN, "jobs", "item_retried", e);
    if (done)
        log_failure(LOG_DEBUG, "jobs", "lease_was_over", &late);
    c->done[i] = true;
}

/* Keeps what is not done yet from being delivered to somebody else. */
static void renew(struct claim *c)
{
    usec_t now = time_mono();
    if (now - c->renewed < c->w->env->job_lease / RENEWALS_A_LEASE)
        return;
    c->renewed = now;
    for (int i = 0; i < c->n; i++) {
        struct error e = {0};
        if (!c->done[i] && queue_renew(c->w->env->queue, c->items[i].token, &e))
            log_failure(LOG_DEBUG, "jobs", "lease_was_over", &e);
    }
}

static void handle_alone(struct claim *c, int i)
{
    struct error e = {0};
    arena_reset(c->w->arena);
    enum err r = run_item(c->w, &c->items[i], &e);
    settle(c, i, r, &e);
}

/* ---- frames together */

struct member {
    int item;
    struct work work;
    struct pass pass;
    enum err r;
    struct error e;
};

static bool joins(const struct queue_delivery *d, struct work *ret_work)
{
    return !d->dropped && d->tries == 1 && work_unpack(d->bytes, ret_work, NULL) == ERR_OK &&
           ret_work->kind == WORK_FRAME && !ret_work->frame.still && !ret_work->frame.challenge[0];
}

static enum err look(struct worker *w, struct vision_batch *b, struct member *m)
{
    enum err r = pass_begin(&m->pass, w, &m->work.frame, &m->e);
    if (r || m->pass.over)
        return r;
    arena_reset(w->scratch);
    r = vision_batch_add(b, w->scratch, m->work.frame.image, w->env->image_max_pixels,
                         &m->pass.seen, &m->e);
    return pass_looked(&m->pass, r, &m->e);
}

/* On an error nothing is settled: each frame may be tried alone. */
static enum err run_batch(struct claim *c, struct member *m, int n, struct error *e)
{
    struct worker *w = c->w;
    struct vision_batch *b;
    enum err r = vision_batch_new(w->engines.active->vision, w->arena, &b, e);
    if (r)
        return r;
    for (int i = 0; i < n; i++) {
        m[i].r = look(w, b, &m[i]);
        renew(c);
    }
    arena_reset(w->scratch);
    r = vision_batch_end(b, e);
    for (int i = 0; i < n && !r; i++) {
        if (m[i].r == ERR_OK && !m[i].pass.over)
            m[i].r = pass_end(&m[i].pass, &m[i].e);
        settle(c, m[i].item, m[i].r, &m[i].e);
        renew(c);
    }
    for (int i = 0; i < n && !r; i++)
        if (m[i].r == ERR_OK && !m[i].pass.over) {
            pass_shadow(&m[i].pass);
            renew(c);
        }
    metric_add(METRIC_frames_batched_total, r ? 0 : n);
    return r;
}

static void handle_together(struct claim *c)
{
    int n = 0;
    struct error e = {0};
    arena_reset(c->w->arena);
    struct member *m = arena_array(c->w->arena, (size_t)c->n, sizeof *m);
    for (int i = 0; i < c->n && m; i++) {
        if (joins(&c->items[i], &m[n].work))
            m[n++].item = i;
    }
    if (n > 1 && run_batch(c, m, n, &e))
        log_failure(LOG_WARN, "jobs", "batch_split", &e);
}

void claim_handle(struct worker *w, const struct queue_delivery *items, int n)
{
    struct claim c = {.w = w, .items = items, .n = n, .renewed = time_mono()};
    w->engines = engines_get(w->env->engines);
    w->claim = &c;
    if (n > 1)
        handle_together(&c);
    bool backwards = n > 1 && items[n - 1].tries % 2 == 1;
    for (int k = 0; k < n; k++) {
        int i = backwards ? n - 1 - k : k;
        if (!c.done[i])
            handle_alone(&c, i);
        renew(&c);
    }
    engine_pair_done(&w->engines);
    w->claim = NULL;
}

void claim_tick(void *ctx)
{
    struct worker *w = ctx;
    renew(w->claim);
}
