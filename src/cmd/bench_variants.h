/* `rollcall bench --variants`: whole frames under several configurations, in turns. */
#pragma once

#include "cmd/bench.h"

enum { BENCH_VARIANTS_MAX = 12 };

/* One configuration, and what it is called in the table. */
struct bench_variant {
    char name[160];
    struct config *config; /* owned by whoever made it */
};

/* Opens an engine for each and measures them on each picture for about duration x n, a few frames
 * of one, then of the next, so that other programs on the machine disturb all alike; prints ms a
 * frame and the ratio to the first, turn by turn. Frames of a turn share model runs as far as the
 * variant's batch_frames_max says. One thread. Errors of vision_open and vision_analyse. Thread
 * main. */
NODISCARD enum err bench_variants(const struct bench_variant *variants, int n,
                                  const struct bench_picture *pictures, int n_pictures,
                                  usec_t duration, struct error *e);
