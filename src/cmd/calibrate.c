/* `rollcall calibrate`: a false-match table of the site's own people.
 *
 * Opens every template (a photo each) of an encoder on the database itself, compares photos with
 * the templates of other students, fits, and shows what it would change; --apply keeps the result
 * as a setting, which workers read within cache_ttl_s. With --photos the people come from a folder
 * instead, for an encoder that nobody is enrolled with yet. Only curves and counts are kept.
 * Vectors lie in one arena, wiped at the end. Thread: main. */
#include "app/app.h"
#include "app/vision_options.h"
#include "cmd/args.h"
#include "cmd/calibrate_measure.h"
#include "cmd/cmd.h"
#include "cmd/eval_photos.h"
#include "cmd/settings.h"
#include "jobs/jobs.h"
#include "store/job.h"
#include "store/migrate.h"
#include "store/template.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { NAME_TEXT = 80, ROW_ARENA = 64 * KIB, SIZES_MAX = 8 };
#define VECTORS_MAX ((size_t)8 << 30)

static const char about[] =
    "Compares the photos behind your templates with the templates of other students, builds the\n"
    "table of false-match rates from that, and shows the thresholds before and after, with the\n"
    "number of comparisons behind them. It says whether hub correction finds more of your people;\n"
    "hub_correction = auto follows that. Nothing changes without --apply; --reset goes back to "
    "the\n"
    "tables that are shipped. Needs 284 students with a template. Two students who are one "
    "person,\n"
    "enrolled twice, spoil it: look through the look-alikes first.\n"
    "Works on the database itself: with SQLite, stop the server first.";

static const char examples[] = "  rollcall calibrate\n"
                               "  rollcall calibrate --apply\n"
                               "  rollcall calibrate --photos people --encoder onnx:mine.onnx\n"
                               "  rollcall calibrate --reset";

struct calibrate {
    const struct config *config;
    const char *photos, *only; /* folder; encoder */
    bool apply, reset;
    struct db *db;
    struct arena *arena;
    struct seal_key key;
    int done; /* encoders */
};

/* ---- the photos behind the templates */

struct gather {
    const struct calibrate *c;
    struct arena *row;
    struct eval_faces *faces;
    float *x;
    int *first;
    struct student_id last;
    const struct template_kind *kind;
    int64_t skipped;
};

static enum err gather_row(void *ctx, const struct template_row *t, struct error *e)
{
    struct gather *g = ctx;
    struct eval_faces *f = g->faces;
    struct str vec;
    arena_reset(g->row);
    if (template_unseal(&g->c->key, g->row, t, &vec, e)) {
        g->skipped++;
        return ERR_OK;
    }
    int dim = (int)(vec.n / sizeof(float));
    if (f->n == g->kind->photos || f->people > g->kind->students || (f->n && dim != f->dim))
        return error_set(e, ERR_CONFLICT, "templates changed meanwhile: try again");
    if (!g->x) {
        f->dim = dim;
        g->x = arena_array(g->c->arena, (size_t)g->kind->photos, vec.n);
        if (!g->x)
            return error_set(e, ERR_NOMEM, "no memory for %lld photos", (long long)g->kind->photos);
    }
    if (strcmp(g->last.text, t->student.text) != 0)
        g->first[f->people++] = f->n;
    g->last = t->student;
    memcpy(g->x + (size_t)f->n++ * (size_t)dim, vec.p, vec.n);
    g->first[f->people] = f->n;
    return ERR_OK;
}

static enum err gather_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct gather *g = ctx;
    return template_each(cx, g->kind->encoder, g->kind->preprocessing, gather_row, g, e);
}

static enum err gather_faces(struct calibrate *c, const struct template_kind *kind,
                             struct eval_faces *ret_faces, struct error *e)
{
    struct eval_faces faces = {0};
    _cleanup_(arena_freep) struct arena *row = arena_new(ROW_ARENA);
    struct gather g = {.c = c, .row = row, .faces = &faces, .kind = kind};
    g.first = arena_array(c->arena, (size_t)kind->students + 2, sizeof *g.first);
    enum err r = row && g.first ? db_read(c->db, gather_fn, &g, e)
                                : error_set(e, ERR_NOMEM, "out of memory");
    if (r)
        return r;
    if (g.skipped)
        fprintf(stderr, "%lld templates could not be opened and are left out\n",
                (long long)g.skipped);
    faces.x = g.x;
    faces.first = g.first;
    *ret_faces = faces;
    return ERR_OK;
}

/* ---- what comes out */

struct sizes_call {
    struct arena *arena;
    int64_t *sizes;
    int n;
};

static enum err sizes_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct sizes_call *s = ctx;
    return roster_sizes(cx, s->arena, &s->sizes, &s->n, e);
}

struct shown {
    const char *encoder, *preprocessing;
    struct calibration before;
    const struct calibrate_result *result;
    double budget;
};

