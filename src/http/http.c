/* HTTP on the loop: headers -> admit -> body -> handler thread -> answer.
 *
 * One struct exchange for each request, from LWS_CALLBACK_HTTP until libwebsockets drops the
 * transaction or the connection. libwebsockets' ways that shape this file (4.1.6):
 * - a body without Content-Length never ends, so such a request is refused and its connection
 * closed;
 * - while a handler runs, reading is off (else pipelined bytes make the loop spin), so a client
 * that hangs up meanwhile is found by the sweep, once a second;
 * - close() with unread bytes resets the connection, so after an early refusal the exchange lingers
 *   and reads on for two seconds;
 * - a request with a body that was pipelined behind another corrupts it, see intake_is_pipelined:
 * such a connection is closed after the answers before it;
 * - HTTP_BODY_COMPLETION can come twice, HTTP_DROP_PROTOCOL too.
 * All on the loop thread. Costs one slot, one allocation and the request's arena. */
#include "http/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <poll.h>
#include <sys/socket.h>

static void exchange_set_state(struct exchange *ex, enum exchange_state state)
{
    static const usec_t limits[EXCHANGE_STATE_N] = {
        [EX_BODY] = BODY_LIMIT,     [EX_HANDLING] = ANSWER_LIMIT, [EX_SENDING] = SEND_LIMIT,
        [EX_LINGER] = LINGER_LIMIT, [EX_DONE] = SEND_LIMIT,
    };
    ex->state = state;
    ex->deadline = time_mono() + limits[state];
    /* our sweep has the deadlines from here; libwebsockets' own would end a slow handler */
    lws_set_timeout(ex->wsi, NO_PENDING_TIMEOUT, 0);
}

static void exchange_free(struct exchange **slot)
{
    struct exchange *ex = *slot;
    if (!ex)
        return;
    *slot = NULL;
    slot_release(ex->server, ex->id);
    request_free(ex->request);
    reply_free(ex->reply);
    mem_free(ex);
}

static struct exchange *exchange_new(struct http_server *s, struct lws *wsi)
{
    struct exchange *ex = mem_alloc(sizeof *ex);
    struct slot *slot = ex ? slot_take(s) : NULL;
    if (!slot) {
        mem_free(ex);
        return NULL;
    }
    slot->exchange = ex;
    ex->id = slot->id;
    ex->server = s;
    ex->wsi = wsi;
    ex->received = time_mono();
    return ex;
}

/* Starts sending; takes r. */
static void exchange_send(struct exchange *ex, struct reply *r)
{
    ex->reply = r;
    if (r->rid_at) {
        memcpy(r->bytes + r->rid_at, ex->request_id, ID_TEXT - 1);
        ex->status = r->status;
    }
    ex->streams = ex->streams || r->next;
    exchange_set_state(ex, EX_SENDING);
    lws_callback_on_writable(ex->wsi);
}

/* 405 says what would do: the methods admit lets in (RFC 9110 section 15.5.6). */
static struct reply *reply_refusal(struct exchange *ex, const struct intake *in,
                                   const struct error *e, bool close)
{
    struct http_server *s = ex->server;
    if (e->code != ERR_METHOD || !in)
        return reply_problem(s, e, NULL, close);
    char allow[64] = "";
    size_t n = 0;
    for (int m = HTTP_GET; m < HTTP_OTHER; m++) {
        size_t max_body = 0;
        if (s->callbacks.admit(s->callbacks.ctx, (enum http_method)m,
                               (struct str){in->path, in->path_n}, &max_body, NULL))
            continue;
        n += (size_t)snprintf(allow + n, sizeof allow - n, "%s%s", n ? ", " : "",
                              http_method_name((enum http_method)m));
    }
    return reply_problem(s, e, allow, close);
}

/* Answers with an error; close when a body is on its way that nobody will read. */
static int exchange_refuse(struct exchange *ex, const struct intake *in, const struct error *e,
                           bool close)
{
    struct reply *r = reply_refusal(ex, in, e, close);
    if (!r)
        return -1;
    exchange_send(ex, r);
    return 0;
}

