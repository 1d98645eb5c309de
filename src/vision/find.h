/* Detection with the contrast that is asked for: between the detector and the pipeline. */
#pragma once

#include "vision/internal.h"

/* Faces of a picture, in its pixels. */
struct findings {
    struct face *faces; /* in the call's arena */
    int n;
    int64_t run_us; /* inside the model */
};

/* Finds faces in `im` after shrinking it to long_side. CONTRAST_AUTO detects once more on the CLAHE
 * picture when `im` is dark, or when nothing was found and retry_empty asks for it; a face that
 * both find is the one of the original picture. Errors NOMEM, UNAVAILABLE. Thread any. */
NODISCARD enum err find_faces(const struct vision *v, struct arena *a, const struct image *im,
                              int long_side, enum contrast contrast, bool retry_empty,
                              struct findings *ret_found, struct error *e);
