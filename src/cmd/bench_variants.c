/* Configurations of the whole engine side by side; see bench_variants.h.
 *
 * From the encoded frame to the embeddings; the match and the mark are the same for all and are in
 * the table of stages. The order within a turn is reversed every other turn. Medians are of turns;
 * a ratio is the median of the ratios turn by turn, which a machine whose speed drifts leaves
 * alone. Thread: main. */
#include "cmd/bench_variants.h"

#include "app/vision_options.h"
#include "base/mem.h"
#include "vision/vision.h"

#include <stdlib.h>

enum { FRAMES_A_TURN = 8, TURNS_MAX = 4000, TURNS_LEAST = 3, ARENA_MAX = 512 * MIB };

struct runner {
    const struct bench_variant *variant;
    struct vision *vision;
    double *ms, *model_ms, *ratio; /* [TURNS_MAX] a frame, owned */
    int batch, faces;
    int64_t max_pixels, memory_bytes;
};

struct race {
    struct runner of[BENCH_VARIANTS_MAX];
    struct arena *a, *scratch;
    int n, turns, width, height;
};

static enum err open_runner(struct runner *k, const struct bench_variant *v, struct error *e)
{
    struct vision_options options;
    int64_t before = mem_resident();
    app_vision_options(v->config, &options);
    options.callers = 1;
    k->variant = v;
    k->batch = (int)v->config->batch_frames_max;
    k->max_pixels = v->config->photo_max_pixels;
    k->ms = mem_array(TURNS_MAX, sizeof *k->ms);
    k->model_ms = mem_array(TURNS_MAX, sizeof *k->model_ms);
    k->ratio = mem_array(TURNS_MAX, sizeof *k->ratio);
    if (!k->ms || !k->model_ms || !k->ratio)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = vision_open(&options, &k->vision, e);
    k->memory_bytes = mem_resident() - before;
    return r ? error_wrap(e, r, "%s", v->name) : ERR_OK;
}

/* The picture n times, their faces in common model runs. */
static enum err analyse(struct race *race, struct runner *k, struct str bytes, int n,
                        struct vision_result *ret_results, struct error *e)
{
    struct vision_batch *b;
    arena_reset(race->a);
    if (n == 1)
        return vision_analyse(k->vision, race->a, bytes, k->max_pixels, ret_results, e);
    enum err r = vision_batch_new(k->vision, race->a, &b, e);
    for (int i = 0; i < n && !r; i++) {
        arena_reset(race->scratch);
        r = vision_batch_add(b, race->scratch, bytes, k->max_pixels, &ret_results[i], e);
    }
    return r ? r : vision_batch_end(b, e);
}

static enum err run_turn(struct race *race, struct runner *k, struct str bytes, struct error *e)
{
    struct vision_result seen[FRAMES_A_TURN];
    int64_t model_us = 0;
    usec_t start = time_mono();
    for (int done = 0, n; done < FRAMES_A_TURN; done += n) {
        n = FRAMES_A_TURN - done < k->batch ? FRAMES_A_TURN - done : k->batch;
        enum err r = analyse(race, k, bytes, n, seen, e);
        if (r)
            return error_wrap(e, r, "%s", k->variant->name);
        for (int i = 0; i < n; i++)
            model_us += seen[i].timing.detect_run_us + seen[i].timing.embed_run_us +
                        seen[i].timing.liveness_run_us;
    }
    k->ms[race->turns] = (double)(time_mono() - start) / 1000 / FRAMES_A_TURN;
    k->model_ms[race->turns] = (double)model_us / 1000 / FRAMES_A_TURN;
    k->faces = seen[0].n;
    race->width = seen[0].width;
    race->height = seen[0].height;
    return ERR_OK;
}

static enum err take_turns(struct race *race, struct str bytes, usec_t duration, struct error *e)
{
    enum err r = ERR_OK;
    race->turns = 0;
    for (int i = 0; i < race->n && !r; i++) /* warm: shapes of this picture */
        r = run_turn(race, &race->of[i], bytes, e);
    usec_t until = time_mono() + duration * race->n;
    for (; !r && race->turns < TURNS_MAX && (race->turns < TURNS_LEAST || time_mono() < until);
         race->turns++) {
        for (int i = 0; i < race->n && !r; i++) {
            int at = race->turns % 2 ? race->n - 1 - i : i;
            r = run_turn(race, &race->of[at], bytes, e);
        }
        for (int i = 0; i < race->n && !r; i++)
            race->of[i].ratio[race->turns] =
                race->of[0].ms[race->turns] / race->of[i].ms[race->turns];
    }
    return r;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return values[n / 2];
}

static void print_race(struct race *race, const char *label)
{
    printf("\n%s: %dx%d, %d turns of %d frames, 1 caller\n", label, race->width, race->height,
           race->turns, FRAMES_A_TURN);
    printf("  %-64s %8s %8s %8s %9s %9s %6s\n", "ms a frame", "least", "median", "models",
           "frames/s", "x first", "faces");
    for (int i = 0; i < race->n; i++) {
        struct runner *k = &race->of[i];
        double mid = median(k->ms, race->turns);
        printf("  %-64s %8.2f %8.2f %8.2f %9.1f %9.2f %6d\n", k->variant->name, k->ms[0], mid,
               median(k->model_ms, race->turns), 1000 / mid, median(k->ratio, race->turns),
               k->faces);
    }
    fflush(stdout);
}

static void print_engines(const struct race *race)
{
    for (int i = 0; i < race->n; i++) {
        const struct vision *v = race->of[i].vision;
        printf("  %-64s %s, %s (%s) on %s in %s, %lld MiB\n", race->of[i].variant->name,
               vision_detector(v), vision_encoder(v), vision_preprocessing(v), vision_device(v),
               vision_precision(v), (long long)race->of[i].memory_bytes / MIB);
    }
}

static enum err run(struct race *race, const struct bench_variant *variants, int n,
                    const struct bench_picture *pictures, int n_pictures, usec_t duration,
                    struct error *e)
{
    enum err r = ERR_OK;
    race->a = arena_new(ARENA_MAX);
    race->scratch = arena_new(ARENA_MAX);
    if (!race->a || !race->scratch)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n && !r; i++) {
        race->n++;
        r = open_runner(&race->of[i], &variants[i], e);
    }
    if (!r)
        print_engines(race);
    for (int i = 0; i < n_pictures && !r; i++) {
        r = take_turns(race, pictures[i].bytes, duration, e);
        if (!r)
            print_race(race, pictures[i].label);
    }
    if (!r)
        printf("  the process holds %lld MiB\n", (long long)mem_resident() / MIB);
    return r;
}

enum err bench_variants(const struct bench_variant *variants, int n,
                        const struct bench_picture *pictures, int n_pictures, usec_t duration,
                        struct error *e)
{
    struct race race = {.n = 0};
    enum err r = n < 1 || n > BENCH_VARIANTS_MAX
                     ? error_set(e, ERR_INVALID, "1 to %d variants are compared, not %d",
                                 BENCH_VARIANTS_MAX, n)
                     : run(&race, variants, n, pictures, n_pictures, duration, e);
    for (int i = 0; i < race.n; i++) {
        vision_close(race.of[i].vision);
        mem_free(race.of[i].ms);
        mem_free(race.of[i].model_ms);
        mem_free(race.of[i].ratio);
    }
    arena_free(race.a);
    arena_free(race.scratch);
    return r;
}
