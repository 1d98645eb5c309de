/* Whole tables in one pass, for imports: rows go to a function and are not kept, so that memory is
 * the caller's choice. Inside db_tx or db_read. Thread: any. */
#pragma once

#include "store/course.h"
#include "store/student.h"

/* Text is borrowed for the call. An error ends the pass and is returned. */
typedef enum err (*bulk_student_fn)(void *ctx, const struct student *student, struct error *e);
/* All students, without counts of templates. */
NODISCARD enum err bulk_students(struct db_cx *cx, bulk_student_fn fn, void *ctx, struct error *e);
