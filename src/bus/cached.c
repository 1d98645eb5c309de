/* Read-through cache: see cached.h. One cache call on a hit; no state. */
#include "bus/cached.h"

enum err bus_cached(struct bus *b, struct arena *a, struct str key, usec_t ttl, cached_load_fn load,
                    void *ctx, struct str *ret_bytes, struct error *e)
{
    struct error ignored;
    if (bus_cache_get(b, a, key, ret_bytes, &ignored) == ERR_OK)
        return ERR_OK;
    int64_t version = 0;
    enum err r = load(ctx, a, &version, ret_bytes, e);
    if (r)
        return r;
    /* A cache that cannot be written costs the next reader a look into the store, nothing else. */
    enum err kept = bus_cache_put(b, key, version, *ret_bytes, ttl, &ignored);
    (void)kept;
    return ERR_OK;
}
