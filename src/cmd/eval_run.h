/* One evaluation: everything measured with one detector and one encoder on one set of photos.
 *
 * Plain data, filled by eval_run_measure, printed by eval_report.h and drawn by eval_plot.h.
 * Thread: main. */
#pragma once

#include "attendance/threshold.h"
#include "cmd/eval_pairs.h"

enum { EVAL_SIZES_MAX = 12, EVAL_SHOTS_N = 2, EVAL_SPLITS_MAX = 200, EVAL_RUNS_MAX = 32 };

/* Photos in a template: 1 and 3. */
extern const int eval_shots[EVAL_SHOTS_N];

/* Means over random galleries; low..high is where 95 % of those galleries lie. */
struct eval_ident_row {
    int people, shots, splits;
    int probes, strangers, sightings; /* of the last gallery */
    struct eval_interval rank1, tpir[EVAL_FPIR_N], threshold[EVAL_FPIR_N];
    char why_not[96]; /* not empty: could not be measured */
};

/* The false-name rate of strangers at the threshold that a risk budget gives; mean over splits into
 * two halves of the people, low..high where 95 % of the splits lie. */
struct eval_budget_row {
    int people, shots, splits;
    double threshold;                  /* of the table in attendance/threshold.h; NAN: none */
    struct eval_interval fpir;         /* at it, on one half */
    struct eval_interval fitted_score; /* threshold of a table fitted on the other half */
    struct eval_interval fitted_fpir;  /* at that, on the half it has not seen */
};

struct eval_run {
    const char *detector, *encoder, *preprocessing, *device, *precision, *sha256; /* borrowed */
    int long_side, min_face_px, dim;
    double min_confidence;
    enum score_kind kind;       /* of identification, budget and tables */
    bool table_only;            /* so no verification and no identification */
    int photos, people, usable; /* of the set */
    int counts[EVAL_STATE_N], flaws[FACE_FLAW_N];

    const char *pairs_file; /* NULL: all pairs */
    bool verified;          /* else there were no two kinds of pairs */
    size_t n_genuine, n_impostor;
    int64_t pairs_left_out, pairs_stride;
    int folds;
    struct eval_verification verification;

    /* One-photo templates of augmented pictures, beside ident's rows of one photo. */
    const char *augment; /* the kinds; NULL: not measured */
    int n_augmented;
    struct eval_ident_row augmented[EVAL_SIZES_MAX];

    int covered; /* usable photos that enrolment would refuse as occluded */
    int n_ident, n_budget;
    struct eval_ident_row ident[EVAL_SIZES_MAX * EVAL_SHOTS_N];
    struct eval_budget_row budget[EVAL_SIZES_MAX * EVAL_SHOTS_N];
    double budget_rate; /* 0.01 */
    bool has_table[EVAL_SHOTS_N];
    struct eval_table table[EVAL_SHOTS_N]; /* fitted on all people */
};

struct eval_plan {
    const char *pairs_file; /* NULL: all pairs */
    int sizes[EVAL_SIZES_MAX];
    int n_sizes;
    int splits;
    enum score_kind kind; /* hub: no verification, which knows no gallery */
    bool table_only;      /* neither verification nor identification */
    const char *augment;  /* kinds that the photos were augmented with; NULL: none */
};

/* Measures analysed photos; the identity of the models in ret_run is the caller's to fill.
 * Progress goes to standard error. Errors of eval_pairs_read, NOMEM. */
NODISCARD enum err eval_run_measure(const struct eval_photos *p, const struct eval_plan *plan,
                                    struct eval_run *ret_run, struct error *e);
