/* The models alone; see bench_models.h.
 *
 * Inputs are grey; what a convolution costs does not depend on its values once subnormal numbers
 * count as zero. Work per run is from the ONNX graph: tools/flops.py counts multiplications and
 * additions of convolutions and matrix products. In int8, bf16 and f16 the processor has faster
 * instructions than the fp32 ones of the peak, so shares above 100 % are possible there.
 * Thread: main. */
#include "cmd/bench_models.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "cmd/bench_peak.h"
#include "vision/device.h"
#include "vision/ort.h"

#include <limits.h>
#include <stdlib.h>

enum { RUNS_MAX = 4000, OUTPUTS_MAX = 12, MODELS_ARENA = 512 * MIB, GREY = 110, RUNS_LEAST = 3 };

struct output {
    const char *name;
    int64_t dims[ORT_RANK_MAX]; /* for one item; dims[0] is multiplied by the items of the run */
    int rank;
};

struct model_row {
    const char *name, *input;
    bool encoder; /* follows device and precision */
    double gflop; /* one item: tools/flops.py NAME.onnx@1x3xHxW */
    int width, height;
    int batches[2]; /* items in a run; 0: none */
    struct output outputs[OUTPUTS_MAX];
};

/* Sizes: the detectors at 640x480; P-net at half of that, the first level for faces of 24 px. */
static const struct model_row rows[] = {
    {"yunet",
     "input",
     false,
     .5163,
     640,
     480,
     {1, 0},
     {{"cls_8", {1, 4800, 1}, 3},
      {"cls_16", {1, 1200, 1}, 3},
      {"cls_32", {1, 300, 1}, 3},
      {"obj_8", {1, 4800, 1}, 3},
      {"obj_16", {1, 1200, 1}, 3},
      {"obj_32", {1, 300, 1}, 3},
      {"bbox_8", {1, 4800, 4}, 3},
      {"bbox_16", {1, 1200, 4}, 3},
      {"bbox_32", {1, 300, 4}, 3},
      {"kps_8", {1, 4800, 10}, 3},
      {"kps_16", {1, 1200, 10}, 3},
      {"kps_32", {1, 300, 10}, 3}}},
    {"retinaface",
     "input",
     false,
     .5956,
     640,
     480,
     {1, 0},
     {{"loc", {1, 12600, 4}, 3}, {"conf", {1, 12600, 2}, 3}, {"landmarks", {1, 12600, 10}, 3}}},
    {"mtcnn_pnet",
     "input",
     false,
     .3295,
     320,
     240,
     {1, 0},
     {{"reg", {1, 4, 115, 155}, 4}, {"prob", {1, 2, 115, 155}, 4}}},
    {"mtcnn_rnet",
     "input",
     false,
     .0564 / 16,
     24,
     24,
     {16, 0},
     {{"reg", {1, 4}, 2}, {"prob", {1, 2}, 2}}},
    {"mtcnn_onet",
     "input",
     false,
     .1049 / 4,
     48,
     48,
     {4, 0},
     {{"reg", {1, 4}, 2}, {"lmk", {1, 10}, 2}, {"prob", {1, 2}, 2}}},
    {"facenet128", "image", true, 2.8339, 160, 160, {1, 8}, {{"embedding", {1, 128}, 2}}},
    {"omz0095", "input", true, .5774, 128, 128, {1, 8}, {{"output", {1, 256}, 2}}},
    {"minifasnet_v2", "input", false, .0819, 80, 80, {1, 8}, {{"prob", {1, 3}, 2}}},
    {"minifasnet_v1se", "input", false, .0822, 80, 80, {1, 8}, {{"prob", {1, 3}, 2}}},
};

struct entry {
    const struct model_row *row;
    struct ort_model *model;
    struct ort_tensor in, outs[OUTPUTS_MAX];
    struct device_choice choice;
    double *ms; /* [RUNS_MAX], owned */
    int items, n_outs;
};

enum { ENTRIES_MAX = 2 * ARRAY_LEN(rows) };

struct field_day {
    const struct config *config;
    struct arena *a;
    struct entry of[ENTRIES_MAX];
    double peak;
    int n, runs;
};

static float *grey(struct arena *a, const int64_t *dims, int rank)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++)
        n *= (size_t)dims[i];
    float *data = arena_array(a, n, sizeof *data);
    for (size_t i = 0; data && i < n; i++)
        data[i] = GREY;
    return data;
}

static enum err open_model(struct field_day *d, struct entry *k, struct error *e)
{
    const struct config *c = d->config;
    const struct model_row *row = k->row;
    struct device_facts facts;
    device_facts_read(config_models_dir(c), row->name, &facts);
    bool chosen = row->encoder &&
                  device_choose(config_text(c, OPTION_device), config_text(c, OPTION_precision),
                                &facts, &k->choice, NULL) == ERR_OK;
    if (!chosen)
        k->choice = (struct device_choice){.device = DEVICE_CPU, .precision = PRECISION_FP32};
    const struct ort_target on = {.device = k->choice.device,
                                  .precision = k->choice.precision,
                                  .threads = (int)c->inference_threads,
                                  .callers = 1,
                                  .cache_dir = config_models_dir(c)};
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s%s.onnx", config_models_dir(c), row->name,
             k->choice.precision == PRECISION_INT8 ? "_int8" : "");
    return ort_open_on(path, &on, &k->model, e);
}

