/* Encoders: the spec table, and one batched run; see encoder.h. Called by workers; stateless but
 * for the model. */
#include "vision/encoder.h"

#include "vision/ort.h"

#include <limits.h>
#include <math.h>

/* facenet128: Inception-ResNet-v1 trained on MS-Celeb-1M (models/README.md has its source). The
 * YuNet crop was chosen on one fold of LFW, the RetinaFace crop by tools/fit_crop.py. */
static const struct encoder_spec specs[] = {
    {.name = "facenet128",
     .input = "image",
     .output = "embedding",
     .dim = 128,
     .crops = {[DETECTOR_YUNET] = {"rot115x105w", 1.15f, 1.05f},
               [DETECTOR_RETINAFACE] = {"rot115x097w-retinaface", 1.15f, .97f}}},
};

enum err encoder_spec_of(const char *name, const struct encoder_spec **ret_spec, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
        if (str_is(str_from(name), specs[i].name)) {
            *ret_spec = &specs[i];
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID, "unknown encoder '%s': choose facenet128", name);
}

enum err encoder_open(const char *name, const char *models_dir, int threads,
                      struct encoder *ret_encoder, struct error *e)
{
    struct encoder enc = {0};
    enum err r = encoder_spec_of(name, &enc.spec, e);
    if (r)
        return r;
    char path[PATH_MAX];
    r = model_verify(models_dir, name, path, enc.sha256, e);
    if (!r)
        r = ort_open(path, threads, &enc.model, e);
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
        .name = spec->input, .data = tensors, .dims = {n, 3, CROP_SIDE, CROP_SIDE}, .rank = 4};
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
