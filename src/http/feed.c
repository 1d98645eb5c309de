/* The event feed of the command-line tools: a libwebsockets client that is serviced only while its
 * owner waits in http_feed_open or http_feed_next, so there is no thread, and a slow owner holds
 * the server back instead of filling memory here. Thread: one per object. Invariant: messages
 * first..last arrived whole and in order; `partial` holds the one arriving. */
#include "http/client.h"

#include "base/buf.h"
#include "base/mem.h"
#include "http/client_url.h"

#include <libwebsockets.h>

enum { CONNECT_SECONDS = 10 };
#define FEED_MESSAGE_MAX ((size_t)8 * MIB)

struct feed_message {
    struct feed_message *next;
    size_t n;
    char bytes[];
};

struct http_feed {
    struct lws_context *context;
    struct lws *wsi; /* NULL once closed */
    lws_sorted_usec_list_t timer;
    char *base_url, *token; /* owned */
    struct buf partial;
    struct feed_message *first, *last;
    bool established, ended;
    struct error why; /* once ended */
};

static const lws_retry_bo_t feed_retry = {.secs_since_valid_ping = 45,
                                          .secs_since_valid_hangup = 60};

static void feed_end(struct http_feed *f, enum err code, const char *text)
{
    if (!f->ended)
        error_set(&f->why, code, "%s", text);
    f->ended = true;
    f->wsi = NULL;
}

static int authorise(struct http_feed *f, struct lws *wsi, unsigned char **at, size_t room)
{
    if (!f->token)
        return 0;
    struct buf value;
    buf_init(&value, 8 * KIB);
    buf_printf(&value, "Bearer %s", f->token);
    int rc = value.failed ||
             lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION,
                                          (unsigned char *)value.p, (int)value.n, at, *at + room);
    secure_free(value.p, value.n);
    return rc ? -1 : 0;
}

static int on_fragment(struct http_feed *f, struct lws *wsi, struct str bytes)
{
    buf_append(&f->partial, bytes);
    if (f->partial.failed) {
        feed_end(f, ERR_TOO_LARGE, "the server sent a message that is too large");
        return -1;
    }
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi))
        return 0;
    struct feed_message *m = mem_alloc(sizeof *m + f->partial.n);
    if (!m) {
        feed_end(f, ERR_NOMEM, "no memory for a message");
        return -1;
    }
    m->n = f->partial.n;
    if (m->n)
        memcpy(m->bytes, f->partial.p, m->n);
    *(f->last ? &f->last->next : &f->first) = m;
    f->last = m;
    buf_reset(&f->partial);
    return 0;
}

/* The close frame: two bytes of code, then the reason. 1008, 4401 and 4403 are refusals. */
static void on_close_frame(struct http_feed *f, const unsigned char *in, size_t n)
{
    int code = n >= 2 ? in[0] << 8 | in[1] : 0;
    bool refused = code == 1008 || code == 4401 || code == 4403;
    char text[200];
    snprintf(text, sizeof text, "%s: %.*s", refused ? "the server refused" : "the server hung up",
             (int)(n > 2 ? n - 2 : 0), n > 2 ? (const char *)in + 2 : "");
    feed_end(f, refused ? ERR_UNAUTHENTICATED : ERR_UNAVAILABLE, text);
}

static void on_failure(struct http_feed *f, struct lws *wsi, const char *text)
{
    unsigned int status = wsi ? lws_http_client_http_response(wsi) : 0;
    char line[200];
    if (status == 401 || status == 403) {
        feed_end(f, ERR_UNAUTHENTICATED, "the server refused the token: sign in again");
    } else if (status) {
        snprintf(line, sizeof line, "the server answered %u to the event feed", status);
        feed_end(f, ERR_UNAVAILABLE, line);
    } else if (!f->ended) {
        client_unreachable(f->base_url, &f->why);
        if (text && strstr(text, "timed out"))
            error_set(&f->why, ERR_UNAVAILABLE, "%s does not answer", f->base_url);
        f->ended = true;
        f->wsi = NULL;
    }
}

static int feed_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                         size_t len)
{
    (void)user;
    struct http_feed *f = wsi ? lws_context_user(lws_get_context(wsi)) : NULL;
    if (!f)
        return 0;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return authorise(f, wsi, in, len);
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        f->established = true;
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_fragment(f, wsi, (struct str){in, len});
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        on_close_frame(f, in, len);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        on_failure(f, wsi, in);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        feed_end(f, ERR_UNAVAILABLE, "the connection to the server ended");
        return 0;
    default:
        return 0;
    }
}

