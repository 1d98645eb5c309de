/* Plots of an evaluation as PNG: curves that show every run, score histograms for each.
 *
 * roc.png: true accept rate over false accept rate (log). det.png: false reject rate over false
 * accept rate on normal-deviate axes (Martin et al., "The DET curve in assessment of detection task
 * performance", 1997). scores-DETECTOR-ENCODER.png: how scores of one person and of two lie, with
 * the thresholds. identification-DETECTOR-ENCODER.png: TPIR over the number of people, with the
 * spread of galleries. Thread: main. */
#pragma once

#include "cmd/eval_run.h"

/* Writes the plots into `folder`, which is made when missing. Errors IO, NOMEM. */
NODISCARD enum err eval_plot(const char *folder, const struct eval_run *runs, int n,
                             struct error *e);
