/* Passive liveness: crops, two nets, one number a face; see liveness.h.
 *
 * The crop rule is at the head of tests/golden/reference.py. Called by workers with the decoded
 * picture; stateless but for the models. Beside the models a face costs two samplings of 80 x 80
 * pixels, under .1 ms. Faces go through in batches of BATCH_MAX, all of a usual picture in one. */
#include "vision/liveness.h"

#include "base/file.h"
#include "vision/model_verify.h"
#include "vision/ort.h"

#include <math.h>

enum { SIDE = 80, PLANE = SIDE * SIDE, CHANNELS = 3, CLASSES = 3, REAL = 1, BATCH_MAX = 16 };

static const struct {
    const char *name;
    double scale; /* of the face's box */
} nets[LIVENESS_NETS] = {{"minifasnet_v2", 2.7}, {"minifasnet_v1se", 4.0}};

const char *liveness_policy_name(enum liveness_policy p)
{
    static const char *const words[] = {
        [LIVENESS_OFF] = "off", [LIVENESS_REPORT] = "report", [LIVENESS_ENFORCE] = "enforce"};
    return words[p];
}

/* The first net that is not there, or NULL. */
static const char *missing_net(const char *models_dir)
{
    for (int k = 0; k < LIVENESS_NETS; k++) {
        char path[PATH_MAX];
        model_path(models_dir, nets[k].name, path);
        if (!file_exists(path))
            return nets[k].name;
    }
    return NULL;
}

enum err liveness_choose(const char *asked, const char *models_dir,
                         enum liveness_policy *ret_policy, struct error *e)
{
    struct str word = str_from(asked);
    const char *missing = missing_net(models_dir);
    if (str_is(word, "auto")) {
        *ret_policy = missing ? LIVENESS_OFF : LIVENESS_REPORT;
        return ERR_OK;
    }
    for (int p = LIVENESS_OFF; p <= LIVENESS_ENFORCE; p++) {
        if (!str_is(word, liveness_policy_name((enum liveness_policy)p)))
            continue;
        if (p != LIVENESS_OFF && missing)
            return error_set(
                e, ERR_NOT_FOUND,
                "liveness %s needs the models %s and %s, and %s is not installed: "
                "'rollcall models pull %s' installs it, or set liveness to auto or off",
                asked, nets[0].name, nets[1].name, missing, missing);
        *ret_policy = (enum liveness_policy)p;
        return ERR_OK;
    }
    return error_set(e, ERR_INVALID, "unknown liveness '%s': choose auto, off, report or enforce",
                     asked);
}

enum err liveness_open(const char *models_dir, int threads, struct liveness *ret_liveness,
                       struct error *e)
{
    struct liveness l = {0};
    enum err r = ERR_OK;
    for (int k = 0; !r && k < LIVENESS_NETS; k++) {
        char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
        r = model_verify(models_dir, nets[k].name, path, sha256, e);
        if (!r)
            r = ort_open(path, threads, &l.nets[k], e);
        if (r)
            error_wrap(e, r, "liveness model %s", nets[k].name);
    }
    if (r)
        liveness_close(&l);
    else
        *ret_liveness = l;
    return r;
}

void liveness_close(struct liveness *l)
{
    for (int k = 0; k < LIVENESS_NETS; k++) {
        ort_close(l->nets[k]);
        l->nets[k] = NULL;
    }
}

/* Pixels of the picture. */
struct window {
    int x, y, width, height;
};

/* The box grown by `scale` about its centre (by less where the picture is smaller than that) and
 * shifted to lie inside. */
static struct window window_of(const struct image *im, const struct face *f, double scale)
{
    double w = fmax((double)f->box[2], 1), h = fmax((double)f->box[3], 1);
    double last_x = im->width - 1, last_y = im->height - 1;
    double grow = fmin(fmin(last_y / h, last_x / w), scale);
    double cx = (double)f->box[0] + (double)f->box[2] / 2;
    double cy = (double)f->box[1] + (double)f->box[3] / 2;
    double left = cx - w * grow / 2, right = cx + w * grow / 2;
    double top = cy - h * grow / 2, bottom = cy + h * grow / 2;
    if (left < 0) {
        right -= left;
        left = 0;
    }
    if (top < 0) {
        bottom -= top;
        top = 0;
    }
    if (right > last_x) {
        left -= right - last_x;
        right = last_x;
    }
    if (bottom > last_y) {
        top -= bottom - last_y;
        bottom = last_y;
    }
    struct window win = {.x = (int)fmax(left, 0), .y = (int)fmax(top, 0)};
    win.width = (int)fmin(right, last_x) + 1 - win.x;
    win.height = (int)fmin(bottom, last_y) + 1 - win.y;
    return win;
}

