/* One evaluation: see eval_run.h.
 *
 * Every random choice has a fixed seed, so that a run is repeated exactly. Cost: for a few thousand
 * photos some tens of seconds, most of it the bootstrap and the risk budget. Thread: main. */
#include "cmd/eval_run.h"

#include "attendance/threshold.h"
#include "base/mem.h"

#include <math.h>

const int eval_shots[EVAL_SHOTS_N] = {1, 3};

enum { ROUNDS_FEW_PAIRS = 1000, ROUNDS = 100, FEW_PAIRS = 100000, SPLITS_PER_HALVING = 5 };
#define SCRATCH_MAX ((size_t)4 << 30)
#define BUDGET 0.01
#define PER_10K 10000.0

struct measure {
    const struct eval_plan *plan;
    const struct eval_photos *photos;
    struct eval_faces faces;
    struct arena *arena; /* of faces */
    struct arena *work;  /* reset between steps */
    struct eval_run *run;
};

static void tell(const char *what) { fprintf(stderr, "%s ...\n", what); }

static enum err verify(struct measure *m, struct error *e)
{
    struct eval_pairs pairs = {0};
    struct eval_run *run = m->run;
    struct error inner = {.code = ERR_OK};
    enum err r = m->plan->pairs_file
                     ? eval_pairs_read(m->plan->pairs_file, m->photos, m->work, &pairs, e)
                     : eval_pairs_all(&m->faces, &pairs, e);
    if (r)
        return r;
    run->pairs_file = m->plan->pairs_file;
    run->n_genuine = pairs.scores.n_genuine;
    run->n_impostor = pairs.scores.n_impostor;
    run->folds = pairs.scores.folds;
    run->pairs_left_out = pairs.left_out;
    run->pairs_stride = pairs.stride;
    r = eval_verify(&pairs.scores, pairs.scores.n > FEW_PAIRS ? ROUNDS : ROUNDS_FEW_PAIRS, m->work,
                    &run->verification, &inner);
    mem_free(pairs.scores.rows);
    run->verified = r == ERR_OK;
    return r == ERR_INVALID || !r ? ERR_OK : error_set(e, r, "%s", inner.msg);
}

/* values [rows][splits] -> one interval a row. */
static enum err identify_row(struct measure *m, struct eval_ident_row *row, struct error *e)
{
    enum { ROWS = 1 + 2 * EVAL_FPIR_N };
    double values[ROWS][EVAL_SPLITS_MAX];
    struct error inner = {.code = ERR_OK};
    for (int s = 0; s < row->splits; s++) {
        struct eval_ident one;
        arena_reset(m->work);
        enum err r = eval_identify(&m->faces, row->people, row->shots, (uint64_t)s + 1, m->work,
                                   &one, &inner);
        if (r == ERR_UNPROCESSABLE) {
            snprintf(row->why_not, sizeof row->why_not, "%.90s", inner.msg);
            return ERR_OK;
        }
        if (r)
            return error_set(e, r, "%s", inner.msg);
        row->probes = one.probes;
        row->strangers = one.strangers;
        row->sightings = one.sightings;
        values[0][s] = one.rank1;
        for (int k = 0; k < EVAL_FPIR_N; k++) {
            values[1 + k][s] = one.tpir[k];
            values[1 + EVAL_FPIR_N + k][s] = one.threshold[k];
        }
    }
    row->rank1 = eval_spread(values[0], row->splits);
    for (int k = 0; k < EVAL_FPIR_N; k++) {
        bool known = !isnan(values[1 + k][0]);
        row->tpir[k] = eval_spread(values[1 + k], known ? row->splits : 0);
        row->threshold[k] = eval_spread(values[1 + EVAL_FPIR_N + k], known ? row->splits : 0);
    }
    return ERR_OK;
}

static enum err identify(struct measure *m, struct error *e)
{
    enum err r = ERR_OK;
    for (int k = 0; k < EVAL_SHOTS_N && !r; k++) {
        for (int i = 0; i < m->plan->n_sizes && !r; i++) {
            struct eval_ident_row *row = &m->run->ident[m->run->n_ident++];
            *row = (struct eval_ident_row){
                .people = m->plan->sizes[i], .shots = eval_shots[k], .splits = m->plan->splits};
            r = identify_row(m, row, e);
        }
    }
    return r;
}

