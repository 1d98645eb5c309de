/* Recall in poor light: see eval_detect.h. Light is taken away where it is linear (IEC 61966-2-1,
 * sRGB), so that dark copies have the few grey levels a dark room leaves. Main thread; one picture
 * at a time, some six detections for each contrast. */
#include "cmd/eval_detect.h"

#include "app/vision_options.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"
#include "cmd/frames.h"
#include "vision/contrast.h"
#include "vision/nms.h"
#include "vision/vision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { LEVELS = 256, TIMES_MAX = 20000, WORD_MAX = 32, DECODE_SIDE = 1600 };
#define SAME_FACE .4f /* intersection over union */

static const struct light {
    const char *name;
    double share; /* of the light that is left */
    double glare; /* added from the right: share of full white at that edge */
} lights[] = {
    {"as it is", 1, 0},
    {"1/16", 1.0 / 16, 0},
    {"1/64", 1.0 / 64, 0},
    {"1/128", 1.0 / 128, 0},
    {"1/256", 1.0 / 256, 0},
    {"1/384", 1.0 / 384, 0},
    {"back-lit 1/16", 1. / 16, .9},
    {"back-lit 1/64", 1. / 64, .9},
};
enum { LIGHT_N = ARRAY_LEN(lights) };

struct cell {
    int found, extra, n_times;
    float ms[TIMES_MAX];
};

struct study {
    struct vision *vision;
    int long_side, min_px, pictures, faces;
    struct cell (*cells)[CONTRAST_N]; /* [LIGHT_N] */
};

struct seen {
    struct face *faces;
    int n;
};

static double to_linear(double v) { return v <= .04045 ? v / 12.92 : pow((v + .055) / 1.055, 2.4); }

static double to_srgb(double v)
{
    return v <= .0031308 ? v * 12.92 : 1.055 * pow(v, 1 / 2.4) - .055;
}

static void make_curve(const struct light *l, double across, uint8_t curve[LEVELS])
{
    double glare = l->glare * across * across * across * across;
    for (int i = 0; i < LEVELS; i++) {
        double v = to_linear(i / 255.0) * l->share + glare;
        curve[i] = (uint8_t)(to_srgb(v > 1 ? 1 : v) * 255 + .5);
    }
}

/* The picture in another light. */
static enum err relight(struct arena *a, const struct image *im, const struct light *l,
                        struct image *ret_image, struct error *e)
{
    size_t stride = (size_t)im->width * 3;
    struct image out = {.width = im->width, .height = im->height};
    out.rgb = arena_array(a, (size_t)im->height, stride);
    if (!out.rgb)
        return error_set(e, ERR_NOMEM, "out of memory");
    uint8_t curve[LEVELS];
    for (int x = 0; x < im->width; x++) {
        if (x == 0 || l->glare > 0)
            make_curve(l, im->width > 1 ? (double)x / (im->width - 1) : 0, curve);
        for (int y = 0; y < im->height; y++)
            for (int k = 0; k < 3; k++) {
                size_t at = (size_t)y * stride + (size_t)x * 3 + (size_t)k;
                out.rgb[at] = curve[im->rgb[at]];
            }
    }
    *ret_image = out;
    return ERR_OK;
}

static bool is_among(const struct seen *s, const struct face *f)
{
    for (int i = 0; i < s->n; i++)
        if (box_iou(s->faces[i].box, f->box) > SAME_FACE)
            return true;
    return false;
}

static enum err look(struct study *s, struct arena *a, const struct image *im, enum contrast how,
                     struct seen *ret_seen, double *ret_ms, struct error *e)
{
    int64_t run_us;
    usec_t start = time_mono();
    enum err r =
        vision_detect_as(s->vision, a, im, how, &ret_seen->faces, &ret_seen->n, &run_us, e);
    *ret_ms = (double)(time_mono() - start) / USEC_PER_MSEC;
    return r;
}

static void count(struct study *s, struct cell *cell, const struct seen *there,
                  const struct seen *now, double ms)
{
    for (int i = 0; i < there->n; i++)
        cell->found +=
            there->faces[i].box[2] >= (float)s->min_px && is_among(now, &there->faces[i]);
    for (int i = 0; i < now->n; i++)
        cell->extra += now->faces[i].box[2] >= (float)s->min_px && !is_among(there, &now->faces[i]);
    if (cell->n_times < TIMES_MAX)
        cell->ms[cell->n_times++] = (float)ms;
}

