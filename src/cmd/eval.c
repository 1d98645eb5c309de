/* `rollcall eval`: how well faces are recognised, on a folder of people whose names are right.
 *
 * For each detector and encoder asked for: loads the models, takes all photos through the pipeline,
 * measures (eval_run.h), prints. Reads photos only; nothing is stored but what --json, --plots and
 * --cache name. Thread: main. */
#include "app/vision_options.h"
#include "base/file.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/eval_detect.h"
#include "cmd/eval_liveness.h"
#include "cmd/eval_plot.h"
#include "cmd/eval_report.h"
#include "cmd/settings.h"
#include "vision/augment.h"

#include <limits.h>
#include <unistd.h>

enum { WORD_MAX = 512, KEY_MAX = 512, PARTS_MAX = 8 };

static const char about[] =
    "Measures recognition on DIR/PERSON/PHOTO.jpg, a folder of photos for each person: how often\n"
    "two photos of one person are told from two people (ROC, equal error rate, accuracy, TAR at\n"
    "FAR), how often a photo gets its own name among N people while strangers seldom get one, and\n"
    "whether the threshold of the risk budget keeps it on these people. Of each photo the main\n"
    "face counts; photos without one, or with one too poor to enrol, are counted and left out.\n"
    "\n"
    "--detect counts instead how many faces of DIR (photos of any kind, no folders of people "
    "needed)\n"
    "each detector finds again when light is taken away, with contrast off, clahe and auto.\n"
    "\n"
    "--pairs takes a file in LFW's pairs format; without it every photo is compared with every\n"
    "other. Detector and encoder may be lists, --encoder a,b; --device and --precision are those\n"
    "of the configuration. Embeddings are biometric data: they are forgotten at the end, unless\n"
    "--cache has them written to disk, UNENCRYPTED (mode 0600).\n"
    "\n"
    "--liveness measures something else: how often the liveness check takes an attack for a "
    "person\n"
    "(APCER, for each kind of attack) and a person for an attack (BPCER). DIR/real holds pictures\n"
    "and clips of people before a camera, every other folder of DIR one kind of attack.";

static const char examples[] =
    "  rollcall eval photos-of-my-school\n"
    "  rollcall eval lfw --pairs pairs.txt --json eval.json --plots plots\n"
    "  rollcall eval --detect --detector yunet,retinaface,mtcnn group-photos\n"
    "  rollcall eval --liveness captures --json liveness.json\n"
    "  rollcall eval photos --gallery-sizes 25,50 --detector yunet,retinaface --limit 200";

struct command {
    const char *pairs, *same, *detectors, *encoders, *sizes, *json, *plots, *cache, *augment;
    unsigned kinds;
    int64_t limit, threads, splits;
    bool hub, table, detect, liveness;
};

/* A comma list cut into words that each fit WORD_MAX; false when one does not or there are too
 * many. */
static bool cut_list(const char *list, char words[static PARTS_MAX][WORD_MAX], int *ret_n)
{
    struct str rest = str_from(list), part;
    *ret_n = 0;
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.n == 0 || part.n >= WORD_MAX || *ret_n == PARTS_MAX)
            return false;
        memcpy(words[*ret_n], part.p, part.n);
        words[(*ret_n)++][part.n] = 0;
    }
    return *ret_n > 0;
}

static bool read_sizes(const char *list, struct eval_plan *plan)
{
    struct str rest = str_from(list), part;
    plan->n_sizes = 0;
    while (str_split(&rest, ',', &part)) {
        int64_t size = 0;
        if (plan->n_sizes == EVAL_SIZES_MAX || str_to_i64(str_trim(part), &size, NULL) ||
            size < 2 || size > 1000000)
            return false;
        plan->sizes[plan->n_sizes++] = (int)size;
    }
    return plan->n_sizes > 0;
}

