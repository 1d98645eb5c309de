/* Courses and their rosters. A roster row never changes, it ends: who was enrolled on a day is
 * kept. */
#pragma once

#include "store/access.h"
#include "store/page.h"

struct course {
    struct course_id id;
    struct str code;       /* unique together with term, <= 64 bytes */
    struct str title;      /* <= 200 bytes */
    struct str term;       /* free text such as 2026W; may be empty */
    char term_id[ID_TEXT]; /* the term with days that it belongs to; empty: none */
    /* attendance policy of the course; a session takes a snapshot. 0: not asked for */
    int64_t confirmations, late_after_min, early_before_min, minutes_needed;
    int64_t sweeps, sweeps_needed; /* of `sweeps` equal parts of the session so many */
    int64_t version;
    usec_t created_at, updated_at;
};

/* Times as in student.h, here and below. Errors CONFLICT: code and term are taken; NOT_FOUND:
 * no such term_id; INVALID. */
NODISCARD enum err course_insert(struct db_cx *cx, const struct course *c, struct error *e);
/* Errors NOT_FOUND. */
NODISCARD enum err course_get(struct db_cx *cx, struct arena *a, struct course_id id,
                              struct course *ret_course, struct error *e);
/* Of the scope (NULL: all), in order of id after `after` (empty: from the start). */
NODISCARD enum err course_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                               struct course_id after, int limit, struct course **ret_courses,
                               int *ret_n, struct error *e);
/* Filters of course_search; empty text does not filter. */
struct course_filter {
    struct str search, term;  /* search: part of code or title */
    char instructor[ID_TEXT]; /* a user who teaches it */
};
/* As course_list, filtered and sorted: code, title, created_at. Cost: a pass over all. */
NODISCARD enum err course_search(struct db_cx *cx, struct arena *a, const struct scope *scope,
                                 const struct course_filter *f, const struct list_page *page,
                                 struct course **ret_courses, int *ret_n, struct error *e);
/* As student_update. Errors NOT_FOUND, PRECONDITION, CONFLICT. */
NODISCARD enum err course_update(struct db_cx *cx, const struct course *c, int64_t *ret_version,
                                 struct error *e);
/* Removes the course with its roster. Errors NOT_FOUND; CONFLICT when sessions exist. */
NODISCARD enum err course_delete(struct db_cx *cx, struct course_id id, struct error *e);

struct roster_row {
    struct student_id student;
    struct str external_id, name;
    int64_t templates; /* photos behind the student's template of `encoder` */
    usec_t valid_from;
    usec_t valid_to; /* 0: still enrolled */
};

/* Enrols the student in the course from `at`; enrolling twice changes nothing (ret_added false).
 * Errors NOT_FOUND (student or course). Grows course.roster_version when something changed. */
NODISCARD enum err roster_add(struct db_cx *cx, struct course_id course, struct student_id student,
                              usec_t at, bool *ret_added, struct error *e);
/* Ends the enrolment at `at`. Errors NOT_FOUND when not enrolled. */
NODISCARD enum err roster_remove(struct db_cx *cx, struct course_id course,
                                 struct student_id student, usec_t at, struct error *e);
/* Who is enrolled at `at`, by name. */
NODISCARD enum err roster_list(struct db_cx *cx, struct arena *a, struct course_id course,
                               usec_t at, struct str encoder, struct str preprocessing,
                               struct roster_row **ret_rows, int *ret_n, struct error *e);
/* The same of whoever was enrolled at any moment from first to last. */
struct roster_span {
    usec_t first, last;
};
NODISCARD enum err roster_during(struct db_cx *cx, struct arena *a, struct course_id course,
                                 const struct roster_span *span, struct str encoder,
                                 struct str preprocessing, struct roster_row **ret_rows, int *ret_n,
                                 struct error *e);
/* Is the student enrolled at `at`? */
NODISCARD enum err roster_has(struct db_cx *cx, struct course_id course, struct student_id student,
                              usec_t at, bool *ret_has, struct error *e);
/* Only the ids, sorted by text (for bsearch), with the roster's version. Errors NOT_FOUND (course).
 */
NODISCARD enum err roster_ids(struct db_cx *cx, struct arena *a, struct course_id course, usec_t at,
                              struct student_id **ret_ids, int *ret_n, int64_t *ret_version,
                              struct error *e);
