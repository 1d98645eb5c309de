/* Reads that may be a moment old: reports and lists, from the replica where there is one.
 *
 * Who changed something must find it. The replica is never older than `database_replica_max_lag_ms`
 * (store/replica.h), so whoever changed something within that time reads from the primary: known by
 * a table of users in this process, and in others by a cookie that lives as long. Users share the
 * table's places by hash, which can only send one more of them to the primary. After a start
 * everybody reads from the primary until that time is over. Handler threads; no lock. */
#include "api/internal.h"

#include <stdatomic.h>
#include <stdio.h>

#define COOKIE "rollcall_wrote"

static usec_t max_lag(const struct api *api)
{
    return api->env.config->database_replica_max_lag_ms * USEC_PER_MSEC;
}

/* FNV-1a, as good as any for ids. */
static atomic_llong *place_of(struct api *api, const char *user)
{
    uint64_t h = 14695981039346656037u;
    for (; *user; user++)
        h = (h ^ (unsigned char)*user) * 1099511628211u;
    return &api->wrote[h % API_WROTE_PLACES];
}

void recent_wrote(struct call *c, struct http_response *res)
{
    if (!c->api->env.replica || c->req->method == HTTP_GET || !c->who.user[0])
        return;
    atomic_store(place_of(c->api, c->who.user), (long long)time_mono());
    usec_t seconds = (max_lag(c->api) + USEC_PER_SEC - 1) / USEC_PER_SEC + 1;
    char *cookie = arena_printf(c->a, COOKIE "=1; Path=/; Max-Age=%lld; HttpOnly; SameSite=Strict",
                                (long long)seconds);
    if (cookie)
        http_header_add(res, "set-cookie", str_from(cookie));
}

static bool has_cookie(const struct call *c)
{
    struct str part, all = http_header_get(c->req, "cookie");
    while (all.p && str_split(&all, ';', &part)) {
        if (str_starts(str_trim(part), STR(COOKIE "=")))
            return true;
    }
    return false;
}

bool recent_must_be_fresh(struct call *c)
{
    struct api *api = c->api;
    if (!api->env.replica)
        return true;
    usec_t now = time_mono(), wrote = atomic_load(place_of(api, c->who.user));
    return now - api->started_mono <= max_lag(api) || (wrote && now - wrote <= max_lag(api)) ||
           has_cookie(c);
}

enum err recent_read(struct api *api, bool fresh, db_fn fn, void *ctx, struct error *e)
{
    return fresh ? db_read(api->env.db, fn, ctx, e) : replica_read(api->env.replica, fn, ctx, e);
}

enum err call_read(struct call *c, db_fn fn, void *ctx, struct error *e)
{
    return recent_read(c->api, recent_must_be_fresh(c), fn, ctx, e);
}
