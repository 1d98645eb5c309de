/* Identification metrics: see eval_ident.h.
 *
 * Cost: one dot product for each probe and template, some 10^8 a second. Called by cmd/eval.c and
 * its tests; no state; any thread. */
#include "cmd/eval_ident.h"

#include "gallery/gallery.h"

#include <math.h>

const double eval_fpirs[EVAL_FPIR_N] = {0.01, 0.003, 0.001};

enum { LANES = 16, HUB_SPLITS = 5 };

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
    const float *from = f->templates ? f->templates : f->x;
    memset(to, 0, (size_t)f->dim * sizeof *to);
    for (int i = 0; i < shots; i++)
        for (int k = 0; k < f->dim; k++)
            to[k] += from[(size_t)(first + i) * (size_t)f->dim + (size_t)k];
    for (int k = 0; k < f->dim; k++)
        squares += (double)to[k] * (double)to[k];
    for (int k = 0; k < f->dim && squares > 0; k++)
        to[k] = (float)((double)to[k] / sqrt(squares));
}

/* How near everybody each of n templates is: the mean of its highest cosines to the others
 * (gallery.h); NULL where hubs do not count. In `a`. */
static enum err make_hubs(const struct eval_faces *f, const float *templates, int n,
                          struct arena *a, const float **ret_hubs, struct error *e)
{
    size_t dim = (size_t)f->dim;
    float *hubs = NULL, *scores = NULL;
    if (f->hub) {
        hubs = arena_array(a, (size_t)n + 1, sizeof *hubs);
        scores = arena_array(a, (size_t)n + 1, sizeof *scores);
        if (!hubs || !scores)
            return error_set(e, ERR_NOMEM, "out of memory");
    }
    for (int i = 0; hubs && i < n; i++) {
        size_t others = 0;
        for (int k = 0; k < n; k++)
            if (k != i)
                scores[others++] =
                    dot(templates + (size_t)i * dim, templates + (size_t)k * dim, f->dim);
        hubs[i] = gallery_hub_mean(scores, others);
    }
    *ret_hubs = hubs;
    return ERR_OK;
}

/* The score of a photo at the k-th template. */
static float score_of(const struct eval_faces *f, const float *templates, const float *hubs, int k,
                      int at)
{
    return dot(photo(f, at), templates + (size_t)k * (size_t)f->dim, f->dim) - (hubs ? hubs[k] : 0);
}

/* The best of n templates for a photo. */
static float best_of(const struct eval_faces *f, const float *templates, const float *hubs, int n,
                     int at, int *ret_which)
{
    float best = -INFINITY;
    for (int i = 0; i < n; i++) {
        float score = score_of(f, templates, hubs, i, at);
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
    const float *hubs;           /* [people], or NULL */
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
            float score = best_of(f, t->templates, t->hubs, t->people, p, &which);
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
                best_of(f, t->templates, t->hubs, t->people, f->first[p] + i, &which), 1.0 / n};
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
    enum err r = make_hubs(f, t.templates, people, a, &t.hubs, e);
    if (r)
        return r;
    run_probes(f, &t);
    int strangers = run_strangers(f, &t, seated);
    summarise(&t, strangers, ret_result);
    return ERR_OK;
}

static int shots_of(const struct eval_faces *f, int person, int shots)
{
    return shots == EVAL_SHOTS_ALL ? count_of(f, person) : shots;
}

/* Every template of one person against every photo of the others. */
static void tail_of_person(const struct eval_faces *f, const int *who, int n, int owner, int asked,
                           float *template_, struct fmr_tail *t)
{
    int count = count_of(f, who[owner]), shots = shots_of(f, who[owner], asked);
    int groups = asked <= 1 ? at_most(count, 1) : count / shots;
    for (int g = 0; g < groups; g++) {
        make_template(f, f->first[who[owner]] + g * shots, shots, template_);
        for (int o = 0; o < n; o++)
            for (int i = f->first[who[o]]; o != owner && i < f->first[who[o] + 1]; i++)
                fmr_tail_add(t, (double)dot(photo(f, i), template_, f->dim),
                             1.0 / count_of(f, who[o]) / groups);
    }
    t->pairs += groups ? n - 1 : 0;
}

/* Who of who[n] is enrolled where hubs count: at most half of all, so that strangers are left, and
 * two thirds of those who have the photos, so that some strangers have many. Puts them first. */
static int seat_some(const struct eval_faces *f, int *who, int n, int shots)
{
    int able = 0, most;
    for (int i = 0; i < n; i++)
        able += count_of(f, who[i]) >= shots && count_of(f, who[i]) > 0;
    most = at_most(n / 2, able * 2 / 3);
    for (int i = 0, seated = 0; i < n && seated < most; i++) {
        if (count_of(f, who[i]) < shots || count_of(f, who[i]) == 0)
            continue;
        int other = who[seated];
        who[seated++] = who[i];
        who[i] = other;
    }
    return most;
}

/* One random half of the people enrolled, the others strangers; `share` of the whole weight. */
static enum err tail_of_split(const struct eval_faces *f, int *who, int n, int shots, double share,
                              struct arena *a, struct fmr_tail *t, struct error *e)
{
    int seats = seat_some(f, who, n, shots);
    float *templates = arena_array(a, (size_t)seats * (size_t)f->dim + 1, sizeof *templates);
    if (!templates)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < seats; i++)
        make_template(f, f->first[who[i]], shots_of(f, who[i], shots),
                      templates + (size_t)i * (size_t)f->dim);
    const float *hubs = NULL;
    enum err r = make_hubs(f, templates, seats, a, &hubs, e);
    for (int o = seats; !r && o < n; o++)
        for (int i = f->first[who[o]]; i < f->first[who[o] + 1]; i++)
            for (int k = 0; k < seats; k++)
                fmr_tail_add(t, (double)score_of(f, templates, hubs, k, i),
                             share / count_of(f, who[o]));
    t->pairs += share * seats * (n - seats);
    return r;
}

