/* WebSocket peers: who is connected, what they subscribed to, fan-out.
 *
 * A peer goes OPENING (ws_open runs on a handler thread) -> HELD (on a topic, events wait) -> LIVE,
 * and from any of them to CLOSING. ws_set_state is the only place where a peer joins or leaves its
 * topic's list. Refusals that need no database (path, subprotocol, too many peers) are HTTP answers
 * before the upgrade; those of ws_open are close codes after it, because libwebsockets cannot hold
 * an upgrade back. Loop thread, except the ws_* functions of server.h, which only post. Cost of an
 * event: one allocation, one pointer a peer. Source of the pings: lws_retry_bo_t. */
#include "http/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <sys/socket.h>

enum { CLOSE_SECONDS = 3, PATIENCE_SECONDS = 5 };

/* What the kernel may hold for a peer. Left alone it grows to 4 MiB and more: a slow client would
 * be shown frames of minutes ago, and would not be told that it is slow. */
enum { SEND_BUFFER_BYTES = 128 * KIB };

static struct topic **topic_place(struct http_server *s, struct str name)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < name.n; i++)
        hash = (hash ^ (unsigned char)name.p[i]) * 16777619u;
    struct topic **at = &s->topics[hash % TOPIC_BUCKETS];
    while (*at && !str_eq((struct str){(*at)->name, (*at)->n}, name))
        at = &(*at)->next;
    return at;
}

static struct topic *topic_get(struct http_server *s, struct str name)
{
    struct topic **at = topic_place(s, name);
    if (*at)
        return *at;
    struct topic *t = mem_alloc(sizeof *t + name.n + 1);
    if (!t)
        return NULL;
    t->n = name.n;
    memcpy(t->name, name.p, name.n);
    *at = t;
    return t;
}

static void topic_join(struct topic *t, struct peer *p)
{
    p->topic = t;
    p->next = t->peers;
    if (t->peers)
        t->peers->prev = p;
    t->peers = p;
}

static void topic_leave(struct peer *p)
{
    struct topic *t = p->topic;
    if (!t)
        return;
    if (p->prev)
        p->prev->next = p->next;
    else
        t->peers = p->next;
    if (p->next)
        p->next->prev = p->prev;
    p->topic = NULL;
    p->next = p->prev = NULL;
    if (t->peers)
        return;
    struct topic **at = topic_place(p->server, (struct str){t->name, t->n});
    *at = t->next;
    mem_free(t);
}

static void ws_set_state(struct peer *p, enum peer_state state, struct topic *topic)
{
    p->state = state;
    switch (state) {
    case PEER_OPENING:
    case PEER_LIVE:
        break;
    case PEER_HELD:
        topic_join(topic, p);
        break;
    case PEER_CLOSING:
        topic_leave(p);
        peer_queue_done(p);
        break;
    }
}

void peer_close(struct peer *p, int code, const char *reason)
{
    if (p->state == PEER_CLOSING)
        return;
    ws_set_state(p, PEER_CLOSING, NULL);
    p->close_code = code;
    snprintf(p->close_reason, sizeof p->close_reason, "%s", reason);
    lws_callback_on_writable(p->wsi);
    /* a peer that reads nothing never becomes writable */
    lws_set_timeout(p->wsi, PENDING_TIMEOUT_USER_REASON_BASE, CLOSE_SECONDS);
}

static void peer_free(struct peer **place)
{
    struct peer *p = *place;
    if (!p)
        return;
    *place = NULL;
    struct http_server *s = p->server;
    ws_set_state(p, PEER_CLOSING, NULL);
    s->n_peers--;
    metric_set(METRIC_ws_peers, s->n_peers);
    if (p->established && s->callbacks.ws_closed)
        s->callbacks.ws_closed(s->callbacks.ctx, p->id, p->topic_name);
    slot_release(s, p->id);
    request_free(p->request);
    mem_free((void *)(uintptr_t)p->topic_name.p);
    mem_free(p->queue);
    mem_free(p);
}

/* ---- the upgrade */

static bool wants_subprotocol(struct lws *wsi)
{
    char list[128];
    int n = lws_hdr_copy(wsi, list, sizeof list, WSI_TOKEN_PROTOCOL);
    struct str rest = {n > 0 ? list : NULL, n > 0 ? (size_t)n : 0}, part;
    while (str_split(&rest, ',', &part)) {
        if (str_is(str_trim(part), "rollcall.v1"))
            return true;
    }
    return false;
}

