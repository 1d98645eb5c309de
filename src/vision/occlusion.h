/* Is the lower half of a face covered, by a mask, a scarf, a sheet?
 *
 * A template of a covered face would say little about the person, so enrolment refuses it; in class
 * a covered face is compared like any other. Two signs, both from the aligned crop: the mouth and
 * chin have hardly any light and shade
 * while the eyes have; or their colour is not the colour of the cheeks, while it
 * is no redder. What it does not see: a patterned cloth in the colours of skin, most hands,
 * glasses, half a face. Figures in docs/recognition.md. Pure; thread any. Cost 20 us. */
#pragma once

#include "vision/align.h"

struct occlusion {
    bool covered;
    float shade;      /* 90th - 10th percentile of the luma of mouth and chin, 0..255 */
    float skin;       /* how far the cheeks' colour is from grey, 0..127 */
    float difference; /* of the colour of mouth and chin from the cheeks', in parts of `skin` */
    float redness;    /* Cr of mouth and chin less that of the cheeks */
};

/* The crop is of the rotated-box kind, cut by spec (encoder_face_crop). */
struct occlusion occlusion_of(const struct face *f, const struct crop *c,
                              const struct crop_spec *spec);
