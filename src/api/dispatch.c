/* The dispatcher: from a request to a handler and back (api.h). What every route has in common is
 * here, once: who may, what goes in, what comes out, what an error looks like.
 * admit and problem on the loop thread (no SQL); handle on handler threads. */
#include "api/handlers.h"

#include "api/dispatch.h"
#include "base/log.h"
#include "http/router.h"

#include <stdio.h>

enum { JSON_BODY_MAX = 256 * KIB, PROBLEM_MAX = 8 * KIB, LIMIT_DEFAULT = 50, LIMIT_MAX = 200 };

/* What the matched route allows as a body. */
static size_t body_limit(const struct api *api, const struct route *r)
{
    const struct config *cfg = api->env.config;
    switch (r->body) {
    case BODY_NONE:
        return 0;
    case BODY_JSON:
        return JSON_BODY_MAX;
    case BODY_IMAGE:
        return (size_t)cfg->frame_max_bytes;
    case BODY_PHOTOS:
        return (size_t)cfg->http_max_body_bytes;
    case BODY_CSV:
    case BODY_ZIP:
    case BODY_CALENDAR:
        return (size_t)cfg->import_max_bytes;
    }
    return 0;
}

enum err dispatch_admit(struct api *api, enum http_method method, struct str path,
                        size_t *ret_max_body, struct error *e)
{
    struct route_match m;
    enum err r = router_match(api->router, NULL, method, path, &m, e);
    if (r == ERR_OK)
        *ret_max_body = body_limit(api, &routes[m.route]);
    return r;
}

enum err dispatch_authorise(struct call *c, const struct route *r, struct error *e)
{
    if (r->perm == PERM_PUBLIC)
        return ERR_OK;
    enum err err =
        auth_check(c->api->env.auth, http_header_get(c->req, "authorization"), &c->who, e);
    if (err)
        return err;
    if (!principal_may(&c->who, r->perm))
        return error_set(e, ERR_FORBIDDEN, "%s%s lacks the permission %s",
                         c->who.client ? "this API key" : "the role ",
                         c->who.client ? "" : role_name(c->who.role), perm_name(r->perm));
    return row_rule_path(c, r->rows, e);
}

static bool is_json(struct str type)
{
    struct str head = {0};
    return str_split(&type, ';', &head) && str_eq_nocase(str_trim(head), STR("application/json"));
}

static enum err decode(struct call *c, const struct route *r, struct schema_errors *errs,
                       struct error *e)
{
    if (r->body != BODY_JSON)
        return ERR_OK;
    if (!is_json(http_header_get(c->req, "content-type")))
        return error_set(e, ERR_UNSUPPORTED, "send the body as Content-Type: application/json");
    void *in;
    enum err err = call_alloc(c, r->in->size, &in, e);
    if (err == ERR_OK)
        err = schema_decode(r->in, c->a, c->req->body, in, errs, e);
    c->in = in;
    return err;
}

static enum err run(struct call *c, struct schema_errors *errs, const struct route **ret_route,
                    struct error *e)
{
    struct route_match m;
    enum err r = router_match(c->api->router, c->a, c->req->method, c->req->path, &m, e);
    if (r)
        return r;
    const struct route *route = &routes[m.route];
    *ret_route = route;
    c->status = route->status;
    for (int i = 0; i < m.n_params && i < CALL_PARAMS_MAX; i++)
        c->params[i] = m.params[i];
    r = dispatch_authorise(c, route, e);
    if (r == ERR_OK)
        r = decode(c, route, errs, e);
    if (r == ERR_OK)
        r = row_rule_body(c, route, e);
    if (r == ERR_OK && idempotency_wanted(c, route))
        r = idempotency_begin(c, e);
    return r || c->replayed ? r : route->fn(c, e);
}

