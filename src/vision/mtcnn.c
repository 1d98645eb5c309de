/* MTCNN: three nets in a row. P-net proposes boxes on a pyramid of the picture, R-net refines them
 * from 24 x 24 patches, O-net decides from 48 x 48 and gives the five points.
 *
 * Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded Convolutional
 * Networks", 2016; pyramid factor, thresholds and box arithmetic are facenet-pytorch's, whose
 * weights these are (models/README.md). Boxes are doubles, corners x1 y1 x2 y2, in pixels of the
 * shrunk picture. The exact rules are those of class MTCNN of tests/golden/reference.py.
 * R-net and O-net see BATCH patches a run. Every NMS looks at BOXES_MAX boxes at most, the best, so
 * that no picture can make a run long. Called by detector.c on worker threads; no state. */
#include "vision/detector.h"
#include "vision/ort.h"
#include "vision/patch.h"

#include <math.h>
#include <stdlib.h>

enum { NET_P, NET_R, NET_O };
enum { CELL = 12, STRIDE = 2, R_SIDE = 24, O_SIDE = 48 }; /* pixels of a net's input */
enum { LEVELS_MAX = 40, BOXES_MAX = 4096, BATCH = 64, REG = 4, POINTS = 2 * FACE_POINTS };

static const double pyramid_factor = .709;
static const float p_threshold = .6f;
static const double r_threshold = .7, o_threshold = .7;
static const double level_iou = .5, joined_iou = .7;

struct box {
    double at[4]; /* x1 y1 x2 y2 */
    double score;
    double reg[REG];       /* what the net would move each corner by, in widths and heights */
    double points[POINTS]; /* x, y pairs, pixels; O-net only */
};

struct boxes {
    struct box *all;
    int n;
};

/* One call's view of the detector. */
struct cascade {
    const struct detector *d;
    struct arena *a;
    const struct image *im;
    int64_t run_us;
};

static enum err no_memory(struct error *e)
{
    return error_set(e, ERR_NOMEM, "no memory for face candidates");
}

/* ---- non-maximum suppression */

struct rank {
    double score;
    int at;
};

