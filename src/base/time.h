/* Time: one type, microseconds; the docstring of each function says which clock.
 * Thread: any. */
#pragma once

#include "base/str.h"

typedef int64_t usec_t;

#define USEC_PER_MSEC ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
#define USEC_PER_MIN (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MIN)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

enum { TIME_TEXT = 28 }; /* 2026-11-22T08:59:00.123456Z and the terminator */

/* Microseconds since 1970 in UTC; may jump when the clock is set. What is stored. */
usec_t time_utc(void);
/* Microseconds of a clock that never goes back; only differences mean anything. */
usec_t time_mono(void);
/* RFC 3339 in UTC with microseconds. */
void time_format_iso(usec_t utc, char text[static TIME_TEXT]);
/* RFC 3339 with `Z` or a numeric offset, fraction optional. Errors INVALID. */
NODISCARD enum err time_parse_iso(struct str s, usec_t *ret_utc, struct error *e);
