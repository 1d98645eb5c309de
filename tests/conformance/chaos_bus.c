/* The chaos wrapper of the bus: see chaos.h.
 * Calls run under the read side of `life`, restarts under its write side. Events held back lie in
 * `held` and come out behind a later event, so on_event is never called by two threads at once. */
#include "chaos.h"

#include "base/hashmap.h"
#include "base/mem.h"

#include <pthread.h>

struct held_event {
    int64_t id;
    struct str topic, bytes; /* in the same block */
};

struct wanted {
    size_t n; /* subscribes without unsubscribe */
    struct str topic;
    char key[BUS_KEY_MAX];
};

struct chaos_bus {
    struct chaos *c;
    chaos_bus_open_fn open;
    void *ctx;
    bus_event_fn on_event;
    void *event_ctx;
    pthread_rwlock_t life;
    struct bus *inner;       /* owned; NULL when it could not be opened again */
    struct held_event *held; /* owned; only the thread in on_event touches it */
    pthread_mutex_t lock;    /* over wanted; taken under life */
    struct hashmap wanted;   /* struct wanted */
};

static enum err unavailable(struct error *e)
{
    return error_set(e, ERR_UNAVAILABLE, "chaos: the bus did not answer");
}

static struct held_event *hold(const struct bus_event *event)
{
    struct held_event *h = mem_alloc(sizeof(*h) + event->topic.n + event->bytes.n);
    if (!h)
        return NULL;
    char *p = (char *)(h + 1);
    *h = (struct held_event){.id = event->id,
                             .topic = {p, event->topic.n},
                             .bytes = {p + event->topic.n, event->bytes.n}};
    memcpy(p, event->topic.p, event->topic.n);
    if (event->bytes.n)
        memcpy(p + event->topic.n, event->bytes.p, event->bytes.n);
    return h;
}

/* The inner bus's on_event. */
static void pass_on(void *ctx, const struct bus_event *event)
{
    struct chaos_bus *b = ctx;
    const struct chaos_rates *rates = &b->c->rates;
    chaos_delay(b->c);
    if (!b->on_event || chaos_strikes(b->c, rates->drop))
        return;
    if (!b->held && chaos_strikes(b->c, rates->hold)) {
        b->held = hold(event);
        return;
    }
    b->on_event(b->event_ctx, event);
    if (chaos_strikes(b->c, rates->repeat))
        b->on_event(b->event_ctx, event);
    if (b->held && (atomic_load(&b->c->calm) || chaos_below(b->c, 2))) {
        struct held_event *h = TAKE(b->held);
        b->on_event(b->event_ctx, &(struct bus_event){h->id, h->topic, h->bytes});
        mem_free(h);
    }
}

/* Opens the inner bus and subscribes to what was subscribed before. */
static enum err open_inner(struct chaos_bus *b, struct error *e)
{
    struct wanted *w;
    size_t at = 0;
    enum err r = b->open(b->ctx, pass_on, b, &b->inner, e);
    if (r)
        return r;
    while (!r && (w = hashmap_next(&b->wanted, &at)))
        for (size_t i = 0; !r && i < w->n; i++)
            r = bus_subscribe(b->inner, w->topic, e);
    if (r) {
        bus_close(b->inner);
        b->inner = NULL;
    }
    return r;
}

static void restart(struct chaos_bus *b)
{
    pthread_rwlock_wrlock(&b->life);
    bus_close(b->inner);
    b->inner = NULL;
    mem_free(TAKE(b->held));
    if (open_inner(b, NULL))
        b->inner = NULL;
    atomic_fetch_add(&b->c->restarts, 1);
    pthread_rwlock_unlock(&b->life);
}

/* Every call begins here and ends with leave(); false: the request is lost. */
static bool enter(struct chaos_bus *b)
{
    chaos_delay(b->c);
    if (atomic_exchange(&b->c->restart_now, false) || chaos_strikes(b->c, b->c->rates.restart))
        restart(b);
    pthread_rwlock_rdlock(&b->life);
    return b->inner && !chaos_strikes(b->c, b->c->rates.lost_request);
}

/* The answer of a call that took effect, unless it gets lost. */
static enum err leave(struct chaos_bus *b, enum err r, struct error *e)
{
    pthread_rwlock_unlock(&b->life);
    if (!r && chaos_strikes(b->c, b->c->rates.lost_reply))
        return unavailable(e);
    return r;
}

static enum err chaos_publish(void *self, struct str topic, struct str bytes, int64_t *ret_id,
                              struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_publish(b->inner, topic, bytes, ret_id, e), e);
}

/* Counts a subscription under the lock; true when it could be noted. */
static bool want(struct chaos_bus *b, struct str topic)
{
    struct wanted *w = hashmap_get(&b->wanted, topic);
    if (!w) {
        w = mem_alloc(sizeof(*w));
        if (!w)
            return false;
        memcpy(w->key, topic.p, topic.n);
        w->topic = (struct str){w->key, topic.n};
        if (hashmap_put(&b->wanted, w->topic, w, NULL)) {
            mem_free(w);
            return false;
        }
    }
    w->n++;
    return true;
}

static enum err chaos_subscribe(void *self, struct str topic, struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    enum err r = bus_subscribe(b->inner, topic, e);
    pthread_mutex_lock(&b->lock);
    if (!r && !want(b, topic))
        r = error_set(e, ERR_NOMEM, "no memory for chaos");
    pthread_mutex_unlock(&b->lock);
    pthread_rwlock_unlock(&b->life); /* no lost reply: it would leave the count in doubt */
    return r;
}

