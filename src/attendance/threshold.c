/* From a risk budget to a threshold: see threshold.h.
 *
 * The quadratic formula on fitted curves (fmr_tables.c); constant cost, any thread, no state. Every
 * curve falls between its vertex and score 1, so of the two scores with one false-match rate the
 * larger is the threshold. */
#include "attendance/threshold.h"

#include <math.h>

/* log10 of the false-match rates between which the fits hold. */
#define LOG_FMR_HIGH (-2.0)
#define LOG_FMR_LOW (-6.0)

enum { PHOTOS_OF_A_MEAN = 3 };

const char *score_kind_name(enum score_kind kind)
{
    static const char *const words[SCORE_KIND_N] = {[SCORE_COSINE] = "cosine", [SCORE_HUB] = "hub"};
    return words[kind];
}

const struct fmr_table *fmr_table_find(const char *encoder, const char *preprocessing,
                                       enum score_kind kind, int photos)
{
    int wanted = photos >= PHOTOS_OF_A_MEAN ? PHOTOS_OF_A_MEAN : 1;
    for (int i = 0; i < fmr_tables_n; i++) {
        const struct fmr_table *t = &fmr_tables[i];
        if (t->photos == wanted && t->kind == kind && strcmp(t->encoder, encoder) == 0 &&
            strcmp(t->preprocessing, preprocessing) == 0)
            return t;
    }
    return NULL;
}

double threshold_score(const struct fmr_table *t, double budget_per_10k, int64_t people)
{
    /* Written so that a budget that is no number, or none at all, asks for the highest score. */
    double log_fmr = LOG_FMR_LOW;
    if (budget_per_10k > 0)
        log_fmr = log10(budget_per_10k / 10000 / (double)(people > 1 ? people : 1));
    log_fmr = fmin(fmax(log_fmr, LOG_FMR_LOW), LOG_FMR_HIGH);
    double root = sqrt(fmax(t->c1 * t->c1 - 4 * t->c2 * (t->c0 - log_fmr), 0));
    return fmin(fmax((-t->c1 - root) / (2 * t->c2), 0), 1);
}

double threshold_highest(const char *encoder, const char *preprocessing, double budget_per_10k,
                         int64_t people)
{
    double highest = 0;
    for (int photos = 1; photos <= PHOTOS_OF_A_MEAN; photos += PHOTOS_OF_A_MEAN - 1) {
        const struct fmr_table *t = fmr_table_find(encoder, preprocessing, SCORE_COSINE, photos);
        highest = fmax(highest, t ? threshold_score(t, budget_per_10k, people) : 1);
    }
    return highest;
}
