/* Shared by the files of the vision engine only: what vision_open made. */
#pragma once

#include "vision/detector.h"
#include "vision/encoder.h"
#include "vision/ort.h"
#include "vision/vision.h"

/* Immutable after vision_open. */
struct vision {
    struct detector detector;
    struct encoder encoder;
    struct device_choice choice; /* of the encoder */
    float min_confidence;
    int min_face_px, long_side, batch_max;
};

/* The crop the encoder gets from faces of this detector. */
static inline const struct crop_spec *vision_crop(const struct vision *v)
{
    return &v->encoder.spec->crops[v->detector.kind];
}
