/* Answers kept for a day, so that a POST that is sent again (same Idempotency-Key) is answered
 * again and not carried out again. A name is claimed before the work and finished with the answer;
 * a claim whose worker died gives way after IDEMPOTENCY_CLAIM. Thread: any. */
#pragma once

#include "store/db.h"

#define IDEMPOTENCY_KEPT USEC_PER_DAY
#define IDEMPOTENCY_CLAIM (2 * USEC_PER_MIN)

enum { IDEMPOTENCY_NAME_MAX = 255, IDEMPOTENCY_HASH = 32, IDEMPOTENCY_ANSWER_MAX = 70000 };

struct idempotency {
    struct str principal, name;        /* whose key; 1 to 255 bytes */
    uint8_t request[IDEMPOTENCY_HASH]; /* fingerprint of what was asked */
    int64_t status;                    /* of the answer; 0: being worked on */
    struct str answer;                 /* sealed; empty: not kept */
    usec_t claimed_at;                 /* proves the claim */
};

/* Claims row->principal and row->name for row->request at row->claimed_at. ret_claimed false: the
 * name is taken, and *ret_stored says by what. */
NODISCARD enum err idempotency_claim(struct db_cx *cx, struct arena *a,
                                     const struct idempotency *row, struct idempotency *ret_stored,
                                     bool *ret_claimed, struct error *e);
/* Keeps status and answer for the claim; a claim that was lost changes nothing. */
NODISCARD enum err idempotency_finish(struct db_cx *cx, const struct idempotency *row,
                                      struct error *e);
/* Gives the claim up: the next request with this key is carried out. */
NODISCARD enum err idempotency_release(struct db_cx *cx, const struct idempotency *row,
                                       struct error *e);
/* Removes what was claimed before `before`; give it now - IDEMPOTENCY_KEPT. */
NODISCARD enum err idempotency_purge(struct db_cx *cx, usec_t before, int64_t *ret_removed,
                                     struct error *e);
