/* From libwebsockets' parsed headers to a struct http_request.
 *
 * libwebsockets has already undone %-escapes, folded `..` and cut the query at '&', so path and
 * query are escaped again here: the router and http_query_get decode them exactly once. Called on
 * the loop thread in the callbacks that still hold the header table; costs one arena and one copy
 * of each header. Invariant: a request's `charged` bytes are counted in server->bodies until
 * request_free. */
#include "http/internal.h"

#include <ctype.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/tcp.h>

/* Headers libwebsockets knows by token, and the names it keeps as custom ones. */
static const struct known {
    const char *name;
    enum lws_token_indexes token;
} known_headers[] = {
    {"authorization", WSI_TOKEN_HTTP_AUTHORIZATION},
    {"content-type", WSI_TOKEN_HTTP_CONTENT_TYPE},
    {"if-match", WSI_TOKEN_HTTP_IF_MATCH},
    {"if-none-match", WSI_TOKEN_HTTP_IF_NONE_MATCH},
    {"accept", WSI_TOKEN_HTTP_ACCEPT},
    {"origin", WSI_TOKEN_ORIGIN},
    {"host", WSI_TOKEN_HOST},
    {"accept-encoding", WSI_TOKEN_HTTP_ACCEPT_ENCODING},
    {"cookie", WSI_TOKEN_HTTP_COOKIE},
    {"user-agent", WSI_TOKEN_HTTP_USER_AGENT},
    {"x-forwarded-for", WSI_TOKEN_X_FORWARDED_FOR},
};
static const char *const custom_headers[] = {"idempotency-key:"};

_Static_assert(ARRAY_LEN(known_headers) + ARRAY_LEN(custom_headers) <= HTTP_HEADER_MAX,
               "every header kept must fit");

static const struct {
    enum lws_token_indexes token;
    enum http_method method;
} method_tokens[] = {
    {WSI_TOKEN_GET_URI, HTTP_GET},       {WSI_TOKEN_POST_URI, HTTP_POST},
    {WSI_TOKEN_PUT_URI, HTTP_PUT},       {WSI_TOKEN_PATCH_URI, HTTP_PATCH},
    {WSI_TOKEN_DELETE_URI, HTTP_DELETE}, {WSI_TOKEN_HEAD_URI, HTTP_GET},
};

const char *http_method_name(enum http_method m)
{
    static const char *const names[HTTP_METHOD_N] = {"GET",   "POST",   "PUT",
                                                     "PATCH", "DELETE", "OTHER"};
    return names[m];
}

static enum http_method method_read(struct lws *wsi, bool *ret_head)
{
    for (size_t i = 0; i < ARRAY_LEN(method_tokens); i++) {
        if (lws_hdr_total_length(wsi, method_tokens[i].token)) {
            *ret_head = method_tokens[i].token == WSI_TOKEN_HEAD_URI;
            return method_tokens[i].method;
        }
    }
    *ret_head = false;
    return HTTP_OTHER;
}

/* Appends c to out, escaped unless it may stand as it is; the bytes written, 0 when full. */
static size_t escape_put(char *out, size_t room, unsigned char c, const char *also_plain)
{
    static const char hex[] = "0123456789ABCDEF";
    if (c && (isalnum(c) || strchr("-._~", c) || strchr(also_plain, c))) {
        if (room < 1)
            return 0;
        out[0] = (char)c;
        return 1;
    }
    if (room < 3)
        return 0;
    out[0] = '%';
    out[1] = hex[c >> 4];
    out[2] = hex[c & 15];
    return 3;
}

static enum err path_read(struct str uri, struct intake *in, struct error *e)
{
    if (memchr(uri.p, 0, uri.n))
        return error_set(e, ERR_INVALID, "the path has a character that paths may not have");
    in->path_n = 0;
    for (size_t i = 0; i < uri.n; i++) {
        size_t put = escape_put(in->path + in->path_n, sizeof in->path - in->path_n,
                                (unsigned char)uri.p[i], "/:@!$'()*,=");
        if (put == 0)
            return error_set(e, ERR_INVALID, "the path is longer than %zu bytes", sizeof in->path);
        in->path_n += put;
    }
    return ERR_OK;
}