/* The path of the upgrade request in buf; empty when it is not a GET or does not fit. */
static struct str upgrade_uri(struct lws *wsi, char *buf, size_t size)
{
    int n = lws_hdr_copy(wsi, buf, (int)size, WSI_TOKEN_GET_URI);
    return (struct str){buf, n > 0 ? (size_t)n : 0};
}

static enum err upgrade_check(struct http_server *s, struct lws *wsi, const char *upgrade,
                              struct error *e)
{
    struct intake in;
    char path[sizeof in.path];
    struct str uri = upgrade_uri(wsi, path, sizeof path);
    if (!str_eq_nocase(str_from(upgrade), STR("websocket")))
        return error_set(e, ERR_INVALID, "HTTP/2 is not spoken here: ask without Upgrade");
    if (!uri.n)
        return error_set(e, ERR_METHOD, "a WebSocket is opened with GET");
    enum err r = intake_read(wsi, uri, &in, e);
    if (r)
        return r;
    if (in.body_n || !lws_hdr_total_length(wsi, WSI_TOKEN_KEY) ||
        !lws_hdr_total_length(wsi, WSI_TOKEN_HOST))
        return error_set(e, ERR_INVALID, "this is not a WebSocket handshake (RFC 6455)");
    if (atomic_load(&s->draining))
        return error_set(e, ERR_UNAVAILABLE, "the server is shutting down");
    size_t max_body = 0;
    r = s->callbacks.admit(s->callbacks.ctx, HTTP_GET, (struct str){in.path, in.path_n}, &max_body,
                           e);
    if (r)
        return r;
    if (!wants_subprotocol(wsi))
        return error_set(e, ERR_INVALID, "ask for the WebSocket subprotocol rollcall.v1");
    if (s->n_peers >= s->options.ws_max_peers)
        return error_set(e, ERR_FULL, "%d WebSocket clients are connected, no more are taken",
                         s->n_peers);
    return ERR_OK;
}

int ws_confirm(struct lws *wsi, const char *upgrade)
{
    struct http_server *s = server_of(wsi);
    struct error e;
    /* for an Upgrade it does not know, libwebsockets has answered and freed the headers already */
    if (!lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE))
        return -1;
    if (!upgrade_check(s, wsi, upgrade, &e))
        return 0;
    struct reply *r = reply_problem(s, &e, "GET", true);
    char request_id[ID_TEXT];
    if (!r)
        return -1;
    id_new(request_id);
    memcpy(r->bytes + r->rid_at, request_id, ID_TEXT - 1);
    lws_write(wsi, (unsigned char *)r->bytes, r->n, LWS_WRITE_HTTP_HEADERS);
    metric_add(METRIC_http_requests_total, 1);
    metric_add(METRIC_http_errors_total, 1);
    mem_free(r);
    return -1;
}

/* The headers are still there: makes the peer and the request that ws_open will see. */
static int on_filter(struct lws *wsi, struct peer **place)
{
    struct http_server *s = server_of(wsi);
    struct intake in;
    char path[sizeof in.path];
    struct peer *p = mem_alloc(sizeof *p);
    struct slot *slot = p ? slot_take(s) : NULL;
    if (!slot) {
        mem_free(p);
        return -1;
    }
    slot->peer = p;
    p->id = slot->id;
    p->server = s;
    p->wsi = wsi;
    p->topic_name = STR("");
    s->n_peers++;
    metric_set(METRIC_ws_peers, s->n_peers);
    *place = p;
    p->topic_name.p = mem_strdup("");
    p->queue = mem_array((size_t)s->options.ws_queue_messages, sizeof(struct frame *));
    if (!p->queue || !p->topic_name.p ||
        intake_read(wsi, upgrade_uri(wsi, path, sizeof path), &in, NULL) ||
        intake_request(s, wsi, &in, &p->request, NULL)) {
        peer_free(place);
        return -1;
    }
    p->request->ws = true;
    p->request->pub.conn = p->id;
    return 0;
}