/* The same galleries again, each template from the augmented pictures of its one photo. */
static enum err identify_augmented(struct measure *m, const int *photos, struct error *e)
{
    size_t dim = (size_t)m->faces.dim;
    float *templates = arena_array(m->arena, (size_t)m->faces.n * dim + 1, sizeof *templates);
    if (!templates)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < m->faces.n; i++) {
        const struct eval_photo *p = &m->photos->photos[photos[i]];
        memcpy(templates + (size_t)i * dim, p->augmented ? p->augmented : p->vector,
               dim * sizeof *templates);
    }
    enum err r = ERR_OK;
    m->run->augment = m->plan->augment;
    m->faces.templates = templates;
    for (int i = 0; i < m->plan->n_sizes && !r; i++) {
        struct eval_ident_row *row = &m->run->augmented[m->run->n_augmented++];
        *row = (struct eval_ident_row){
            .people = m->plan->sizes[i], .shots = 1, .splits = m->plan->splits};
        r = identify_row(m, row, e);
    }
    m->faces.templates = NULL;
    return r;
}

/* The people with a usable photo. */
static int present(const struct eval_faces *f, int *who)
{
    int n = 0;
    for (int p = 0; p < f->people; p++)
        if (f->first[p + 1] > f->first[p])
            who[n++] = p;
    return n;
}

static enum err fit_tables(struct measure *m, const int *who, int n, struct error *e)
{
    for (int k = 0; k < EVAL_SHOTS_N; k++) {
        struct error inner = {.code = ERR_OK};
        enum err r =
            eval_fit_table(&m->faces, who, n, eval_shots[k], m->work, &m->run->table[k], &inner);
        if (r && r != ERR_UNPROCESSABLE)
            return error_set(e, r, "%s", inner.msg);
        m->run->has_table[k] = r == ERR_OK;
    }
    return ERR_OK;
}

/* Rates of one budget row, split by split: at the shipped threshold, and at a fitted one. */
struct budget_values {
    double fpir[EVAL_SPLITS_MAX], score[EVAL_SPLITS_MAX], fitted[EVAL_SPLITS_MAX];
    int n, n_fitted;
};

static double cut_of(const struct eval_table *t, int people)
{
    const struct fmr_table table = {.c0 = t->curve.c0, .c1 = t->curve.c1, .c2 = t->curve.c2};
    return threshold_score(&table, BUDGET * PER_10K, people);
}

/* One split of one row: `fitted` (NULL: none) comes from the half that who[] is not. */
static enum err budget_split(struct measure *m, const struct eval_budget_row *row, const int *who,
                             int n, const struct eval_table *fitted, struct budget_values *v,
                             struct error *e)
{
    double fpir = NAN;
    enum err r = ERR_OK;
    if (!isnan(row->threshold))
        r = eval_fpir_at(&m->faces, who, n, row->people, row->shots, row->threshold, m->work, &fpir,
                         e);
    if (!isnan(fpir))
        v->fpir[v->n++] = fpir;
    if (r || !fitted)
        return r;
    double cut = cut_of(fitted, row->people);
    r = eval_fpir_at(&m->faces, who, n, row->people, row->shots, cut, m->work, &fpir, e);
    if (!r && !isnan(fpir)) {
        v->score[v->n_fitted] = cut;
        v->fitted[v->n_fitted++] = fpir;
    }
    return r;
}

/* Splits who[n] into random halves in `work`. */
static enum err halve(struct measure *m, const int *who, int n, uint64_t seed, int *half[static 2],
                      int size[static 2], struct error *e)
{
    int *order = arena_array(m->work, (size_t)n + 1, sizeof *order);
    half[0] = arena_array(m->work, (size_t)n + 1, sizeof *half[0]);
    half[1] = arena_array(m->work, (size_t)n + 1, sizeof *half[1]);
    if (!order || !half[0] || !half[1])
        return error_set(e, ERR_NOMEM, "out of memory");
    memcpy(order, who, (size_t)n * sizeof *order);
    eval_shuffle(order, n, &seed);
    size[0] = size[1] = 0;
    for (int i = 0; i < n; i++)
        half[i % 2][size[i % 2]++] = order[i];
    return ERR_OK;
}

