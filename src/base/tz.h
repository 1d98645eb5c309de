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
 * They come from the files of the system's package tzdata (/usr/share/zoneinfo), read by
 * base/tzif.h with the rule for the years after their lists; tests/tools/test_time_zones.py
 * compares every change of every zone from 2020 to 2050 with Python's zoneinfo. A process keeps the
 * zones it read: after an update of tzdata it is started again.
 *
 * Cost: a zone's first use reads a file of some KiB (below 1 ms), then below 1 us.
 * Thread: any; one lock around the list of zones read. */
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
