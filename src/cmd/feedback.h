/* What people see of a session on a terminal: one line a face as events arrive, and the attendance
 * table at the end.
 *
 *     16:25:03  kim/002.jpg           present         1042  Kim Novak        0.812 (0.609)   41 ms
 *
 * Columns are aligned; colour only on a terminal and not with NO_COLOR. External ids are asked from
 * the server once a student and shown when it tells them. Thread: one (main). */
#pragma once

#include "cmd/remote.h"

#include <stdio.h>

struct feedback;

/* remote (borrowed, must outlive it) is asked for external ids; NULL: ids are not shown. */
NODISCARD enum err feedback_new(FILE *out, struct remote *remote, struct feedback **ret_feedback,
                                struct error *e);
void feedback_free(struct feedback *f);
/* Cleanup attribute helper. */
void feedback_freep(struct feedback **f);

/* The heading of the live lines. */
void feedback_heading(struct feedback *f);
/* The lines of a frame_result event. */
void feedback_result(struct feedback *f, const char *frame_name, const json_t *event);
/* A line about a frame without a result: status such as "dropped", and why. */
void feedback_note(struct feedback *f, const char *frame_name, const char *status,
                   const char *text);

/* The attendance table from GET /v1/sessions/{id}/marks: first who was seen, then who is missing.
 */
void feedback_table(struct feedback *f, const json_t *marks);

/* True when `out` should get colour: a terminal, and NO_COLOR unset or empty (no-color.org). */
bool feedback_wants_colour(FILE *out);