/* Where the pixels of one side of the crop come from: two neighbours, and the second one's share.
 */
struct tap {
    int at, next;
    double share;
};

static void taps_of(int size, struct tap taps[static SIDE])
{
    for (int u = 0; u < SIDE; u++) {
        double x = (u + .5) * ((double)size / SIDE) - .5;
        x = fmin(fmax(x, 0), size - 1);
        taps[u].at = (int)x;
        taps[u].next = taps[u].at + 1 < size ? taps[u].at + 1 : taps[u].at;
        taps[u].share = x - taps[u].at;
    }
}

/* The window as planes B, G, R of 0..255. Bilinear without averaging, as the nets were trained. */
static void sample_window(const struct image *im, struct window win, float *planes)
{
    struct tap across[SIDE], down[SIDE];
    taps_of(win.width, across);
    taps_of(win.height, down);
    const uint8_t *origin = im->rgb + ((size_t)win.y * (size_t)im->width + (size_t)win.x) * 3;
    for (int v = 0; v < SIDE; v++) {
        const uint8_t *top = origin + (size_t)down[v].at * (size_t)im->width * 3;
        const uint8_t *bottom = origin + (size_t)down[v].next * (size_t)im->width * 3;
        double b = down[v].share;
        for (int u = 0; u < SIDE; u++) {
            const struct tap *t = &across[u];
            for (int c = 0; c < CHANNELS; c++) {
                double upper =
                    top[3 * t->at + c] * (1 - t->share) + top[3 * t->next + c] * t->share;
                double lower =
                    bottom[3 * t->at + c] * (1 - t->share) + bottom[3 * t->next + c] * t->share;
                planes[(CHANNELS - 1 - c) * PLANE + v * SIDE + u] =
                    (float)floor(upper * (1 - b) + lower * b + .5);
            }
        }
    }
}

/* Adds each face's P(real) of net k, divided by the nets, to ret_scores. */
static enum err run_net(const struct liveness *l, int k, float *tensors, int n, float *ret_scores,
                        int64_t *ret_run_us, struct error *e)
{
    float p[BATCH_MAX * CLASSES];
    int64_t us = 0;
    const struct ort_tensor in = {
        .name = "input", .data = tensors, .dims = {n, CHANNELS, SIDE, SIDE}, .rank = 4};
    const struct ort_tensor out = {.name = "prob", .data = p, .dims = {n, CLASSES}, .rank = 2};
    enum err r = ort_run(l->nets[k], &in, 1, &out, 1, &us, e);
    if (r)
        return error_wrap(e, r, "liveness model %s", nets[k].name);
    *ret_run_us += us;
    for (int i = 0; i < n; i++) {
        float real = p[CLASSES * i + REAL];
        if (!isfinite(real))
            return error_set(e, ERR_UNAVAILABLE, "liveness model %s gave no number", nets[k].name);
        ret_scores[i] = fminf(ret_scores[i] + real / LIVENESS_NETS, 1);
    }
    return ERR_OK;
}

enum err liveness_score(const struct liveness *l, struct arena *a, const struct image *im,
                        const struct face *faces, int n, float *ret_scores, int64_t *ret_run_us,
                        struct error *e)
{
    int capacity = n < BATCH_MAX ? n : BATCH_MAX;
    float *tensors = arena_array(a, (size_t)capacity * CHANNELS * PLANE, sizeof *tensors);
    if (!tensors)
        return error_set(e, ERR_NOMEM, "no memory to judge %d faces", n);
    *ret_run_us = 0;
    for (int done = 0; done < n; done += capacity) {
        int batch = n - done < capacity ? n - done : capacity;
        for (int i = 0; i < batch; i++)
            ret_scores[done + i] = 0;
        for (int k = 0; k < LIVENESS_NETS; k++) {
            for (int i = 0; i < batch; i++)
                sample_window(im, window_of(im, &faces[done + i], nets[k].scale),
                              tensors + (size_t)i * CHANNELS * PLANE);
            enum err r = run_net(l, k, tensors, batch, ret_scores + done, ret_run_us, e);
            if (r)
                return r;
        }
    }
    return ERR_OK;
}