static int by_score(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static double area(const struct box *b) { return (b->at[2] - b->at[0]) * (b->at[3] - b->at[1]); }

static bool overlaps(const struct box *a, const struct box *b, double limit, bool smaller)
{
    double w = fmax(fmin(a->at[2], b->at[2]) - fmax(a->at[0], b->at[0]), 0);
    double h = fmax(fmin(a->at[3], b->at[3]) - fmax(a->at[1], b->at[1]), 0);
    double both = w * h;
    double whole = smaller ? fmin(area(a), area(b)) : area(a) + area(b) - both;
    return !(both <= limit * whole);
}

/* The boxes that no better one overlaps, best first, in a new array. `smaller`: overlap counts
 * against the smaller of the two, not against their union. */
static enum err suppress(struct cascade *k, const struct boxes *in, double limit, bool smaller,
                         struct boxes *ret, struct error *e)
{
    struct rank *ranks = arena_array(k->a, (size_t)in->n, sizeof *ranks);
    if (!ranks)
        return no_memory(e);
    for (int i = 0; i < in->n; i++)
        ranks[i] = (struct rank){.score = in->all[i].score, .at = i};
    qsort(ranks, (size_t)in->n, sizeof *ranks, by_score);
    int left = in->n < BOXES_MAX ? in->n : BOXES_MAX;
    struct boxes out = {.all = arena_array(k->a, (size_t)left, sizeof *out.all)};
    if (!out.all)
        return no_memory(e);
    while (left > 0) {
        const struct box *best = &in->all[ranks[0].at];
        out.all[out.n++] = *best;
        int to = 0;
        for (int i = 1; i < left; i++)
            if (!overlaps(best, &in->all[ranks[i].at], limit, smaller))
                ranks[to++] = ranks[i];
        left = to;
    }
    *ret = out;
    return ERR_OK;
}

/* ---- box arithmetic */

/* extra: what the net's convention adds to a size, pixels. */
static void move_box(struct box *b, double extra)
{
    double w = b->at[2] - b->at[0] + extra, h = b->at[3] - b->at[1] + extra;
    for (int i = 0; i < REG; i++)
        b->at[i] += b->reg[i] * (i % 2 ? h : w);
}

static void square_box(struct box *b)
{
    double w = b->at[2] - b->at[0], h = b->at[3] - b->at[1], side = fmax(w, h);
    b->at[0] += (w - side) / 2;
    b->at[1] += (h - side) / 2;
    b->at[2] = b->at[0] + side;
    b->at[3] = b->at[1] + side;
}

static void move_and_square(struct boxes *boxes, double extra)
{
    for (int i = 0; i < boxes->n; i++) {
        move_box(&boxes->all[i], extra);
        square_box(&boxes->all[i]);
    }
}

/* ---- P-net */

/* What P-net said of one level of the pyramid. */
struct level {
    double scale;
    int width, height; /* cells */
    const float *prob; /* [2][height][width], 1 = face */
    const float *reg;  /* [4][height][width] */
};

/* Cells of the output for n pixels of input: conv 3, pool 2 rounded up, conv 3, conv 3. */
static int p_cells(int pixels) { return (pixels - 3) / 2 + 1 - 4; }

static enum err run_p(struct cascade *k, double scale, struct level *ret_level, struct error *e)
{
    const struct image *im = k->im;
    int width = (int)(im->width * scale + 1), height = (int)(im->height * scale + 1);
    struct level l = {.scale = scale, .width = p_cells(width), .height = p_cells(height)};
    size_t cells = (size_t)l.width * (size_t)l.height;
    float *planes = arena_array(k->a, (size_t)width * (size_t)height * 3, sizeof *planes);
    float *prob = arena_array(k->a, cells * 2, sizeof *prob);
    float *reg = arena_array(k->a, cells * REG, sizeof *reg);
    if (!planes || !prob || !reg)
        return no_memory(e);
    struct patch_scratch scratch;
    enum err r = patch_scratch_init(&scratch, k->a, im->width, width, e);
    if (r)
        return r;
    struct image_area all = {0, 0, im->width, im->height};
    patch_resample(im, all, width, height, &scratch, planes);
    struct ort_tensor in = {
        .name = "input", .data = planes, .dims = {1, 3, height, width}, .rank = 4};
    struct ort_tensor out[] = {
        {.name = "prob", .data = prob, .dims = {1, 2, l.height, l.width}, .rank = 4},
        {.name = "reg", .data = reg, .dims = {1, REG, l.height, l.width}, .rank = 4}};
    int64_t run_us = 0;
    r = ort_run(k->d->models[NET_P], &in, 1, out, ARRAY_LEN(out), &run_us, e);
    k->run_us += run_us;
    l.prob = prob + cells;
    l.reg = reg;
    *ret_level = l;
    return r;
}

static void read_cell(const struct level *l, int at, struct box *b)
{
    int corner[2] = {at % l->width * STRIDE + 1, at / l->width * STRIDE + 1};
    for (int i = 0; i < 4; i++)
        b->at[i] = floor((corner[i % 2] + (i < 2 ? 0 : CELL - 1)) / l->scale);
    b->score = (double)l->prob[at];
    for (int i = 0; i < REG; i++)
        b->reg[i] = (double)l->reg[i * l->width * l->height + at];
}

static enum err level_boxes(struct cascade *k, double scale, struct boxes *ret, struct error *e)
{
    struct level l = {0};
    enum err r = run_p(k, scale, &l, e);
    if (r)
        return r;
    int cells = l.width * l.height, n = 0;
    for (int i = 0; i < cells; i++)
        n += l.prob[i] >= p_threshold;
    struct boxes found = {.all = arena_array(k->a, (size_t)n, sizeof *found.all)};
    if (!found.all)
        return no_memory(e);
    for (int i = 0; i < cells; i++)
        if (l.prob[i] >= p_threshold)
            read_cell(&l, i, &found.all[found.n++]);
    return suppress(k, &found, level_iou, false, ret, e);
}

static enum err propose(struct cascade *k, struct boxes *ret, struct error *e)
{
    struct boxes levels[LEVELS_MAX], joined = {0};
    int n = 0, shorter = k->im->width < k->im->height ? k->im->width : k->im->height;
    double scale = (double)CELL / k->d->min_face_px, side = shorter * scale;
    for (; side >= CELL && n < LEVELS_MAX; n++) {
        enum err r = level_boxes(k, scale, &levels[n], e);
        if (r)
            return r;
        joined.n += levels[n].n;
        scale *= pyramid_factor;
        side *= pyramid_factor;
    }
    joined.all = arena_array(k->a, (size_t)joined.n, sizeof *joined.all);
    if (!joined.all)
        return no_memory(e);
    struct box *to = joined.all;
    for (int i = 0; i < n; i++)
        for (int b = 0; b < levels[i].n; b++)
            *to++ = levels[i].all[b];
    enum err r = suppress(k, &joined, joined_iou, false, ret, e);
    if (!r)
        move_and_square(ret, 0);
    return r;
}

/* ---- R-net and O-net */

/* One of the two: what goes in and comes out, with room for BATCH patches. */
struct refiner {
    int net, side;
    double threshold;
    float *patches, *reg, *prob, *points; /* points: NULL for R-net */
    struct patch_scratch scratch;
};

/* The window of whole pixels under a box; false when none of it is in the picture. */
static bool window_of(const struct box *b, const struct image *im, struct image_area *ret_window)
{
    for (int i = 0; i < 4; i++)
        if (!(fabs(b->at[i]) < PATCH_SIDE_MAX / 2.))
            return false;
    int x1 = (int)rint(b->at[0]), y1 = (int)rint(b->at[1]);
    int x2 = (int)rint(b->at[2]), y2 = (int)rint(b->at[3]);
    *ret_window = (struct image_area){x1, y1, x2 - x1, y2 - y1};
    return x1 < x2 && y1 < y2 && x1 < im->width && y1 < im->height && x2 > 0 && y2 > 0;
}

static void cut_patches(const struct cascade *k, struct refiner *f, const struct box *boxes, int n)
{
    size_t size = (size_t)f->side * (size_t)f->side * 3;
    for (int i = 0; i < n; i++) {
        float *patch = f->patches + (size_t)i * size;
        struct image_area window;
        if (window_of(&boxes[i], k->im, &window))
            patch_resample(k->im, window, f->side, f->side, &f->scratch, patch);
        else
            for (size_t j = 0; j < size; j++)
                patch[j] = -127.5f / 128;
    }
}

static enum err run_batch(struct cascade *k, struct refiner *f, const struct box *boxes, int n,
                          struct error *e)
{
    cut_patches(k, f, boxes, n);
    struct ort_tensor in = {
        .name = "input", .data = f->patches, .dims = {n, 3, f->side, f->side}, .rank = 4};
    struct ort_tensor out[] = {{.name = "reg", .data = f->reg, .dims = {n, REG}, .rank = 2},
                               {.name = "prob", .data = f->prob, .dims = {n, 2}, .rank = 2},
                               {.name = "lmk", .data = f->points, .dims = {n, POINTS}, .rank = 2}};
    int64_t run_us = 0;
    enum err r = ort_run(k->d->models[f->net], &in, 1, out, f->points ? 3 : 2, &run_us, e);
    k->run_us += run_us;
    return r;
}

/* What the net said of patch i, into the box; points are five x, then five y. */
static void read_patch(const struct refiner *f, int i, struct box *b)
{
    double w = b->at[2] - b->at[0] + 1, h = b->at[3] - b->at[1] + 1;
    b->score = (double)f->prob[2 * i + 1];
    for (int c = 0; c < REG; c++)
        b->reg[c] = (double)f->reg[REG * i + c];
    for (int p = 0; f->points && p < FACE_POINTS; p++) {
        b->points[2 * p] = b->at[0] + (double)f->points[POINTS * i + p] * w - 1;
        b->points[2 * p + 1] = b->at[1] + (double)f->points[POINTS * i + FACE_POINTS + p] * h - 1;
    }
}

static enum err refiner_init(struct refiner *f, struct cascade *k, const struct boxes *boxes,
                             struct error *e)
{
    int widest = 1, n = boxes->n < BATCH ? boxes->n : BATCH;
    for (int i = 0; i < boxes->n; i++) {
        struct image_area window;
        if (window_of(&boxes->all[i], k->im, &window) && window.width > widest)
            widest = window.width;
    }
    size_t values = (size_t)f->side * (size_t)f->side * 3;
    f->patches = arena_array(k->a, (size_t)n * values, sizeof *f->patches);
    f->reg = arena_array(k->a, (size_t)n * REG, sizeof *f->reg);
    f->prob = arena_array(k->a, (size_t)n * 2, sizeof *f->prob);
    if (f->net == NET_O)
        f->points = arena_array(k->a, (size_t)n * POINTS, sizeof *f->points);
    if (!f->patches || !f->reg || !f->prob || (f->net == NET_O && !f->points))
        return no_memory(e);
    return patch_scratch_init(&f->scratch, k->a, widest, f->side, e);
}

/* Keeps the boxes, in place, whose patch the net scores above the threshold. */
static enum err refine(struct cascade *k, struct refiner *f, struct boxes *boxes, struct error *e)
{
    enum err r = refiner_init(f, k, boxes, e);
    int kept = 0;
    for (int done = 0; !r && done < boxes->n; done += BATCH) {
        int n = boxes->n - done < BATCH ? boxes->n - done : BATCH;
        r = run_batch(k, f, boxes->all + done, n, e);
        for (int i = 0; !r && i < n; i++) {
            if (!((double)f->prob[2 * i + 1] > f->threshold))
                continue;
            struct box b = boxes->all[done + i];
            read_patch(f, i, &b);
            boxes->all[kept++] = b;
        }
    }
    boxes->n = kept;
    return r;
}

static void to_face(const struct box *b, struct face *f)
{
    for (int i = 0; i < 2; i++) {
        f->box[i] = (float)b->at[i];
        f->box[i + 2] = (float)(b->at[i + 2] - b->at[i]);
    }
    for (int p = 0; p < FACE_POINTS; p++)
        for (int i = 0; i < 2; i++)
            f->points[p][i] = (float)b->points[2 * p + i];
    f->score = (float)b->score;
}

static enum err find_boxes(struct cascade *k, double min_score, struct boxes *ret, struct error *e)
{
    struct refiner r_net = {.net = NET_R, .side = R_SIDE, .threshold = r_threshold};
    struct refiner o_net = {
        .net = NET_O, .side = O_SIDE, .threshold = fmax(o_threshold, min_score)};
    struct boxes boxes;
    enum err r = propose(k, &boxes, e);
    if (!r)
        r = refine(k, &r_net, &boxes, e);
    if (!r)
        r = suppress(k, &boxes, joined_iou, false, &boxes, e);
    if (r)
        return r;
    move_and_square(&boxes, 1);
    r = refine(k, &o_net, &boxes, e);
    for (int i = 0; !r && i < boxes.n; i++)
        move_box(&boxes.all[i], 1);
    return r ? r : suppress(k, &boxes, joined_iou, true, ret, e);
}

static enum err find(const struct detector *d, struct arena *a, const struct image *im,
                     float min_score, struct face **ret_faces, int *ret_n, int64_t *ret_run_us,
                     struct error *e)
{
    struct cascade k = {.d = d, .a = a, .im = im};
    struct boxes boxes;
    enum err r = find_boxes(&k, (double)min_score, &boxes, e);
    if (r)
        return r;
    struct face *faces = arena_array(a, (size_t)boxes.n, sizeof *faces);
    if (!faces)
        return no_memory(e);
    for (int i = 0; i < boxes.n; i++)
        to_face(&boxes.all[i], &faces[i]);
    *ret_faces = faces;
    *ret_n = boxes.n;
    *ret_run_us = k.run_us;
    return ERR_OK;
}

const struct detector_spec mtcnn_spec = {
    .name = "mtcnn", .files = {"mtcnn_pnet", "mtcnn_rnet", "mtcnn_onet"}, .find = find};
