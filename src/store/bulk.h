/* Whole tables in one pass, for imports: rows go to a function and are not kept, so that memory is
 * the caller's choice. Inside db_tx or db_read. Thread: any. */
#pragma once

#include "store/course.h"
#include "store/student.h"

/* Text is borrowed for the call. An error ends the pass and is returned. */
typedef enum err (*bulk_student_fn)(void *ctx, const struct student *student, struct error *e);
/* All students who are not erased, without counts of templates. */
NODISCARD enum err bulk_students(struct db_cx *cx, bulk_student_fn fn, void *ctx, struct error *e);

typedef enum err (*bulk_course_fn)(void *ctx, const struct course *course, struct error *e);
NODISCARD enum err bulk_courses(struct db_cx *cx, bulk_course_fn fn, void *ctx, struct error *e);

enum { BULK_ENTRIES_MAX = 6 };

struct bulk_entry {
    char id[ID_TEXT];
    struct course_id course;
    struct student_id student;
    usec_t valid_from, valid_to; /* 0: open */
};
typedef enum err (*bulk_entry_fn)(void *ctx, const struct bulk_entry *entry, struct error *e);
/* All entries of the course, also those that ended, the oldest first. */
NODISCARD enum err bulk_roster(struct db_cx *cx, struct course_id course, bulk_entry_fn fn,
                               void *ctx, struct error *e);
/* n in 1..BULK_ENTRIES_MAX; the rosters' versions are bumped by the caller, once each. Errors
 * CONFLICT: a student is on the roster already, or a course or student is gone. */
NODISCARD enum err bulk_roster_insert(struct db_cx *cx, const struct bulk_entry *entries, int n,
                                      struct error *e);
/* Gives the entry another end (0: none), if it still has the end `was`. Errors CONFLICT. */
NODISCARD enum err bulk_roster_end(struct db_cx *cx, const char *id, usec_t was, usec_t end,
                                   struct error *e);
/* The roster changed. Errors NOT_FOUND. */
NODISCARD enum err bulk_roster_bump(struct db_cx *cx, struct course_id course, int64_t *ret_version,
                                    struct error *e);
