/* Error rates of the liveness check: see eval_liveness.h. Thread: main; one frame in memory at a
 * time. Cost: the pipeline's for every picture and for CLIP_FPS frames a second of clip. */
#include "cmd/eval_liveness.h"

#include "app/vision_options.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/eval_photos.h"
#include "cmd/frames.h"
#include "vision/liveness.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>

enum { CLIP_FPS = 5, SWEEP_STEPS = 20, FOLDERS_MAX = 32, JSON_DIGITS = 6, FRAME_BYTES = 512 };
static const char real_folder[] = "real";
static const double wilson_z = 1.959963984540054; /* of 95 % */

struct presentation {
    const char *name; /* path below the folder */
    double score;     /* mean over the frames with a usable face; NAN: none */
    int frames, scored;
};

struct folder {
    const char *name;
    bool real;
    struct presentation *of;
    int n, scored;
    double low, mean, high; /* scores: lowest, mean, highest */
};

struct trial {
    const struct config *config;
    struct vision *vision;
    struct arena *arena, *scratch; /* names; one frame */
    struct folder folders[FOLDERS_MAX];
    int n;
};

struct eval_interval eval_share(int hits, int n)
{
    if (n == 0)
        return (struct eval_interval){NAN, NAN, NAN};
    double p = (double)hits / n, z2 = wilson_z * wilson_z;
    double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
    double half = wilson_z * sqrt(p * (1 - p) / n + z2 / (4.0 * n * n)) / (1 + z2 / n);
    return (struct eval_interval){p, fmax(middle - half, 0), fmin(middle + half, 1)};
}

/* Adds one frame; what cannot be read or shows no usable face adds nothing but itself. */
static enum err judge_frame(struct trial *t, struct str bytes, struct presentation *p, double *sum,
                            struct error *e)
{
    struct vision_result seen;
    struct error unreadable;
    enum err r = vision_analyse(t->vision, t->scratch, bytes, t->config->photo_max_pixels, &seen,
                                &unreadable);
    p->frames++;
    if (r == ERR_UNAVAILABLE || r == ERR_NOMEM)
        return error_set(e, r, "%s: %s", p->name, unreadable.msg);
    int which = r ? -1 : eval_main_face(&seen);
    if (which < 0 || !isfinite(seen.faces[which].liveness))
        return ERR_OK;
    *sum += (double)seen.faces[which].liveness;
    p->scored++;
    return ERR_OK;
}

static enum err judge_presentation(struct trial *t, const char *path, struct presentation *p,
                                   struct error *e)
{
    const struct frames_options options = {.fps = CLIP_FPS};
    _cleanup_(frames_closep) struct frames *frames = NULL;
    double sum = 0;
    bool end = false;
    enum err r = frames_open(path, &options, &frames, e);
    while (!r && !end) {
        struct frame frame;
        arena_reset(t->scratch);
        r = frames_next(frames, t->scratch, &frame, &end, e);
        if (!r && !end)
            r = judge_frame(t, frame.bytes, p, &sum, e);
    }
    p->score = p->scored ? sum / p->scored : NAN;
    return r;
}

static enum err judge_folder(struct trial *t, const char *top, struct folder *f, struct error *e)
{
    struct frame_item *items = NULL;
    int n = 0;
    const char *path = arena_printf(t->arena, "%s/%s", top, f->name);
    enum err r = path ? frames_list_clips(path, t->arena, &items, &n, e)
                      : error_set(e, ERR_NOMEM, "out of memory");
    f->of = r ? NULL : arena_array(t->arena, (size_t)n + 1, sizeof *f->of);
    if (!f->of)
        return r ? r : error_set(e, ERR_NOMEM, "out of memory");
    f->low = INFINITY;
    f->high = -INFINITY;
    for (int i = 0; i < n && !r; i++) {
        struct presentation *p = &f->of[f->n++];
        *p = (struct presentation){.name = items[i].name};
        r = judge_presentation(t, items[i].path, p, e);
        if (r || !isfinite(p->score))
            continue;
        f->scored++;
        f->mean += (p->score - f->mean) / f->scored;
        f->low = fmin(f->low, p->score);
        f->high = fmax(f->high, p->score);
    }
    return r;
}

/* Share of the folder's presentations that the check gets wrong at this threshold. */
static struct eval_interval errors_at(const struct folder *f, double threshold)
{
    int wrong = 0;
    for (int i = 0; i < f->n; i++)
        if (isfinite(f->of[i].score))
            wrong += f->real ? f->of[i].score < threshold : f->of[i].score >= threshold;
    return eval_share(wrong, f->scored);
}

static void print_folders(const struct trial *t)
{
    double threshold = t->config->liveness_threshold;
    printf("Liveness at threshold %g, detector %s. Share decided wrongly [95 %% Wilson interval]\n",
           threshold, vision_detector(t->vision));
    printf("  %-20s %-5s %24s %8s %8s   %s\n", "folder", "", "", "judged", "no face",
           "scores low / mean / high");
    for (int i = 0; i < t->n; i++) {
        const struct folder *f = &t->folders[i];
        const struct eval_interval x = errors_at(f, threshold);
        char rate[32] = "-", scores[32] = "-";
        if (f->scored) {
            snprintf(rate, sizeof rate, "%.3f [%.3f %.3f]", x.mean, x.low, x.high);
            snprintf(scores, sizeof scores, "%.3f / %.3f / %.3f", f->low, f->mean, f->high);
        }
        printf("  %-20s %-5s %24s %8d %8d   %s\n", f->name, f->real ? "BPCER" : "APCER", rate,
               f->scored, f->n - f->scored, scores);
    }
}

