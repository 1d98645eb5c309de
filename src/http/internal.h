/* What the files of http/ share and nobody else sees.
 *
 * Model: a table of slots, one for each request in hand and each WebSocket peer. A slot's id is
 * what other threads know (`conn`); it is never used again, so an answer that comes late finds
 * nothing and is dropped. Everything here belongs to the loop thread, except where said.
 *
 * Who owns a request: the exchange while its body is read, then the handler thread (by message),
 * then the exchange again while the answer is pending. */
#pragma once

#include "base/mailbox.h"
#include "http/server.h"

#include <pthread.h>
#include <stdatomic.h>

#include <libwebsockets.h>

enum {
    WRITE_PIECE = 16 * 1024, /* bytes a write at most */
    HEADER_BYTES = 16 * 1024,
    WS_MESSAGE_MAX = 4 * 1024, /* bytes a client's message may have; they are ignored */
    WS_MESSAGES_PER_MIN = 600, /* more from one client close it */
};
#define BODIES_MAX ((size_t)512 * MIB)   /* requests in memory, all together */
#define STALL_LIMIT (50 * USEC_PER_MSEC) /* a callback that takes longer is counted */
#define ANSWER_LIMIT (2 * USEC_PER_MIN)  /* from the whole request to the answer */
#define SEND_LIMIT (60 * USEC_PER_SEC)   /* without progress of a client that reads an answer */
#define LINGER_LIMIT (2 * USEC_PER_SEC)  /* reading on after an early refusal */
#define BODY_LIMIT (30 * USEC_PER_SEC)   /* for a body, and a second more for each ... */
#define BODY_BYTES_PER_SEC ((size_t)16 * 1024) /* ... of these */

/* A request and what is not shown to handlers; lies in its own arena. Owner: see above. */
struct request {
    struct http_request pub;
    struct http_server *server;
    bool close;            /* the connection ends with the answer */
    size_t charged;        /* bytes counted in server->bodies */
    bool ws;               /* for ws_open, not handle */
    bool http_1_0;         /* knows no chunks */
    http_stream_fn stream; /* makes the next piece of the answer; NULL: the handler makes it */
    void *stream_ctx;
};

/* An answer ready to send; made on any thread. */
struct reply {
    int status;
    bool close;           /* says `connection: close` */
    size_t n;             /* all bytes */
    size_t head_n;        /* of which head; a HEAD request gets no more */
    size_t rid_at;        /* where the loop writes the request id; 0: a piece, without a head */
    struct request *next; /* owned; makes the piece after this one, or NULL */
    char bytes[];
};

enum exchange_state {
    EX_BODY,     /* reading the body */
    EX_HANDLING, /* with a handler thread, or pending */
    EX_SENDING,  /* has a reply, written piece by piece */
    EX_LINGER,   /* refused early: reads on for a moment so that the client sees the answer */
    EX_DONE,     /* all written; libwebsockets closes the transaction */
};
enum { EXCHANGE_STATE_N = EX_DONE + 1 };

struct exchange {
    uint64_t id;
    struct http_server *server;
    struct lws *wsi;
    enum exchange_state state;
    struct request *request; /* owned in EX_BODY and while pending, else NULL */
    struct reply *reply;     /* owned */
    size_t body_have, body_need, sent;
    size_t sent_before; /* bytes of the pieces before this one */
    int status;         /* of the answer that is being sent */
    enum http_method method;
    bool head;
    bool streams; /* the head of a stream is on its way: no other answer can follow */
    usec_t received, deadline;
    char request_id[ID_TEXT];
    char path[128]; /* for the access line, cut */
};

/* One message to peers, shared by their queues. */
struct frame {
    int refs; /* loop thread only, after publish */
    bool droppable;
    int64_t id;
    size_t n, topic_n;
    unsigned char bytes[]; /* LWS_PRE, n of message, topic_n of topic */
};

enum peer_state {
    PEER_OPENING, /* ws_open runs */
    PEER_HELD,    /* has a topic; events wait for ws_replay */
    PEER_LIVE,
    PEER_CLOSING, /* the close frame is on its way; off its topic */
};
enum { PEER_STATE_N = PEER_CLOSING + 1 };

