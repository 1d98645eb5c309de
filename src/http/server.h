/* The HTTP server: one event-loop thread that owns connections and WebSocket peers, and a pool of
 * handler threads where requests are answered. It knows nothing of attendance.
 *
 * A request is read whole (its body bounded by what `admit` allows for that route, before a byte of
 * it is read), becomes a struct http_request that owns its memory, and runs `handle` on a handler
 * thread, which may block on SQL. The answer goes back to the loop by message with the connection's
 * id: if the client has gone meanwhile, it is dropped. A handler may also answer later
 * (`res->pending = true`, then http_respond from any thread).
 *
 * WebSockets: the upgrade (subprotocol "rollcall.v1" required) becomes a peer in state OPENING and
 * runs `ws_open` on a handler thread, which authorises it and calls ws_subscribe, ws_replay or
 * ws_refuse. Events of a topic go to all its peers; a slow peer loses droppable messages (and is
 * told how many by the `lag` message made by `ws_lag`), never the others: it is closed (1013) when
 * even those do not fit. Limits: connections, header bytes, body bytes, pipelined requests, idle
 * and header timeouts. Thread: open/close one (main); respond and ws_* any. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/time.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_OTHER };
enum { HTTP_METHOD_N = HTTP_OTHER + 1, HTTP_HEADER_MAX = 16 };

const char *http_method_name(enum http_method m);

struct http_header {
    struct str name, value; /* name in lower case */
};

/* One request, owning its bytes through its arena; lives until its answer is sent or dropped. */
struct http_request {
    uint64_t conn; /* names the connection to http_respond */
    enum http_method method;
    struct str path;  /* percent-decoded is up to the router; no query; `//`, `/./` and `/../` are
                         already folded, an escaped slash is a slash */
    struct str query; /* without '?'; escaped so that http_query_get tells '&' from its escape */
    struct str body;
    struct http_header headers[HTTP_HEADER_MAX]; /* authorization, content-type, idempotency-key,
                                                    if-match, if-none-match, accept, origin, host,
                                                    accept-encoding, cookie, user-agent,
                                                    x-forwarded-for; others are not kept */
    int n_headers;
    char id[ID_TEXT]; /* request id, for logs and the X-Request-Id header */
    char peer_ip[48];
    usec_t received_mono;
    struct arena *arena; /* the handler's working memory too; capped */
};

/* Makes the next piece of a body that streams: appends to `out`, at most HTTP_PIECE_MAX bytes;
 * ret_more false: it was the last one. Runs on a handler thread when the client has taken the piece
 * before, so it holds neither a thread nor a database while a client is slow, and is not called
 * again for one that is gone. What it needs lives in req->arena. An error resets the connection, so
 * that nobody takes what was sent for the whole. */
typedef enum err (*http_stream_fn)(void *ctx, struct http_request *req, struct buf *out,
                                   bool *ret_more, struct error *e);
#define HTTP_PIECE_MAX (2 * MIB)

struct http_response {
    int status;
    struct str content_type;
    struct str body;       /* copied when the handler returns; of a stream, the first piece */
    http_stream_fn stream; /* makes what follows the body; NULL: nothing does */
    void *stream_ctx;
    struct http_header headers[HTTP_HEADER_MAX]; /* extra: etag, location, retry-after ... */
    int n_headers;
    bool pending; /* the answer comes later by http_respond */
};

/* The value of a header (lower-case name), or an empty str with p NULL. */
struct str http_header_get(const struct http_request *req, const char *name);
/* The percent-decoded value of a query parameter, in req->arena; p NULL when absent.
 * Malformed escapes or NUL give ERR_INVALID. */
NODISCARD enum err http_query_get(struct http_request *req, const char *name, struct str *ret_value,
                                  struct error *e);
/* Percent-decodes s into `a` ('+' stays). Errors INVALID. */
NODISCARD enum err http_percent_decode(struct arena *a, struct str s, struct str *ret_text,
                                       struct error *e);
