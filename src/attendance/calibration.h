/* What a site has measured itself (`rollcall calibrate`), and thresholds from that or from what is
 * shipped.
 *
 * A calibration belongs to one encoder and preprocessing and holds a false-match curve for each
 * kind of score, measured with the site's own templates as they are enrolled. It is kept as one
 * line of text in a setting. Pure; any thread. */
#pragma once

#include "attendance/fmr_fit.h"
#include "attendance/threshold.h"

enum { CALIBRATION_VERSION = 40, CALIBRATION_TEXT = 512, CALIBRATION_NAME = 160 };

/* From how many students on `hub_correction = auto` may correct for hubs. */
enum { CALIBRATION_HUB_FROM = 150 };

struct calibration_curve {
    bool has;
    struct fmr_curve curve;
    int64_t comparisons; /* scores behind it */
};

struct calibration {
    char version[CALIBRATION_VERSION]; /* "site-2026-11-22T19:26:31Z"; empty: there is none */
    int people;                        /* with a template, when it was measured */
    bool hub_helps;                    /* measured: hub correction finds more people */
    struct calibration_curve kinds[SCORE_KIND_N];
};

/* The setting's name: "calibration:ENCODER:PREPROCESSING". */
void calibration_setting(const char *encoder, const char *preprocessing,
                         char ret_name[static CALIBRATION_NAME]);
void calibration_print(const struct calibration *c, char ret_text[static CALIBRATION_TEXT]);
/* An empty text is no calibration. Errors CORRUPT. */
NODISCARD enum err calibration_parse(struct str text, struct calibration *ret_calibration,
                                     struct error *e);

/* Moves the curve along the scores: every threshold it gives, inside its range, grows by `by`. */
void calibration_move(struct calibration_curve *v, double by);

/* The version behind thresholds: the calibration's, or that of the shipped tables. */
const char *calibration_version(const struct calibration *c, enum score_kind kind);
/* There is a table for scores of this kind: the site's (c may be NULL) or a shipped one. */
bool calibration_covers(const struct calibration *c, const char *encoder, const char *preprocessing,
                        enum score_kind kind);
/* The score needed (threshold_score) by the site's table; else by the shipped ones, the higher of
 * one-photo and many-photo, because a gallery holds templates of both kinds; INFINITY, which
 * nobody reaches, where there is neither. */
double calibration_threshold(const struct calibration *c, const char *encoder,
                             const char *preprocessing, enum score_kind kind, double budget_per_10k,
                             int64_t people);
