/* Counts of scores of live sightings, in bins: never whose (attendance/sightings.h has the words
 * and the bins). Run inside db_tx or db_read. Thread: any. */
#pragma once

#include "base/str.h"
#include "store/db.h"

/* Which counts. */
struct sighting_of {
    struct str encoder, preprocessing, score_kind;
};

struct sighting_count {
    struct str what;
    int64_t bin, sightings;
};

/* Adds to what is there; each call with the same counts adds them once more. */
NODISCARD enum err sighting_add(struct db_cx *cx, const struct sighting_of *of,
                                const struct sighting_count *counts, int n, struct error *e);
/* In order of what and bin; without empty bins. */
NODISCARD enum err sighting_list(struct db_cx *cx, struct arena *a, const struct sighting_of *of,
                                 struct sighting_count **ret_counts, int *ret_n, struct error *e);