/* What makes two embeddings of one photo comparable, in one line. */
static void describe_engine(const struct vision *v, const struct vision_options *o,
                            char key[static KEY_MAX])
{
    snprintf(key, KEY_MAX,
             "rollcall-eval 1 %s %s %s %d sha256=%s device=%s precision=%s side=%d min_px=%d "
             "mtcnn=%d confidence=%g contrast=%s",
             vision_detector(v), vision_encoder(v), vision_preprocessing(v), vision_dim(v),
             vision_model_sha256(v), vision_device(v), vision_precision(v), o->detector_long_side,
             o->min_face_px, o->mtcnn_min_face_px, o->min_confidence, o->contrast);
}

static enum err identify_models(struct eval_run *run, const struct vision *v,
                                const struct vision_options *o, struct arena *a, struct error *e)
{
    run->detector = arena_strdup(a, str_from(vision_detector(v)));
    run->encoder = arena_strdup(a, str_from(vision_encoder(v)));
    run->preprocessing = arena_strdup(a, str_from(vision_preprocessing(v)));
    run->sha256 = arena_strdup(a, str_from(vision_model_sha256(v)));
    run->device = arena_strdup(a, str_from(vision_device(v)));
    run->precision = arena_strdup(a, str_from(vision_precision(v)));
    run->long_side = o->detector_long_side;
    run->min_face_px = o->min_face_px;
    run->min_confidence = o->min_confidence;
    if (!run->detector || !run->encoder || !run->preprocessing || !run->sha256 || !run->device ||
        !run->precision)
        return error_set(e, ERR_NOMEM, "out of memory");
    return ERR_OK;
}

struct session {
    const struct config *config;
    const struct command *command;
    struct eval_plan plan;
    struct eval_photos *photos;
    struct arena *arena;   /* of names */
    struct eval_run *runs; /* [EVAL_RUNS_MAX] */
    int n;
};

static enum err analyse(struct session *s, struct vision *v, const struct vision_options *o,
                        struct error *e)
{
    char key[KEY_MAX], path[PATH_MAX];
    describe_engine(v, o, key);
    struct eval_analysis analysis = {.vision = v,
                                     .threads = (int)s->command->threads,
                                     .max_pixels = s->config->photo_max_pixels,
                                     .max_bytes = s->config->photo_max_bytes,
                                     .augment = s->command->kinds,
                                     .key = key};
    if (s->command->cache) {
        enum err r = file_mkdirs(s->command->cache, e);
        if (r)
            return r;
        snprintf(path, sizeof path, "%s/%s-%s.embeddings", s->command->cache, vision_detector(v),
                 vision_encoder(v));
        analysis.cache = path;
    }
    return eval_photos_analyse(s->photos, &analysis, e);
}

/* Measures and prints what was analysed: once by the cosine, with --hub once more corrected. */
static enum err measure(struct session *s, struct error *e)
{
    const struct eval_run models = s->runs[s->n];
    int kinds = s->command->hub ? SCORE_KIND_N : 1;
    for (int kind = 0; kind < kinds; kind++) {
        if (s->n == EVAL_RUNS_MAX)
            return error_set(e, ERR_INVALID, "more than %d evaluations", EVAL_RUNS_MAX);
        struct eval_run *run = &s->runs[s->n];
        *run = models;
        s->plan.kind = (enum score_kind)kind;
        enum err r = eval_run_measure(s->photos, &s->plan, run, e);
        if (r)
            return r;
        s->n++;
        eval_report_print(stdout, run);
        fflush(stdout);
    }
    return ERR_OK;
}

