/* Calendar days and clock times without a zone: what a timetable is written in.
 *
 * A day is the number of days since 1970-01-01 (day 0, a Thursday) in the Gregorian calendar; a
 * clock time is the minute of the day, 0 to 1439. tz.h makes a point in time of them.
 * Thread: any. */
#pragma once

#include "base/time.h"

enum {
    DAY_TEXT = 11,        /* 2026-11-22 and the terminator */
    CLOCK_TEXT = 6,       /* 09:15 and the terminator */
    DAY_MAX = 84005,      /* 2199-12-31, the last day that is understood; the first is 1970-01-01 */
    MINUTES_OF_DAY = 1440 /* by the clock: days on which clocks change have others in truth */
};

/* 2026-11-22. Errors INVALID: another form, no such day, outside 1970 to 2199. */
NODISCARD enum err day_parse(struct str s, int64_t *ret_day, struct error *e);
/* day within 0..DAY_MAX. */
void day_format(int64_t day, char text[static DAY_TEXT]);
/* 1 Monday to 7 Sunday, as ISO 8601 counts. */
int day_weekday(int64_t day);
/* The day of a time, rounded down: of a local time the local day, of a UTC time the day in UTC. */
int64_t day_of(usec_t at);

/* 09:15, from 00:00 to 23:59. Errors INVALID. */
NODISCARD enum err clock_parse(struct str s, int64_t *ret_minute, struct error *e);
/* minute within 0..1439. */
void clock_format(int64_t minute, char text[static CLOCK_TEXT]);

/* First and last day, both part of it; last < first: no day at all. */
struct day_range {
    int64_t first, last;
};

/* Every week on one weekday, within days. */
struct weekly {
    int weekday; /* as day_weekday */
    struct day_range days;
};
