/* Does the register tell its whole history? Behind `rollcall verify-register`.
 *
 * Every event is hashed again, every chain followed from its first event to the head that the heads
 * file names, and every mark compared with the event that made it. What was altered, removed, put
 * in or moved by whoever does not have the installation key is found, and named. */
#pragma once

#include "base/sign.h"
#include "store/heads.h"

enum { REGISTER_HEADS_MAX = 2 };

struct register_report {
    int64_t chains, events, marks;
    int64_t findings;                  /* 0: nothing is wrong */
    usec_t signed_at;                  /* of the signed heads that were compared, too; 0: none */
    char public_key[SIGN_PUBLIC_TEXT]; /* of this installation; empty: not asked */
};

/* One sentence for each finding; borrowed. */
typedef void (*register_finding_fn)(void *ctx, const char *text);

/* What the ends of the chains are compared with. */
struct register_heads {
    struct heads_seen *seen;
    const char *name; /* "the heads file" */
};

/* Inside a db_read, so on one snapshot. heads [n], n <= REGISTER_HEADS_MAX; seen: what heads_read
 * gave BEFORE the read began (a head is never newer than the database then); its heads are marked
 * seen. A chain is found wrong by the first of them only. Errors of the database, NOMEM. Cost: one
 * pass over the register, about 3 us an event, memory of one session at a time. */
NODISCARD enum err register_check(struct db_cx *cx, const struct register_hasher *hasher,
                                  const struct register_heads *heads, int n, register_finding_fn fn,
                                  void *ctx, struct register_report *ret_report, struct error *e);
