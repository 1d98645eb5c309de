/* Time zone files (TZif, versions 2 to 4): the offset from UTC that a place keeps at a time.
 *
 * A file lists the changes of clocks that are known, and ends with the rule by which they go on: a
 * POSIX TZ string such as CET-1CEST,M3.5.0,M10.5.0/3. Both are read, so that a time after the last
 * change of the list is right, too. Files that count leap seconds (right/...) are refused.
 *
 * Source: RFC 9636 (format), POSIX.1 base definitions section 8.3 with the extension of RFC 9636
 * section 3.3.2 (hours from -167 to 167). Cost: reading is linear in the file; a lookup is a binary
 * search or, behind the list, ten lines of arithmetic. Thread: any; a zone never changes. */
#pragma once

#include "base/str.h"

enum { TZIF_BYTES_MAX = 256 * 1024 };

/* From `second` on (UTC, since 1970) the clock is ahead of UTC by offset_s. */
struct tzif_change {
    int64_t second;
    int32_t offset_s;
};

enum tzif_day { TZIF_JULIAN, TZIF_ORDINAL, TZIF_WEEKDAY };

/* A day of every year and a time on it. */
struct tzif_date {
    enum tzif_day kind;
    int32_t day;               /* JULIAN: 1..365, never 29 February; ORDINAL: 0..365 */
    int32_t month, week, wday; /* WEEKDAY: 1..12, 1..5 (5: the last), 0..6 from Sunday */
    int32_t time_s;            /* from the midnight that begins the day */
};

struct tzif_rule {
    bool present, has_daylight;
    int32_t standard_s, daylight_s; /* offsets from UTC */
    struct tzif_date start, end;    /* of daylight: in standard, in daylight time */
};

struct tzif {
    int32_t first_s; /* the offset before the first change */
    struct tzif_rule rule;
    int n;
    struct tzif_change changes[];
};

/* Errors INVALID (no TZif file, version 1, damaged), NOMEM. Owner: the caller (tzif_free). */
NODISCARD enum err tzif_new(struct str bytes, struct tzif **ret_zone, struct error *e);
void tzif_free(struct tzif *z);
void tzif_freep(struct tzif **z);
/* The POSIX TZ string alone; an empty one is none. Errors INVALID. */
NODISCARD enum err tzif_rule_parse(struct str text, struct tzif_rule *ret_rule, struct error *e);
/* Seconds by which the clock is ahead of UTC. second within +-2^40. */
int32_t tzif_offset(const struct tzif *z, int64_t second);
