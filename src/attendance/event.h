/* Events: what subscribers of a session receive, as plain structs with their JSON schemas.
 *
 * On the bus an event is its envelope: one letter (kind), 36 characters (the frame or student it is
 * about, or blanks) and the JSON without its `id`, because the id is given by the bus at publish.
 * event_json puts the id in. Pure; any thread. */
#pragma once

#include "base/id.h"
#include "base/schema.h"

enum event_kind {
    EVENT_FRAME_RESULT = 'R',
    EVENT_FRAME_DROPPED = 'D',
    EVENT_MARK_CHANGED = 'M',
    EVENT_SESSION_CHANGED = 'S',
    EVENT_LAG = 'L',
};

struct event_student {
    char id[ID_TEXT];
    struct str external_id, name;
};

struct event_mark {
    struct str status;
    usec_t first_seen;
};

struct event_face {
    float box[4];                    /* x, y, w, h in pixels of the frame sent */
    float landmarks[5][2];           /* eyes, nose, mouth corners; left in the picture first */
    double score, quality, liveness; /* liveness NAN: not measured */
    struct str flaw;                 /* p NULL: none */
    struct str status;               /* face_status_name */
    struct event_student *student;
    double similarity, threshold; /* NaN: not compared */
    struct str score_kind;        /* score_kind_name of both; p NULL: not compared */
    struct event_mark *mark;
};

struct event_timing {
    double decode, detect, align, embed, liveness, match, mark, total; /* milliseconds */
};

/* Where a liveness challenge stands (attendance/challenge.h). */
struct event_challenge {
    char challenge[ID_TEXT];
    struct str state;  /* running | passed | failed */
    struct str step;   /* p NULL: it is over */
    struct str prompt; /* a sentence for the person */
    int64_t done, steps;
    usec_t deadline; /* of what is shown now */
    usec_t expires_at;
    struct str reason; /* p NULL: not failed */
};

struct event_frame_result {
    struct str type;
    char session[ID_TEXT], camera[ID_TEXT], frame[ID_TEXT];
    usec_t captured_at, processed_at;
    int64_t width, height;
    struct event_face *faces;
    int n_faces;
    int64_t faces_left_out;            /* too many for one event: see event_pack_result */
    struct event_challenge *challenge; /* NULL: the frame belongs to none */
    struct event_timing timing_ms;
};

struct event_mark_changed {
    struct str type;
    char session[ID_TEXT];
    struct event_student student;
    struct str status, source;
    usec_t first_seen;
    char frame[ID_TEXT];
    bool disputed;
};

struct event_session_changed {
    struct str type;
    char session[ID_TEXT];
    struct str status;
};

struct event_frame_dropped {
    struct str type;
    char session[ID_TEXT], frame[ID_TEXT];
    struct str reason; /* too_old | share | unreadable | session_closed | failed */
    struct str detail;
};

struct event_lag {
    struct str type;
    char session[ID_TEXT];
    int64_t lost;
    struct str reason; /* slow | restart | too_old */
};

extern const struct schema event_student_schema, event_face_schema, event_frame_result_schema,
    event_mark_changed_schema, event_session_changed_schema, event_frame_dropped_schema,
    event_lag_schema, event_mark_schema, event_timing_schema, event_challenge_schema;

/* Every event schema, for the API description. */
extern const struct schema *const event_schemas[];
extern const int event_schemas_n;

/* The envelope in `a`; about is an id or "". Errors NOMEM. */
NODISCARD enum err event_pack(struct arena *a, enum event_kind kind, const char *about,
                              const struct schema *s, const void *event, struct str *ret_envelope,
                              struct error *e);
/* A frame_result of at most max_bytes: while it is longer, the last faces without a student go,
 * then the last of all, and faces_left_out counts them. Changes r. Errors NOMEM. */
NODISCARD enum err event_pack_result(struct arena *a, const char *frame,
                                     struct event_frame_result *r, size_t max_bytes,
                                     struct str *ret_envelope, struct error *e);
/* The same for JSON that is already text (outbox rows). */
NODISCARD enum err event_pack_json(struct arena *a, enum event_kind kind, const char *about,
                                   struct str json, struct str *ret_envelope, struct error *e);

/* The session_changed of a session, and the topic it goes to; both in `a`. Errors NOMEM. */
NODISCARD enum err event_pack_session(struct arena *a, struct session_id session, struct str status,
                                      struct str *ret_topic, struct str *ret_envelope,
                                      struct error *e);

struct event_view {
    enum event_kind kind;
    char about[ID_TEXT]; /* empty: none */
    struct str json;     /* without id; borrowed from the envelope */
};
/* Errors CORRUPT. */
NODISCARD enum err event_unpack(struct str envelope, struct event_view *ret_view, struct error *e);
/* {"id":N, ...} in `a`; id 0 leaves it out. Errors NOMEM. */
NODISCARD enum err event_json(struct arena *a, int64_t id, struct str json, struct str *ret_text,
                              struct error *e);
/* May a slow client lose it? mark_changed and session_changed: never. */
bool event_droppable(enum event_kind kind);
/* Topics beside those of sessions: a student whose templates changed (the id); something new in the
 * outbox (any bytes); other engines are stored (any bytes); a periodic job is due (any bytes). */
#define EVENT_TOPIC_GALLERY "gallery"
#define EVENT_TOPIC_OUTBOX "outbox"
#define EVENT_TOPIC_ENGINE "engine"
#define EVENT_TOPIC_SCHEDULE "schedule"

/* "session:ID", the topic of a session's events. */
void event_topic(struct session_id session, char ret_topic[static 64]);