/* The whole request is here: to the handler threads. */
static int exchange_dispatch(struct exchange *ex)
{
    struct error e;
    struct request *r = ex->request;
    exchange_set_state(ex, EX_HANDLING);
    lws_rx_flow_control(ex->wsi, 0);
    ex->request = NULL;
    if (!mailbox_post(ex->server->work, 0, ex->id, (struct str){(char *)&r, sizeof r}, &e))
        return 0;
    ex->request = r;
    lws_rx_flow_control(ex->wsi, 1);
    error_set(&e, ERR_FULL, "too many requests are waiting: try again soon");
    return exchange_refuse(ex, NULL, &e, false);
}

static enum err exchange_admit(struct http_server *s, struct intake *in, struct error *e)
{
    if (atomic_load(&s->draining))
        return error_set(e, ERR_UNAVAILABLE, "the server is shutting down");
    size_t max_body = 0;
    enum err r = s->callbacks.admit(s->callbacks.ctx, in->method,
                                    (struct str){in->path, in->path_n}, &max_body, e);
    if (!r && in->no_length && max_body > 0)
        return error_set(e, ERR_LENGTH_REQUIRED, "this %s needs Content-Length",
                         http_method_name(in->method));
    if (!r && in->body_n > max_body && max_body == 0)
        return error_set(e, ERR_TOO_LARGE, "this request takes no body");
    if (!r && in->body_n > max_body)
        return error_set(e, ERR_TOO_LARGE, "the body has %zu bytes, at most %zu are taken here",
                         in->body_n, max_body);
    return r;
}

/* Reading of the body begins, or there is none. */
static int exchange_start(struct exchange *ex, struct lws *wsi)
{
    unsigned char go_on[LWS_PRE + 32];
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (ex->body_need == 0)
        return exchange_dispatch(ex);
    exchange_set_state(ex, EX_BODY);
    ex->deadline += (usec_t)(ex->body_need / BODY_BYTES_PER_SEC) * USEC_PER_SEC;
    if (!intake_expects_continue(wsi))
        return 0;
    memcpy(go_on + LWS_PRE, text, sizeof text - 1);
    return lws_write(wsi, go_on + LWS_PRE, sizeof text - 1, LWS_WRITE_HTTP_HEADERS) < 0 ? -1 : 0;
}

static int on_request(struct lws *wsi, struct exchange **ret_exchange, struct str uri)
{
    struct http_server *s = server_of(wsi);
    struct error e = {0};
    struct intake in;
    if (intake_has_body(wsi) && intake_is_pipelined(wsi))
        return -1;
    intake_mark(wsi);
    exchange_free(ret_exchange); /* a leftover would be a bug of the transaction before */
    struct exchange *ex = exchange_new(s, wsi);
    if (!ex)
        return -1;
    *ret_exchange = ex;
    enum err r = intake_read(wsi, uri, &in, &e);
    bool close = r != ERR_OK || in.body_n > 0 || in.no_length;
    ex->method = in.method;
    ex->head = in.head;
    size_t shown = in.path_n < sizeof ex->path - 1 ? in.path_n : sizeof ex->path - 1;
    memcpy(ex->path, in.path, shown);
    if (!r)
        r = exchange_admit(s, &in, &e);
    if (!r)
        r = intake_request(s, wsi, &in, &ex->request, &e);
    if (r) {
        id_new(ex->request_id);
        return exchange_refuse(ex, &in, &e, close);
    }
    ex->request->pub.conn = ex->id;
    ex->request->close = in.no_length; /* libwebsockets still waits for a body */
    ex->body_need = in.body_n;
    memcpy(ex->request_id, ex->request->pub.id, ID_TEXT);
    return exchange_start(ex, wsi);
}

static int on_body(struct exchange *ex, const char *bytes, size_t n)
{
    if (!ex || ex->state != EX_BODY || n == 0)
        return 0; /* lingering: read and forgotten */
    if (n > ex->body_need - ex->body_have)
        return -1;
    /* the request's body is ours to fill until it is handed over */
    memcpy((char *)(uintptr_t)ex->request->pub.body.p + ex->body_have, bytes, n);
    ex->body_have += n;
    return 0;
}

