/* What must hold of the topics of every bus, also one that misbehaves: every follower who keeps to
 * the rule of bus.h (ignore ids not above the last, replay on a gap) ends with the same events in
 * the same order and no gap. Payloads name their events, so an id given twice is found out. */
#include "bus_suite.h"

#include "base/mem.h"

enum {
    PUBLISHERS = 4,
    FOLLOWERS = 3,
    EVENTS = 40, /* of each publisher */
    TOPICS = 2,
    SEEN_MAX = PUBLISHERS * EVENTS * 4,
    TEXT_MAX = 32,
};

static const char *const topics[TOPICS] = {"session/1", "session/2"};

struct seen {
    int64_t id;
    char text[TEXT_MAX];
};

/* One who follows one topic. */
struct follower {
    int64_t last;
    bool gap;      /* an id was skipped: replay */
    unsigned lost; /* snapshots: times a replay answered NOT_FOUND */
    struct seen seen[SEEN_MAX];
    int n;
};

struct crowd {
    struct bus_bench bench;
    struct verdict verdict;
    pthread_mutex_t lock; /* over the followers */
    struct follower followers[TOPICS][FOLLOWERS];
    struct follower told; /* what publish itself answered, of topic 0 */
    struct chaos deaf;    /* makes followers miss events of their own */
    _Atomic int inside;   /* threads in on_event */
    _Atomic int publishers_done;
};

struct hand {
    struct crowd *c;
    int number;
};

static void see(struct crowd *c, struct follower *f, int64_t id, struct str bytes)
{
    if (f->n == SEEN_MAX || bytes.n >= TEXT_MAX) {
        verdict_fail(&c->verdict, "too many events, or one too long");
        return;
    }
    f->seen[f->n].id = id;
    memcpy(f->seen[f->n].text, bytes.p, bytes.n);
    f->seen[f->n++].text[bytes.n] = 0;
    f->last = id;
}

static void on_event(void *ctx, const struct bus_event *event)
{
    struct crowd *c = ctx;
    bool exact = !c->bench.subject->suite.chaotic;
    if (atomic_fetch_add(&c->inside, 1) != 0)
        verdict_fail(&c->verdict, "two events at a time");
    pthread_mutex_lock(&c->lock);
    for (int t = 0; t < TOPICS; t++)
        for (int i = 0; i < FOLLOWERS && str_is(event->topic, topics[t]); i++) {
            struct follower *f = &c->followers[t][i];
            if (exact && i == 0 && event->id != f->last + 1)
                verdict_fail(&c->verdict, "event %lld came after %lld", (long long)event->id,
                             (long long)f->last);
            if (i > 0 && chaos_strikes(&c->deaf, 100))
                continue;
            if (event->id == f->last + 1 && !f->gap)
                see(c, f, event->id, event->bytes);
            else if (event->id > f->last)
                f->gap = true;
        }
    pthread_mutex_unlock(&c->lock);
    atomic_fetch_sub(&c->inside, 1);
}

/* The follower asks for what it missed; false when the bus did not answer. */
static bool catch_up(struct crowd *c, int t, struct follower *f)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
    struct bus_event *events;
    int n;
    int64_t last, from;
    pthread_mutex_lock(&c->lock);
    from = f->last;
    pthread_mutex_unlock(&c->lock);
    enum err r = bus_replay(c->bench.b, a, str_from(topics[t]), from, &events, &n, &last, NULL);
    if (r == ERR_NOT_FOUND) /* a snapshot, from the newest id on */
        r = bus_replay(c->bench.b, a, str_from(topics[t]), BUS_REPLAY_NEWEST, &events, &n, &last,
                       NULL);
    else if (!r && last - from != n)
        verdict_fail(&c->verdict, "a replay of %d events from %lld to %lld", n, (long long)from,
                     (long long)last);
    if (r)
        return false;
    pthread_mutex_lock(&c->lock);
    if (n == 0 && last != from) {
        f->lost++;
        if (last < f->last)
            verdict_fail(&c->verdict, "ids went back from %lld to %lld", (long long)f->last,
                         (long long)last);
        f->last = last > f->last ? last : f->last;
    }
    for (int i = 0; i < n; i++) {
        if (events[i].id != from + 1 + i)
            verdict_fail(&c->verdict, "a replay with a gap");
        if (events[i].id == f->last + 1)
            see(c, f, events[i].id, events[i].bytes);
    }
    f->gap = false;
    pthread_mutex_unlock(&c->lock);
    return true;
}

