/* Face encoders: aligned crops in, unit vectors out. One spec row per built-in encoder; what each
 * is fed is measured (models/README.md), so nothing of a row is an option. A brought encoder has
 * its row from a file (encoder_file.h).
 * Thread: encoder_open/close one; encoder_run any. */
#pragma once

#include "vision/align.h"
#include "vision/model_verify.h"
#include "vision/vision.h"

struct encoder_file;
struct ort_model;
struct ort_target;

struct encoder_spec {
    const char *name;           /* in options, templates and the file name NAME.onnx */
    const char *licence;        /* of the weights; NULL: the lock's */
    const char *input, *output; /* NULL: the model has one alone */
    int dim, side;              /* of the vector; of the crop, pixels */
    enum crop_scaling scaling;
    bool linear; /* then (value - mean) * scale, by red, green, blue, after CROP_RAW */
    float mean[3], scale[3];
    bool normalised; /* the model's vectors have length 1, which a run then holds it to */
    enum crop_colour colour;
    struct crop_spec crops[DETECTOR_KIND_N]; /* fitted to what each detector finds */
};

enum { ENCODER_PORT_TEXT = 64 };

struct encoder {
    const struct encoder_spec *spec;
    struct ort_model *model;   /* owned */
    struct encoder_file *file; /* owned; NULL for a built-in one */
    const char *licence;       /* of the weights */
    bool flip;                 /* each face is embedded with its mirror image */
    bool one_by_one;           /* the model takes one face a run */
    char input[ENCODER_PORT_TEXT], output[ENCODER_PORT_TEXT];
    char sha256[MODEL_SHA256_TEXT];
};

/* The crop that quality is judged on, with any encoder: facenet128's. */
const struct crop_spec *encoder_face_crop(enum detector_kind kind);

/* The row of that built-in name. Errors INVALID. */
NODISCARD enum err encoder_spec_of(const char *name, const struct encoder_spec **ret_spec,
                                   struct error *e);

/* Verifies and loads the model; of precision int8 NAME_int8.onnx, which set-up made. A name
 * "onnx:FILE.onnx" is a brought encoder. Errors INVALID (no such name; a model whose inputs and
 * outputs are not those of its spec), those of model_verify, model_verify_local, encoder_file_read
 * and ort_open_on. */
NODISCARD enum err encoder_open(const char *name, bool flip, const char *models_dir,
                                const struct ort_target *on, struct encoder *ret_encoder,
                                struct error *e);
void encoder_close(struct encoder *enc);

/* What n faces take: floats of the tensors, floats of the vectors encoder_run writes (with flip it
 * needs room for twice as many as it keeps). */
size_t encoder_tensors(const struct encoder *enc, int n);
size_t encoder_vectors(const struct encoder *enc, int n);

/* Writes one face's part of the tensors, encoder_tensors(enc, 1) floats: the crop as the spec wants
 * it and, with flip, its mirror image behind it. */
void encoder_feed(const struct encoder *enc, const struct crop *c, float *ret_tensor);

/* Embeds n faces in one run (one each where the model's batch is fixed). tensors: as encoder_feed
 * wrote them, one face after the other. ret_vec has room for encoder_vectors(enc, n); the first
 * [n][dim] are the result, L2 norm 1; with flip the normalised sum of the vectors of a face and its
 * mirror image. ret_run_us: inside the model. Errors UNAVAILABLE.
 * Cost, ms a face and thread: facenet128, facenet512 22; omz0095 16; dlib128 4; twice that with
 * flip. */
NODISCARD enum err encoder_run(const struct encoder *enc, float *tensors, int n, float *ret_vec,
                               int64_t *ret_run_us, struct error *e);