/* Content-Length as the standard wants it: digits only; a doubled header arrives joined. */
static enum err length_read(struct lws *wsi, struct intake *in, struct error *e)
{
    char text[24] = "";
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    struct str digits = str_trim((struct str){text, n > 0 ? (size_t)n : 0});
    int64_t value = 0;
    if (n < 0 || digits.n == 0 || digits.n > 15 || !isdigit((unsigned char)digits.p[0]) ||
        str_to_i64(digits, &value, NULL) || value < 0)
        return error_set(e, ERR_INVALID, "Content-Length is not a number");
    in->body_n = (size_t)value;
    return ERR_OK;
}

enum err intake_read(struct lws *wsi, struct str uri, struct intake *ret_intake, struct error *e)
{
    struct intake *in = ret_intake;
    in->method = method_read(wsi, &in->head);
    in->body_n = 0;
    in->no_length = false;
    enum err r = path_read(uri, in, e);
    if (r)
        return r;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING))
        return error_set(e, ERR_LENGTH_REQUIRED,
                         "chunked bodies are not read: send the body with Content-Length");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH))
        return length_read(wsi, in, e);
    in->no_length = in->method == HTTP_POST || in->method == HTTP_PUT || in->method == HTTP_PATCH;
    return ERR_OK;
}

/* Bytes that have been read from the socket so far: received less those still waiting. */
static uint64_t bytes_read(int fd)
{
    enum { TRIES = 16 };
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    int before = 0, after = 0;
    for (int i = 0; i < TRIES; i++) {
        if (ioctl(fd, FIONREAD, &before) || getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) ||
            ioctl(fd, FIONREAD, &after))
            return 0;
        if (before == after) /* nothing came in between */
            return info.tcpi_bytes_received - (uint64_t)before;
    }
    return info.tcpi_bytes_received - (uint64_t)after;
}

void intake_mark(struct lws *wsi)
{
    uint64_t n = bytes_read(lws_get_socket_fd(wsi));
    lws_set_opaque_user_data(wsi, (void *)(uintptr_t)n);
}

bool intake_is_pipelined(struct lws *wsi)
{
    uint64_t mark = (uint64_t)(uintptr_t)lws_get_opaque_user_data(wsi);
    /* the end of the stream counts as one byte */
    return mark && bytes_read(lws_get_socket_fd(wsi)) <= mark + 1;
}

bool intake_has_body(struct lws *wsi)
{
    return lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) ||
           lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PUT_URI) ||
           lws_hdr_total_length(wsi, WSI_TOKEN_PATCH_URI);
}

bool intake_expects_continue(struct lws *wsi)
{
    char text[16] = "";
    int n = lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_EXPECT);
    return n > 0 && str_eq_nocase(str_trim((struct str){text, (size_t)n}), STR("100-continue"));
}