static void print_threshold(char text[static NAME_TEXT], const struct calibration *c,
                            const struct shown *s, enum score_kind kind, int64_t people)
{
    double score = calibration_threshold(c, s->encoder, s->preprocessing, kind, s->budget, people);
    if (isfinite(score))
        snprintf(text, NAME_TEXT, "%.3f", score);
    else
        snprintf(text, NAME_TEXT, "none");
}

static void print_size(const struct shown *s, enum score_kind kind, const char *what,
                       int64_t people)
{
    char before[NAME_TEXT], after[NAME_TEXT];
    const struct fmr_tail *tail = &s->result->tails[kind];
    const struct calibration *c = &s->result->calibration;
    double low, high,
        score = calibration_threshold(c, s->encoder, s->preprocessing, kind, s->budget, people);
    double above = fmr_tail_above(tail, score), scale = (double)people * 100;
    print_threshold(before, &s->before, s, kind, people);
    print_threshold(after, c, s, kind, people);
    fmr_interval(above, tail->pairs, &low, &high);
    printf("    %-8s %7lld   %6s -> %-6s  %9.2f %% [%.2f %.2f]\n", what, (long long)people, before,
           after, above / tail->pairs * scale, low * scale, fmin(high * scale, 100));
}

static enum err print_kind(struct calibrate *c, const struct shown *s, enum score_kind kind,
                           struct error *e)
{
    const struct calibration_curve *v = &s->result->calibration.kinds[kind];
    struct sizes_call rosters = {.arena = c->arena};
    if (!v->has) {
        printf("  %s: no table, too few people; what is shipped stays\n", score_kind_name(kind));
        return ERR_OK;
    }
    enum err r = c->db ? db_read(c->db, sizes_fn, &rosters, e) : ERR_OK;
    if (r)
        return r;
    printf("  %s: log10 FMR = %.4f %+.4f s %+.4f s^2, from 1e-2 to %.0e\n", score_kind_name(kind),
           v->curve.c0, v->curve.c1, v->curve.c2, v->curve.lowest_fmr);
    printf("    %lld scores of %.0f pairs of people, each pair weighing the same\n",
           (long long)v->comparisons, s->result->tails[kind].pairs);
    printf("    compared  people   threshold         strangers named there, seen here [95 %%]\n");
    if (rosters.n) {
        print_size(s, kind, "roster", rosters.sizes[0]);
        if (rosters.sizes[rosters.n - 1] != rosters.sizes[0])
            print_size(s, kind, "roster", rosters.sizes[rosters.n - 1]);
    } else {
        print_size(s, kind, "roster", 30);
    }
    print_size(s, kind, "gallery", s->result->calibration.people);
    return ERR_OK;
}

static void print_hubs(const struct calibrate_result *r)
{
    if (r->gallery)
        printf("  hub correction %s: %d galleries of %d people, found at %g %% strangers named: "
               "%.1f %% without, %.1f %% with, more in %d\n",
               r->calibration.hub_helps ? "helps" : "does not help", CALIBRATE_SPLITS, r->gallery,
               r->fpir * 100, r->plain * 100, r->hubbed * 100, r->wins);
    else
        printf("  hub correction: cannot be told, it needs 225 people with two photos; auto leaves "
               "it off\n");
}

struct put_call {
    struct arena *arena;
    char name[CALIBRATION_NAME], text[CALIBRATION_TEXT];
};

static enum err put_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct put_call *p = ctx;
    return setting_put(cx, p->arena, p->name, str_from(p->text), false, NULL, e);
}

/* Keeps the calibration; an empty one takes it back. */
static enum err keep(struct calibrate *c, const char *encoder, const char *preprocessing,
                     const struct calibration *calibration, struct error *e)
{
    struct put_call p = {.arena = c->arena};
    calibration_setting(encoder, preprocessing, p.name);
    if (calibration)
        calibration_print(calibration, p.text);
    return db_tx(c->db, put_fn, &p, e);
}

static void name_version(struct calibration *c)
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(c->version, sizeof c->version, "site-%Y-%m-%dT%H:%M:%SZ", &tm);
}

static enum err report(struct calibrate *c, const char *encoder, const char *preprocessing,
                       const struct eval_faces *faces, struct error *e)
{
    struct calibrate_result result;
    struct shown s = {.encoder = encoder,
                      .preprocessing = preprocessing,
                      .result = &result,
                      .budget = c->config->risk_budget_per_10k};
    enum err r = calibrate_measure(faces, c->arena, &result, e);
    if (!r && c->db)
        r = calibration_of(c->db, c->arena, encoder, preprocessing, &s.before, e);
    if (r)
        return error_wrap(e, r, "%s %s", encoder, preprocessing);
    name_version(&result.calibration);
    printf("%s %s: %d people, %d photos; risk budget %g in 10,000\n", encoder, preprocessing,
           result.calibration.people, result.photos, s.budget);
    for (int kind = 0; kind < SCORE_KIND_N && !r; kind++)
        r = print_kind(c, &s, (enum score_kind)kind, e);
    if (r)
        return r;
    print_hubs(&result);
    if (c->apply)
        r = keep(c, encoder, preprocessing, &result.calibration, e);
    if (!r)
        printf("  %s %s\n",
               c->apply ? "in use now:" : "not applied (--apply):", result.calibration.version);
    c->done++;
    return r;
}

