/* What must hold of the shared state of every bus, also one that misbehaves: versions never go
 * back, put_once has one winner, no swap is lost, evidence and scores are of a set and not of an
 * order, sets hold only what was added. */
#include "bus_suite.h"

#include <math.h>

enum {
    THREADS = 8,
    ROUNDS = 40,
    SIGHTINGS = 24,
    SWAPS = 10, /* of each thread */
    TEXT_MAX = 32,
};

#define TTL_SHORT (30 * USEC_PER_MSEC)
#define TTL_LONG (60 * USEC_PER_SEC)

/* What threads share; each property uses what it needs. */
struct world {
    struct bus_bench bench;
    struct verdict verdict;
    usec_t ttl;
    _Atomic int64_t stored;  /* the store: the version committed */
    _Atomic int64_t dropped; /* drops up to this version have been answered */
    pthread_mutex_t lock;    /* over winner and winners */
    char winner[TEXT_MAX];
    int winners;
    struct sighting {
        char frame[TEXT_MAX];
        usec_t at;
        double score;
    } sightings[SIGHTINGS];
};

struct hand {
    struct world *w;
    int number;
    struct chaos dice;
};

static void hands_init(struct hand *hands, struct world *w, uint64_t seed)
{
    for (int i = 0; i < THREADS; i++) {
        hands[i] = (struct hand){.w = w, .number = i};
        chaos_init(&hands[i].dice, seed * 1000 + (uint64_t)i, &(struct chaos_rates){0});
    }
}

/* Begins a run; end_run ends it. */
static void begin_run(struct world *w, const struct bus_subject *subject, uint64_t seed)
{
    *w =
        (struct world){.verdict = VERDICT_INIT, .lock = PTHREAD_MUTEX_INITIALIZER, .ttl = TTL_LONG};
    bus_bench_open(&w->bench, subject, seed, &bus_roomy, NULL, NULL);
}

static void end_run(struct world *w, uint64_t seed)
{
    bus_bench_close(&w->bench);
    verdict_check(&w->verdict, w->bench.subject->suite.name, seed);
}

/* Commits a version to the store, then drops the cached value, as whoever changes a roster does. */
static void change(struct world *w)
{
    int64_t version = atomic_fetch_add(&w->stored, 1) + 1;
    while (bus_cache_drop(w->bench.b, STR("roster"), version, w->ttl, NULL))
        ;
    int64_t before = atomic_load(&w->dropped);
    while (before < version && !atomic_compare_exchange_weak(&w->dropped, &before, version))
        ;
}

/* Reads the cache; on a miss loads from the store, dawdles, and puts what it has loaded. */
static void read_through(struct hand *h)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct world *w = h->w;
    char text[TEXT_MAX];
    struct str got;
    int64_t version, floor = atomic_load(&w->dropped);
    enum err r = bus_cache_get(w->bench.b, a, STR("roster"), &got, NULL);
    if (!r) {
        if (str_to_i64(got, &version, NULL) || version > atomic_load(&w->stored))
            verdict_fail(&w->verdict, "the cache gave what was never stored");
        else if (!w->bench.subject->loses && version < floor)
            verdict_fail(&w->verdict, "version %lld came back after %lld", (long long)version,
                         (long long)floor);
        return;
    }
    if (r != ERR_NOT_FOUND && r != ERR_UNAVAILABLE)
        verdict_fail(&w->verdict, "a read answered %s", err_name(r));
    version = atomic_load(&w->stored);
    if (chaos_below(&h->dice, 2))
        suite_sleep((usec_t)chaos_below(&h->dice, 600));
    snprintf(text, sizeof(text), "%lld", (long long)version);
    r = bus_cache_put(w->bench.b, STR("roster"), version, str_from(text), w->ttl, NULL);
    if (r && r != ERR_UNAVAILABLE)
        verdict_fail(&w->verdict, "a put answered %s", err_name(r));
}

static void *reader_or_writer(void *arg)
{
    struct hand *h = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (h->number < 2 && chaos_below(&h->dice, 3) == 0)
            change(h->w);
        else
            read_through(h);
        if (chaos_below(&h->dice, 4) == 0)
            suite_sleep((usec_t)chaos_below(&h->dice, 300));
    }
    return NULL;
}

