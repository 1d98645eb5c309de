/* Encoders: the spec table, whether a model is what its row says, and one batched run; see
 * encoder.h. Called by workers; stateless but for the model. */
#include "vision/encoder.h"

#include "base/mem.h"
#include "vision/encoder_file.h"
#include "vision/model_lock.h"
#include "vision/ort.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

/* Where the five points go in a crop, pixels. */
static const float omz0095_points[FACE_POINTS][2] = {{.31557f * 128, .46158f * 128},
                                                     {.68262f * 128, .46158f * 128},
                                                     {.50026f * 128, .64051f * 128},
                                                     {.34947f * 128, .82469f * 128},
                                                     {.65344f * 128, .82469f * 128}};
static const float dlib128_points[FACE_POINTS][2] = {
    {47.73f, 47.14f}, {100.28f, 47.12f}, {74.01f, 76.56f}, {50.41f, 103.02f}, {97.61f, 103.02f}};

/* ArcFace's template, as OpenCV's FaceRecognizerSF::alignCrop has it. */
static const float sface_points[FACE_POINTS][2] = {{38.2946f, 51.6963f},
                                                   {73.5318f, 51.5014f},
                                                   {56.0252f, 71.7366f},
                                                   {41.5493f, 92.3655f},
                                                   {70.7299f, 92.2041f}};

enum { BOX_SIDE = 160, OMZ0095_SIDE = 128, DLIB128_SIDE = 150, SFACE_SIDE = 112 };
#define LENGTH_TOLERANCE 0.02 /* of a vector stated to have length 1: bf16 keeps 8 bits */

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
    /* OpenCV Zoo's SFace, fed as FaceRecognizerSF::feature does: RGB 0..255, one face a run. Never
     * measured here: the file could not be had. */
    {.name = "sface",
     .dim = 128,
     .side = SFACE_SIDE,
     .scaling = CROP_RAW,
     .crops = {[DETECTOR_YUNET] = {"points5", SFACE_SIDE, 0, 0, sface_points},
               [DETECTOR_RETINAFACE] = {"points5-retinaface", SFACE_SIDE, 0, 0, sface_points},
               [DETECTOR_MTCNN] = {"points5-mtcnn", SFACE_SIDE, 0, 0, sface_points}}},
};

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
                     "unknown encoder '%.80s': choose facenet128, facenet512, dlib128, omz0095, "
                     "sface or onnx:FILE.onnx",
                     name);
}

/* ---- opening */

/* Shape as people write it: "[N,3,112,112]". */
static const char *shape_text(const struct ort_port *p, char text[static 96])
{
    int n = snprintf(text, 96, "%s[", p->is_float ? "" : "not float32 ");
    for (int i = 0; i < p->rank && i < ORT_RANK_MAX; i++)
        n += p->dims[i] < 0 ? snprintf(text + n, 96 - (size_t)n, "%sN", i ? "," : "")
                            : snprintf(text + n, 96 - (size_t)n, "%s%lld", i ? "," : "",
                                       (long long)p->dims[i]);
    snprintf(text + n, 96 - (size_t)n, "%s]", p->rank > ORT_RANK_MAX ? ",..." : "");
    return text;
}

static bool fits(int64_t dim, int wanted) { return dim < 0 || dim == wanted; }

