/* Verification metrics: see eval_metrics.h.
 *
 * Everything is a walk over one sorted array: a walk costs a few nanoseconds a row, so a bootstrap
 * of 100 rounds over ten million pairs takes some ten seconds. Called by cmd/eval.c and its tests;
 * no state; any thread.
 * Source: Huang et al., "Labeled Faces in the Wild", 2007 (accuracy over folds); Bolle, Ratha,
 * Pankanti, "Error analysis of pattern recognition systems: the subsets bootstrap", 2004 (draw
 * people, not pairs); Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
 */
#include "cmd/eval_metrics.h"

#include <math.h>

const double eval_fars[EVAL_FAR_N] = {1e-2, 1e-3};

/* Two-sided 95 % points of Student's t for 1..30 degrees of freedom; the normal's beyond. */
static const double t_points[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                  2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                  2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                  2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
#define NORMAL_POINT 1.960
#define BOOTSTRAP_SEED 20260101u

uint64_t eval_random(uint64_t *state)
{
    *state += 0x9E3779B97F4A7C15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void eval_shuffle(int *values, int n, uint64_t *state)
{
    for (int i = n - 1; i > 0; i--) {
        int k = (int)(eval_random(state) % (uint64_t)(i + 1));
        int kept = values[i];
        values[i] = values[k];
        values[k] = kept;
    }
}

static int score_compare(const void *pa, const void *pb)
{
    const struct eval_score *a = pa, *b = pb;
    if (a->score != b->score)
        return a->score < b->score ? -1 : 1;
    return (int)b->same - (int)a->same;
}

void eval_scores_sort(struct eval_scores *s)
{
    qsort(s->rows, s->n, sizeof *s->rows, score_compare);
    s->n_genuine = 0;
    for (size_t i = 0; i < s->n; i++)
        s->n_genuine += s->rows[i].same;
    s->n_impostor = s->n - s->n_genuine;
}

static double weight_of(const struct eval_score *r, const float *weights)
{
    if (!weights)
        return 1;
    return r->same ? weights[r->a] : weights[r->a] * weights[r->b];
}

struct totals {
    double genuine, impostor;
};

static struct totals totals_of(const struct eval_scores *s, const float *weights)
{
    struct totals t = {0};
    if (!weights)
        return (struct totals){(double)s->n_genuine, (double)s->n_impostor};
    for (size_t i = 0; i < s->n; i++)
        *(s->rows[i].same ? &t.genuine : &t.impostor) += weight_of(&s->rows[i], weights);
    return t;
}

double eval_eer(const struct eval_scores *s, const float *weights)
{
    struct totals all = totals_of(s, weights);
    double genuine_below = 0, impostor_below = 0, nearest = INFINITY, eer = NAN;
    if (all.genuine <= 0 || all.impostor <= 0)
        return NAN;
    for (size_t i = 0; i < s->n; i++) {
        const struct eval_score *r = &s->rows[i];
        if (i == 0 || r->score != s->rows[i - 1].score) {
            double far = 1 - impostor_below / all.impostor, frr = genuine_below / all.genuine;
            if (fabs(far - frr) < nearest) {
                nearest = fabs(far - frr);
                eer = (far + frr) / 2;
            }
        }
        *(r->same ? &genuine_below : &impostor_below) += weight_of(r, weights);
    }
    return eer;
}

double eval_tar(const struct eval_scores *s, double far, const float *weights,
                double *ret_threshold)
{
    struct totals all = totals_of(s, weights);
    double genuine_above = 0, impostor_above = 0;
    *ret_threshold = NAN;
    if (all.genuine <= 0 || (double)s->n_impostor * far < 1)
        return NAN;
    /* From the top; among equal scores the impostors come first, so genuine ones do not count. */
    for (size_t i = s->n; i-- > 0;) {
        const struct eval_score *r = &s->rows[i];
        double w = weight_of(r, weights);
        if (r->same) {
            genuine_above += w;
            continue;
        }
        impostor_above += w;
        if (impostor_above > all.impostor * far) {
            *ret_threshold = r->score;
            return genuine_above / all.genuine;
        }
    }
    return NAN;
}

/* What one row of each class counts for: equal, or so that both classes weigh the same. */
static void class_weights(const struct eval_scores *s, int fold, bool in_fold,
                          double weights[static 2])
{
    size_t n[2] = {0};
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].fold >= 0 && (s->rows[i].fold == fold) == in_fold)
            n[s->rows[i].same]++;
    for (int c = 0; c < 2; c++) {
        double share = s->balanced ? 0.5 / (double)n[c] : 1 / (double)(n[0] + n[1]);
        weights[c] = n[0] + n[1] == 0 || (s->balanced && n[c] == 0) ? 0 : share;
    }
}