static void an_older_version_never_overwrites_a_newer_one(void **state)
{
    static struct world w;
    struct hand hands[THREADS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        begin_run(&w, subject, seed);
        if (subject->loses) /* then a stale value lives for a ttl at most */
            w.ttl = TTL_SHORT;
        hands_init(hands, &w, seed);
        suite_threads(THREADS, reader_or_writer, hands, sizeof(hands[0]));
        atomic_store(&w.bench.chaos.calm, true);
        if (subject->loses) {
            suite_sleep(TTL_SHORT + USEC_PER_MSEC);
            _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
            struct str got;
            if (bus_cache_get(w.bench.b, a, STR("roster"), &got, NULL) != ERR_NOT_FOUND)
                verdict_fail(&w.verdict, "a value outlived its ttl");
        }
        end_run(&w, seed);
    }
}

static void *contender(void *arg)
{
    struct hand *h = arg;
    struct world *w = h->w;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    char mine[TEXT_MAX];
    struct str there = {0};
    enum err r;
    snprintf(mine, sizeof(mine), "frame of %d", h->number);
    do
        r = bus_put_once(w->bench.b, a, STR("camera/boot/7"), str_from(mine), TTL_LONG, &there,
                         NULL);
    while (r == ERR_UNAVAILABLE);
    if (r) {
        verdict_fail(&w->verdict, "put_once answered %s", err_name(r));
        return NULL;
    }
    struct str won = there.p ? there : str_from(mine);
    pthread_mutex_lock(&w->lock);
    w->winners += !there.p || str_is(there, mine);
    if (!w->winner[0])
        snprintf(w->winner, sizeof(w->winner), "%.*s", STR_ARGS(won));
    else if (!w->bench.subject->loses && !str_is(won, w->winner))
        verdict_fail(&w->verdict, "put_once kept '%s' and '%.*s'", w->winner, STR_ARGS(won));
    if (!str_starts(won, STR("frame of ")))
        verdict_fail(&w->verdict, "put_once gave what nobody put");
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void *taker(void *arg)
{
    struct hand *h = arg;
    struct world *w = h->w;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str got;
    enum err r = bus_take(w->bench.b, a, STR("camera/boot/7"), &got, NULL);
    pthread_mutex_lock(&w->lock);
    w->winners += r == ERR_OK;
    if (r == ERR_OK && !str_is(got, w->winner) && !w->bench.subject->loses)
        verdict_fail(&w->verdict, "take gave other bytes than were kept");
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void put_once_and_take_have_one_winner(void **state)
{
    static struct world w;
    struct hand hands[THREADS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        begin_run(&w, subject, seed);
        hands_init(hands, &w, seed);
        suite_threads(THREADS, contender, hands, sizeof(hands[0]));
        if (w.winners < 1 || (w.winners > 1 && !subject->loses))
            verdict_fail(&w.verdict, "put_once had %d winners", w.winners);
        w.winners = 0;
        suite_threads(THREADS, taker, hands, sizeof(hands[0]));
        if (w.winners > 1 || (w.winners < 1 && !subject->suite.chaotic))
            verdict_fail(&w.verdict, "take had %d winners", w.winners);
        end_run(&w, seed);
    }
}

/* "N HAND": N swaps were made, the last by HAND. */
static int64_t swaps_of(struct str text)
{
    int64_t n = 0;
    for (size_t i = 0; i < text.n && text.p[i] != ' '; i++)
        n = 10 * n + text.p[i] - '0';
    return n;
}

/* Makes SWAPS swaps, perhaps more: what was not answered may have been done. */
static void *swapper(void *arg)
{
    struct hand *h = arg;
    struct world *w = h->w;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str there = STR("0");
    for (int swapped = 0; swapped < SWAPS;) {
        char next[TEXT_MAX];
        struct str was;
        snprintf(next, sizeof(next), "%lld %d", (long long)swaps_of(there) + 1, h->number);
        enum err r =
            bus_swap(w->bench.b, a, STR("count"), there, str_from(next), TTL_LONG, &was, NULL);
        if (r == ERR_UNAVAILABLE)
            continue;
        if (r == ERR_NOT_FOUND && w->bench.subject->loses)
            break;
        if (r) {
            verdict_fail(&w->verdict, "swap answered %s", err_name(r));
            break;
        }
        swapped += !was.p;
        there = was.p ? was : arena_copy(a, str_from(next));
    }
    return NULL;
}

static void no_swap_is_lost(void **state)
{
    enum { ALL = THREADS * SWAPS };
    static struct world w;
    struct hand hands[THREADS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
        struct str there;
        enum err r;
        begin_run(&w, subject, seed);
        do
            r = bus_put_once(w.bench.b, a, STR("count"), STR("0"), TTL_LONG, &there, NULL);
        while (r == ERR_UNAVAILABLE);
        hands_init(hands, &w, seed);
        suite_threads(THREADS, swapper, hands, sizeof(hands[0]));
        atomic_store(&w.bench.chaos.calm, true);
        r = bus_take(w.bench.b, a, STR("count"), &there, NULL);
        int64_t n = r ? -1 : swaps_of(there);
        if (!subject->loses && (n < ALL || (!subject->suite.chaotic && n > ALL)))
            verdict_fail(&w.verdict, "%lld of %d swaps are there", (long long)n, ALL);
        end_run(&w, seed);
    }
}

static const struct bus_evidence_rule rule = {.gap = 300 * USEC_PER_MSEC,
                                              .window = 3 * USEC_PER_SEC};

/* The rule of bus.h, written the slow way. */
static int count_by_the_rule(const struct world *w)
{
    usec_t newest = 0, counted = -1;
    int n = 0;
    for (int i = 0; i < SIGHTINGS; i++)
        newest = w->sightings[i].at > newest ? w->sightings[i].at : newest;
    for (;;) { /* the oldest in the window that is far enough from the last counted */
        usec_t next = INT64_MAX;
        for (int i = 0; i < SIGHTINGS; i++) {
            usec_t at = w->sightings[i].at;
            if (newest - at <= rule.window && at < next && (n == 0 || at - counted >= rule.gap))
                next = at;
        }
        if (next == INT64_MAX)
            return n;
        counted = next;
        n++;
    }
}

static int add_sighting(struct world *w, size_t i)
{
    const struct sighting *s = &w->sightings[i];
    int n = -1;
    enum err r;
    do
        r = bus_evidence_add(w->bench.b, STR("session/student"), str_from(s->frame), s->at, &rule,
                             &n, NULL);
    while (r == ERR_UNAVAILABLE);
    if (r)
        verdict_fail(&w->verdict, "a sighting answered %s", err_name(r));
    return n;
}

/* Adds all sightings in an order of its own, some of them twice. */
static void *witness(void *arg)
{
    struct hand *h = arg;
    size_t order[SIGHTINGS];
    for (size_t i = 0; i < SIGHTINGS; i++) {
        size_t j = chaos_below(&h->dice, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < SIGHTINGS; i++) {
        int n = add_sighting(h->w, order[i]);
        if (n < 1 || n > SIGHTINGS)
            verdict_fail(&h->w->verdict, "%d sightings counted", n);
        if (chaos_below(&h->dice, 3) == 0)
            add_sighting(h->w, order[chaos_below(&h->dice, i + 1)]);
    }
    return NULL;
}

static void evidence_counts_a_set_whatever_the_order(void **state)
{
    static struct world w;
    struct hand hands[THREADS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        begin_run(&w, subject, seed);
        hands_init(hands, &w, seed);
        for (int i = 0; i < SIGHTINGS; i++) {
            snprintf(w.sightings[i].frame, TEXT_MAX, "frame-%d", i);
            w.sightings[i].at = USEC_PER_DAY + (usec_t)chaos_below(&w.bench.chaos, 5000000);
        }
        suite_threads(3, witness, hands, sizeof(hands[0]));
        atomic_store(&w.bench.chaos.calm, true);
        int n = 0, right = count_by_the_rule(&w);
        for (size_t i = 0; i < SIGHTINGS; i++) { /* lost evidence comes back by sightings */
            n = add_sighting(&w, i);
            if (!subject->loses && n != right)
                verdict_fail(&w.verdict, "%d sightings count, %d were counted", right, n);
        }
        if (n != right)
            verdict_fail(&w.verdict, "in the end %d sightings count, %d were counted", right, n);
        end_run(&w, seed);
    }
}

/* The mean that bus.h promises to whoever adds sighting i when all are known, the slow way. */
static double mean_by_the_rule(const struct world *w, size_t i)
{
    usec_t newest = 0;
    double sum = 0;
    int n = 0;
    for (int k = 0; k < SIGHTINGS; k++)
        newest = w->sightings[k].at > newest ? w->sightings[k].at : newest;
    for (int k = 0; k < SIGHTINGS; k++) {
        bool within = newest - w->sightings[k].at <= rule.window;
        sum += within ? w->sightings[k].score : 0;
        n += within;
    }
    return newest - w->sightings[i].at <= rule.window ? sum / n : w->sightings[i].score;
}

static double add_score(struct world *w, size_t i, double score)
{
    const struct sighting *s = &w->sightings[i];
    struct bus_score got = {0};
    enum err r;
    do
        r = bus_score_add(w->bench.b, STR("session/student"), str_from(s->frame), s->at, score,
                          rule.window, &got, NULL);
    while (r == ERR_UNAVAILABLE);
    if (r)
        verdict_fail(&w->verdict, "a score answered %s", err_name(r));
    if (got.count < 1 || got.count > SIGHTINGS || !(got.mean >= 0 && got.mean <= 1))
        verdict_fail(&w->verdict, "a mean of %g of %d scores", got.mean, got.count);
    return got.mean;
}

/* Adds all scores in an order of its own, some of them twice, a few too high at first. */
static void *judge(void *arg)
{
    struct hand *h = arg;
    struct world *w = h->w;
    size_t order[SIGHTINGS];
    for (size_t i = 0; i < SIGHTINGS; i++) {
        size_t j = chaos_below(&h->dice, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (size_t i = 0; i < SIGHTINGS; i++) {
        if (chaos_below(&h->dice, 4) == 0)
            add_score(w, order[i], 1);
        add_score(w, order[i], w->sightings[order[i]].score);
        if (chaos_below(&h->dice, 3) == 0) {
            size_t again = order[chaos_below(&h->dice, i + 1)];
            add_score(w, again, w->sightings[again].score);
        }
    }
    return NULL;
}

static void scores_average_a_set_whatever_the_order(void **state)
{
    static struct world w;
    struct hand hands[THREADS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        begin_run(&w, subject, seed);
        hands_init(hands, &w, seed);
        for (int i = 0; i < SIGHTINGS; i++) {
            snprintf(w.sightings[i].frame, TEXT_MAX, "frame-%d", i);
            w.sightings[i].at = USEC_PER_DAY + (usec_t)chaos_below(&w.bench.chaos, 5000000);
            w.sightings[i].score = (double)chaos_below(&w.bench.chaos, 1000) / 1000;
        }
        suite_threads(3, judge, hands, sizeof(hands[0]));
        atomic_store(&w.bench.chaos.calm, true);
        for (size_t i = 0; subject->loses && i < SIGHTINGS; i++) /* what restarts took */
            add_score(&w, i, w.sightings[i].score);
        for (size_t i = 0; i < SIGHTINGS; i++) {
            double got = add_score(&w, i, w.sightings[i].score), right = mean_by_the_rule(&w, i);
            if (fabs(got - right) > 1e-9)
                verdict_fail(&w.verdict, "a mean of %g, not %g", got, right);
        }
        end_run(&w, seed);
    }
}

static void *member(void *arg)
{
    struct hand *h = arg;
    struct world *w = h->w;
    char mine[TEXT_MAX];
    bool has = false, exact = !w->bench.subject->suite.chaotic;
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(mine, sizeof(mine), "student-%d-%d", h->number, i);
        if (bus_set_has(w->bench.b, STR("present/1"), str_from(mine), &has, NULL) == ERR_OK && has)
            verdict_fail(&w->verdict, "%s is present before the mark", mine);
        while (bus_set_add(w->bench.b, STR("present/1"), str_from(mine), TTL_LONG, NULL))
            ;
        if (bus_set_has(w->bench.b, STR("present/1"), str_from(mine), &has, NULL) == ERR_OK &&
            !has && exact)
            verdict_fail(&w->verdict, "%s was forgotten", mine);
        if (bus_set_has(w->bench.b, STR("present/2"), str_from(mine), &has, NULL) == ERR_OK && has)
            verdict_fail(&w->verdict, "%s is in another session's set", mine);
    }
    return NULL;
}

static void a_set_holds_only_what_was_added(void **state)
{
    static struct world w;
    struct hand hands[THREADS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        begin_run(&w, subject, seed);
        hands_init(hands, &w, seed);
        suite_threads(3, member, hands, sizeof(hands[0]));
        end_run(&w, seed);
    }
}

const struct suite_test bus_state_properties[] = {
    {"an older version never overwrites a newer one", an_older_version_never_overwrites_a_newer_one,
     false},
    {"put_once and take have one winner", put_once_and_take_have_one_winner, false},
    {"no swap is lost", no_swap_is_lost, false},
    {"evidence counts a set whatever the order", evidence_counts_a_set_whatever_the_order, false},
    {"scores average a set whatever the order", scores_average_a_set_whatever_the_order, false},
    {"a set holds only what was added", a_set_holds_only_what_was_added, false},
};
const size_t bus_state_properties_n = ARRAY_LEN(bus_state_properties);
