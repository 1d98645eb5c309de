/* Verification metrics: how well a score tells "the same person" from "two people".
 *
 * A score set holds one row a pair of photos. Formulas are those of the usual LFW protocol:
 * accuracy at the threshold that the OTHER folds choose, the equal error rate, and TAR at a FAR,
 * where the threshold for a FAR is the impostor score of rank floor(FAR * impostors) and a pair is
 * accepted above it. Intervals are bootstraps over PEOPLE, not pairs: pairs that share a person are
 * not independent. Pure; any thread. */
#pragma once

#include "base/arena.h"

enum { EVAL_FAR_N = 2, EVAL_CURVE_MAX = 240, EVAL_BINS = 120, EVAL_FOLDS_MAX = 64 };

/* The false accept rates that are reported: 1e-2 and 1e-3. */
extern const double eval_fars[EVAL_FAR_N];

struct eval_score {
    float score;
    int32_t a, b; /* the people of the two photos; equal when it is one person */
    int16_t fold; /* 0..folds-1; -1: the people are of different folds, no use for accuracy */
    bool same;
};

/* A mean (or estimate) with the ends of its 95 % interval. */
struct eval_interval {
    double mean, low, high;
};

struct eval_scores {
    struct eval_score *rows; /* sorted by eval_scores_sort */
    size_t n, n_genuine, n_impostor;
    int folds;
    int people;    /* a and b are below it */
    bool balanced; /* accuracy is the mean of the two classes' */
};

struct eval_point {
    double far, tar;
};

struct eval_verification {
    struct eval_interval accuracy; /* mean over folds; the interval is of that mean (Student t) */
    double accuracy_sd;            /* over folds, population */
    struct eval_interval eer;
    struct eval_interval tar[EVAL_FAR_N];
    double threshold[EVAL_FAR_N];
    struct eval_point curve[EVAL_CURVE_MAX]; /* rising FAR, evenly spaced in log FAR */
    int n_curve;
    float bins_low, bins_high; /* scores at the ends of the histogram */
    double genuine_bins[EVAL_BINS], impostor_bins[EVAL_BINS]; /* shares of each class, sum 1 */
};

/* Sorts by rising score, genuine first among equals, and counts the classes. */
void eval_scores_sort(struct eval_scores *s);

/* Everything above from sorted scores. rounds: of the bootstrap, 0 leaves the intervals at the
 * estimates. Errors INVALID (no genuine or no impostor pair), NOMEM. */
NODISCARD enum err eval_verify(const struct eval_scores *s, int rounds, struct arena *a,
                               struct eval_verification *ret_v, struct error *e);

/* Share of rightly decided rows of `fold` at the threshold that is best on the other folds (lowest
 * of the best; a score >= threshold is accepted). NAN when the fold or the rest is empty, and for
 * balanced accuracy when the fold lacks pairs of one person or of two. */
double eval_fold_accuracy(const struct eval_scores *s, int fold);

/* The equal error rate: (FAR + FRR) / 2 at the score where they are nearest. weights [people]
 * counts how often each person was drawn; NULL: once each. */
double eval_eer(const struct eval_scores *s, const float *weights);
/* TAR at a FAR, and the threshold. NAN for fewer than 1 / FAR impostor pairs. */
double eval_tar(const struct eval_scores *s, double far, const float *weights,
                double *ret_threshold);

/* Mean of n values with the 2.5 % and 97.5 % quantiles (linear between ranks); sorts them. */
struct eval_interval eval_spread(double *values, int n);

/* Pseudo-random numbers that another language repeats in five lines (splitmix64). */
uint64_t eval_random(uint64_t *state);
/* Fisher-Yates: for i = n-1 .. 1 swaps i with eval_random % (i + 1). */
void eval_shuffle(int *values, int n, uint64_t *state);
