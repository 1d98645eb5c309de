/* The bus's front: checks arguments once for all back ends, then calls through the vtable.
 * Holds no lock and no state of its own; costs one indirect call. See bus.h. */
#include "bus/bus.h"

#include "base/mem.h"

#include <math.h>

struct bus {
    const struct bus_driver *driver;
    void *self; /* owned */
};

enum err bus_new(const struct bus_driver *driver, void *self, struct bus **ret_bus, struct error *e)
{
    struct bus *b = mem_alloc(sizeof(*b));
    if (!b) {
        driver->close(self);
        return error_set(e, ERR_NOMEM, "no memory for a bus");
    }
    *b = (struct bus){.driver = driver, .self = self};
    *ret_bus = b;
    return ERR_OK;
}

void bus_close(struct bus *b)
{
    if (!b)
        return;
    b->driver->close(b->self);
    mem_free(b);
}

static enum err check_key(struct str key, struct error *e)
{
    if (key.n == 0 || key.n > BUS_KEY_MAX)
        return error_set(e, ERR_INVALID, "a bus key of %zu bytes; 1 to %d are allowed", key.n,
                         BUS_KEY_MAX);
    return ERR_OK;
}

static enum err check_kept(struct str key, usec_t ttl, struct error *e)
{
    if (ttl <= 0)
        return error_set(e, ERR_INVALID, "a bus value kept for no time");
    return check_key(key, e);
}

enum err bus_publish(struct bus *b, struct str topic, struct str bytes, int64_t *ret_id,
                     struct error *e)
{
    enum err r = check_key(topic, e);
    if (r)
        return r;
    if (bytes.n > BUS_EVENT_MAX)
        return error_set(e, ERR_TOO_LARGE, "an event of %zu bytes; %d are allowed", bytes.n,
                         BUS_EVENT_MAX);
    return b->driver->publish(b->self, topic, bytes, ret_id, e);
}

enum err bus_subscribe(struct bus *b, struct str topic, struct error *e)
{
    enum err r = check_key(topic, e);
    return r ? r : b->driver->subscribe(b->self, topic, e);
}

enum err bus_unsubscribe(struct bus *b, struct str topic, struct error *e)
{
    enum err r = check_key(topic, e);
    return r ? r : b->driver->unsubscribe(b->self, topic, e);
}

enum err bus_replay(struct bus *b, struct arena *a, struct str topic, int64_t after_id,
                    struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                    struct error *e)
{
    enum err r = check_key(topic, e);
    return r ? r
             : b->driver->replay(b->self, a, topic, after_id, ret_events, ret_n, ret_last_id, e);
}

enum err bus_cache_get(struct bus *b, struct arena *a, struct str key, struct str *ret_bytes,
                       struct error *e)
{
    enum err r = check_key(key, e);
    return r ? r : b->driver->cache_get(b->self, a, key, ret_bytes, e);
}

enum err bus_cache_put(struct bus *b, struct str key, int64_t version, struct str bytes, usec_t ttl,
                       struct error *e)
{
    enum err r = check_kept(key, ttl, e);
    return r ? r : b->driver->cache_put(b->self, key, version, bytes, ttl, e);
}

enum err bus_cache_drop(struct bus *b, struct str key, int64_t version, usec_t ttl, struct error *e)
{
    enum err r = check_kept(key, ttl, e);
    return r ? r : b->driver->cache_drop(b->self, key, version, ttl, e);
}

enum err bus_put_once(struct bus *b, struct arena *a, struct str key, struct str bytes, usec_t ttl,
                      struct str *ret_existing, struct error *e)
{
    enum err r = check_kept(key, ttl, e);
    return r ? r : b->driver->put_once(b->self, a, key, bytes, ttl, ret_existing, e);
}

enum err bus_take(struct bus *b, struct arena *a, struct str key, struct str *ret_bytes,
                  struct error *e)
{
    enum err r = check_key(key, e);
    return r ? r : b->driver->take(b->self, a, key, ret_bytes, e);
}

enum err bus_swap(struct bus *b, struct arena *a, struct str key, struct str expected,
                  struct str bytes, usec_t ttl, struct str *ret_existing, struct error *e)
{
    enum err r = check_kept(key, ttl, e);
    return r ? r : b->driver->swap(b->self, a, key, expected, bytes, ttl, ret_existing, e);
}

enum err bus_set_add(struct bus *b, struct str set, struct str member, usec_t ttl, struct error *e)
{
    enum err r = check_kept(set, ttl, e);
    if (!r)
        r = check_key(member, e);
    return r ? r : b->driver->set_add(b->self, set, member, ttl, e);
}

enum err bus_set_has(struct bus *b, struct str set, struct str member, bool *ret_has,
                     struct error *e)
{
    enum err r = check_key(set, e);
    if (!r)
        r = check_key(member, e);
    return r ? r : b->driver->set_has(b->self, set, member, ret_has, e);
}

enum err bus_evidence_add(struct bus *b, struct str key, struct str frame, usec_t captured_at,
                          const struct bus_evidence_rule *rule, int *ret_count, struct error *e)
{
    enum err r = check_key(key, e);
    if (!r)
        r = check_key(frame, e);
    if (!r && (rule->gap < 0 || rule->window < 0))
        r = error_set(e, ERR_INVALID, "an evidence rule with a negative gap or window");
    return r ? r : b->driver->evidence_add(b->self, key, frame, captured_at, rule, ret_count, e);
}

enum err bus_score_add(struct bus *b, struct str key, struct str frame, usec_t captured_at,
                       double score, usec_t window, struct bus_score *ret_score, struct error *e)
{
    enum err r = check_key(key, e);
    if (!r)
        r = check_key(frame, e);
    if (!r && (!isfinite(score) || window < 0))
        r = error_set(e, ERR_INVALID, "a score of %g in a window of %lld us", score,
                      (long long)window);
    return r ? r
             : b->driver->score_add(b->self, key, frame, captured_at, score, window, ret_score, e);
}
