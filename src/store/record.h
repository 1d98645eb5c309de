/* A student's record: the own marks over sessions, newest first. Inside db_tx or db_read. Thread:
 * any. */
#pragma once

#include "store/access.h"
#include "store/mark.h"

/* Which marks; empty and 0 do not filter. */
struct record_filter {
    struct course_id course;
    struct str status;
    usec_t from, to; /* the session started, or should have, from <= then < to */
    bool disputed;
    struct session_id before; /* the last one of the page before */
};

struct record_row {
    struct mark mark;
    struct course_id course;
    struct str course_code, course_title, session_title;
    usec_t planned_start, started_at;
};

/* scope (NULL: all) limits to the courses of an instructor; whose record a student may read is the
 * caller's business. */
NODISCARD enum err record_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                               struct student_id student, const struct record_filter *filter,
                               int limit, struct record_row **ret_rows, int *ret_n,
                               struct error *e);
