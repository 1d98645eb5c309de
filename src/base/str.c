/* Strings with their length: see str.h. No state, no allocation; linear in the input; any thread.
 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool str_eq_nocase(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

bool str_split(struct str *rest, char sep, struct str *ret_part)
{
    if (!rest->p)
        return false;
    const char *at = rest->n ? memchr(rest->p, sep, rest->n) : NULL;
    if (!at) {
        *ret_part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    size_t n = (size_t)(at - rest->p);
    *ret_part = (struct str){rest->p, n};
    *rest = (struct str){at + 1, rest->n - n - 1};
    return true;
}

struct str str_trim(struct str s)
{
    while (s.n && isspace((unsigned char)s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

enum err str_to_i64(struct str s, int64_t *ret_value, struct error *e)
{
    char text[24];
    if (s.n == 0 || s.n >= sizeof text)
        return error_set(e, ERR_INVALID, "'%.*s' is not a whole number", (int)(s.n < 40 ? s.n : 40),
                         s.p);
    snprintf(text, sizeof text, "%.*s", STR_ARGS(s));
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end != text + s.n || isspace((unsigned char)text[0]))
        return error_set(e, ERR_INVALID, "'%s' is not a whole number", text);
    *ret_value = v;
    return ERR_OK;
}

enum err str_to_double(struct str s, double *ret_value, struct error *e)
{
    char text[48];
    if (s.n == 0 || s.n >= sizeof text)
        return error_set(e, ERR_INVALID, "'%.*s' is not a number", (int)(s.n < 40 ? s.n : 40), s.p);
    snprintf(text, sizeof text, "%.*s", STR_ARGS(s));
    char *end = NULL;
    errno = 0;
    double v = strtod(text, &end);
    /* strtod also reads white space, hexadecimal, "inf" and "nan" */
    if (errno || end != text + s.n || strspn(text, "+-.0123456789eE") != s.n)
        return error_set(e, ERR_INVALID, "'%s' is not a number", text);
    *ret_value = v;
    return ERR_OK;
}

/* May b follow the lead byte? It is where overlong forms, surrogates and code points beyond
 * U+10FFFF show. RFC 3629 section 4. */
static bool utf8_second(unsigned char lead, unsigned char b)
{
    switch (lead) {
    case 0xE0:
        return b >= 0xA0;
    case 0xED:
        return b <= 0x9F;
    case 0xF0:
        return b >= 0x90;
    case 0xF4:
        return b <= 0x8F;
    }
    return true;
}

/* Length of the UTF-8 sequence at p (n bytes left), 0 when malformed. */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t want = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n < want || !utf8_second(p[0], p[1]))
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return want;
}

bool str_is_utf8(struct str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t step = utf8_sequence((const unsigned char *)s.p + i, s.n - i);
        if (!step)
            return false;
        i += step;
    }
    return true;
}

size_t str_characters(struct str s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}
