/* Look-alikes: who in the gallery is so like a student that the two need a larger margin.
 *
 * A pair is stored when the cosine of the two templates reaches look_alike_score: what recognition
 * asks of a face, so a face between the two would get either name. Runs after every change of a
 * student's template, in every process; whoever finds the stored pairs right writes nothing, so it
 * does not matter who comes first. Two students enrolled at the same moment find each other here
 * even when neither was in the gallery while the other was judged. Worker threads and the keeper;
 * one pass over the gallery, one read. */
#include "jobs/internal.h"

#include "attendance/threshold.h"
#include "store/look_alike.h"

#include <math.h>

enum { PAIRS_MAX = 32, DUPLICATE_BUDGET_PART = 10, REFRESH_ARENA = 1 * MIB };
static const double SAME_SCORE = 1e-4; /* cosines nearer than this need no new row */
static const double NEVER = 2;         /* no cosine is as high */

static double score_for(const struct engine *engine, double option, double budget)
{
    if (option >= 1)
        return NEVER;
    if (option > 0)
        return option;
    double score =
        threshold_highest(vision_encoder(engine->vision), vision_preprocessing(engine->vision),
                          budget, (int64_t)gallery_count(engine->gallery));
    return score < 1 ? score : NEVER;
}

double duplicate_score(const struct jobs_env *env, const struct engine *engine)
{
    return score_for(engine, env->duplicate_score,
                     env->risk_budget_per_10k / DUPLICATE_BUDGET_PART);
}

double look_alike_score(const struct jobs_env *env, const struct engine *engine)
{
    return score_for(engine, env->look_alike_score, env->risk_budget_per_10k);
}

struct refresh {
    const struct jobs_env *env;
    const struct engine *engine;
    struct arena *a;
    struct look_alike_of of;
    struct student_id student, others[PAIRS_MAX];
    double scores[PAIRS_MAX];
    int n;
    struct look_alike *stored;
    int n_stored;
    int64_t version;
};

static enum err find(struct refresh *f, struct error *e)
{
    const struct engine *engine = f->engine;
    struct gallery_hit near[PAIRS_MAX];
    float *own = arena_array(f->a, (size_t)vision_dim(engine->vision), sizeof *own);
    if (!own)
        return error_set(e, ERR_NOMEM, "no memory to look for look-alikes");
    enum err r = gallery_get(engine->gallery, f->student, own, NULL);
    if (r == ERR_NOT_FOUND)
        return ERR_OK; /* without a template: like nobody */
    r = gallery_near(engine->gallery, own, f->student, (float)look_alike_score(f->env, engine),
                     near, PAIRS_MAX, &f->n, e);
    for (int i = 0; r == ERR_OK && i < f->n; i++) {
        f->others[i] = near[i].student;
        f->scores[i] = (double)near[i].score;
    }
    return r;
}

static enum err stored_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct refresh *f = ctx;
    return look_alike_list(cx, f->a, &f->of, f->student, NULL, 2 * PAIRS_MAX, &f->stored,
                           &f->n_stored, e);
}

static bool is_stored(const struct refresh *f, int i)
{
    for (int k = 0; k < f->n_stored; k++) {
        const struct look_alike *l = &f->stored[k];
        const char *other = strcmp(l->a.text, f->student.text) == 0 ? l->b.text : l->a.text;
        if (strcmp(other, f->others[i].text) == 0 && fabs(l->score - f->scores[i]) < SAME_SCORE)
            return true;
    }
    return false;
}

static enum err replace_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct refresh *f = ctx;
    return look_alike_replace(cx, &f->of, f->student, f->others, f->scores, f->n, &f->version, e);
}

static enum err store(struct refresh *f, struct error *e)
{
    bool same = f->n == f->n_stored;
    for (int i = 0; same && i < f->n; i++)
        same = is_stored(f, i);
    if (same)
        return ERR_OK;
    char key[LOOK_ALIKE_KEY];
    enum err r = db_tx(f->env->db, replace_fn, f, e);
    if (r == ERR_NOT_FOUND)
        return ERR_OK; /* one of them has just been erased, and the pairs with them */
    if (r)
        return r;
    struct error ignored; /* a lost word costs one cache_ttl with the pairs of before */
    look_alike_key(&f->of, key);
    enum err dropped =
        bus_cache_drop(f->env->bus, str_from(key), f->version, f->env->cache_ttl, &ignored);
    (void)dropped;
    return ERR_OK;
}

static enum err refresh(const struct jobs_env *env, const struct engine *engine,
                        struct student_id student, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(REFRESH_ARENA);
    struct refresh f = {.env = env, .engine = engine, .a = a, .student = student};
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to look for look-alikes");
    f.of.encoder = str_from(vision_encoder(engine->vision));
    f.of.preprocessing = str_from(vision_preprocessing(engine->vision));
    enum err r = find(&f, e);
    if (r == ERR_OK)
        r = db_read(env->db, stored_fn, &f, e);
    return r ? r : store(&f, e);
}

enum err look_alikes_refresh_both(const struct jobs_env *env, struct student_id student,
                                  struct error *e)
{
    struct engine_pair pair = engines_get(env->engines);
    enum err r = refresh(env, pair.active, student, e);
    if (r == ERR_OK && pair.shadow)
        r = refresh(env, pair.shadow, student, e);
    engine_pair_done(&pair);
    return r;
}
