/* Measuring for a calibration: see calibrate_measure.h. Cost: people^2 times photos a person dot
 * products twice, and CALIBRATE_SPLITS galleries; above PEOPLE_MAX people only the first take
 * part. Called by `rollcall calibrate`; no state. */
#include "cmd/calibrate_measure.h"

#include <math.h>

enum { GALLERY_MAX = 300, WINS_NEEDED = 8, PEOPLE_MAX = 4000 };

static int count_of(const struct eval_faces *f, int person)
{
    return f->first[person + 1] - f->first[person];
}

static enum err fit_kind(const struct eval_faces *f, const int *who, int n, enum score_kind kind,
                         struct arena *a, struct calibrate_result *result, struct error *e)
{
    struct eval_faces faces = *f;
    struct calibration_curve *v = &result->calibration.kinds[kind];
    struct error inner = {.code = ERR_OK};
    faces.hub = kind == SCORE_HUB;
    enum err r = eval_tail(&faces, who, n, EVAL_SHOTS_ALL, a, &result->tails[kind], e);
    if (r)
        return r;
    v->comparisons = result->tails[kind].comparisons;
    r = fmr_tail_fit(&result->tails[kind], &v->curve, &inner);
    v->has = r == ERR_OK && v->curve.c2 < 0;
    return r == ERR_UNPROCESSABLE ? ERR_OK : r ? error_set(e, r, "%s", inner.msg) : ERR_OK;
}

/* TPIR of one gallery with and without; at 0.3 % where there are strangers enough, else 1 %. */
static enum err one_gallery(const struct eval_faces *f, int shots, uint64_t seed, struct arena *a,
                            struct calibrate_result *result, double ret_tpir[static SCORE_KIND_N],
                            struct error *e)
{
    for (int kind = 0; kind < SCORE_KIND_N; kind++) {
        struct eval_faces faces = *f;
        struct eval_ident one;
        faces.hub = kind == SCORE_HUB;
        enum err r = eval_identify(&faces, result->gallery, shots, seed, a, &one, e);
        if (r)
            return r;
        int at = isnan(one.tpir[1]) ? 0 : 1;
        result->fpir = eval_fpirs[at];
        ret_tpir[kind] = one.tpir[at];
    }
    return ERR_OK;
}

/* The people of a gallery and the photos of a template: three where people enough have more. */
static int plan_galleries(const struct eval_faces *f, int *ret_shots)
{
    for (int shots = 3; shots >= 1; shots -= 2) {
        int able = 0;
        for (int p = 0; p < f->people; p++)
            able += count_of(f, p) > shots;
        int gallery = able * 2 / 3 < GALLERY_MAX ? able * 2 / 3 : GALLERY_MAX;
        *ret_shots = shots;
        if (gallery >= CALIBRATION_HUB_FROM)
            return gallery;
    }
    return 0;
}

static enum err compare_hubs(const struct eval_faces *f, struct calibrate_result *result,
                             struct error *e)
{
    int shots = 1;
    result->gallery = plan_galleries(f, &shots);
    if (!result->gallery)
        return ERR_OK;
    _cleanup_(arena_freep) struct arena *work = arena_new((size_t)1 << 30);
    enum err r = work ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
    for (int s = 0; s < CALIBRATE_SPLITS && !r; s++) {
        double tpir[SCORE_KIND_N] = {0};
        arena_reset(work);
        r = one_gallery(f, shots, (uint64_t)s + 1, work, result, tpir, e);
        if (!r && isnan(tpir[SCORE_HUB])) {
            result->gallery = 0; /* too few strangers for any rate */
            return ERR_OK;
        }
        result->plain += tpir[SCORE_COSINE] / CALIBRATE_SPLITS;
        result->hubbed += tpir[SCORE_HUB] / CALIBRATE_SPLITS;
        result->wins += tpir[SCORE_HUB] > tpir[SCORE_COSINE];
    }
    result->calibration.hub_helps = result->hubbed > result->plain && result->wins >= WINS_NEEDED;
    return r;
}

enum err calibrate_measure(const struct eval_faces *f, struct arena *a,
                           struct calibrate_result *ret_result, struct error *e)
{
    struct calibrate_result result = {.photos = f->n};
    int *who = arena_array(a, (size_t)f->people + 1, sizeof *who), n = 0;
    if (!who)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int p = 0; p < f->people && n < PEOPLE_MAX; p++)
        if (count_of(f, p) > 0)
            who[n++] = p;
    result.calibration.people = n;
    if (n < CALIBRATE_PEOPLE_MIN)
        return error_set(e, ERR_UNPROCESSABLE,
                         "%d people have a template; false-match rates of one's own need %d, so "
                         "that 1 in 10,000 rests on more than chance",
                         n, CALIBRATE_PEOPLE_MIN);
    enum err r = ERR_OK;
    for (int kind = 0; kind < SCORE_KIND_N && !r; kind++)
        r = fit_kind(f, who, n, (enum score_kind)kind, a, &result, e);
    if (!r && !result.calibration.kinds[SCORE_COSINE].has)
        r = error_set(e, ERR_UNPROCESSABLE, "the scores of these people give no falling curve");
    if (!r)
        r = compare_hubs(f, &result, e);
    if (!r)
        *ret_result = result;
    return r;
}
