/* Face detectors: a picture in, faces with five points out. One spec row per kind.
 *
 * YuNet and RetinaFace are one fully convolutional net each: any size that is a multiple of 32,
 * outputs read by `candidates`. MTCNN is a cascade of three, run by `find`. The padding, the
 * decoding constants and the NMS limits are those of tests/golden/reference.py.
 * Thread: detector_open/close one; detector_find any. */
#pragma once

#include "vision/face.h"
#include "vision/vision.h"

struct ort_model;

enum { DETECTOR_STRIDE = 32, DETECTOR_OUTPUTS_MAX = 12, DETECTOR_FACES_MAX = 512 };
enum { DETECTOR_MODELS_MAX = 3, DETECTOR_MIN_FACE_PX = 20, DETECTOR_MTCNN_LEAST_PX = 12 };

struct detector;

/* One output tensor: [1][anchors][columns]. */
struct detector_output {
    const char *name;
    int stride; /* its grid has width / stride x height / stride cells; 0: strides 8, 16, 32 joined
                 */
    int anchors_per_cell;
    int columns;
};

struct detector_spec {
    const char *name;                       /* in options and settings */
    const char *files[DETECTOR_MODELS_MAX]; /* models, without .onnx, in the order they run */
    const char *input;
    float mean_bgr[3]; /* subtracted from BGR 0..255 */
    float nms_iou;
    struct detector_output outputs[DETECTOR_OUTPUTS_MAX];
    int n_outputs;
    /* Reads the outputs of a width x height run. Counts, and when ret_faces is given writes, the
     * candidates whose score is above min_score, in pixels of the run. */
    int (*candidates)(const float *const outputs[], int width, int height, float min_score,
                      struct face *ret_faces);
    /* Instead of all from `input` on: the faces of a picture that was shrunk, best first, in its
     * pixels, in `a`. Errors NOMEM, UNAVAILABLE. */
    enum err (*find)(const struct detector *d, struct arena *a, const struct image *im,
                     float min_score, struct face **ret_faces, int *ret_n, int64_t *ret_run_us,
                     struct error *e);
};

extern const struct detector_spec yunet_spec, retinaface_spec, mtcnn_spec;

struct detector {
    const struct detector_spec *spec;
    enum detector_kind kind;
    struct ort_model *models[DETECTOR_MODELS_MAX]; /* owned; in the order of spec->files */
    int min_face_px; /* MTCNN: the smallest face looked for, in pixels of the shrunk picture */
};

/* `auto` becomes the kind whose file is there: YuNet before RetinaFace. Errors INVALID (no such
 * name). */
NODISCARD enum err detector_kind_of(const char *name, const char *models_dir,
                                    enum detector_kind *ret_kind, struct error *e);
const struct detector_spec *detector_spec_of(enum detector_kind kind);

/* Verifies and loads the models; min_face_px is DETECTOR_MIN_FACE_PX until the caller changes it.
 * Errors of model_verify and ort_open. */
NODISCARD enum err detector_open(enum detector_kind kind, const char *models_dir, int threads,
                                 struct detector *ret_detector, struct error *e);
void detector_close(struct detector *d);

/* Brings box and points into a picture sx and sy times as large. */
void face_scale(struct face *f, float sx, float sy);

/* Faces of `im` after shrinking it to long_side, best score first, at most DETECTOR_FACES_MAX, in
 * pixels of `im`, in `a`. min_score: candidates at or below it are dropped. ret_run_us: inside the
 * model. Errors NOMEM, UNAVAILABLE. */
NODISCARD enum err detector_find(const struct detector *d, struct arena *a, const struct image *im,
                                 int long_side, float min_score, struct face **ret_faces,
                                 int *ret_n, int64_t *ret_run_us, struct error *e);