static void print_sweep(const struct trial *t)
{
    printf("\n  %-9s", "threshold");
    for (int i = 0; i < t->n; i++)
        printf(" %14.14s", t->folders[i].name);
    putchar('\n');
    for (int s = 1; s < SWEEP_STEPS; s++) {
        double threshold = (double)s / SWEEP_STEPS;
        printf("  %-9.2f", threshold);
        for (int i = 0; i < t->n; i++) {
            const struct eval_interval x = errors_at(&t->folders[i], threshold);
            if (isnan(x.mean))
                printf(" %14s", "-");
            else
                printf(" %14.3f", x.mean);
        }
        putchar('\n');
    }
}

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *rate_json(const struct folder *f, double threshold)
{
    const struct eval_interval x = errors_at(f, threshold);
    return json_pack("{so so so}", "mean", number(x.mean), "low", number(x.low), "high",
                     number(x.high));
}

static json_t *folder_json(const struct folder *f, double threshold)
{
    json_t *of = json_array(), *sweep = json_array();
    for (int i = 0; i < f->n; i++)
        json_array_append_new(of, json_pack("{ss so si si}", "name", f->of[i].name, "score",
                                            number(f->of[i].score), "frames", f->of[i].frames,
                                            "frames_scored", f->of[i].scored));
    for (int s = 1; s < SWEEP_STEPS; s++) {
        double at = (double)s / SWEEP_STEPS;
        json_array_append_new(sweep,
                              json_pack("{sf so}", "threshold", at, "rate", rate_json(f, at)));
    }
    return json_pack("{ss ss si si so so so}", "folder", f->name, "measures",
                     f->real ? "BPCER" : "APCER", "judged", f->scored, "without_face",
                     f->n - f->scored, "rate", rate_json(f, threshold), "sweep", sweep,
                     "presentations", of);
}

static enum err write_json(const struct trial *t, const char *top, const char *path,
                           struct error *e)
{
    double threshold = t->config->liveness_threshold;
    json_t *list = json_array();
    for (int i = 0; i < t->n; i++)
        json_array_append_new(list, folder_json(&t->folders[i], threshold));
    json_t *root = json_pack("{ss ss ss sf si so}", "rollcall", ROLLCALL_VERSION, "folder", top,
                             "detector", vision_detector(t->vision), "threshold", threshold,
                             "clip_fps", CLIP_FPS, "folders", list);
    char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_REAL_PRECISION(JSON_DIGITS)) : NULL;
    json_decref(root);
    if (!text)
        return error_set(e, ERR_NOMEM, "the results are no valid text or memory is out");
    enum err r = file_write(path, str_from(text), 0644, e);
    free(text);
    return r;
}

static enum err open_trial(struct trial *t, const char *top, struct error *e)
{
    struct vision_options o;
    enum liveness_policy policy;
    const char **names = NULL;
    int n = 0;
    if (!t->arena || !t->scratch)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = frames_list_folders(top, t->arena, &names, &n, e);
    if (!r && (n == 0 || n > FOLDERS_MAX))
        r = error_set(e, ERR_INVALID, "%.120s must hold real/ and a folder for each kind of attack",
                      top);
    bool any_real = false;
    for (int i = 0; i < n && !r; i++) {
        bool real = strcmp(names[i], real_folder) == 0;
        t->folders[t->n++] = (struct folder){.name = names[i], .real = real};
        any_real = any_real || real;
    }
    if (!r && !any_real) /* or photos of people would be counted as attacks */
        r = error_set(
            e, ERR_INVALID,
            "there is no folder real in %.120s: it holds the pictures and clips of people "
            "before a camera, every other folder one kind of attack",
            top);
    if (!r)
        r = liveness_choose("report", config_models_dir(t->config), &policy, e);
    app_vision_options(t->config, &o);
    o.liveness = true;
    return r ? r : vision_open(&o, &t->vision, e);
}

static enum err run_trial(struct trial *t, const char *top, const char *json, struct error *e)
{
    enum err r = open_trial(t, top, e);
    for (int i = 0; i < t->n && !r; i++)
        r = judge_folder(t, top, &t->folders[i], e);
    if (r)
        return r;
    print_folders(t);
    print_sweep(t);
    return json ? write_json(t, top, json, e) : ERR_OK;
}

int eval_liveness(const struct config *c, const char *folder, const char *json)
{
    struct error e = {.code = ERR_OK};
    struct trial t = {
        .config = c, .arena = arena_new(64 * MIB), .scratch = arena_new((size_t)FRAME_BYTES * MIB)};
    enum err r = run_trial(&t, folder, json, &e);
    vision_close(t.vision);
    arena_free(t.scratch);
    arena_free(t.arena);
    return r ? cmd_fail("eval", &e) : CMD_OK;
}