/* Adds a response header; both strings must live until the handler returns. */
void http_header_add(struct http_response *res, const char *name, struct str value);

struct http_server;

struct http_callbacks {
    void *ctx;
    /* Loop thread, must not block: the most bytes a body of this request may have (0: none
     * allowed). An error answers at once, before the body: NOT_FOUND, METHOD ... with problem+json.
     */
    enum err (*admit)(void *ctx, enum http_method method, struct str path, size_t *ret_max_body,
                      struct error *e);
    /* Handler thread; may block. */
    void (*handle)(void *ctx, struct http_request *req, struct http_response *res);
    /* Handler thread: a WebSocket wants in; req->conn is the peer's id; must end in ws_subscribe
     * (then ws_replay) or ws_refuse. */
    void (*ws_open)(void *ctx, struct http_request *req);
    /* Loop thread: the peer is gone; topic is what it was subscribed to (empty when never). */
    void (*ws_closed)(void *ctx, uint64_t peer, struct str topic);
    /* Loop thread: makes the message that tells a peer of n lost messages, into buf. */
    void (*ws_lag)(void *ctx, struct str topic, int64_t lost, struct buf *out);
    /* Loop thread: makes the problem+json for an error found by the server itself (413, 411,
     * 404...) */
    void (*problem)(void *ctx, const struct error *e, struct buf *out);
};

struct http_options {
    const char *bind;
    int port; /* 0: any free one, see http_port */
    int handler_threads;
    int max_connections, ws_max_peers;
    int ws_queue_messages;               /* waiting per peer before droppable ones are lost */
    size_t request_arena_bytes;          /* cap of a request's arena beyond its body */
    usec_t idle_timeout, header_timeout; /* whole seconds; at least 1 s each */
    usec_t ws_ping;  /* silence after which a peer is pinged (and dropped 10 s later); 0: 30 s */
    bool share_port; /* other processes may listen there too (serve --processes), else CONFLICT */
};

/* Binds, starts the threads. *ret_server is set before the first callback runs, which may be before
 * this returns. Errors INVALID (address), CONFLICT (port in use), NOMEM. */
NODISCARD enum err http_open(const struct http_options *o, const struct http_callbacks *cb,
                             struct http_server **ret_server, struct error *e);
/* Stops accepting, answers what is in hand for at most `drain`, closes peers (1001), joins. A
 * handler that still runs is waited for. From here on http_respond and ws_* do nothing. */
void http_stop(struct http_server *s, usec_t drain);
/* After http_stop, when nobody will call http_respond or ws_* of this server any more. The last
 * callbacks (ws_closed) run in here. NULL is fine. */
void http_free(struct http_server *s);
int http_port(const struct http_server *s);
/* Of libwebsockets; static. Thread: any. */
const char *http_library_version(void);

/* Answers a pending request; bytes are copied. A gone connection is no error. Thread: any. */
void http_respond(struct http_server *s, uint64_t conn, const struct http_response *res);

/* The peer now belongs to topic; live events are held back until ws_replay. Thread: any. */
void ws_subscribe(struct http_server *s, uint64_t peer, struct str topic);
struct ws_message {
    int64_t id; /* per-topic event id; 0: none (lag, snapshot) */
    struct str bytes;
};
/* Sends what the peer missed, oldest first, then lets live events through that have a greater id.
 */
void ws_replay(struct http_server *s, uint64_t peer, const struct ws_message *messages, int n,
               int64_t last_id);
/* Closes an OPENING (or any) peer with a WebSocket close code and a reason for people. */
void ws_refuse(struct http_server *s, uint64_t peer, int code, const char *reason);
/* Fans one event out to every peer of the topic. A droppable event may be lost when the loop is
 * behind (peers are told by `lag`); for the others the caller waits, and if the loop stays behind
 * for seconds all peers are closed (1013), to come back with their last id. */
void ws_publish(struct http_server *s, struct str topic, int64_t id, bool droppable,
                struct str bytes);
/* How many peers belong to the topic right now is known on the loop only; see ws_closed. */
