/* A small server that shows every behaviour of http/ to tests/http/test_http.py.
 *
 *     http-test-server [key=value ...]      prints "port N" and serves until SIGTERM or end of
 * input
 *
 * Keys: connections, peers, queue, threads, header_ms, idle_ms, ping_ms, arena, share, port.
 * Routes: GET /hello, POST /echo, GET /echo/x (path and query), POST /slow (sleeps the milliseconds
 * in the body), GET /big?n=bytes, GET /stream?n=pieces&size=bytes&fail=piece&wait=ms, GET /made
 * (pieces of streams made so far), GET /pending (never answered), GET /later (answered by another
 * thread), GET /headers, GET /stall (blocks the loop in admit), GET /metrics, GET /empty (204),
 * POST /publish?topic=&id=&drop=&n= (n events), GET /ws/NAME (WebSocket on topic NAME). */
#include "base/log.h"
#include "base/metrics.h"
#include "http/server.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct http_server *server;
static int signals[2];

static bool path_is(struct str path, const char *text) { return str_is(path, text); }

static enum err admit(void *ctx, enum http_method method, struct str path, size_t *ret_max_body,
                      struct error *e)
{
    (void)ctx;
    static const struct {
        const char *path;
        enum http_method method;
        size_t max_body;
    } routes[] = {
        {"/hello", HTTP_GET, 0},      {"/echo", HTTP_POST, 4 * MIB},
        {"/echo", HTTP_PUT, 4 * MIB}, {"/slow", HTTP_POST, 16},
        {"/big", HTTP_GET, 0},        {"/pending", HTTP_GET, 0},
        {"/later", HTTP_GET, 0},      {"/headers", HTTP_GET, 0},
        {"/stall", HTTP_GET, 0},      {"/stream", HTTP_GET, 0},
        {"/made", HTTP_GET, 0},       {"/metrics", HTTP_GET, 0},
        {"/empty", HTTP_GET, 0},      {"/publish", HTTP_POST, 1 * MIB},
        {"/small", HTTP_POST, 10},
    };
    *ret_max_body = 0;
    if (str_starts(path, STR("/ws/")) || str_starts(path, STR("/echo/")))
        return ERR_OK;
    if (path_is(path, "/stall"))
        usleep(80 * 1000);
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!str_is(path, routes[i].path))
            continue;
        known = true;
        *ret_max_body = routes[i].max_body;
        if (routes[i].method == method)
            return ERR_OK;
    }
    if (known)
        return error_set(e, ERR_METHOD, "%s is not allowed here", http_method_name(method));
    return error_set(e, ERR_NOT_FOUND, "there is nothing here");
}

static int64_t query_number(struct http_request *req, const char *name, int64_t otherwise)
{
    struct str text;
    int64_t value = otherwise;
    if (http_query_get(req, name, &text, NULL) || !text.p || str_to_i64(text, &value, NULL))
        return otherwise;
    return value;
}

static void respond_text(struct http_request *req, struct http_response *res, struct str text)
{
    (void)req;
    res->content_type = STR("text/plain");
    res->body = text;
}

static void *answer_later(void *ctx)
{
    uint64_t conn = (uint64_t)(uintptr_t)ctx;
    usleep(50 * 1000);
    struct http_response res = {
        .status = 200, .content_type = STR("text/plain"), .body = STR("later")};
    http_respond(server, conn, &res);
    return NULL;
}

static void handle_later(struct http_request *req, struct http_response *res)
{
    pthread_t t;
    pthread_create(&t, NULL, answer_later, (void *)(uintptr_t)req->conn);
    pthread_detach(t);
    res->pending = true;
}

static void handle_headers(struct http_request *req, struct http_response *res)
{
    struct buf out;
    buf_init(&out, 64 * KIB);
    for (int i = 0; i < req->n_headers; i++)
        buf_printf(&out, "%.*s=%.*s\n", STR_ARGS(req->headers[i].name),
                   STR_ARGS(req->headers[i].value));
    buf_printf(&out, "peer=%s\n", req->peer_ip);
    respond_text(req, res, arena_copy(req->arena, buf_str(&out)));
    http_header_add(res, "etag", STR("\"1\""));
    http_header_add(res, "cache-control", STR("max-age=5"));
    http_header_add(res, "x-evil", STR("a\r\nset-cookie: b"));
    buf_done(&out);
}

