/* `rollcall bench --models`: each installed model alone, against what the machine can compute. */
#pragma once

#include "base/time.h"
#include "config/config.h"

/* Runs every model that lies in the models folder, in turns for about `duration` each, and prints
 * ms a run, GFLOP a run, GFLOP/s and the share of bench_peak. inference_threads threads a run;
 * encoders on the configured device and precision where they run there, all else on the processor
 * in fp32. Errors NOT_FOUND (no model), those of ort_open_on. Thread main. */
NODISCARD enum err bench_models(const struct config *c, usec_t duration, struct error *e);
