/* Calendar days: see day.h. Reading and writing go through base/time.h, which knows the months; the
 * rest is arithmetic. No state, any thread. */
#include "base/day.h"

#include <stdio.h>

enum { WEEK = 7, MINUTES_OF_HOUR = 60, EPOCH_WEEKDAY = 4 /* 1970-01-01 was a Thursday */ };

int64_t day_of(usec_t at)
{
    return at >= 0 ? at / USEC_PER_DAY : -((USEC_PER_DAY - 1 - at) / USEC_PER_DAY);
}

int day_weekday(int64_t day)
{
    int64_t n = (day + EPOCH_WEEKDAY - 1) % WEEK;
    return (int)(n < 0 ? n + WEEK : n) + 1;
}

enum err day_parse(struct str s, int64_t *ret_day, struct error *e)
{
    static const char rest[] = "T00:00:00Z";
    char text[DAY_TEXT + sizeof rest];
    usec_t at = 0;
    if (s.n == DAY_TEXT - 1) {
        snprintf(text, sizeof text, "%.*s%s", STR_ARGS(s), rest);
        if (!time_parse_iso(str_from(text), &at, NULL) && at >= 0 && day_of(at) <= DAY_MAX) {
            *ret_day = day_of(at);
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID, "a day looks like 2026-11-22 and lies in 1970 to 2199");
}

void day_format(int64_t day, char text[static DAY_TEXT])
{
    char full[TIME_TEXT];
    time_format_iso(day * USEC_PER_DAY, full);
    memcpy(text, full, DAY_TEXT - 1);
    text[DAY_TEXT - 1] = 0;
}

static bool two_digits(const char *p, int max, int *ret_value)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *ret_value = (p[0] - '0') * 10 + (p[1] - '0');
    return *ret_value <= max;
}

enum err clock_parse(struct str s, int64_t *ret_minute, struct error *e)
{
    int hour = 0, minute = 0;
    if (s.n != CLOCK_TEXT - 1 || s.p[2] != ':' || !two_digits(s.p, 23, &hour) ||
        !two_digits(s.p + 3, 59, &minute))
        return error_set(e, ERR_INVALID, "a time of day looks like 09:15, from 00:00 to 23:59");
    *ret_minute = hour * MINUTES_OF_HOUR + minute;
    return ERR_OK;
}

void clock_format(int64_t minute, char text[static CLOCK_TEXT])
{
    snprintf(text, CLOCK_TEXT, "%02u:%02u", (unsigned)(minute / MINUTES_OF_HOUR) % 24u,
             (unsigned)(minute % MINUTES_OF_HOUR));
}
