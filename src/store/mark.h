/* Marks, the register behind them, and the outbox: what ONE transaction writes when a student is
 * seen.
 *
 * mark_insert = mark row (ON CONFLICT DO NOTHING) + register event (hash chain of the session) +
 * outbox row, or nothing at all when the student is marked already. Marks are the chain's
 * projection. */
#pragma once

#include "base/id.h"
#include "base/seal.h"
#include "store/db.h"

enum { CHAIN_HASH_BYTES = 32 };

/* The hash of a register event over the previous hash; attendance/chain.h has the one in use,
 * handed in so that store/ depends on base/ alone. */
struct register_event {
    struct str chain; /* the session's id, or "admin" */
    int64_t seq;      /* 1, 2, 3 ... without a gap */
    usec_t at;
    struct str actor;   /* worker, or a user's id */
    struct str student; /* id text; may be empty */
    struct str payload; /* JSON as stored */
    uint8_t prev_hash[CHAIN_HASH_BYTES], hash[CHAIN_HASH_BYTES];
};
typedef void (*register_hash_fn)(void *ctx, const struct register_event *event,
                                 uint8_t ret_hash[static CHAIN_HASH_BYTES]);
struct register_hasher {
    register_hash_fn fn;
    void *ctx;
};

/* The register's word for what happened to a mark. */
#define MARK_EVENT_MAP(X)                                                                          \
    X(SEEN, "mark")             /* seen, or told by a code or an import */                         \
    X(ABSENT, "absent")         /* written when the session closed */                              \
    X(CLOSING, "closing")       /* what the rules of the course made of it when it closed */       \
    X(CORRECTION, "correction") /* by a person, with a reason; also a mark that nobody made */     \
    X(EXCUSE, "excuse")         /* a correction to excused */                                      \
    X(DISPUTE, "dispute")       /* contested; the status stays */

enum mark_event {
#define X(code, word) MARK_EVENT_##code,
    MARK_EVENT_MAP(X)
#undef X
};
enum { MARK_EVENT_N = MARK_EVENT_DISPUTE + 1 };

struct mark {
    struct session_id session;
    struct student_id student;
    struct str student_external_id, student_name; /* read only */
    struct frame_id frame;                        /* the frame that made it; empty for manual */
    struct str status;                            /* mark_status_name */
    struct str source;                            /* face | code | manual | import | rule */
    usec_t first_seen, last_seen;                 /* 0: never */
    struct str receipt;                           /* JSON evidence */
    usec_t created_at;
    usec_t disputed_at; /* since when it is contested; 0: not */
};

/* What the register says beside the mark itself. */
struct mark_entry {
    enum mark_event what;
    struct str actor;
    struct str reason;                 /* of a person; empty: none */
    const struct seal_key *reason_key; /* seals it in the payload; NULL: it stands in the clear */
    usec_t at;
};

/* What a mark_insert found or did. */
enum mark_outcome {
    MARK_MADE,       /* this call wrote it */
    MARK_SAME_FRAME, /* it stands, and this very frame made it (redelivery): answer present again */
    MARK_STANDS,     /* it stands from another frame */
};

/* An event and the topic it goes to. */
struct outbox_event {
    struct str topic, payload;
};

/* Makes the mark unless one stands; the absence that a rule wrote gives way. m->receipt is JSON or
 * empty, m->created_at 0 = now. The register event's payload is made here from m; `actor` is who
 * did it. outbox is the mark_changed event, published after the commit, see outbox_*. ret_existing
 * (may be NULL) gets the mark that stands unless this call made it; text in `a`. Whether the
 * session's state allows a mark is the caller's decision (offline frames come late). Errors
 * NOT_FOUND (session or student gone), INVALID (status, source or receipt). */
NODISCARD enum err mark_insert(struct db_cx *cx, struct arena *a, const struct mark *m,
                               struct str actor, const struct register_hasher *hasher,
                               struct outbox_event outbox, enum mark_outcome *ret_outcome,
                               struct mark *ret_existing, struct error *e);