static enum err chaos_unsubscribe(void *self, struct str topic, struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    enum err r = bus_unsubscribe(b->inner, topic, e);
    pthread_mutex_lock(&b->lock);
    struct wanted *w = hashmap_get(&b->wanted, topic);
    if (!r && w && --w->n == 0) {
        hashmap_remove(&b->wanted, w->topic);
        mem_free(w);
    }
    pthread_mutex_unlock(&b->lock);
    pthread_rwlock_unlock(&b->life);
    return r;
}

static enum err chaos_replay(void *self, struct arena *a, struct str topic, int64_t after_id,
                             struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                             struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_replay(b->inner, a, topic, after_id, ret_events, ret_n, ret_last_id, e), e);
}

static enum err chaos_cache_get(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                                struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b)) {
        pthread_rwlock_unlock(&b->life);
        return error_set(e, ERR_NOT_FOUND, "chaos: a miss");
    }
    return leave(b, bus_cache_get(b->inner, a, key, ret_bytes, e), e);
}

static enum err chaos_cache_put(void *self, struct str key, int64_t version, struct str bytes,
                                usec_t ttl, struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b)) {
        pthread_rwlock_unlock(&b->life);
        return ERR_OK; /* the value never arrives */
    }
    return leave(b, bus_cache_put(b->inner, key, version, bytes, ttl, e), e);
}

static enum err chaos_cache_drop(void *self, struct str key, int64_t version, usec_t ttl,
                                 struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_cache_drop(b->inner, key, version, ttl, e), e);
}

static enum err chaos_put_once(void *self, struct arena *a, struct str key, struct str bytes,
                               usec_t ttl, struct str *ret_existing, struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_put_once(b->inner, a, key, bytes, ttl, ret_existing, e), e);
}

static enum err chaos_take(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                           struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_take(b->inner, a, key, ret_bytes, e), e);
}

static enum err chaos_swap(void *self, struct arena *a, struct str key, struct str expected,
                           struct str bytes, usec_t ttl, struct str *ret_existing, struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_swap(b->inner, a, key, expected, bytes, ttl, ret_existing, e), e);
}

static enum err chaos_set_add(void *self, struct str set, struct str member, usec_t ttl,
                              struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_set_add(b->inner, set, member, ttl, e), e);
}

static enum err chaos_set_has(void *self, struct str set, struct str member, bool *ret_has,
                              struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b)) {
        pthread_rwlock_unlock(&b->life);
        *ret_has = false;
        return ERR_OK;
    }
    return leave(b, bus_set_has(b->inner, set, member, ret_has, e), e);
}

static enum err chaos_evidence_add(void *self, struct str key, struct str frame, usec_t captured_at,
                                   const struct bus_evidence_rule *rule, int *ret_count,
                                   struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_evidence_add(b->inner, key, frame, captured_at, rule, ret_count, e), e);
}

static enum err chaos_score_add(void *self, struct str key, struct str frame, usec_t captured_at,
                                double score, usec_t window, struct bus_score *ret_score,
                                struct error *e)
{
    struct chaos_bus *b = self;
    if (!enter(b))
        return leave(b, unavailable(e), e);
    return leave(b, bus_score_add(b->inner, key, frame, captured_at, score, window, ret_score, e),
                 e);
}

static void chaos_close(void *self)
{
    struct chaos_bus *b = self;
    struct wanted *w;
    size_t at = 0;
    bus_close(b->inner);
    mem_free(b->held);
    while ((w = hashmap_next(&b->wanted, &at)))
        mem_free(w);
    hashmap_done(&b->wanted);
    pthread_mutex_destroy(&b->lock);
    pthread_rwlock_destroy(&b->life);
    mem_free(b);
}

static const struct bus_driver chaos_driver = {
    .name = "chaos",
    .durable = false,
    .close = chaos_close,
    .publish = chaos_publish,
    .subscribe = chaos_subscribe,
    .unsubscribe = chaos_unsubscribe,
    .replay = chaos_replay,
    .cache_get = chaos_cache_get,
    .cache_put = chaos_cache_put,
    .cache_drop = chaos_cache_drop,
    .put_once = chaos_put_once,
    .take = chaos_take,
    .swap = chaos_swap,
    .set_add = chaos_set_add,
    .set_has = chaos_set_has,
    .evidence_add = chaos_evidence_add,
    .score_add = chaos_score_add,
};

enum err chaos_bus_open(struct chaos *c, chaos_bus_open_fn open, void *ctx, bus_event_fn on_event,
                        void *event_ctx, struct bus **ret_bus, struct error *e)
{
    pthread_rwlockattr_t attributes;
    struct chaos_bus *b = mem_alloc(sizeof(*b));
    if (!b)
        return error_set(e, ERR_NOMEM, "no memory for chaos");
    *b = (struct chaos_bus){
        .c = c, .open = open, .ctx = ctx, .on_event = on_event, .event_ctx = event_ctx};
    hashmap_init(&b->wanted);
    pthread_rwlockattr_init(&attributes);
    /* Else calls that follow each other without a pause would put off restarts for ever. */
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&b->life, &attributes);
    pthread_rwlockattr_destroy(&attributes);
    pthread_mutex_init(&b->lock, NULL);
    enum err r = open_inner(b, e);
    if (r) {
        chaos_close(b);
        return r;
    }
    return bus_new(&chaos_driver, b, ret_bus, e);
}