static enum err tail_with_hubs(const struct eval_faces *f, const int *who, int n, int shots,
                               struct arena *a, struct fmr_tail *t, struct error *e)
{
    enum err r = ERR_OK;
    uint64_t seed = 1;
    int *order = arena_array(a, (size_t)n + 1, sizeof *order);
    if (!order)
        return error_set(e, ERR_NOMEM, "out of memory");
    memcpy(order, who, (size_t)n * sizeof *order);
    for (int s = 0; s < HUB_SPLITS && !r; s++) {
        eval_shuffle(order, n, &seed);
        r = tail_of_split(f, order, n, shots, 1.0 / HUB_SPLITS, a, t, e);
    }
    return r;
}

enum err eval_tail(const struct eval_faces *f, const int *who, int n, int shots, struct arena *a,
                   struct fmr_tail *ret_tail, struct error *e)
{
    struct fmr_tail t;
    float *template_ = arena_array(a, (size_t)f->dim, sizeof *template_);
    enum err r = template_ ? fmr_tail_new(a, &t, e) : error_set(e, ERR_NOMEM, "out of memory");
    if (!r && f->hub)
        r = tail_with_hubs(f, who, n, shots, a, &t, e);
    for (int i = 0; !r && !f->hub && i < n; i++)
        tail_of_person(f, who, n, i, shots, template_, &t);
    if (!r)
        *ret_tail = t;
    return r;
}

enum err eval_fit_table(const struct eval_faces *f, const int *who, int n, int shots,
                        struct arena *a, struct eval_table *ret_table, struct error *e)
{
    struct fmr_tail t;
    enum err r = eval_tail(f, who, n, shots, a, &t, e);
    if (!r)
        r = fmr_tail_fit(&t, &ret_table->curve, e);
    if (r)
        return r;
    ret_table->pairs = (int64_t)t.pairs;
    ret_table->comparisons = t.comparisons;
    ret_table->people = 0;
    for (int i = 0; i < n; i++)
        ret_table->people += count_of(f, who[i]) >= shots;
    return ERR_OK;
}

/* One gallery of templates, and who is a stranger to it. */
struct fpir_trial {
    const int *who;
    const bool *known; /* [people of f] no strangers: enrolled here or elsewhere */
    int n, people;
    const float *templates, *hubs;
    double threshold;
};

static double gallery_fpir(const struct eval_faces *f, const struct fpir_trial *t)
{
    double sum = 0;
    int strangers = 0, which = -1;
    for (int o = 0; o < t->n; o++) {
        int who = t->who[o], count = count_of(f, who), named = 0;
        if (t->known[who] || count == 0)
            continue;
        for (int i = f->first[who]; i < f->first[who + 1]; i++)
            named += (double)best_of(f, t->templates, t->hubs, t->people, i, &which) > t->threshold;
        sum += (double)named / count;
        strangers++;
    }
    return strangers ? sum / strangers : NAN;
}

/* All galleries of t->people that the n_able people of able[] fill. */
static double mean_fpir(const struct eval_faces *f, struct fpir_trial *t, const int *able,
                        int n_able, const float *templates, const float *hubs, bool *known)
{
    double sum = 0;
    int galleries = 0;
    for (int start = 0; start + t->people <= n_able; start += t->people) {
        for (int i = 0; i < n_able; i++)
            known[able[i]] = f->hub || (i >= start && i < start + t->people);
        t->templates = templates + (size_t)start * (size_t)f->dim;
        t->hubs = hubs ? hubs + start : NULL;
        double rate = gallery_fpir(f, t);
        if (!isnan(rate)) {
            sum += rate;
            galleries++;
        }
    }
    return galleries ? sum / galleries : NAN;
}

enum err eval_fpir_at(const struct eval_faces *f, const int *who, int n, int people, int shots,
                      double threshold, struct arena *a, double *ret_fpir, struct error *e)
{
    bool *known = arena_array(a, (size_t)f->people, sizeof *known);
    float *templates = arena_array(a, (size_t)n * (size_t)f->dim + 1, sizeof *templates);
    int *able = arena_array(a, (size_t)n + 1, sizeof *able), n_able = 0;
    const float *hubs = NULL;
    if (!known || !templates || !able)
        return error_set(e, ERR_NOMEM, "out of memory");
    memcpy(able, who, (size_t)n * sizeof *able);
    if (f->hub)
        n_able = seat_some(f, able, n, shots);
    for (int i = 0; !f->hub && i < n; i++)
        if (count_of(f, who[i]) >= shots)
            able[n_able++] = who[i];
    for (int i = 0; i < n_able; i++)
        make_template(f, f->first[able[i]], shots, templates + (size_t)i * (size_t)f->dim);
    enum err r = make_hubs(f, templates, n_able, a, &hubs, e);
    if (r)
        return r;
    struct fpir_trial t = {
        .who = who, .known = known, .n = n, .people = people, .threshold = threshold};
    *ret_fpir = mean_fpir(f, &t, able, n_able, templates, hubs, known);
    return ERR_OK;
}
