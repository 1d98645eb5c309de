/* Does the register tell its whole history? Behind `rollcall verify-register`.
 *
 * Every event is hashed again, every chain followed from its first event to the head that the heads
 * file names, and every mark compared with the event that made it. What was altered, removed, put
 * in or moved by whoever does not have the installation key is found, and named. */
#pragma once

#include "store/heads.h"

struct register_report {
    int64_t chains, events, marks;
    int64_t findings; /* 0: nothing is wrong */
};

/* One sentence for each finding; borrowed. */
typedef void (*register_finding_fn)(void *ctx, const char *text);

/* Inside a db_read, so on one snapshot. seen: what heads_read gave BEFORE the read began (a head
 * is never newer than the database then); its heads are marked seen. Errors of the database, NOMEM.
 * Cost: one pass over the register, about 3 us an event, memory of one session at a time. */
NODISCARD enum err register_check(struct db_cx *cx, const struct register_hasher *hasher,
                                  struct heads_seen *seen, register_finding_fn fn, void *ctx,
                                  struct register_report *ret_report, struct error *e);
