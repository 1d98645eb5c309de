/* Fitting a false-match table: from many scores of different people to log10 FMR = c0 + c1 s +
 * c2 s^2 (threshold.h).
 *
 * Scores go into a histogram, so memory does not grow with them; the curve is a least-squares
 * parabola through the histogram's tail at rates even in log FMR, from 1e-2 down to where 8 pairs
 * of people remain, at most to 1e-6. Pure; any thread. */
#pragma once

#include "base/arena.h"

/* Pairs of people below which there is no table: FMR 1e-4 would rest on fewer than 8. */
enum { FMR_PAIRS_MIN = 80000 };

struct fmr_tail {
    double *bins;        /* weight of each score from -1 to 1 */
    double pairs;        /* (template person, other person) behind them, the sum of all weights */
    int64_t comparisons; /* scores added */
};

struct fmr_curve {
    double c0, c1, c2, lowest_fmr; /* fitted over FMR 1e-2 .. lowest_fmr */
};

/* An empty histogram in `a`. Errors NOMEM. */
NODISCARD enum err fmr_tail_new(struct arena *a, struct fmr_tail *ret_tail, struct error *e);
/* One comparison. weight: a pair of people weighs 1 however many photos they have. Does not count
 * into pairs. */
void fmr_tail_add(struct fmr_tail *t, double score, double weight);
/* Errors UNPROCESSABLE (under FMR_PAIRS_MIN pairs). */
NODISCARD enum err fmr_tail_fit(const struct fmr_tail *t, struct fmr_curve *ret_curve,
                                struct error *e);
/* The weight above a score: pairs of people who would match there. */
double fmr_tail_above(const struct fmr_tail *t, double score);
/* The 95 % interval (Wilson) of a rate of which `hits` in n were seen; with none the upper end is
 * that of the rule of three, 3 / n. */
void fmr_interval(double hits, double n, double *ret_low, double *ret_high);
