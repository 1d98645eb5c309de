/* Face crops for the encoder: see align.h. Pure; called by workers, once a face.
 *
 * Positions are affine in (u, v), so a row is a start and a step. Pixels are written as planes,
 * which makes the statistics and the conversion to floats plain loops over bytes. */
#include "vision/align.h"

#include "vision/resize.h"

#include <math.h>

/* The map from crop pixel (u, v) to picture position, and the part of the picture it reads. */
struct mapping {
    double x, y;           /* at u = v = 0 */
    double ux, uy, vx, vy; /* change for one step of u, of v */
};

/* ret_side: pixels of the picture along the crop's longer side. */
static struct mapping map_box(const struct face *f, const struct crop_spec *spec, double *ret_side)
{
    const float *b = f->box;
    double angle =
        atan2((double)f->points[1][1] - f->points[0][1], (double)f->points[1][0] - f->points[0][0]);
    double c = cos(angle), s = sin(angle), half = spec->side / 2.;
    double width = spec->width_factor * (double)b[2], height = spec->height_factor * (double)b[3];
    double du = width / spec->side, dv = height / spec->side;
    struct mapping m = {.ux = c * du, .uy = s * du, .vx = -s * dv, .vy = c * dv};
    m.x = b[0] + b[2] / 2. - half * (m.ux + m.vx);
    m.y = b[1] + b[3] / 2. - half * (m.uy + m.vy);
    *ret_side = width > height ? width : height;
    return m;
}

/* The inverse of the similarity transform with the least squares (Umeyama, "Least-squares
 * estimation of transformation parameters between two point patterns", 1991; in the plane it has a
 * closed form: with points as complex numbers about their means, k = sum(conj(a) b) / sum |a|^2).
 * Points that fix no transform give the picture's pixel at their mean. */
static struct mapping map_points(const struct face *f, const struct crop_spec *spec,
                                 double *ret_side)
{
    double sx = 0, sy = 0, tx = 0, ty = 0;
    for (int i = 0; i < FACE_POINTS; i++) {
        sx += (double)f->points[i][0] / FACE_POINTS;
        sy += (double)f->points[i][1] / FACE_POINTS;
        tx += (double)spec->points[i][0] / FACE_POINTS;
        ty += (double)spec->points[i][1] / FACE_POINTS;
    }
    double squares = 0, real = 0, imaginary = 0;
    for (int i = 0; i < FACE_POINTS; i++) {
        double ax = f->points[i][0] - sx, ay = f->points[i][1] - sy;
        double bx = spec->points[i][0] - tx, by = spec->points[i][1] - ty;
        squares += ax * ax + ay * ay;
        real += ax * bx + ay * by;
        imaginary += ax * by - ay * bx;
    }
    double norm = real * real + imaginary * imaginary;
    double p = norm > 0 ? squares * real / norm : 0, q = norm > 0 ? squares * imaginary / norm : 0;
    *ret_side = spec->side * sqrt(p * p + q * q);
    return (struct mapping){
        .x = sx - p * tx - q * ty, .y = sy + q * tx - p * ty, .ux = p, .uy = -q, .vx = q, .vy = p};
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* First and last whole pixel read along one axis, inside 0..size-1. */
static void read_range(double start, double du, double dv, int side, int size, int *ret_first,
                       int *ret_last)
{
    double n = side - 1, low = start, high = start;
    low += (du < 0 ? du * n : 0) + (dv < 0 ? dv * n : 0);
    high += (du > 0 ? du * n : 0) + (dv > 0 ? dv * n : 0);
    *ret_first = (int)clamp(floor(low), 0, size - 1);
    *ret_last = (int)clamp(floor(high) + 1, *ret_first, size - 1);
}

/* Averages only the blocks that the crop reads and moves the mapping into that smaller picture. */
static enum err shrink_first(struct arena *a, const struct image *im, int factor, int side,
                             struct mapping *m, struct image *ret_image, struct error *e)
{
    double shift = (factor - 1) / 2.;
    m->x = (m->x - shift) / factor;
    m->y = (m->y - shift) / factor;
    m->ux /= factor;
    m->uy /= factor;
    m->vx /= factor;
    m->vy /= factor;
    int x0, x1, y0, y1;
    read_range(m->x, m->ux, m->vx, side, im->width / factor, &x0, &x1);
    read_range(m->y, m->uy, m->vy, side, im->height / factor, &y0, &y1);
    m->x -= x0;
    m->y -= y0;
    struct image_area area = {x0, y0, x1 - x0 + 1, y1 - y0 + 1};
    return image_box_average(a, im, factor, area, ret_image, e);
}

/* What one output row reads: four neighbours of each position, and their weights. */
struct taps {
    uint32_t pixels[4][CROP_SIDE]; /* R | G << 8 | B << 16; left, right, then the row below */
    float weights[4][CROP_SIDE];
};

static uint32_t load(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8) | (uint32_t)p[2] << 16;
}

