/* Consents: what a student agreed to, in which words, until when.
 *
 * A template can only be written under a live consent to recognition, and a consent cannot end
 * while templates stand on it: both are constraints of the database (UNIQUE (id, live) and the
 * foreign key of template). One consent a student and purpose is live; a newer one takes its
 * place, and its templates. Rows are kept when they end: they show that there was a consent.
 * All functions run inside db_tx or db_read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

#define CONSENT_PURPOSE_MAP(X)                                                                     \
    X(RECOGNITION, "recognition") /* templates, and being recognised by them */                    \
    X(PHOTOS, "photos")           /* keeping the enrolment photos */

enum consent_purpose {
#define X(code, word) CONSENT_##code,
    CONSENT_PURPOSE_MAP(X)
#undef X
};
enum { CONSENT_PURPOSE_N = CONSENT_PHOTOS + 1 };

/* The words, NULL-terminated. */
extern const char *const consent_purposes[];

struct consent {
    char id[ID_TEXT];
    struct student_id student;
    enum consent_purpose purpose;
    struct str text_version; /* which words were agreed to; 1 to 64 bytes */
    struct str recorded_by;  /* a user's id, "local", or "migration" */
    usec_t given_at;
    usec_t expires_at;         /* 0: never */
    usec_t withdrawn_at;       /* 0: not */
    char replaced_by[ID_TEXT]; /* the newer consent that took its place; empty: none */
    bool live;
};

/* Records a consent; one of the same purpose that stands is replaced by it, and its templates are
 * this one's now. Errors NOT_FOUND: no such student. INVALID: a length, or it expires before it was
 * given. */
NODISCARD enum err consent_insert(struct db_cx *cx, const struct consent *c, struct error *e);
/* Text lies in `a`. Errors NOT_FOUND. */
NODISCARD enum err consent_get(struct db_cx *cx, struct arena *a, struct student_id student,
                               const char *id, struct consent *ret_consent, struct error *e);
/* Oldest first; cursor = last id seen (empty: from the start). */
NODISCARD enum err consent_list(struct db_cx *cx, struct arena *a, struct student_id student,
                                const char *after, int limit, struct consent **ret_consents,
                                int *ret_n, struct error *e);
/* The student's consent stands at `now`, and goes on to stand until this transaction ends. Errors
 * CONFLICT: it does not, with what to do. ret_id may be NULL. */
NODISCARD enum err consent_hold(struct db_cx *cx, struct student_id student,
                                enum consent_purpose purpose, usec_t now, char *ret_id,
                                struct error *e);
/* Ends a live consent; remove its templates first. Errors NOT_FOUND; CONFLICT: it has ended
 * already, or templates stand on it. */
NODISCARD enum err consent_withdraw(struct db_cx *cx, struct student_id student, const char *id,
                                    usec_t now, struct error *e);
/* Live consents that expired at `now` or before, the longest ago first. */
NODISCARD enum err consent_expired(struct db_cx *cx, struct arena *a, usec_t now, int limit,
                                   struct consent **ret_consents, int *ret_n, struct error *e);
/* Removes all rows of the student, for a student who goes; templates first. */
NODISCARD enum err consent_delete(struct db_cx *cx, struct student_id student, struct error *e);
