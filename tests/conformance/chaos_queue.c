/* The chaos wrapper of the queue: see chaos.h.
 * Calls run under the read side of `life`, restarts under its write side; a waiting claim is cut
 * into short slices so that a restart never waits long. Deliveries held back or repeated lie in
 * `held`. */
#include "chaos.h"

#include "base/mem.h"

#include <pthread.h>

enum { HELD_MAX = 32 };

#define CLAIM_SLICE (4 * USEC_PER_MSEC)

struct chaos_queue {
    struct chaos *c;
    chaos_queue_open_fn open;
    void *ctx;
    pthread_rwlock_t life;
    struct queue *inner;  /* owned; NULL when it could not be opened again */
    pthread_mutex_t lock; /* over what follows; taken under life */
    struct queue_delivery held[HELD_MAX];
    int held_n;
    _Atomic unsigned wakes;
};

static enum err unavailable(struct error *e)
{
    return error_set(e, ERR_UNAVAILABLE, "chaos: the queue did not answer");
}

static void forget_held(struct chaos_queue *q)
{
    while (q->held_n > 0)
        queue_delivery_done(&q->held[--q->held_n]);
}

static void restart(struct chaos_queue *q)
{
    pthread_rwlock_wrlock(&q->life);
    queue_close(q->inner);
    q->inner = NULL;
    forget_held(q);
    if (q->open(q->ctx, &q->inner, NULL))
        q->inner = NULL;
    atomic_fetch_add(&q->c->restarts, 1);
    pthread_rwlock_unlock(&q->life);
}

/* Every call begins here and ends with leave(); false: the request is lost. */
static bool enter(struct chaos_queue *q)
{
    chaos_delay(q->c);
    if (atomic_exchange(&q->c->restart_now, false) || chaos_strikes(q->c, q->c->rates.restart))
        restart(q);
    pthread_rwlock_rdlock(&q->life);
    return q->inner && !chaos_strikes(q->c, q->c->rates.lost_request);
}

/* The answer of a call that took effect, unless it gets lost. */
static enum err leave(struct chaos_queue *q, enum err r, struct error *e)
{
    pthread_rwlock_unlock(&q->life);
    if (!r && chaos_strikes(q->c, q->c->rates.lost_reply))
        return unavailable(e);
    return r;
}

static enum err chaos_push(void *self, const struct queue_push *item, struct error *e)
{
    struct chaos_queue *q = self;
    if (!enter(q))
        return leave(q, unavailable(e), e);
    return leave(q, queue_push(q->inner, item, e), e);
}

static bool copy_delivery(const struct queue_delivery *d, struct queue_delivery *ret_copy)
{
    struct queue_delivery copy = *d;
    char *tag = mem_alloc(d->tag.n), *bytes = mem_alloc(d->bytes.n);
    copy.tag.p = tag;
    copy.bytes.p = bytes;
    if (!tag || !bytes) {
        queue_delivery_done(&copy);
        return false;
    }
    if (d->tag.n)
        memcpy(tag, d->tag.p, d->tag.n);
    if (d->bytes.n)
        memcpy(bytes, d->bytes.p, d->bytes.n);
    *ret_copy = copy;
    return true;
}

/* What of a claimed delivery reaches the consumer now; true when it does. Takes d over otherwise.
 */
static bool pass_on(struct chaos_queue *q, struct queue_delivery *d)
{
    const struct chaos_rates *rates = &q->c->rates;
    if (chaos_strikes(q->c, rates->drop)) {
        queue_delivery_done(d);
        return false;
    }
    pthread_mutex_lock(&q->lock);
    bool room = q->held_n < HELD_MAX, passes = true;
    if (room && chaos_strikes(q->c, rates->hold)) {
        q->held[q->held_n++] = *d;
        passes = false;
    } else if (room && chaos_strikes(q->c, rates->repeat)) {
        q->held_n += copy_delivery(d, &q->held[q->held_n]);
    }
    pthread_mutex_unlock(&q->lock);
    return passes;
}

/* Lets some of what is held back come out, in any order. */
static int let_go(struct chaos_queue *q, int max, struct queue_delivery *ret_items)
{
    int n = 0;
    pthread_mutex_lock(&q->lock);
    while (n < max && q->held_n > 0) {
        size_t i = chaos_below(q->c, (size_t)q->held_n);
        ret_items[n++] = q->held[i];
        q->held[i] = q->held[--q->held_n];
    }
    pthread_mutex_unlock(&q->lock);
    return n;
}

static void shuffle(struct chaos *c, struct queue_delivery *items, int n)
{
    for (int i = n - 1; i > 0; i--) {
        size_t j = chaos_below(c, (size_t)i + 1);
        struct queue_delivery other = items[j];
        items[j] = items[i];
        items[i] = other;
    }
}

