/* The shared state of the in-process bus: versioned cache, put_once keys, sets, evidence, scores.
 *
 * Part of bus/memory.c, which holds its lock around every call and tells the monotonic time. The
 * functions are those of struct bus_driver (bus.h) and have their contracts. Each kind has a shelf
 * (bus/keep.h) of its own with the same cap, so none can push out another.
 * Cost: O(1) on average plus the copy; evidence O(BUS_EVIDENCE_MAX). Thread: one at a time. */
#pragma once

#include "bus/bus.h"
#include "bus/keep.h"

struct shared {
    struct keep values;   /* struct value: the cache */
    struct keep floors;   /* struct floor: versions below which puts are stale */
    struct keep once;     /* struct value */
    struct keep members;  /* struct member: all members of all sets */
    struct keep evidence; /* struct evidence (bus/evidence.c) */
    struct keep scores;   /* the same, with scores */
};

void shared_init(struct shared *s, size_t max_bytes);
void shared_done(struct shared *s);

NODISCARD enum err shared_cache_get(struct shared *s, usec_t now, struct arena *a, struct str key,
                                    struct str *ret_bytes, struct error *e);
NODISCARD enum err shared_cache_put(struct shared *s, usec_t now, struct str key, int64_t version,
                                    struct str bytes, usec_t ttl, struct error *e);
NODISCARD enum err shared_cache_drop(struct shared *s, usec_t now, struct str key, int64_t version,
                                     usec_t ttl, struct error *e);
NODISCARD enum err shared_put_once(struct shared *s, usec_t now, struct arena *a, struct str key,
                                   struct str bytes, usec_t ttl, struct str *ret_existing,
                                   struct error *e);
NODISCARD enum err shared_take(struct shared *s, usec_t now, struct arena *a, struct str key,
                               struct str *ret_bytes, struct error *e);
NODISCARD enum err shared_swap(struct shared *s, usec_t now, struct arena *a, struct str key,
                               struct str expected, struct str bytes, usec_t ttl,
                               struct str *ret_existing, struct error *e);
NODISCARD enum err shared_set_add(struct shared *s, usec_t now, struct str set, struct str member,
                                  usec_t ttl, struct error *e);
bool shared_set_has(struct shared *s, usec_t now, struct str set, struct str member);
/* In bus/evidence.c: add and count, add and average; frees what hangs off an entry there. */
NODISCARD enum err shared_evidence_add(struct shared *s, usec_t now, struct str key,
                                       struct str frame, usec_t captured_at,
                                       const struct bus_evidence_rule *rule, int *ret_count,
                                       struct error *e);
NODISCARD enum err shared_score_add(struct shared *s, usec_t now, struct str key, struct str frame,
                                    usec_t captured_at, double score, usec_t window,
                                    struct bus_score *ret_score, struct error *e);
void evidence_done(struct keep_entry *entry);
