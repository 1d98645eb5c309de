/* Prints what the vision engine makes of raw pixels, as JSON, for tests/golden/test_golden.py.
 *
 *     golden_dump MODELS_DIR DETECTOR[+ENCODER] LONG_SIDE RAWFILE WIDTH HEIGHT [BOX_AND_EYES]
 *
 *     golden_dump MODELS_DIR DETECTOR[+ENCODER] LONG_SIDE PICTURE
 *
 * The second form takes an encoded picture through vision_analyse as a worker does, with liveness
 * where its models are installed.
 *     golden_dump clahe RAWFILE WIDTH HEIGHT
 *
 * The third writes the pixels as the detector sees them with contrast = clahe.
 * Environment: GOLDEN_DEVICE, GOLDEN_PRECISION and GOLDEN_CONTRAST as the options device, precision
 * and contrast; unset: cpu, fp32 and off. GOLDEN_FLIP: set turns the option flip on.
 * GOLDEN_STILL: set means that the picture is one of many people. GOLDEN_BOXES: set leaves the
 * crops and embeddings of raw pixels out. RAWFILE holds WIDTH x HEIGHT RGB bytes, so both sides
 * start from the same decoded pixels. With BOX_AND_EYES = "x,y,w,h,eye0x,eye0y,eye1x,eye1y" that
 * face is cropped and embedded and nothing is detected. Faces come in the detector's order, best
 * score first. */
#include "base/file.h"
#include "vision/internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MEMORY_BYTES_MAX = 1024 * MIB, GIVEN_NUMBERS = 8, PIXELS_MAX = 64000000 };
enum { PICTURE_ARGUMENTS = 5, RAW_ARGUMENTS = 7, GIVEN_ARGUMENTS = 8 };

static enum err to_int(const char *text, int *ret_value, struct error *e)
{
    int64_t value;
    enum err r = str_to_i64(str_from(text), &value, e);
    if (!r)
        *ret_value = (int)value;
    return r;
}

static void print_numbers(const char *name, const float *v, int n)
{
    printf(",\"%s\":[", name);
    for (int i = 0; i < n; i++)
        printf("%s%.9g", i ? "," : "", (double)v[i]);
    printf("]");
}

static void print_crop(const struct crop *c)
{
    int middle = c->side / 2 * c->side + c->side / 2;
    double mean, deviation;
    crop_statistics(c, &mean, &deviation);
    printf(",\"crop_mean\":%.9g,\"crop_std\":%.9g,\"middle\":[%d,%d,%d]", mean, deviation,
           c->planes[0][middle], c->planes[1][middle], c->planes[2][middle]);
}

static enum err print_face(struct vision *v, const struct crop_spec *spec, struct arena *a,
                           const struct image *im, const struct face *f, struct error *e)
{
    float *vector = NULL;
    struct crop *crop = arena_alloc(a, sizeof *crop);
    struct vision_timing timing = {0};
    bool whole = getenv("GOLDEN_BOXES") == NULL;
    enum err r = crop ? ERR_OK : error_set(e, ERR_NOMEM, "memory");
    if (!r && whole)
        r = align_face(a, im, f, spec, crop, e);
    if (!r && whole)
        r = vision_embed(v, a, im, f, 1, &vector, &timing, e);
    if (r)
        return r;
    printf("{\"score\":%.9g", (double)f->score);
    print_numbers("box", f->box, 4);
    print_numbers("points", &f->points[0][0], 2 * FACE_POINTS);
    if (whole) {
        print_crop(crop);
        print_numbers("embedding", vector, vision_dim(v));
    }
    printf("}");
    return ERR_OK;
}

static enum err given_face(const char *text, struct face *ret_face, struct error *e)
{
    struct str rest = str_from(text), part;
    double n[GIVEN_NUMBERS] = {0};
    for (int i = 0; i < GIVEN_NUMBERS; i++) {
        if (!str_split(&rest, ',', &part))
            return error_set(e, ERR_INVALID, "BOX_AND_EYES needs %d numbers", GIVEN_NUMBERS);
        enum err r = str_to_double(part, &n[i], e);
        if (r)
            return r;
    }
    *ret_face = (struct face){.box = {(float)n[0], (float)n[1], (float)n[2], (float)n[3]},
                              .points = {{(float)n[4], (float)n[5]}, {(float)n[6], (float)n[7]}},
                              .score = 1};
    return ERR_OK;
}

static enum err dump(struct vision *v, struct arena *a, const struct image *im, const char *given,
                     struct error *e)
{
    struct face one, *faces = &one;
    int n = 1;
    int64_t run_us = 0;
    enum err r =
        given ? given_face(given, &one, e) : vision_detect(v, a, im, &faces, &n, &run_us, e);
    if (r)
        return r;
    printf("{\"detector\":\"%s\",\"preprocessing\":\"%s\",\"faces\":[", vision_detector(v),
           vision_preprocessing(v));
    for (int i = 0; !r && i < n; i++) {
        printf("%s", i ? "," : "");
        r = print_face(v, vision_crop(v), a, im, &faces[i], e);
    }
    printf("]}\n");
    return r;
}

