/* The shared state of the in-process bus: see shared.h; evidence is in evidence.c.
 *
 * Versions: a value stays on its shelf, unreadable, for another ttl after it has expired, so that a
 * slow reader's older copy is still refused; and every drop puts a floor beside it, on a shelf that
 * values cannot push out. Only beyond the byte caps is a version forgotten, and then a stale copy
 * lives for at most its ttl (DESIGN section 9).
 * Sets: a member is one entry under "set NUL member"; a set as such does not exist, so there is
 * nothing to keep in step and nothing to walk. */
#include "bus/shared.h"

#include "base/mem.h"

enum {
    FLOOR_SHARE = 4,     /* floors may weigh a quarter of the cache's cap */
    ENTRY_OVERHEAD = 64, /* what an entry weighs besides its struct: two map slots and the heap */
};

struct value {
    struct keep_entry entry;
    int64_t version;
    usec_t fresh_until; /* readable until; entry.expires is later */
    size_t n;
    char data[]; /* key, then n bytes */
};

struct floor {
    struct keep_entry entry;
    int64_t version;
    char key[];
};

struct member {
    struct keep_entry entry;
    char key[];
};

void shared_init(struct shared *s, size_t max_bytes)
{
    keep_init(&s->values, max_bytes, NULL);
    keep_init(&s->floors, max_bytes / FLOOR_SHARE, NULL);
    keep_init(&s->once, max_bytes, NULL);
    keep_init(&s->members, max_bytes, NULL);
    keep_init(&s->evidence, max_bytes, evidence_done);
    keep_init(&s->scores, max_bytes, evidence_done);
}

void shared_done(struct shared *s)
{
    keep_done(&s->values);
    keep_done(&s->floors);
    keep_done(&s->once);
    keep_done(&s->members);
    keep_done(&s->evidence);
    keep_done(&s->scores);
}

static struct str value_bytes(const struct value *v)
{
    return (struct str){v->data + v->entry.key.n, v->n};
}

static size_t value_weight(struct str key, struct str bytes)
{
    return sizeof(struct value) + ENTRY_OVERHEAD + key.n + bytes.n;
}

/* NULL, and NOMEM in e, when there is no memory. */
static struct value *new_value(struct str key, struct str bytes, const struct value *with,
                               struct error *e)
{
    struct value *v = mem_alloc(sizeof(*v) + key.n + bytes.n);
    if (!v) {
        enum err r = error_set(e, ERR_NOMEM, "no memory to keep %zu bytes", bytes.n);
        (void)r;
        return NULL;
    }
    *v = *with;
    v->n = bytes.n;
    memcpy(v->data, key.p, key.n);
    if (bytes.n)
        memcpy(v->data + key.n, bytes.p, bytes.n);
    v->entry.key = (struct str){v->data, key.n};
    v->entry.weight = value_weight(key, bytes);
    return v;
}

/* Puts a new value on a shelf where its key is not. */
static enum err add_value(struct keep *shelf, usec_t now, struct str key, struct str bytes,
                          const struct value *with, struct error *e)
{
    struct value *v = new_value(key, bytes, with, e);
    if (!v)
        return ERR_NOMEM;
    enum err r = keep_add(shelf, &v->entry, now, e);
    if (r)
        mem_free(v);
    return r;
}

static enum err copy_out(struct arena *a, struct str bytes, struct str *ret_bytes, struct error *e)
{
    struct str copy = arena_copy(a, bytes);
    if (!copy.p)
        return error_set(e, ERR_NOMEM, "no memory to read %zu bytes", bytes.n);
    *ret_bytes = copy;
    return ERR_OK;
}

enum err shared_cache_get(struct shared *s, usec_t now, struct arena *a, struct str key,
                          struct str *ret_bytes, struct error *e)
{
    struct value *v = (struct value *)(void *)keep_find(&s->values, key, now);
    if (!v || v->fresh_until <= now)
        return error_set(e, ERR_NOT_FOUND, "%.*s is not in the cache", STR_ARGS(key));
    return copy_out(a, value_bytes(v), ret_bytes, e);
}

enum err shared_cache_put(struct shared *s, usec_t now, struct str key, int64_t version,
                          struct str bytes, usec_t ttl, struct error *e)
{
    struct floor *floor = (struct floor *)(void *)keep_find(&s->floors, key, now);
    struct value *old = (struct value *)(void *)keep_find(&s->values, key, now);
    if ((floor && floor->version > version) || (old && old->version > version))
        return ERR_OK;
    if (value_weight(key, bytes) > s->values.max_weight)
        return shared_cache_drop(s, now, key, version, ttl, e);
    if (old)
        keep_remove(&s->values, &old->entry);
    usec_t fresh_until = keep_until(now, ttl);
    return add_value(&s->values, now, key, bytes,
                     &(struct value){.entry.expires = keep_until(fresh_until, ttl),
                                     .version = version,
                                     .fresh_until = fresh_until},
                     e);
}