struct topic {
    struct topic *next; /* same bucket */
    struct peer *peers;
    size_t n;
    char name[];
};

struct peer {
    uint64_t id;
    struct http_server *server;
    struct lws *wsi;
    enum peer_state state;
    struct request *request; /* owned until ESTABLISHED hands it over */
    struct topic *topic;     /* in HELD and LIVE */
    struct str topic_name;   /* owned copy, for ws_closed */
    struct peer *next, *prev;
    struct frame **queue; /* owned ring of server->options.ws_queue_messages */
    int head, count;
    struct replay *replay; /* owned; sent before the queue */
    int replay_at;
    bool established;
    int64_t last_id, lost;
    int close_code;
    char close_reason[124];
    size_t rx_bytes;
    int rx_messages;
    usec_t rx_since;
};

struct slot {
    uint64_t id; /* 0: free */
    struct exchange *exchange;
    struct peer *peer;
    uint32_t next_free;
};

enum { TOPIC_BUCKETS = 256 };

struct http_server {
    struct http_options options;
    struct http_callbacks callbacks;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws *listener; /* NULL once closed */
    int listen_fd, spare_fd, port;
    lws_retry_bo_t retry;
    lws_sorted_usec_list_t sweep_timer;
    struct mailbox *work;  /* to handler threads: struct request * */
    struct mailbox *inbox; /* to the loop: enum post */
    pthread_t loop_thread;
    pthread_t *handlers;
    int n_handlers;
    bool loop_started;
    atomic_bool woken, draining, stopping, handlers_running, resync;
    atomic_int in_hand; /* exchanges and peers; read by http_stop */
    atomic_llong lost;  /* droppable events that never reached the loop */
    atomic_size_t bodies;
    /* loop thread */
    struct slot *slots;
    uint32_t n_slots, free_slot;
    uint64_t generation;
    int n_connections, n_peers, callback_depth;
    struct topic *topics[TOPIC_BUCKETS];
    usec_t stall_logged;
};

/* What other threads tell the loop; the message's bytes are one pointer, owned by the message. */
enum post {
    POST_REPLY,     /* struct reply *, NULL when memory was out */
    POST_PENDING,   /* struct request *: the handler returned without an answer */
    POST_OPENED,    /* ws_open has returned */
    POST_SUBSCRIBE, /* struct frame * with the topic */
    POST_REPLAY,    /* struct replay * */
    POST_REFUSE,    /* struct frame * with the reason; id is the code */
    POST_PUBLISH,   /* struct frame * */
};
enum { POST_N = POST_PUBLISH + 1 };

struct replay {
    int64_t last_id;
    int n;
    struct frame *frames[];
};

/* ---- server.c */
/* Sends `what` to the loop. Waits up to `patience` for room (never on the loop thread itself);
 * false: not sent, still the caller's. Thread: any. */
bool server_post(struct http_server *s, enum post kind, uint64_t id, void *what, usec_t patience);
/* Frees what a post carries. */
void post_free(enum post kind, void *what);
/* A slot with a fresh id, or NULL when all are taken. */
struct slot *slot_take(struct http_server *s);
void slot_release(struct http_server *s, uint64_t id);
/* The slot of a live id, or NULL. */
struct slot *slot_find(struct http_server *s, uint64_t id);
/* Takes what other threads have posted. Thread: loop. */
void server_drain(struct http_server *s);
/* Counts and logs callbacks that hold the loop too long; true: this is the outermost callback and
 * must watch_leave. */
bool watch_enter(struct http_server *s, usec_t *ret_since);
void watch_leave(struct http_server *s, usec_t since, int reason);
static inline struct http_server *server_of(struct lws *wsi)
{
    return lws_context_user(lws_get_context(wsi));
}

/* ---- listen.c */
/* Binds and listens; ret_port is the real one. */
NODISCARD enum err listen_open(const struct http_options *o, int *ret_fd, int *ret_port,
                               struct error *e);
int listen_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len);

/* ---- http.c */
int http_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len);
/* A reply arrived from a handler; takes it. */
void exchange_answer(struct http_server *s, uint64_t id, struct reply *r);
/* The handler gave the request back unanswered; takes it. */
void exchange_pending(struct http_server *s, struct request *r);
/* Once a second: deadlines, clients that hung up while they waited. */
void exchange_sweep(struct http_server *s, struct exchange *ex, usec_t now);

