/* Bounded shelves: a hash map by key and a list by use. See keep.h. Called by the parts of the
 * in-process bus under their lock. Invariants: both hold the same entries; weight is their sum. */
#include "bus/keep.h"

#include "base/mem.h"

enum { EXPIRED_PER_ADD = 2 }; /* more than one, so expired entries go faster than new ones come */

void keep_init(struct keep *k, size_t max_weight, void (*done)(struct keep_entry *entry))
{
    *k = (struct keep){.max_weight = max_weight, .done = done};
    hashmap_init(&k->by_key);
    list_init(&k->uses);
}

void keep_done(struct keep *k)
{
    struct keep_entry *entry;
    while ((entry = LIST_LAST(&k->uses, struct keep_entry, use)))
        keep_remove(k, entry);
    hashmap_done(&k->by_key);
}

usec_t keep_until(usec_t now, usec_t ttl)
{
    return ttl > KEEP_FOREVER - now ? KEEP_FOREVER : now + ttl;
}

void keep_remove(struct keep *k, struct keep_entry *entry)
{
    hashmap_remove(&k->by_key, entry->key);
    list_remove(&entry->use);
    k->weight -= entry->weight;
    if (k->done)
        k->done(entry);
    mem_free(entry);
}

struct keep_entry *keep_find(struct keep *k, struct str key, usec_t now)
{
    struct keep_entry *entry = hashmap_get(&k->by_key, key);
    if (!entry)
        return NULL;
    if (entry->expires <= now) {
        keep_remove(k, entry);
        return NULL;
    }
    list_remove(&entry->use);
    list_push_front(&k->uses, &entry->use);
    return entry;
}

/* Lets the least recently used go, but never `spared`, until the weight is in bounds. */
static void make_room(struct keep *k, const struct keep_entry *spared)
{
    while (k->weight > k->max_weight) {
        struct keep_entry *entry = LIST_LAST(&k->uses, struct keep_entry, use);
        if (!entry || entry == spared)
            return;
        keep_remove(k, entry);
    }
}

enum err keep_add(struct keep *k, struct keep_entry *entry, usec_t now, struct error *e)
{
    struct keep_entry *old;
    enum err r;
    if (entry->weight > k->max_weight)
        return error_set(e, ERR_TOO_LARGE, "%zu bytes for a shelf of %zu", entry->weight,
                         k->max_weight);
    for (int i = 0; i < EXPIRED_PER_ADD; i++)
        if ((old = LIST_LAST(&k->uses, struct keep_entry, use)) && old->expires <= now)
            keep_remove(k, old);
    r = hashmap_put(&k->by_key, entry->key, entry, e);
    if (r)
        return r;
    list_push_front(&k->uses, &entry->use);
    k->weight += entry->weight;
    make_room(k, entry);
    return ERR_OK;
}

void keep_reweigh(struct keep *k, struct keep_entry *entry, size_t weight)
{
    k->weight += weight - entry->weight;
    entry->weight = weight;
    list_remove(&entry->use);
    list_push_front(&k->uses, &entry->use);
    make_room(k, entry);
}
