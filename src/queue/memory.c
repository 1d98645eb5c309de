/* The in-process queue: lanes.c under one mutex, plus leases, delays, dead letters and waiting.
 *
 * Model: an item is in a lane (ready), in `delayed` (released with a delay) or in `leased` (at a
 * consumer, found again by its token). Leases are all of one length, so `leased` is sorted by due
 * time just by appending; `delayed` is kept sorted by insertion from the back. Nothing runs on its
 * own: every claim first brings back what is due. A claim that waits sleeps no longer than to the
 * earliest due time, and is woken when an earlier one appears; so what comes back needs no signal.
 * Cost: O(1) on average for every call, but a release with a shorter delay than others walks past
 * those. Pushed bytes are copied before the lock is taken, claimed bytes under it (a frame of 40 kB
 * takes about 4 us). Called by serve's loop (push) and by every worker thread.
 * Invariants: lanes.items = ready + delayed + leased; `by_token` holds exactly the leased items;
 * tokens hold a random number of this life, so a token of an earlier life is never found. */
#include "base/mem.h"
#include "queue/lanes.h"

#include <pthread.h>
#include <sodium.h>

struct memory {
    struct queue_options o;
    pthread_mutex_t lock; /* over all below; a leaf: nothing else is locked under it */
    pthread_cond_t ready; /* something may be claimable, or a due time has come nearer */
    struct lanes lanes;
    struct list_node leased, delayed; /* by due time */
    struct hashmap by_token;
    size_t leased_n, leased_bytes, buried;
    uint64_t wakes; /* calls of wake so far */
    uint64_t serial;
    uint64_t life; /* random */
};

/* Takes a leased item back from its consumer: lent to the caller now. */
static void end_lease(struct memory *m, struct item *item)
{
    hashmap_remove(&m->by_token, str_from(item->token));
    list_remove(&item->place);
    m->leased_n--;
    m->leased_bytes -= item_size(item);
}

/* A lent item never goes out again as it is. Frames are reported, once, by a drop notice. */
static void dead_letter(struct memory *m, struct item *item, bool announce)
{
    if (item->why != QUEUE_DROP_TRIES)
        m->buried++;
    if (announce && item->why == QUEUE_KEPT && item->lane != QUEUE_JOB)
        lanes_drop(&m->lanes, item, QUEUE_DROP_TRIES);
    else
        lanes_forget(&m->lanes, item);
}

static void bring_back(struct memory *m, usec_t now)
{
    struct item *item;
    while ((item = LIST_FIRST(&m->leased, struct item, place)) && item->due <= now) {
        end_lease(m, item);
        if (item->tries >= m->o.max_tries)
            dead_letter(m, item, true);
        else
            lanes_return(&m->lanes, item);
    }
    while ((item = LIST_FIRST(&m->delayed, struct item, place)) && item->due <= now) {
        list_remove(&item->place);
        lanes_return(&m->lanes, item);
    }
}

static enum err memory_push(void *self, const struct queue_push *push, struct error *e)
{
    struct memory *m = self;
    struct item *item;
    enum err r = item_new(push, &item, e);
    if (r)
        return r;
    pthread_mutex_lock(&m->lock);
    r = lanes_push(&m->lanes, item, time_mono(), e);
    if (!r)
        pthread_cond_signal(&m->ready);
    pthread_mutex_unlock(&m->lock);
    if (r)
        item_free(item);
    return r;
}

static struct str copy(struct str s)
{
    char *p = mem_alloc(s.n);
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return (struct str){p, s.n};
}

/* Leases a lent item and copies it out. On NOMEM it is still only lent. */
static enum err lease(struct memory *m, struct item *item, usec_t now, struct queue_delivery *ret,
                      struct error *e)
{
    struct queue_delivery d = {.lane = item->lane,
                               .tries = item->tries + 1,
                               .dropped = item->why != QUEUE_KEPT,
                               .why = item->why,
                               .tag = copy(item->tag),
                               .bytes = copy(item->bytes)};
    snprintf(item->token, sizeof(item->token), "%016llx-%llx", (unsigned long long)m->life,
             (unsigned long long)++m->serial);
    memcpy(d.token, item->token, sizeof(d.token));
    enum err r = d.tag.p && d.bytes.p
                     ? hashmap_put(&m->by_token, str_from(item->token), item, e)
                     : error_set(e, ERR_NOMEM, "no memory to claim %zu bytes", item->bytes.n);
    if (r) {
        queue_delivery_done(&d);
        return r;
    }
    item->tries++;
    item->due = now + m->o.lease;
    if (list_is_empty(&m->leased)) /* claims that sleep do not know this due time yet */
        pthread_cond_broadcast(&m->ready);
    list_push_back(&m->leased, &item->place);
    m->leased_n++;
    m->leased_bytes += item_size(item);
    *ret = d;
    return ERR_OK;
}

static enum err claim_ready(struct memory *m, int max, usec_t now, struct queue_delivery *ret_items,
                            int *ret_n, struct error *e)
{
    int n = 0;
    enum err r = ERR_OK;
    bring_back(m, now);
    while (n < max && !r) {
        struct item *item = lanes_pick(&m->lanes, now);
        if (!item)
            break;
        r = lease(m, item, now, &ret_items[n], n ? NULL : e);
        if (r)
            lanes_return(&m->lanes, item);
        else
            n++;
    }
    if (r)
        pthread_cond_signal(&m->ready); /* what was given back waits for another consumer */
    if (r && n == 0)
        return r;
    *ret_n = n;
    return ERR_OK;
}

