/* The pairs of photos that verification compares. Pure but for reading the file; any thread. */
#pragma once

#include "cmd/eval_photos.h"

enum { EVAL_PAIRS_MAX = 20000000, EVAL_PEOPLE_FOLDS = 10 };

struct eval_pairs {
    struct eval_scores scores; /* sorted; rows are the caller's: mem_free(scores.rows) */
    int64_t left_out;          /* pairs of the file whose photos are not here or not usable */
    int64_t stride;            /* every stride-th impostor pair was taken */
};

/* The pairs of a file in LFW's format: a line "FOLDS PAIRS", then for each fold PAIRS lines
 * "NAME I J" (one person) and PAIRS lines "NAME I NAME J" (two), photo NAME/NAME_000I.*. A pair
 * keeps the fold it stands in when others are left out.
 * Errors NOT_FOUND, INVALID (the line), UNPROCESSABLE (not one pair could be compared), NOMEM. */
NODISCARD enum err eval_pairs_read(const char *path, const struct eval_photos *p, struct arena *a,
                                   struct eval_pairs *ret_pairs, struct error *e);

/* All pairs of usable photos; person p is in fold p % EVAL_PEOPLE_FOLDS, so that no person is on
 * both sides. With more than EVAL_PAIRS_MAX, impostor pairs are thinned evenly. Errors NOMEM. */
NODISCARD enum err eval_pairs_all(const struct eval_faces *f, struct eval_pairs *ret_pairs,
                                  struct error *e);