static int on_established(struct peer *p)
{
    if (!p)
        return -1;
    p->established = true;
    (void)setsockopt(lws_get_socket_fd(p->wsi), SOL_SOCKET, SO_SNDBUF, &(int){SEND_BUFFER_BYTES},
                     sizeof(int));
    struct request *r = p->request;
    p->request = NULL;
    if (!mailbox_post(p->server->work, 0, p->id, (struct str){(char *)&r, sizeof r}, NULL))
        return 0;
    request_free(r);
    peer_close(p, 1013, "too many requests are waiting: try again soon");
    return 0;
}

/* ---- traffic */

/* Writes the next frame; negative when the connection is lost. */
static int peer_write(struct peer *p)
{
    struct frame *f = peer_next(p);
    if (!f)
        return 0;
    int written = lws_write(p->wsi, f->bytes + LWS_PRE, f->n, LWS_WRITE_TEXT);
    frame_unref(f);
    return written < 0 ? -1 : 0;
}

void peer_flush(struct peer *p)
{
    int places = p->server->options.ws_queue_messages;
    while (p->state == PEER_LIVE && p->count == places && !lws_send_pipe_choked(p->wsi)) {
        if (peer_write(p) < 0) {
            lws_set_timeout(p->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
            return;
        }
    }
}

static int on_peer_writable(struct lws *wsi, struct peer *p)
{
    if (!p || p->state == PEER_OPENING || p->state == PEER_HELD)
        return 0;
    if (p->state == PEER_CLOSING) {
        lws_close_reason(wsi, (enum lws_close_status)p->close_code,
                         (unsigned char *)p->close_reason, strlen(p->close_reason));
        return -1;
    }
    if (peer_write(p) < 0)
        return -1;
    if (peer_waiting(p))
        lws_callback_on_writable(wsi);
    return 0;
}

static int refuse_now(struct lws *wsi, enum lws_close_status code, const char *reason)
{
    lws_close_reason(wsi, code, (unsigned char *)(uintptr_t)reason, strlen(reason));
    return -1;
}

/* Clients have nothing to say; what they send is read, counted and forgotten. */
static int on_receive(struct lws *wsi, struct peer *p, size_t n)
{
    if (!p)
        return 0;
    if (lws_is_first_fragment(wsi)) {
        usec_t now = time_mono();
        if (now - p->rx_since > USEC_PER_MIN) {
            p->rx_since = now;
            p->rx_messages = 0;
        }
        p->rx_messages++;
        p->rx_bytes = 0;
    }
    p->rx_bytes += n;
    if (p->rx_bytes + lws_remaining_packet_payload(wsi) > WS_MESSAGE_MAX)
        return refuse_now(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, "messages are not read here");
    if (p->rx_messages > WS_MESSAGES_PER_MIN)
        return refuse_now(wsi, LWS_CLOSE_STATUS_POLICY_VIOLATION, "too many messages");
    return 0;
}

static int ws_event(struct lws *wsi, int reason, struct peer **place, size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return on_filter(wsi, place);
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(*place);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_peer_writable(wsi, *place);
    case LWS_CALLBACK_RECEIVE:
        return on_receive(wsi, *place, len);
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
        peer_free(place);
        return 0;
    default:
        return 0;
    }
}

int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)in;
    if (!user)
        return 0;
    usec_t since;
    struct http_server *s = server_of(wsi);
    bool outermost = watch_enter(s, &since);
    int rc = ws_event(wsi, (int)reason, user, len);
    if (outermost)
        watch_leave(s, since, (int)reason);
    return rc;
}

/* ---- what other threads ask for */

static void on_subscribe(struct peer *p, const struct frame *f)
{
    struct str name = {(const char *)f->bytes + LWS_PRE + f->n, f->topic_n};
    if (p->state != PEER_OPENING)
        return;
    struct topic *t = topic_get(p->server, name);
    char *copy = mem_alloc(name.n + 1);
    if (!t || !copy) {
        mem_free(copy);
        peer_close(p, 1013, "out of memory: try again soon");
        return;
    }
    memcpy(copy, name.p, name.n);
    mem_free((void *)(uintptr_t)p->topic_name.p);
    p->topic_name = (struct str){copy, name.n};
    ws_set_state(p, PEER_HELD, t);
}

