/* Time zone files: see tzif.h. A block is the header, then arrays whose lengths the header tells:
 * every length is held against what is left before anything is read. Version 1's block (32-bit
 * times) is skipped. Not from the hot path: base/tz.c keeps what it read.
 *
 * Invariant: changes ascend, all offsets lie within a day and two hours (RFC 9636 section 3.2). */
#include "base/tzif.h"

#include "base/mem.h"

#include <assert.h>

enum {
    HEADER = 44,
    TIME_BYTES = 8, /* of version 2 and later */
    TYPE_BYTES = 6, /* offset i32, daylight u8, name u8 */
    OFFSET_MAX = 26 * 3600,
    HOUR = 3600,
    MINUTE = 60,
    RULE_HOURS_MAX = 167,
    ZONE_HOURS_MAX = 24,
    NAME_MIN = 3,
    YEAR_DAYS = 365,
};
#define DAY_S ((int64_t)86400)
#define SECOND_MAX ((int64_t)1 << 40)

/* ---- the rule behind the list */

struct cursor {
    const char *p, *end;
};

static bool at_char(struct cursor *c, char want)
{
    bool is = c->p < c->end && *c->p == want;
    c->p += is;
    return is;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool read_number(struct cursor *c, int min, int max, int32_t *ret_value)
{
    const char *begin = c->p;
    int32_t value = 0;
    for (; c->p < c->end && c->p - begin < 3 && is_digit(*c->p); c->p++)
        value = value * 10 + (*c->p - '0');
    *ret_value = value;
    return c->p > begin && value >= min && value <= max;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(struct cursor *c, int hours_max, int32_t *ret_s)
{
    int32_t h = 0, m = 0, s = 0;
    bool minus = at_char(c, '-');
    if (!minus)
        at_char(c, '+');
    if (!read_number(c, 0, hours_max, &h))
        return false;
    if (at_char(c, ':')) {
        if (!read_number(c, 0, 59, &m) || (at_char(c, ':') && !read_number(c, 0, 59, &s)))
            return false;
    }
    *ret_s = (h * HOUR + m * MINUTE + s) * (minus ? -1 : 1);
    return true;
}

/* CET or <+0330>: only its form matters here. */
static bool skip_name(struct cursor *c)
{
    bool quoted = at_char(c, '<');
    const char *begin = c->p;
    for (; c->p < c->end; c->p++) {
        char ch = *c->p;
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!letter && !(quoted && (is_digit(ch) || ch == '+' || ch == '-')))
            break;
    }
    return c->p - begin >= NAME_MIN && (!quoted || at_char(c, '>'));
}

/* ,M3.5.0/2   ,J60   ,59/-1 */
static bool read_date(struct cursor *c, struct tzif_date *d)
{
    bool ok = at_char(c, ',');
    d->time_s = 2 * HOUR;
    if (ok && at_char(c, 'M')) {
        d->kind = TZIF_WEEKDAY;
        ok = read_number(c, 1, 12, &d->month) && at_char(c, '.') &&
             read_number(c, 1, 5, &d->week) && at_char(c, '.') && read_number(c, 0, 6, &d->wday);
    } else if (ok && at_char(c, 'J')) {
        d->kind = TZIF_JULIAN;
        ok = read_number(c, 1, YEAR_DAYS, &d->day);
    } else if (ok) {
        d->kind = TZIF_ORDINAL;
        ok = read_number(c, 0, YEAR_DAYS, &d->day);
    }
    return ok && (!at_char(c, '/') || read_time(c, RULE_HOURS_MAX, &d->time_s));
}

/* The string counts offsets west of Greenwich. */
static bool read_rule(struct cursor *c, struct tzif_rule *r)
{
    if (!skip_name(c) || !read_time(c, ZONE_HOURS_MAX, &r->standard_s))
        return false;
    r->standard_s = -r->standard_s;
    if (c->p == c->end)
        return true;
    r->has_daylight = true;
    r->daylight_s = r->standard_s + HOUR;
    if (!skip_name(c) || c->p == c->end)
        return false; /* daylight without dates means whatever a system likes */
    if (*c->p != ',') {
        if (!read_time(c, ZONE_HOURS_MAX, &r->daylight_s))
            return false;
        r->daylight_s = -r->daylight_s;
    }
    return read_date(c, &r->start) && read_date(c, &r->end) && c->p == c->end;
}

enum err tzif_rule_parse(struct str text, struct tzif_rule *ret_rule, struct error *e)
{
    struct cursor c = {text.p, text.p + text.n};
    struct tzif_rule rule = {.present = text.n > 0};
    if (text.n && !read_rule(&c, &rule))
        return error_set(e, ERR_INVALID, "'%.*s' is no rule for a time zone",
                         (int)(text.n < 80 ? text.n : 80), text.p);
    *ret_rule = rule;
    return ERR_OK;
}

/* ---- days of the rule */

static bool is_leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

/* Days from 1970-01-01 to the first of a month; years of 365.2425 days, counted from March.
 * Source: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil. */
static int64_t first_of(int64_t year, int month)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;
    return era * 146097 + of_era * YEAR_DAYS + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t day_in(const struct tzif_date *d, int64_t year)
{
    int64_t january = first_of(year, 1);
    if (d->kind == TZIF_ORDINAL)
        return january + d->day;
    if (d->kind == TZIF_JULIAN)
        return january + d->day - 1 + (is_leap(year) && d->day > 59);
    int64_t first = first_of(year, d->month);
    int64_t next = d->month == 12 ? first_of(year + 1, 1) : first_of(year, d->month + 1);
    int64_t wday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    int64_t day = first + (d->wday - wday + 7) % 7 + (int64_t)(d->week - 1) * 7;
    return day >= next ? day - 7 : day;
}

static int64_t begin_of(const struct tzif_date *d, int64_t year, int32_t offset_s)
{
    return day_in(d, year) * DAY_S + d->time_s - offset_s;
}

/* The last change at or before the second decides; where daylight ends as it begins again (daylight
 * all year), it begins. Dates may lie a week outside their year, and the year is a guess, hence
 * five of them. */
static int32_t rule_offset(const struct tzif_rule *r, int64_t second)
{
    if (!r->has_daylight)
        return r->standard_s;
    int64_t year = 1970 + second / (DAY_S * 146097 / 400), last = INT64_MIN;
    int32_t offset = r->standard_s;
    for (int64_t y = year - 2; y <= year + 2; y++) {
        int64_t start = begin_of(&r->start, y, r->standard_s);
        int64_t end = begin_of(&r->end, y, r->daylight_s);
        if (end <= second && end > last) {
            last = end;
            offset = r->standard_s;
        }
        if (start <= second && start >= last) {
            last = start;
            offset = r->daylight_s;
        }
    }
    return offset;
}

int32_t tzif_offset(const struct tzif *z, int64_t second)
{
    assert(second >= -SECOND_MAX && second <= SECOND_MAX);
    int low = 0, high = z->n; /* changes before low are at or before the second */
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (z->changes[middle].second <= second)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == z->n && z->rule.present)
        return rule_offset(&z->rule, second);
    return low ? z->changes[low - 1].offset_s : z->first_s;
}

