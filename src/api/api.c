/* The API as one object: makes the router from the route table and hands the server its callbacks.
 * See api.h. */
#include "api/api.h"

#include "api/dispatch.h"
#include "base/mem.h"
#include "http/router.h"

enum { ROUTES_MAX = 256 };

static enum err make_router(struct router **ret_router, struct error *e)
{
    struct route_pattern patterns[ROUTES_MAX];
    if (routes_n > ROUTES_MAX)
        return error_set(e, ERR_INTERNAL, "more than %d routes", ROUTES_MAX);
    for (int i = 0; i < routes_n; i++)
        patterns[i] = (struct route_pattern){.method = routes[i].method, .pattern = routes[i].path};
    return router_new(patterns, routes_n, ret_router, e);
}

enum err api_new(const struct api_env *env, struct api **ret_api, struct error *e)
{
    struct api *api = mem_alloc(sizeof *api);
    if (!api)
        return error_set(e, ERR_NOMEM, "no memory for the API");
    api->env = *env;
    api->started_at = time_utc();
    api->started_mono = time_mono();
    enum err r = make_router(&api->router, e);
    if (r == ERR_OK)
        r = waiters_new(&api->waiters, e);
    if (r) {
        api_free(api);
        return r;
    }
    *ret_api = api;
    return ERR_OK;
}

void api_free(struct api *api)
{
    if (!api)
        return;
    waiters_free(api->waiters);
    router_free(api->router);
    secure_free(api, sizeof *api);
}

static enum err admit(void *ctx, enum http_method method, struct str path, size_t *ret_max_body,
                      struct error *e)
{
    return dispatch_admit(ctx, method, path, ret_max_body, e);
}

static void handle(void *ctx, struct http_request *req, struct http_response *res)
{
    dispatch_handle(ctx, req, res);
}

static void ws_open(void *ctx, struct http_request *req) { events_ws_open(ctx, req); }

static void ws_closed(void *ctx, uint64_t peer, struct str topic)
{
    (void)peer;
    events_ws_closed(ctx, topic);
}

static void ws_lag(void *ctx, struct str topic, int64_t lost, struct buf *out)
{
    (void)ctx;
    events_ws_lag(topic, lost, out);
}

static void problem(void *ctx, const struct error *e, struct buf *out)
{
    (void)ctx;
    problem_print(e, NULL, NULL, out);
}

struct http_callbacks api_callbacks(struct api *api)
{
    return (struct http_callbacks){.ctx = api,
                                   .admit = admit,
                                   .handle = handle,
                                   .ws_open = ws_open,
                                   .ws_closed = ws_closed,
                                   .ws_lag = ws_lag,
                                   .problem = problem};
}

void api_event(struct api *api, const struct bus_event *event)
{
    waiters_event(api, event->id, event->bytes);
    events_deliver(api, event);
}

void api_tick(struct api *api) { waiters_expire(api); }
