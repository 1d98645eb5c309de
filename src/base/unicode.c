/* Text that people write. See unicode.h. utf8proc has the tables of Unicode; plain ASCII, most of
 * what comes, never reaches it. Cost: one pass. Thread: any. */
#include "base/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

enum { BOM = 0xFEFF };

/* The code point that s, which is well-formed, begins with; its length. */
static size_t next_point(struct str s, utf8proc_int32_t *ret_point)
{
    utf8proc_ssize_t n =
        utf8proc_iterate((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, ret_point);
    return n > 0 ? (size_t)n : 1;
}

static bool is_space(utf8proc_int32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == BOM ||
           utf8proc_category(c) == UTF8PROC_CATEGORY_ZS;
}

static bool is_control(utf8proc_int32_t c)
{
    utf8proc_category_t k = utf8proc_category(c);
    return k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

/* s, well-formed, without white space at both ends. */
static struct str trim(struct str s)
{
    utf8proc_int32_t c;
    size_t first = 0, end = 0;
    bool begun = false;
    for (size_t i = 0, n; i < s.n; i += n) {
        n = next_point((struct str){s.p + i, s.n - i}, &c);
        if (is_space(c))
            continue;
        first = begun ? first : i;
        begun = true;
        end = i + n;
    }
    return (struct str){s.p + first, begun ? end - first : 0};
}

static enum err check(struct str s, bool *ret_ascii, struct error *e)
{
    utf8proc_int32_t c;
    *ret_ascii = true;
    for (size_t i = 0, n; i < s.n; i += n) {
        n = next_point((struct str){s.p + i, s.n - i}, &c);
        if (is_control(c))
            return error_set(e, ERR_INVALID, "holds a control character or a line end");
        *ret_ascii = *ret_ascii && c < 0x80;
    }
    return ERR_OK;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] & 0x80)
            return false;
    return true;
}

static enum err no_memory(struct str s, struct error *e)
{
    return error_set(e, ERR_NOMEM, "no memory for a text of %zu bytes", s.n);
}

enum err unicode_nfc(struct str s, struct arena *a, struct str *ret_text, struct error *e)
{
    struct str text = {0};
    if (is_ascii(s)) {
        text = arena_copy(a, s);
        if (!text.p)
            return no_memory(s, e);
        *ret_text = text;
        return ERR_OK;
    }
    utf8proc_uint8_t *out = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n, &out,
                                      (utf8proc_option_t)(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
    if (n >= 0)
        text = arena_copy(a, (struct str){(const char *)out, (size_t)n});
    free(out);
    if (!text.p)
        return no_memory(s, e);
    *ret_text = text;
    return ERR_OK;
}

enum err unicode_normal(struct str text, struct arena *a, struct str *ret_text, struct error *e)
{
    bool ascii;
    if (!str_is_utf8(text))
        return error_set(e, ERR_INVALID, "is not UTF-8");
    struct str s = trim(text);
    enum err r = check(s, &ascii, e);
    if (r)
        return r;
    if (!ascii)
        return unicode_nfc(s, a, ret_text, e);
    *ret_text = s;
    return ERR_OK;
}
