/* Identification metrics: see eval_ident.h.
 *
 * Cost: one dot product for each probe and template, some 10^8 a second. The table's tail is kept
 * as a histogram of FMR_BINS scores, so its memory does not grow with the photos. Called by
 * cmd/eval.c and its tests; no state; any thread. */
#include "cmd/eval_ident.h"

#include <math.h>

const double eval_fpirs[EVAL_FPIR_N] = {0.01, 0.003, 0.001};

enum { LANES = 16, FMR_BINS = 20000, FIT_POINTS = 60, PAIRS_IN_TAIL = 8, PAIRS_MIN = 80000 };

/* log10 of the false-match rates between which the curve is fitted. */
#define LOG_FMR_HIGH (-2.0)
#define LOG_FMR_LOW (-6.0)

struct candidate {
    float score;
    double weight;
};

static int count_of(const struct eval_faces *f, int person)
{
    return f->first[person + 1] - f->first[person];
}

static const float *photo(const struct eval_faces *f, int i)
{
    return f->x + (size_t)i * (size_t)f->dim;
}

PIXEL_LOOP static float dot(const float *x, const float *y, int dim)
{
    float lanes[LANES] = {0}, sum = 0;
    int i = 0;
    for (; i + LANES <= dim; i += LANES)
        for (int k = 0; k < LANES; k++)
            lanes[k] += x[i + k] * y[i + k];
    for (; i < dim; i++)
        sum += x[i] * y[i];
    for (int k = 0; k < LANES; k++)
        sum += lanes[k];
    return sum;
}

/* The normalised mean of `shots` photos from `first` on. */
static void make_template(const struct eval_faces *f, int first, int shots, float *to)
{
    double squares = 0;
    memset(to, 0, (size_t)f->dim * sizeof *to);
    for (int i = 0; i < shots; i++)
        for (int k = 0; k < f->dim; k++)
            to[k] += photo(f, first + i)[k];
    for (int k = 0; k < f->dim; k++)
        squares += (double)to[k] * (double)to[k];
    for (int k = 0; k < f->dim && squares > 0; k++)
        to[k] = (float)((double)to[k] / sqrt(squares));
}

/* The best of n templates for a photo. */
static float best_of(const struct eval_faces *f, const float *templates, int n, int at,
                     int *ret_which)
{
    float best = -INFINITY;
    for (int i = 0; i < n; i++) {
        float score = dot(photo(f, at), templates + (size_t)i * (size_t)f->dim, f->dim);
        if (score > best) {
            best = score;
            *ret_which = i;
        }
    }
    return best;
}

static int candidate_falling(const void *pa, const void *pb)
{
    const struct candidate *a = pa, *b = pb;
    return (a->score < b->score) - (a->score > b->score);
}

/* The first sighting of strangers, from the best down, that brings the rate above fpir. */
static double fpir_threshold(const struct candidate *sorted, int n, int strangers, double fpir)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        sum += sorted[i].weight;
        if (sum > fpir * strangers + 1e-9)
            return sorted[i].score;
    }
    return NAN;
}

/* A gallery and what is compared with it. */
struct trial {
    const int *seats; /* [people] who is in it */
    int people, shots;
    float *templates;            /* [people][dim] */
    struct candidate *wrong;     /* best scores of strangers */
    float *right;                /* best scores of probes, -INFINITY where the person is wrong */
    int n_wrong, n_right, first; /* first: of the probes that are right at rank 1 */
};

static int at_most(int n, int most) { return n < most ? n : most; }

static void run_probes(const struct eval_faces *f, struct trial *t)
{
    int which = -1;
    for (int i = 0; i < t->people; i++) {
        int begin = f->first[t->seats[i]] + t->shots;
        int end = at_most(f->first[t->seats[i] + 1], begin + EVAL_PROBES_MAX);
        for (int p = begin; p < end; p++) {
            float score = best_of(f, t->templates, t->people, p, &which);
            t->first += which == i;
            t->right[t->n_right++] = which == i ? score : -INFINITY;
        }
    }
}

static int run_strangers(const struct eval_faces *f, struct trial *t, const bool *seated)
{
    int strangers = 0, which = -1;
    for (int p = 0; p < f->people; p++) {
        int n = at_most(count_of(f, p), EVAL_PROBES_MAX);
        if (seated[p] || n == 0)
            continue;
        strangers++;
        for (int i = 0; i < n; i++)
            t->wrong[t->n_wrong++] = (struct candidate){
                best_of(f, t->templates, t->people, f->first[p] + i, &which), 1.0 / n};
    }
    return strangers;
}

