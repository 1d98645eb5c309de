/* In which minutes of a session a student was seen: what minutes and sweeps are counted from.
 *
 * A row a student and minute, written with the mark it belongs to, in its transaction. Minutes are
 * whole ones since the session's start: a sitting's first minute is 0. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct presence_row {
    int64_t minute, sightings;
    double best_score;
};

/* A sighting in that minute: one more, or the first. Errors NOT_FOUND (session or student gone),
 * INVALID (a minute before the start). */
NODISCARD enum err presence_add(struct db_cx *cx, struct session_id session,
                                struct student_id student, int64_t minute, double score,
                                struct error *e);
/* Was the student seen in that minute? */
NODISCARD enum err presence_has(struct db_cx *cx, struct session_id session,
                                struct student_id student, int64_t minute, bool *ret_has,
                                struct error *e);
/* The minutes of one student, rising. */
NODISCARD enum err presence_list(struct db_cx *cx, struct arena *a, struct session_id session,
                                 struct student_id student, struct presence_row **ret_rows,
                                 int *ret_n, struct error *e);

/* Calls fn for each student and minute of the session, by student, minutes rising. */
typedef void (*presence_fn)(void *ctx, struct student_id student, int64_t minute);
NODISCARD enum err presence_each(struct db_cx *cx, struct session_id session, presence_fn fn,
                                 void *ctx, struct error *e);
