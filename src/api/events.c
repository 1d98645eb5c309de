/* Events: WebSocket peers of a session, their tickets, and the fan-out of what the bus brings.
 * ws_open on handler threads; events_deliver on the bus's thread; ws_closed on the loop. */
#include "api/handlers.h"

#include "api/dispatch.h"
#include "attendance/event.h"
#include "base/log.h"
#include "http/router.h"
#include "store/live.h"

#include <stdio.h>

#include <sodium.h>

#define TICKET_TTL USEC_PER_MIN
enum {
    DELIVER_ARENA = 2 * MIB,
    CLOSE_UNAUTHENTICATED = 4401,
    CLOSE_NOT_FOUND = 4404,
    CLOSE_FAILED = 1011,
    TICKET_TEXT = 44
};

struct ticket_out {
    struct str ticket;
    usec_t expires_at;
};

static const struct field ticket_fields[] = {
    FIELD_STR(struct ticket_out, ticket, 0, 64, FIELD_REQUIRED, "Pass as ?ticket= once."),
    FIELD_TIME(struct ticket_out, expires_at, FIELD_REQUIRED, "Until when it is good."),
};
const struct schema ticket_schema = SCHEMA("EventsTicket", struct ticket_out, ticket_fields);

struct exists_ctx {
    struct arena *a;
    struct session_id id;
};

static enum err exists_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct exists_ctx *x = ctx;
    struct session s;
    return session_get(cx, x->a, x->id, &s, e);
}

enum err events_ticket(struct call *c, struct error *e)
{
    unsigned char raw[32];
    char text[TICKET_TEXT], key[BUS_KEY_MAX];
    void *memory;
    struct str existing;
    struct exists_ctx x = {.a = c->a};
    enum err r = call_id(c, 0, x.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, exists_fn, &x, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct ticket_out), &memory, e);
    if (r)
        return r;
    randombytes_buf(raw, sizeof raw);
    sodium_bin2base64(text, sizeof text, raw, sizeof raw, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    snprintf(key, sizeof key, "ticket:%s", text);
    struct ticket_out *out = memory;
    out->ticket = arena_copy(c->a, str_from(text));
    out->expires_at = time_utc() + TICKET_TTL;
    c->out = out;
    return bus_put_once(c->api->env.bus, c->a, str_from(key), str_from(x.id.text), TICKET_TTL,
                        &existing, e);
}

/* Reached only by a request that did not ask for the upgrade. */
enum err events_upgrade(struct call *c, struct error *e)
{
    (void)c;
    return error_set(e, ERR_INVALID,
                     "this address is a WebSocket: connect with the subprotocol "
                     "rollcall.v1 (see the API description)");
}

/* ---- the socket */

struct opening {
    struct api *api;
    struct http_request *req;
    const struct route *route;
    struct str id; /* of the session, as in the path */
    struct session_id session;
    int64_t after; /* last event id the client has, or BUS_REPLAY_NEWEST */
};

static enum err read_path(struct opening *o, struct error *e)
{
    struct route_match m;
    struct str after;
    enum err r = router_match(o->api->router, o->req->arena, HTTP_GET, o->req->path, &m, e);
    if (r == ERR_OK && routes[m.route].fn != events_upgrade)
        r = error_set(e, ERR_NOT_FOUND, "no events here");
    if (r)
        return r;
    o->route = &routes[m.route];
    o->id = m.params[0];
    r = id_parse(o->id, o->session.text, e);
    if (r == ERR_OK)
        r = http_query_get(o->req, "after", &after, e);
    o->after = BUS_REPLAY_NEWEST;
    return r || !after.p ? r : str_to_i64(after, &o->after, e);
}

static enum err authorise(struct opening *o, struct error *e)
{
    struct str ticket, session;
    enum err r = http_query_get(o->req, "ticket", &ticket, e);
    if (r)
        return r;
    if (!ticket.p) {
        struct call c = {.api = o->api, .req = o->req, .a = o->req->arena, .params = {o->id}};
        return dispatch_authorise(&c, o->route, e);
    }
    char key[BUS_KEY_MAX];
    snprintf(key, sizeof key, "ticket:%.*s", (int)(ticket.n < 64 ? ticket.n : 64), ticket.p);
    r = bus_take(o->api->env.bus, o->req->arena, str_from(key), &session, e);
    if (r || !str_is(session, o->session.text))
        return error_set(e, ERR_UNAUTHENTICATED,
                         "the ticket is used, expired or for another session");
    return ERR_OK;
}

