/* Devices and precisions side by side; see bench_devices.h.
 *
 * Every configuration is an engine of its own in this process. They take turns, run by run, so that
 * another program on the machine disturbs all alike; the least and the median are printed, since
 * the least is what the machine can do. Memory is what opening and the first batch added to the
 * process: the first configuration pays for what all share. Thread: main. */
#include "cmd/bench_devices.h"

#include "app/vision_options.h"
#include "base/file.h"
#include "base/mem.h"
#include "cmd/frames.h"
#include "vision/device.h"
#include "vision/vision.h"

#include <stdlib.h>
#include <unistd.h>

enum { CONTENDERS_MAX = 12, BATCH = 8, RUNS_MAX = 4000, NAME_TEXT = 24 };
enum { PICTURE_MAX = 64 * 1024 * 1024, PIXELS_MAX = 64000000, ARENA_MAX = 512 * 1024 * 1024 };

struct contender {
    char device[NAME_TEXT], precision[NAME_TEXT];
    struct vision *vision;
    double *alone, *batched; /* [RUNS_MAX] ms a face, owned */
    double sum_cos, least_cos;
    long long memory_kib;
};

struct comparison {
    const struct config *config;
    struct contender of[CONTENDERS_MAX];
    int n, runs, faces;
};

static long long resident_kib(void) { return mem_resident() / KIB; }

/* ---- which */

static enum err add(struct comparison *c, const char *device, const char *precision,
                    struct error *e)
{
    if (c->n == CONTENDERS_MAX)
        return error_set(e, ERR_INVALID, "at most %d configurations are compared", CONTENDERS_MAX);
    struct contender *k = &c->of[c->n++];
    snprintf(k->device, sizeof k->device, "%s", device);
    snprintf(k->precision, sizeof k->precision, "%s", precision);
    k->least_cos = 1;
    return ERR_OK;
}

static enum err add_all(struct comparison *c, struct error *e)
{
    struct device_facts facts;
    device_facts_read(config_models_dir(c->config), config_text(c->config, OPTION_encoder), &facts);
    for (enum device d = DEVICE_CPU; d <= DEVICE_TENSORRT; d++) {
        for (enum precision p = PRECISION_FP32; p <= PRECISION_INT8; p++) {
            struct device_choice choice;
            if (device_choose(device_name(d), precision_name(p), &facts, &choice, NULL))
                continue;
            enum err r = add(c, device_name(d), precision_name(p), e);
            if (r)
                return r;
        }
    }
    return ERR_OK;
}

static enum err read_list(struct comparison *c, const char *list, struct error *e)
{
    struct str rest = str_from(list), item, precision;
    if (str_is(rest, "all"))
        return add_all(c, e);
    while (str_split(&rest, ',', &item)) {
        char device[NAME_TEXT], text[NAME_TEXT];
        struct str name;
        precision = item;
        if (!str_split(&precision, '/', &name) || !precision.p || name.n >= NAME_TEXT ||
            precision.n >= NAME_TEXT)
            return error_set(e, ERR_INVALID, "--compare takes DEVICE/PRECISION,... or all");
        snprintf(device, sizeof device, "%.*s", STR_ARGS(name));
        snprintf(text, sizeof text, "%.*s", STR_ARGS(precision));
        enum err r = add(c, device, text, e);
        if (r)
            return r;
    }
    return ERR_OK;
}

/* ---- open and run */

/* Embeds the face n times in one run; ret_ms is the model's time for one face. */
static enum err embed(struct contender *k, struct arena *a, const struct image *im,
                      const struct face *face, int n, float **ret_vec, double *ret_ms,
                      struct error *e)
{
    struct face faces[BATCH];
    struct vision_timing timing = {0};
    for (int i = 0; i < n; i++)
        faces[i] = *face;
    enum err r = vision_embed(k->vision, a, im, faces, n, ret_vec, &timing, e);
    *ret_ms = (double)timing.embed_run_us / 1000 / n;
    return r;
}