static bool value_ok(struct str v)
{
    for (size_t i = 0; i < v.n; i++) {
        unsigned char c = (unsigned char)v.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static enum err header_put(struct http_request *req, const char *name, size_t name_n,
                           struct str value, struct error *e)
{
    if (!value_ok(value))
        return error_set(e, ERR_INVALID, "a header has a character that headers may not have");
    req->headers[req->n_headers++] =
        (struct http_header){.name = {name, name_n}, .value = str_trim(value)};
    return ERR_OK;
}

static enum err headers_read(struct lws *wsi, struct http_request *req, struct error *e)
{
    if (lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, 1) > 0)
        return error_set(e, ERR_INVALID, "the request has two Authorization headers");
    for (size_t i = 0; i < ARRAY_LEN(known_headers); i++) {
        int n = lws_hdr_total_length(wsi, known_headers[i].token);
        if (n <= 0)
            continue;
        /* fragments are joined with commas and spaces, which the length does not always count */
        size_t room = (size_t)n + 64;
        char *copy = arena_alloc(req->arena, room);
        if (!copy)
            return error_set(e, ERR_NOMEM, "the headers do not fit");
        n = lws_hdr_copy(wsi, copy, (int)room, known_headers[i].token);
        if (n < 0)
            return error_set(e, ERR_INVALID, "the header %s is repeated too often",
                             known_headers[i].name);
        enum err r = header_put(req, known_headers[i].name, strlen(known_headers[i].name),
                                (struct str){copy, strlen(copy)}, e);
        if (r)
            return r;
    }
    for (size_t i = 0; i < ARRAY_LEN(custom_headers); i++) {
        size_t name_n = strlen(custom_headers[i]);
        int n = lws_hdr_custom_length(wsi, custom_headers[i], (int)name_n);
        if (n < 0)
            continue;
        char *copy = arena_alloc(req->arena, (size_t)n + 1);
        if (!copy)
            return error_set(e, ERR_NOMEM, "the headers do not fit");
        n = lws_hdr_custom_copy(wsi, copy, n + 1, custom_headers[i], (int)name_n);
        enum err r = header_put(req, custom_headers[i], name_n - 1,
                                (struct str){copy, n > 0 ? (size_t)n : 0}, e);
        if (r)
            return r;
    }
    return ERR_OK;
}

/* The query's parts, escaped again and joined with '&'. */
static enum err query_read(struct lws *wsi, struct http_request *req, struct error *e)
{
    int total = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_URI_ARGS);
    if (total <= 0)
        return ERR_OK;
    size_t room = (size_t)total * 3 + 1, n = 0;
    char *out = arena_alloc(req->arena, room);
    char *part = arena_alloc(req->arena, (size_t)total + 2);
    if (!out || !part)
        return error_set(e, ERR_NOMEM, "the query does not fit");
    for (int i = 0;; i++) {
        int part_n = lws_hdr_copy_fragment(wsi, part, total + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (part_n < 0)
            break;
        if (i && n < room)
            out[n++] = '&';
        bool name = true;
        for (int j = 0; j < part_n; j++) {
            bool plain_equals = name && part[j] == '=';
            n += escape_put(out + n, room - n, (unsigned char)part[j], plain_equals ? "=" : "/:@,");
            name = name && !plain_equals;
        }
    }
    req->query = (struct str){out, n};
    return ERR_OK;
}

static enum err request_fill(struct lws *wsi, const struct intake *in, struct http_request *req,
                             struct error *e)
{
    req->method = in->method;
    req->path = arena_copy(req->arena, (struct str){in->path, in->path_n});
    if (!req->path.p)
        return error_set(e, ERR_NOMEM, "the path does not fit");
    id_new(req->id);
    lws_get_peer_simple(wsi, req->peer_ip, sizeof req->peer_ip);
    req->received_mono = time_mono();
    enum err r = headers_read(wsi, req, e);
    if (!r)
        r = query_read(wsi, req, e);
    if (r)
        return r;
    req->body = (struct str){"", in->body_n};
    if (in->body_n == 0)
        return ERR_OK;
    req->body.p = arena_alloc(req->arena, in->body_n + 1);
    return req->body.p ? ERR_OK
                       : error_set(e, ERR_NOMEM, "no memory for a body of %zu bytes", in->body_n);
}

static bool is_http_1_0(struct lws *wsi)
{
    char text[16] = "";
    return lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP) > 0 &&
           strcmp(text, "HTTP/1.0") == 0;
}

enum err intake_request(struct http_server *s, struct lws *wsi, const struct intake *in,
                        struct request **ret_request, struct error *e)
{
    size_t cap = s->options.request_arena_bytes + in->body_n + 4 * HEADER_BYTES;
    size_t charged = in->body_n + HEADER_BYTES;
    if (atomic_fetch_add(&s->bodies, charged) + charged > BODIES_MAX) {
        atomic_fetch_sub(&s->bodies, charged);
        return error_set(e, ERR_FULL, "too many requests are being read: try again soon");
    }
    _cleanup_(arena_freep) struct arena *a = arena_new(cap);
    struct request *r = a ? arena_alloc(a, sizeof *r) : NULL;
    if (!r) {
        atomic_fetch_sub(&s->bodies, charged);
        return error_set(e, ERR_NOMEM, "no memory for the request");
    }
    r->server = s;
    r->http_1_0 = is_http_1_0(wsi);
    r->charged = charged;
    r->pub.arena = TAKE(a);
    enum err err = request_fill(wsi, in, &r->pub, e);
    if (err) {
        request_free(r);
        return err;
    }
    *ret_request = r;
    return ERR_OK;
}

void request_free(struct request *r)
{
    if (!r)
        return;
    atomic_fetch_sub(&r->server->bodies, r->charged);
    arena_free(r->pub.arena); /* and r with it */
}
