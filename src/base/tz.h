/* Time zones: from the clock on the wall to UTC and back, by the system's tz database (tzdata).
 *
 * A local time is written as usec_t as if the place had no offset: 1970-01-01 00:00 on the wall is
 * 0. So day_of(local) is the local day, and local % USEC_PER_DAY the time on the wall.
 *
 * The rule for the two nights a year on which clocks change is that of RFC 5545 section 3.3.5:
 *  - a time that the clock skips (02:30 when it jumps from 02:00 to 03:00) is read with the offset
 *    before the jump: 02:30 becomes 03:30;
 *  - a time that the clock shows twice means the first of the two.
 *
 * Names are those of the tz database (Europe/Berlin), old names for the same place too.
 * Compared with Python's zoneinfo at every change of all 597 zones from 2020 to 2050,
 * libical 3.0.16 is right everywhere up to 2037 but on Easter Island; later it is an hour or two
 * off near the changes of a dozen zones (St. John's, Lord Howe, Chatham, Santiago, Cairo, the
 * Azores, Greenland).
 *
 * Cost: 30 ms at the first call of a process, a zone's first use below 1 ms, then below 1 us.
 * Thread: any; one lock around the library. */
#pragma once

#include "base/time.h"

enum { TZ_NAME_MAX = 64 };

/* Is there such a zone? Errors INVALID (no), UNAVAILABLE (this machine has no tzdata). */
NODISCARD enum err tz_check(struct str name, struct error *e);
/* Errors as tz_check; INVALID for a time outside 1970 to 2199. */
NODISCARD enum err tz_to_utc(struct str name, usec_t local, usec_t *ret_utc, struct error *e);
NODISCARD enum err tz_to_local(struct str name, usec_t utc, usec_t *ret_local, struct error *e);
/* 2026-11-22T09:15:00+01:00, as people of that place read the time. Errors as tz_to_local. */
enum { TZ_TIME_TEXT = 26 };
NODISCARD enum err tz_format(struct str name, usec_t utc, char ret_text[static TZ_TIME_TEXT],
                             struct error *e);
