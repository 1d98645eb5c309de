/* Strings with their length: `struct str` borrows bytes that somebody else owns.
 *
 * A str need not be terminated and may hold zero bytes; it never owns. Print one with
 * printf("%.*s", STR_ARGS(s)). Thread: any. */
#pragma once

#include "base/error.h"

#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_ARGS(s) (int)(s).n, (s).p

/* A str over the terminated string s; NULL gives an empty one. */
static inline struct str str_from(const char *s)
{
    return (struct str){s ? s : "", s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *b) { return str_eq(a, str_from(b)); }

static inline bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

/* ASCII case-insensitive equality (header names, media types). */
bool str_eq_nocase(struct str a, struct str b);

/* Cuts the next part before `sep` off *rest (which moves past it); false at the end. */
bool str_split(struct str *rest, char sep, struct str *ret_part);

/* s without ASCII white space at both ends. */
struct str str_trim(struct str s);

/* Decimal integer filling all of s. Errors INVALID (empty, other characters, out of range). */
NODISCARD enum err str_to_i64(struct str s, int64_t *ret_value, struct error *e);

/* Decimal number filling all of s, C locale. Errors INVALID. */
NODISCARD enum err str_to_double(struct str s, double *ret_value, struct error *e);

/* True when s is well-formed UTF-8 without overlong forms and surrogates (RFC 3629). */
bool str_is_utf8(struct str s);

/* Unicode code points of well-formed UTF-8, as both databases count them too: each limit of a text
 * in a schema and in a table is one of characters. */
size_t str_characters(struct str s);