static enum err open_one(struct comparison *c, struct contender *k, struct error *e)
{
    struct vision_options options;
    app_vision_options(c->config, &options);
    options.batch_max = BATCH;
    options.device = k->device;
    options.precision = k->precision;
    options.callers = 1;
    options.liveness = false;
    k->alone = mem_array(RUNS_MAX, sizeof *k->alone);
    k->batched = mem_array(RUNS_MAX, sizeof *k->batched);
    if (!k->alone || !k->batched)
        return error_set(e, ERR_NOMEM, "out of memory");
    return vision_open(&options, &k->vision, e);
}

static enum err open_all(struct comparison *c, struct arena *a, const struct image *im,
                         const struct face *face, struct error *e)
{
    for (int i = 0; i < c->n; i++) {
        struct contender *k = &c->of[i];
        long long before = resident_kib();
        float *vec;
        double ms;
        enum err r = k->vision ? ERR_OK : open_one(c, k, e);
        if (!r)
            r = embed(k, a, im, face, BATCH, &vec, &ms, e);
        if (!r)
            r = embed(k, a, im, face, 1, &vec, &ms, e);
        if (r)
            return error_wrap(e, r, "%s/%s", k->device, k->precision);
        k->memory_kib += resident_kib() - before;
    }
    return ERR_OK;
}

static enum err take_turns(struct comparison *c, const struct image *im, const struct face *face,
                           usec_t duration, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(ARENA_MAX);
    enum err r = a ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
    usec_t until = time_mono() + duration * c->n;
    for (; !r && c->runs < RUNS_MAX && (c->runs < 3 || time_mono() < until); c->runs++) {
        for (int i = 0; !r && i < c->n; i++) {
            struct contender *k = &c->of[i];
            float *vec;
            arena_reset(a);
            r = embed(k, a, im, face, 1, &vec, &k->alone[c->runs], e);
            if (!r)
                r = embed(k, a, im, face, BATCH, &vec, &k->batched[c->runs], e);
        }
    }
    return r;
}

/* ---- faces */

/* The largest face of the picture; ret_found false when there is none. */
static enum err main_face(struct comparison *c, struct arena *a, const char *path,
                          struct image *ret_image, struct face *ret_face, bool *ret_found,
                          struct error *e)
{
    struct str bytes;
    struct face *faces;
    int n = 0, scale = 1;
    int64_t run_us;
    enum err r = file_read(path, PICTURE_MAX, a, &bytes, e);
    if (!r)
        r = image_decode(a, bytes, PIXELS_MAX, 0, ret_image, &scale, e);
    if (!r)
        r = vision_detect(c->of[0].vision, a, ret_image, &faces, &n, &run_us, e);
    *ret_found = !r && n > 0;
    for (int i = 0; *ret_found && i < n; i++)
        if (i == 0 || faces[i].box[2] * faces[i].box[3] > ret_face->box[2] * ret_face->box[3])
            *ret_face = faces[i];
    return r;
}

static enum err compare_vectors(struct comparison *c, struct arena *a, const struct image *im,
                                const struct face *face, struct error *e)
{
    int dim = vision_dim(c->of[0].vision);
    float *first = NULL, *vec;
    for (int i = 0; i < c->n; i++) {
        double ms, cos = 0;
        enum err r = embed(&c->of[i], a, im, face, 1, &vec, &ms, e);
        if (r)
            return r;
        first = first ? first : vec;
        for (int d = 0; d < dim; d++)
            cos += (double)first[d] * (double)vec[d];
        c->of[i].sum_cos += cos;
        c->of[i].least_cos = cos < c->of[i].least_cos ? cos : c->of[i].least_cos;
    }
    c->faces++;
    return ERR_OK;
}

