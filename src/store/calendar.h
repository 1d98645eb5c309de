/* Sessions that came from calendar files: each sitting of an event (its UID, and the time at which
 * its rule put it) is remembered with the session it became, so that the file can be read again.
 * What a person touched or deleted is told by the version, as of timetables (timetable.h).
 * Inside db_tx or db_read, any thread. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct calendar_sitting {
    struct str slot;
    struct session_id session; /* empty: a person deleted it */
    int64_t version, made_version;
    bool scheduled;
    usec_t start, end;
    char room[ID_TEXT];
    struct str title;
};

/* Ahead of `now`, and as the import wrote it. */
bool calendar_sitting_is_ours(const struct calendar_sitting *s, usec_t now);
/* Those of one event, in order of slot. */
NODISCARD enum err calendar_sittings(struct db_cx *cx, struct arena *a, struct str uid,
                                     struct calendar_sitting **ret_sittings, int *ret_n,
                                     struct error *e);
/* The course with this id or code. ret_n: how many there are, 2 for more than one. */
NODISCARD enum err calendar_course(struct db_cx *cx, struct str name, struct course_id *ret_course,
                                   int *ret_n, struct error *e);
/* Remembers the session (version 1) of a sitting. Errors CONFLICT: somebody else just did. */
NODISCARD enum err calendar_sitting_add(struct db_cx *cx, struct str uid, const char *slot,
                                        struct session_id session, struct error *e);
/* Moves a session that is ours. Errors PRECONDITION: it is not any more. */
NODISCARD enum err calendar_sitting_move(struct db_cx *cx, struct str uid,
                                         const struct calendar_sitting *s, usec_t start, usec_t end,
                                         struct str title, usec_t now, struct error *e);
/* Deletes a session that is ours, and forgets the sitting. Errors PRECONDITION. */
NODISCARD enum err calendar_sitting_remove(struct db_cx *cx, struct str uid,
                                           const struct calendar_sitting *s, struct error *e);
