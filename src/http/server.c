/* The server's frame: context, threads, mailboxes, slots.
 *
 * Threads: main (open, close), one loop thread that runs every libwebsockets callback, n handler
 * threads. They meet in two mailboxes: `work` (loop -> handlers) and `inbox` (any -> loop), whose
 * poster wakes the loop with lws_cancel_service, once for any number of posts.
 * Shutdown, in this order: the loop stops accepting and closes peers; requests in hand are answered
 * (for `drain` at most); handler threads end, with the loop still taking their posts; the loop
 * ends; main destroys the context (the last callbacks) and frees what is left in the mailboxes.
 * Invariants: in_hand = slots taken; a slot's id modulo n_slots is its index. */
#include "http/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    OTHER_FILES = 1024,    /* descriptors the rest of the program may need */
    TAKEN_A_TURN = 1024,   /* posts before the loop looks at its sockets again */
    INBOX_EXTRA = 8 * 1024 /* room for events beside the answers */
};

/* The server whose loop this thread is, or NULL. */
static _Thread_local const struct http_server *loop_of_thread;

/* ---- slots */

struct slot *slot_take(struct http_server *s)
{
    if (s->free_slot == UINT32_MAX)
        return NULL;
    uint32_t at = s->free_slot;
    struct slot *slot = &s->slots[at];
    s->free_slot = slot->next_free;
    slot->id = ++s->generation * s->n_slots + at;
    atomic_fetch_add(&s->in_hand, 1);
    return slot;
}

void slot_release(struct http_server *s, uint64_t id)
{
    struct slot *slot = slot_find(s, id);
    if (!slot)
        return;
    *slot = (struct slot){.next_free = s->free_slot};
    s->free_slot = (uint32_t)(id % s->n_slots);
    atomic_fetch_sub(&s->in_hand, 1);
}

struct slot *slot_find(struct http_server *s, uint64_t id)
{
    struct slot *slot = &s->slots[id % s->n_slots];
    return id && slot->id == id ? slot : NULL;
}

static bool slots_new(struct http_server *s)
{
    s->n_slots = (uint32_t)s->options.max_connections + 8;
    s->slots = mem_array(s->n_slots, sizeof *s->slots);
    if (!s->slots)
        return false;
    for (uint32_t i = 0; i < s->n_slots; i++)
        s->slots[i].next_free = i + 1 < s->n_slots ? i + 1 : UINT32_MAX;
    return true;
}

/* ---- messages */

void post_free(enum post kind, void *what)
{
    switch (kind) {
    case POST_REPLY:
        reply_free(what);
        break;
    case POST_PENDING:
        request_free(what);
        break;
    case POST_SUBSCRIBE:
    case POST_REFUSE:
    case POST_PUBLISH:
        frame_unref(what);
        break;
    case POST_REPLAY:
        replay_free(what);
        break;
    case POST_OPENED:
        break;
    }
}

static void wake_loop(void *ctx)
{
    struct http_server *s = ctx;
    if (!atomic_exchange(&s->woken, true))
        lws_cancel_service(s->context);
}

bool server_post(struct http_server *s, enum post kind, uint64_t id, void *what, usec_t patience)
{
    bool on_loop = loop_of_thread == s;
    usec_t until = time_mono() + (on_loop ? 0 : patience);
    for (;;) {
        struct str pointer = {(char *)&what, sizeof what};
        enum err r = mailbox_post(s->inbox, (int)kind, id, pointer, NULL);
        if (!r)
            return true;
        if (r == ERR_UNAVAILABLE || time_mono() >= until)
            return false;
        usleep(500);
    }
}

static void take_post(struct http_server *s, const struct message *msg)
{
    void *what = NULL;
    memcpy(&what, msg->p, sizeof what);
    enum post kind = (enum post)msg->kind;
    if (kind == POST_REPLY)
        exchange_answer(s, msg->id, what);
    else if (kind == POST_PENDING)
        exchange_pending(s, what);
    else
        ws_post(s, kind, msg->id, what);
}

