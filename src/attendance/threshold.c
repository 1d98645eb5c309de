/* From a risk budget to a threshold: see threshold.h.
 *
 * A table of fitted curves and the quadratic formula; constant cost, any thread, no state. Every
 * curve falls between its vertex and score 1, so of the two scores with one false-match rate the
 * larger is the threshold. */
#include "attendance/threshold.h"

#include <math.h>

/* log10 of the false-match rates between which the fits hold. */
#define LOG_FMR_HIGH (-2.0)
#define LOG_FMR_LOW (-6.0)

/* Fitted on people-disjoint halves of LFW, 10 splits, template x probe scores. A template of one
 * photo has its own curve: the table of pairs used for means of three is 1.3 to 2 times over
 * budget. The preprocessing id names the detector, because another detector gives another crop. */
static const struct fmr_table tables[] = {
    {"facenet128", "rot115x105w", 1, -1.1106, 0.9797, -9.8840},
    {"facenet128", "rot115x105w", 3, -1.5415, 2.6517, -11.0306},
    {"facenet128", "rot115x097w-retinaface", 1, -0.9260, 0.6186, -9.9807},
    {"facenet128", "rot115x097w-retinaface", 3, -1.3197, 1.9558, -10.5617},
    {"facenet128", "rot120x097w-mtcnn", 1, -1.1809, 1.7690, -10.9945},
    {"facenet128", "rot120x097w-mtcnn", 3, -0.9024, 0.4536, -9.0659},
    {"omz0095", "points5", 1, -0.4675, -3.9597, -10.5357},
    {"omz0095", "points5", 3, -0.7783, -2.2099, -11.6452},
};

enum { PHOTOS_OF_A_MEAN = 3 };

const struct fmr_table *fmr_table_find(const char *encoder, const char *preprocessing, int photos)
{
    int kind = photos >= PHOTOS_OF_A_MEAN ? PHOTOS_OF_A_MEAN : 1;
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        const struct fmr_table *t = &tables[i];
        if (t->photos == kind && strcmp(t->encoder, encoder) == 0 &&
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
        const struct fmr_table *t = fmr_table_find(encoder, preprocessing, photos);
        highest = fmax(highest, t ? threshold_score(t, budget_per_10k, people) : 1);
    }
    return highest;
}
