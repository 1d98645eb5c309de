/* What happens to the marks of a session beyond being seen: the absences at its end.
 *
 * Each change is the mark's row, a register event in the session's chain, and a mark_changed in the
 * outbox, in the caller's transaction. */
#pragma once

#include "store/mark.h"
#include "store/session.h"

/* Makes the mark_changed of a mark as it is now; in `a`. Errors NOMEM. */
typedef enum err (*mark_event_fn)(void *ctx, struct arena *a, const struct mark *m,
                                  struct outbox_event *ret_event, struct error *e);

/* What writing marks takes; borrowed. */
struct mark_writer {
    struct register_hasher hasher;
    mark_event_fn event;
    void *event_ctx;
};

/* session_stop, and an absent mark (source rule) for everybody who was on the roster at its end and
 * has no mark; `actor` closed it. Closing again writes what is missing, so a close may be repeated
 * at any time; ret_absent = how many it wrote. Errors as session_stop, NOMEM. */
NODISCARD enum err session_close(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                                 struct str actor, const struct mark_writer *w,
                                 struct session *ret_session, bool *ret_changed, int *ret_absent,
                                 struct error *e);