/* The lowest of the scores outside `fold` that decide best there. */
static double best_threshold(const struct eval_scores *s, int fold)
{
    double weights[2], last = NAN, best = NAN, gain = 0, best_gain = -INFINITY;
    class_weights(s, fold, false, weights);
    /* gain: rightly decided share above that of accepting everything. */
    for (size_t i = 0; i < s->n; i++) {
        const struct eval_score *r = &s->rows[i];
        if (r->fold < 0 || r->fold == fold)
            continue;
        if (!((double)r->score == last) && gain > best_gain + 1e-12) {
            best_gain = gain;
            best = r->score;
        }
        last = r->score;
        gain += r->same ? -weights[1] : weights[0];
    }
    return best;
}

double eval_fold_accuracy(const struct eval_scores *s, int fold)
{
    double threshold = best_threshold(s, fold), weights[2], hits = 0;
    class_weights(s, fold, true, weights);
    bool none = weights[0] == 0 && weights[1] == 0, half = weights[0] == 0 || weights[1] == 0;
    if (isnan(threshold) || none || (s->balanced && half))
        return NAN; /* the mean of two rates of which one is not known */
    for (size_t i = 0; i < s->n; i++)
        if (s->rows[i].fold == fold && (s->rows[i].score >= threshold) == s->rows[i].same)
            hits += weights[s->rows[i].same];
    return hits;
}

static void measure_accuracy(const struct eval_scores *s, struct eval_verification *v)
{
    double values[EVAL_FOLDS_MAX], sum = 0, squares = 0;
    int n = 0;
    for (int f = 0; f < s->folds && f < EVAL_FOLDS_MAX; f++) {
        double accuracy = eval_fold_accuracy(s, f);
        if (!isnan(accuracy))
            sum += values[n++] = accuracy;
    }
    double mean = n ? sum / n : NAN;
    for (int f = 0; f < n; f++)
        squares += (values[f] - mean) * (values[f] - mean);
    v->accuracy = (struct eval_interval){mean, mean, mean};
    v->accuracy_sd = n ? sqrt(squares / n) : NAN;
    if (n > 1) {
        double t = n - 1 <= (int)ARRAY_LEN(t_points) ? t_points[n - 2] : NORMAL_POINT;
        double half = t * sqrt(squares / (n - 1) / n);
        v->accuracy.low = mean - half;
        v->accuracy.high = fmin(mean + half, 1);
    }
}

static int double_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int i = (int)at;
    return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

struct eval_interval eval_spread(double *values, int n)
{
    double sum = 0;
    if (n == 0)
        return (struct eval_interval){NAN, NAN, NAN};
    qsort(values, (size_t)n, sizeof *values, double_compare);
    for (int i = 0; i < n; i++)
        sum += values[i];
    return (struct eval_interval){sum / n, quantile(values, n, 0.025), quantile(values, n, 0.975)};
}

/* Draws `people` people with replacement. */
static void draw_people(float *weights, int people, uint64_t *state)
{
    memset(weights, 0, (size_t)people * sizeof *weights);
    for (int i = 0; i < people; i++)
        weights[eval_random(state) % (uint64_t)people]++;
}

