/* `rollcall eval --liveness`: how often the liveness check is wrong, on a folder of captures.
 *
 * DIR/real holds pictures and video clips of people before a camera, DIR/NAME those of one kind of
 * attack (two folder levels deep). A picture is one presentation, judged by its score; a clip is
 * one, judged by the mean over its frames, as the server judges a face over its sightings. Of every
 * frame the main face counts. Words of ISO/IEC 30107-3: APCER is the share of presentations of ONE
 * kind of attack that pass, BPCER the share of real ones that do not. What shows no usable face is
 * no answer: it is counted apart and is in no rate. Thread: main. */
#pragma once

#include "cmd/eval_metrics.h"
#include "config/config.h"

/* Share `hits` of n with its 95 % Wilson score interval (Wilson, "Probable inference, the law of
 * succession, and statistical inference", JASA 22, 1927); NAN when n is 0. */
struct eval_interval eval_share(int hits, int n);

/* Measures and prints; json (may be NULL) is the file that gets all of it. Returns the exit status.
 */
int eval_liveness(const struct config *c, const char *folder, const char *json);
