/* Answers as bytes: status line, headers, body in one piece, made on the handler thread so that the
 * loop only writes. A body that streams goes out in chunks (RFC 9112 section 7.1), or, to HTTP/1.0,
 * until the connection ends. The loop fills in the request id at rid_at. Cost: one allocation, one
 * copy of the body. Invariant: no byte of a header value that could end a line is ever copied. */
#include "http/internal.h"

#include "base/mem.h"

#include <stdio.h>
#include <time.h>

enum { HEAD_MAX = 8 * 1024 };

static const char *status_text(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 204:
        return "No Content";
    case 206:
        return "Partial Content";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 426:
        return "Upgrade Required";
    default:
        break;
    }
    for (int code = 1; code < ERR_N; code++) {
        if (err_http_status((enum err)code) == status)
            return err_title((enum err)code);
    }
    return "Status";
}

static bool header_set(const struct http_response *res, const char *name)
{
    for (int i = 0; i < res->n_headers; i++) {
        if (str_eq_nocase(res->headers[i].name, str_from(name)))
            return true;
    }
    return false;
}

static bool one_line(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t')
            return false;
    }
    return true;
}

/* IMF-fixdate of RFC 9110 section 5.6.7, in English whatever the locale. */
static void date_put(struct buf *b)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(time_utc() / USEC_PER_SEC);
    struct tm t;
    if (!gmtime_r(&now, &t))
        return;
    buf_printf(b, "date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[t.tm_wday], t.tm_mday,
               months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

/* The headers that guard a browser; a handler's own come first. */
static void guards_put(struct buf *b, const struct http_response *res)
{
    buf_puts(b, "x-content-type-options: nosniff\r\n");
    if (!header_set(res, "referrer-policy"))
        buf_puts(b, "referrer-policy: no-referrer\r\n");
    if (!header_set(res, "cache-control"))
        buf_puts(b, "cache-control: no-store\r\n");
    if (!header_set(res, "content-security-policy"))
        buf_puts(b, "content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n");
}

/* Writes the head; the place of the request id in it. */
static size_t head_put(struct buf *b, const struct http_response *res, bool close)
{
    bool has_body = res->status >= 200 && res->status != 204 && res->status != 304;
    buf_printf(b, "HTTP/1.1 %d %s\r\n", res->status, status_text(res->status));
    date_put(b);
    if (has_body && !res->stream)
        buf_printf(b, "content-length: %zu\r\n", res->body.n);
    else if (has_body && !close)
        buf_puts(b, "transfer-encoding: chunked\r\n");
    if (has_body && res->content_type.n && one_line(res->content_type))
        buf_printf(b, "content-type: %.*s\r\n", STR_ARGS(res->content_type));
    for (int i = 0; i < res->n_headers; i++) {
        struct http_header h = res->headers[i];
        if (one_line(h.name) && one_line(h.value))
            buf_printf(b, "%.*s: %.*s\r\n", STR_ARGS(h.name), STR_ARGS(h.value));
    }
    guards_put(b, res);
    if (close)
        buf_puts(b, "connection: close\r\n");
    buf_puts(b, "x-request-id: ");
    size_t rid_at = b->n;
    buf_puts(b, "00000000-0000-0000-0000-000000000000\r\n\r\n");
    return rid_at;
}

/* The longest head of a chunk, and its end with that of the last chunk. */
enum { CHUNK_HEAD_MAX = 20, CHUNK_TAIL_MAX = 8 };

/* Writes body as a chunk (none when empty: that would end the stream); the bytes written. */
static size_t chunk_put(char *at, struct str body)
{
    if (!body.n)
        return 0;
    size_t n = (size_t)snprintf(at, CHUNK_HEAD_MAX, "%zx\r\n", body.n);
    memcpy(at + n, body.p, body.n);
    memcpy(at + n + body.n, "\r\n", 2);
    return n + body.n + 2;
}

struct reply *reply_piece(struct str body, bool chunked, bool last)
{
    struct reply *r = mem_alloc(sizeof *r + CHUNK_HEAD_MAX + body.n + CHUNK_TAIL_MAX);
    if (!r)
        return NULL;
    r->close = !chunked;
    if (!chunked && body.n)
        memcpy(r->bytes, body.p, body.n);
    r->n = chunked ? chunk_put(r->bytes, body) : body.n;
    if (chunked && last) {
        memcpy(r->bytes + r->n, "0\r\n\r\n", 5);
        r->n += 5;
    }
    return r;
}

void reply_free(struct reply *r)
{
    if (r)
        request_free(r->next);
    mem_free(r);
}

struct reply *reply_new(const struct http_response *res, bool close)
{
    _cleanup_(buf_done) struct buf head;
    buf_init(&head, HEAD_MAX);
    size_t rid_at = head_put(&head, res, close);
    if (buf_check(&head, NULL))
        return NULL;
    bool has_body = res->status >= 200 && res->status != 204 && res->status != 304;
    size_t body_n = has_body ? res->body.n : 0;
    bool chunked = res->stream && !close;
    struct reply *r = mem_alloc(sizeof *r + head.n + CHUNK_HEAD_MAX + body_n + CHUNK_TAIL_MAX);
    if (!r)
        return NULL;
    r->status = res->status;
    r->close = close;
    r->head_n = head.n;
    r->rid_at = rid_at;
    memcpy(r->bytes, head.p, head.n);
    if (body_n && !chunked)
        memcpy(r->bytes + head.n, res->body.p, body_n);
    r->n = head.n + (chunked ? chunk_put(r->bytes + head.n, res->body) : body_n);
    return r;
}

struct reply *reply_problem(struct http_server *s, const struct error *e, const char *allow,
                            bool close)
{
    _cleanup_(buf_done) struct buf body;
    buf_init(&body, 4 * KIB);
    if (s->callbacks.problem)
        s->callbacks.problem(s->callbacks.ctx, e, &body);
    struct http_response res = {.status = err_http_status(e->code),
                                .content_type = STR("application/problem+json"),
                                .body = buf_str(&body)};
    if (e->code == ERR_FULL)
        http_header_add(&res, "retry-after", STR("1"));
    if (e->code == ERR_METHOD && allow)
        http_header_add(&res, "allow", str_from(allow));
    return reply_new(&res, close);
}
