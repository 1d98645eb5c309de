/* `rollcall bench`: milliseconds a stage on this machine. Thread: main. */
#include "cmd/bench.h"

#include "base/file.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/bench_devices.h"
#include "cmd/bench_models.h"
#include "cmd/bench_variants.h"
#include "cmd/cmd.h"
#include "cmd/frames.h"
#include "cmd/settings.h"

static const char about[] =
    "Measures the way of a frame stage by stage (decode, detect, align, embed, liveness, match "
    "against\n"
    "1,000 people, mark in SQLite) at 1 and 2 threads a model run, on a 640x480 frame with\n"
    "one face and on a bigger one with several. 'overhead' is everything but the models' own\n"
    "run time, with a new mark committed to disk for every face; 'no mark' is the same\n"
    "without, as in nearly all frames of a session. Pictures: --image, else the samples that\n"
    "set-up fetched. --compare measures the encoder alone on several devices and in several\n"
    "precisions, in turns. --variants measures whole frames under several configurations, in\n"
    "turns: options of the configuration as name=value, variants separated by semicolons.\n"
    "--models measures each model that is installed, and how much of what one core of this\n"
    "machine can compute it uses.";

static const char examples[] = "  rollcall bench\n"
                               "  rollcall bench --seconds 10\n"
                               "  rollcall bench --image lecture-hall.jpg\n"
                               "  rollcall bench --device openvino --precision bf16\n"
                               "  rollcall bench --compare cpu/fp32,cpu/int8,openvino/bf16\n"
                               "  rollcall bench --compare all\n"
                               "  rollcall bench --variants 'detector=yunet; detector=mtcnn'\n"
                               "  rollcall bench --variants 'batch_frames_max=1; "
                               "batch_frames_max=4'\n"
                               "  rollcall bench --models";

enum { PICTURE_MAX = 64 * 1024 * 1024, PICTURES_MAX = 2 };

static const char *const stage_names[BENCH_STAGE_N] = {
    [BENCH_DECODE] = "decode",     [BENCH_DETECT] = "detect",     [BENCH_ALIGN] = "align",
    [BENCH_EMBED] = "embed",       [BENCH_LIVENESS] = "liveness", [BENCH_MATCH] = "match",
    [BENCH_MARK] = "mark",         [BENCH_TOTAL] = "total",       [BENCH_OVERHEAD] = "overhead",
    [BENCH_NO_MARK] = "  no mark",
};

static void print_table(const struct bench_picture *p, const struct bench_result *one,
                        const struct bench_result *two, double workers_fps)
{
    printf("\n%s: %dx%d, %d face%s (%d and %d frames)\n", p->label, one->width, one->height,
           one->faces, one->faces == 1 ? "" : "s", one->frames, two->frames);
    printf("  %-10s %22s    %22s\n", "", "1 thread", "2 threads");
    printf("  %-10s %10s  %10s    %10s  %10s\n", "ms", "median", "95 %", "median", "95 %");
    for (int s = 0; s < BENCH_STAGE_N; s++)
        printf("  %-10s %10.2f  %10.2f    %10.2f  %10.2f\n", stage_names[s], one->median_ms[s],
               one->p95_ms[s], two->median_ms[s], two->p95_ms[s]);
    printf("  %-10s %10.1f  %10s    %10.1f\n", "frames/s", one->frames_per_s, "",
           two->frames_per_s);
    printf("  two workers of 1 thread each: %.1f frames/s\n", workers_fps);
}

/* Measures one picture on both engines. */
static enum err measure(struct bench *one, struct bench *two, const struct bench_picture *p,
                        usec_t duration, struct error *e)
{
    struct bench_result results[2] = {0};
    double workers_fps = 0;
    enum err r = bench_run(one, p, duration, &results[0], e);
    if (!r)
        r = bench_run(two, p, duration, &results[1], e);
    if (!r)
        r = bench_workers(one, p, 2, duration, &workers_fps, e);
    if (!r)
        print_table(p, &results[0], &results[1], workers_fps);
    fflush(stdout);
    return r;
}

/* The samples of set-up: a portrait on a 640x480 canvas, and the group photo. */
static enum err sample_pictures(struct arena *a, const char *samples,
                                struct bench_picture *pictures, int *ret_n, struct error *e)
{
    struct frame_item *items = NULL;
    struct str bytes;
    int n = 0;
    char *folder = arena_printf(a, "%s/val", samples);
    char *group = arena_printf(a, "%s/group/t1.jpg", samples);
    if (!folder || !group)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = frames_list_folder(folder, a, &items, &n, e);
    if (r || n == 0)
        return error_set(e, ERR_NOT_FOUND,
                         "there are no sample photos in %.120s: run tools/setup.sh run, or pass "
                         "--image FILE",
                         samples);
    r = file_read(items[0].path, PICTURE_MAX, a, &bytes, e);
    if (!r)
        r = bench_canvas(a, bytes, 640, 480, &pictures[0].bytes, e);
    pictures[0].label = "portrait";
    *ret_n = 1;
    if (!r && file_exists(group)) {
        r = file_read(group, PICTURE_MAX, a, &pictures[1].bytes, e);
        pictures[1].label = "group";
        *ret_n = 2;
    }
    return r;
}

/* --image, or the samples. */
static enum err read_pictures(struct arena *a, const char *image, const char *samples,
                              struct bench_picture *ret_pictures, int *ret_n, struct error *e)
{
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!image)
        return sample_pictures(a, samples, ret_pictures, ret_n, e);
    *ret_n = 1;
    ret_pictures[0].label = image;
    return file_read(image, PICTURE_MAX, a, &ret_pictures[0].bytes, e);
}

