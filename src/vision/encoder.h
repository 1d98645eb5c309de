/* Face encoders: aligned crops in, unit vectors out. One spec row per encoder; what each is fed is
 * measured (models/README.md), so nothing of a row is an option.
 * Thread: encoder_open/close one; encoder_run any. */
#pragma once

#include "vision/align.h"
#include "vision/model_verify.h"
#include "vision/vision.h"

struct ort_model;
struct ort_target;

struct encoder_spec {
    const char *name; /* in options, templates and the file name NAME.onnx */
    const char *input, *output;
    int dim, side; /* of the vector; of the crop, pixels */
    enum crop_scaling scaling;
    enum crop_colour colour;
    struct crop_spec crops[DETECTOR_KIND_N]; /* fitted to what each detector finds */
};

struct encoder {
    const struct encoder_spec *spec;
    struct ort_model *model; /* owned */
    char sha256[MODEL_SHA256_TEXT];
};

/* Floats of one face's tensor. */
size_t encoder_tensor(const struct encoder_spec *spec);

/* The crop that quality is judged on, with any encoder: facenet128's. */
const struct crop_spec *encoder_face_crop(enum detector_kind kind);

/* The row of that name. Errors INVALID. */
NODISCARD enum err encoder_spec_of(const char *name, const struct encoder_spec **ret_spec,
                                   struct error *e);

/* Verifies and loads the model; of precision int8 NAME_int8.onnx, which set-up made. Errors INVALID
 * (no such name), those of model_verify, model_verify_local and ort_open_on. */
NODISCARD enum err encoder_open(const char *name, const char *models_dir,
                                const struct ort_target *on, struct encoder *ret_encoder,
                                struct error *e);
void encoder_close(struct encoder *enc);

/* Embeds n faces in one run. tensors [n][3][side][side] as crop_to_tensor writes them with the
 * spec's scaling and colour; ret_vec [n][dim], L2 norm 1. ret_run_us: inside the model. Errors
 * UNAVAILABLE. Cost, ms a face and thread: facenet128, facenet512 22; omz0095 16; dlib128 4.
 */
NODISCARD enum err encoder_run(const struct encoder *enc, float *tensors, int n, float *ret_vec,
                               int64_t *ret_run_us, struct error *e);