static void access_line(const struct exchange *ex)
{
    metric_add(METRIC_http_requests_total, 1);
    if (ex->status >= 400)
        metric_add(METRIC_http_errors_total, 1);
    if (log_level_of() >= LOG_DEBUG)
        log_event(LOG_DEBUG, "http", "request",
                  "method=%s path=%s status=%d bytes=%zu usec=%" PRId64 " request=%s",
                  ex->head ? "HEAD" : http_method_name(ex->method), ex->path, ex->status,
                  ex->sent_before + ex->sent, time_mono() - ex->received, ex->request_id);
}

/* The last byte was written; may free the exchange. */
static int exchange_finish(struct exchange *ex)
{
    struct lws *wsi = ex->wsi;
    access_line(ex);
    if (ex->reply->close) {
        exchange_set_state(ex, EX_LINGER);
        if (!lws_partial_buffered(wsi))
            shutdown(lws_get_socket_fd(wsi), SHUT_WR);
        return 0;
    }
    exchange_set_state(ex, EX_DONE);
    if (atomic_load(&ex->server->draining))
        return -1;
    return lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* Gives up an answer that has begun. A reset, so that it cannot be mistaken for a whole one. */
static void exchange_abort(struct exchange *ex)
{
    struct linger at_once = {.l_onoff = 1};
    if (ex->streams) {
        metric_add(METRIC_http_streams_aborted_total, 1);
        setsockopt(lws_get_socket_fd(ex->wsi), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    lws_set_timeout(ex->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* A piece of a stream is with the client: to the handler threads for the next one. */
static void exchange_continue(struct exchange *ex)
{
    struct request *r = TAKE(ex->reply->next);
    reply_free(TAKE(ex->reply));
    ex->sent_before += ex->sent;
    ex->sent = 0;
    exchange_set_state(ex, EX_HANDLING);
    lws_rx_flow_control(ex->wsi, 0);
    if (mailbox_post(ex->server->work, 0, ex->id, (struct str){(char *)&r, sizeof r}, NULL)) {
        request_free(r);
        exchange_abort(ex);
    }
}

static int on_writable(struct exchange *ex)
{
    if (!ex || ex->state != EX_SENDING)
        return 0;
    size_t total = ex->head ? ex->reply->head_n : ex->reply->n;
    size_t piece = total - ex->sent < WRITE_PIECE ? total - ex->sent : WRITE_PIECE;
    unsigned char *at = (unsigned char *)ex->reply->bytes + ex->sent;
    if (lws_write(ex->wsi, at, piece, LWS_WRITE_HTTP) < 0)
        return -1;
    ex->sent += piece;
    ex->deadline = time_mono() + SEND_LIMIT;
    if (ex->sent == total && ex->reply->next && !ex->head)
        exchange_continue(ex);
    else if (ex->sent == total)
        return exchange_finish(ex);
    else
        lws_callback_on_writable(ex->wsi);
    return 0;
}

/* The body is whole; comes again whenever more bytes arrive before the answer is out. */
static int on_body_end(struct lws *wsi, struct exchange *ex)
{
    if (!ex)
        return -1;
    intake_mark(wsi);
    switch (ex->state) {
    case EX_BODY:
        return ex->body_have == ex->body_need ? exchange_dispatch(ex) : -1;
    case EX_HANDLING: /* Content-Length: 0 */
    case EX_DONE:
        return 0;
    case EX_SENDING:
        /* a pipelined request waits in libwebsockets' buffer and keeps the loop awake: no patience
         */
        return lws_send_pipe_choked(wsi) ? -1 : on_writable(ex);
    case EX_LINGER:
        return -1;
    }
    return -1;
}

void exchange_answer(struct http_server *s, uint64_t id, struct reply *r)
{
    struct slot *slot = slot_find(s, id);
    struct exchange *ex = slot ? slot->exchange : NULL;
    if (!ex || ex->state != EX_HANDLING) {
        reply_free(r);
        return;
    }
    request_free(ex->request);
    ex->request = NULL;
    lws_rx_flow_control(ex->wsi, 1);
    if (r)
        exchange_send(ex, r);
    else
        exchange_abort(ex);
}

void exchange_pending(struct http_server *s, struct request *r)
{
    struct slot *slot = slot_find(s, r->pub.conn);
    struct exchange *ex = slot ? slot->exchange : NULL;
    if (ex && ex->state == EX_HANDLING && !ex->request)
        ex->request = r;
    else
        request_free(r);
}

/* True when the client has ended its side, or (with POLLIN) sent something more. */
static bool client_shows(const struct exchange *ex, short events)
{
    struct pollfd p = {.fd = lws_get_socket_fd(ex->wsi), .events = events};
    return poll(&p, 1, 0) == 1;
}

void exchange_sweep(struct http_server *s, struct exchange *ex, usec_t now)
{
    bool gone = ex->state == EX_HANDLING && now - ex->received > USEC_PER_SEC &&
                client_shows(ex, POLLRDHUP);
    /* does not read its answer but sends: would make the loop spin */
    bool spins = ex->state == EX_SENDING && ex->deadline - now < SEND_LIMIT - 5 * USEC_PER_SEC &&
                 client_shows(ex, POLLIN | POLLRDHUP);
    bool late = now > ex->deadline;
    if (gone || spins || (late && (ex->state != EX_HANDLING || ex->streams))) {
        exchange_abort(ex);
    } else if (late) {
        struct error e;
        error_set(&e, ERR_TIMEOUT, "no answer within %d s", (int)(ANSWER_LIMIT / USEC_PER_SEC));
        exchange_answer(s, ex->id, reply_problem(s, &e, NULL, false));
    }
}

/* What is no HTTP that libwebsockets parses: an unknown method, or noise. */
static int on_raw(struct lws *wsi, const char *bytes, size_t n)
{
    struct http_server *s = server_of(wsi);
    struct error e;
    size_t letters = 0;
    while (letters < n && bytes[letters] >= 'A' && bytes[letters] <= 'Z')
        letters++;
    if (letters > 0 && letters < n && bytes[letters] == ' ')
        error_set(&e, ERR_METHOD, "this method is not known here");
    else
        error_set(&e, ERR_INVALID, "this is not an HTTP request");
    struct reply *r = reply_problem(s, &e, "GET, HEAD, POST, PUT, PATCH, DELETE", true);
    if (!r)
        return -1;
    char request_id[ID_TEXT];
    id_new(request_id);
    memcpy(r->bytes + r->rid_at, request_id, ID_TEXT - 1);
    lws_write(wsi, (unsigned char *)r->bytes, r->n, LWS_WRITE_RAW);
    metric_add(METRIC_http_requests_total, 1);
    metric_add(METRIC_http_errors_total, 1);
    mem_free(r);
    return -1;
}

static int http_event(struct lws *wsi, int reason, struct exchange **exchange, void *in, size_t len)
{
    switch (reason) {
    case LWS_CALLBACK_WSI_CREATE:
        server_of(wsi)->n_connections++;
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        server_of(wsi)->n_connections--;
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        server_drain(server_of(wsi));
        return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return ws_confirm(wsi, in);
    case LWS_CALLBACK_RAW_RX:
        return on_raw(wsi, in, len);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; /* a WebSocket that asked for this protocol by name */
    case LWS_CALLBACK_HTTP:
        return exchange ? on_request(wsi, exchange, (struct str){in, len}) : -1;
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(exchange ? *exchange : NULL, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(wsi, exchange ? *exchange : NULL);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return on_writable(exchange ? *exchange : NULL);
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED_HTTP:
        if (exchange)
            exchange_free(exchange);
        return 0;
    default:
        return 0;
    }
}

int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    usec_t since;
    struct http_server *s = server_of(wsi);
    bool outermost = watch_enter(s, &since);
    int rc = http_event(wsi, (int)reason, user, in, len);
    if (outermost)
        watch_leave(s, since, (int)reason);
    return rc;
}
