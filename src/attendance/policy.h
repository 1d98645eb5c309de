/* The rules of attendance: what a student's mark in one session is, from when the student was seen
 * (DESIGN section 3).
 *
 * Two questions. While a session runs: what does a sighting make (mark_status_at)? When it is over:
 * what do all sightings together make (mark_status_at_end)? Times are UTC, so that a clock that is
 * put back or forward in the middle of a session changes nothing. Pure: no I/O, no clock, no
 * allocation. Thread: any. */
#pragma once

#include "base/str.h"
#include "base/time.h"

enum mark_status { MARK_PRESENT, MARK_LATE, MARK_LEFT_EARLY, MARK_ABSENT, MARK_EXCUSED };
enum { MARK_STATUS_N = MARK_EXCUSED + 1 };

const char *mark_status_name(enum mark_status s);

/* Where a mark's word comes from: MARK_SOURCE_RULE are the absences of a session's end. */
#define MARK_SOURCE_RULE "rule"
#define MARK_SOURCE_MANUAL "manual"

/* A course's rules, snapshotted per session. What is 0 is not asked for. */
struct attendance_policy {
    usec_t late_after;   /* first seen later than start + this: late */
    usec_t early_before; /* last seen earlier than end - this: left early */
    int minutes_needed;  /* minutes of the session with a sighting: with fewer the student is absent
                          */
    int sweeps, sweeps_needed; /* of `sweeps` equal parts so many need a sighting, else absent */
};

/* From when to when the session really took place. */
struct sitting {
    usec_t start, end;
};

/* What is known of a student in a session. */
struct presence {
    usec_t first_seen, last_seen; /* 0: never; last_seen is known to the minute */
    int minutes, sweeps;
};

/* present or late, by the time of the first sighting that counted. */
enum mark_status mark_status_at(const struct attendance_policy *p, usec_t session_start,
                                usec_t first_seen);

/* In which minute of the session, from 0, something at `at` was; -1: before it began. */
int64_t presence_minute(const struct sitting *s, usec_t at);

/* Counting sightings one by one, in rising order: the minute and sweep of the one before. */
struct presence_count {
    int64_t minute, sweep;
};
static inline struct presence_count presence_count_begin(void)
{
    return (struct presence_count){-1, -1};
}
/* One sighting more: known->minutes and sweeps. */
void presence_count(const struct attendance_policy *p, const struct sitting *s, usec_t seen,
                    struct presence_count *at, struct presence *known);

/* What the sightings seen [n], in rising order, amount to. first_seen and last_seen are those of
 * all; minutes and sweeps count those from start to end only. */
struct presence presence_of(const struct attendance_policy *p, const struct sitting *s,
                            const usec_t *seen, int n);

/* The same of a mark's first and last sighting and the minutes [n], rising, in which the student
 * was seen. A minute before the first sighting (a camera that was offline told later) is one, too.
 */
struct presence presence_of_minutes(const struct attendance_policy *p, const struct sitting *s,
                                    usec_t first_seen, usec_t last_seen, const int64_t *minutes,
                                    int n);

/* The mark of a session that is over: absent without enough of a presence; else left early, which
 * is worth more than late (first_seen still tells that); else late or present. Nobody is excused by
 * a rule. */
enum mark_status mark_status_at_end(const struct attendance_policy *p, const struct sitting *s,
                                    const struct presence *seen);

/* May a sighting replace this mark? Only the absence that a rule wrote: what a person said stands,
 * and a sighting that stands is as good as the next. */
bool mark_yields_to_sighting(struct str status, struct str source);