static void summarise(struct trial *t, int strangers, struct eval_ident *result)
{
    *result = (struct eval_ident){.probes = t->n_right,
                                  .strangers = strangers,
                                  .sightings = t->n_wrong,
                                  .rank1 = (double)t->first / t->n_right};
    qsort(t->wrong, (size_t)t->n_wrong, sizeof *t->wrong, candidate_falling);
    for (int k = 0; k < EVAL_FPIR_N; k++) {
        int hits = 0;
        result->tpir[k] = result->threshold[k] = NAN;
        if (t->n_wrong * eval_fpirs[k] < 1)
            continue;
        double cut = fpir_threshold(t->wrong, t->n_wrong, strangers, eval_fpirs[k]);
        for (int i = 0; i < t->n_right; i++)
            hits += (double)t->right[i] > cut;
        result->threshold[k] = cut;
        result->tpir[k] = (double)hits / t->n_right;
    }
}

enum err eval_identify(const struct eval_faces *f, int people, int shots, uint64_t seed,
                       struct arena *a, struct eval_ident *ret_result, struct error *e)
{
    int *able = arena_array(a, (size_t)f->people, sizeof *able), n = 0;
    bool *seated = arena_array(a, (size_t)f->people, sizeof *seated);
    struct trial t = {.seats = able, .people = people, .shots = shots};
    t.templates = arena_array(a, (size_t)people * (size_t)f->dim, sizeof(float));
    t.wrong = arena_array(a, (size_t)f->n, sizeof *t.wrong);
    t.right = arena_array(a, (size_t)f->n, sizeof *t.right);
    if (!able || !seated || !t.templates || !t.wrong || !t.right)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int p = 0; p < f->people; p++)
        able[p] = p;
    eval_shuffle(able, f->people, &seed);
    for (int p = 0; p < f->people; p++)
        if (count_of(f, able[p]) > shots)
            able[n++] = able[p];
    if (n < people)
        return error_set(e, ERR_UNPROCESSABLE, "%d people have more than %d usable photos", n,
                         shots);
    for (int i = 0; i < people; i++) {
        seated[able[i]] = true;
        make_template(f, f->first[able[i]], shots, t.templates + (size_t)i * (size_t)f->dim);
    }
    run_probes(f, &t);
    int strangers = run_strangers(f, &t, seated);
    summarise(&t, strangers, ret_result);
    return ERR_OK;
}

/* Weight of each score between -1 and 1. */
struct tail {
    double *bins; /* [FMR_BINS] */
    int64_t pairs;
};

static double bin_score(int bin) { return -1 + (bin + 0.5) * 2 / FMR_BINS; }

static void tail_add(struct tail *t, float score, double weight)
{
    int bin = (int)(((double)score + 1) / 2 * FMR_BINS);
    t->bins[bin < 0 ? 0 : bin >= FMR_BINS ? FMR_BINS - 1 : bin] += weight;
}

/* Every template of one person against every photo of the others. */
static void tail_of_person(const struct eval_faces *f, const int *who, int n, int owner, int shots,
                           float *template_, struct tail *t)
{
    int groups = shots == 1 ? at_most(count_of(f, who[owner]), 1) : count_of(f, who[owner]) / shots;
    for (int g = 0; g < groups; g++) {
        make_template(f, f->first[who[owner]] + g * shots, shots, template_);
        for (int o = 0; o < n; o++)
            for (int i = f->first[who[o]]; o != owner && i < f->first[who[o] + 1]; i++)
                tail_add(t, dot(photo(f, i), template_, f->dim),
                         1.0 / count_of(f, who[o]) / groups);
    }
    t->pairs += groups ? n - 1 : 0;
}

