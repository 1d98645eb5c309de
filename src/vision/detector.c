/* What all detectors share: shrink, pad, planes of floats, run, NMS, back to picture pixels.
 *
 * The kinds differ by a spec row and one function that reads their outputs (yunet.c, retinaface.c)
 * or that does all between shrinking and the way back (mtcnn.c).
 * Cost beside the model: 0.3 ms for 640x480. Called by workers; holds no state but the model. */
#include "vision/detector.h"

#include "base/file.h"
#include "base/time.h"
#include "vision/model_verify.h"
#include "vision/nms.h"
#include "vision/ort.h"

#include <limits.h>
#include <math.h>

static const struct detector_spec *const specs[DETECTOR_KIND_N] = {
    [DETECTOR_YUNET] = &yunet_spec,
    [DETECTOR_RETINAFACE] = &retinaface_spec,
    [DETECTOR_MTCNN] = &mtcnn_spec,
};

const struct detector_spec *detector_spec_of(enum detector_kind kind) { return specs[kind]; }

enum err detector_kind_of(const char *name, const char *models_dir, enum detector_kind *ret_kind,
                          struct error *e)
{
    struct str s = str_from(name);
    if (str_is(s, "auto")) {
        char path[PATH_MAX];
        model_path(models_dir, yunet_spec.name, path);
        *ret_kind = file_exists(path) ? DETECTOR_YUNET : DETECTOR_RETINAFACE;
        return ERR_OK;
    }
    for (int k = 0; k < DETECTOR_KIND_N; k++) {
        if (str_is(s, specs[k]->name)) {
            *ret_kind = (enum detector_kind)k;
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID,
                     "unknown detector '%s': choose auto, yunet, retinaface or mtcnn", name);
}

enum err detector_open(enum detector_kind kind, const char *models_dir, int threads,
                       struct detector *ret_detector, struct error *e)
{
    struct detector d = {.spec = specs[kind], .kind = kind, .min_face_px = DETECTOR_MIN_FACE_PX};
    enum err r = ERR_OK;
    for (int i = 0; !r && i < DETECTOR_MODELS_MAX && d.spec->files[i]; i++) {
        char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
        r = model_verify(models_dir, d.spec->files[i], path, sha256, e);
        if (!r)
            r = ort_open(path, threads, &d.models[i], e);
    }
    if (r) {
        detector_close(&d);
        return error_wrap(e, r, "detector %s", d.spec->name);
    }
    *ret_detector = d;
    return ERR_OK;
}

void detector_close(struct detector *d)
{
    for (int i = 0; i < DETECTOR_MODELS_MAX; i++) {
        ort_close(d->models[i]);
        d->models[i] = NULL;
    }
}

static int round_up(int n) { return (n + DETECTOR_STRIDE - 1) / DETECTOR_STRIDE * DETECTOR_STRIDE; }

/* One row of RGB bytes into one row of each plane, B then G then R. */
PIXEL_LOOP static void split_row(const uint8_t *restrict rgb, int width, const float mean_bgr[3],
                                 float *restrict b, float *restrict g, float *restrict r)
{
    float mean_b = mean_bgr[0], mean_g = mean_bgr[1], mean_r = mean_bgr[2];
    for (int x = 0; x < width; x++) {
        r[x] = (float)rgb[3 * x] - mean_r;
        g[x] = (float)rgb[3 * x + 1] - mean_g;
        b[x] = (float)rgb[3 * x + 2] - mean_b;
    }
}

static void fill(float *p, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        p[i] = value;
}

/* [3][height][width] floats: the picture at the top left, black pixels right and below. */
static void make_planes(const struct image *im, const float mean_bgr[3], int width, int height,
                        float *planes)
{
    size_t plane = (size_t)width * (size_t)height;
    for (int y = 0; y < im->height; y++) {
        float *row = planes + (size_t)y * (size_t)width;
        split_row(im->rgb + (size_t)y * (size_t)im->width * 3, im->width, mean_bgr, row,
                  row + plane, row + 2 * plane);
    }
    for (int c = 0; c < 3; c++) {
        float *p = planes + (size_t)c * plane;
        for (int y = 0; im->width < width && y < im->height; y++)
            fill(p + (size_t)y * (size_t)width + im->width, (size_t)(width - im->width),
                 -mean_bgr[c]);
        fill(p + (size_t)im->height * (size_t)width, (size_t)(height - im->height) * (size_t)width,
             -mean_bgr[c]);
    }
}

static int anchors_of(const struct detector_output *o, int width, int height)
{
    int n = 0;
    for (int stride = 8; stride <= DETECTOR_STRIDE; stride *= 2)
        if (o->stride == 0 || o->stride == stride)
            n += (width / stride) * (height / stride) * o->anchors_per_cell;
    return n;
}

static enum err run_model(const struct detector *d, struct arena *a, const struct image *small,
                          int width, int height, const float *ret_outputs[], int64_t *ret_run_us,
                          struct error *e)
{
    const struct detector_spec *spec = d->spec;
    float *planes = arena_array(a, (size_t)width * (size_t)height * 3, sizeof *planes);
    if (!planes)
        return error_set(e, ERR_NOMEM, "no memory for the detector's input");
    make_planes(small, spec->mean_bgr, width, height, planes);
    struct ort_tensor in = {
        .name = spec->input, .data = planes, .dims = {1, 3, height, width}, .rank = 4};
    struct ort_tensor out[DETECTOR_OUTPUTS_MAX];
    for (int i = 0; i < spec->n_outputs; i++) {
        const struct detector_output *o = &spec->outputs[i];
        int anchors = anchors_of(o, width, height);
        float *data = arena_array(a, (size_t)anchors * (size_t)o->columns, sizeof *data);
        if (!data)
            return error_set(e, ERR_NOMEM, "no memory for the detector's output");
        out[i] = (struct ort_tensor){
            .name = o->name, .data = data, .dims = {1, anchors, o->columns}, .rank = 3};
        ret_outputs[i] = data;
    }
    return ort_run(d->models[0], &in, 1, out, spec->n_outputs, ret_run_us, e);
}

static bool is_sound(const struct face *f)
{
    float sum = f->box[0] + f->box[1] + f->box[2] * f->box[3];
    for (int p = 0; p < FACE_POINTS; p++)
        sum += f->points[p][0] + f->points[p][1];
    return isfinite(sum) && f->box[2] > 0 && f->box[3] > 0;
}

/* Drops what is no rectangle with points (exp of a wild output); returns how many stay. */
static int drop_broken(struct face *faces, int n)
{
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (is_sound(&faces[i]))
            faces[kept++] = faces[i];
    return kept;
}

void face_scale(struct face *f, float sx, float sy)
{
    f->box[0] *= sx;
    f->box[1] *= sy;
    f->box[2] *= sx;
    f->box[3] *= sy;
    for (int p = 0; p < FACE_POINTS; p++) {
        f->points[p][0] *= sx;
        f->points[p][1] *= sy;
    }
}

/* Detectors of one net. */
static enum err find_anchors(const struct detector *d, struct arena *a, const struct image *small,
                             float min_score, struct face **ret_faces, int *ret_n,
                             int64_t *ret_run_us, struct error *e)
{
    int width = round_up(small->width), height = round_up(small->height);
    const float *outputs[DETECTOR_OUTPUTS_MAX];
    enum err r = run_model(d, a, small, width, height, outputs, ret_run_us, e);
    if (r)
        return r;
    int n = d->spec->candidates(outputs, width, height, min_score, NULL);
    struct face *faces = arena_array(a, (size_t)n, sizeof *faces);
    if (!faces)
        return error_set(e, ERR_NOMEM, "no memory for %d face candidates", n);
    d->spec->candidates(outputs, width, height, min_score, faces);
    *ret_faces = faces;
    *ret_n = nms(faces, drop_broken(faces, n), d->spec->nms_iou, DETECTOR_FACES_MAX);
    return ERR_OK;
}

/* Cascades come with faces that are suppressed already. */
static enum err find_faces(const struct detector *d, struct arena *a, const struct image *small,
                           float min_score, struct face **ret_faces, int *ret_n,
                           int64_t *ret_run_us, struct error *e)
{
    if (!d->spec->find)
        return find_anchors(d, a, small, min_score, ret_faces, ret_n, ret_run_us, e);
    enum err r = d->spec->find(d, a, small, min_score, ret_faces, ret_n, ret_run_us, e);
    if (r)
        return r;
    int n = drop_broken(*ret_faces, *ret_n);
    *ret_n = n < DETECTOR_FACES_MAX ? n : DETECTOR_FACES_MAX;
    return ERR_OK;
}

enum err detector_find(const struct detector *d, struct arena *a, const struct image *im,
                       int long_side, float min_score, struct face **ret_faces, int *ret_n,
                       int64_t *ret_run_us, struct error *e)
{
    struct image small;
    struct face *faces;
    float factor;
    int n;
    int64_t run_us = 0;
    enum err r = image_shrink(a, im, long_side, &small, &factor, e);
    if (!r)
        r = find_faces(d, a, &small, min_score, &faces, &n, &run_us, e);
    if (r)
        return r;
    for (int i = 0; i < n; i++)
        face_scale(&faces[i], (float)im->width / (float)small.width,
                   (float)im->height / (float)small.height);
    *ret_faces = faces;
    *ret_n = n;
    *ret_run_us = run_us;
    return ERR_OK;
}