/* Sleeps until something may have changed, at the latest until `until`. */
static void sleep_until(struct memory *m, usec_t until)
{
    const struct item *first = LIST_FIRST(&m->leased, struct item, place);
    if (first && first->due < until)
        until = first->due;
    first = LIST_FIRST(&m->delayed, struct item, place);
    if (first && first->due < until)
        until = first->due;
    struct timespec at = {.tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000};
    pthread_cond_timedwait(&m->ready, &m->lock, &at);
}

static enum err memory_claim(void *self, int max, usec_t wait, struct queue_delivery *ret_items,
                             int *ret_n, struct error *e)
{
    struct memory *m = self;
    usec_t now = time_mono(), end = wait > INT64_MAX - now ? INT64_MAX : now + wait;
    pthread_mutex_lock(&m->lock);
    uint64_t wakes = m->wakes;
    enum err r;
    int n = 0;
    for (;;) {
        r = claim_ready(m, max, now, ret_items, &n, e);
        if (r || n > 0 || now >= end || m->wakes != wakes)
            break;
        sleep_until(m, end);
        now = time_mono();
    }
    pthread_mutex_unlock(&m->lock);
    if (!r)
        *ret_n = n;
    return r;
}

/* The leased item, or NULL. */
static struct item *by_token(struct memory *m, const char *token, struct error *e)
{
    struct item *item = hashmap_get(&m->by_token, str_from(token));
    if (item)
        return item;
    error_set(e, ERR_NOT_FOUND, "no delivery has this token; its lease may have run out");
    return NULL;
}

static enum err memory_renew(void *self, const char *token, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    struct item *item = by_token(m, token, e);
    if (item) {
        list_remove(&item->place);
        item->due = time_mono() + m->o.lease;
        list_push_back(&m->leased, &item->place);
    }
    pthread_mutex_unlock(&m->lock);
    return item ? ERR_OK : ERR_NOT_FOUND;
}

static enum err memory_ack(void *self, const char *token, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    struct item *item = by_token(m, token, e);
    if (item) {
        end_lease(m, item);
        lanes_forget(&m->lanes, item);
    }
    pthread_mutex_unlock(&m->lock);
    return item ? ERR_OK : ERR_NOT_FOUND;
}

static void delay_item(struct memory *m, struct item *item, usec_t due)
{
    struct list_node *at = m->delayed.prev;
    while (at != &m->delayed && LIST_ENTRY(at, struct item, place)->due > due)
        at = at->prev;
    item->due = due;
    list_insert_after(at, &item->place);
}

static enum err memory_release(void *self, const char *token, usec_t delay, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    struct item *item = by_token(m, token, e);
    if (item) {
        end_lease(m, item);
        if (item->tries >= m->o.max_tries)
            dead_letter(m, item, true);
        else if (delay > 0)
            delay_item(m, item, time_mono() + delay);
        else
            lanes_return(&m->lanes, item);
        pthread_cond_broadcast(&m->ready);
    }
    pthread_mutex_unlock(&m->lock);
    return item ? ERR_OK : ERR_NOT_FOUND;
}

static enum err memory_bury(void *self, const char *token, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    struct item *item = by_token(m, token, e);
    if (item) {
        end_lease(m, item);
        dead_letter(m, item, false);
    }
    pthread_mutex_unlock(&m->lock);
    return item ? ERR_OK : ERR_NOT_FOUND;
}

static enum err memory_stats(void *self, struct queue_stats *ret_stats, struct error *e)
{
    struct memory *m = self;
    (void)e;
    pthread_mutex_lock(&m->lock);
    bring_back(m, time_mono());
    *ret_stats = (struct queue_stats){.items = m->lanes.items - m->leased_n,
                                      .bytes = m->lanes.bytes - m->leased_bytes,
                                      .claimed = m->leased_n,
                                      .claimed_bytes = m->leased_bytes,
                                      .buried = m->buried};
    pthread_mutex_unlock(&m->lock);
    return ERR_OK;
}

static void memory_wake(void *self)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    m->wakes++;
    pthread_cond_broadcast(&m->ready);
    pthread_mutex_unlock(&m->lock);
}

static void forget_list(struct memory *m, struct list_node *list)
{
    struct item *item;
    while ((item = LIST_FIRST(list, struct item, place))) {
        list_remove(&item->place);
        lanes_forget(&m->lanes, item);
    }
}

static void memory_close(void *self)
{
    struct memory *m = self;
    hashmap_done(&m->by_token);
    forget_list(m, &m->leased);
    forget_list(m, &m->delayed);
    lanes_done(&m->lanes);
    pthread_cond_destroy(&m->ready);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static const struct queue_driver memory_driver = {
    .name = "memory",
    .durable = false,
    .close = memory_close,
    .push = memory_push,
    .claim = memory_claim,
    .renew = memory_renew,
    .ack = memory_ack,
    .release = memory_release,
    .bury = memory_bury,
    .stats = memory_stats,
    .wake = memory_wake,
};

enum err queue_memory_open(const struct queue_options *o, struct queue **ret_queue, struct error *e)
{
    pthread_condattr_t attributes;
    struct memory *m;
    if (o->max_items == 0 || o->max_bytes == 0 || o->lease <= 0 || o->max_tries < 1 ||
        o->frame_ttl < 0)
        return error_set(e, ERR_INVALID, "the queue's bounds, lease and tries must be positive");
    m = mem_alloc(sizeof(*m));
    if (!m)
        return error_set(e, ERR_NOMEM, "no memory for a queue");
    m->o = *o;
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&m->ready, &attributes);
    pthread_condattr_destroy(&attributes);
    lanes_init(&m->lanes, o);
    list_init(&m->leased);
    list_init(&m->delayed);
    hashmap_init(&m->by_token);
    randombytes_buf(&m->life, sizeof(m->life));
    return queue_new(&memory_driver, m, ret_queue, e);
}
