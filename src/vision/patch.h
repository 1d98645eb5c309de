/* A rectangle of a picture as the input of one of MTCNN's nets: resampled, RGB, (p - 127.5) / 128.
 *
 * The exact rule is at the head of tests/golden/reference.py ("MTCNN resampling"): area average
 * where the window is higher than the result, bilinear where it is not; black outside the picture.
 * Thread any, each with a scratch of its own. */
#pragma once

#include "vision/image.h"
#include "vision/resize.h"

struct patch_span;

enum { PATCH_SIDE_MAX = 32768 }; /* pixels of a window's side: sums of bytes stay exact in floats */

/* Work space, in the caller's arena. */
struct patch_scratch {
    float *sums;
    struct patch_span *spans;
    int window_width_max, out_width_max;
};

/* Room for windows and results up to these widths. Errors NOMEM, INVALID (a window over
 * PATCH_SIDE_MAX). */
NODISCARD enum err patch_scratch_init(struct patch_scratch *s, struct arena *a,
                                      int window_width_max, int out_width_max, struct error *e);

/* Window (may lie partly outside the picture, sides 1..PATCH_SIDE_MAX) -> ret_planes
 * [3][out_height][out_width]. Cost: reads each pixel of the window once; 640x480 -> 385x289:
 * 1.3 ms. */
void patch_resample(const struct image *im, struct image_area window, int out_width, int out_height,
                    struct patch_scratch *s, float *ret_planes);