static enum err run(const struct config *config, const char *image, const char *samples,
                    usec_t duration, struct error *e)
{
    struct bench_picture pictures[PICTURES_MAX];
    struct bench *one = NULL, *two = NULL;
    char text[128];
    int n = 0;
    _cleanup_(arena_freep) struct arena *a = arena_new(512 * MIB);
    enum err r = read_pictures(a, image, samples, pictures, &n, e);
    if (!r)
        r = bench_open(config, 1, &one, e);
    if (!r)
        r = bench_open(config, 2, &two, e);
    if (!r) {
        bench_describe(one, text, sizeof text);
        printf("%s; each measured for %.0f s\n", text, (double)duration / USEC_PER_SEC);
    }
    for (int i = 0; i < n && !r; i++)
        r = measure(one, two, &pictures[i], duration, e);
    if (!r)
        printf("\nthis process with both engines holds %lld MiB\n",
               (long long)mem_resident() / MIB);
    bench_close(one);
    bench_close(two);
    return r;
}

/* ---- variants */

enum { WORDS_MAX = 16, ARGS_MAX = 128 };

/* The command line with a variant's words as options behind it: "name=value" -> "--name=value". */
static enum args_outcome read_variant(const struct arg_spec *spec, int argc, char **argv,
                                      struct arena *a, struct str words,
                                      struct bench_variant *ret_variant)
{
    char *with[ARGS_MAX];
    int n = 0;
    struct args args;
    struct str word;
    for (; n < argc && n < ARGS_MAX - WORDS_MAX; n++)
        with[n] = argv[n];
    snprintf(ret_variant->name, sizeof ret_variant->name, "%.*s", STR_ARGS(words));
    while (str_split(&words, ' ', &word) && n < ARGS_MAX) {
        char *option = word.n ? arena_printf(a, "--%.*s", STR_ARGS(word)) : NULL;
        for (char *c = option; c && *c && *c != '='; c++)
            *c = *c == '_' ? '-' : *c;
        if (option)
            with[n++] = option;
    }
    return settings_args(spec, n, with, &args, &ret_variant->config);
}

/* What of the command line all ways to run need. */
struct command {
    const struct arg_spec *spec;
    char *argv[ARGS_MAX]; /* as it came: reading the configuration takes options away */
    int argc;
    const char *image, *samples;
    usec_t duration;
};

/* Reads them all, then runs; the outcome is not ARGS_RUN when one is not understood. */
static enum args_outcome run_variants(struct command *c, const char *list, struct error *e)
{
    struct bench_variant variants[BENCH_VARIANTS_MAX] = {0};
    struct bench_picture pictures[PICTURES_MAX];
    struct str rest = str_from(list), item;
    enum args_outcome outcome = ARGS_RUN;
    int n = 0, n_pictures = 0;
    _cleanup_(arena_freep) struct arena *a = arena_new(512 * MIB);
    enum err r = read_pictures(a, c->image, c->samples, pictures, &n_pictures, e);
    while (!r && outcome == ARGS_RUN && n < BENCH_VARIANTS_MAX && str_split(&rest, ';', &item))
        outcome = read_variant(c->spec, c->argc, c->argv, a, str_trim(item), &variants[n++]);
    if (!r && outcome == ARGS_RUN && rest.p)
        r = error_set(e, ERR_INVALID, "at most %d variants are compared", BENCH_VARIANTS_MAX);
    if (!r && outcome == ARGS_RUN)
        r = bench_variants(variants, n, pictures, n_pictures, c->duration, e);
    for (int i = 0; i < n; i++)
        config_free(variants[i].config);
    return r ? ARGS_RUN : outcome; /* an error is told by e */
}

int cmd_bench(int argc, char **argv)
{
    const char *image = NULL, *compare = NULL, *variants = NULL, *samples = ".deps/samples";
    bool models = false;
    struct command command = {.argc = 0};
    for (; command.argc < argc && command.argc < ARGS_MAX - WORDS_MAX; command.argc++)
        command.argv[command.argc] = argv[command.argc];
    double seconds = 5;
    const struct arg_option options[] = {
        {.name = "image", .metavar = "FILE", .ret = &image, .help = "measure with this picture"},
        {.name = "seconds",
         .metavar = "N",
         .type = ARG_REAL,
         .ret = &seconds,
         .min = 0.1,
         .max = 600,
         .help = "for each picture and thread count (default 5)"},
        {.name = "compare",
         .metavar = "LIST",
         .ret = &compare,
         .help = "DEVICE/PRECISION,... or all: the encoder alone, in turns"},
        {.name = "variants",
         .metavar = "LIST",
         .ret = &variants,
         .help = "'NAME=VALUE ...; NAME=VALUE ...': whole frames, in turns"},
        {.name = "models",
         .type = ARG_FLAG,
         .ret = &models,
         .help = "each model alone, and the share of the machine it uses"},
        {.name = "samples",
         .metavar = "DIR",
         .ret = &samples,
         .help = "the sample photos (default .deps/samples)"},
    };
    const struct arg_spec spec = {.command = "bench",
                                  .synopsis = "[--image FILE] [--seconds N] [--compare LIST | "
                                              "--variants LIST | --models]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options)};
    struct args args;
    struct error e = {.code = ERR_OK};
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    usec_t duration = (usec_t)(seconds * USEC_PER_SEC);
    enum err r = ERR_OK;
    if (variants) {
        command.spec = &spec;
        command.image = image;
        command.samples = samples;
        command.duration = duration;
        outcome = run_variants(&command, variants, &e);
    } else if (models)
        r = bench_models(config, duration, &e);
    else if (compare)
        r = bench_devices(config, compare, samples, duration, &e);
    else
        r = run(config, image, samples, duration, &e);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    return r || e.code ? cmd_fail("bench", &e) : CMD_OK;
}
