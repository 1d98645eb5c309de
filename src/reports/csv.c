/* CSV: see csv.h. Pure text; no state but whether a comma is due. Called by whoever makes a file,
 * on any thread. Invariant: what is written is valid CSV whatever the text holds. */
#include "reports/csv.h"

#include <math.h>

enum { DECIMALS_MAX = 9 };

void csv_begin(struct csv *w, struct buf *out, bool bom)
{
    *w = (struct csv){.out = out};
    if (bom)
        buf_puts(out, "\xEF\xBB\xBF");
}

static void cell_begin(struct csv *w)
{
    if (w->in_row)
        buf_putc(w->out, ',');
    w->in_row = true;
}

static bool looks_like_formula(struct str s)
{
    static const struct str full_width[] = {STR("\uFF1D"), STR("\uFF0B"), STR("\uFF0D"),
                                            STR("\uFF20")};
    if (s.n > 0 && memchr("=+-@\t\r\n", s.p[0], 7))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(full_width); i++) {
        if (str_starts(s, full_width[i]))
            return true;
    }
    return false;
}

static bool needs_quotes(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (memchr(",;\"\t\r\n", s.p[i], 6))
            return true;
    }
    return s.n > 0 && (s.p[0] == ' ' || s.p[s.n - 1] == ' ');
}

void csv_text(struct csv *w, struct str text)
{
    const char *mark = looks_like_formula(text) ? "'" : "";
    cell_begin(w);
    if (!needs_quotes(text)) {
        buf_puts(w->out, mark);
        buf_append(w->out, text);
        return;
    }
    buf_putc(w->out, '"');
    buf_puts(w->out, mark);
    while (text.n > 0) {
        const char *quote = memchr(text.p, '"', text.n);
        size_t n = quote ? (size_t)(quote - text.p) + 1 : text.n;
        buf_append(w->out, (struct str){text.p, n});
        if (quote)
            buf_putc(w->out, '"');
        text = (struct str){text.p + n, text.n - n};
    }
    buf_putc(w->out, '"');
}

void csv_int(struct csv *w, int64_t value)
{
    cell_begin(w);
    buf_printf(w->out, "%lld", (long long)value);
}

void csv_real(struct csv *w, double value, int decimals)
{
    cell_begin(w);
    if (!isnan(value))
        buf_printf(w->out, "%.*f", decimals < DECIMALS_MAX ? decimals : DECIMALS_MAX, value);
}

void csv_time(struct csv *w, usec_t utc)
{
    char text[TIME_TEXT];
    cell_begin(w);
    if (!utc)
        return;
    time_format_iso(utc, text);
    buf_puts(w->out, text);
}

void csv_end_row(struct csv *w)
{
    buf_puts(w->out, "\r\n");
    w->in_row = false;
}

void csv_row(struct csv *w, const char *const *cells, int n)
{
    for (int i = 0; i < n; i++)
        csv_text(w, str_from(cells[i]));
    csv_end_row(w);
}
