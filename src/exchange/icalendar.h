/* iCalendar (RFC 5545): from a file to single sittings in UTC. The file is strangers' bytes.
 *
 * Recurrence (RRULE, RDATE, EXDATE, RECURRENCE-ID) is expanded here; a sitting is named by the
 * event's UID and the UTC time at which the rule put it (`slot`), wherever it was moved to. Times
 * are read with the zone that their TZID names in the tz database, floating times with the default
 * zone; a VTIMEZONE's own rules are not used. Thread: any; two at once are fine. */
#pragma once

#include "base/arena.h"
#include "base/time.h"

enum { ICALENDAR_UID_MAX = 255, ICALENDAR_TITLE_MAX = 200, ICALENDAR_SLOT = 17 };

struct icalendar_limits {
    int events_max, sittings_max; /* of a file; more is an error */
    usec_t from, to;              /* sittings that end before, or begin after, are left out */
};

struct icalendar_sitting {
    char slot[ICALENDAR_SLOT]; /* 20261123T081500Z */
    usec_t start, end;
    struct str title;
    bool cancelled;
};

struct icalendar_event {
    int number;     /* in the file, from 1 */
    struct str uid; /* 1 to ICALENDAR_UID_MAX bytes */
    struct str title, category;
    struct str problem;   /* p NULL: none; else the event was not read, and why */
    bool all_day;         /* no sittings */
    bool changes_another; /* it was a RECURRENCE-ID of an event before it, which has it now */
    struct icalendar_sitting *sittings;
    int n;
};

struct icalendar {
    struct icalendar_event *events;
    int n;
};

/* Everything lies in `a`. tz: of times without a zone; must be one that tz_check takes. Errors
 * INVALID (no calendar), TOO_LARGE (more than the limits), NOMEM. */
NODISCARD enum err icalendar_read(struct arena *a, struct str bytes, struct str tz,
                                  const struct icalendar_limits *limits,
                                  struct icalendar *ret_calendar, struct error *e);