/* ---- the file */

static uint64_t big_endian(const char *p, int bytes)
{
    uint64_t v = 0;
    for (int i = 0; i < bytes; i++)
        v = v << 8 | (uint8_t)p[i];
    return v;
}

struct block {
    size_t ut_n, wall_n, leap_n, change_n, type_n, name_n;
    struct str body; /* arrays, in the order of RFC 9636 section 3.2 */
};

/* Cuts header and arrays off *rest. */
static bool block_read(struct str *rest, size_t time_bytes, struct block *b)
{
    if (rest->n < HEADER || memcmp(rest->p, "TZif", 4) != 0 || rest->p[4] < '2')
        return false;
    size_t *counts[] = {&b->ut_n, &b->wall_n, &b->leap_n, &b->change_n, &b->type_n, &b->name_n};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++)
        *counts[i] = (size_t)big_endian(rest->p + 20 + 4 * i, 4);
    size_t n = b->change_n * (time_bytes + 1) + b->type_n * TYPE_BYTES + b->name_n +
               b->leap_n * (time_bytes + 4) + b->wall_n + b->ut_n; /* 32-bit counts: no overflow */
    if (n > rest->n - HEADER)
        return false;
    b->body = (struct str){rest->p + HEADER, n};
    rest->p += HEADER + n;
    rest->n -= HEADER + n;
    return true;
}

static bool type_offset(const struct block *b, size_t type, int32_t *ret_s)
{
    const char *types = b->body.p + b->change_n * (TIME_BYTES + 1);
    if (type >= b->type_n)
        return false;
    *ret_s = (int32_t)(uint32_t)big_endian(types + type * TYPE_BYTES, 4);
    return *ret_s >= -OFFSET_MAX && *ret_s <= OFFSET_MAX;
}

static bool changes_read(const struct block *b, struct tzif *z)
{
    const char *types = b->body.p + b->change_n * TIME_BYTES;
    int64_t last = INT64_MIN;
    for (z->n = 0; (size_t)z->n < b->change_n; z->n++) {
        struct tzif_change *c = &z->changes[z->n];
        c->second = (int64_t)big_endian(b->body.p + (size_t)z->n * TIME_BYTES, TIME_BYTES);
        if ((z->n && c->second <= last) || !type_offset(b, (uint8_t)types[z->n], &c->offset_s))
            return false;
        last = c->second;
    }
    return type_offset(b, 0, &z->first_s);
}

/* A line feed, the rule, a line feed. */
static bool rule_read(struct str rest, struct tzif_rule *ret_rule)
{
    const char *end = rest.n && rest.p[0] == '\n' ? memchr(rest.p + 1, '\n', rest.n - 1) : NULL;
    return end &&
           !tzif_rule_parse((struct str){rest.p + 1, (size_t)(end - rest.p) - 1}, ret_rule, NULL);
}

enum err tzif_new(struct str bytes, struct tzif **ret_zone, struct error *e)
{
    struct block first = {0}, b = {0};
    if (bytes.n > TZIF_BYTES_MAX || !block_read(&bytes, 4, &first) ||
        !block_read(&bytes, TIME_BYTES, &b) || b.leap_n)
        return error_set(e, ERR_INVALID, "no time zone file of version 2 without leap seconds");
    _cleanup_(tzif_freep) struct tzif *z = mem_alloc(sizeof *z + b.change_n * sizeof z->changes[0]);
    if (!z)
        return error_set(e, ERR_NOMEM, "no memory for a time zone");
    if (!changes_read(&b, z) || !rule_read(bytes, &z->rule))
        return error_set(e, ERR_INVALID, "the time zone file is damaged");
    *ret_zone = TAKE(z);
    return ERR_OK;
}

void tzif_free(struct tzif *z) { mem_free(z); }
void tzif_freep(struct tzif **z) { tzif_free(*z); }