/* last_seen = greatest of the stored and `at`. Errors NOT_FOUND. */
NODISCARD enum err mark_touch(struct db_cx *cx, struct session_id session,
                              struct student_id student, usec_t at, struct error *e);
/* All marks of a session by student name. */
NODISCARD enum err mark_list(struct db_cx *cx, struct arena *a, struct session_id session,
                             struct mark **ret_marks, int *ret_n, struct error *e);
/* Errors NOT_FOUND. */
NODISCARD enum err mark_get(struct db_cx *cx, struct arena *a, struct session_id session,
                            struct student_id student, struct mark *ret_mark, struct error *e);

/* What follows a change of a mark's row, in its transaction: the register event that tells it, and
 * the event for subscribers. m is the mark as it is now. */
NODISCARD enum err mark_record(struct db_cx *cx, struct arena *a, const struct mark *m,
                               const struct mark_entry *entry, const struct register_hasher *hasher,
                               struct outbox_event outbox, struct error *e);
/* The payload of such an event, in `a`. Errors NOMEM. */
NODISCARD enum err mark_payload(struct arena *a, const struct mark *m,
                                const struct mark_entry *entry, struct str *ret_payload,
                                struct error *e);

/* A payload of a register event for people: with the reason that is sealed in it, or null in its
 * place when the key is NULL or not the one. Others come back as they are. In `a`. Errors NOMEM. */
NODISCARD enum err mark_payload_open(struct arena *a, const struct seal_key *key,
                                     struct str payload, struct str *ret_payload, struct error *e);

/* Does the mark say what this payload of its register event says? last_seen may be later. */
NODISCARD enum err mark_matches(struct arena *a, const struct mark *m, struct str payload,
                                bool *ret_same, struct error *e);

/* Appends to a chain: fills seq, prev_hash (zeros for the first) and hash. Serialised per chain by
 * the transaction. The end of the chain goes to the listener of the database as a register_head. */
NODISCARD enum err register_append(struct db_cx *cx, struct register_event *event,
                                   const struct register_hasher *hasher, struct error *e);
/* The note (db_note) of an append: where the chain ends now. */
struct register_head {
    char chain[64];
    int64_t seq;
    uint8_t hash[CHAIN_HASH_BYTES];
};
/* Calls fn for each event of each chain, chain by chain in order; its texts are borrowed. */
typedef enum err (*register_fn)(void *ctx, const struct register_event *event, struct error *e);
NODISCARD enum err register_each(struct db_cx *cx, register_fn fn, void *ctx, struct error *e);
/* Those of a chain that are about the student, in order. */
NODISCARD enum err register_of_student(struct db_cx *cx, struct arena *a, struct str chain,
                                       struct student_id student,
                                       struct register_event **ret_events, int *ret_n,
                                       struct error *e);
/* Every event of a chain in order. */
NODISCARD enum err register_list(struct db_cx *cx, struct arena *a, struct str chain,
                                 struct register_event **ret_events, int *ret_n, struct error *e);

/* Outbox: events that must reach subscribers at least once. */
struct outbox_row {
    char id[ID_TEXT];
    struct str topic, payload;
    usec_t created_at;
};
/* Adds a row on its own (session_changed). ret_id names it. */
NODISCARD enum err outbox_insert(struct db_cx *cx, struct outbox_event event,
                                 char ret_id[static ID_TEXT], struct error *e);
/* The oldest rows first, created before `before`. */
NODISCARD enum err outbox_list(struct db_cx *cx, struct arena *a, usec_t before, int limit,
                               struct outbox_row **ret_rows, int *ret_n, struct error *e);
/* Removing what is gone already is no error. */
NODISCARD enum err outbox_delete(struct db_cx *cx, const char *id, struct error *e);