/* The input or output of that name; without a name the only one. */
static enum err find_port(const struct encoder *enc, enum ort_side side, const char *name,
                          struct ort_port *ret_port, struct error *e)
{
    const char *what = side == ORT_INPUT ? "input" : "output";
    int n = 0;
    struct ort_port port = {.rank = 0};
    enum err r = ort_port_count(enc->model, side, &n, e);
    if (r)
        return r;
    if (n != 1 && (side == ORT_INPUT || !name))
        return error_set(e, ERR_INVALID, "the model has %d %ss%s", n, what,
                         side == ORT_INPUT ? ", an encoder has one" : ": state which, output =");
    for (int i = 0; i < n; i++) {
        r = ort_port_at(enc->model, side, i, &port, e);
        if (r)
            return r;
        if (!name || strcmp(port.name, name) == 0) {
            *ret_port = port;
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID, "the model has no %s named '%s'%s%s", what, name,
                     n == 1 ? ", its only one is " : "", n == 1 ? port.name : "");
}

/* Holds the model to the spec, and learns its names and whether its batch is fixed. */
static enum err check_ports(struct encoder *enc, struct error *e)
{
    const struct encoder_spec *s = enc->spec;
    struct ort_port in, out;
    char text[96];
    enum err r = find_port(enc, ORT_INPUT, s->input, &in, e);
    if (!r)
        r = find_port(enc, ORT_OUTPUT, s->output, &out, e);
    if (r)
        return r;
    bool right = in.is_float && in.rank == 4 && in.name[0];
    if (!right || !fits(in.dims[1], 3) || !fits(in.dims[2], s->side) || !fits(in.dims[3], s->side))
        return error_set(e, ERR_INVALID, "the model's input is %s, wanted is [N,3,%d,%d]",
                         shape_text(&in, text), s->side, s->side);
    if (in.dims[0] > 1)
        return error_set(e, ERR_INVALID,
                         "the model takes %lld faces a run and no other number: export it with a "
                         "free batch",
                         (long long)in.dims[0]);
    if (!out.is_float || out.rank != 2 || !fits(out.dims[1], s->dim) || !out.name[0])
        return error_set(e, ERR_INVALID, "the model's output is %s, wanted is [N,%d]",
                         shape_text(&out, text), s->dim);
    enc->one_by_one = in.dims[0] == 1 || out.dims[0] == 1;
    snprintf(enc->input, sizeof enc->input, "%s", in.name);
    snprintf(enc->output, sizeof enc->output, "%s", out.name);
    return ERR_OK;
}

/* A brought encoder: its files instead of a row and the lock. */
static enum err find_brought(const char *name, char path[static PATH_MAX], struct encoder *enc,
                             struct error *e)
{
    enc->file = mem_alloc(sizeof *enc->file);
    if (!enc->file)
        return error_set(e, ERR_NOMEM, "no memory for an encoder");
    enum err r = encoder_file_read(name, enc->file, e);
    if (r)
        return r;
    enc->spec = &enc->file->spec;
    enc->licence = enc->file->licence;
    memcpy(enc->sha256, enc->file->sha256, sizeof enc->sha256);
    snprintf(path, PATH_MAX, "%s", enc->file->path);
    return ERR_OK;
}

static enum err find_built_in(const char *name, const char *models_dir, bool int8,
                              char path[static PATH_MAX], struct encoder *enc, struct error *e)
{
    enum err r = encoder_spec_of(name, &enc->spec, e);
    if (r)
        return r;
    const struct model_lock *lock = model_lock_find(name);
    enc->licence = lock ? lock->licence : "";
    return int8 ? model_verify_local(models_dir, name, path, enc->sha256, e)
                : model_verify(models_dir, name, path, enc->sha256, e);
}

enum err encoder_open(const char *name, bool flip, const char *models_dir,
                      const struct ort_target *on, struct encoder *ret_encoder, struct error *e)
{
    struct encoder enc = {.flip = flip};
    char path[PATH_MAX];
    bool brought = str_starts(str_from(name), STR(ENCODER_FILE_PREFIX));
    enum err r =
        brought ? find_brought(name, path, &enc, e)
                : find_built_in(name, models_dir, on->precision == PRECISION_INT8, path, &enc, e);
    if (!r)
        r = ort_open_on(path, on, &enc.model, e);
    if (r && brought && r != ERR_NOT_FOUND && r != ERR_INVALID)
        r = error_wrap(e, r, "is the file whole? export it again");
    if (!r) {
        r = check_ports(&enc, e);
        if (r && brought)
            r = error_wrap(e, r, "%.160s does not fit its .ini", path);
    }
    if (r) {
        encoder_close(&enc);
        return error_wrap(e, r, "encoder %.60s", brought ? "of your own" : name);
    }
    *ret_encoder = enc;
    return ERR_OK;
}

void encoder_close(struct encoder *enc)
{
    ort_close(enc->model);
    mem_free(enc->file);
    enc->model = NULL;
    enc->file = NULL;
}

/* ---- feeding */

static size_t views(const struct encoder *enc) { return enc->flip ? 2 : 1; }

static size_t tensor(const struct encoder *enc)
{
    return 3 * (size_t)enc->spec->side * (size_t)enc->spec->side;
}

size_t encoder_tensors(const struct encoder *enc, int n)
{
    return (size_t)n * views(enc) * tensor(enc);
}

size_t encoder_vectors(const struct encoder *enc, int n)
{
    return (size_t)n * views(enc) * (size_t)enc->spec->dim;
}

static void scale_colours(const struct encoder_spec *s, float *planes)
{
    size_t pixels = (size_t)s->side * (size_t)s->side;
    for (int k = 0; k < 3; k++) {
        int colour = s->colour == CROP_BGR ? 2 - k : k;
        float mean = s->mean[colour], scale = s->scale[colour], *p = planes + (size_t)k * pixels;
        for (size_t i = 0; i < pixels; i++)
            p[i] = (p[i] - mean) * scale;
    }
}

static void mirror(const float *planes, int side, float *ret_planes)
{
    for (int row = 0; row < 3 * side; row++)
        for (int x = 0; x < side; x++)
            ret_planes[row * side + x] = planes[row * side + side - 1 - x];
}

void encoder_feed(const struct encoder *enc, const struct crop *c, float *ret_tensor)
{
    const struct encoder_spec *s = enc->spec;
    crop_to_tensor(c, s->scaling, s->colour, ret_tensor);
    if (s->linear)
        scale_colours(s, ret_tensor);
    if (enc->flip)
        mirror(ret_tensor, s->side, ret_tensor + tensor(enc));
}

/* ---- running */

static double length_of(const float *v, int dim)
{
    double squares = 0;
    for (int i = 0; i < dim; i++)
        squares += (double)v[i] * v[i];
    return sqrt(squares);
}

static bool normalise(float *v, int dim)
{
    double length = length_of(v, dim);
    if (!(length > 0) || !isfinite(length))
        return false;
    double scale = 1 / length;
    for (int i = 0; i < dim; i++)
        v[i] = (float)(v[i] * scale);
    return true;
}

/* n views in one run. */
static enum err run_views(const struct encoder *enc, float *tensors, int n, float *ret_vec,
                          int64_t *ret_run_us, struct error *e)
{
    const struct encoder_spec *spec = enc->spec;
    struct ort_tensor in = {
        .name = enc->input, .data = tensors, .dims = {n, 3, spec->side, spec->side}, .rank = 4};
    struct ort_tensor out = {
        .name = enc->output, .data = ret_vec, .dims = {n, spec->dim}, .rank = 2};
    return ort_run(enc->model, &in, 1, &out, 1, ret_run_us, e);
}

static enum err run_each(const struct encoder *enc, float *tensors, int n, float *ret_vec,
                         int64_t *ret_run_us, struct error *e)
{
    enum err r = ERR_OK;
    int64_t all_us = 0, one_us = 0;
    for (int i = 0; !r && i < n; i++) {
        r = run_views(enc, tensors + (size_t)i * tensor(enc), 1,
                      ret_vec + (size_t)i * (size_t)enc->spec->dim, &one_us, e);
        all_us += one_us;
    }
    if (!r)
        *ret_run_us = all_us;
    return r;
}

/* Unit vectors of n views -> unit vectors of the faces, in place. */
static bool join_views(float *vec, int n, int dim)
{
    bool usable = true;
    for (int i = 0; i < n; i += 2) {
        float *to = vec + (size_t)(i / 2) * (size_t)dim;
        const float *face = vec + (size_t)i * (size_t)dim, *mirrored = face + dim;
        for (int k = 0; k < dim; k++)
            to[k] = face[k] + mirrored[k];
        usable = normalise(to, dim) && usable;
    }
    return usable;
}

enum err encoder_run(const struct encoder *enc, float *tensors, int n, float *ret_vec,
                     int64_t *ret_run_us, struct error *e)
{
    const struct encoder_spec *spec = enc->spec;
    int all = n * (int)views(enc);
    enum err r =
        (enc->one_by_one ? run_each : run_views)(enc, tensors, all, ret_vec, ret_run_us, e);
    if (r)
        return error_wrap(e, r, "encoder %s", spec->name);
    bool usable = true;
    for (int i = 0; i < all; i++) {
        float *v = ret_vec + (size_t)i * (size_t)spec->dim;
        double length = length_of(v, spec->dim);
        if (spec->normalised && fabs(length - 1) > LENGTH_TOLERANCE)
            return error_set(e, ERR_UNAVAILABLE,
                             "encoder %s gave a vector of length %.3g, but normalised = yes says 1",
                             spec->name, length);
        usable = normalise(v, spec->dim) && usable;
    }
    if (enc->flip)
        usable = usable && join_views(ret_vec, all, spec->dim);
    return usable ? ERR_OK
                  : error_set(e, ERR_UNAVAILABLE, "encoder %s gave no usable vector", spec->name);
}