/* What http_stop wants of the loop, in its own thread. */
static void loop_drain_step(struct http_server *s)
{
    if (!s->listener)
        return;
    lws_set_timeout(s->listener, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    s->listener = NULL;
    ws_close_all(s, 1001, "the server is shutting down");
}

void server_drain(struct http_server *s)
{
    struct message msg;
    atomic_store(&s->woken, false);
    if (atomic_load(&s->draining))
        loop_drain_step(s);
    for (int i = 0; mailbox_take(s->inbox, &msg); i++) {
        take_post(s, &msg);
        message_done(&msg);
        if (i == TAKEN_A_TURN) {
            wake_loop(s);
            break;
        }
    }
    int64_t lost = atomic_exchange(&s->lost, 0);
    if (lost)
        ws_lost(s, lost);
    if (atomic_exchange(&s->resync, false))
        ws_close_all(s, 1013, "the server is behind: reconnect");
}

/* ---- threads */

static void reply_post(struct http_server *s, uint64_t id, struct reply *reply)
{
    if (!server_post(s, POST_REPLY, id, reply, USEC_PER_MIN))
        reply_free(reply);
}

/* The next piece of a stream, or NULL: then the loop resets the connection. Takes r. */
static struct reply *stream_step(struct request *r)
{
    _cleanup_(buf_done) struct buf out;
    buf_init(&out, HTTP_PIECE_MAX);
    struct error e = {0};
    bool more = false;
    enum err err = r->stream(r->stream_ctx, &r->pub, &out, &more, &e);
    if (!err)
        err = buf_check(&out, &e);
    if (err)
        log_failure(LOG_WARN, "http", "stream_aborted", &e);
    struct reply *reply = err ? NULL : reply_piece(buf_str(&out), !r->http_1_0, !more);
    if (reply && more)
        reply->next = r;
    else
        request_free(r);
    return reply;
}

static void handler_run(struct http_server *s, struct request *r)
{
    uint64_t id = r->pub.conn;
    if (r->stream) {
        reply_post(s, id, stream_step(r));
        return;
    }
    if (r->ws) {
        s->callbacks.ws_open(s->callbacks.ctx, &r->pub);
        request_free(r);
        server_post(s, POST_OPENED, id, NULL, 5 * USEC_PER_SEC);
        return;
    }
    struct http_response res = {.status = 200};
    s->callbacks.handle(s->callbacks.ctx, &r->pub, &res);
    if (res.pending) {
        if (!server_post(s, POST_PENDING, id, r, USEC_PER_SEC))
            request_free(r);
        return;
    }
    struct reply *reply = reply_new(&res, r->close || (res.stream && r->http_1_0));
    r->stream = res.stream;
    r->stream_ctx = res.stream_ctx;
    if (reply && res.stream)
        reply->next = r;
    else
        request_free(r);
    reply_post(s, id, reply);
}

static void *handler_main(void *ctx)
{
    struct http_server *s = ctx;
    struct message msg;
    for (;;) {
        if (mailbox_wait(s->work, USEC_PER_SEC, &msg)) {
            struct request *r = NULL;
            memcpy(&r, msg.p, sizeof r);
            message_done(&msg);
            handler_run(s, r);
        } else if (atomic_load(&s->stopping)) {
            return NULL;
        }
    }
}

bool watch_enter(struct http_server *s, usec_t *ret_since)
{
    if (s->callback_depth > 0)
        return false;
    s->callback_depth = 1;
    *ret_since = time_mono();
    return true;
}

void watch_leave(struct http_server *s, usec_t since, int reason)
{
    usec_t now = time_mono();
    s->callback_depth = 0;
    if (now - since <= STALL_LIMIT)
        return;
    metric_add(METRIC_loop_stalls_total, 1);
    if (now - s->stall_logged < USEC_PER_SEC)
        return;
    s->stall_logged = now;
    log_event(LOG_WARN, "http", "loop_stalled", "msec=%" PRId64 " callback=%d",
              (now - since) / USEC_PER_MSEC, reason);
}

static void on_sweep(lws_sorted_usec_list_t *timer)
{
    struct http_server *s = lws_container_of(timer, struct http_server, sweep_timer);
    usec_t now = time_mono();
    for (uint32_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].exchange)
            exchange_sweep(s, s->slots[i].exchange, now);
    }
    lws_sul_schedule(s->context, 0, timer, on_sweep, USEC_PER_SEC);
}