/* (x, y) is the position of the row's first pixel, (dx, dy) the step to the next. */
PIXEL_LOOP static void gather_row(const struct image *im, float x, float y, float dx, float dy,
                                  int side, struct taps *t)
{
    float last_x = (float)(im->width - 1), last_y = (float)(im->height - 1);
    ptrdiff_t stride = (ptrdiff_t)im->width * 3;
    for (int u = 0; u < side; u++) {
        float px = x + (float)u * dx, py = y + (float)u * dy;
        px = px > 0 ? px : 0;
        py = py > 0 ? py : 0;
        px = px < last_x ? px : last_x;
        py = py < last_y ? py : last_y;
        int ix = (int)px, iy = (int)py;
        float wx = px - (float)ix, wy = py - (float)iy, both = wx * wy;
        const uint8_t *p = im->rgb + iy * stride + ix * 3;
        ptrdiff_t right = ix + 1 < im->width ? 3 : 0, down = iy + 1 < im->height ? stride : 0;
        t->pixels[0][u] = load(p);
        t->pixels[1][u] = load(p + right);
        t->pixels[2][u] = load(p + down);
        t->pixels[3][u] = load(p + down + right);
        t->weights[0][u] = 1 - wx - wy + both;
        t->weights[1][u] = wx - both;
        t->weights[2][u] = wy - both;
        t->weights[3][u] = both;
    }
}

/* One channel of one row; a plain loop so that it becomes vector code. */
PIXEL_LOOP static void blend_row(const struct taps *t, int shift, int side, uint8_t *restrict out)
{
    for (int u = 0; u < side; u++) {
        float sum = .5f;
        for (int k = 0; k < 4; k++)
            sum += t->weights[k][u] * (float)(int)((t->pixels[k][u] >> shift) & 0xff);
        out[u] = (uint8_t)(int)sum;
    }
}

enum err align_face(struct arena *a, const struct image *im, const struct face *f,
                    const struct crop_spec *spec, struct crop *ret_crop, struct error *e)
{
    double extent;
    int side = spec->side;
    struct mapping m = spec->points ? map_points(f, spec, &extent) : map_box(f, spec, &extent);
    struct image from = *im;
    if (extent > 2 * side) {
        double most = im->width < im->height ? im->width : im->height;
        int factor = (int)clamp(floor(extent / side), 1, clamp(most, 1, BOX_FACTOR_MAX));
        enum err r = factor < 2 ? ERR_OK : shrink_first(a, im, factor, side, &m, &from, e);
        if (r)
            return r;
    }
    struct taps taps;
    ret_crop->side = side;
    for (int v = 0; v < side; v++) {
        gather_row(&from, (float)(m.x + v * m.vx), (float)(m.y + v * m.vy), (float)m.ux,
                   (float)m.uy, side, &taps);
        for (int c = 0; c < 3; c++)
            blend_row(&taps, 8 * c, side, ret_crop->planes[c] + (size_t)v * (size_t)side);
    }
    return ERR_OK;
}

static size_t pixels_of(const struct crop *c) { return (size_t)c->side * (size_t)c->side; }

void crop_statistics(const struct crop *c, double *ret_mean, double *ret_deviation)
{
    size_t pixels = pixels_of(c);
    uint64_t squares = 0;
    uint32_t sum = 0;
    for (int k = 0; k < 3; k++) { /* 25,600 squares fit 32 bits */
        const uint8_t *p = c->planes[k];
        uint32_t part = 0;
        for (size_t i = 0; i < pixels; i++) {
            sum += p[i];
            part += (uint32_t)p[i] * p[i];
        }
        squares += part;
    }
    double n = 3. * (double)pixels, mean = (double)sum / n;
    double variance = ((double)squares - mean * (double)sum) / n;
    *ret_mean = mean;
    *ret_deviation = variance > 0 ? sqrt(variance) : 0;
}

void crop_to_tensor(const struct crop *c, enum crop_scaling scaling, enum crop_colour colour,
                    float *ret_tensor)
{
    size_t pixels = pixels_of(c);
    float scale = 1, offset = 0;
    if (scaling == CROP_STANDARDISED) {
        double mean, deviation, least = 1 / sqrt(3. * (double)pixels);
        crop_statistics(c, &mean, &deviation);
        deviation = deviation > least ? deviation : least;
        scale = (float)(1 / deviation);
        offset = (float)(-mean / deviation);
    } else if (scaling == CROP_FIXED) {
        scale = 1.f / 128;
        offset = -127.5f / 128;
    }
    for (int k = 0; k < 3; k++) {
        const uint8_t *p = c->planes[colour == CROP_BGR ? 2 - k : k];
        float *out = ret_tensor + (size_t)k * pixels;
        for (size_t i = 0; i < pixels; i++)
            out[i] = (float)p[i] * scale + offset;
    }
}
