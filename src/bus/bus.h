/* The bus: publish/subscribe, and the small shared state of running sessions.
 *
 * One interface, back ends as vtables (memory.c here; Redis later adds a file). Everything in it
 * may vanish (a restart, Redis gone) and everything is rebuilt from the store: slower, never wrong.
 * Lost evidence costs one more sighting, never a mark. Calls pass ids and bytes only.
 *
 * - topics: publish gives an event its per-topic id and its place in a capped history in ONE atomic
 *   step, so all subscribers see the same order; a client that was away asks bus_replay.
 * - cache: versioned values. An older version never overwrites a newer one, so a reader that loaded
 *   before a change cannot put the stale value back after it.
 * - sets: the present set of a session, committed marks only.
 * - evidence: the sightings of one student in one session, counted in one atomic step.
 * - scores: what was measured on sightings (liveness), averaged in one atomic step.
 *
 * Ids: within one life of a topic they have no gaps. A topic's life ends when the back end is
 * restarted empty or the topic falls out (topics_max); the next life starts ABOVE every id given
 * before (memory.c starts at the time in microseconds), so an id of an earlier life is told from
 * ids of this one and replay answers NOT_FOUND instead of skipping events. Ids stay below 2^53.
 * Delivery: on_event gets the events of a topic that are published after subscribe has returned, in
 * id order and each once; a remote back end that lost its connection may miss some or repeat some.
 * A subscriber therefore keeps the last id per topic, ignores ids not above it, and on a gap (id >
 * last + 1) or after (re)subscribing asks bus_replay from its last id. That rule is enough on every
 * back end; tests/conformance holds them to it.
 * Errors: beside those named below, a remote back end may answer UNAVAILABLE to any call, and then
 * the call may or may not have taken effect. All but publish may simply be repeated.
 * Thread: any. Callbacks come on the publisher's or a bus thread, one at a time, with no lock held:
 * they must not block and must not call back into the bus. */
#pragma once

#include "base/arena.h"
#include "base/time.h"

enum {
    BUS_KEY_MAX = 160,          /* bytes of a topic, key, set, member or frame; at least 1 */
    BUS_EVENT_MAX = 256 * 1024, /* bytes of one event */
    BUS_EVIDENCE_MAX = 256,     /* newest sightings or scores kept under one key */
    BUS_REPLAY_NEWEST = -1,     /* after_id: no events, only the newest id */
};

struct bus_options {
    size_t history_max;     /* events kept per topic for replay */
    size_t topics_max;      /* least recently used topics fall out beyond this */
    size_t cache_max_bytes; /* for cache, put_once keys, sets, evidence and scores, EACH; beyond it
                               the least recently used fall out */
};

struct bus_event {
    int64_t id;       /* one more than the event before it in this topic */
    struct str topic; /* borrowed until the callback returns */
    struct str bytes;
};

/* Thread: any. Runs for every event of a subscribed topic. */
typedef void (*bus_event_fn)(void *ctx, const struct bus_event *event);

/* How many sightings count: at least `gap` apart, none older than `window`. */
struct bus_evidence_rule {
    usec_t gap, window;
};

/* What the scores under a key come to. */
struct bus_score {
    double mean;
    int count; /* of scores in the mean, at least 1 */
};

struct bus;

/* What a back end implements: the contract of each is that of the function bus_<name> below. bus.c
 * has checked the arguments: keys are 1 to BUS_KEY_MAX bytes, ttl, gap and window are in range. */
struct bus_driver {
    const char *name;
    bool durable; /* topics and state survive a restart of this process */
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
    enum err (*swap)(void *self, struct arena *a, struct str key, struct str expected,
                     struct str bytes, usec_t ttl, struct str *ret_existing, struct error *e);
    enum err (*set_add)(void *self, struct str set, struct str member, usec_t ttl, struct error *e);
    enum err (*set_has)(void *self, struct str set, struct str member, bool *ret_has,
                        struct error *e);
    enum err (*evidence_add)(void *self, struct str key, struct str frame, usec_t captured_at,
                             const struct bus_evidence_rule *rule, int *ret_count, struct error *e);
    enum err (*score_add)(void *self, struct str key, struct str frame, usec_t captured_at,
                          double score, usec_t window, struct bus_score *ret_score,
                          struct error *e);
};

/* Wraps an opened back end; takes `self` over, also when it fails. Errors NOMEM. The back end's
 * opener has taken on_event, which gets every event of subscribed topics. */
NODISCARD enum err bus_new(const struct bus_driver *driver, void *self, struct bus **ret_bus,
                           struct error *e);
/* Closes the back end and frees b; NULL is fine. No call may be in progress or come later; on_event
 * is not called any more once it returns. */
void bus_close(struct bus *b);

/* Gives the event the topic's next id, keeps it for replay, delivers it (with memory.c on_event has
 * returned when publish does). Errors TOO_LARGE (BUS_EVENT_MAX), NOMEM, UNAVAILABLE (a remote back
 * end: it may or may not be out; publishing again gives it a second id). */
NODISCARD enum err bus_publish(struct bus *b, struct str topic, struct str bytes, int64_t *ret_id,
                               struct error *e);
