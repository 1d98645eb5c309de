/* YuNet (2023mar): anchor-free, three strides, four outputs each.
 *
 * score = sqrt(class * objectness); centre and points are offsets in cells, sizes are exp(b) cells.
 * Source: Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023; the file is OpenCV
 * Zoo's with symbolic sizes (models/README.md). Pure but for the model; called by detector.c. */
#include "vision/detector.h"

#include <math.h>

enum { STRIDES = 3, BOX = 4, POINTS = 2 * FACE_POINTS };

static const int strides[STRIDES] = {8, 16, 32};

static float clamp01(float v) { return v < 0 ? 0 : v > 1 ? 1 : v; }

static void read_cell(const float *box, const float *points, int column, int row, int stride,
                      float score, struct face *f)
{
    float s = (float)stride;
    float w = expf(box[2]) * s, h = expf(box[3]) * s;
    f->box[0] = ((float)column + box[0]) * s - w / 2;
    f->box[1] = ((float)row + box[1]) * s - h / 2;
    f->box[2] = w;
    f->box[3] = h;
    for (int p = 0; p < FACE_POINTS; p++) {
        f->points[p][0] = (points[2 * p] + (float)column) * s;
        f->points[p][1] = (points[2 * p + 1] + (float)row) * s;
    }
    f->score = score;
}

static int candidates(const float *const outputs[], int width, int height, float min_score,
                      struct face *ret_faces)
{
    int n = 0;
    for (int k = 0; k < STRIDES; k++) {
        const float *class_ = outputs[k], *object = outputs[STRIDES + k];
        int columns = width / strides[k], cells = columns * (height / strides[k]);
        for (int i = 0; i < cells; i++) {
            float score = sqrtf(clamp01(class_[i]) * clamp01(object[i]));
            if (!(score > min_score))
                continue;
            if (ret_faces)
                read_cell(outputs[2 * STRIDES + k] + BOX * i, outputs[3 * STRIDES + k] + POINTS * i,
                          i % columns, i / columns, strides[k], score, &ret_faces[n]);
            n++;
        }
    }
    return n;
}

const struct detector_spec yunet_spec = {
    .name = "yunet",
    .files = {"yunet"},
    .input = "input",
    .mean_bgr = {0, 0, 0},
    .nms_iou = .3f,
    .outputs = {{"cls_8", 8, 1, 1},
                {"cls_16", 16, 1, 1},
                {"cls_32", 32, 1, 1},
                {"obj_8", 8, 1, 1},
                {"obj_16", 16, 1, 1},
                {"obj_32", 32, 1, 1},
                {"bbox_8", 8, 1, BOX},
                {"bbox_16", 16, 1, BOX},
                {"bbox_32", 32, 1, BOX},
                {"kps_8", 8, 1, POINTS},
                {"kps_16", 16, 1, POINTS},
                {"kps_32", 32, 1, POINTS}},
    .n_outputs = 4 * STRIDES,
    .candidates = candidates,
};
