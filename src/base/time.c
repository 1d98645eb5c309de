/* Time: see time.h. System calls through the vDSO; no state. Any thread. */
#include "base/time.h"

#include <stdio.h>
#include <time.h>

static usec_t clock_usec(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (usec_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

usec_t time_utc(void) { return clock_usec(CLOCK_REALTIME); }

usec_t time_mono(void) { return clock_usec(CLOCK_MONOTONIC); }

void time_format_iso(usec_t utc, char text[static TIME_TEXT])
{
    usec_t us = utc % USEC_PER_SEC;
    time_t sec = (time_t)(utc / USEC_PER_SEC);
    if (us < 0) {
        us += USEC_PER_SEC;
        sec--;
    }
    struct tm tm;
    gmtime_r(&sec, &tm);
    snprintf(text, TIME_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
             (unsigned)(tm.tm_year + 1900) % 10000u, (unsigned)(tm.tm_mon + 1) % 100u,
             (unsigned)tm.tm_mday % 100u, (unsigned)tm.tm_hour % 100u, (unsigned)tm.tm_min % 100u,
             (unsigned)tm.tm_sec % 100u, (unsigned)us % 1000000u);
}

/* Reads exactly n digits at *at. */
static bool digits(struct str s, size_t *at, int n, int *ret_value)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (*at >= s.n || s.p[*at] < '0' || s.p[*at] > '9')
            return false;
        v = v * 10 + (s.p[*at] - '0');
    }
    *ret_value = v;
    return true;
}

/* Takes the character c; a letter may be lower-case. */
static bool literal(struct str s, size_t *at, char c)
{
    if (*at >= s.n || (s.p[*at] != c && (c < 'A' || s.p[*at] != c + ('a' - 'A'))))
        return false;
    (*at)++;
    return true;
}

/* ".5": the microseconds; more digits are cut. A point without digits is an error. */
static bool fraction(struct str s, size_t *at, usec_t *ret_us)
{
    usec_t us = 0, unit = USEC_PER_SEC / 10;
    *ret_us = 0;
    if (*at >= s.n || s.p[*at] != '.')
        return true;
    size_t first = ++*at;
    for (; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++) {
        us += unit * (s.p[*at] - '0');
        unit /= 10;
    }
    *ret_us = us;
    return *at > first;
}

/* `Z` or +hh:mm; the offset in minutes. */
static bool offset(struct str s, size_t *at, int *ret_minutes)
{
    int hours = 0, minutes = 0;
    *ret_minutes = 0;
    if (literal(s, at, 'Z'))
        return true;
    if (*at >= s.n || (s.p[*at] != '+' && s.p[*at] != '-'))
        return false;
    int sign = s.p[(*at)++] == '-' ? -1 : 1;
    if (!digits(s, at, 2, &hours) || *at >= s.n || s.p[(*at)++] != ':' ||
        !digits(s, at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* yyyy-mm-ddThh:mm:ss; a leap second (60) is the first second of the next minute. */
static bool date_time(struct str s, size_t *at, struct tm *ret_tm)
{
    enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, PARTS };
    static const struct {
        int digits, min, max;
        char before;
    } parts[PARTS] = {{4, 0, 9999, 0}, {2, 1, 12, '-'}, {2, 1, 31, '-'},
                      {2, 0, 23, 'T'}, {2, 0, 59, ':'}, {2, 0, 60, ':'}};
    int v[PARTS];
    for (int i = 0; i < PARTS; i++) {
        if (parts[i].before && !literal(s, at, parts[i].before))
            return false;
        if (!digits(s, at, parts[i].digits, &v[i]) || v[i] < parts[i].min || v[i] > parts[i].max)
            return false;
    }
    *ret_tm = (struct tm){.tm_year = v[YEAR] - 1900,
                          .tm_mon = v[MONTH] - 1,
                          .tm_mday = v[DAY],
                          .tm_hour = v[HOUR],
                          .tm_min = v[MINUTE],
                          .tm_sec = v[SECOND]};
    return v[DAY] <= days_of(v[YEAR], v[MONTH]);
}

enum err time_parse_iso(struct str s, usec_t *ret_utc, struct error *e)
{
    size_t at = 0;
    struct tm tm;
    int offset_minutes = 0;
    usec_t us = 0;
    if (!date_time(s, &at, &tm) || !fraction(s, &at, &us) || !offset(s, &at, &offset_minutes) ||
        at != s.n)
        return error_set(e, ERR_INVALID, "a time looks like 2026-11-22T08:59:00Z");
    *ret_utc = (usec_t)timegm(&tm) * USEC_PER_SEC + us - offset_minutes * USEC_PER_MIN;
    return ERR_OK;
}