/* One detector with one encoder, from loading to the printed table. */
static enum err run_one(struct session *s, const char *detector, const char *encoder,
                        struct error *e)
{
    const struct config *c = s->config;
    struct vision_options options;
    app_vision_options(c, &options);
    options.detector = detector;
    options.encoder = encoder;
    options.threads = 1;
    options.callers = (int)s->command->threads;
    options.liveness = false;
    struct eval_run *run = &s->runs[s->n];
    struct vision *v = NULL;
    if (s->n == EVAL_RUNS_MAX)
        return error_set(e, ERR_INVALID, "more than %d pairs of detector and encoder",
                         EVAL_RUNS_MAX);
    enum err r = vision_open(&options, &v, e);
    if (r)
        return r;
    fprintf(stderr, "%s, %s: %d photos\n", vision_detector(v), vision_encoder(v), s->photos->n);
    r = identify_models(run, v, &options, s->arena, e);
    if (!r)
        r = analyse(s, v, &options, e);
    vision_close(v);
    return r ? r : measure(s, e);
}

static enum err run_all(struct session *s, const char *folder, struct error *e)
{
    char detectors[PARTS_MAX][WORD_MAX], encoders[PARTS_MAX][WORD_MAX];
    int n_detectors = 0, n_encoders = 0;
    const struct eval_photos_options options = {
        .folder = folder, .same_file = s->command->same, .people_max = s->command->limit};
    if (!cut_list(s->command->detectors, detectors, &n_detectors) ||
        !cut_list(s->command->encoders, encoders, &n_encoders))
        return error_set(e, ERR_INVALID, "--detector and --encoder are lists of up to %d names",
                         PARTS_MAX);
    enum err r = eval_photos_open(&options, &s->photos, e);
    for (int d = 0; d < n_detectors; d++)
        for (int k = 0; k < n_encoders && !r; k++)
            r = run_one(s, detectors[d], encoders[k], e);
    if (!r && s->command->json)
        r = eval_report_json(s->command->json, folder, s->runs, s->n, e);
    if (!r && s->command->plots)
        r = eval_plot(s->command->plots, s->runs, s->n, e);
    return r;
}

static int evaluate(const struct config *config, const struct command *command,
                    const struct eval_plan *plan, const char *folder)
{
    struct error e = {.code = ERR_OK};
    struct session s = {.config = config,
                        .command = command,
                        .plan = *plan,
                        .arena = arena_new(MIB),
                        .runs = mem_array(EVAL_RUNS_MAX, sizeof *s.runs)};
    enum err r =
        s.arena && s.runs ? run_all(&s, folder, &e) : error_set(&e, ERR_NOMEM, "out of memory");
    eval_photos_close(s.photos);
    arena_free(s.arena);
    mem_free(s.runs);
    return r ? cmd_fail("eval", &e) : CMD_OK;
}

enum { DETECT_MIN_PX = 16 }; /* as the detector sees them */

static int detect_in_poor_light(const struct config *config, const struct command *command,
                                const char *folder)
{
    struct error e = {.code = ERR_OK};
    if (eval_detect(config, command->detectors, folder, DETECT_MIN_PX, &e))
        return cmd_fail("eval", &e);
    return CMD_OK;
}

static int64_t processors(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 256 ? 256 : n;
}

/* What was not asked for, by the configuration and the purpose. */
static void fill_in(const struct config *config, struct command *c, struct eval_plan *plan)
{
    if (!c->sizes)
        c->sizes = c->table ? "10,30,50,100,150,200,300,600" : "10,30,100";
    if (!c->detectors)
        c->detectors = config_text(config, OPTION_detector);
    if (!c->encoders)
        c->encoders = config_text(config, OPTION_encoder);
    plan->pairs_file = c->pairs;
    plan->splits = (int)c->splits;
    plan->table_only = c->table;
    plan->augment = c->kinds ? c->augment : NULL;
}

