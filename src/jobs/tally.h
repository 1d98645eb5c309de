/* Scores of confirmed sightings, counted in memory until they are added to the database.
 *
 * One tally a process; workers count, housekeeping flushes. It holds no identity: a bin's count
 * grows and that is all. What a crash loses is the seconds since the last flush.
 * Thread: any; one lock, held for a few additions. */
#pragma once

#include "attendance/sightings.h"
#include "attendance/threshold.h"
#include "store/db.h"

struct tally;

/* Errors NOMEM. */
NODISCARD enum err tally_new(struct tally **ret_tally, struct error *e);
void tally_free(struct tally *t);
/* One score. Of a fifth engine at once nothing is counted. */
void tally_add(struct tally *t, const char *encoder, const char *preprocessing,
               enum score_kind score, enum sighting_kind kind, double value);
/* Adds what was counted to the database; on failure it is kept for the next time. */
NODISCARD enum err tally_flush(struct tally *t, struct db *db, struct arena *a, struct error *e);
/* What the database has of one kind of score; `a` holds what is read. Errors of the store. */
NODISCARD enum err tally_read(struct db *db, struct arena *a, const char *encoder,
                              const char *preprocessing, enum score_kind score,
                              struct sightings *ret_sightings, struct error *e);
