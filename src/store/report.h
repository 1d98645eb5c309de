/* What reports read: pages of rows over marks, in an order that a next page can follow.
 *
 * A page is one query on one snapshot; a report of many pages is not one snapshot, and says when
 * each part was read by when it was asked. Totals come from attendance_total, which triggers keep,
 * unless only some sessions are asked for. Texts lie in `a`. Inside db_read; thread: any. */
#pragma once

#include "base/id.h"
#include "base/tz.h"
#include "store/db.h"

/* Which sessions; zeroed: all. */
struct report_filter {
    struct course_id course;  /* empty: of every course */
    char instructor[ID_TEXT]; /* a user: only courses that this one teaches; empty: any */
    usec_t from, to;          /* from <= the session's time < to; 0: no limit */
    int weekday;              /* 1 Monday to 7; 0: any */
    char tz[TZ_NAME_MAX];     /* of the place whose weekdays these are; asked only with weekday */
};
/* Do period or weekday leave sessions out? Totals then have to be counted from the marks. */
bool report_filter_some(const struct report_filter *f);

struct report_counts {
    int64_t present, late, left_early, absent, excused;
};

/* A student in one session. */
struct report_seen {
    char id[ID_TEXT];
    struct str external_id, name;
    struct str status; /* empty: no mark */
    usec_t first_seen, last_seen;
    int64_t minutes; /* of the session with a sighting */
};
/* Who was on the roster at `at` or has a mark; after: the last external_id seen, or empty. */
NODISCARD enum err report_session_rows(struct db_cx *cx, struct arena *a, struct session_id session,
                                       struct course_id course, usec_t at, struct str after,
                                       int limit, struct report_seen **ret_rows, int *ret_n,
                                       struct error *e);
/* How many marks of each status (in `status`), n in `n`. */
struct report_status_count {
    struct str status;
    int64_t n;
};
NODISCARD enum err report_session_counts(struct db_cx *cx, struct arena *a,
                                         struct session_id session,
                                         struct report_status_count **ret_rows, int *ret_n,
                                         struct error *e);

/* A session as a column of its course's report. */
struct report_session {
    struct session_id id;
    struct str title, status;
    usec_t at, started_at;
};
NODISCARD enum err report_course_sessions(struct db_cx *cx, struct arena *a,
                                          struct course_id course,
                                          const struct report_filter *filter, int limit,
                                          struct report_session **ret_rows, int *ret_n,
                                          struct error *e);
/* A mark of a student of the course, or (session empty) a student without one. `limit` students. */
struct report_mark {
    char id[ID_TEXT];
    struct str external_id, name;
    struct session_id session;
    struct str status;
    usec_t first_seen;
};
NODISCARD enum err report_course_marks(struct db_cx *cx, struct arena *a, struct course_id course,
                                       struct str after, int limit, struct report_mark **ret_rows,
                                       int *ret_n, struct error *e);

/* One session of one student. */
struct report_sitting {
    struct session_id session;
    usec_t at, started_at, first_seen, last_seen;
    int64_t minutes; /* of the session with a sighting */
    struct str title, course_code, course_title, term;
    struct str status; /* empty: no mark yet */
};
/* Behind (after_at, after). */
NODISCARD enum err report_student_rows(struct db_cx *cx, struct arena *a, struct student_id student,
                                       const struct report_filter *filter, usec_t after_at,
                                       struct session_id after, int limit,
                                       struct report_sitting **ret_rows, int *ret_n,
                                       struct error *e);
/* Marks of the student in a course with one status. */
struct report_course_count {
    struct course_id course;
    struct str code, title, term, status;
    int64_t n;
};
NODISCARD enum err report_student_courses(struct db_cx *cx, struct arena *a,
                                          struct student_id student,
                                          const struct report_filter *filter,
                                          struct report_course_count **ret_rows, int *ret_n,
                                          struct error *e);

/* A student's or a course's marks in a term, counted. */
struct report_total {
    char id[ID_TEXT];
    struct str key;  /* external_id, or the course's code */
    struct str name; /* of the student, or the course's title */
    int64_t n;       /* a student's courses, or marks; a course's students. 0: nothing there */
    struct report_counts counts;
};
/* The next `limit` students of all, whether or not they have a mark in the term. */
NODISCARD enum err report_term_students(struct db_cx *cx, struct arena *a, struct str term,
                                        const struct report_filter *filter, struct str after,
                                        int limit, struct report_total **ret_rows, int *ret_n,
                                        struct error *e);
/* The next `limit` students with less than `below` percent, of whole totals: period and weekday of
 * the filter are not looked at. */
NODISCARD enum err report_term_below(struct db_cx *cx, struct arena *a, struct str term,
                                     const struct report_filter *filter, double below,
                                     struct str after, int limit, struct report_total **ret_rows,
                                     int *ret_n, struct error *e);
NODISCARD enum err report_term_courses(struct db_cx *cx, struct arena *a, struct str term,
                                       const struct report_filter *filter, struct str after,
                                       int limit, struct report_total **ret_rows, int *ret_n,
                                       struct error *e);
NODISCARD enum err report_term_counts(struct db_cx *cx, struct str term,
                                      const struct report_filter *filter, int64_t *ret_courses,
                                      int64_t *ret_sessions, struct error *e);

/* When the whole register was last verified, and what was found. */
struct report_verification {
    usec_t at;        /* 0: never */
    usec_t signed_at; /* when its heads were last signed; 0: never; not set with the others */
    int64_t chains, events, marks, findings;
};
/* Inside a db_tx. */
NODISCARD enum err report_verification_set(struct db_cx *cx, const struct report_verification *v,
                                           struct error *e);
NODISCARD enum err report_verification_get(struct db_cx *cx, struct report_verification *ret_v,
                                           struct error *e);
/* The heads were signed. Inside a db_tx. */
NODISCARD enum err report_signed_set(struct db_cx *cx, usec_t at, struct error *e);

/* The time zone of a report by what it is about (either may be empty): that of the session's room,
 * of a room or term of the course, else of the first site, else UTC. */
NODISCARD enum err report_zone(struct db_cx *cx, struct session_id session, struct course_id course,
                               char ret_tz[static TZ_NAME_MAX], struct error *e);
