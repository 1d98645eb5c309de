/* Sessions: one sitting of a course, scheduled -> active -> closed, or cancelled. And cameras. */
#pragma once

#include "store/access.h"
#include "store/page.h"

#define SESSION_STATUS_MAP(X)                                                                      \
    X(SCHEDULED, "scheduled") X(ACTIVE, "active") X(CLOSED, "closed") X(CANCELLED, "cancelled")

enum session_status {
#define X(code, word) SESSION_##code,
    SESSION_STATUS_MAP(X)
#undef X
};
enum { SESSION_STATUS_N = SESSION_CANCELLED + 1 };

const char *session_status_name(enum session_status s);

struct session {
    struct session_id id;
    struct course_id course;
    struct str title;                     /* may be empty */
    struct str course_code, course_title; /* read only */
    usec_t planned_start, planned_end;    /* 0: not planned */
    usec_t started_at, ended_at;          /* 0: not yet */
    enum session_status status;
    /* policy snapshot, taken from the course when the session is made */
    int64_t confirmations, confirm_gap_ms, confirm_window_s, late_after_min;
    int64_t early_before_min, minutes_needed, sweeps, sweeps_needed;
    /* read only here (session_place); empty: none */
    char room[ID_TEXT], timetable[ID_TEXT];
    struct str cancel_reason; /* read only; empty: not cancelled */
    int64_t version;          /* grows with every change; the ETag and the cache version */
    usec_t created_at, updated_at;
};

/* The policy fields are written as given: the caller takes them from the course. Errors NOT_FOUND
 * (course), INVALID. */
NODISCARD enum err session_insert(struct db_cx *cx, const struct session *s, struct error *e);
struct course;
/* The course's policy, for a session that is about to be made. */
void session_take_policy(struct session *s, const struct course *course);
/* Says where the session is held, and which timetable made it (both may be empty). No change of
 * version. Errors NOT_FOUND (no such room or timetable). */
NODISCARD enum err session_place(struct db_cx *cx, struct session_id id, const char *room,
                                 const char *timetable, struct error *e);
/* Errors NOT_FOUND. */
NODISCARD enum err session_get(struct db_cx *cx, struct arena *a, struct session_id id,
                               struct session *ret_session, struct error *e);
/* Which sessions; what is empty or 0 does not limit. A session's time is when it started, else when
 * it is planned, else when it was made. */
struct session_filter {
    struct course_id course;
    const char *status;                /* session_status_name; NULL: any */
    usec_t from, to;                   /* from <= its time < to */
    char room[ID_TEXT], site[ID_TEXT]; /* held there; empty: anywhere */
};
/* Of the scope (NULL: all), newest first; cursor = last id seen. */
NODISCARD enum err session_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                                const struct session_filter *filter, struct session_id before,
                                int limit, struct session **ret_sessions, int *ret_n,
                                struct error *e);
/* Title and planned times, as given; version as in student_update. Errors NOT_FOUND, PRECONDITION,
 * INVALID. */
NODISCARD enum err session_update(struct db_cx *cx, const struct session *s, int64_t *ret_version,
                                  struct error *e);
/* scheduled -> active at `at`, active -> closed at `at`; asking for the state it has is no error
 * and changes nothing. Errors NOT_FOUND; CONFLICT (closed sessions stay closed, what never
 * started cannot stop). ret_session = after. */
NODISCARD enum err session_start(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                                 struct session *ret_session, bool *ret_changed, struct error *e);
NODISCARD enum err session_stop(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                                struct session *ret_session, bool *ret_changed, struct error *e);
/* scheduled or active -> cancelled: it did not take place. Cancelling again changes nothing.
 * reason: 1 to SESSION_REASON_MAX characters. Errors NOT_FOUND; CONFLICT (closed, or it has marks);
 * INVALID. */
enum { SESSION_REASON_MAX = 500 };
NODISCARD enum err session_cancel(struct db_cx *cx, struct arena *a, struct session_id id,
                                  usec_t at, struct str reason, struct session *ret_session,
                                  bool *ret_changed, struct error *e);
/* Errors CONFLICT when the session has marks. */
NODISCARD enum err session_delete(struct db_cx *cx, struct session_id id, struct error *e);

struct camera {
    struct camera_id id;
    struct str name;       /* unique, <= 100 bytes */
    struct str room;       /* where it stands, in words; may be empty */
    char room_id[ID_TEXT]; /* the room it stands in; empty: none */
    usec_t last_seen;      /* its last frame, to the minute; 0: never */
    int64_t version;
    usec_t created_at, updated_at;
};

/* Errors CONFLICT (name), NOT_FOUND (room). */
NODISCARD enum err camera_insert(struct db_cx *cx, const struct camera *c, struct error *e);
NODISCARD enum err camera_get(struct db_cx *cx, struct arena *a, struct camera_id id,
                              struct camera *ret_camera, struct error *e);
/* search (may be empty) is a part of name or room, room_id (may be empty) the room; sorts name,
 * created_at. */
NODISCARD enum err camera_list(struct db_cx *cx, struct arena *a, struct str search,
                               const char *room_id, const struct list_page *page,
                               struct camera **ret_cameras, int *ret_n, struct error *e);
/* Writes name, room and room_id; as student_update. */
NODISCARD enum err camera_update(struct db_cx *cx, const struct camera *c, int64_t *ret_version,
                                 struct error *e);
/* Notes that it sent a frame, unless it was seen after `unless_after`. */
NODISCARD enum err camera_seen(struct db_cx *cx, struct camera_id id, usec_t at,
                               usec_t unless_after, struct error *e);
/* Errors NOT_FOUND, CONFLICT (a key that is not revoked, an assignment to a session). */
NODISCARD enum err camera_delete(struct db_cx *cx, struct camera_id id, struct error *e);
