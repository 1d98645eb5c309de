/* A picture without a face, drawn by the program. Any thread. */
#pragma once

#include "base/arena.h"

/* A JPEG of 640x480 of coloured bands and rings, in `a`. Errors NOMEM, INTERNAL. */
NODISCARD enum err demo_picture_without_face(struct arena *a, struct str *ret_jpeg,
                                             struct error *e);