/* All lights and contrasts of one picture. */
static enum err study_picture(struct study *s, struct arena *a, struct str bytes,
                              int64_t max_pixels, struct error *e)
{
    struct image decoded, im;
    struct seen there;
    float factor;
    int scale;
    double ms;
    int want = s->long_side > DECODE_SIDE ? s->long_side : DECODE_SIDE;
    enum err r = image_decode(a, bytes, max_pixels, want, &decoded, &scale, e);
    if (!r)
        r = image_shrink(a, &decoded, s->long_side, &im, &factor, e);
    if (!r)
        r = look(s, a, &im, CONTRAST_OFF, &there, &ms, e);
    for (int i = 0; !r && i < there.n; i++)
        s->faces += there.faces[i].box[2] >= (float)s->min_px;
    for (int l = 0; !r && l < LIGHT_N; l++) {
        struct image lit;
        r = relight(a, &im, &lights[l], &lit, e);
        for (int k = 0; !r && k < CONTRAST_N; k++) {
            struct seen now;
            r = look(s, a, &lit, (enum contrast)k, &now, &ms, e);
            if (!r)
                count(s, &s->cells[l][k], &there, &now, ms);
        }
    }
    s->pictures += !r;
    return r;
}

static int compare_ms(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print_table(struct study *s)
{
    printf("\n%s at %d pixels: %d pictures, %d faces of %d pixels and more (those it finds in the\n"
           "pictures as they are; no labels)\n",
           vision_detector(s->vision), s->long_side, s->pictures, s->faces, s->min_px);
    printf("  %-14s", "light");
    for (int k = 0; k < CONTRAST_N; k++)
        printf("  %6s found extra   ms", contrast_name((enum contrast)k));
    printf("\n");
    for (int l = 0; l < LIGHT_N; l++) {
        printf("  %-14s", lights[l].name);
        for (int k = 0; k < CONTRAST_N; k++) {
            struct cell *c = &s->cells[l][k];
            qsort(c->ms, (size_t)c->n_times, sizeof *c->ms, compare_ms);
            printf("  %6.3f %5d %5d %4.1f", s->faces ? (double)c->found / s->faces : 0.0, c->found,
                   c->extra, c->n_times ? (double)c->ms[c->n_times / 2] : 0.0);
        }
        printf("\n");
    }
    fflush(stdout);
}

static enum err study_all(struct study *s, const struct config *c, const struct frame_item *items,
                          int n, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(512 * MIB);
    enum err r = a ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; !r && i < n; i++) {
        struct str bytes;
        arena_reset(a);
        r = file_read(items[i].path, (size_t)c->photo_max_bytes, a, &bytes, e);
        if (!r)
            r = study_picture(s, a, bytes, c->photo_max_pixels, e);
        if (r)
            return error_wrap(e, r, "%.80s", items[i].name);
    }
    if (!r)
        print_table(s);
    return r;
}

static enum err study_detector(const struct config *c, const char *detector,
                               const struct frame_item *items, int n, int min_px, struct error *e)
{
    struct vision_options options;
    app_vision_options(c, &options);
    options.detector = detector;
    options.liveness = false;
    struct study s = {.long_side = (int)c->detector_long_side, .min_px = min_px};
    s.cells = mem_array(LIGHT_N, sizeof *s.cells);
    enum err r =
        s.cells ? vision_open(&options, &s.vision, e) : error_set(e, ERR_NOMEM, "out of memory");
    if (!r)
        r = study_all(&s, c, items, n, e);
    vision_close(s.vision);
    mem_free(s.cells);
    return r;
}

enum err eval_detect(const struct config *c, const char *detectors, const char *folder, int min_px,
                     struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * MIB);
    struct frame_item *items = NULL;
    struct str rest = str_from(detectors), part;
    int n = 0;
    enum err r =
        a ? frames_list_folder(folder, a, &items, &n, e) : error_set(e, ERR_NOMEM, "out of memory");
    if (!r && n == 0)
        r = error_set(e, ERR_NOT_FOUND, "there is no picture in %.180s", folder);
    while (!r && str_split(&rest, ',', &part)) {
        char name[WORD_MAX];
        snprintf(name, sizeof name, "%.*s", STR_ARGS(str_trim(part)));
        r = study_detector(c, name, items, n, min_px, e);
    }
    return r;
}
