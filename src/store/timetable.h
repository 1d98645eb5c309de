/* Timetables: when a course meets week by week, in the clock of its site, and the sessions made
 * from that. Inside db_tx or db_read unless said otherwise, any thread.
 *
 * Sessions are made `horizon` days ahead. Each day of a timetable is remembered with the session it
 * became: so a run may be repeated, or be done by two at once, and a session that a person
 * cancelled, moved or deleted is not made again. A change of timetable, holidays, term or the
 * site's zone changes, adds and removes only sessions that lie ahead and that nobody has touched
 * since they were made. */
#pragma once

#include "base/day.h"
#include "store/session.h"

enum { TIMETABLE_HORIZON_MAX = 400 };

struct timetable {
    char id[ID_TEXT];
    struct course_id course;
    char site[ID_TEXT];
    char room[ID_TEXT];   /* of that site; empty: none */
    struct str title;     /* of its sessions; may be empty */
    int64_t weekday;      /* 1 Monday to 7 Sunday */
    int64_t start_minute; /* of the site's clock */
    int64_t minutes;      /* ends on the same day */
    int64_t first_day, last_day;
    int64_t version;
    usec_t created_at, updated_at;
    /* read only */
    struct str course_code, course_title, tz;
    struct day_range term; /* of the course; every day without one */
};

/* Errors NOT_FOUND (course, site, or a room that is not of the site), INVALID. */
NODISCARD enum err timetable_insert(struct db_cx *cx, const struct timetable *t, struct error *e);
NODISCARD enum err timetable_get(struct db_cx *cx, struct arena *a, const char *id,
                                 struct timetable *ret_timetable, struct error *e);

/* Empty, 0: any. */
struct timetable_filter {
    char course[ID_TEXT], site[ID_TEXT], room[ID_TEXT];
    int64_t weekday;
};
/* In order of id after `after`. */
NODISCARD enum err timetable_list(struct db_cx *cx, struct arena *a,
                                  const struct timetable_filter *filter, const char *after,
                                  int limit, struct timetable **ret_items, int *ret_n,
                                  struct error *e);
/* Writes all but id and course; version 0: whatever it is. Errors NOT_FOUND, PRECONDITION,
 * INVALID. */
NODISCARD enum err timetable_update(struct db_cx *cx, const struct timetable *t,
                                    int64_t *ret_version, struct error *e);
/* With its sessions after `now` that nobody touched; the others stay. Errors NOT_FOUND. */
NODISCARD enum err timetable_delete(struct db_cx *cx, struct arena *a, const char *id, usec_t now,
                                    struct error *e);
/* Errors CONFLICT: another timetable has the same room, or the same course, at the same time on
 * days that both have; the message names it. */
NODISCARD enum err timetable_check(struct db_cx *cx, struct arena *a, const struct timetable *t,
                                   struct error *e);

/* ---- sessions from timetables */

/* attendance/timetable.h: timetable_days. */
typedef int (*timetable_days_fn)(const struct weekly *weekly, const struct day_range *off,
                                 int n_off, struct day_range window, int64_t *ret_days, int max);

struct timetable_plan {
    usec_t now;
    int64_t horizon_days;                     /* 1..TIMETABLE_HORIZON_MAX */
    int64_t confirm_gap_ms, confirm_window_s; /* for the sessions' policy */
    timetable_days_fn days;
};

struct timetable_result {
    int64_t made, changed, removed;
};

/* Brings the sessions of one timetable up to date in one transaction of its own (not inside
 * db_tx); adds to *result. Errors NOT_FOUND, UNAVAILABLE, INVALID (a zone that tzdata no longer
 * has). */
NODISCARD enum err timetable_sync(struct db *db, const char *id, const struct timetable_plan *plan,
                                  struct timetable_result *result, struct error *e);
/* The same for all timetables, one transaction each. One that fails does not hold up the others:
 * the first error is returned at the end. */
NODISCARD enum err timetable_generate(struct db *db, const struct timetable_plan *plan,
                                      struct timetable_result *ret_result, struct error *e);
