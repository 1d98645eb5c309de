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

static struct mapping map_face(const struct face *f, const struct crop_spec *spec, double *ret_side)
{
    const float *b = f->box;
    double angle =
        atan2((double)f->points[1][1] - f->points[0][1], (double)f->points[1][0] - f->points[0][0]);
    double c = cos(angle), s = sin(angle), half = CROP_SIDE / 2.;
    double width = spec->width_factor * (double)b[2], height = spec->height_factor * (double)b[3];
    double du = width / CROP_SIDE, dv = height / CROP_SIDE;
    struct mapping m = {.ux = c * du, .uy = s * du, .vx = -s * dv, .vy = c * dv};
    m.x = b[0] + b[2] / 2. - half * (m.ux + m.vx);
    m.y = b[1] + b[3] / 2. - half * (m.uy + m.vy);
    *ret_side = width > height ? width : height;
    return m;
}

static double clamp(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

/* First and last whole pixel read along one axis, inside 0..size-1. */
static void read_range(double start, double du, double dv, int size, int *ret_first, int *ret_last)
{
    double n = CROP_SIDE - 1, low = start, high = start;
    low += (du < 0 ? du * n : 0) + (dv < 0 ? dv * n : 0);
    high += (du > 0 ? du * n : 0) + (dv > 0 ? dv * n : 0);
    *ret_first = (int)clamp(floor(low), 0, size - 1);
    *ret_last = (int)clamp(floor(high) + 1, *ret_first, size - 1);
}

/* Averages only the blocks that the crop reads and moves the mapping into that smaller picture. */
static enum err shrink_first(struct arena *a, const struct image *im, int factor, struct mapping *m,
                             struct image *ret_image, struct error *e)
{
    double shift = (factor - 1) / 2.;
    m->x = (m->x - shift) / factor;
    m->y = (m->y - shift) / factor;
    m->ux /= factor;
    m->uy /= factor;
    m->vx /= factor;
    m->vy /= factor;
    int x0, x1, y0, y1;
    read_range(m->x, m->ux, m->vx, im->width / factor, &x0, &x1);
    read_range(m->y, m->uy, m->vy, im->height / factor, &y0, &y1);
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
PIXEL_LOOP static void gather_row(const struct image *im, float x, float y, float dx, float dy, struct taps *t)
{
    float last_x = (float)(im->width - 1), last_y = (float)(im->height - 1);
    ptrdiff_t stride = (ptrdiff_t)im->width * 3;
    for (int u = 0; u < CROP_SIDE; u++) {
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
PIXEL_LOOP static void blend_row(const struct taps *t, int shift, uint8_t *restrict out)
{
    for (int u = 0; u < CROP_SIDE; u++) {
        float sum = .5f;
        for (int k = 0; k < 4; k++)
            sum += t->weights[k][u] * (float)(int)((t->pixels[k][u] >> shift) & 0xff);
        out[u] = (uint8_t)(int)sum;
    }
}

enum err align_face(struct arena *a, const struct image *im, const struct face *f,
                    const struct crop_spec *spec, struct crop *ret_crop, struct error *e)
{
    double side;
    struct mapping m = map_face(f, spec, &side);
    struct image from = *im;
    if (side > 2 * CROP_SIDE) {
        double most = im->width < im->height ? im->width : im->height;
        int factor = (int)clamp(floor(side / CROP_SIDE), 1, clamp(most, 1, BOX_FACTOR_MAX));
        enum err r = factor < 2 ? ERR_OK : shrink_first(a, im, factor, &m, &from, e);
        if (r)
            return r;
    }
    struct taps taps;
    for (int v = 0; v < CROP_SIDE; v++) {
        gather_row(&from, (float)(m.x + v * m.vx), (float)(m.y + v * m.vy), (float)m.ux,
                   (float)m.uy, &taps);
        for (int c = 0; c < 3; c++)
            blend_row(&taps, 8 * c, ret_crop->planes[c] + (size_t)v * CROP_SIDE);
    }
    return ERR_OK;
}

void crop_statistics(const struct crop *c, double *ret_mean, double *ret_deviation)
{
    const uint8_t *p = &c->planes[0][0];
    enum { N = 3 * CROP_PIXELS };
    uint64_t squares = 0;
    uint32_t sum = 0;
    for (size_t at = 0; at < N; at += CROP_PIXELS) { /* 25,600 squares fit 32 bits */
        uint32_t part = 0;
        for (size_t i = at; i < at + CROP_PIXELS; i++) {
            sum += p[i];
            part += (uint32_t)p[i] * p[i];
        }
        squares += part;
    }
    double mean = (double)sum / N;
    double variance = ((double)squares - mean * (double)sum) / N;
    *ret_mean = mean;
    *ret_deviation = variance > 0 ? sqrt(variance) : 0;
}

void crop_standardise(const struct crop *c, float *ret_tensor)
{
    const uint8_t *p = &c->planes[0][0];
    double mean, deviation;
    crop_statistics(c, &mean, &deviation);
    double least = 1 / sqrt(3. * CROP_PIXELS);
    deviation = deviation > least ? deviation : least;
    float scale = (float)(1 / deviation), offset = (float)(-mean / deviation);
    for (size_t i = 0; i < 3 * CROP_PIXELS; i++)
        ret_tensor[i] = (float)p[i] * scale + offset;
}