/* Least squares of y on 1, s, s^2 by the normal equations (3 x 3, Cramer's rule). */
static void fit_parabola(const double *s, const double *y, int n, struct eval_table *t)
{
    double m[5] = {0}, v[3] = {0};
    for (int i = 0; i < n; i++) {
        double power = 1;
        for (int k = 0; k < 5; k++, power *= s[i]) {
            m[k] += power;
            if (k < 3)
                v[k] += power * y[i];
        }
    }
    double a = m[2] * m[4] - m[3] * m[3], b = m[1] * m[4] - m[2] * m[3];
    double c = m[1] * m[3] - m[2] * m[2], d = m[0] * m[4] - m[2] * m[2];
    double f = m[0] * m[3] - m[1] * m[2], g = m[0] * m[2] - m[1] * m[1];
    double det = m[0] * a - m[1] * b + m[2] * c;
    t->c0 = (v[0] * a - v[1] * b + v[2] * c) / det;
    t->c1 = (-v[0] * b + v[1] * d - v[2] * f) / det;
    t->c2 = (v[0] * c - v[1] * f + v[2] * g) / det;
}

/* The score at each of FIT_POINTS rates, even in log FMR, from the top of the histogram down. */
static void fit_tail(const struct tail *t, struct eval_table *table)
{
    double scores[FIT_POINTS], levels[FIT_POINTS], sum = 0;
    double lowest = log10(PAIRS_IN_TAIL / (double)t->pairs);
    lowest = lowest > LOG_FMR_LOW ? lowest : LOG_FMR_LOW;
    int k = FIT_POINTS - 1;
    for (int bin = FMR_BINS - 1; bin >= 0 && k >= 0; bin--) {
        sum += t->bins[bin];
        for (; k >= 0; k--) {
            levels[k] = LOG_FMR_HIGH + (lowest - LOG_FMR_HIGH) * k / (FIT_POINTS - 1);
            if (sum / (double)t->pairs < pow(10, levels[k]))
                break;
            scores[k] = bin_score(bin);
        }
    }
    fit_parabola(scores, levels, FIT_POINTS, table);
    table->lowest_fmr = pow(10, lowest);
    table->pairs = t->pairs;
}

enum err eval_fit_table(const struct eval_faces *f, const int *who, int n, int shots,
                        struct arena *a, struct eval_table *ret_table, struct error *e)
{
    struct tail t = {.bins = arena_array(a, FMR_BINS, sizeof *t.bins)};
    float *template_ = arena_array(a, (size_t)f->dim, sizeof *template_);
    if (!t.bins || !template_)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n; i++)
        tail_of_person(f, who, n, i, shots, template_, &t);
    if (t.pairs < PAIRS_MIN)
        return error_set(e, ERR_UNPROCESSABLE,
                         "%lld pairs of people are too few for a table of false-match rates",
                         (long long)t.pairs);
    fit_tail(&t, ret_table);
    return ERR_OK;
}

/* The rate of one gallery: seats [people] are in it, the rest of who[] are strangers. */
static double gallery_fpir(const struct eval_faces *f, const int *who, int n, const bool *seated,
                           const float *templates, int people, double threshold)
{
    double sum = 0;
    int strangers = 0, which = -1;
    for (int o = 0; o < n; o++) {
        int count = count_of(f, who[o]), named = 0;
        if (seated[who[o]] || count == 0)
            continue;
        for (int i = f->first[who[o]]; i < f->first[who[o] + 1]; i++)
            named += (double)best_of(f, templates, people, i, &which) > threshold;
        sum += (double)named / count;
        strangers++;
    }
    return strangers ? sum / strangers : NAN;
}

enum err eval_fpir_at(const struct eval_faces *f, const int *who, int n, int people, int shots,
                      double threshold, struct arena *a, double *ret_fpir, struct error *e)
{
    bool *seated = arena_array(a, (size_t)f->people, sizeof *seated);
    float *templates = arena_array(a, (size_t)people * (size_t)f->dim, sizeof *templates);
    int *able = arena_array(a, (size_t)n, sizeof *able), n_able = 0, galleries = 0;
    double sum = 0;
    if (!seated || !templates || !able)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n; i++)
        if (count_of(f, who[i]) >= shots)
            able[n_able++] = who[i];
    for (int start = 0; start + people <= n_able; start += people) {
        memset(seated, 0, (size_t)f->people * sizeof *seated);
        for (int i = 0; i < people; i++) {
            seated[able[start + i]] = true;
            make_template(f, f->first[able[start + i]], shots,
                          templates + (size_t)i * (size_t)f->dim);
        }
        double rate = gallery_fpir(f, who, n, seated, templates, people, threshold);
        if (!isnan(rate)) {
            sum += rate;
            galleries++;
        }
    }
    *ret_fpir = galleries ? sum / galleries : NAN;
    return ERR_OK;
}
