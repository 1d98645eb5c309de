/* One frame on its way through recognition; shared by recognise.c and sighting.c. */
#pragma once

#include "attendance/event.h"
#include "jobs/internal.h"
#include "store/live.h"

/* All memory is the worker's arena. Arrays have a row a face, [seen.n]. */
struct pass {
    struct worker *w;
    const struct jobs_env *env;
    const struct work_frame *f;
    struct live_session session;
    struct live_roster roster;
    struct decide_thresholds thresholds;
    struct vision_result seen;
    struct gallery_match *matches;
    struct decide_face *faces;
    struct decide_result *decided;
    struct event_face *out;
    struct event_timing timing;
    usec_t started_mono;
    bool made_mark;
};

/* Adds a sighting of the student of face i; enough of them make the mark. Refines decided[i] and
 * fills out[i].mark. Errors: retryable ones mean that the frame should be delivered again. */
NODISCARD enum err pass_sighting(struct pass *p, int i, struct error *e);
