/* The face crop an encoder sees: a part of the picture, turned and stretched to a square. */
#pragma once

#include "vision/face.h"
#include "vision/image.h"

enum { CROP_SIDE = 160, CROP_PIXELS = CROP_SIDE * CROP_SIDE }; /* of the largest crop */

/* How a detector's face becomes the crop that the encoder was measured with; the id is stored with
 * each template. Two kinds:
 *   rotated box   the box times the factors, eyes level, stretched. Fitted for each pair of encoder
 *                 and detector (docs/decisions/0003, 0008);
 *   five points   the similarity transform that brings the points nearest to `points`. */
struct crop_spec {
    const char *preprocessing;         /* id; NULL: this encoder is not fitted to this detector */
    int side;                          /* pixels of the crop, at most CROP_SIDE */
    float width_factor, height_factor; /* of the box */
    const float (*points)[2];          /* [FACE_POINTS], pixels of the crop; NULL: rotated box */
};

/* One aligned face. */
struct crop {
    int side;
    uint8_t planes[3][CROP_PIXELS]; /* R, G, B; [side][side] each, at the front of the plane */
};

/* Cuts the face: bilinear, edges replicated; where more than two pixels of the picture fall on one
 * of the crop the picture is box-averaged first. The exact rule is at the head of
 * tests/golden/reference.py. Scratch memory comes from `a`. Errors NOMEM. Thread
 * any. Cost 0.2 ms. */
NODISCARD enum err align_face(struct arena *a, const struct image *im, const struct face *f,
                              const struct crop_spec *spec, struct crop *ret_crop, struct error *e);

/* Mean and population deviation over all 3 x side x side values, exact integers inside. */
void crop_statistics(const struct crop *c, double *ret_mean, double *ret_deviation);

enum crop_scaling {
    CROP_STANDARDISED, /* (p - mean) / max(deviation, 1/sqrt(3 side^2)), of this crop */
    CROP_FIXED,        /* (p - 127.5) / 128 */
    CROP_RAW           /* 0..255 */
};
enum crop_colour { CROP_RGB, CROP_BGR }; /* order of the planes */

/* Into [3][side][side] floats. */
void crop_to_tensor(const struct crop *c, enum crop_scaling scaling, enum crop_colour colour,
                    float *ret_tensor);
