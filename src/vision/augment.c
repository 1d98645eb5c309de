/* Augmentation: see augment.h. Rotation turns the points that the crop is cut by, so it loses no
 * pixels at the edges; the rest is arithmetic on the crop's bytes. Cost 0.1 ms a variant and the
 * encoder's time. */
#include "vision/augment.h"

#include <math.h>

static const float ROTATE_DEGREES = 8, DARKER = .75f, BRIGHTER = 1.25f, BLUR_SIGMA = 1;
enum { BLUR_RADIUS = 3 };

static const char *const names[AUGMENT_KIND_N] = {
    [AUGMENT_ROTATE] = "rotate",     [AUGMENT_BRIGHTNESS] = "brightness",
    [AUGMENT_CONTRAST] = "contrast", [AUGMENT_BLUR] = "blur",
    [AUGMENT_FLIP] = "flip",
};

static int kind_of(struct str word)
{
    for (int k = 0; k < AUGMENT_KIND_N; k++)
        if (str_is(word, names[k]))
            return k;
    return -1;
}

enum err augment_parse(struct str list, unsigned *ret_kinds, struct error *e)
{
    unsigned kinds = 0;
    struct str word;
    list = str_trim(list);
    while (list.n && str_split(&list, ',', &word)) {
        int kind = kind_of(str_trim(word));
        if (kind < 0)
            return error_set(e, ERR_INVALID,
                             "augment: '%.40s' is none of rotate, brightness, contrast, blur, flip",
                             word.n ? word.p : "");
        kinds |= 1u << kind;
    }
    *ret_kinds = kinds;
    return ERR_OK;
}

int augment_variants(unsigned kinds, struct augment_variant ret_variants[AUGMENT_VARIANTS_MAX])
{
    const struct augment_variant all[AUGMENT_VARIANTS_MAX] = {
        {AUGMENT_ROTATE, -ROTATE_DEGREES}, {AUGMENT_ROTATE, ROTATE_DEGREES},
        {AUGMENT_BRIGHTNESS, DARKER},      {AUGMENT_BRIGHTNESS, BRIGHTER},
        {AUGMENT_CONTRAST, DARKER},        {AUGMENT_CONTRAST, BRIGHTER},
        {AUGMENT_BLUR, BLUR_SIGMA},        {AUGMENT_FLIP, 0},
    };
    int n = 0;
    for (int i = 0; i < AUGMENT_VARIANTS_MAX; i++)
        if (kinds >> all[i].kind & 1)
            ret_variants[n++] = all[i];
    return n;
}

struct face augment_face(const struct face *f, const struct augment_variant *variant)
{
    struct face turned = *f;
    if (variant->kind != AUGMENT_ROTATE)
        return turned;
    float angle = variant->amount / 57.29578f, c = cosf(angle), s = sinf(angle);
    float cx = f->box[0] + f->box[2] / 2, cy = f->box[1] + f->box[3] / 2;
    for (int i = 0; i < FACE_POINTS; i++) {
        float dx = f->points[i][0] - cx, dy = f->points[i][1] - cy;
        turned.points[i][0] = cx + c * dx - s * dy;
        turned.points[i][1] = cy + s * dx + c * dy;
    }
    return turned;
}

static uint8_t clamp(float v) { return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + .5f); }

/* p -> middle + factor (p - middle), for every byte. */
static void stretch(struct crop *c, float factor, float middle)
{
    uint8_t map[256];
    for (int i = 0; i < 256; i++)
        map[i] = clamp(middle + factor * ((float)i - middle));
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < c->side * c->side; i++)
            c->planes[p][i] = map[c->planes[p][i]];
}

static void blur_line(const uint8_t *from, uint8_t *to, int n, int step,
                      const float weights[2 * BLUR_RADIUS + 1])
{
    for (int i = 0; i < n; i++) {
        float sum = 0;
        for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++) {
            int at = i + k < 0 ? 0 : i + k > n - 1 ? n - 1 : i + k;
            sum += weights[k + BLUR_RADIUS] * (float)from[at * step];
        }
        to[i * step] = clamp(sum);
    }
}

static void blur(struct crop *c, float sigma)
{
    float weights[2 * BLUR_RADIUS + 1], sum = 0;
    uint8_t rows[CROP_PIXELS];
    for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++)
        sum += weights[k + BLUR_RADIUS] = expf(-(float)(k * k) / (2 * sigma * sigma));
    for (int k = 0; k <= 2 * BLUR_RADIUS; k++)
        weights[k] /= sum;
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < c->side; y++)
            blur_line(c->planes[p] + y * c->side, rows + y * c->side, c->side, 1, weights);
        for (int x = 0; x < c->side; x++)
            blur_line(rows + x, c->planes[p] + x, c->side, c->side, weights);
    }
}

static void mirror(struct crop *c)
{
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < c->side; y++) {
            uint8_t *row = c->planes[p] + y * c->side;
            for (int l = 0, r = c->side - 1; l < r; l++, r--) {
                uint8_t kept = row[l];
                row[l] = row[r];
                row[r] = kept;
            }
        }
}

void augment_crop(struct crop *c, const struct augment_variant *variant)
{
    double mean, deviation;
    switch (variant->kind) {
    case AUGMENT_ROTATE:
        return;
    case AUGMENT_BRIGHTNESS:
        stretch(c, variant->amount, 0);
        return;
    case AUGMENT_CONTRAST:
        crop_statistics(c, &mean, &deviation);
        stretch(c, variant->amount, (float)mean);
        return;
    case AUGMENT_BLUR:
        blur(c, variant->amount);
        return;
    case AUGMENT_FLIP:
        mirror(c);
        return;
    }
}
