/* `rollcall bench --compare`: the encoder on several devices and in several precisions, in turns.
 */
#pragma once

#include "base/time.h"
#include "config/config.h"

/* Measures each DEVICE/PRECISION of `list` (separated by commas; "all" = what this machine runs)
 * for about `duration`, alternating, and prints ms a face alone and in batches of 8, the cosine of
 * its vectors to those of the first one on the pictures below samples/train and samples/val, and
 * memory. Errors INVALID (list), NOT_FOUND (no pictures), those of vision_open. Thread main. */
NODISCARD enum err bench_devices(const struct config *c, const char *list, const char *samples,
                                 usec_t duration, struct error *e);
