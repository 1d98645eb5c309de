/* Words for people and for URLs. See words.h. Pure functions; cost linear in the text, the nearest
 * name quadratic in a word's length. Invariant: never writes past the stated maximum, never splits
 * a UTF-8 sequence. */
#include "cmd/words.h"

#include <ctype.h>
#include <wchar.h>

static bool is_word_byte(unsigned char c) { return isalnum(c) || c >= 0x80; }

/* Shortens s so that it does not end inside a UTF-8 sequence. */
static size_t whole_chars(const char *s, size_t n)
{
    size_t keep = n;
    while (keep > 0 && ((unsigned char)s[keep] & 0xC0) == 0x80)
        keep--;
    return keep;
}

void slug_of(struct str name, char ret_slug[static SLUG_MAX])
{
    size_t n = 0;
    bool gap = false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (!is_word_byte(c)) {
            gap = n > 0;
            continue;
        }
        size_t needs = gap ? 2u : 1u;
        if (n + needs >= SLUG_MAX) {
            ret_slug[n] = name.p[i];
            n = whole_chars(ret_slug, n);
            break;
        }
        if (gap)
            ret_slug[n++] = '-';
        gap = false;
        ret_slug[n++] = (char)(c < 0x80 ? tolower(c) : c);
    }
    ret_slug[n] = 0;
}

/* The length of the id before '_' in `1234_Name`, or 0 when the folder is a bare name. */
static size_t id_prefix(const char *folder)
{
    const char *bar = strchr(folder, '_');
    if (!bar || bar == folder || bar[1] == 0)
        return 0;
    size_t n = (size_t)(bar - folder);
    bool digit = false;
    for (size_t i = 0; i < n; i++) {
        if (folder[i] == ' ')
            return 0;
        digit = digit || isdigit((unsigned char)folder[i]);
    }
    return digit && n < SLUG_MAX ? n : 0;
}

void person_of_folder(const char *folder, char ret_external_id[static SLUG_MAX],
                      char ret_name[static WORDS_NAME_MAX])
{
    size_t prefix = id_prefix(folder);
    const char *name = prefix ? folder + prefix + 1 : folder;
    if (prefix)
        snprintf(ret_external_id, SLUG_MAX, "%.*s", (int)prefix, folder);
    else
        slug_of(str_from(folder), ret_external_id);

    bool has_capital = false;
    for (const char *p = name; *p; p++)
        has_capital = has_capital || isupper((unsigned char)*p);
    size_t n = 0;
    for (const char *p = name; *p && n + 1 < WORDS_NAME_MAX; p++) {
        bool starts = p == name || p[-1] == '_' || p[-1] == ' ';
        char c = *p == '_' ? ' ' : *p;
        ret_name[n++] = starts && !has_capital ? (char)toupper((unsigned char)c) : c;
    }
    if (strlen(name) > n)
        n = whole_chars(name, n);
    ret_name[n] = 0;
}

/* Compares the numbers at *a and *b and moves past them. */
static int compare_numbers(const char **a, const char **b)
{
    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    size_t na = strspn(*a, "0123456789"), nb = strspn(*b, "0123456789");
    if (na != nb)
        return na < nb ? -1 : 1;
    int order = memcmp(*a, *b, na);
    *a += na;
    *b += nb;
    return order;
}

int natural_compare(const char *a, const char *b)
{
    const char *whole_a = a, *whole_b = b;
    while (*a && *b) {
        int order = 0;
        if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
            order = compare_numbers(&a, &b);
        } else {
            order = tolower((unsigned char)*a) - tolower((unsigned char)*b);
            a++;
            b++;
        }
        if (order)
            return order;
    }
    if (*a || *b)
        return *a ? 1 : -1;
    return strcmp(whole_a, whole_b);
}

enum { NEAREST_LENGTH = 32 };

/* Levenshtein distance; words longer than NEAREST_LENGTH are far from everything. */
static int edit_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    if (na > NEAREST_LENGTH || nb > NEAREST_LENGTH)
        return NEAREST_LENGTH;
    int row[NEAREST_LENGTH + 1];
    for (size_t j = 0; j <= nb; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = best;
        }
    }
    return row[nb];
}

const char *nearest_name(const char *word, const char *const *names, int n)
{
    const char *best = NULL;
    int best_distance = (int)strlen(word) / 3 + 2; /* more than a third wrong is another word */
    for (int i = 0; i < n; i++) {
        int distance = edit_distance(word, names[i]);
        if (distance < best_distance) {
            best_distance = distance;
            best = names[i];
        }
    }
    return best;
}

void url_encode(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c)) && c != 0)
            buf_putc(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}

/* Reads one character at s (n > 0); ret_columns is its width. Returns its bytes. */
static size_t char_at(const char *s, size_t n, int *ret_columns)
{
    unsigned char c = (unsigned char)s[0];
    size_t length = c < 0x80 ? 1u : c >= 0xF0 ? 4u : c >= 0xE0 ? 3u : 2u;
    if (length > n)
        length = n;
    wchar_t wide = length == 1 ? c : (wchar_t)(c & (0x7Fu >> length));
    for (size_t i = 1; i < length; i++)
        wide = (wchar_t)((wide << 6) | (s[i] & 0x3F));
    int columns = wcwidth(wide);
    *ret_columns = columns >= 0 ? columns : 1;
    return length;
}

int text_columns(struct str s)
{
    int total = 0;
    for (size_t i = 0; i < s.n;) {
        int columns = 0;
        i += char_at(s.p + i, s.n - i, &columns);
        total += columns;
    }
    return total;
}

/* Appends characters of s until `columns` are full; returns columns used. */
static int put_head(struct buf *b, struct str s, int columns)
{
    int used = 0;
    for (size_t i = 0; i < s.n;) {
        int width = 0;
        size_t length = char_at(s.p + i, s.n - i, &width);
        if (used + width > columns)
            break;
        unsigned char c = (unsigned char)s.p[i];
        bool c1 = c == 0xC2 && length == 2 && (unsigned char)s.p[i + 1] < 0xA0;
        if (c < 0x20 || c == 0x7F || c1)
            buf_putc(b, '?');
        else
            buf_append(b, (struct str){s.p + i, length});
        used += width;
        i += length;
    }
    return used;
}

/* The end of s that fits `columns`. */
static struct str tail_of(struct str s, int columns)
{
    int skip = text_columns(s) - columns;
    size_t i = 0;
    while (i < s.n && skip > 0) {
        int width = 0;
        i += char_at(s.p + i, s.n - i, &width);
        skip -= width;
    }
    return (struct str){s.p + i, s.n - i};
}

void text_fit(struct buf *b, struct str s, int columns, bool align_right)
{
    int total = text_columns(s);
    int pad = total < columns ? columns - total : 0;
    if (align_right)
        buf_printf(b, "%*s", pad, "");
    if (total > columns) {
        int head = (columns - 1) * 2 / 3;
        int used = put_head(b, s, head);
        buf_putc(b, '~');
        used += 1 + put_head(b, tail_of(s, columns - 1 - used), columns - 1 - used);
        pad = columns - used;
    } else {
        (void)put_head(b, s, columns);
    }
    if (!align_right)
        buf_printf(b, "%*s", pad, "");
}