static void add_etag(struct call *c, struct http_response *res)
{
    char *tag = c->version > 0 ? arena_printf(c->a, "\"%lld\"", (long long)c->version) : NULL;
    if (tag)
        http_header_add(res, "etag", str_from(tag));
    if (c->location.p)
        http_header_add(res, "location", c->location);
    char *file =
        c->file_name ? arena_printf(c->a, "attachment; filename=\"%s.csv\"", c->file_name) : NULL;
    if (file)
        http_header_add(res, "content-disposition", str_from(file));
    if (c->replayed)
        http_header_add(res, "idempotency-replayed", STR("true"));
}

static enum err encode(struct call *c, const struct route *route, struct http_response *res,
                       struct error *e)
{
    res->status = c->status;
    res->pending = c->pending;
    add_etag(c, res);
    if (c->pending)
        return ERR_OK;
    if (c->raw_body.p) {
        res->body = c->raw_body;
        res->content_type = c->raw_type;
        res->stream = c->stream;
        res->stream_ctx = c->stream_ctx;
        return ERR_OK;
    }
    if (!route->out || !c->out)
        return ERR_OK;
    res->content_type = STR("application/json");
    return schema_print(route->out, c->out, c->a, &res->body, e);
}

static void answer_problem(struct call *c, const struct error *e, const struct schema_errors *errs,
                           struct http_response *res)
{
    struct buf body;
    buf_init(&body, PROBLEM_MAX);
    problem_print(e, errs, c->req->id, &body);
    struct str copy = arena_copy(c->a, buf_str(&body));
    buf_done(&body);
    *res = (struct http_response){.status = err_http_status(e->code),
                                  .content_type = STR("application/problem+json"),
                                  .body = copy.p ? copy : STR("{\"title\":\"Out of memory\"}")};
    if (e->code == ERR_UNAUTHENTICATED)
        http_header_add(res, "www-authenticate", STR("Bearer"));
    int wait_s = c->retry_after_s ? c->retry_after_s : err_http_status(e->code) == 503;
    if (wait_s)
        http_header_add(res, "retry-after", str_from(arena_printf(c->a, "%d", wait_s)));
    if (err_http_status(e->code) >= 500 && e->code != ERR_FULL) /* back-pressure is no fault */
        log_failure(LOG_WARN, "api", "request_failed", e);
}

/* A database that is gone takes the change and its trail alike; the answer says that it is gone. */
static void audit(struct call *c, const struct route *route, const struct error *problem,
                  struct http_response *res)
{
    bool signing_in = route && route->perm == PERM_PUBLIC;
    if (!route || !audit_wanted(route) || !(c->who.user[0] || signing_in))
        return;
    if (problem && problem->code == ERR_UNAVAILABLE)
        return;
    if (!audit_write(c, route, c->pending ? c->status : res->status, problem))
        http_header_add(res, "rollcall-audit", STR("lost"));
}

/* The route and never the path, which may name somebody. A status that comes later is 0. */
static void log_access(const struct http_request *req, const struct route *route, int status)
{
    log_event(LOG_INFO, "http", "request", "method=%s route=%s status=%d ms=%.1f request=%s",
              http_method_name(req->method), route ? route->path : "none", status,
              (double)(time_mono() - req->received_mono) / USEC_PER_MSEC, req->id);
}

void dispatch_handle(struct api *api, struct http_request *req, struct http_response *res)
{
    struct call c = {.api = api, .req = req, .a = req->arena};
    struct schema_errors errs = {0};
    struct error e = {0};
    const struct route *route = NULL;
    enum err r = run(&c, &errs, &route, &e);
    if (r == ERR_OK)
        r = encode(&c, route, res, &e);
    if (r)
        answer_problem(&c, &e, &errs, res);
    if (c.kept_claimed)
        idempotency_end(&c, route, r ? &e : NULL, res);
    audit(&c, route, r ? &e : NULL, res);
    recent_wrote(&c, res);
    if (api->env.config->http_access_log)
        log_access(req, route, c.pending ? 0 : res->status);
}

