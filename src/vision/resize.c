/* Shrinking for the detector: box average, then bilinear; see image.h and resize.h.
 *
 * The exact rule is at the head of tests/golden/reference.py. Tables of positions and weights are
 * made once per call; the vertical half of each pass runs over whole rows, which the compiler turns
 * into vector code, the horizontal half gathers. 1280x960 to 640: 0.5 ms. Called by workers. */
#include "vision/resize.h"

#include "vision/image_codecs.h"

/* sum / divisor by multiplication: exact while sum < 256 * divisor and divisor < 2^22, since then
 * 256 * divisor^2 < 2^52 (Granlund and Montgomery, Division by Invariant Integers, theorem 4.2). */
enum { RECIPROCAL_SHIFT = 52 };

static void add_rows(const uint8_t *src, size_t stride, int rows, size_t n, uint32_t *sums)
{
    for (size_t i = 0; i < n; i++)
        sums[i] = src[i];
    for (int r = 1; r < rows; r++) {
        const uint8_t *row = src + (size_t)r * stride;
        for (size_t i = 0; i < n; i++)
            sums[i] += row[i];
    }
}

static void average_row(const uint32_t *sums, int width, int factor, uint8_t *out)
{
    uint32_t divisor = (uint32_t)factor * (uint32_t)factor;
    uint64_t reciprocal = ((uint64_t)1 << RECIPROCAL_SHIFT) / divisor + 1;
    for (int x = 0; x < width; x++, out += 3) {
        uint32_t r = divisor / 2, g = divisor / 2, b = divisor / 2;
        for (int k = 0; k < factor; k++, sums += 3) {
            r += sums[0];
            g += sums[1];
            b += sums[2];
        }
        out[0] = (uint8_t)((r * reciprocal) >> RECIPROCAL_SHIFT);
        out[1] = (uint8_t)((g * reciprocal) >> RECIPROCAL_SHIFT);
        out[2] = (uint8_t)((b * reciprocal) >> RECIPROCAL_SHIFT);
    }
}

/* The commonest factor, by far: two pixels and two rows. */
static void halve_row(const uint8_t *top, const uint8_t *bottom, int width, uint8_t *out)
{
    for (int x = 0; x < width; x++, top += 6, bottom += 6, out += 3) {
        for (int c = 0; c < 3; c++)
            out[c] = (uint8_t)((top[c] + top[c + 3] + bottom[c] + bottom[c + 3] + 2) >> 2);
    }
}

enum err image_box_average(struct arena *a, const struct image *src, int factor,
                           struct image_area area, struct image *ret_image, struct error *e)
{
    struct image out;
    enum err r = image_new(a, area.width, area.height, &out, e);
    if (r)
        return r;
    size_t n = (size_t)area.width * (size_t)factor * 3, stride = (size_t)src->width * 3;
    uint32_t *sums = arena_array(a, n, sizeof *sums);
    if (!sums)
        return error_set(e, ERR_NOMEM, "no memory to shrink a picture");
    const uint8_t *from =
        src->rgb + (size_t)area.y * (size_t)factor * stride + (size_t)area.x * (size_t)factor * 3;
    uint8_t *to = out.rgb;
    for (int y = 0; y < area.height; y++) {
        if (factor == 2) {
            halve_row(from, from + stride, area.width, to);
        } else {
            add_rows(from, stride, factor, n, sums);
            average_row(sums, area.width, factor, to);
        }
        from += stride * (size_t)factor;
        to += (size_t)area.width * 3;
    }
    *ret_image = out;
    return ERR_OK;
}

/* Where output pixel i reads along one axis: between elements `low` and `high`. */
struct tap {
    int low, high;
    double weight; /* of high */
};

static struct tap *make_taps(struct arena *a, int src_full, int factor, int src, int out)
{
    struct tap *taps = arena_array(a, (size_t)out, sizeof *taps);
    for (int i = 0; taps && i < out; i++) {
        double at = (i + .5) * ((double)src_full / out) / factor - .5;
        at = at < 0 ? 0 : at > src - 1 ? src - 1 : at;
        int low = (int)at;
        taps[i] =
            (struct tap){.low = low, .high = low + 1 < src ? low + 1 : low, .weight = at - low};
    }
    return taps;
}

