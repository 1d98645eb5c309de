/* The listening socket: our own, adopted by libwebsockets as a raw file.
 *
 * libwebsockets' listener cannot be closed before its connections are, says nothing useful when the
 * port is taken, and does not set SO_REUSEPORT (see LWS_SERVER_OPTION_ALLOW_LISTEN_SHARE), which
 * several serve processes on one port need. Loop thread, except listen_open (main). */
#include "http/internal.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

enum { BACKLOG = 1024, ACCEPTS_A_TURN = 64 };

static enum err bind_error(const struct http_options *o, int why, struct error *e)
{
    if (why == EADDRINUSE)
        return error_set(e, ERR_CONFLICT,
                         "port %d of %s is in use: stop the other program or choose another port",
                         o->port, o->bind);
    if (why == EACCES)
        return error_set(e, ERR_FORBIDDEN, "port %d needs a privilege: choose one above 1023",
                         o->port);
    char text[96];
    return error_set(e, ERR_INVALID, "cannot listen on %s port %d: %s", o->bind, o->port,
                     strerror_r(why, text, sizeof text));
}

static enum err socket_listen(int fd, const struct http_options *o, const struct addrinfo *at,
                              int *ret_port, struct error *e)
{
    int on = 1;
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        (o->share_port && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on)) ||
        bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&bound, &size))
        return bind_error(o, errno, e);
    char port[16];
    int64_t value = 0;
    if (getnameinfo((struct sockaddr *)&bound, size, NULL, 0, port, sizeof port, NI_NUMERICSERV))
        return error_set(e, ERR_INVALID, "the port of %s cannot be read", o->bind);
    enum err r = str_to_i64(str_from(port), &value, e);
    *ret_port = (int)value;
    return r;
}

enum err listen_open(const struct http_options *o, int *ret_fd, int *ret_port, struct error *e)
{
    char port[16];
    snprintf(port, sizeof port, "%d", o->port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    if (getaddrinfo(str_is(str_from(o->bind), "localhost") ? "127.0.0.1" : o->bind, port, &hints,
                    &at))
        return error_set(e, ERR_INVALID, "'%s' is not an IP address to listen on", o->bind);
    enum err r = ERR_OK;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        r = error_set(e, ERR_UNAVAILABLE, "no socket to listen with");
    else
        r = socket_listen(fd, o, at, ret_port, e);
    freeaddrinfo(at);
    if (r && fd >= 0)
        close(fd);
    if (!r)
        *ret_fd = fd;
    return r;
}

/* Out of descriptors: gives up the spare one to take and drop the caller, else poll spins. */
static void accept_and_drop(struct http_server *s, int fd)
{
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (client >= 0)
        close(client);
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    log_event(LOG_WARN, "http", "descriptors_exhausted", "action=%s", "connection dropped");
}

static void on_acceptable(struct http_server *s, int fd)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0 && (errno == EMFILE || errno == ENFILE))
            accept_and_drop(s, fd);
        if (client < 0)
            return;
        int on = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(client, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on); /* intake_mark counts on it */
        /* n_connections counts the listener too */
        if (atomic_load(&s->draining) || s->n_connections > s->options.max_connections)
            close(client);
        else if (!lws_adopt_socket_vhost(s->vhost, client))
            log_event(LOG_DEBUG, "http", "adopt_failed", "%s", "");
    }
}

int listen_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
    (void)user;
    (void)in;
    (void)len;
    struct http_server *s = server_of(wsi);
    switch ((int)reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
        on_acceptable(s, s->listen_fd);
        return 0;
    case LWS_CALLBACK_RAW_CLOSE_FILE:
        s->listener = NULL; /* libwebsockets closes the descriptor */
        return 0;
    default:
        return 0;
    }
}