static void handle_big(struct http_request *req, struct http_response *res)
{
    size_t n = (size_t)query_number(req, "n", 1000);
    char *p = arena_alloc(req->arena, n);
    if (!p) {
        res->status = 503;
        return;
    }
    memset(p, 'x', n);
    respond_text(req, res, (struct str){p, n});
}

struct stream {
    int64_t n, size, fail, wait_ms, made;
};

static atomic_int pieces_made;

/* Piece i is `size` times the letter i, counted from a. */
static enum err stream_next(void *ctx, struct http_request *req, struct buf *out, bool *ret_more,
                            struct error *e)
{
    struct stream *t = ctx;
    (void)req;
    usleep((useconds_t)(t->wait_ms * 1000));
    if (++t->made == t->fail)
        return error_set(e, ERR_INTERNAL, "piece %d fails", (int)t->made);
    atomic_fetch_add(&pieces_made, 1);
    for (int64_t i = 0; i < t->size; i++)
        buf_putc(out, (char)('a' + (t->made - 1) % 26));
    *ret_more = t->made < t->n;
    return ERR_OK;
}

static void handle_stream(struct http_request *req, struct http_response *res)
{
    struct stream *t = arena_alloc(req->arena, sizeof *t);
    *t = (struct stream){.n = query_number(req, "n", 3),
                         .size = query_number(req, "size", 1000),
                         .fail = query_number(req, "fail", 0),
                         .wait_ms = query_number(req, "wait", 0)};
    respond_text(req, res, STR("head\n"));
    res->stream = stream_next;
    res->stream_ctx = t;
}

static void handle_publish(struct http_request *req, struct http_response *res)
{
    struct str topic = STR("");
    if (http_query_get(req, "topic", &topic, NULL) || !topic.p)
        res->status = 400;
    int64_t id = query_number(req, "id", 0), n = query_number(req, "n", 1);
    bool drop = query_number(req, "drop", 0) != 0;
    for (int64_t i = 0; i < n && res->status == 200; i++)
        ws_publish(server, topic, id ? id + i : 0, drop, req->body);
    respond_text(req, res, STR("published"));
}

static void handle_metrics(struct http_request *req, struct http_response *res)
{
    struct buf out;
    buf_init(&out, 64 * KIB);
    metrics_print(&out);
    respond_text(req, res, arena_copy(req->arena, buf_str(&out)));
    buf_done(&out);
}

static void handle_slow(struct http_request *req)
{
    int64_t ms = 0;
    if (!str_to_i64(req->body, &ms, NULL))
        usleep((useconds_t)(ms * 1000));
}

static void handle_echo(struct http_request *req, struct http_response *res)
{
    if (path_is(req->path, "/echo")) {
        respond_text(req, res, req->body);
        return;
    }
    struct str q, decoded;
    if (http_query_get(req, "q", &q, NULL) ||
        http_percent_decode(req->arena, req->path, &decoded, NULL)) {
        res->status = 400;
        return;
    }
    char *text = arena_printf(req->arena, "path=%.*s decoded=%.*s q=%.*s", STR_ARGS(req->path),
                              STR_ARGS(decoded), STR_ARGS(q));
    respond_text(req, res, str_from(text));
}

static void handle(void *ctx, struct http_request *req, struct http_response *res)
{
    (void)ctx;
    if (str_starts(req->path, STR("/echo")))
        handle_echo(req, res);
    else if (path_is(req->path, "/slow"))
        handle_slow(req);
    else if (path_is(req->path, "/stream"))
        handle_stream(req, res);
    else if (path_is(req->path, "/made"))
        respond_text(req, res, str_from(arena_printf(req->arena, "%d", atomic_load(&pieces_made))));
    else if (path_is(req->path, "/big"))
        handle_big(req, res);
    else if (path_is(req->path, "/pending"))
        res->pending = true;
    else if (path_is(req->path, "/later"))
        handle_later(req, res);
    else if (path_is(req->path, "/headers"))
        handle_headers(req, res);
    else if (path_is(req->path, "/metrics"))
        handle_metrics(req, res);
    else if (path_is(req->path, "/publish"))
        handle_publish(req, res);
    else if (path_is(req->path, "/empty"))
        res->status = 204;
    else {
        res->content_type = STR("application/json");
        res->body = STR("{\"hello\": true}");
    }
}

