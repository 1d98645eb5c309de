/* The vision engine's options from the configuration, for whoever opens an engine: serve, eval,
 * bench. Thread: any. */
#pragma once

#include "config/config.h"
#include "vision/vision.h"

/* What the configuration says; the strings live as long as c. A caller changes what it knows
 * better: the detector that a site has settled on, the threads and callers of a measurement. */
void app_vision_options(const struct config *c, struct vision_options *ret_options);
