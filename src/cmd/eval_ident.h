/* Identification metrics: finding a person among N, and not finding a stranger.
 *
 * A probe is a photo compared with every template of a gallery; its best score names somebody when
 * it is above the threshold. Strangers are people who are not in the gallery. FPIR: share of
 * sightings of strangers that get a name, each stranger weighing the same however many photos there
 * are. TPIR: share of probes that get their own name; FNIR = 1 - TPIR. A template is the normalised
 * mean of a person's first `shots` photos; the others are probes, at most EVAL_PROBES_MAX a person,
 * so that one person with hundreds of photos does not make the figure.
 * Source: ISO/IEC 19795-1 for the terms. Pure; any thread. */
#pragma once

#include "attendance/fmr_fit.h"
#include "cmd/eval_metrics.h"

enum { EVAL_FPIR_N = 3, EVAL_PROBES_MAX = 10 };

/* The false positive identification rates that are reported: 1 %, 0.3 %, 0.1 %. */
extern const double eval_fpirs[EVAL_FPIR_N];

/* Embedded photos, those of a person side by side. */
struct eval_faces {
    const float *x;         /* [n][dim], L2 norm 1 */
    const float *templates; /* [n][dim]: what templates are made of instead; NULL: x */
    const int *first;       /* [people + 1]: photos of person p are first[p] .. first[p + 1] - 1 */
    int n, dim, people;
    bool hub; /* scores are corrected for hubs (gallery.h): cosine - h */
};

struct eval_ident {
    int probes, strangers, sightings;                 /* sightings: photos of strangers */
    double rank1;                                     /* right person first, whatever the score */
    double tpir[EVAL_FPIR_N], threshold[EVAL_FPIR_N]; /* NAN: fewer than 1 / FPIR sightings */
};

/* One random gallery of `people` people with `shots` photos a template; the rest are strangers.
 * All people are shuffled (eval_shuffle from `seed`, so that another detector or encoder meets the
 * same galleries); the first `people` of them with more than `shots` photos are the gallery.
 * Errors UNPROCESSABLE (too few people: how many there are), NOMEM. */
NODISCARD enum err eval_identify(const struct eval_faces *f, int people, int shots, uint64_t seed,
                                 struct arena *a, struct eval_ident *ret_result, struct error *e);

/* A false-match table, fitted (attendance/fmr_fit.h). */
struct eval_table {
    struct fmr_curve curve;
    int64_t pairs, comparisons; /* (template person, other person); scores behind them */
    int people;                 /* with a template */
};

/* Templates of all photos of a person, as enrolment makes them. For eval_tail. */
enum { EVAL_SHOTS_ALL = 0 };

/* The scores that eval_fit_table fits. Errors NOMEM. */
NODISCARD enum err eval_tail(const struct eval_faces *f, const int *who, int n, int shots,
                             struct arena *a, struct fmr_tail *ret_tail, struct error *e);

/* Fits the table for templates of `shots` photos (1: the first photo; more: every full group)
 * against all photos of other people, over who [n] people of f. A pair of people weighs 1 however
 * many photos they have. With hubs people are enrolled or strangers, never both: five random
 * splits, one template a person. Errors UNPROCESSABLE (under FMR_PAIRS_MIN pairs), NOMEM. */
NODISCARD enum err eval_fit_table(const struct eval_faces *f, const int *who, int n, int shots,
                                  struct arena *a, struct eval_table *ret_table, struct error *e);

/* The FPIR at a fixed threshold: the n people of who[] with at least `shots` photos are put into
 * as many separate galleries of `people` as they fill; strangers are the rest of who[]. With hubs
 * the galleries are rosters of one larger gallery: the cohort is all enrolled, half of who[] at
 * most, and strangers are those not enrolled. The mean over galleries; NAN when not one gallery
 * fills. Errors NOMEM. */
NODISCARD enum err eval_fpir_at(const struct eval_faces *f, const int *who, int n, int people,
                                int shots, double threshold, struct arena *a, double *ret_fpir,
                                struct error *e);