static void on_publish(struct http_server *s, struct frame *f)
{
    struct topic *t =
        *topic_place(s, (struct str){(const char *)f->bytes + LWS_PRE + f->n, f->topic_n});
    for (struct peer *p = t ? t->peers : NULL, *next; p; p = next) {
        next = p->next; /* peer_push may close p, and free t with its last peer */
        peer_push(p, f);
    }
}

static void on_replay(struct peer *p, struct replay **place)
{
    if (p->state != PEER_HELD)
        return;
    ws_set_state(p, PEER_LIVE, NULL);
    peer_replay(p, TAKE(*place));
}

void ws_post(struct http_server *s, enum post kind, uint64_t id, void *what)
{
    struct slot *slot = kind == POST_PUBLISH ? NULL : slot_find(s, id);
    struct peer *p = slot ? slot->peer : NULL;
    if (kind == POST_PUBLISH)
        on_publish(s, what);
    else if (p && kind == POST_OPENED && p->state == PEER_OPENING)
        peer_close(p, 1011, "the server did not decide");
    else if (p && kind == POST_SUBSCRIBE)
        on_subscribe(p, what);
    else if (p && kind == POST_REPLAY)
        on_replay(p, (struct replay **)&what);
    else if (p && kind == POST_REFUSE)
        peer_close(p, (int)((struct frame *)what)->id,
                   (const char *)((struct frame *)what)->bytes + LWS_PRE);
    post_free(kind, what);
}

static void each_peer(struct http_server *s,
                      void (*fn)(struct peer *p, int64_t n, const char *text), int64_t n,
                      const char *text)
{
    for (uint32_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].peer)
            fn(s->slots[i].peer, n, text);
    }
}

static void close_one(struct peer *p, int64_t code, const char *reason)
{
    peer_close(p, (int)code, reason);
}

static void lose_one(struct peer *p, int64_t n, const char *unused)
{
    (void)unused;
    if (p->state != PEER_LIVE)
        return;
    p->lost += n;
    lws_callback_on_writable(p->wsi);
}

void ws_close_all(struct http_server *s, int code, const char *reason)
{
    each_peer(s, close_one, code, reason);
}

void ws_lost(struct http_server *s, int64_t n) { each_peer(s, lose_one, n, NULL); }

void ws_subscribe(struct http_server *s, uint64_t peer, struct str topic)
{
    struct frame *f = frame_new(STR(""), topic, 0, false);
    if (f && !server_post(s, POST_SUBSCRIBE, peer, f, PATIENCE_SECONDS * USEC_PER_SEC))
        frame_unref(f);
}

void ws_refuse(struct http_server *s, uint64_t peer, int code, const char *reason)
{
    /* the terminator goes along */
    struct frame *f = frame_new((struct str){reason, strlen(reason) + 1}, STR(""), code, false);
    if (f && !server_post(s, POST_REFUSE, peer, f, PATIENCE_SECONDS * USEC_PER_SEC))
        frame_unref(f);
}

void ws_replay(struct http_server *s, uint64_t peer, const struct ws_message *messages, int n,
               int64_t last_id)
{
    struct replay *r = mem_alloc(sizeof *r + (size_t)n * sizeof(struct frame *));
    bool ok = r != NULL;
    for (int i = 0; ok && i < n; i++) {
        r->frames[i] = frame_new(messages[i].bytes, STR(""), messages[i].id, false);
        ok = r->frames[i] != NULL;
        r->n += ok;
    }
    if (r)
        r->last_id = last_id;
    if (ok && server_post(s, POST_REPLAY, peer, r, PATIENCE_SECONDS * USEC_PER_SEC))
        return;
    replay_free(r);
    ws_refuse(s, peer, 1013, "out of memory: try again soon");
}

void ws_publish(struct http_server *s, struct str topic, int64_t id, bool droppable,
                struct str bytes)
{
    struct frame *f = frame_new(bytes, topic, id, droppable);
    usec_t patience = droppable ? 0 : PATIENCE_SECONDS * USEC_PER_SEC;
    if (f && server_post(s, POST_PUBLISH, 0, f, patience))
        return;
    frame_unref(f);
    if (droppable) {
        metric_add(METRIC_ws_dropped_total, 1);
        atomic_fetch_add(&s->lost, 1);
        return;
    }
    log_event(LOG_ERROR, "http", "loop_behind", "action=%s", "all peers closed to resynchronise");
    atomic_store(&s->resync, true);
}