/* Completes command and plan. Errors INVALID: wrong usage. */
static enum err read_plan(const struct config *config, struct command *c, struct eval_plan *plan,
                          struct error *e)
{
    enum err r = augment_parse(str_from(c->augment), &c->kinds, e);
    if (r)
        return r;
    if ((c->detect != 0) + (c->liveness != 0) + (c->table != 0) > 1)
        return error_set(e, ERR_INVALID, "detect, --liveness and --table do not go together");
    if (c->kinds && c->cache)
        return error_set(e, ERR_INVALID, "augment and --cache do not go together");
    fill_in(config, c, plan);
    if (!read_sizes(c->sizes, plan))
        return error_set(e, ERR_INVALID, "gallery-sizes is a list of up to %d numbers from 2 on",
                         EVAL_SIZES_MAX);
    return ERR_OK;
}

/* The subject of eval that was asked for. */
static int run_command(const struct config *config, const struct command *c,
                       const struct eval_plan *plan, const char *folder)
{
    if (c->liveness)
        return eval_liveness(config, folder, c->json);
    return c->detect ? detect_in_poor_light(config, c, folder) : evaluate(config, c, plan, folder);
}

int cmd_eval(int argc, char **argv)
{
    struct command c = {.threads = processors(), .splits = 50};
    const struct arg_option options[] = {
        {.name = "pairs", .metavar = "FILE", .ret = &c.pairs, .help = "pairs in LFW's format"},
        {.name = "detector",
         .metavar = "N",
         .ret = &c.detectors,
         .help = "one or a list (default: as configured)"},
        {.name = "encoder",
         .metavar = "N",
         .ret = &c.encoders,
         .help = "one or a list (default: as configured)"},
        {.name = "gallery-sizes",
         .metavar = "N,N",
         .ret = &c.sizes,
         .help = "people in a gallery (default 10,30,100; with --table up to 600)"},
        {.name = "splits",
         .metavar = "N",
         .type = ARG_INT,
         .ret = &c.splits,
         .min = 1,
         .max = EVAL_SPLITS_MAX,
         .help = "random galleries of each size; a fifth as many halves (default 50)"},
        {.name = "hub", .type = ARG_FLAG, .ret = &c.hub, .help = "once more with hub correction"},
        {.name = "table",
         .type = ARG_FLAG,
         .ret = &c.table,
         .help = "only the false-match tables, and whether the risk budget holds with them"},
        {.name = "liveness", .type = ARG_FLAG, .ret = &c.liveness, .help = "see above"},
        {.name = "json", .metavar = "FILE", .ret = &c.json, .help = "write all results as JSON"},
        {.name = "plots", .metavar = "DIR", .ret = &c.plots, .help = "write plots as PNG"},
        {.name = "augment",
         .metavar = "KINDS",
         .ret = &c.augment,
         .help = "measure one-photo templates with rotate,brightness,contrast,blur,flip, too"},
        {.name = "limit",
         .metavar = "N",
         .type = ARG_INT,
         .ret = &c.limit,
         .max = 10000000,
         .help = "only the first N people; 0: all"},
        {.name = "threads",
         .metavar = "N",
         .type = ARG_INT,
         .ret = &c.threads,
         .min = 1,
         .max = 256,
         .help = "photos at once (default: the processor's cores)"},
        {.name = "same",
         .metavar = "FILE",
         .ret = &c.same,
         .help = "lines 'FOLDER FOLDER': two folders of one person"},
        {.name = "detect", .type = ARG_FLAG, .ret = &c.detect, .help = "faces seen in poor light"},
        {.name = "cache",
         .metavar = "DIR",
         .ret = &c.cache,
         .help = "keep embeddings there, unencrypted, for the next run"},
    };
    const struct arg_spec spec = {.command = "eval",
                                  .synopsis = "DIR [--pairs FILE] [--json FILE] [--plots DIR] ...",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 1,
                                  .max_positional = 1};
    struct args args;
    struct error wrong = {.code = ERR_OK};
    struct eval_plan plan = {0};
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    if (read_plan(config, &c, &plan, &wrong))
        return cmd_bad_usage("eval", "--%s", wrong.msg);
    return run_command(config, &c, &plan, args.positional[0]);
}