static void *loop_main(void *ctx)
{
    struct http_server *s = ctx;
    loop_of_thread = s;
    lws_sul_schedule(s->context, 0, &s->sweep_timer, on_sweep, USEC_PER_SEC);
    while (!atomic_load(&s->stopping) || atomic_load(&s->handlers_running)) {
        if (lws_service(s->context, 0) < 0)
            break;
    }
    lws_sul_schedule(s->context, 0, &s->sweep_timer, on_sweep, LWS_SET_TIMER_USEC_CANCEL);
    return NULL;
}

/* ---- open and close */

static void lws_line(int level, const char *line)
{
    size_t n = strlen(line);
    log_event(level == LLL_ERR ? LOG_INFO : LOG_DEBUG, "http", "libwebsockets", "line=\"%.*s\"",
              (int)(n && line[n - 1] == '\n' ? n - 1 : n), line);
}

/* libwebsockets finds a connection by its descriptor in a table as long as the soft limit of open
 * files when it starts: a limit of a million would cost 16 MB, and a table shorter than the limit
 * is searched from its start. So the limit is moved to what is needed while the context is made; it
 * stays there only when it was lower. */
static struct rlimit files_limit(struct http_server *s)
{
    struct rlimit before = {0}, now;
    getrlimit(RLIMIT_NOFILE, &before);
    rlim_t need = (rlim_t)s->options.max_connections + OTHER_FILES;
    now = before;
    now.rlim_cur = need < before.rlim_max ? need : before.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &now))
        now = before;
    if (now.rlim_cur < need) {
        int fits = now.rlim_cur > 512 ? (int)now.rlim_cur - 256 : (int)now.rlim_cur / 2;
        if (fits < s->options.max_connections) {
            log_event(LOG_WARN, "http", "few_descriptors", "max_connections=%d", fits);
            s->options.max_connections = fits;
        }
    }
    return before.rlim_cur < now.rlim_cur ? now : before;
}