/* One split of the people: fits on one half, measures every row on the other. */
static enum err budget_halves(struct measure *m, const int *who, int n, uint64_t seed,
                              struct budget_values *values, struct error *e)
{
    int *half[2], size[2];
    enum err r = halve(m, who, n, seed, half, size, e);
    for (int k = 0; k < EVAL_SHOTS_N && !r; k++) {
        struct eval_table fitted;
        struct error inner = {.code = ERR_OK};
        r = eval_fit_table(&m->faces, half[0], size[0], eval_shots[k], m->work, &fitted, &inner);
        bool has = r == ERR_OK;
        if (r && r != ERR_UNPROCESSABLE)
            return error_set(e, r, "%s", inner.msg);
        r = ERR_OK;
        for (int i = 0; i < m->run->n_budget && !r; i++)
            if (m->run->budget[i].shots == eval_shots[k])
                r = budget_split(m, &m->run->budget[i], half[1], size[1], has ? &fitted : NULL,
                                 &values[i], e);
    }
    return r;
}

static void plan_budget(struct measure *m)
{
    for (int k = 0; k < EVAL_SHOTS_N; k++) {
        for (int i = 0; i < m->plan->n_sizes; i++) {
            const struct fmr_table *t =
                fmr_table_find(m->run->encoder, m->run->preprocessing, m->run->kind, eval_shots[k]);
            m->run->budget[m->run->n_budget++] = (struct eval_budget_row){
                .people = m->plan->sizes[i],
                .shots = eval_shots[k],
                .threshold = t ? threshold_score(t, BUDGET * PER_10K, m->plan->sizes[i]) : NAN};
        }
    }
}

static enum err measure_budget(struct measure *m, struct error *e)
{
    struct budget_values *values =
        arena_array(m->arena, EVAL_SIZES_MAX * EVAL_SHOTS_N, sizeof *values);
    int *who = arena_array(m->arena, (size_t)m->faces.people + 1, sizeof *who);
    if (!values || !who)
        return error_set(e, ERR_NOMEM, "out of memory");
    m->run->budget_rate = BUDGET;
    plan_budget(m);
    int n = present(&m->faces, who);
    arena_reset(m->work);
    enum err r = fit_tables(m, who, n, e);
    int halvings = (m->plan->splits + SPLITS_PER_HALVING - 1) / SPLITS_PER_HALVING;
    for (int s = 0; s < halvings && !r; s++) {
        arena_reset(m->work);
        r = budget_halves(m, who, n, (uint64_t)s + 1, values, e);
    }
    for (int i = 0; i < m->run->n_budget; i++) {
        struct eval_budget_row *row = &m->run->budget[i];
        row->splits = halvings;
        row->fpir = eval_spread(values[i].fpir, values[i].n);
        row->fitted_score = eval_spread(values[i].score, values[i].n_fitted);
        row->fitted_fpir = eval_spread(values[i].fitted, values[i].n_fitted);
    }
    return r;
}

static void describe(const struct eval_photos *p, const struct eval_faces *f, struct eval_run *run)
{
    run->photos = p->n;
    run->usable = p->counts[EVAL_OK];
    run->dim = p->dim;
    run->covered = p->covered;
    memcpy(run->counts, p->counts, sizeof run->counts);
    memcpy(run->flaws, p->flaws, sizeof run->flaws);
    for (int i = 0; i < f->people; i++)
        run->people += f->first[i + 1] > f->first[i];
}

static enum err measure_all(struct measure *m, struct error *e)
{
    if (!m->arena || !m->work)
        return error_set(e, ERR_NOMEM, "out of memory");
    int *photos;
    enum err r = eval_photos_faces(m->photos, m->arena, &m->faces, &photos, e);
    if (r)
        return r;
    m->faces.hub = m->plan->kind == SCORE_HUB;
    m->run->kind = m->plan->kind;
    m->run->table_only = m->plan->table_only;
    describe(m->photos, &m->faces, m->run);
    if (!m->plan->table_only && m->plan->kind == SCORE_COSINE) {
        tell("verification");
        r = verify(m, e);
    }
    if (!r && !m->plan->table_only) {
        tell("identification");
        r = identify(m, e);
    }
    if (!r && m->plan->augment && !m->plan->table_only)
        r = identify_augmented(m, photos, e);
    if (!r) {
        tell("risk budget");
        r = measure_budget(m, e);
    }
    return r;
}

enum err eval_run_measure(const struct eval_photos *p, const struct eval_plan *plan,
                          struct eval_run *ret_run, struct error *e)
{
    struct measure m = {.plan = plan,
                        .photos = p,
                        .run = ret_run,
                        .arena = arena_new(SCRATCH_MAX),
                        .work = arena_new(SCRATCH_MAX)};
    enum err r = measure_all(&m, e);
    arena_free(m.arena);
    arena_free(m.work);
    return r;
}
