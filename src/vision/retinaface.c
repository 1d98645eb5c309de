/* RetinaFace with MobileNet-0.25: two anchors a cell at three strides, all joined in one list.
 *
 * Centre and points move by .1 of the anchor's size, sizes grow by exp(.2 v) ("variances" .1, .2).
 * Source: Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild", 2019, and
 * the configuration of its MobileNet release (models/README.md). Pure; called by detector.c. */
#include "vision/detector.h"

#include <math.h>

enum { STRIDES = 3, ANCHORS = 2, BOX = 4, CLASSES = 2, POINTS = 2 * FACE_POINTS };

static const struct {
    int stride;
    float sizes[ANCHORS]; /* pixels */
} grids[STRIDES] = {{8, {16, 32}}, {16, {64, 128}}, {32, {256, 512}}};

static const float centre_variance = .1f, size_variance = .2f;

static void read_anchor(const float *loc, const float *points, float x, float y, float size,
                        float score, struct face *f)
{
    float step = centre_variance * size;
    float w = size * expf(loc[2] * size_variance), h = size * expf(loc[3] * size_variance);
    f->box[0] = x + loc[0] * step - w / 2;
    f->box[1] = y + loc[1] * step - h / 2;
    f->box[2] = w;
    f->box[3] = h;
    for (int p = 0; p < FACE_POINTS; p++) {
        f->points[p][0] = x + points[2 * p] * step;
        f->points[p][1] = y + points[2 * p + 1] * step;
    }
    f->score = score;
}

static int candidates(const float *const outputs[], int width, int height, float min_score,
                      struct face *ret_faces)
{
    const float *loc = outputs[0], *confidence = outputs[1], *points = outputs[2];
    int n = 0, first = 0;
    for (int k = 0; k < STRIDES; k++) {
        int stride = grids[k].stride, columns = width / stride;
        int anchors = columns * (height / stride) * ANCHORS;
        for (int i = 0; i < anchors; i++) {
            int at = first + i, cell = i / ANCHORS;
            float score = confidence[CLASSES * at + 1];
            if (!(score > min_score))
                continue;
            if (ret_faces)
                read_anchor(loc + BOX * at, points + POINTS * at,
                            ((float)(cell % columns) + .5f) * (float)stride,
                            ((float)(cell / columns) + .5f) * (float)stride,
                            grids[k].sizes[i % ANCHORS], score, &ret_faces[n]);
            n++;
        }
        first += anchors;
    }
    return n;
}

const struct detector_spec retinaface_spec = {
    .name = "retinaface",
    .files = {"retinaface"},
    .input = "input",
    .mean_bgr = {104, 117, 123},
    .nms_iou = .4f,
    .outputs = {{"loc", 0, ANCHORS, BOX},
                {"conf", 0, ANCHORS, CLASSES},
                {"landmarks", 0, ANCHORS, POINTS}},
    .n_outputs = 3,
    .candidates = candidates,
};
