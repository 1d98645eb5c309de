/* A PostgreSQL replica for reads that may be a little old, and only a little.
 *
 * What is promised: replica_read sees everything that was committed more than `max_lag` before it
 * began, whatever the replica does. How: a thread asks the primary, several times within max_lag,
 * how far its log reaches, and the replica how far it has replayed. Once the replica has replayed
 * what the primary had written at time T, what it shows is younger than T; and a read that begins
 * later than T + max_lag goes to the primary. No clocks of two machines are compared, nothing is
 * written, and an idle primary is no lag.
 * So a caller whose last write is older than max_lag finds it there; callers who wrote within it
 * must be sent to the primary (api/recent.c).
 *
 * The address must name ONE server: behind several, what was asked of one says nothing of another.
 * Thread: any, open and close one. */
#pragma once

#include "store/db.h"

struct replica;

/* Starts watching; a replica that is away is waited for and not an error. primary outlives it.
 * Errors INVALID (the primary is not PostgreSQL, address too long), NOMEM. */
NODISCARD enum err replica_open(const struct db_options *o, struct db *primary, usec_t max_lag,
                                struct replica **ret_replica, struct error *e);
/* NULL is fine. */
void replica_close(struct replica *r);
/* db_read, on the replica when it is recent enough; else, or when it fails (UNAVAILABLE), on the
 * primary. fn may run on both, one after the other. */
NODISCARD enum err replica_read(struct replica *r, db_fn fn, void *ctx, struct error *e);
/* Is the replica used now? */
bool replica_is_recent(struct replica *r);