/* One slice of a claim. */
static enum err claim_some(struct chaos_queue *q, int max, usec_t wait,
                           struct queue_delivery *ret_items, int *ret_n, struct error *e)
{
    int claimed = 0, n = 0;
    if (!enter(q)) {
        pthread_rwlock_unlock(&q->life);
        return unavailable(e);
    }
    if (chaos_below(q->c, 3) == 0)
        n = let_go(q, max, ret_items);
    if (n == 0) {
        enum err r = queue_claim(q->inner, max, wait, ret_items, &claimed, e);
        if (r)
            return leave(q, r, e);
        for (int i = 0; i < claimed; i++)
            if (pass_on(q, &ret_items[i]))
                ret_items[n++] = ret_items[i];
        if (!atomic_load(&q->c->calm))
            shuffle(q->c, ret_items, n);
    }
    if (n == 0)
        n = let_go(q, max, ret_items);
    pthread_rwlock_unlock(&q->life);
    *ret_n = n;
    return ERR_OK;
}

static enum err chaos_claim(void *self, int max, usec_t wait, struct queue_delivery *ret_items,
                            int *ret_n, struct error *e)
{
    struct chaos_queue *q = self;
    unsigned wakes = atomic_load(&q->wakes);
    usec_t end = time_mono() + wait;
    for (;;) {
        int n = 0;
        usec_t left = end - time_mono();
        if (left < 0)
            left = 0;
        enum err r = claim_some(q, max, left < CLAIM_SLICE ? left : CLAIM_SLICE, ret_items, &n, e);
        if (r)
            return r;
        if (n > 0 || left == 0 || atomic_load(&q->wakes) != wakes) {
            *ret_n = n;
            return ERR_OK;
        }
    }
}

static enum err chaos_renew(void *self, const char *token, struct error *e)
{
    struct chaos_queue *q = self;
    if (!enter(q))
        return leave(q, unavailable(e), e);
    return leave(q, queue_renew(q->inner, token, e), e);
}

static enum err chaos_ack(void *self, const char *token, struct error *e)
{
    struct chaos_queue *q = self;
    if (!enter(q)) {
        pthread_rwlock_unlock(&q->life);
        return chaos_below(q->c, 2) ? unavailable(e) : ERR_OK; /* the ack itself may be lost */
    }
    return leave(q, queue_ack(q->inner, token, e), e);
}

static enum err chaos_release(void *self, const char *token, usec_t delay, struct error *e)
{
    struct chaos_queue *q = self;
    if (!enter(q))
        return leave(q, unavailable(e), e);
    return leave(q, queue_release(q->inner, token, delay, e), e);
}

static enum err chaos_bury(void *self, const char *token, struct error *e)
{
    struct chaos_queue *q = self;
    if (!enter(q))
        return leave(q, unavailable(e), e);
    return leave(q, queue_bury(q->inner, token, e), e);
}

static enum err chaos_stats(void *self, struct queue_stats *ret_stats, struct error *e)
{
    struct chaos_queue *q = self;
    if (!enter(q))
        return leave(q, unavailable(e), e);
    return leave(q, queue_stats(q->inner, ret_stats, e), e);
}

static void chaos_wake(void *self)
{
    struct chaos_queue *q = self;
    atomic_fetch_add(&q->wakes, 1);
    pthread_rwlock_rdlock(&q->life);
    if (q->inner)
        queue_wake(q->inner);
    pthread_rwlock_unlock(&q->life);
}

static void chaos_close(void *self)
{
    struct chaos_queue *q = self;
    forget_held(q);
    queue_close(q->inner);
    pthread_mutex_destroy(&q->lock);
    pthread_rwlock_destroy(&q->life);
    mem_free(q);
}

static const struct queue_driver chaos_driver = {
    .name = "chaos",
    .durable = false,
    .close = chaos_close,
    .push = chaos_push,
    .claim = chaos_claim,
    .renew = chaos_renew,
    .ack = chaos_ack,
    .release = chaos_release,
    .bury = chaos_bury,
    .stats = chaos_stats,
    .wake = chaos_wake,
};

enum err chaos_queue_open(struct chaos *c, chaos_queue_open_fn open, void *ctx,
                          struct queue **ret_queue, struct error *e)
{
    pthread_rwlockattr_t attributes;
    struct queue *inner;
    enum err r = open(ctx, &inner, e);
    if (r)
        return r;
    struct chaos_queue *q = mem_alloc(sizeof(*q));
    if (!q) {
        queue_close(inner);
        return error_set(e, ERR_NOMEM, "no memory for chaos");
    }
    *q = (struct chaos_queue){.c = c, .open = open, .ctx = ctx, .inner = inner};
    pthread_rwlockattr_init(&attributes);
    /* Else claims that follow each other without a pause would put off restarts for ever. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&q->life, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&q->lock, NULL);
    return queue_new(&chaos_driver, q, ret_queue, e);
}
