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

static bool literal(struct str s, size_t *at, char c)
{
    if (*at >= s.n || (s.p[*at] != c && s.p[*at] != c + ('a' - 'A')))
        return false;
    (*at)++;
    return true;
}

static usec_t fraction(struct str s, size_t *at)
{
    usec_t us = 0, unit = USEC_PER_SEC / 10;
    if (*at >= s.n || s.p[*at] != '.')
        return 0;
    for ((*at)++; *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9'; (*at)++) {
        us += unit * (s.p[*at] - '0');
        unit /= 10;
    }
    return us;
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

static bool date_time(struct str s, size_t *at, struct tm *ret_tm)
{
    int year, month;
    struct tm tm = {0};
    if (!digits(s, at, 4, &year) || *at >= s.n || s.p[(*at)++] != '-' ||
        !digits(s, at, 2, &month) || *at >= s.n || s.p[(*at)++] != '-' ||
        !digits(s, at, 2, &tm.tm_mday) || !literal(s, at, 'T') || !digits(s, at, 2, &tm.tm_hour) ||
        *at >= s.n || s.p[(*at)++] != ':' || !digits(s, at, 2, &tm.tm_min) || *at >= s.n ||
        s.p[(*at)++] != ':' || !digits(s, at, 2, &tm.tm_sec))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    *ret_tm = tm;
    return month >= 1 && month <= 12 && tm.tm_mday >= 1 && tm.tm_mday <= 31 && tm.tm_hour <= 23 &&
           tm.tm_min <= 59 && tm.tm_sec <= 60;
}

enum err time_parse_iso(struct str s, usec_t *ret_utc, struct error *e)
{
    size_t at = 0;
    struct tm tm;
    int offset_minutes = 0;
    if (date_time(s, &at, &tm)) {
        int day = tm.tm_mday;
        usec_t us = fraction(s, &at);
        bool ok = offset(s, &at, &offset_minutes) && at == s.n;
        usec_t utc = (usec_t)timegm(&tm) * USEC_PER_SEC + us - offset_minutes * USEC_PER_MIN;
        if (ok && (tm.tm_mday == day || tm.tm_sec == 0)) {
            *ret_utc = utc;
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID, "a time looks like 2026-11-22T08:59:00Z");
}