static void publish_one(struct crowd *c, int topic, const char *text)
{
    int64_t id;
    if (bus_publish(c->bench.b, str_from(topics[topic]), str_from(text), &id, NULL) || topic != 0)
        return;
    pthread_mutex_lock(&c->lock);
    see(c, &c->told, id, str_from(text));
    pthread_mutex_unlock(&c->lock);
}

static void *crowd_hand(void *arg)
{
    struct hand *h = arg;
    struct crowd *c = h->c;
    char text[TEXT_MAX];
    if (h->number < PUBLISHERS) {
        for (int i = 0; i < EVENTS; i++) {
            snprintf(text, sizeof(text), "%d:%d", h->number, i);
            publish_one(c, i % TOPICS, text);
        }
        atomic_fetch_add(&c->publishers_done, 1);
        return NULL;
    }
    while (atomic_load(&c->publishers_done) < PUBLISHERS)
        for (int t = 0; t < TOPICS; t++) {
            struct follower *f = &c->followers[t][h->number - PUBLISHERS];
            pthread_mutex_lock(&c->lock);
            bool gap = f->gap;
            pthread_mutex_unlock(&c->lock);
            if (gap)
                catch_up(c, t, f);
            suite_sleep(USEC_PER_MSEC / 4);
        }
    return NULL;
}

/* Whatever both saw under an id is the same event; without losses both saw all. */
static void compare(struct crowd *c, const struct follower *a, const struct follower *b)
{
    bool whole = !c->bench.subject->loses;
    int i = 0, j = 0;
    if (whole && a->n != b->n)
        verdict_fail(&c->verdict, "followers saw %d and %d events", a->n, b->n);
    while (i < a->n && j < b->n) {
        const struct seen *x = &a->seen[i], *y = &b->seen[j];
        if (x->id == y->id && strcmp(x->text, y->text) != 0)
            verdict_fail(&c->verdict, "id %lld is two events", (long long)x->id);
        i += x->id <= y->id;
        j += y->id <= x->id;
    }
}

static void check_follower(struct crowd *c, const struct follower *f)
{
    for (int i = 1; i < f->n; i++)
        if (f->seen[i].id <= f->seen[i - 1].id ||
            (!c->bench.subject->loses && f->seen[i].id != f->seen[i - 1].id + 1))
            verdict_fail(&c->verdict, "id %lld was seen after %lld", (long long)f->seen[i].id,
                         (long long)f->seen[i - 1].id);
    if (!c->bench.subject->loses && f->lost > 0)
        verdict_fail(&c->verdict, "events were no longer kept");
}

/* Every event that publish told of was seen by the follower under that id. */
static void check_told(struct crowd *c, const struct follower *f)
{
    for (int i = 0; i < c->told.n; i++) {
        bool found = false;
        for (int j = 0; j < f->n && !found; j++)
            found = f->seen[j].id == c->told.seen[i].id &&
                    strcmp(f->seen[j].text, c->told.seen[i].text) == 0;
        if (!found)
            verdict_fail(&c->verdict, "event %lld was published and not seen",
                         (long long)c->told.seen[i].id);
    }
}

static void begin_following(struct crowd *c)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct bus_event *events;
    int n;
    for (int t = 0; t < TOPICS; t++) {
        int64_t last = 0;
        while (bus_subscribe(c->bench.b, str_from(topics[t]), NULL))
            ;
        while (bus_replay(c->bench.b, a, str_from(topics[t]), BUS_REPLAY_NEWEST, &events, &n, &last,
                          NULL))
            ;
        for (int i = 0; i < FOLLOWERS; i++)
            c->followers[t][i].last = last;
    }
}

static void all_followers_see_the_same_events_in_the_same_order(void **state)
{
    static struct crowd c;
    struct hand hands[PUBLISHERS + FOLLOWERS];
    const struct bus_subject *subject = *state;
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        c = (struct crowd){.verdict = VERDICT_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};
        chaos_init(&c.deaf, seed, &(struct chaos_rates){0});
        bus_bench_open(&c.bench, subject, seed, &bus_roomy, on_event, &c);
        begin_following(&c);
        for (int i = 0; i < PUBLISHERS + FOLLOWERS; i++)
            hands[i] = (struct hand){&c, i};
        suite_threads(PUBLISHERS + FOLLOWERS, crowd_hand, hands, sizeof(hands[0]));
        for (int t = 0; t < TOPICS; t++)
            for (int i = 0; i < FOLLOWERS; i++) {
                while (!catch_up(&c, t, &c.followers[t][i]))
                    ;
                check_follower(&c, &c.followers[t][i]);
                compare(&c, &c.followers[t][0], &c.followers[t][i]);
            }
        if (!subject->loses)
            check_told(&c, &c.followers[0][0]);
        bus_bench_close(&c.bench);
        verdict_check(&c.verdict, subject->suite.name, seed);
    }
}