/* ---- intake.c */
/* What decides whether a request is read at all. */
struct intake {
    enum http_method method;
    bool head;      /* HEAD: method is GET */
    bool no_length; /* POST, PUT or PATCH without Content-Length: fine where no body is taken */
    size_t body_n;  /* announced by Content-Length */
    size_t path_n;
    char path[2048]; /* escaped again, see http_request.path */
};
/* Reads method, path and framing of the request that libwebsockets has parsed.
 * Errors INVALID (path, Content-Length), LENGTH_REQUIRED (chunked body). */
NODISCARD enum err intake_read(struct lws *wsi, struct str uri, struct intake *ret_intake,
                               struct error *e);
/* Makes the request with its headers and room for its body. Errors INVALID (doubled Authorization,
 * bytes a header may not have), FULL (too many bodies in memory), NOMEM. */
NODISCARD enum err intake_request(struct http_server *s, struct lws *wsi, const struct intake *in,
                                  struct request **ret_request, struct error *e);
/* libwebsockets 4.1 and 4.3 mistake the head of a request for its body, loop without end and read
 * freed memory when a request WITH a body is parsed from what they buffered, that is when it was
 * sent behind another without waiting for the answer. Nothing in the API shows that buffer, so:
 * intake_mark notes how many bytes had been read from the socket when a request was complete, and
 * intake_is_pipelined says that no more have been read since. Such a request must be refused by
 * closing at once, before LWS_CALLBACK_HTTP returns. */
void intake_mark(struct lws *wsi);
bool intake_is_pipelined(struct lws *wsi);
/* True when libwebsockets will wait for a body. */
bool intake_has_body(struct lws *wsi);
/* Frees the request and its memory; NULL is fine. Thread: its owner. */
void request_free(struct request *r);
/* True when the client waits for `100 Continue`. */
bool intake_expects_continue(struct lws *wsi);

/* ---- reply.c (thread: any) */
/* Head and body in one piece, or NULL. close: say that the connection ends. The body of a stream is
 * its first chunk, or bare bytes when the connection ends. */
struct reply *reply_new(const struct http_response *res, bool close);
/* A further piece of a stream: a chunk, or bare bytes when chunked is false. */
struct reply *reply_piece(struct str body, bool chunked, bool last);
/* Frees it with `next`; NULL is fine. */
void reply_free(struct reply *r);
/* The same for an error, with the problem+json of the callbacks; allow (or NULL) is the header that
 * goes with METHOD. Thread: loop. */
struct reply *reply_problem(struct http_server *s, const struct error *e, const char *allow,
                            bool close);

/* ---- ws.c */
/* Before an upgrade: 0 goes on, above 0 an HTTP refusal was written, below 0 close. */
int ws_confirm(struct lws *wsi, const char *upgrade);
int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                size_t len);
/* Answers one post of the ws_* functions; takes `what`. */
void ws_post(struct http_server *s, enum post kind, uint64_t id, void *what);
/* Closes a peer with a code and a reason; dropped after a few seconds if it does not read. */
void peer_close(struct peer *p, int code, const char *reason);
/* Writes from a full queue what the socket takes at once: a burst is not slowness. */
void peer_flush(struct peer *p);
/* Every peer: closes it. */
void ws_close_all(struct http_server *s, int code, const char *reason);
/* Tells every live peer that n events were lost before the loop. */
void ws_lost(struct http_server *s, int64_t n);
/* ---- queue.c: what waits for a peer */
/* Puts f into the peer's queue by the rules of server.h; may close the peer. */
void peer_push(struct peer *p, struct frame *f);
/* The next message to write, or NULL; the caller unrefs it. */
struct frame *peer_next(struct peer *p);
/* Drops held events up to last_id, then live ones flow. */
void peer_replay(struct peer *p, struct replay *r);
/* True when peer_next has more. */
bool peer_waiting(const struct peer *p);
void peer_queue_done(struct peer *p);
struct frame *frame_new(struct str bytes, struct str topic, int64_t id, bool droppable);
void frame_unref(struct frame *f);
void replay_free(struct replay *r);
