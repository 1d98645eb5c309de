/* Hash maps: open addressing with linear probing, at most 3/4 full, deletion by shifting the rest
 * of the run back (so there are no tombstones and lookups never slow down). See hashmap.h.
 * Invariant: between a pair's home slot (hash modulo capacity) and its slot, no slot is empty. */
#include "base/hashmap.h"

#include "base/mem.h"

#include <pthread.h>
#include <sodium.h>

enum { CAPACITY_MIN = 16 };

static unsigned char secret[crypto_shorthash_KEYBYTES];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void secret_make(void) { randombytes_buf(secret, sizeof(secret)); }

uint64_t hashmap_hash(struct str bytes)
{
    unsigned char out[crypto_shorthash_BYTES];
    uint64_t hash;
    pthread_once(&secret_once, secret_make);
    crypto_shorthash(out, (const unsigned char *)bytes.p, bytes.n, secret);
    memcpy(&hash, out, sizeof(hash));
    return hash ? hash : 1;
}

void hashmap_init(struct hashmap *m) { *m = (struct hashmap){0}; }

void hashmap_done(struct hashmap *m)
{
    mem_free(m->slots);
    hashmap_init(m);
}

/* The slot that holds key, or the empty one where it would go. Needs capacity > n. */
static struct hashmap_slot *find(const struct hashmap *m, uint64_t hash, struct str key)
{
    size_t mask = m->capacity - 1;
    for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
        struct hashmap_slot *slot = &m->slots[i];
        if (slot->hash == 0 || (slot->hash == hash && str_eq(slot->key, key)))
            return slot;
    }
}

void *hashmap_get(const struct hashmap *m, struct str key)
{
    if (m->n == 0)
        return NULL;
    return find(m, hashmap_hash(key), key)->value;
}

static enum err grow(struct hashmap *m, struct error *e)
{
    struct hashmap bigger = {.n = m->n, .capacity = m->capacity ? m->capacity * 2 : CAPACITY_MIN};
    bigger.slots = mem_array(bigger.capacity, sizeof(*bigger.slots));
    if (!bigger.slots)
        return error_set(e, ERR_NOMEM, "no memory for a map of %zu slots", bigger.capacity);
    for (size_t i = 0; i < m->capacity; i++)
        if (m->slots[i].hash)
            *find(&bigger, m->slots[i].hash, m->slots[i].key) = m->slots[i];
    mem_free(m->slots);
    *m = bigger;
    return ERR_OK;
}

enum err hashmap_put(struct hashmap *m, struct str key, void *value, struct error *e)
{
    uint64_t hash = hashmap_hash(key);
    if (m->n >= m->capacity - m->capacity / 4) {
        enum err r = grow(m, e);
        if (r)
            return r;
    }
    struct hashmap_slot *slot = find(m, hash, key);
    if (!slot->hash)
        m->n++;
    *slot = (struct hashmap_slot){.hash = hash, .key = key, .value = value};
    return ERR_OK;
}

void *hashmap_remove(struct hashmap *m, struct str key)
{
    if (m->n == 0)
        return NULL;
    struct hashmap_slot *slot = find(m, hashmap_hash(key), key);
    void *value = slot->value;
    if (!slot->hash)
        return NULL;
    size_t mask = m->capacity - 1, hole = (size_t)(slot - m->slots);
    for (size_t i = (hole + 1) & mask; m->slots[i].hash; i = (i + 1) & mask) {
        size_t home = (size_t)m->slots[i].hash & mask;
        /* Movable unless its home lies behind the hole: distances count from its own slot back. */
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct hashmap_slot){0};
    m->n--;
    return value;
}

void *hashmap_next(const struct hashmap *m, size_t *at)
{
    while (*at < m->capacity) {
        const struct hashmap_slot *slot = &m->slots[(*at)++];
        if (slot->hash)
            return slot->value;
    }
    return NULL;
}