enum { HISTORY = 16 };

/* Replays from `after` and compares with the newest `n` events, "0", "1" ... of ids base + 1 ... */
static void check_replay(struct bus_bench *b, struct verdict *v, int64_t base, int n, int64_t after)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct bus_event *events;
    int got;
    int64_t last;
    enum err r;
    do
        r = bus_replay(b->b, a, STR("t"), after, &events, &got, &last, NULL);
    while (r == ERR_UNAVAILABLE);
    bool kept = after >= base && after <= base + n && base + n - after <= HISTORY;
    if (r != (kept ? ERR_OK : ERR_NOT_FOUND)) {
        verdict_fail(v, "a replay of the last %lld of %d answered %s",
                     (long long)(base + n - after), n, err_name(r));
        return;
    }
    for (int i = 0; !r && i < got; i++) {
        int64_t number;
        if (str_to_i64(events[i].bytes, &number, NULL) || events[i].id != after + 1 + i ||
            number != events[i].id - base - 1 || !str_is(events[i].topic, "t"))
            verdict_fail(v, "a replay gave another event for id %lld", (long long)events[i].id);
    }
    if (!r && (got != base + n - after || last != base + n))
        verdict_fail(v, "a replay gave %d events instead of %lld", got,
                     (long long)(base + n - after));
}

static int64_t newest(struct bus_bench *b)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct bus_event *events;
    int n;
    int64_t last;
    while (bus_replay(b->b, a, STR("t"), BUS_REPLAY_NEWEST, &events, &n, &last, NULL))
        ;
    return last;
}

/* Publishes event number n surely once: after an unanswered call it asks whether it was lost. */
static void publish_number(struct bus_bench *b, int64_t base, int n)
{
    char text[16];
    int64_t id;
    snprintf(text, sizeof(text), "%d", n);
    while (bus_publish(b->b, STR("t"), str_from(text), &id, NULL))
        if (newest(b) == base + n + 1)
            return;
}

static void a_replay_gives_exactly_what_was_missed_or_not_found(void **state)
{
    const struct bus_subject *subject = *state;
    struct bus_options o = bus_roomy;
    struct verdict v = VERDICT_INIT;
    uint64_t first;
    int seeds = suite_seeds(&first);
    o.history_max = HISTORY;
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        struct bus_bench b;
        bus_bench_open(&b, subject, seed, &o, NULL, NULL);
        b.chaos.rates.restart = 0; /* those come one by one below */
        int64_t base = newest(&b);
        int n = 0;
        for (int round = 0; round < 6; round++) {
            int more = (int)chaos_below(&b.chaos, 12);
            for (int i = 0; i < more; i++)
                publish_number(&b, base, n++);
            for (int64_t after = base - 2; after <= base + n + 2; after++)
                check_replay(&b, &v, base, n, after);
        }
        if (subject->suite.chaotic) {
            atomic_store(&b.chaos.restart_now, true);
            if (!subject->restarts || subject->loses) { /* a new life: above all earlier ids */
                int64_t before = base + n;
                base = newest(&b);
                if (base < before)
                    verdict_fail(&v, "ids began again below earlier ones");
                n = 0;
            }
            for (int64_t after = base - 20; after <= base + n; after++)
                check_replay(&b, &v, base, n, after);
            publish_number(&b, base, n++);
            check_replay(&b, &v, base, n, base + n - 1);
        }
        bus_bench_close(&b);
        verdict_check(&v, subject->suite.name, seed);
    }
}

const struct suite_test bus_properties[] = {
    {"all followers see the same events in the same order",
     all_followers_see_the_same_events_in_the_same_order, false},
    {"a replay gives exactly what was missed or not found",
     a_replay_gives_exactly_what_was_missed_or_not_found, false},
};
const size_t bus_properties_n = ARRAY_LEN(bus_properties);