/* Counted: n subscribes need n unsubscribes. An event may still come shortly after the last
 * unsubscribe. Errors NOMEM; unsubscribe NOT_FOUND when there was none. */
NODISCARD enum err bus_subscribe(struct bus *b, struct str topic, struct error *e);
NODISCARD enum err bus_unsubscribe(struct bus *b, struct str topic, struct error *e);
/* The events after after_id, oldest first, in `a`, and the topic's newest id, which is valid as an
 * after_id even when nothing was published yet (so ask it BEFORE reading a snapshot from the
 * store). after_id: an id or newest id told by this bus; 0 for all since the topic began;
 * BUS_REPLAY_NEWEST for no events. Errors NOT_FOUND: some of them are no longer kept, or after_id
 * is of another life: ask the newest id and send a snapshot. NOMEM (the arena's cap too). */
NODISCARD enum err bus_replay(struct bus *b, struct arena *a, struct str topic, int64_t after_id,
                              struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                              struct error *e);

/* The cached bytes, in `a`. Errors NOT_FOUND (absent, expired or dropped): read the store. */
NODISCARD enum err bus_cache_get(struct bus *b, struct arena *a, struct str key,
                                 struct str *ret_bytes, struct error *e);
/* Caches bytes that the store gave at `version`; ignored (and ERR_OK) when a newer version is here,
 * was here within its ttl, or was dropped within the drop's ttl. Bytes over the cap are not kept.
 */
NODISCARD enum err bus_cache_put(struct bus *b, struct str key, int64_t version, struct str bytes,
                                 usec_t ttl, struct error *e);
/* After a commit that made `version`: forgets the value unless it is newer than `version`; puts
 * older than `version` are ignored for `ttl`. ttl must exceed the time a reader takes from its read
 * of the store to its put. */
NODISCARD enum err bus_cache_drop(struct bus *b, struct str key, int64_t version, usec_t ttl,
                                  struct error *e);

/* Stores bytes unless the key is there; ret_existing (in `a`) is what was there, p NULL when
 * stored: of all callers at once exactly one stores. (camera, boot, seq) -> frame id; also one-use
 * tickets. The keys are apart from those of the cache. Errors TOO_LARGE (over the cap), NOMEM. */
NODISCARD enum err bus_put_once(struct bus *b, struct arena *a, struct str key, struct str bytes,
                                usec_t ttl, struct str *ret_existing, struct error *e);
/* Reads what put_once stored and removes it in one step: one caller gets it. Errors NOT_FOUND. */
NODISCARD enum err bus_take(struct bus *b, struct arena *a, struct str key, struct str *ret_bytes,
                            struct error *e);

/* Puts bytes in the place of what put_once stored under key, for ttl from now, if that is exactly
 * `expected`, in one step: of all callers at once that expect the same, one swaps. ret_existing (in
 * `a`) is what stands there instead, p NULL when swapped; who only wants to look expects what
 * cannot be there. Errors NOT_FOUND (nothing is there), TOO_LARGE, NOMEM; UNAVAILABLE may have
 * swapped: then the next call finds the caller's own bytes. */
NODISCARD enum err bus_swap(struct bus *b, struct arena *a, struct str key, struct str expected,
                            struct str bytes, usec_t ttl, struct str *ret_existing,
                            struct error *e);

/* The member is in the set for at least ttl from now. */
NODISCARD enum err bus_set_add(struct bus *b, struct str set, struct str member, usec_t ttl,
                               struct error *e);
/* False also when the set is not here: a miss decides nothing. */
NODISCARD enum err bus_set_has(struct bus *b, struct str set, struct str member, bool *ret_has,
                               struct error *e);

/* Adds the sighting (frame, captured_at) under key and counts, in one atomic step, how many count
 * by the rule: of the sightings no more than `window` older than the newest (by captured_at),
 * greedily from the oldest, each at least `gap` after the one counted before. The count depends
 * only on the set of sightings, not on the order they came in. The same frame again changes nothing
 * and returns the present count. One key is always used with one rule. */
NODISCARD enum err bus_evidence_add(struct bus *b, struct str key, struct str frame,
                                    usec_t captured_at, const struct bus_evidence_rule *rule,
                                    int *ret_count, struct error *e);

/* Adds a score measured on (frame, captured_at) under key and gives, in one atomic step, the mean
 * of the scores no more than `window` older than the newest of them (by captured_at; of more than
 * BUS_EVIDENCE_MAX the newest). What is kept depends only on the set of scores added, not on the
 * order they came in: the same frame again changes nothing, unless its score is lower, which then
 * replaces the other. A score that is too old to be in the mean answers for itself: its own value,
 * count 1. One key is always used with one window; the keys are apart from those of evidence.
 * Errors INVALID (a score that is not finite; a negative window). */
NODISCARD enum err bus_score_add(struct bus *b, struct str key, struct str frame,
                                 usec_t captured_at, double score, usec_t window,
                                 struct bus_score *ret_score, struct error *e);

/* The in-process back end (bus/memory.c); on_event (may be NULL) is called on the publisher's
 * thread. Errors INVALID (an option out of range), NOMEM. */
NODISCARD enum err bus_memory_open(const struct bus_options *o, bus_event_fn on_event, void *ctx,
                                   struct bus **ret_bus, struct error *e);
