/* Hash maps from byte strings to pointers.
 *
 * The map borrows its keys: they usually lie inside the value, and must stay where they are and as
 * they are while the pair is in the map. It owns neither keys nor values. Keys that strangers
 * choose are safe: the hash is keyed with a secret of this process, so nobody can aim collisions.
 *
 *     r = hashmap_put(&map, str_from(camera->id), camera, e);
 *     camera = hashmap_get(&map, id);
 *
 * Cost: get, put and remove O(1) on average; put doubles the table now and then.
 * Thread: one at a time. */
#pragma once

#include "base/str.h"

struct hashmap_slot {
    uint64_t hash; /* 0: empty */
    struct str key;
    void *value;
};

struct hashmap {
    struct hashmap_slot *slots; /* owned; NULL until the first put */
    size_t n, capacity;         /* pairs; slots, 0 or a power of two */
};

/* An empty map; allocates nothing yet. */
void hashmap_init(struct hashmap *m);
/* Frees the table, not the values. The map may be init'ed again. */
void hashmap_done(struct hashmap *m);

/* The value, or NULL. */
void *hashmap_get(const struct hashmap *m, struct str key);
/* Puts a pair in; an equal key is replaced, key pointer and all. value must not be NULL.
 * Errors NOMEM: the map is as before. */
NODISCARD enum err hashmap_put(struct hashmap *m, struct str key, void *value, struct error *e);
/* Takes the pair out; its value, or NULL when there was none. */
void *hashmap_remove(struct hashmap *m, struct str key);

/* Walks the values in no order: `size_t at = 0; while ((v = hashmap_next(&m, &at)))`; NULL at the
 * end. The map must not change meanwhile. */
void *hashmap_next(const struct hashmap *m, size_t *at);

/* The keyed hash of any bytes, never 0: SipHash-2-4 under a secret made at the first call.
 * Two different inputs collide with a chance of 2^-64. */
uint64_t hashmap_hash(struct str bytes);
