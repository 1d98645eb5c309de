/* Shared by the files of the vision engine only: what vision_open made, and faces on their way to
 * the encoder. */
#pragma once

#include "vision/align.h"
#include "vision/contrast.h"
#include "vision/detector.h"
#include "vision/encoder.h"
#include "vision/liveness.h"
#include "vision/ort.h"
#include "vision/vision.h"

enum { VISION_PREPROCESSING_TEXT = 64 };

/* Immutable after vision_open. */
struct vision {
    struct detector detector;
    struct encoder encoder;
    struct device_choice choice; /* of the encoder */
    struct liveness liveness;
    bool has_liveness;
    float min_confidence;
    enum contrast contrast;
    int min_face_px, long_side, batch_max;
    char preprocessing[VISION_PREPROCESSING_TEXT];
};

/* The crop the encoder gets from faces of this detector. */
static inline const struct crop_spec *vision_crop(const struct vision *v)
{
    return &v->encoder.spec->crops[v->detector.kind];
}

/* Where the vector of a waiting face goes, and whose time its run is. */
struct batch_slot {
    float *to; /* [dim] */
    struct vision_timing *timing;
};

/* Faces that wait for the encoder; all zero but v and a is an empty batch. */
struct vision_batch {
    struct vision *v;
    struct arena *a;          /* of everything below, and of the results */
    float *tensors;           /* of `capacity` faces, encoder_feed's */
    float *vectors;           /* encoder_vectors of `capacity`, of one run */
    struct batch_slot *slots; /* [capacity] */
    int capacity, waiting;
    bool several;       /* pictures will come: make room for a full run at once */
    struct error error; /* of the first run that failed; its code is ERR_OK until then */
};

/* Makes room for runs of n faces, or of a full batch when several pictures come. Errors NOMEM. */
NODISCARD enum err batch_room(struct vision_batch *b, int n, struct error *e);
/* Adds a crop; runs the encoder when the batch is full. There must be room. A run that fails is
 * told by vision_batch_end. */
void batch_add(struct vision_batch *b, const struct crop *c, float *ret_vector,
               struct vision_timing *timing);

/* Sorts result->n > 0 faces of `im` by falling area, judges them and gives those that can be
 * embedded to the batch, into result->faces, with their liveness where it is measured;
 * result->width and height are set (analyse.c). Errors NOMEM, UNAVAILABLE. */
NODISCARD enum err describe_faces(struct vision_batch *b, struct arena *scratch,
                                  const struct image *im, struct face *faces,
                                  struct vision_result *result, struct error *e);