/* Topic "refuse" is refused, "undecided" left alone; "replay" gets messages 1..3 first, after a
 * wait. */
static void ws_open(void *ctx, struct http_request *req)
{
    (void)ctx;
    struct str topic = {req->path.p + 4, req->path.n - 4};
    struct str auth = http_header_get(req, "authorization");
    struct ws_message replay[3] = {{1, STR("one")}, {2, STR("two")}, {3, STR("three")}};
    if (str_is(topic, "undecided"))
        return;
    if (str_is(topic, "refuse") || (str_is(topic, "secret") && !str_is(auth, "Bearer sesame"))) {
        ws_refuse(server, req->conn, 4401, "sign in first");
        return;
    }
    ws_subscribe(server, req->conn, topic);
    bool old = str_is(topic, "replay");
    if (old)
        usleep(400 * 1000);
    ws_replay(server, req->conn, replay, old ? 3 : 0, old ? 3 : 0);
}

static void ws_closed(void *ctx, uint64_t peer, struct str topic)
{
    (void)ctx;
    (void)peer;
    log_event(LOG_INFO, "test", "ws_closed", "topic=%.*s", STR_ARGS(topic));
}

static void ws_lag(void *ctx, struct str topic, int64_t lost, struct buf *out)
{
    (void)ctx;
    (void)topic;
    buf_printf(out, "{\"type\": \"lag\", \"lost\": %" PRId64 "}", lost);
}

static void problem(void *ctx, const struct error *e, struct buf *out)
{
    (void)ctx;
    buf_printf(out, "{\"code\": \"%s\", \"detail\": \"%s\"}", err_name(e->code), e->msg);
}

static void on_signal(int number)
{
    char c = (char)number;
    if (write(signals[1], &c, 1) < 0)
        _exit(1);
}

static int64_t setting(int argc, char **argv, const char *key, int64_t otherwise)
{
    for (int i = 1; i < argc; i++) {
        struct str rest = str_from(argv[i]), name;
        int64_t value = 0;
        if (str_split(&rest, '=', &name) && str_is(name, key) && !str_to_i64(rest, &value, NULL))
            return value;
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    struct http_options o = {
        .bind = "127.0.0.1",
        .port = (int)setting(argc, argv, "port", 0),
        .handler_threads = (int)setting(argc, argv, "threads", 4),
        .max_connections = (int)setting(argc, argv, "connections", 2000),
        .ws_max_peers = (int)setting(argc, argv, "peers", 600),
        .ws_queue_messages = (int)setting(argc, argv, "queue", 64),
        .request_arena_bytes = (size_t)setting(argc, argv, "arena", 64 * MIB),
        .idle_timeout = setting(argc, argv, "idle_ms", 30000) * USEC_PER_MSEC,
        .header_timeout = setting(argc, argv, "header_ms", 10000) * USEC_PER_MSEC,
        .ws_ping = setting(argc, argv, "ping_ms", 30000) * USEC_PER_MSEC,
        .share_port = setting(argc, argv, "share", 0) != 0,
    };
    struct http_callbacks cb = {.admit = admit,
                                .handle = handle,
                                .ws_open = ws_open,
                                .ws_closed = ws_closed,
                                .ws_lag = ws_lag,
                                .problem = problem};
    struct error e;
    log_set_level(setting(argc, argv, "debug", 0) ? LOG_DEBUG : LOG_INFO);
    if (pipe(signals))
        return 1;
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (http_open(&o, &cb, &server, &e)) {
        fprintf(stderr, "%s: %s\n", err_name(e.code), e.msg);
        return 1;
    }
    printf("port %d\n", http_port(server));
    fflush(stdout);
    struct pollfd p = {.fd = signals[0], .events = POLLIN};
    while (poll(&p, 1, -1) < 0)
        continue;
    http_stop(server, setting(argc, argv, "drain_ms", 2000) * USEC_PER_MSEC);
    http_free(server);
    return 0;
}
