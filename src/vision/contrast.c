/* CLAHE in integers: see contrast.h and the head of tests/golden/reference.py.
 *
 * One pass makes luma, one the histograms of 64 tiles, one reads each pixel's four curves. Exact:
 * the golden test asks for equal bytes. All memory is the caller's arena: a byte a pixel, 16 KiB of
 * curves and the result. Called by workers. */
#include "vision/contrast.h"

#include "vision/image_codecs.h"

enum { TILES = 8, CLIP = 3, LEVELS = 256, WEIGHT_ONE = 256, LUMA_ROW_STEP = 4 };

static const char *const names[CONTRAST_N] = {
    [CONTRAST_OFF] = "off", [CONTRAST_CLAHE] = "clahe", [CONTRAST_AUTO] = "auto"};

const char *contrast_name(enum contrast c) { return names[c]; }

enum err contrast_of(const char *name, enum contrast *ret_contrast, struct error *e)
{
    for (int c = 0; c < CONTRAST_N; c++) {
        if (str_is(str_from(name), names[c])) {
            *ret_contrast = (enum contrast)c;
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID, "unknown contrast '%.60s': choose off, clahe or auto", name);
}

static uint8_t luma_of(const uint8_t *rgb)
{
    return (uint8_t)((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) >> 8);
}

int image_mean_luma(const struct image *im)
{
    uint64_t sum = 0, n = 0;
    for (int y = 0; y < im->height; y += LUMA_ROW_STEP) {
        const uint8_t *row = im->rgb + (size_t)y * (size_t)im->width * 3;
        for (int x = 0; x < im->width; x++)
            sum += luma_of(row + (size_t)x * 3);
        n += (uint64_t)im->width;
    }
    return n ? (int)(sum / n) : 0;
}

/* Where pixels of one axis lie between the tiles. */
struct place {
    uint8_t low, high; /* tiles */
    uint16_t weight;   /* of high, of WEIGHT_ONE */
};

struct clahe {
    int width, height, columns, rows; /* of pixels, of tiles */
    uint8_t *luma;                    /* [height][width] */
    uint8_t (*curves)[LEVELS];        /* [rows * columns] */
    struct place *across, *down;      /* [width], [height] */
};

static int clamped(int64_t v, int max) { return v < 0 ? 0 : v > max ? max : (int)v; }

static void make_places(struct place *places, int size, int tiles)
{
    for (int i = 0; i < size; i++) {
        int64_t t =
            (2 * (int64_t)i + 1) * (WEIGHT_ONE / 2) * tiles / size - WEIGHT_ONE / 2; /* >= -128 */
        int64_t low = t < 0 ? -1 : t / WEIGHT_ONE;
        places[i] = (struct place){.low = (uint8_t)clamped(low, tiles - 1),
                                   .high = (uint8_t)clamped(low + 1, tiles - 1),
                                   .weight = (uint16_t)(t - low * WEIGHT_ONE)};
    }
}

/* Cuts the peaks of a histogram of n pixels and shares them out over all bins. */
static void clip_histogram(uint32_t *histogram, uint32_t n)
{
    uint32_t limit = (uint32_t)((uint64_t)CLIP * n / LEVELS), excess = 0;
    limit = limit < 1 ? 1 : limit;
    for (int i = 0; i < LEVELS; i++) {
        if (histogram[i] > limit) {
            excess += histogram[i] - limit;
            histogram[i] = limit;
        }
    }
    uint32_t rest = excess % LEVELS;
    for (int i = 0; i < LEVELS; i++)
        histogram[i] += excess / LEVELS;
    for (uint32_t i = 0; i < rest; i++)
        histogram[i * (LEVELS / rest)]++;
}

static void make_curve(const struct clahe *c, int column, int row, uint8_t curve[LEVELS])
{
    uint32_t histogram[LEVELS] = {0};
    int left = (int)((int64_t)column * c->width / c->columns);
    int right = (int)((int64_t)(column + 1) * c->width / c->columns);
    int top = (int)((int64_t)row * c->height / c->rows);
    int bottom = (int)((int64_t)(row + 1) * c->height / c->rows);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            histogram[c->luma[(size_t)y * (size_t)c->width + (size_t)x]]++;
    uint32_t n = (uint32_t)(right - left) * (uint32_t)(bottom - top);
    clip_histogram(histogram, n);
    uint64_t sum = 0;
    for (int i = 0; i < LEVELS; i++) {
        sum += histogram[i];
        curve[i] = (uint8_t)((sum * (LEVELS - 1) + n / 2) / n);
    }
}

static uint8_t to_byte(int v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

static void apply_row(const struct clahe *c, int y, const uint8_t *rgb, uint8_t *out)
{
    const struct place *down = &c->down[y];
    const uint8_t(*top)[LEVELS] = (const uint8_t(*)[LEVELS])(c->curves + down->low * c->columns);
    const uint8_t(*bottom)[LEVELS] =
        (const uint8_t(*)[LEVELS])(c->curves + down->high * c->columns);
    const uint8_t *luma = c->luma + (size_t)y * (size_t)c->width;
    int b = down->weight;
    for (int x = 0; x < c->width; x++, rgb += 3, out += 3) {
        const struct place *p = &c->across[x];
        int level = luma[x], a = p->weight;
        int upper = top[p->low][level] * (WEIGHT_ONE - a) + top[p->high][level] * a;
        int lower = bottom[p->low][level] * (WEIGHT_ONE - a) + bottom[p->high][level] * a;
        int moved = ((upper * (WEIGHT_ONE - b) + lower * b + (1 << 15)) >> 16) - level;
        for (int k = 0; k < 3; k++)
            out[k] = to_byte(rgb[k] + moved);
    }
}

static enum err make_tables(struct arena *a, const struct image *src, struct clahe *c,
                            struct error *e)
{
    *c = (struct clahe){.width = src->width, .height = src->height};
    c->columns = src->width < TILES ? src->width : TILES;
    c->rows = src->height < TILES ? src->height : TILES;
    size_t pixels = (size_t)src->width * (size_t)src->height;
    c->luma = arena_alloc(a, pixels);
    c->curves = arena_array(a, (size_t)(c->rows * c->columns), sizeof *c->curves);
    c->across = arena_array(a, (size_t)src->width, sizeof *c->across);
    c->down = arena_array(a, (size_t)src->height, sizeof *c->down);
    if (!c->luma || !c->curves || !c->across || !c->down)
        return error_set(e, ERR_NOMEM, "no memory to even out a picture's contrast");
    for (size_t i = 0; i < pixels; i++)
        c->luma[i] = luma_of(src->rgb + 3 * i);
    for (int t = 0; t < c->rows * c->columns; t++)
        make_curve(c, t % c->columns, t / c->columns, c->curves[t]);
    make_places(c->across, src->width, c->columns);
    make_places(c->down, src->height, c->rows);
    return ERR_OK;
}

enum err image_clahe(struct arena *a, const struct image *src, struct image *ret_image,
                     struct error *e)
{
    struct clahe c;
    struct image out;
    enum err r = image_new(a, src->width, src->height, &out, e);
    if (!r)
        r = make_tables(a, src, &c, e);
    if (r)
        return r;
    size_t stride = (size_t)src->width * 3;
    for (int y = 0; y < src->height; y++)
        apply_row(&c, y, src->rgb + (size_t)y * stride, out.rgb + (size_t)y * stride);
    *ret_image = out;
    return ERR_OK;
}
