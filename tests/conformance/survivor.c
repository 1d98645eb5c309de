/* Survivors: drivers that pass every call on, and close nothing. See survivor.h. */
#include "survivor.h"

static enum err queue_pass_push(void *self, const struct queue_push *item, struct error *e)
{
    return queue_push(self, item, e);
}

static enum err queue_pass_claim(void *self, int max, usec_t wait, struct queue_delivery *ret_items,
                                 int *ret_n, struct error *e)
{
    return queue_claim(self, max, wait, ret_items, ret_n, e);
}

static enum err queue_pass_renew(void *self, const char *token, struct error *e)
{
    return queue_renew(self, token, e);
}

static enum err queue_pass_ack(void *self, const char *token, struct error *e)
{
    return queue_ack(self, token, e);
}

static enum err queue_pass_release(void *self, const char *token, usec_t delay, struct error *e)
{
    return queue_release(self, token, delay, e);
}

static enum err queue_pass_bury(void *self, const char *token, struct error *e)
{
    return queue_bury(self, token, e);
}

static enum err queue_pass_stats(void *self, struct queue_stats *ret_stats, struct error *e)
{
    return queue_stats(self, ret_stats, e);
}

static void queue_pass_wake(void *self) { queue_wake(self); }

static void queue_leave(void *self) { (void)self; }

static const struct queue_driver queue_survivor = {
    .name = "survivor",
    .durable = true,
    .close = queue_leave,
    .push = queue_pass_push,
    .claim = queue_pass_claim,
    .renew = queue_pass_renew,
    .ack = queue_pass_ack,
    .release = queue_pass_release,
    .bury = queue_pass_bury,
    .stats = queue_pass_stats,
    .wake = queue_pass_wake,
};

enum err survivor_queue_open(void *ctx, struct queue **ret_queue, struct error *e)
{
    return queue_new(&queue_survivor, ctx, ret_queue, e);
}

static enum err bus_pass_publish(void *self, struct str topic, struct str bytes, int64_t *ret_id,
                                 struct error *e)
{
    struct survivor_bus *s = self;
    return bus_publish(s->inner, topic, bytes, ret_id, e);
}

static enum err bus_pass_subscribe(void *self, struct str topic, struct error *e)
{
    struct survivor_bus *s = self;
    return bus_subscribe(s->inner, topic, e);
}

static enum err bus_pass_unsubscribe(void *self, struct str topic, struct error *e)
{
    struct survivor_bus *s = self;
    return bus_unsubscribe(s->inner, topic, e);
}

static enum err bus_pass_replay(void *self, struct arena *a, struct str topic, int64_t after_id,
                                struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                                struct error *e)
{
    struct survivor_bus *s = self;
    return bus_replay(s->inner, a, topic, after_id, ret_events, ret_n, ret_last_id, e);
}

static enum err bus_pass_cache_get(void *self, struct arena *a, struct str key,
                                   struct str *ret_bytes, struct error *e)
{
    struct survivor_bus *s = self;
    return bus_cache_get(s->inner, a, key, ret_bytes, e);
}

static enum err bus_pass_cache_put(void *self, struct str key, int64_t version, struct str bytes,
                                   usec_t ttl, struct error *e)
{
    struct survivor_bus *s = self;
    return bus_cache_put(s->inner, key, version, bytes, ttl, e);
}

static enum err bus_pass_cache_drop(void *self, struct str key, int64_t version, usec_t ttl,
                                    struct error *e)
{
    struct survivor_bus *s = self;
    return bus_cache_drop(s->inner, key, version, ttl, e);
}

static enum err bus_pass_put_once(void *self, struct arena *a, struct str key, struct str bytes,
                                  usec_t ttl, struct str *ret_existing, struct error *e)
{
    struct survivor_bus *s = self;
    return bus_put_once(s->inner, a, key, bytes, ttl, ret_existing, e);
}

static enum err bus_pass_take(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                              struct error *e)
{
    struct survivor_bus *s = self;
    return bus_take(s->inner, a, key, ret_bytes, e);
}

static enum err bus_pass_swap(void *self, struct arena *a, struct str key, struct str expected,
                              struct str bytes, usec_t ttl, struct str *ret_existing,
                              struct error *e)
{
    struct survivor_bus *s = self;
    return bus_swap(s->inner, a, key, expected, bytes, ttl, ret_existing, e);
}

static enum err bus_pass_set_add(void *self, struct str set, struct str member, usec_t ttl,
                                 struct error *e)
{
    struct survivor_bus *s = self;
    return bus_set_add(s->inner, set, member, ttl, e);
}

static enum err bus_pass_set_has(void *self, struct str set, struct str member, bool *ret_has,
                                 struct error *e)
{
    struct survivor_bus *s = self;
    return bus_set_has(s->inner, set, member, ret_has, e);
}

static enum err bus_pass_evidence_add(void *self, struct str key, struct str frame,
                                      usec_t captured_at, const struct bus_evidence_rule *rule,
                                      int *ret_count, struct error *e)
{
    struct survivor_bus *s = self;
    return bus_evidence_add(s->inner, key, frame, captured_at, rule, ret_count, e);
}

static enum err bus_pass_score_add(void *self, struct str key, struct str frame, usec_t captured_at,
                                   double score, usec_t window, struct bus_score *ret_score,
                                   struct error *e)
{
    struct survivor_bus *s = self;
    return bus_score_add(s->inner, key, frame, captured_at, score, window, ret_score, e);
}

static void bus_leave(void *self)
{
    struct survivor_bus *s = self;
    s->on_event = NULL;
}

static const struct bus_driver bus_survivor = {
    .name = "survivor",
    .durable = true,
    .close = bus_leave,
    .publish = bus_pass_publish,
    .subscribe = bus_pass_subscribe,
    .unsubscribe = bus_pass_unsubscribe,
    .replay = bus_pass_replay,
    .cache_get = bus_pass_cache_get,
    .cache_put = bus_pass_cache_put,
    .cache_drop = bus_pass_cache_drop,
    .put_once = bus_pass_put_once,
    .take = bus_pass_take,
    .swap = bus_pass_swap,
    .set_add = bus_pass_set_add,
    .set_has = bus_pass_set_has,
    .evidence_add = bus_pass_evidence_add,
    .score_add = bus_pass_score_add,
};

enum err survivor_bus_open(void *ctx, bus_event_fn on_event, void *event_ctx, struct bus **ret_bus,
                           struct error *e)
{
    struct survivor_bus *s = ctx;
    s->on_event = on_event;
    s->event_ctx = event_ctx;
    return bus_new(&bus_survivor, s, ret_bus, e);
}

static void dispatch(void *ctx, const struct bus_event *event)
{
    struct survivor_bus *s = ctx;
    if (s->on_event)
        s->on_event(s->event_ctx, event);
}

enum err survivor_bus_init(struct survivor_bus *s, const struct bus_options *o, struct error *e)
{
    *s = (struct survivor_bus){0};
    return bus_memory_open(o, dispatch, s, &s->inner, e);
}

void survivor_bus_done(struct survivor_bus *s) { bus_close(s->inner); }
