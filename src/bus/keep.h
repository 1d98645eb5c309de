/* Bounded shelves: keyed entries with a time to live and a weight, the least recently used falling
 * out when the weight passes its maximum. What the in-process bus keeps, it keeps on shelves.
 *
 * An entry is the caller's struct with a keep_entry as its FIRST member, in one mem_alloc block,
 * its key inside the same block. Once added it belongs to the shelf, which frees it through `done`
 * (for what hangs off the block) and mem_free. Expired entries go when they are looked up, when an
 * add finds them at the old end, or when the weight needs it. Cost: every call O(1) on average, an
 * add also pays for what falls out. Thread: one at a time. */
#pragma once

#include "base/hashmap.h"
#include "base/list.h"
#include "base/time.h"

struct keep_entry {
    struct list_node use; /* the newest use first */
    struct str key;
    usec_t expires; /* monotonic; KEEP_FOREVER: not by time */
    size_t weight;
};

#define KEEP_FOREVER INT64_MAX

struct keep {
    struct hashmap by_key;
    struct list_node uses;
    size_t weight, max_weight;
    void (*done)(
        struct keep_entry *entry); /* may be NULL; not called on entries that add refused */
};

void keep_init(struct keep *k, size_t max_weight, void (*done)(struct keep_entry *entry));
/* Frees all entries. */
void keep_done(struct keep *k);

/* A monotonic time `ttl` after now, or KEEP_FOREVER when that is beyond all times. */
usec_t keep_until(usec_t now, usec_t ttl);

/* The entry, now the most recently used, or NULL when there is none or it has expired. Borrowed
 * until the next call on the shelf. */
struct keep_entry *keep_find(struct keep *k, struct str key, usec_t now);
/* Takes entry over; its key must not be there. Others fall out until the weight fits.
 * Errors NOMEM, TOO_LARGE (heavier than the shelf bears): the entry stays the caller's. */
NODISCARD enum err keep_add(struct keep *k, struct keep_entry *entry, usec_t now, struct error *e);
/* The entry weighs something else now; others fall out until that fits. */
void keep_reweigh(struct keep *k, struct keep_entry *entry, size_t weight);
/* Takes the entry off and frees it. */
void keep_remove(struct keep *k, struct keep_entry *entry);
