/* The bus: publish/subscribe, and the small shared state of running sessions.
 *
 * One interface, back ends as vtables (memory.c here; Redis later adds a file). Everything in it
 * may vanish (a restart, Redis gone) and everything is rebuilt from the store: slower, never wrong.
 * Lost evidence costs one more sighting, never a mark. Calls pass ids and bytes only.
 *
 *  topics    publish gives an event its per-topic id and its place in a capped history in ONE
 * atomic step, so all subscribers see the same order; a client that was away asks bus_replay. cache
 * versioned values: an older version never overwrites a newer one, so a reader that loaded before a
 * change cannot put the stale value back after it. sets      the present set of a session:
 * committed marks only. evidence  the sightings of one student in one session, counted in one
 * atomic step. Thread: any. Callbacks come on the publisher's or a bus thread, with no lock held:
 * they must not block and must not call back into the bus. */
#pragma once

#include "base/arena.h"
#include "base/time.h"

enum { BUS_KEY_MAX = 160 };

struct bus_options {
    size_t history_max; /* events kept per topic for replay */
    size_t topics_max;  /* least recently used topics fall out beyond this */
    size_t cache_max_bytes;
};

struct bus_event {
    int64_t id;       /* 1, 2, 3 ... per topic */
    struct str topic; /* borrowed until the callback returns */
    struct str bytes;
};

/* Thread: any. Runs for every event of a subscribed topic. */
typedef void (*bus_event_fn)(void *ctx, const struct bus_event *event);

/* How many sightings count: at least `gap` apart, none older than `window`. */
struct bus_evidence_rule {
    usec_t gap, window;
};

struct bus;

struct bus_driver {
    const char *name;
    void (*close)(void *self);
    enum err (*publish)(void *self, struct str topic, struct str bytes, int64_t *ret_id,
                        struct error *e);
    enum err (*subscribe)(void *self, struct str topic, struct error *e);
    enum err (*unsubscribe)(void *self, struct str topic, struct error *e);
    enum err (*replay)(void *self, struct arena *a, struct str topic, int64_t after_id,
                       struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                       struct error *e);
    enum err (*cache_get)(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                          struct error *e);
    enum err (*cache_put)(void *self, struct str key, int64_t version, struct str bytes, usec_t ttl,
                          struct error *e);
    enum err (*cache_drop)(void *self, struct str key, int64_t version, usec_t ttl,
                           struct error *e);
    enum err (*put_once)(void *self, struct arena *a, struct str key, struct str bytes, usec_t ttl,
                         struct str *ret_existing, struct error *e);
    enum err (*take)(void *self, struct arena *a, struct str key, struct str *ret_bytes,
                     struct error *e);
    enum err (*set_add)(void *self, struct str set, struct str member, usec_t ttl, struct error *e);
    enum err (*set_has)(void *self, struct str set, struct str member, bool *ret_has,
                        struct error *e);
    enum err (*evidence_add)(void *self, struct str key, struct str frame, usec_t captured_at,
                             const struct bus_evidence_rule *rule, int *ret_count, struct error *e);
};

/* Wraps an opened back end; takes `self` over. on_event gets every event of subscribed topics. */
NODISCARD enum err bus_new(const struct bus_driver *driver, void *self, struct bus **ret_bus,
                           struct error *e);
void bus_close(struct bus *b);

/* Gives the event the topic's next id, keeps it for replay, delivers it. Errors UNAVAILABLE, NOMEM.
 */
NODISCARD enum err bus_publish(struct bus *b, struct str topic, struct str bytes, int64_t *ret_id,
                               struct error *e);
/* Counted: n subscribes need n unsubscribes. */
NODISCARD enum err bus_subscribe(struct bus *b, struct str topic, struct error *e);
NODISCARD enum err bus_unsubscribe(struct bus *b, struct str topic, struct error *e);
/* The events after after_id, oldest first, and the topic's newest id (0 = none yet).
 * Errors NOT_FOUND: some of them are no longer kept (or ids started again): send a snapshot. */
NODISCARD enum err bus_replay(struct bus *b, struct arena *a, struct str topic, int64_t after_id,
                              struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                              struct error *e);

/* The cached bytes, in `a`. Errors NOT_FOUND (absent, expired or dropped): read the store. */
NODISCARD enum err bus_cache_get(struct bus *b, struct arena *a, struct str key,
                                 struct str *ret_bytes, struct error *e);
/* Caches bytes that the store gave at `version`; ignored when a newer version is or was here. */
NODISCARD enum err bus_cache_put(struct bus *b, struct str key, int64_t version, struct str bytes,
                                 usec_t ttl, struct error *e);
/* After a commit: forgets the value; puts older than `version` are ignored for `ttl`. */
NODISCARD enum err bus_cache_drop(struct bus *b, struct str key, int64_t version, usec_t ttl,
                                  struct error *e);

/* Stores bytes unless the key is there; ret_existing (in `a`) is what was there, p NULL when
 * stored. (camera, boot, seq) -> frame id; also one-use tickets. */
NODISCARD enum err bus_put_once(struct bus *b, struct arena *a, struct str key, struct str bytes,
                                usec_t ttl, struct str *ret_existing, struct error *e);
/* Reads and removes in one step. Errors NOT_FOUND. */
NODISCARD enum err bus_take(struct bus *b, struct arena *a, struct str key, struct str *ret_bytes,
                            struct error *e);

NODISCARD enum err bus_set_add(struct bus *b, struct str set, struct str member, usec_t ttl,
                               struct error *e);
/* False also when the set is not here: a miss decides nothing. */
NODISCARD enum err bus_set_has(struct bus *b, struct str set, struct str member, bool *ret_has,
                               struct error *e);

/* Adds the sighting (frame, captured_at) under key and counts, in one atomic step, how many count
 * by the rule: greedily from the oldest in the window, each at least `gap` after the one before.
 * The same frame again changes nothing and returns the present count. */
NODISCARD enum err bus_evidence_add(struct bus *b, struct str key, struct str frame,
                                    usec_t captured_at, const struct bus_evidence_rule *rule,
                                    int *ret_count, struct error *e);

/* The in-process back end (bus/memory.c); on_event is called on the publisher's thread. */
NODISCARD enum err bus_memory_open(const struct bus_options *o, bus_event_fn on_event, void *ctx,
                                   struct bus **ret_bus, struct error *e);
