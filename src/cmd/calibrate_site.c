/* Calibrating a site: see calibrate_site.h. Vectors lie in the caller's arena. Invariant: only
 * curves and counts are kept; nothing that is said names anybody. */
#include "cmd/calibrate_site.h"

#include "cmd/calibrate_measure.h"
#include "jobs/jobs.h"
#include "jobs/tally.h"
#include "store/job.h"
#include "store/template.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

enum { NAME_TEXT = 80, ROW_ARENA = 64 * KIB };

/* ---- the photos behind the templates */

struct gather {
    const struct calibrate_site *c;
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
    if (template_unseal(&g->c->keys, g->row, t, &vec, e)) {
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

static enum err gather_faces(struct calibrate_site *c, const struct template_kind *kind,
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
        buf_printf(c->out, "%lld templates could not be opened and are left out\n",
                   (long long)g.skipped);
    faces.x = g.x;
    faces.first = g.first;
    *ret_faces = faces;
    return ERR_OK;
}

/* ---- what comes out */

struct shown {
    struct calibrate_site *c;
    const char *encoder, *preprocessing;
    struct calibration before, after;
    const struct calibrate_result *result; /* NULL: too few people for a table */
    struct sightings seen[SCORE_KIND_N];
    double budget, raise[SCORE_KIND_N];
    int64_t people, *rosters; /* rising */
    int n_rosters;
};

static enum err sizes_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct shown *s = ctx;
    return roster_sizes(cx, s->c->arena, &s->rosters, &s->n_rosters, e);
}

static double score_of(const struct shown *s, const struct calibration *c, enum score_kind kind,
                       int64_t people)
{
    return calibration_threshold(c, s->encoder, s->preprocessing, kind, s->budget, people);
}

static int64_t largest_roster(const struct shown *s)
{
    return s->n_rosters ? s->rosters[s->n_rosters - 1] : 0;
}

static void name_threshold(char text[static NAME_TEXT], double score)
{
    if (isfinite(score))
        snprintf(text, NAME_TEXT, "%.3f", score);
    else
        snprintf(text, NAME_TEXT, "none");
}

static void say_size(const struct shown *s, enum score_kind kind, const char *what, int64_t people)
{
    char before[NAME_TEXT], after[NAME_TEXT];
    const struct fmr_tail *tail = &s->result->tails[kind];
    double low, high, score = score_of(s, &s->after, kind, people);
    double above = fmr_tail_above(tail, score), scale = (double)people * 100;
    name_threshold(before, score_of(s, &s->before, kind, people));
    name_threshold(after, score);
    fmr_interval(above, tail->pairs, &low, &high);
    buf_printf(s->c->out, "    %-8s %7lld   %6s -> %-6s  %9.2f %% [%.2f %.2f]\n", what,
               (long long)people, before, after, above / tail->pairs * scale, low * scale,
               fmin(high * scale, 100));
}

static void say_kind(const struct shown *s, enum score_kind kind)
{
    const struct calibration_curve *v = &s->after.kinds[kind];
    struct buf *out = s->c->out;
    if (!v->has) {
        buf_printf(out, "  %s: no table, too few people; what is shipped stays\n",
                   score_kind_name(kind));
        return;
    }
    buf_printf(out, "  %s: log10 FMR = %.4f %+.4f s %+.4f s^2, from 1e-2 to %.0e\n",
               score_kind_name(kind), v->curve.c0, v->curve.c1, v->curve.c2, v->curve.lowest_fmr);
    buf_printf(out, "    %lld scores of %.0f pairs of people, each pair weighing the same\n",
               (long long)v->comparisons, s->result->tails[kind].pairs);
    buf_puts(out, "    compared  people   threshold         strangers named there, seen here "
                  "[95 %]\n");
    if (s->n_rosters) {
        say_size(s, kind, "roster", s->rosters[0]);
        if (largest_roster(s) != s->rosters[0])
            say_size(s, kind, "roster", largest_roster(s));
    } else {
        say_size(s, kind, "roster", 30);
    }
    say_size(s, kind, "gallery", s->people);
}

static void say_rate(const struct shown *s, enum score_kind kind, bool roster, int64_t people)
{
    char text[NAME_TEXT];
    double low, high, score = score_of(s, &s->before, kind, people);
    int64_t of = sightings_runner_ups(&s->seen[kind]);
    int64_t above = sightings_above(&s->seen[kind], roster, score);
    name_threshold(text, score);
    fmr_interval((double)above, (double)of, &low, &high);
    buf_printf(s->c->out,
               "    %-8s %7lld   %6s  reached by the next best in %lld of %lld, %.2f %% "
               "[%.2f %.2f]\n",
               roster ? "roster" : "gallery", (long long)people, text, (long long)above,
               (long long)of, (double)above / (double)of * 100, low * 100, high * 100);
}

/* What the sightings say of the thresholds in use, and what follows for the table. */
static void say_sightings(const struct shown *s, enum score_kind kind)
{
    const struct sightings *seen = &s->seen[kind];
    struct buf *out = s->c->out;
    int64_t own = sightings_total(seen, SIGHTING_GENUINE), others = sightings_runner_ups(seen);
    buf_printf(out, "  %s, sightings: %lld confirmed\n", score_kind_name(kind), (long long)own);
    if (others && largest_roster(s))
        say_rate(s, kind, true, largest_roster(s));
    if (others)
        say_rate(s, kind, false, s->people);
    if (others < sightings_needed(s->budget))
        buf_printf(out, "    no say in the table below %lld\n",
                   (long long)sightings_needed(s->budget));
    else if (s->raise[kind] > 0)
        buf_printf(out, "    for them the table is moved up by %.3f\n", s->raise[kind]);
    else
        buf_puts(out, "    they ask for no more than the table\n");
    if (own && s->result) {
        int64_t people = largest_roster(s) ? largest_roster(s) : s->people;
        buf_printf(out,
                   "    %lld of the confirmed ones lie below the new threshold of %lld people\n",
                   (long long)sightings_lost(seen, score_of(s, &s->after, kind, people)),
                   (long long)people);
    }
}

/* The safer of the two: the table as the templates gave it, or moved up to what sightings ask. */
static void heed_sightings(struct shown *s)
{
    for (int k = 0; k < SCORE_KIND_N; k++) {
        struct calibration_curve *v = &s->after.kinds[k];
        if (!v->has)
            continue;
        int64_t roster = largest_roster(s);
        s->raise[k] = sightings_raise(
            &s->seen[k], s->budget, score_of(s, &s->after, (enum score_kind)k, s->people),
            roster ? score_of(s, &s->after, (enum score_kind)k, roster) : (double)INFINITY);
        calibration_move(v, s->raise[k]);
    }
}

static void say_hubs(struct buf *out, const struct calibrate_result *r)
{
    if (r->gallery)
        buf_printf(
            out,
            "  hub correction %s: %d galleries of %d people, found at %g %% strangers named: "
            "%.1f %% without, %.1f %% with, more in %d\n",
            r->calibration.hub_helps ? "helps" : "does not help", CALIBRATE_SPLITS, r->gallery,
            r->fpir * 100, r->plain * 100, r->hubbed * 100, r->wins);
    else
        buf_puts(out, "  hub correction: cannot be told, it needs 225 people with two photos; auto "
                      "leaves it off\n");
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
static enum err keep(struct calibrate_site *c, const char *encoder, const char *preprocessing,
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

/* What is in use now and what was seen, from the database. */
static enum err read_site(struct calibrate_site *c, struct shown *s, struct error *e)
{
    enum err r = ERR_OK;
    if (!c->db)
        return ERR_OK;
    r = calibration_of(c->db, c->arena, s->encoder, s->preprocessing, &s->before, e);
    if (!r)
        r = db_read(c->db, sizes_fn, s, e);
    for (int k = 0; k < SCORE_KIND_N && !r; k++)
        r = tally_read(c->db, c->arena, s->encoder, s->preprocessing, (enum score_kind)k,
                       &s->seen[k], e);
    return r;
}

static void say_all(struct shown *s)
{
    for (int k = 0; k < SCORE_KIND_N && s->result; k++)
        say_kind(s, (enum score_kind)k);
    for (int k = 0; k < SCORE_KIND_N; k++)
        if (k == SCORE_COSINE || sightings_total(&s->seen[k], SIGHTING_GENUINE))
            say_sightings(s, (enum score_kind)k);
    if (s->result)
        say_hubs(s->c->out, s->result);
}

enum err calibrate_faces(struct calibrate_site *c, const char *encoder, const char *preprocessing,
                         const struct eval_faces *faces, struct error *e)
{
    struct calibrate_result result = {0};
    struct error inner = {.code = ERR_OK};
    struct shown s = {.c = c,
                      .encoder = encoder,
                      .preprocessing = preprocessing,
                      .people = faces->people,
                      .budget = c->config->risk_budget_per_10k};
    enum err r = read_site(c, &s, e);
    if (r)
        return error_wrap(e, r, "%s %s", encoder, preprocessing);
    r = calibrate_measure(faces, c->arena, &result, &inner);
    if (r && (r != ERR_UNPROCESSABLE || c->apply))
        return error_set(e, r, "%s %s: %s", encoder, preprocessing, inner.msg);
    if (!r) {
        name_version(&result.calibration);
        s.result = &result;
        s.after = result.calibration;
        heed_sightings(&s);
    }
    buf_printf(c->out, "%s %s: %d people, %d photos; risk budget %g in 10,000\n", encoder,
               preprocessing, faces->people, faces->n, s.budget);
    if (r)
        buf_printf(c->out, "  no table: %s\n", inner.msg);
    say_all(&s);
    c->done++;
    if (r)
        return ERR_OK;
    buf_printf(c->out, "  %s %s\n",
               c->apply ? "in use now:" : "not applied (--apply):", s.after.version);
    return c->apply ? keep(c, encoder, preprocessing, &s.after, e) : ERR_OK;
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

static enum err run_kind(struct calibrate_site *c, const struct template_kind *kind,
                         struct error *e)
{
    struct eval_faces faces;
    const char *encoder = arena_strdup(c->arena, kind->encoder);
    const char *preprocessing = arena_strdup(c->arena, kind->preprocessing);
    if (!encoder || !preprocessing)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (c->only && strcmp(c->only, encoder) != 0)
        return ERR_OK;
    if (c->reset) {
        buf_printf(c->out, "%s %s: back to %s\n", encoder, preprocessing, fmr_tables_version);
        c->done++;
        return keep(c, encoder, preprocessing, NULL, e);
    }
    enum err r = gather_faces(c, kind, &faces, e);
    return r ? r : calibrate_faces(c, encoder, preprocessing, &faces, e);
}

enum err calibrate_templates(struct calibrate_site *c, struct error *e)
{
    struct kinds_call k = {.arena = c->arena};
    enum err r = db_read(c->db, kinds_fn, &k, e);
    for (int i = 0; i < k.n && !r; i++)
        r = run_kind(c, &k.kinds[i], e);
    if (!r && c->done == 0)
        r = error_set(e, ERR_NOT_FOUND, "there are no templates%s%s", c->only ? " of " : "",
                      c->only ? c->only : "");
    return r;
}

enum err calibrate_for_server(const struct config *cfg, struct db *db,
                              const struct template_keys *keys, const struct api_calibration *wish,
                              struct buf *out, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(CALIBRATE_ARENA);
    struct calibrate_site c = {.config = cfg,
                               .db = db,
                               .keys = *keys,
                               .only = wish->encoder,
                               .apply = wish->apply,
                               .reset = wish->reset,
                               .arena = a,
                               .out = out};
    enum err r = a ? calibrate_templates(&c, e) : error_set(e, ERR_NOMEM, "out of memory");
    explicit_bzero(&c.keys, sizeof c.keys);
    return r;
}
