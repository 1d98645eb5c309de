/* Windows of a picture for MTCNN: see patch.h. Pure; called by mtcnn.c on worker threads.
 *
 * The area average works on whole numbers (common parts in units of 1/out pixel) held in floats and
 * doubles that are large enough to be exact, so that the result does not depend on the order of the
 * sums: rows first, as plain loops over bytes, then columns. */
#include "vision/patch.h"

#include <math.h>

/* The window's columns under one column of the result, and what the outer two have in common with
 * it; those between lie in it whole. */
struct patch_span {
    int first, last;
    double first_weight, last_weight;
};

enum err patch_scratch_init(struct patch_scratch *s, struct arena *a, int window_width_max,
                            int out_width_max, struct error *e)
{
    if (window_width_max > PATCH_SIDE_MAX)
        return error_set(e, ERR_INVALID, "a window of %d pixels is too wide", window_width_max);
    *s = (struct patch_scratch){.window_width_max = window_width_max,
                                .out_width_max = out_width_max};
    s->sums = arena_array(a, (size_t)window_width_max * 3, sizeof *s->sums);
    s->spans = arena_array(a, (size_t)out_width_max, sizeof *s->spans);
    if (!s->sums || !s->spans)
        return error_set(e, ERR_NOMEM, "no memory to resample a picture");
    return ERR_OK;
}

static float as_input(double grey) { return ((float)grey - 127.5f) / 128; }

static int common(int a0, int a1, int b0, int b1)
{
    return (a1 < b1 ? a1 : b1) - (a0 > b0 ? a0 : b0);
}

static void make_spans(struct patch_span *spans, int size, int out)
{
    for (int i = 0; i < out; i++) {
        int low = i * size, high = low + size;
        int first = low / out, last = (high - 1) / out;
        spans[i] =
            (struct patch_span){first, last, common(low, high, first * out, first * out + out),
                                common(low, high, last * out, last * out + out)};
    }
}

PIXEL_LOOP static void add_row(const uint8_t *restrict row, float weight, int n,
                               float *restrict sums)
{
    for (int i = 0; i < n; i++)
        sums[i] += weight * (float)row[i];
}

/* Columns `left` to `right` of the window lie in the picture; the sums of others stay 0. */
static void sum_rows(const struct image *im, struct image_area window, int out_height, int v,
                     float *sums)
{
    int left = window.x < 0 ? -window.x : 0;
    int right = window.x + window.width > im->width ? im->width - window.x : window.width;
    int low = v * window.height, high = low + window.height;
    for (int i = 0; i < 3 * window.width; i++)
        sums[i] = 0;
    for (int j = low / out_height; j * out_height < high; j++) {
        int y = window.y + j;
        if (y < 0 || y >= im->height || left >= right)
            continue;
        const uint8_t *row =
            im->rgb + ((size_t)y * (size_t)im->width + (size_t)(window.x + left)) * 3;
        int weight = common(low, high, j * out_height, (j + 1) * out_height);
        add_row(row, (float)weight, 3 * (right - left), sums + (ptrdiff_t)3 * left);
    }
}

static void sum_columns(const float *sums, const struct patch_span *spans, int out_width,
                        double total, size_t plane, float *out)
{
    for (int u = 0; u < out_width; u++) {
        const struct patch_span *span = &spans[u];
        double rgb[3] = {0};
        for (int x = span->first + 1; x < span->last; x++)
            for (int c = 0; c < 3; c++)
                rgb[c] += (double)sums[3 * x + c];
        for (int c = 0; c < 3; c++) {
            double sum =
                rgb[c] * out_width + span->first_weight * (double)sums[3 * span->first + c];
            if (span->last > span->first)
                sum += span->last_weight * (double)sums[3 * span->last + c];
            out[(size_t)c * plane + (size_t)u] = as_input(floor((2 * sum + total) / (2 * total)));
        }
    }
}

static void average(const struct image *im, struct image_area window, int out_width, int out_height,
                    const struct patch_scratch *s, float *planes)
{
    size_t plane = (size_t)out_width * (size_t)out_height;
    double total = (double)window.width * window.height;
    make_spans(s->spans, window.width, out_width);
    for (int v = 0; v < out_height; v++) {
        sum_rows(im, window, out_height, v, s->sums);
        sum_columns(s->sums, s->spans, out_width, total, plane,
                    planes + (size_t)v * (size_t)out_width);
    }
}

static double pixel(const struct image *im, int x, int y, int c)
{
    if (x < 0 || y < 0 || x >= im->width || y >= im->height)
        return 0;
    return im->rgb[((size_t)y * (size_t)im->width + (size_t)x) * 3 + (size_t)c];
}

/* Position of result pixel i on the window's axis: element *ret_low, and the weight of the next. */
static double tap(int i, int size, int out, int *ret_low, int *ret_high)
{
    double at = (i + .5) * ((double)size / out) - .5;
    at = at < 0 ? 0 : at > size - 1 ? size - 1 : at;
    *ret_low = (int)at;
    *ret_high = *ret_low + 1 < size ? *ret_low + 1 : *ret_low;
    return at - *ret_low;
}

static void interpolate(const struct image *im, struct image_area w, int out_width, int out_height,
                        float *planes)
{
    for (int v = 0; v < out_height; v++) {
        int y0, y1;
        double b = tap(v, w.height, out_height, &y0, &y1);
        for (int u = 0; u < out_width; u++) {
            int x0, x1;
            double t = tap(u, w.width, out_width, &x0, &x1);
            float *out = planes + (size_t)v * (size_t)out_width + (size_t)u;
            for (int c = 0; c < 3; c++) {
                double top = pixel(im, w.x + x0, w.y + y0, c) * (1 - t) +
                             pixel(im, w.x + x1, w.y + y0, c) * t;
                double low = pixel(im, w.x + x0, w.y + y1, c) * (1 - t) +
                             pixel(im, w.x + x1, w.y + y1, c) * t;
                out[(size_t)c * (size_t)out_width * (size_t)out_height] =
                    as_input(floor(top * (1 - b) + low * b + .5));
            }
        }
    }
}

void patch_resample(const struct image *im, struct image_area window, int out_width, int out_height,
                    struct patch_scratch *s, float *ret_planes)
{
    if (window.height > out_height)
        average(im, window, out_width, out_height, s, ret_planes);
    else
        interpolate(im, window, out_width, out_height, ret_planes);
}
