/* Encoders: the spec table, and one batched run; see encoder.h. Called by workers; stateless but
 * for the model. */
#include "vision/encoder.h"

#include "vision/ort.h"

#include <limits.h>
#include <math.h>

/* Where the five points go in a crop, pixels. */
static const float omz0095_points[FACE_POINTS][2] = {{.31557f * 128, .46158f * 128},
                                                     {.68262f * 128, .46158f * 128},
                                                     {.50026f * 128, .64051f * 128},
                                                     {.34947f * 128, .82469f * 128},
                                                     {.65344f * 128, .82469f * 128}};
static const float dlib128_points[FACE_POINTS][2] = {
    {47.73f, 47.14f}, {100.28f, 47.12f}, {74.01f, 76.56f}, {50.41f, 103.02f}, {97.61f, 103.02f}};

enum { BOX_SIDE = 160, OMZ0095_SIDE = 128, DLIB128_SIDE = 150 };

static const struct encoder_spec specs[] = {
    /* Inception-ResNet-v1 trained on MS-Celeb-1M. The YuNet crop was chosen on one fold of LFW, the
     * others by tools/fit_crop.py (docs/decisions/0003, 0008). */
    {.name = "facenet128",
     .input = "image",
     .output = "embedding",
     .dim = 128,
     .side = BOX_SIDE,
     .scaling = CROP_STANDARDISED,
     .crops = {[DETECTOR_YUNET] = {"rot115x105w", BOX_SIDE, 1.15f, 1.05f, NULL},
               [DETECTOR_RETINAFACE] = {"rot115x097w-retinaface", BOX_SIDE, 1.15f, .97f, NULL},
               [DETECTOR_MTCNN] = {"rot120x097w-mtcnn", BOX_SIDE, 1.20f, .97f, NULL}}},
    /* The same net trained on CASIA-WebFace; fitted to YuNet's boxes only. */
    {.name = "facenet512",
     .input = "image",
     .output = "embedding",
     .dim = 512,
     .side = BOX_SIDE,
     .scaling = CROP_FIXED,
     .crops = {[DETECTOR_YUNET] = {"rot131x119f", BOX_SIDE, 1.31f, 1.19f, NULL}}},
    /* ResNet of dlib, 29 convolutions. */
    {.name = "dlib128",
     .input = "image",
     .output = "embedding",
     .dim = 128,
     .side = DLIB128_SIDE,
     .scaling = CROP_RAW,
     .crops = {[DETECTOR_YUNET] = {"points5", DLIB128_SIDE, 0, 0, dlib128_points},
               [DETECTOR_RETINAFACE] = {"points5-retinaface", DLIB128_SIDE, 0, 0, dlib128_points},
               [DETECTOR_MTCNN] = {"points5-mtcnn", DLIB128_SIDE, 0, 0, dlib128_points}}},
    /* Open Model Zoo's face-reidentification-retail-0095. */
    {.name = "omz0095",
     .input = "input",
     .output = "output",
     .dim = 256,
     .side = OMZ0095_SIDE,
     .scaling = CROP_RAW,
     .colour = CROP_BGR,
     .crops = {[DETECTOR_YUNET] = {"points5", OMZ0095_SIDE, 0, 0, omz0095_points},
               [DETECTOR_RETINAFACE] = {"points5-retinaface", OMZ0095_SIDE, 0, 0, omz0095_points},
               [DETECTOR_MTCNN] = {"points5-mtcnn", OMZ0095_SIDE, 0, 0, omz0095_points}}},
};

size_t encoder_tensor(const struct encoder_spec *spec)
{
    return 3 * (size_t)spec->side * (size_t)spec->side;
}

const struct crop_spec *encoder_face_crop(enum detector_kind kind) { return &specs[0].crops[kind]; }

enum err encoder_spec_of(const char *name, const struct encoder_spec **ret_spec, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        if (str_is(str_from(name), specs[i].name)) {
            *ret_spec = &specs[i];
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID,
                     "unknown encoder '%s': choose facenet128, facenet512, dlib128 or omz0095",
                     name);
}

enum err encoder_open(const char *name, const char *models_dir, const struct ort_target *on,
                      struct encoder *ret_encoder, struct error *e)
{
    struct encoder enc = {0};
    enum err r = encoder_spec_of(name, &enc.spec, e);
    if (r)
        return r;
    char path[PATH_MAX];
    r = on->precision == PRECISION_INT8 ? model_verify_local(models_dir, name, path, enc.sha256, e)
                                        : model_verify(models_dir, name, path, enc.sha256, e);
    if (!r)
        r = ort_open_on(path, on, &enc.model, e);
    if (r)
        return error_wrap(e, r, "encoder %s", name);
    *ret_encoder = enc;
    return ERR_OK;
}

void encoder_close(struct encoder *enc)
{
    ort_close(enc->model);
    enc->model = NULL;
}

static bool normalise(float *v, int dim)
{
    double squares = 0;
    for (int i = 0; i < dim; i++)
        squares += (double)v[i] * v[i];
    if (!(squares > 0) || !isfinite(squares))
        return false;
    double scale = 1 / sqrt(squares);
    for (int i = 0; i < dim; i++)
        v[i] = (float)(v[i] * scale);
    return true;
}

enum err encoder_run(const struct encoder *enc, float *tensors, int n, float *ret_vec,
                     int64_t *ret_run_us, struct error *e)
{
    const struct encoder_spec *spec = enc->spec;
    struct ort_tensor in = {
        .name = spec->input, .data = tensors, .dims = {n, 3, spec->side, spec->side}, .rank = 4};
    struct ort_tensor out = {
        .name = spec->output, .data = ret_vec, .dims = {n, spec->dim}, .rank = 2};
    enum err r = ort_run(enc->model, &in, 1, &out, 1, ret_run_us, e);
    if (r)
        return error_wrap(e, r, "encoder %s", spec->name);
    for (int i = 0; i < n; i++)
        if (!normalise(ret_vec + (size_t)i * (size_t)spec->dim, spec->dim))
            return error_set(e, ERR_UNAVAILABLE, "encoder %s gave no usable vector", spec->name);
    return ERR_OK;
}