static enum err bootstrap(const struct eval_scores *s, int rounds, struct arena *a,
                          struct eval_verification *v, struct error *e)
{
    float *weights = arena_array(a, (size_t)s->people, sizeof *weights);
    double *values = arena_array(a, (size_t)rounds * (1 + EVAL_FAR_N), sizeof *values);
    uint64_t state = BOOTSTRAP_SEED;
    int n = 0;
    if (!weights || !values)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < rounds; i++) {
        double ignored;
        draw_people(weights, s->people, &state);
        values[n] = eval_eer(s, weights);
        for (int k = 0; k < EVAL_FAR_N; k++)
            values[(k + 1) * rounds + n] = eval_tar(s, eval_fars[k], weights, &ignored);
        n += !isnan(values[n]);
    }
    for (int k = 0; k <= EVAL_FAR_N && n > 0; k++) {
        struct eval_interval *to = k ? &v->tar[k - 1] : &v->eer;
        if (isnan(to->mean))
            continue;
        struct eval_interval spread = eval_spread(values + (size_t)k * (size_t)rounds, n);
        to->low = fmin(spread.low, to->mean);
        to->high = fmax(spread.high, to->mean);
    }
    return ERR_OK;
}

static void trace_curve(const struct eval_scores *s, struct eval_verification *v)
{
    double impostors = (double)s->n_impostor, step = log10(impostors) / (EVAL_CURVE_MAX - 1);
    size_t genuine = 0, impostor = 0;
    for (size_t i = s->n; i-- > 0 && v->n_curve < EVAL_CURVE_MAX;) {
        if (s->rows[i].same) {
            genuine++;
            continue;
        }
        impostor++;
        /* The next level that this many impostors reach; levels that fall together count once. */
        double level = pow(10, step * v->n_curve);
        if ((double)impostor + 1e-9 < level)
            continue;
        v->curve[v->n_curve++] = (struct eval_point){(double)impostor / impostors,
                                                     (double)genuine / (double)s->n_genuine};
    }
}

static void fill_histogram(const struct eval_scores *s, struct eval_verification *v)
{
    v->bins_low = s->rows[0].score;
    v->bins_high = s->rows[s->n - 1].score;
    double width = fmax((double)(v->bins_high - v->bins_low) / EVAL_BINS, 1e-9);
    for (size_t i = 0; i < s->n; i++) {
        int bin = (int)((double)(s->rows[i].score - v->bins_low) / width);
        bin = bin < EVAL_BINS ? bin : EVAL_BINS - 1;
        if (s->rows[i].same)
            v->genuine_bins[bin] += 1 / (double)s->n_genuine;
        else
            v->impostor_bins[bin] += 1 / (double)s->n_impostor;
    }
}

enum err eval_verify(const struct eval_scores *s, int rounds, struct arena *a,
                     struct eval_verification *ret_v, struct error *e)
{
    if (s->n_genuine == 0 || s->n_impostor == 0)
        return error_set(e, ERR_INVALID,
                         "verification needs pairs of one person and of two: there "
                         "are %zu and %zu",
                         s->n_genuine, s->n_impostor);
    *ret_v = (struct eval_verification){0};
    measure_accuracy(s, ret_v);
    double eer = eval_eer(s, NULL);
    ret_v->eer = (struct eval_interval){eer, eer, eer};
    for (int k = 0; k < EVAL_FAR_N; k++) {
        double tar = eval_tar(s, eval_fars[k], NULL, &ret_v->threshold[k]);
        ret_v->tar[k] = (struct eval_interval){tar, tar, tar};
    }
    trace_curve(s, ret_v);
    fill_histogram(s, ret_v);
    return rounds > 0 ? bootstrap(s, rounds, a, ret_v, e) : ERR_OK;
}
