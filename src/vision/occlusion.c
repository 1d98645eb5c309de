/* Occlusion: see occlusion.h. Histograms over a few hundred pixels of the crop at half size.
 *
 * The limits were set on 725 photos of LFW and 118 sample photos, of which none are refused,
 * against masks, scarfs, hands and sheets drawn over them. The cheeks' colour is a median over both
 * sides under the eyes and the bridge of the nose. Black and white photos have no colour to compare
 * (skin_min); a washed-out photo has little shade about the eyes, too (shade_part_min); uneven
 * coloured light makes the lower half redder, cloth hardly ever does. */
#include "vision/occlusion.h"

#include <math.h>

enum { HALF = CROP_SIDE / 2, LEVELS = 256 };

static const float shade_min = 26, shade_part_min = .35f, skin_min = 15, difference_max = .95f;

/* Counts of luma and of the two colour differences (plus 128), of some pixels. */
struct tally {
    int luma[LEVELS], cb[LEVELS], cr[LEVELS], n;
};

static int level(float v) { return v < 0 ? 0 : v > LEVELS - 1 ? LEVELS - 1 : (int)(v + .5f); }

/* A pixel of the crop at half size, ITU-R BT.601. */
static void tally_pixel(struct tally *t, const struct crop *c, int x, int y)
{
    float rgb[3];
    for (int p = 0; p < 3; p++) {
        const uint8_t *at = c->planes[p] + (size_t)y * 2 * (size_t)c->side + (size_t)x * 2;
        rgb[p] = (float)(at[0] + at[1] + at[c->side] + at[c->side + 1]) / 4;
    }
    float luma = .299f * rgb[0] + .587f * rgb[1] + .114f * rgb[2];
    t->luma[level(luma)]++;
    t->cb[level(.564f * (rgb[2] - luma) + 128)]++;
    t->cr[level(.713f * (rgb[0] - luma) + 128)]++;
    t->n++;
}

static int within(float v, int high) { return v < 0 ? 0 : v > (float)high ? high : (int)(v + .5f); }

/* At least two pixels each way, also where the box leaves the crop. */
static void tally_box(struct tally *t, const struct crop *c, float x0, float x1, float y0, float y1)
{
    int left = within(x0, HALF - 2), top = within(y0, HALF - 2);
    int right = within(x1, HALF), bottom = within(y1, HALF);
    right = right < left + 2 ? left + 2 : right;
    bottom = bottom < top + 2 ? top + 2 : bottom;
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++)
            tally_pixel(t, c, x, y);
}

/* The level below which `part` of the pixels lie. */
static float quantile(const int counts[LEVELS], int n, float part)
{
    int below = 0, i = 0;
    for (; i < LEVELS - 1; i++) {
        below += counts[i];
        if ((float)below > part * (float)n)
            break;
    }
    return (float)i;
}

static float shade_of(const struct tally *t)
{
    return quantile(t->luma, t->n, .9f) - quantile(t->luma, t->n, .1f);
}

/* A point of the picture in the half-size crop. */
static void into_crop(const struct face *f, const struct crop_spec *spec, const float p[2],
                      float ret[2])
{
    float angle = atan2f(f->points[1][1] - f->points[0][1], f->points[1][0] - f->points[0][0]);
    float c = cosf(angle), s = sinf(angle);
    float dx = p[0] - (f->box[0] + f->box[2] / 2), dy = p[1] - (f->box[1] + f->box[3] / 2);
    ret[0] = HALF / 2 + (c * dx + s * dy) * HALF / (spec->width_factor * f->box[2]);
    ret[1] = HALF / 2 + (c * dy - s * dx) * HALF / (spec->height_factor * f->box[3]);
}

struct occlusion occlusion_of(const struct face *f, const struct crop *c,
                              const struct crop_spec *spec)
{
    float p[FACE_POINTS][2];
    for (int i = 0; i < FACE_POINTS; i++)
        into_crop(f, spec, f->points[i], p[i]);
    float ex = (p[0][0] + p[1][0]) / 2, ey = (p[0][1] + p[1][1]) / 2;
    float mx = (p[3][0] + p[4][0]) / 2, my = (p[3][1] + p[4][1]) / 2;
    float e = fmaxf(fabsf(p[1][0] - p[0][0]), 8), d = fmaxf(my - ey, 8);
    struct tally upper = {0}, lower = {0}, eyes = {0};
    tally_box(&upper, c, ex - .55f * e, ex - .2f * e, ey + .18f * d, ey + .36f * d);
    tally_box(&upper, c, ex + .2f * e, ex + .55f * e, ey + .18f * d, ey + .36f * d);
    tally_box(&upper, c, ex - .15f * e, ex + .15f * e, ey - .1f * d, ey + .3f * d);
    tally_box(&lower, c, mx - .4f * e, mx + .4f * e, ey + .72f * d, my + .4f * d);
    tally_box(&eyes, c, ex - .75f * e, ex + .75f * e, ey - .2f * d, ey + .2f * d);
    float cb = quantile(upper.cb, upper.n, .5f) - 128, cr = quantile(upper.cr, upper.n, .5f) - 128;
    float low_cb = quantile(lower.cb, lower.n, .5f) - 128;
    float low_cr = quantile(lower.cr, lower.n, .5f) - 128;
    struct occlusion o = {
        .shade = shade_of(&lower), .skin = hypotf(cb, cr), .redness = low_cr - cr};
    o.difference = hypotf(low_cb - cb, low_cr - cr) / fmaxf(o.skin, 1);
    bool smooth = o.shade < shade_min && o.shade < shade_part_min * shade_of(&eyes);
    bool of_cloth = o.skin > skin_min && o.difference > difference_max && o.redness < 0;
    o.covered = smooth || of_cloth;
    return o;
}