static enum err compare_folder(struct comparison *c, const char *samples, const char *part,
                               struct error *e)
{
    _cleanup_(arena_freep) struct arena *list = arena_new(16 * MIB), *a = arena_new(ARENA_MAX);
    struct frame_item *items = NULL;
    int n = 0;
    if (!list || !a)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r =
        frames_list_folder(arena_printf(list, "%s/%s", samples, part), list, &items, &n, e);
    for (int i = 0; !r && i < n; i++) {
        struct image im;
        struct face face;
        bool found = false;
        arena_reset(a);
        r = main_face(c, a, items[i].path, &im, &face, &found, e);
        if (found)
            r = compare_vectors(c, a, &im, &face, e);
    }
    return r;
}

/* ---- the table */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_table(struct comparison *c, double cores)
{
    printf("%s (%s): ms a face, model run alone, %d turns of 1 and of %d faces, %lld thread(s), "
           "%g cores\n",
           vision_encoder(c->of[0].vision), vision_preprocessing(c->of[0].vision), c->runs, BATCH,
           (long long)c->config->inference_threads, cores);
    printf("  %-20s %16s  %16s  %22s  %7s\n", "device/precision", "1 face", "batch of 8",
           "cosine to the first", "memory");
    printf("  %-20s %8s %7s  %8s %7s  %11s %10s  %7s\n", "", "least", "median", "least", "median",
           "mean", "least", "MiB");
    for (int i = 0; i < c->n; i++) {
        struct contender *k = &c->of[i];
        char name[2 * NAME_TEXT];
        qsort(k->alone, (size_t)c->runs, sizeof *k->alone, compare_doubles);
        qsort(k->batched, (size_t)c->runs, sizeof *k->batched, compare_doubles);
        snprintf(name, sizeof name, "%s/%s", vision_device(k->vision), vision_precision(k->vision));
        printf("  %-20s %8.2f %7.2f  %8.2f %7.2f  %11.5f %10.5f  %7lld\n", name, k->alone[0],
               k->alone[c->runs / 2], k->batched[0], k->batched[c->runs / 2],
               c->faces ? k->sum_cos / c->faces : 0, k->least_cos, k->memory_kib / 1024);
    }
    printf("  cosines over %d faces; the process holds %lld MiB\n", c->faces,
           resident_kib() / 1024);
}

static enum err compare(struct comparison *c, const char *samples, usec_t duration, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(ARENA_MAX);
    struct frame_item *items = NULL;
    struct image im;
    struct face face;
    bool found = false;
    int n = 0;
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = frames_list_folder(arena_printf(a, "%s/val", samples), a, &items, &n, e);
    if (!r && n == 0)
        r = error_set(e, ERR_NOT_FOUND, "there are no sample photos in %.120s", samples);
    long long before = resident_kib();
    if (!r)
        r = open_one(c, &c->of[0], e);
    c->of[0].memory_kib = resident_kib() - before;
    if (!r)
        r = main_face(c, a, items[0].path, &im, &face, &found, e);
    if (!r && !found)
        r = error_set(e, ERR_NOT_FOUND, "there is no face in %.120s", items[0].path);
    if (!r)
        r = open_all(c, a, &im, &face, e);
    if (!r)
        r = take_turns(c, &im, &face, duration, e);
    if (!r)
        r = compare_folder(c, samples, "val", e);
    return r ? r : compare_folder(c, samples, "train", e);
}

enum err bench_devices(const struct config *config, const char *list, const char *samples,
                       usec_t duration, struct error *e)
{
    struct comparison c = {.config = config};
    enum err r = read_list(&c, list, e);
    if (!r)
        r = compare(&c, samples, duration, e);
    if (!r)
        print_table(&c, (double)sysconf(_SC_NPROCESSORS_ONLN));
    for (int i = 0; i < c.n; i++) {
        vision_close(c.of[i].vision);
        mem_free(c.of[i].alone);
        mem_free(c.of[i].batched);
    }
    return r;
}