static enum err make_tensors(struct field_day *d, struct entry *k, struct error *e)
{
    const struct model_row *row = k->row;
    k->in = (struct ort_tensor){
        .name = row->input, .dims = {k->items, 3, row->height, row->width}, .rank = 4};
    k->in.data = grey(d->a, k->in.dims, k->in.rank);
    bool made = k->in.data != NULL;
    for (; made && k->n_outs < OUTPUTS_MAX && row->outputs[k->n_outs].name; k->n_outs++) {
        const struct output *o = &row->outputs[k->n_outs];
        struct ort_tensor *t = &k->outs[k->n_outs];
        *t = (struct ort_tensor){.name = o->name, .rank = o->rank};
        memcpy(t->dims, o->dims, sizeof t->dims);
        t->dims[0] *= k->items;
        t->data = grey(d->a, t->dims, t->rank);
        made = t->data != NULL;
    }
    return made ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
}

static enum err run_once(struct entry *k, double *ret_ms, struct error *e)
{
    int64_t us = 0;
    enum err r = ort_run(k->model, &k->in, 1, k->outs, k->n_outs, &us, e);
    *ret_ms = (double)us / 1000;
    return r ? error_wrap(e, r, "%s", k->row->name) : ERR_OK;
}

static enum err open_all(struct field_day *d, struct error *e)
{
    enum err r = ERR_OK;
    for (size_t i = 0; i < 2 * ARRAY_LEN(rows) && !r; i++) {
        const struct model_row *row = &rows[i / 2];
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s/%s.onnx", config_models_dir(d->config), row->name);
        if (!row->batches[i % 2] || !file_exists(path))
            continue;
        struct entry *k = &d->of[d->n++];
        double ms;
        k->row = row;
        k->items = row->batches[i % 2];
        k->ms = mem_array(RUNS_MAX, sizeof *k->ms);
        r = k->ms ? open_model(d, k, e) : error_set(e, ERR_NOMEM, "out of memory");
        if (!r)
            r = make_tensors(d, k, e);
        if (!r)
            r = run_once(k, &ms, e); /* warm */
    }
    if (!r && d->n == 0)
        r = error_set(e, ERR_NOT_FOUND, "there is no model in %.120s: run tools/setup.sh run",
                      config_models_dir(d->config));
    return r;
}

/* The peak takes its turn like everybody. */
static enum err take_turns(struct field_day *d, usec_t duration, struct error *e)
{
    enum err r = ERR_OK;
    usec_t until = time_mono() + duration * d->n;
    while (!r && d->runs < RUNS_MAX && (d->runs < RUNS_LEAST || time_mono() < until)) {
        double gflops = 0;
        r = bench_peak((int)d->config->inference_threads, &gflops, e);
        d->peak = gflops > d->peak ? gflops : d->peak;
        for (int i = 0; i < d->n && !r; i++)
            r = run_once(&d->of[i], &d->of[i].ms[d->runs], e);
        d->runs += r == ERR_OK;
    }
    return r;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_all(struct field_day *d)
{
    printf("%lld thread(s) a run; peak of fused multiply-adds here (%s, fp32): %.0f GFLOP/s; "
           "%d turns\n",
           (long long)d->config->inference_threads, bench_peak_kind(), d->peak, d->runs);
    printf("  %-16s %-15s %9s %6s %8s %8s %10s %9s %7s\n", "model", "device/precision", "input",
           "items", "least", "median", "GFLOP/run", "GFLOP/s", "of peak");
    for (int i = 0; i < d->n; i++) {
        struct entry *k = &d->of[i];
        char where[32], input[24];
        double gflop = k->row->gflop * k->items;
        qsort(k->ms, (size_t)d->runs, sizeof *k->ms, compare_doubles);
        snprintf(where, sizeof where, "%s/%s", device_name(k->choice.device),
                 precision_name(k->choice.precision));
        snprintf(input, sizeof input, "%dx%d", k->row->width, k->row->height);
        printf("  %-16s %-15s %9s %6d %8.2f %8.2f %10.3f %9.1f %5.0f %%\n", k->row->name, where,
               input, k->items, k->ms[0], k->ms[d->runs / 2], gflop, gflop / k->ms[0] * 1000,
               gflop / k->ms[0] * 1000 / d->peak * 100);
    }
    printf("  ms a run; GFLOP/s from the least, which is what the machine can do undisturbed\n");
}

enum err bench_models(const struct config *c, usec_t duration, struct error *e)
{
    struct field_day d = {.config = c, .a = arena_new(MODELS_ARENA)};
    enum err r = d.a ? open_all(&d, e) : error_set(e, ERR_NOMEM, "out of memory");
    if (!r)
        r = take_turns(&d, duration, e);
    if (!r)
        print_all(&d);
    for (int i = 0; i < d.n; i++) {
        ort_close(d.of[i].model);
        mem_free(d.of[i].ms);
    }
    arena_free(d.a);
    return r;
}