/* The client asked for events that are no longer kept: it must read the marks again. */
static void replay_lost(struct opening *o, struct error *e)
{
    struct event_lag lag = {.type = STR("lag"),
                            /* ids of a topic's life begin at its UTC microseconds (bus.h) */
                            .reason =
                                o->after < o->api->started_at ? STR("restart") : STR("too_old")};
    struct ws_message told = {0};
    memcpy(lag.session, o->session.text, ID_TEXT);
    bool ok = schema_print(&event_lag_schema, &lag, o->req->arena, &told.bytes, e) == ERR_OK;
    ws_replay(o->api->http, o->req->conn, &told, ok, 0);
}

/* What the client missed, or word that it is too long ago. Live events wait until this is sent. */
static enum err replay(struct opening *o, struct str topic, struct error *e)
{
    struct bus_event *events = NULL;
    int n = 0;
    int64_t last = 0;
    struct arena *a = o->req->arena;
    enum err r = bus_replay(o->api->env.bus, a, topic, o->after, &events, &n, &last, e);
    if (r == ERR_NOT_FOUND) {
        replay_lost(o, e);
        return ERR_OK;
    }
    struct ws_message *messages = r ? NULL : arena_array(a, (size_t)n, sizeof *messages);
    if (!messages)
        return r ? r : error_set(e, ERR_NOMEM, "no memory to replay %d events", n);
    for (int i = 0; i < n; i++) {
        struct event_view v;
        messages[i].id = events[i].id;
        r = event_unpack(events[i].bytes, &v, e);
        if (r == ERR_OK)
            r = event_json(a, events[i].id, v.json, &messages[i].bytes, e);
        if (r)
            return r;
    }
    ws_replay(o->api->http, o->req->conn, messages, n, last);
    return ERR_OK;
}

void events_ws_open(struct api *api, struct http_request *req)
{
    struct opening o = {.api = api, .req = req};
    struct error e = {0};
    char topic[64];
    struct exists_ctx x = {.a = req->arena};
    enum err r = read_path(&o, &e);
    if (r == ERR_OK)
        r = authorise(&o, &e);
    x.id = o.session;
    if (r == ERR_OK)
        r = db_read(api->env.db, exists_fn, &x, &e);
    event_topic(o.session, topic);
    if (r == ERR_OK)
        r = bus_subscribe(api->env.bus, str_from(topic), &e);
    if (r) {
        bool refused = r == ERR_UNAUTHENTICATED || r == ERR_FORBIDDEN;
        int code = refused              ? CLOSE_UNAUTHENTICATED
                   : r == ERR_NOT_FOUND ? CLOSE_NOT_FOUND
                                        : CLOSE_FAILED;
        ws_refuse(api->http, req->conn, code, e.msg);
        return;
    }
    ws_subscribe(api->http, req->conn, str_from(topic));
    if (replay(&o, str_from(topic), &e)) {
        log_failure(LOG_WARN, "api", "replay_failed", &e);
        ws_refuse(api->http, req->conn, CLOSE_FAILED,
                  "the missed events cannot be read; connect again");
    }
}

void events_ws_closed(struct api *api, struct str topic)
{
    struct error e = {0};
    if (topic.n && bus_unsubscribe(api->env.bus, topic, &e))
        log_failure(LOG_DEBUG, "api", "unsubscribe", &e);
}

void events_ws_lag(struct str topic, int64_t lost, struct buf *out)
{
    int n = (int)topic.n - 8; /* "session:" */
    buf_printf(out, "{\"type\":\"lag\",\"session\":\"%.*s\",\"lost\":%lld,\"reason\":\"slow\"}",
               n > 0 ? n : 0, topic.p + 8, (long long)lost);
}

void events_deliver(struct api *api, const struct bus_event *event)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(DELIVER_ARENA);
    struct event_view v;
    struct str json;
    struct error e = {0};
    if (!a || event_unpack(event->bytes, &v, &e) || event_json(a, event->id, v.json, &json, &e)) {
        log_failure(LOG_WARN, "api", "event_unreadable", &e);
        return;
    }
    ws_publish(api->http, event->topic, event->id, event_droppable(v.kind), json);
}