static void blend_columns(const uint8_t *row, const struct tap *taps, int width, double *out)
{
    for (int x = 0; x < width; x++, out += 3) {
        const uint8_t *low = row + 3 * taps[x].low, *high = row + 3 * taps[x].high;
        double weight = taps[x].weight;
        for (int c = 0; c < 3; c++)
            out[c] = low[c] * (1 - weight) + high[c] * weight;
    }
}

static void blend_rows(const double *restrict top, const double *restrict bottom, double weight,
                       size_t n, uint8_t *restrict out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(int)(top[i] * (1 - weight) + bottom[i] * weight + .5);
}

/* The two source rows last blended along x: row i is kept in slot i % 2. */
struct row_pair {
    const struct image *im;
    const struct tap *columns;
    int width; /* of a blended row, pixels */
    double *rows[2];
    int held[2];
};

static const double *blended_row(struct row_pair *p, int i)
{
    int slot = i % 2;
    if (p->held[slot] != i)
        blend_columns(p->im->rgb + (size_t)i * (size_t)p->im->width * 3, p->columns, p->width,
                      p->rows[slot]);
    p->held[slot] = i;
    return p->rows[slot];
}

/* im = full picture box-averaged by factor; full_* are the sizes before that. Doubles in the order
 * of the reference: a grey level that rounds the other way moves a small face's box by .01 pixels,
 * and that its embedding by 1e-5. */
static enum err bilinear(struct arena *a, const struct image *im, int full_width, int full_height,
                         int factor, struct image *out, struct error *e)
{
    struct tap *rows = make_taps(a, full_height, factor, im->height, out->height);
    struct row_pair pair = {.im = im, .width = out->width, .held = {-1, -1}};
    size_t n = (size_t)out->width * 3;
    pair.columns = make_taps(a, full_width, factor, im->width, out->width);
    for (int i = 0; i < 2; i++)
        pair.rows[i] = arena_array(a, n, sizeof *pair.rows[i]);
    if (!pair.columns || !rows || !pair.rows[0] || !pair.rows[1])
        return error_set(e, ERR_NOMEM, "no memory to shrink a picture");
    for (int y = 0; y < out->height; y++) {
        const double *top = blended_row(&pair, rows[y].low);
        const double *bottom = blended_row(&pair, rows[y].high);
        blend_rows(top, bottom, rows[y].weight, n, out->rgb + (size_t)y * n);
    }
    return ERR_OK;
}

static int shrunk_side(int side, int long_side, int longest)
{
    int64_t out = (2 * (int64_t)side * long_side + longest) / (2 * (int64_t)longest);
    return out < 1 ? 1 : (int)out;
}

static int smallest(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

enum err image_shrink(struct arena *a, const struct image *src, int long_side,
                      struct image *ret_image, float *ret_factor, struct error *e)
{
    int longest = src->width > src->height ? src->width : src->height;
    if (longest <= long_side) {
        *ret_image = *src;
        *ret_factor = 1;
        return ERR_OK;
    }
    int width = shrunk_side(src->width, long_side, longest);
    int height = shrunk_side(src->height, long_side, longest);
    int factor = smallest(longest / long_side, src->width, src->height);
    factor = factor > BOX_FACTOR_MAX ? BOX_FACTOR_MAX : factor;
    struct image im = *src;
    enum err r = ERR_OK;
    if (factor >= 2) {
        struct image_area all = {0, 0, src->width / factor, src->height / factor};
        r = image_box_average(a, src, factor, all, &im, e);
    }
    bool exact = (int64_t)width * factor == src->width && (int64_t)height * factor == src->height;
    if (!r && !exact) {
        struct image out;
        r = image_new(a, width, height, &out, e);
        if (!r)
            r = bilinear(a, &im, src->width, src->height, factor, &out, e);
        if (!r)
            im = out;
    }
    if (r)
        return r;
    *ret_image = im;
    *ret_factor = (float)longest / (float)long_side;
    return ERR_OK;
}