/* ---- where the people come from */

struct kinds_call {
    struct arena *arena;
    struct template_kind *kinds;
    int n;
};

static enum err kinds_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct kinds_call *k = ctx;
    return template_kinds(cx, k->arena, &k->kinds, &k->n, e);
}

static enum err run_kind(struct calibrate *c, const struct template_kind *kind, struct error *e)
{
    struct eval_faces faces;
    const char *encoder = arena_strdup(c->arena, kind->encoder);
    const char *preprocessing = arena_strdup(c->arena, kind->preprocessing);
    if (!encoder || !preprocessing)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (c->only && strcmp(c->only, encoder) != 0)
        return ERR_OK;
    if (c->reset) {
        printf("%s %s: back to %s\n", encoder, preprocessing, fmr_tables_version);
        c->done++;
        return keep(c, encoder, preprocessing, NULL, e);
    }
    enum err r = gather_faces(c, kind, &faces, e);
    return r ? r : report(c, encoder, preprocessing, &faces, e);
}

static enum err run_templates(struct calibrate *c, struct error *e)
{
    struct kinds_call k = {.arena = c->arena};
    enum err r = app_template_key(c->config, &c->key, e);
    if (!r)
        r = db_read(c->db, kinds_fn, &k, e);
    for (int i = 0; i < k.n && !r; i++)
        r = run_kind(c, &k.kinds[i], e);
    if (!r && c->done == 0)
        r = error_set(e, ERR_NOT_FOUND, "there are no templates%s%s", c->only ? " of " : "",
                      c->only ? c->only : "");
    return r;
}

static enum err run_photos(struct calibrate *c, struct error *e)
{
    const struct eval_photos_options options = {.folder = c->photos};
    struct vision_options o;
    struct vision *v = NULL;
    struct eval_photos *photos = NULL;
    struct eval_faces faces;
    app_vision_options(c->config, &o);
    enum err r = vision_open(&o, &v, e);
    if (!r)
        r = eval_photos_open(&options, &photos, e);
    const struct eval_analysis analysis = {.vision = v,
                                           .threads = 1,
                                           .max_pixels = c->config->photo_max_pixels,
                                           .max_bytes = c->config->photo_max_bytes,
                                           .key = ""};
    if (!r)
        r = eval_photos_analyse(photos, &analysis, e);
    if (!r)
        r = eval_photos_faces(photos, c->arena, &faces, NULL, e);
    if (!r)
        r = report(c, vision_encoder(v), vision_preprocessing(v), &faces, e);
    eval_photos_close(photos);
    vision_close(v);
    return r;
}

static int run(struct calibrate *c)
{
    struct error e = {.code = ERR_OK};
    int applied = 0;
    c->arena = arena_new(VECTORS_MAX);
    enum err r = c->arena ? settings_open_db(c->config, c->photos != NULL, &c->db, &e)
                          : error_set(&e, ERR_NOMEM, "out of memory");
    if (!r && c->photos)
        r = migrate_up(c->db, &applied, &e); /* an encoder is measured before the first start */
    if (!r)
        r = c->photos ? run_photos(c, &e) : run_templates(c, &e);
    if (!r && (c->apply || c->reset))
        printf("A running worker follows within cache_ttl_s; hub correction with the next rebuild "
               "of its gallery.\n");
    settings_close_db(&c->db);
    arena_free(c->arena);
    explicit_bzero(&c->key, sizeof c->key);
    return r ? cmd_fail("calibrate", &e) : CMD_OK;
}

int cmd_calibrate(int argc, char **argv)
{
    struct calibrate c = {0};
    const struct arg_option options[] = {
        {.name = "apply", .type = ARG_FLAG, .ret = &c.apply, .help = "use the result from now on"},
        {.name = "reset",
         .type = ARG_FLAG,
         .ret = &c.reset,
         .help = "go back to the tables that are shipped"},
        {.name = "only",
         .metavar = "ENCODER",
         .ret = &c.only,
         .help = "only the templates of this encoder (default: of each that there are)"},
        {.name = "photos",
         .metavar = "DIR",
         .ret = &c.photos,
         .help = "measure on DIR/PERSON/PHOTO.jpg with the configured encoder instead"},
    };
    const struct arg_spec spec = {.command = "calibrate",
                                  .synopsis = "[--apply | --reset] [--only ENCODER] [--photos DIR]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options)};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    if (c.reset && (c.apply || c.photos))
        return cmd_bad_usage("calibrate", "--reset goes with neither --apply nor --photos");
    c.config = config;
    return run(&c);
}
