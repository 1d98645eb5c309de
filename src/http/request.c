/* What handlers ask of a request: headers, query parameters, percent-decoding. Pure functions on
 * the request's own memory; any thread, one at a time a request. */
#include "http/server.h"

struct str http_header_get(const struct http_request *req, const char *name)
{
    for (int i = 0; i < req->n_headers; i++) {
        if (str_is(req->headers[i].name, name))
            return req->headers[i].value;
    }
    return (struct str){NULL, 0};
}

void http_header_add(struct http_response *res, const char *name, struct str value)
{
    if (res->n_headers < HTTP_HEADER_MAX)
        res->headers[res->n_headers++] =
            (struct http_header){.name = str_from(name), .value = value};
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum err http_percent_decode(struct arena *a, struct str s, struct str *ret_text, struct error *e)
{
    char *out = arena_alloc(a, s.n + 1);
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory to decode %zu bytes", s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            int high = i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
            int low = i + 2 < s.n ? hex_value(s.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return error_set(e, ERR_INVALID, "'%%' must be followed by two hexadecimal digits");
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == 0)
            return error_set(e, ERR_INVALID, "a zero byte is not allowed here");
        out[n++] = c;
    }
    *ret_text = (struct str){out, n};
    return ERR_OK;
}

enum err http_query_get(struct http_request *req, const char *name, struct str *ret_value,
                        struct error *e)
{
    struct str rest = req->query, part;
    while (str_split(&rest, '&', &part)) {
        const char *equals = part.n ? memchr(part.p, '=', part.n) : NULL;
        struct str key = {part.p, equals ? (size_t)(equals - part.p) : part.n};
        struct str value = {part.p + part.n, 0};
        if (equals)
            value = (struct str){equals + 1, part.n - key.n - 1};
        struct str decoded;
        enum err r = http_percent_decode(req->arena, key, &decoded, e);
        if (r)
            return r;
        if (str_is(decoded, name))
            return http_percent_decode(req->arena, value, ret_value, e);
    }
    *ret_value = (struct str){NULL, 0};
    return ERR_OK;
}