/* ---- helpers of handlers */

enum err call_alloc(struct call *c, size_t n, void **ret_memory, struct error *e)
{
    *ret_memory = arena_alloc(c->a, n);
    return *ret_memory ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for this request");
}

enum err call_id(struct call *c, int i, char ret_text[static ID_TEXT], struct error *e)
{
    struct error why;
    if (id_parse(c->params[i], ret_text, &why))
        return error_set(e, ERR_NOT_FOUND, "there is nothing with this id: %s", why.msg);
    return ERR_OK;
}

enum err call_query(struct call *c, const char *name, struct str *ret_value, struct error *e)
{
    return http_query_get(c->req, name, ret_value, e);
}

enum err call_limit(struct call *c, int *ret_limit, struct error *e)
{
    struct str limit;
    int64_t n = LIMIT_DEFAULT;
    enum err r = call_query(c, "limit", &limit, e);
    if (r == ERR_OK && limit.p)
        r = str_to_i64(limit, &n, e);
    if (r == ERR_OK && (n < 1 || n > LIMIT_MAX))
        r = error_set(e, ERR_INVALID, "limit must be between 1 and %d", LIMIT_MAX);
    *ret_limit = (int)n;
    return r;
}

enum err call_page(struct call *c, int *ret_limit, char ret_after[static ID_TEXT], struct error *e)
{
    struct str after;
    enum err r = call_limit(c, ret_limit, e);
    if (r == ERR_OK)
        r = call_query(c, "after", &after, e);
    ret_after[0] = 0;
    return r || !after.p ? r : id_parse(after, ret_after, e);
}

enum err call_word(struct call *c, const char *name, const char *const *words, int *ret_index,
                   struct error *e)
{
    struct str v;
    enum err r = call_query(c, name, &v, e);
    *ret_index = -1;
    if (r || !v.p)
        return r;
    for (int i = 0; words[i]; i++)
        if (str_is(v, words[i])) {
            *ret_index = i;
            return ERR_OK;
        }
    return error_set(e, ERR_INVALID, "%s is not one of the allowed words, see the API description",
                     name);
}

enum err call_flag(struct call *c, const char *name, bool *ret_set, struct error *e)
{
    struct str v;
    enum err r = call_query(c, name, &v, e);
    if (r == ERR_OK && v.p && !str_is(v, "1"))
        r = error_set(e, ERR_INVALID, "%s is 1, or left out", name);
    *ret_set = r == ERR_OK && v.p;
    return r;
}

enum err call_time(struct call *c, const char *name, usec_t *ret_utc, struct error *e)
{
    struct str v;
    enum err r = call_query(c, name, &v, e);
    *ret_utc = 0;
    return r || !v.p ? r : error_wrap(e, time_parse_iso(v, ret_utc, e), "%s", name);
}

enum err call_if_match(struct call *c, int64_t *ret_version, struct error *e)
{
    struct str v = http_header_get(c->req, "if-match");
    *ret_version = 0;
    if (!v.p || str_is(v, "*"))
        return ERR_OK;
    if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
        v = (struct str){v.p + 1, v.n - 2};
    return error_wrap(e, str_to_i64(v, ret_version, e), "If-Match");
}

enum err call_list(struct call *c, void *items, int n, int limit, size_t size, size_t id_offset,
                   struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct list), &memory, e);
    if (r)
        return r;
    struct list *list = memory;
    list->items = items;
    list->n = n > limit ? limit : n;
    if (n > limit)
        list->next = str_from((char *)items + (size_t)(limit - 1) * size + id_offset);
    c->out = list;
    return ERR_OK;
}

enum err call_location(struct call *c, const char *prefix, const char *id, struct error *e)
{
    char *text = arena_printf(c->a, "%s%s", prefix, id);
    c->location = str_from(text);
    return text ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for this request");
}