static unsigned int whole_seconds(usec_t t)
{
    return t <= USEC_PER_SEC ? 1 : (unsigned int)((t + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

static enum err context_new(struct http_server *s, struct error *e)
{
    static const struct lws_protocols protocols[] = {
        {.name = "-http",
         .callback = http_callback,
         .per_session_data_size = sizeof(struct exchange *)},
        {.name = "rollcall.v1",
         .callback = ws_callback,
         .per_session_data_size = sizeof(struct peer *),
         .rx_buffer_size = WS_MESSAGE_MAX},
        {.name = "-listen", .callback = listen_callback},
        {.name = NULL},
    };
    unsigned int ping = whole_seconds(s->options.ws_ping ? s->options.ws_ping : 30 * USEC_PER_SEC);
    s->retry.secs_since_valid_ping = (uint16_t)ping;
    s->retry.secs_since_valid_hangup = (uint16_t)(ping + 10);
    int ahs = s->options.max_connections < UINT16_MAX ? s->options.max_connections : UINT16_MAX;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .user = s,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_FALLBACK_TO_APPLY_LISTEN_ACCEPT_CONFIG,
        .max_http_header_data = HEADER_BYTES,
        .max_http_header_pool = (unsigned short)ahs,
        .pt_serv_buf_size = 64 * 1024,
        .timeout_secs = whole_seconds(s->options.header_timeout),
        .timeout_secs_ah_idle = whole_seconds(s->options.header_timeout),
        .keepalive_timeout = (int)whole_seconds(s->options.idle_timeout),
        .retry_and_idle_policy = &s->retry,
        .vhost_name = "rollcall",
    };
    struct rlimit after = files_limit(s);
    s->context = lws_create_context(&info);
    setrlimit(RLIMIT_NOFILE, &after);
    if (!s->context)
        return error_set(e, ERR_NOMEM, "libwebsockets cannot start");
    s->vhost = lws_create_vhost(s->context, &info);
    if (!s->vhost)
        return error_set(e, ERR_NOMEM, "libwebsockets cannot start its host");
    lws_sock_file_fd_type fd = {.filefd = s->listen_fd};
    s->listener =
        lws_adopt_descriptor_vhost(s->vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "-listen", NULL);
    if (!s->listener)
        return error_set(e, ERR_NOMEM, "libwebsockets cannot take the listening socket");
    return ERR_OK;
}

static enum err parts_new(struct http_server *s, struct error *e)
{
    enum err r = listen_open(&s->options, &s->listen_fd, &s->port, e);
    if (!r)
        r = context_new(s, e);
    if (r)
        return r;
    size_t most = (size_t)s->options.max_connections;
    s->work = mailbox_new(most + 8, NULL, NULL);
    s->inbox = mailbox_new(2 * most + INBOX_EXTRA, wake_loop, s);
    s->handlers = mem_array((size_t)s->options.handler_threads, sizeof *s->handlers);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (!s->work || !s->inbox || !s->handlers || !slots_new(s))
        return error_set(e, ERR_NOMEM, "no memory for %d connections", s->options.max_connections);
    return ERR_OK;
}

/* Signals go to the program's other threads. */
static enum err threads_start(struct http_server *s, struct error *e)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = pthread_create(&s->loop_thread, NULL, loop_main, s) == 0;
    s->loop_started = ok;
    while (ok && s->n_handlers < s->options.handler_threads) {
        ok = pthread_create(&s->handlers[s->n_handlers], NULL, handler_main, s) == 0;
        s->n_handlers += ok;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok ? ERR_OK : error_set(e, ERR_NOMEM, "the server's threads cannot start");
}

static void work_discard(struct http_server *s)
{
    struct message msg;
    while (s->work && mailbox_take(s->work, &msg)) {
        struct request *r = NULL;
        memcpy(&r, msg.p, sizeof r);
        request_free(r);
        message_done(&msg);
    }
}

static void server_free(struct http_server *s)
{
    struct message msg;
    loop_of_thread = s; /* the last callbacks run here, with no thread left but this one */
    if (s->context)
        lws_context_destroy(s->context);
    else if (s->listen_fd >= 0)
        close(s->listen_fd);
    loop_of_thread = NULL;
    work_discard(s);
    while (s->inbox && mailbox_take(s->inbox, &msg)) {
        void *what = NULL;
        memcpy(&what, msg.p, sizeof what);
        post_free((enum post)msg.kind, what);
        message_done(&msg);
    }
    mailbox_free(s->work);
    mailbox_free(s->inbox);
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    mem_free(s->handlers);
    mem_free(s->slots);
    mem_free(s);
}

static void threads_stop(struct http_server *s)
{
    atomic_store(&s->handlers_running, true);
    atomic_store(&s->stopping, true);
    if (s->work)
        mailbox_close(s->work);
    work_discard(s); /* nobody waits for these any more */
    for (int i = 0; i < s->n_handlers; i++)
        pthread_join(s->handlers[i], NULL);
    atomic_store(&s->handlers_running, false);
    if (!s->loop_started)
        return;
    lws_cancel_service(s->context);
    pthread_join(s->loop_thread, NULL);
}

enum err http_open(const struct http_options *o, const struct http_callbacks *cb,
                   struct http_server **ret_server, struct error *e)
{
    if (o->handler_threads < 1 || o->max_connections < 1 || o->ws_queue_messages < 1)
        return error_set(e, ERR_INVALID, "threads, connections and queues must be at least 1");
    struct http_server *s = mem_alloc(sizeof *s);
    if (!s)
        return error_set(e, ERR_NOMEM, "no memory for the server");
    s->options = *o;
    s->callbacks = *cb;
    s->listen_fd = s->spare_fd = -1;
    lws_set_log_level(LLL_ERR | LLL_WARN, lws_line);
    struct http_server *before = *ret_server;
    enum err r = parts_new(s, e);
    if (!r) {
        *ret_server = s; /* callbacks of the threads may look there at once */
        r = threads_start(s, e);
    }
    if (r) {
        *ret_server = before;
        threads_stop(s);
        server_free(s);
    }
    return r;
}

void http_stop(struct http_server *s, usec_t drain)
{
    usec_t until = time_mono() + drain;
    atomic_store(&s->draining, true);
    lws_cancel_service(s->context);
    while (atomic_load(&s->in_hand) > 0 && time_mono() < until)
        usleep(2000);
    threads_stop(s);
    mailbox_close(s->inbox);
}

void http_free(struct http_server *s)
{
    if (s)
        server_free(s);
}

int http_port(const struct http_server *s) { return s->port; }

const char *http_library_version(void) { return lws_get_library_version(); }

void http_respond(struct http_server *s, uint64_t conn, const struct http_response *res)
{
    reply_post(s, conn, reply_new(res, false));
}
