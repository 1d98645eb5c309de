/* From a risk budget to a threshold (MODELS section 7).
 *
 * A threshold is derived, not typed: budget = the chance that one sighting of a person who is not
 * enrolled gets a name, per 10,000. With N people compared, the score needed is where the encoder's
 * measured false-match rate equals budget / N. Pure; any thread. */
#pragma once

#include "base/str.h"

/* What a score is. Scores of two kinds are never compared: every table is of one kind, and is
 * looked up by it. */
enum score_kind {
    SCORE_COSINE, /* of face and template */
    SCORE_HUB,    /* cosine - h(template): corrected for hubs (gallery/hub.h) */
};
enum { SCORE_KIND_N = SCORE_HUB + 1 };

/* "cosine", "hub": stable words of events, receipts and settings. */
const char *score_kind_name(enum score_kind kind);

/* log10 FMR(s) = c0 + c1 s + c2 s^2, measured; valid for FMR 1e-2..1e-6. */
struct fmr_table {
    const char *encoder, *preprocessing;
    enum score_kind kind;
    int photos; /* photos in a template when it was measured: 1 or 3 (three or more) */
    double c0, c1, c2;
};

/* The tables that are shipped (fmr_tables.c), and their version: it changes with every row. */
extern const struct fmr_table fmr_tables[];
extern const int fmr_tables_n;
extern const char fmr_tables_version[];

/* The table measured for this encoder, preprocessing, kind of score and photo count; NULL when
 * there is none. */
const struct fmr_table *fmr_table_find(const char *encoder, const char *preprocessing,
                                       enum score_kind kind, int photos);

/* threshold_score by the higher of the one-photo and the many-photo table, of cosines, for
 * galleries that hold templates of both kinds; 1 without a table. */
double threshold_highest(const char *encoder, const char *preprocessing, double budget_per_10k,
                         int64_t people);

/* The score where FMR = budget_per_10k / 10000 / people; people >= 1 (0 counts as 1).
 * Outside the table's range the nearest end is used, so the result is always a score 0..1. */
double threshold_score(const struct fmr_table *t, double budget_per_10k, int64_t people);