static void print_result(const struct vision *v, const struct vision_result *r)
{
    printf("{\"width\":%d,\"height\":%d,\"faces\":[", r->width, r->height);
    for (int i = 0; i < r->n; i++) {
        const struct vision_face *f = &r->faces[i];
        printf("%s{\"flaw\":\"%s\",\"quality\":%.4f,\"score\":%.9g", i ? "," : "",
               face_flaw_name(f->flaw), (double)f->quality, (double)f->face.score);
        print_numbers("box", f->face.box, 4);
        print_numbers("points", &f->face.points[0][0], 2 * FACE_POINTS);
        if (isfinite(f->liveness))
            print_numbers("liveness", &f->liveness, 1);
        if (f->embedding)
            print_numbers("embedding", f->embedding, vision_dim(v));
        printf("}");
    }
    printf("]}\n");
}

static enum err analyse(struct vision *v, struct arena *a, struct str picture, struct error *e)
{
    struct vision_result result;
    enum err r = getenv("GOLDEN_STILL")
                     ? vision_analyse_still(v, a, picture, PIXELS_MAX, NULL, &result, e)
                     : vision_analyse(v, a, picture, PIXELS_MAX, &result, e);
    if (!r)
        print_result(v, &result);
    return r;
}

/* size: width and height as text; the pixels are those of the file. */
static enum err raw_image(struct str raw, char **size, struct image *ret_image, struct error *e)
{
    struct image im = {.rgb = (uint8_t *)raw.p};
    enum err r = to_int(size[0], &im.width, e);
    if (!r)
        r = to_int(size[1], &im.height, e);
    if (!r && raw.n != (size_t)im.width * (size_t)im.height * 3)
        r = error_set(e, ERR_INVALID, "the file is not %d x %d RGB", im.width, im.height);
    *ret_image = im;
    return r;
}

static enum err dump_raw(struct vision *v, struct arena *a, struct str raw, char **size,
                         const char *given, struct error *e)
{
    struct image im;
    enum err r = raw_image(raw, size, &im, e);
    return r ? r : dump(v, a, &im, given, e);
}

static enum err write_clahe(char **argv, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MEMORY_BYTES_MAX);
    struct str raw;
    struct image im, out;
    enum err r = a ? file_read(argv[0], MEMORY_BYTES_MAX / 2, a, &raw, e)
                   : error_set(e, ERR_NOMEM, "memory");
    if (!r)
        r = raw_image(raw, argv + 1, &im, e);
    if (!r)
        r = image_clahe(a, &im, &out, e);
    if (!r)
        fwrite(out.rgb, 3, (size_t)out.width * (size_t)out.height, stdout);
    return r;
}

static enum err run(char **argv, int argc, struct error *e)
{
    if (argc == PICTURE_ARGUMENTS && strcmp(argv[1], "clahe") == 0)
        return write_clahe(argv + 2, e);
    char *plus = strchr(argv[2], '+'); /* no '+': facenet128 */
    if (plus)
        *plus = '\0';
    struct vision_options o = {.models_dir = argv[1],
                               .detector = argv[2],
                               .encoder = plus ? plus + 1 : "facenet128",
                               .flip = getenv("GOLDEN_FLIP") != NULL,
                               .min_confidence = .6,
                               .min_face_px = 28,
                               .threads = 1,
                               .batch_max = 8,
                               .contrast = getenv("GOLDEN_CONTRAST"),
                               .device = getenv("GOLDEN_DEVICE"),
                               .precision = getenv("GOLDEN_PRECISION")};
    _cleanup_(arena_freep) struct arena *a = arena_new(MEMORY_BYTES_MAX);
    if (!a)
        return error_set(e, ERR_NOMEM, "memory");
    struct str bytes;
    enum err r = to_int(argv[3], &o.detector_long_side, e);
    if (!r)
        r = file_read(argv[4], MEMORY_BYTES_MAX / 2, a, &bytes, e);
    struct vision *v = NULL;
    enum liveness_policy policy = LIVENESS_OFF;
    if (!r)
        r = liveness_choose("auto", o.models_dir, &policy, e);
    o.liveness = policy != LIVENESS_OFF;
    if (!r)
        r = vision_open(&o, &v, e);
    if (!r)
        r = argc == PICTURE_ARGUMENTS
                ? analyse(v, a, bytes, e)
                : dump_raw(v, a, bytes, argv + 5, argc == GIVEN_ARGUMENTS ? argv[7] : NULL, e);
    vision_close(v);
    return r;
}

int main(int argc, char **argv)
{
    if (argc != PICTURE_ARGUMENTS && argc != RAW_ARGUMENTS && argc != GIVEN_ARGUMENTS) {
        fprintf(stderr,
                "usage: golden_dump MODELS_DIR DETECTOR[+ENCODER] LONG_SIDE RAWFILE WIDTH HEIGHT "
                "[BOX_AND_EYES] | PICTURE; golden_dump clahe RAWFILE WIDTH HEIGHT\n");
        return 2;
    }
    struct error e;
    enum err r = run(argv, argc, &e);
    if (r)
        fprintf(stderr, "golden_dump: %s\n", e.msg);
    return r ? 1 : 0;
}