/* Ends lws_service. The time may be up before it polls: then it would wait for the next message,
 * which may be the server's ping in half a minute. */
static void on_timer(lws_sorted_usec_list_t *timer)
{
    const struct http_feed *f = lws_container_of(timer, struct http_feed, timer);
    lws_cancel_service(f->context);
}

/* Services the socket until *done, a message, the end, or the deadline. */
static void feed_run(struct http_feed *f, const bool *done, usec_t timeout)
{
    usec_t until = time_mono() + timeout;
    lws_sul_schedule(f->context, 0, &f->timer, on_timer, timeout > 0 ? timeout : 1);
    while (!*done && !f->first && !f->ended) {
        if (lws_service(f->context, 0) < 0) {
            feed_end(f, ERR_UNAVAILABLE, "the connection to the server ended");
            return;
        }
        if (time_mono() >= until)
            return;
    }
}

static enum err feed_connect(struct http_feed *f, const char *path, struct error *e)
{
    static const struct lws_protocols protocols[] = {
        {.name = "rollcall.v1", .callback = feed_callback, .rx_buffer_size = 64 * 1024},
        {.name = NULL},
    };
    struct client_url url;
    enum err r = client_url_read(f->base_url, &url, e);
    if (r)
        return r;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .user = f,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .fd_limit_per_thread = 16,
        .timeout_secs = CONNECT_SECONDS,
        .options = url.tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
    };
    lws_set_log_level(0, NULL);
    f->context = lws_create_context(&info);
    if (!f->context)
        return error_set(e, ERR_NOMEM, "libwebsockets cannot start");
    struct lws_client_connect_info i = {
        .context = f->context,
        .address = url.host,
        .port = url.port,
        .path = path,
        .host = url.host,
        .protocol = "rollcall.v1",
        .ssl_connection = url.tls ? LCCSCF_USE_SSL : 0,
        .pwsi = &f->wsi,
        .retry_and_idle_policy = &feed_retry,
    };
    if (!lws_client_connect_via_info(&i) && !f->ended)
        return client_unreachable(f->base_url, e);
    feed_run(f, &f->established, (CONNECT_SECONDS + 2) * USEC_PER_SEC);
    if (f->ended)
        return error_set(e, f->why.code, "%s", f->why.msg);
    if (!f->established)
        return error_set(e, ERR_UNAVAILABLE, "%s does not answer", f->base_url);
    return ERR_OK;
}

enum err http_feed_open(const char *base_url, const char *token, const char *path,
                        struct http_feed **ret_feed, struct error *e)
{
    struct http_feed *f = mem_alloc(sizeof *f);
    if (!f)
        return error_set(e, ERR_NOMEM, "no memory for the feed");
    buf_init(&f->partial, FEED_MESSAGE_MAX);
    f->base_url = mem_strdup(base_url);
    f->token = token ? mem_strdup(token) : NULL;
    enum err r = ERR_OK;
    if (!f->base_url || (token && !f->token))
        r = error_set(e, ERR_NOMEM, "no memory for the feed");
    else
        r = feed_connect(f, path, e);
    if (r) {
        http_feed_close(f);
        return r;
    }
    *ret_feed = f;
    return ERR_OK;
}

enum err http_feed_next(struct http_feed *f, struct arena *a, usec_t timeout,
                        struct str *ret_message, struct error *e)
{
    static const bool never = false;
    if (!f->first && !f->ended)
        feed_run(f, &never, timeout);
    struct feed_message *m = f->first;
    if (!m && f->ended)
        return error_set(e, f->why.code, "%s", f->why.msg);
    if (!m)
        return error_set(e, ERR_TIMEOUT, "no event came");
    struct str copy = arena_copy(a, (struct str){m->bytes, m->n});
    if (!copy.p)
        return error_set(e, ERR_NOMEM, "the event of %zu bytes does not fit", m->n);
    f->first = m->next;
    if (!f->first)
        f->last = NULL;
    mem_free(m);
    *ret_message = copy;
    return ERR_OK;
}

void http_feed_close(struct http_feed *f)
{
    if (!f)
        return;
    if (f->context) {
        lws_sul_schedule(f->context, 0, &f->timer, on_timer, LWS_SET_TIMER_USEC_CANCEL);
        lws_context_destroy(f->context);
    }
    while (f->first) {
        struct feed_message *m = f->first;
        f->first = m->next;
        mem_free(m);
    }
    buf_done(&f->partial);
    mem_free(f->base_url);
    secure_free(f->token, f->token ? strlen(f->token) : 0);
    mem_free(f);
}
