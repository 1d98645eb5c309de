/* Whose a row is: what the row rules of the API ask, and who teaches a course.
 *
 * A scope limits somebody to the rows that are theirs: an instructor to the courses taught, a
 * student to the own record. Lists take one and filter in SQL; single rows are asked for by
 * access_check. Everything inside db_tx or db_read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

/* Empty text does not limit; both empty: every row. */
struct scope {
    char instructor[ID_TEXT]; /* a user: only the courses of this one */
    char student[ID_TEXT];    /* only this student; SCOPE_NOBODY: a student without a record */
};
#define SCOPE_NOBODY "nobody"

static inline bool scope_is_all(const struct scope *s)
{
    return !s || (!s->instructor[0] && !s->student[0]);
}

enum access_to { ACCESS_COURSE, ACCESS_SESSION, ACCESS_STUDENT };
enum { ACCESS_TO_N = ACCESS_STUDENT + 1 };

/* Does the row exist, and is it within the scope (NULL: all)? A student's courses and sessions are
 * those of every roster the student was ever on; an instructor's students those on a roster now. */
NODISCARD enum err access_check(struct db_cx *cx, const struct scope *scope, enum access_to what,
                                const char *id, bool *ret_theirs, struct error *e);

struct instructor {
    char id[ID_TEXT]; /* the user's */
    struct str login, name;
    usec_t created_at; /* since when */
};

/* By name. */
NODISCARD enum err instructor_list(struct db_cx *cx, struct arena *a, struct course_id course,
                                   struct instructor **ret_list, int *ret_n, struct error *e);
/* Naming somebody twice changes nothing. Errors NOT_FOUND (no such course or user). */
NODISCARD enum err instructor_add(struct db_cx *cx, struct course_id course, const char *user,
                                  struct error *e);
/* Errors NOT_FOUND: does not teach it. */
NODISCARD enum err instructor_remove(struct db_cx *cx, struct course_id course, const char *user,
                                     struct error *e);
