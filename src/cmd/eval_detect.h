/* `rollcall eval --detect`: how many faces each detector finds again when the light goes. */
#pragma once

#include "config/config.h"

/* Prints a table for each detector of the comma list: the pictures below `folder` as they are, in a
 * part of their light and against the light, with contrast off, clahe and auto. What counts is
 * every face of min_px pixels and more that the same detector finds in the untouched picture: no
 * labels are needed, and none are read. Errors of vision_open; NOT_FOUND (no pictures). */
NODISCARD enum err eval_detect(const struct config *c, const char *detectors, const char *folder,
                               int min_px, struct error *e);
