/* The in-process bus: topics.c behind its own lock, shared.c and evidence.c behind one mutex.
 * This file only takes the lock, reads the clock and calls. Called by serve's loop (caches,
 * tickets, subscriptions, replay) and by workers (publish, caches, sets, evidence). Cost: a lock
 * and one map look-up or two; the longest the lock is held is the copy of a cached value. Locks:
 * `lock` and topics.lock are leaves and never held together. */
#include "base/mem.h"
#include "bus/shared.h"
#include "bus/topics.h"

enum { CACHE_MIN_BYTES = 64 * 1024 }; /* an entry of every kind fits */

struct memory {
    struct topics topics;
    pthread_mutex_t lock; /* over shared */
    struct shared shared;
};

static enum err memory_publish(void *self, struct str topic, struct str bytes, int64_t *ret_id,
                               struct error *e)
{
    struct memory *m = self;
    return topics_publish(&m->topics, topic, bytes, ret_id, e);
}

static enum err memory_subscribe(void *self, struct str topic, struct error *e)
{
    struct memory *m = self;
    return topics_subscribe(&m->topics, topic, e);
}

static enum err memory_unsubscribe(void *self, struct str topic, struct error *e)
{
    struct memory *m = self;
    return topics_unsubscribe(&m->topics, topic, e);
}

static enum err memory_replay(void *self, struct arena *a, struct str topic, int64_t after_id,
                              struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                              struct error *e)
{
    struct memory *m = self;
    return topics_replay(&m->topics, a, topic, after_id, ret_events, ret_n, ret_last_id, e);
}

static enum err memory_cache_get(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                                 struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_cache_get(&m->shared, time_mono(), a, key, ret_bytes, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_cache_put(void *self, struct str key, int64_t version, struct str bytes,
                                 usec_t ttl, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_cache_put(&m->shared, time_mono(), key, version, bytes, ttl, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_cache_drop(void *self, struct str key, int64_t version, usec_t ttl,
                                  struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_cache_drop(&m->shared, time_mono(), key, version, ttl, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_put_once(void *self, struct arena *a, struct str key, struct str bytes,
                                usec_t ttl, struct str *ret_existing, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_put_once(&m->shared, time_mono(), a, key, bytes, ttl, ret_existing, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_take(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                            struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_take(&m->shared, time_mono(), a, key, ret_bytes, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_swap(void *self, struct arena *a, struct str key, struct str expected,
                            struct str bytes, usec_t ttl, struct str *ret_existing, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r =
        shared_swap(&m->shared, time_mono(), a, key, expected, bytes, ttl, ret_existing, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_set_add(void *self, struct str set, struct str member, usec_t ttl,
                               struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_set_add(&m->shared, time_mono(), set, member, ttl, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_set_has(void *self, struct str set, struct str member, bool *ret_has,
                               struct error *e)
{
    struct memory *m = self;
    (void)e;
    pthread_mutex_lock(&m->lock);
    *ret_has = shared_set_has(&m->shared, time_mono(), set, member);
    pthread_mutex_unlock(&m->lock);
    return ERR_OK;
}

static enum err memory_evidence_add(void *self, struct str key, struct str frame,
                                    usec_t captured_at, const struct bus_evidence_rule *rule,
                                    int *ret_count, struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r =
        shared_evidence_add(&m->shared, time_mono(), key, frame, captured_at, rule, ret_count, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static enum err memory_score_add(void *self, struct str key, struct str frame, usec_t captured_at,
                                 double score, usec_t window, struct bus_score *ret_score,
                                 struct error *e)
{
    struct memory *m = self;
    pthread_mutex_lock(&m->lock);
    enum err r = shared_score_add(&m->shared, time_mono(), key, frame, captured_at, score, window,
                                  ret_score, e);
    pthread_mutex_unlock(&m->lock);
    return r;
}

static void memory_close(void *self)
{
    struct memory *m = self;
    topics_done(&m->topics);
    shared_done(&m->shared);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

static const struct bus_driver memory_driver = {
    .name = "memory",
    .durable = false,
    .close = memory_close,
    .publish = memory_publish,
    .subscribe = memory_subscribe,
    .unsubscribe = memory_unsubscribe,
    .replay = memory_replay,
    .cache_get = memory_cache_get,
    .cache_put = memory_cache_put,
    .cache_drop = memory_cache_drop,
    .put_once = memory_put_once,
    .take = memory_take,
    .swap = memory_swap,
    .set_add = memory_set_add,
    .set_has = memory_set_has,
    .evidence_add = memory_evidence_add,
    .score_add = memory_score_add,
};

enum err bus_memory_open(const struct bus_options *o, bus_event_fn on_event, void *ctx,
                         struct bus **ret_bus, struct error *e)
{
    if (o->topics_max == 0 || o->cache_max_bytes < CACHE_MIN_BYTES)
        return error_set(e, ERR_INVALID, "the bus needs a topic and %d bytes of cache at least",
                         CACHE_MIN_BYTES);
    struct memory *m = mem_alloc(sizeof(*m));
    if (!m)
        return error_set(e, ERR_NOMEM, "no memory for a bus");
    topics_init(&m->topics, o, on_event, ctx);
    pthread_mutex_init(&m->lock, NULL);
    shared_init(&m->shared, o->cache_max_bytes);
    return bus_new(&memory_driver, m, ret_bus, e);
}
