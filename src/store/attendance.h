/* What happens to the marks of a session beyond being seen: the absences at its end, and what
 * people say: corrections, excuses, disputes.
 *
 * Each change is the mark's row, a register event in the session's chain, and a mark_changed in the
 * outbox, in the caller's transaction. */
#pragma once

#include "store/mark.h"
#include "store/presence.h"
#include "store/session.h"

/* Makes the mark_changed of a mark as it is now; in `a`. Errors NOMEM. */
typedef enum err (*mark_event_fn)(void *ctx, struct arena *a, const struct mark *m,
                                  struct outbox_event *ret_event, struct error *e);

/* What the rules of a closed session make of a mark that faces made; why is a sentence, in `a`. */
struct mark_ending {
    struct str status;
    usec_t first_seen;
    struct str why;
};
/* Pure. rows: the student's minutes. Errors NOMEM. */
typedef enum err (*mark_ending_fn)(struct arena *a, const struct session *s, const struct mark *m,
                                   const struct presence_row *rows, int n,
                                   struct mark_ending *ret_ending, struct error *e);

/* What writing marks takes; borrowed. */
struct mark_writer {
    struct register_hasher hasher;
    mark_event_fn event;
    void *event_ctx;
    mark_ending_fn ending;
};

/* session_stop; an absent mark (source rule) for everybody who was on the roster at its end and has
 * no mark; and what the session's rules make of the marks from faces, where that is something else
 * now. What a person set, and a code, stand. `actor` closed it. Closing again writes what is
 * missing, so a close may be repeated at any time; ret_written = how many marks it wrote or
 * changed. Errors as session_stop, NOMEM. */
NODISCARD enum err session_close(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                                 struct str actor, const struct mark_writer *w,
                                 struct session *ret_session, bool *ret_changed, int *ret_written,
                                 struct error *e);
/* The same for one mark of a session that is closed: a frame of it came late. Nothing to do where
 * the student has no mark, or none from a face. */
NODISCARD enum err mark_settle(struct db_cx *cx, struct arena *a, const struct session *s,
                               struct student_id student, struct str actor,
                               const struct mark_writer *w, bool *ret_changed, struct error *e);

enum { MARK_REASON_MAX = 500 }; /* characters */

/* What a person says about a student's mark. */
struct mark_change {
    struct session_id session;
    struct student_id student;
    struct str status;                 /* of a correction */
    struct str reason;                 /* 1 to MARK_REASON_MAX characters */
    const struct seal_key *reason_key; /* the student's KEY_RECORD; NULL: it stays in the clear */
    struct str actor;
};

/* Sets the mark by hand (source manual), also where none was; a dispute of it is decided by that.
 * What a camera saw stays with the mark. Saying the same again with the same reason changes
 * nothing. ret_mark in `a`, as it is now. Errors NOT_FOUND (session; a student without a mark who
 * was never on the roster), CONFLICT (it was cancelled), INVALID (status). */
NODISCARD enum err mark_correct(struct db_cx *cx, struct arena *a, const struct mark_change *c,
                                const struct mark_writer *w, struct mark *ret_mark,
                                struct error *e);
/* Contests the mark: it is flagged and stays as it is. Errors NOT_FOUND. */
NODISCARD enum err mark_dispute(struct db_cx *cx, struct arena *a, const struct mark_change *c,
                                const struct mark_writer *w, struct mark *ret_mark,
                                struct error *e);

enum { DOUBT_UNIT = 10000, DOUBT_NO_EVIDENCE = 90000 };

struct mark_disputed {
    struct mark mark;
    int64_t doubt; /* similarity above its threshold, in 1/DOUBT_UNIT; or DOUBT_NO_EVIDENCE */
};
/* A place in the order of disputes; INT64_MIN in doubt: the start. */
struct dispute_place {
    int64_t doubt;
    usec_t disputed_at;
    struct student_id student;
    struct session_id session;
};
/* Contested marks of the scope (NULL: all) after a place, the most doubtful (least margin) first;
 * course and session (empty: any) filter. */
NODISCARD enum err mark_disputed_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                                      struct course_id course, struct session_id session,
                                      const struct dispute_place *after, int limit,
                                      struct mark_disputed **ret_marks, int *ret_n,
                                      struct error *e);
