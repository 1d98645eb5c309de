/* The face crop an encoder sees: a rotated box of the picture, stretched to a square. */
#pragma once

#include "vision/face.h"
#include "vision/image.h"

enum { CROP_SIDE = 160, CROP_PIXELS = CROP_SIDE * CROP_SIDE }; /* of facenet128 */

/* How a detector's box becomes the crop that the encoder was measured with. Fitted for each pair of
 * encoder and detector (docs/decisions/0003); the id is stored with each template. */
struct crop_spec {
    const char *preprocessing;         /* id */
    float width_factor, height_factor; /* of the box */
};

/* One aligned face. */
struct crop {
    uint8_t planes[3][CROP_PIXELS]; /* R, G, B; [160][160] each */
};

/* Cuts the face: box centre, eyes level, box times factors -> 160 x 160, bilinear, edges
 * replicated; where the box is over 320 pixels the picture is box-averaged first. The exact rule is
 * at the head of tests/golden/reference.py. Scratch memory comes from `a`. Errors NOMEM. Thread
 * any. Cost 0.2 ms. */
NODISCARD enum err align_face(struct arena *a, const struct image *im, const struct face *f,
                              const struct crop_spec *spec, struct crop *ret_crop, struct error *e);

/* Mean and population deviation over all 3 x 160 x 160 values, exact integers inside. */
void crop_statistics(const struct crop *c, double *ret_mean, double *ret_deviation);

/* (p - mean) / max(deviation, 1/sqrt(76800)) into [3][160][160] floats. */
void crop_standardise(const struct crop *c, float *ret_tensor);
