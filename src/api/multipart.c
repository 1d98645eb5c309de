/* multipart/form-data: see multipart.h. memmem finds delimiters; nothing is copied. Every outside
 * byte stays inside [body.p, body.p + body.n). */
#include "api/multipart.h"

#include <stdio.h>

enum { BOUNDARY_MAX = 70 /* RFC 2046 section 5.1.1 */ };

/* As str_split by ';', but not inside quotes; a backslash there hides the character behind it. */
static bool next_parameter(struct str *rest, struct str *ret_part)
{
    bool quoted = false;
    size_t n = 0;
    if (!rest->p)
        return false;
    for (; n < rest->n && (quoted || rest->p[n] != ';'); n++) {
        if (rest->p[n] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[n] == '\\' && n + 1 < rest->n)
            n++;
    }
    *ret_part = (struct str){rest->p, n};
    *rest = n < rest->n ? (struct str){rest->p + n + 1, rest->n - n - 1} : (struct str){0};
    return true;
}

/* The value of `key` in a header such as `form-data; name="a"; filename="b.jpg"`. */
static struct str parameter(struct str header, const char *key)
{
    struct str part, rest = header;
    while (next_parameter(&rest, &part)) {
        part = str_trim(part);
        struct str name;
        struct str value = part;
        if (!str_split(&value, '=', &name) || !value.p ||
            !str_eq_nocase(str_trim(name), str_from(key)))
            continue;
        value = str_trim(value);
        if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
            value = (struct str){value.p + 1, value.n - 2};
        return value;
    }
    return (struct str){0};
}

static struct str find(struct str in, struct str what)
{
    const char *at = in.n ? memmem(in.p, in.n, what.p, what.n) : NULL;
    return at ? (struct str){at, in.n - (size_t)(at - in.p)} : (struct str){0};
}

static void read_header(struct str line, struct multipart_part *p)
{
    struct str name, value = line;
    if (!str_split(&value, ':', &name) || !value.p)
        return;
    if (str_eq_nocase(name, STR("content-disposition"))) {
        p->name = parameter(value, "name");
        p->filename = parameter(value, "filename");
    } else if (str_eq_nocase(name, STR("content-type"))) {
        p->type = str_trim(value);
    }
}

/* One part: header lines, an empty line, the bytes. */
static enum err read_part(struct str bytes, int number, struct multipart_part *p, struct error *e)
{
    struct str end = find(bytes, STR("\r\n\r\n"));
    if (!end.p)
        return error_set(e, ERR_INVALID, "part %d of the multipart body has no headers", number);
    struct str line, headers = {bytes.p, (size_t)(end.p - bytes.p)};
    while (str_split(&headers, '\n', &line))
        read_header(str_trim(line), p);
    p->body = (struct str){end.p + 4, end.n - 4};
    return ERR_OK;
}

enum err multipart_parse(struct str content_type, struct str body, struct multipart *ret_parts,
                         struct error *e)
{
    struct str boundary = parameter(content_type, "boundary");
    char text[BOUNDARY_MAX + 5];
    if (boundary.n == 0 || boundary.n > BOUNDARY_MAX)
        return error_set(e, ERR_INVALID,
                         "multipart/form-data needs a boundary of 1 to %d characters",
                         BOUNDARY_MAX);
    snprintf(text, sizeof text, "\r\n--%.*s", STR_ARGS(boundary));
    struct str delimiter = str_from(text), first = {text + 2, delimiter.n - 2};
    struct str at = find(body, first);
    ret_parts->n = 0;
    if (!at.p)
        return error_set(e, ERR_INVALID, "the body does not begin with its multipart boundary");
    at = (struct str){at.p + first.n, at.n - first.n};
    while (!(at.n >= 2 && at.p[0] == '-' && at.p[1] == '-')) {
        struct str next = find(at, delimiter);
        if (!next.p || at.n < 2)
            return error_set(e, ERR_INVALID, "the multipart body ends before its closing boundary");
        if (ret_parts->n == MULTIPART_PARTS_MAX)
            return error_set(e, ERR_INVALID, "more than %d parts", MULTIPART_PARTS_MAX);
        struct multipart_part *p = &ret_parts->parts[ret_parts->n];
        *p = (struct multipart_part){0};
        enum err r = read_part((struct str){at.p, (size_t)(next.p - at.p)}, ret_parts->n + 1, p, e);
        if (r)
            return r;
        ret_parts->n++;
        at = (struct str){next.p + delimiter.n, next.n - delimiter.n};
    }
    return ERR_OK;
}
