/* What a calibration measures: false-match curves of the photos behind a site's templates, and
 * whether hub correction finds more of its people. Pure but for the arena; any thread. */
#pragma once

#include "attendance/calibration.h"
#include "cmd/eval_ident.h"

enum { CALIBRATE_SPLITS = 10 };

/* People with a template that a table needs: so many that FMR_PAIRS_MIN pairs come together. */
enum { CALIBRATE_PEOPLE_MIN = 284 };

struct calibrate_result {
    struct calibration calibration; /* without its version */
    struct fmr_tail tails[SCORE_KIND_N];
    int photos;

    /* Random galleries, everybody else a stranger, with and without the correction. */
    int gallery;          /* people in each; 0: too few people to tell */
    int wins;             /* galleries of CALIBRATE_SPLITS in which it found more */
    double fpir;          /* at which share of strangers named */
    double plain, hubbed; /* mean TPIR */
};

/* f: everybody's enrolled photos. Templates are the mean of all photos of a person. Hub correction
 * helps when it finds more people on average and in 8 galleries of 10.
 * Errors UNPROCESSABLE (under CALIBRATE_PEOPLE_MIN people: how many there are), NOMEM. */
NODISCARD enum err calibrate_measure(const struct eval_faces *f, struct arena *a,
                                     struct calibrate_result *ret_result, struct error *e);