enum err shared_cache_drop(struct shared *s, usec_t now, struct str key, int64_t version,
                           usec_t ttl, struct error *e)
{
    struct floor *floor = (struct floor *)(void *)keep_find(&s->floors, key, now);
    struct value *old = (struct value *)(void *)keep_find(&s->values, key, now);
    usec_t expires = keep_until(now, ttl);
    if (old && old->version <= version)
        keep_remove(&s->values, &old->entry);
    if (floor) {
        floor->version = floor->version > version ? floor->version : version;
        floor->entry.expires = floor->entry.expires > expires ? floor->entry.expires : expires;
        return ERR_OK;
    }
    floor = mem_alloc(sizeof(*floor) + key.n);
    if (!floor)
        return error_set(e, ERR_NOMEM, "no memory to drop a cached value");
    floor->version = version;
    memcpy(floor->key, key.p, key.n);
    floor->entry.key = (struct str){floor->key, key.n};
    floor->entry.weight = sizeof(*floor) + ENTRY_OVERHEAD + key.n;
    floor->entry.expires = expires;
    enum err r = keep_add(&s->floors, &floor->entry, now, e);
    if (r)
        mem_free(floor);
    return r;
}

enum err shared_put_once(struct shared *s, usec_t now, struct arena *a, struct str key,
                         struct str bytes, usec_t ttl, struct str *ret_existing, struct error *e)
{
    struct value *v = (struct value *)(void *)keep_find(&s->once, key, now);
    if (v)
        return copy_out(a, value_bytes(v), ret_existing, e);
    usec_t expires = keep_until(now, ttl);
    enum err r = add_value(&s->once, now, key, bytes,
                           &(struct value){.entry.expires = expires, .fresh_until = expires}, e);
    if (!r)
        *ret_existing = (struct str){0};
    return r;
}

enum err shared_take(struct shared *s, usec_t now, struct arena *a, struct str key,
                     struct str *ret_bytes, struct error *e)
{
    struct value *v = (struct value *)(void *)keep_find(&s->once, key, now);
    if (!v)
        return error_set(e, ERR_NOT_FOUND, "nothing is kept under this key");
    enum err r = copy_out(a, value_bytes(v), ret_bytes, e);
    if (!r)
        keep_remove(&s->once, &v->entry);
    return r;
}

/* The new value is made before the old one goes; only the map's own memory may fail after that, and
 * then the value is lost as if it had fallen out. */
enum err shared_swap(struct shared *s, usec_t now, struct arena *a, struct str key,
                     struct str expected, struct str bytes, usec_t ttl, struct str *ret_existing,
                     struct error *e)
{
    struct value *v = (struct value *)(void *)keep_find(&s->once, key, now);
    if (!v)
        return error_set(e, ERR_NOT_FOUND, "nothing is kept under this key");
    if (!str_eq(value_bytes(v), expected))
        return copy_out(a, value_bytes(v), ret_existing, e);
    if (value_weight(key, bytes) > s->once.max_weight)
        return error_set(e, ERR_TOO_LARGE, "%zu bytes for a shelf of %zu", bytes.n,
                         s->once.max_weight);
    usec_t expires = keep_until(now, ttl);
    struct value *fresh =
        new_value(key, bytes, &(struct value){.entry.expires = expires, .fresh_until = expires}, e);
    if (!fresh)
        return ERR_NOMEM;
    keep_remove(&s->once, &v->entry);
    enum err r = keep_add(&s->once, &fresh->entry, now, e);
    if (r)
        mem_free(fresh);
    else
        *ret_existing = (struct str){0};
    return r;
}

/* "set NUL member", unless a set's name holds a NUL, which then only means a wrong neighbour of the
 * same length split: ids and names of ours never do. */
static struct str member_key(char text[static 2 * BUS_KEY_MAX + 1], struct str set,
                             struct str member)
{
    memcpy(text, set.p, set.n);
    text[set.n] = 0;
    memcpy(text + set.n + 1, member.p, member.n);
    return (struct str){text, set.n + 1 + member.n};
}

enum err shared_set_add(struct shared *s, usec_t now, struct str set, struct str member, usec_t ttl,
                        struct error *e)
{
    char text[2 * BUS_KEY_MAX + 1];
    struct str key = member_key(text, set, member);
    usec_t expires = keep_until(now, ttl);
    struct keep_entry *old = keep_find(&s->members, key, now);
    if (old) {
        old->expires = old->expires > expires ? old->expires : expires;
        return ERR_OK;
    }
    struct member *m = mem_alloc(sizeof(*m) + key.n);
    if (!m)
        return error_set(e, ERR_NOMEM, "no memory for a set's member");
    memcpy(m->key, key.p, key.n);
    m->entry = (struct keep_entry){
        .key = {m->key, key.n}, .expires = expires, .weight = sizeof(*m) + ENTRY_OVERHEAD + key.n};
    enum err r = keep_add(&s->members, &m->entry, now, e);
    if (r)
        mem_free(m);
    return r;
}

bool shared_set_has(struct shared *s, usec_t now, struct str set, struct str member)
{
    char text[2 * BUS_KEY_MAX + 1];
    return keep_find(&s->members, member_key(text, set, member), now) != NULL;
}
