/* What must hold on every queue back end, also one that misbehaves: threads of producers and
 * consumers at work, then the account of every single item. Nothing here knows the back end. */
#include "queue_suite.h"

enum {
    ITEMS = 96,
    PRODUCERS = 4,
    CONSUMERS = 4,
    PUSHERS = 8,
    TRIES = 8,
    BATCH = 4,
    PAYLOAD_MAX = 400,
};

#define LEASE (8 * USEC_PER_MSEC)
#define DRAIN_TIME (10 * USEC_PER_SEC)

/* The account of one item; under work.lock. */
struct tracked {
    enum queue_lane lane;
    int deliveries, notices;
    unsigned seen;   /* bit t: delivery number t came */
    bool acked;      /* an ack answered OK */
    int acked_tries; /* of which delivery */
    bool maybe;      /* an ack or bury was left unanswered */
    bool buried;
    bool refused, pushed; /* a push answered FULL for good; OK or nothing */
};

struct work {
    struct queue_bench bench;
    struct verdict verdict;
    pthread_mutex_t lock;
    struct tracked items[PUSHERS * ITEMS];
    int items_n;
    _Atomic int producers_done;
    _Atomic bool over;
};

struct hand {
    struct work *w;
    int number;
    struct chaos dice; /* its own generator */
};

static size_t payload(char bytes[static PAYLOAD_MAX], int item)
{
    size_t n = (size_t)(item * 37 % PAYLOAD_MAX);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(item + (int)i * 7);
    return n;
}

static struct queue_push push_of(const struct work *w, int item, char tag[static 16],
                                 char bytes[static PAYLOAD_MAX])
{
    static const char *const cameras[] = {"cam-0", "cam-1", "cam-2"};
    snprintf(tag, 16, "%d", item);
    return (struct queue_push){.lane = w->items[item].lane,
                               .producer = str_from(cameras[item % 3]),
                               .tag = str_from(tag),
                               .bytes = {bytes, payload(bytes, item)}};
}

static void work_open(struct work *w, const struct queue_subject *subject, uint64_t seed,
                      const struct queue_options *o)
{
    *w = (struct work){.verdict = VERDICT_INIT, .lock = PTHREAD_MUTEX_INITIALIZER};
    queue_bench_open(&w->bench, subject, seed, o);
}

static void hands_init(struct hand *hands, int n, struct work *w, uint64_t seed)
{
    for (int i = 0; i < n; i++) {
        hands[i] = (struct hand){.w = w, .number = i};
        chaos_init(&hands[i].dice, seed * 1000 + (uint64_t)i, &(struct chaos_rates){0});
    }
}

/* A delivery of t must be what was pushed, or a notice that its lane may give. */
static void check_content(struct work *w, const struct queue_delivery *d, const struct tracked *t,
                          int item)
{
    char bytes[PAYLOAD_MAX];
    struct str right = {bytes, payload(bytes, item)};
    bool sane = d->lane == t->lane && d->tries >= 1 && d->tries <= TRIES;
    if (!sane || d->dropped != (d->why != QUEUE_KEPT))
        verdict_fail(&w->verdict, "item %d came with a wrong lane, tries or reason", item);
    if (d->dropped ? d->bytes.n != 0 : !str_eq(d->bytes, right))
        verdict_fail(&w->verdict, "item %d came with other bytes", item);
    if ((d->why == QUEUE_DROP_AGE || d->why == QUEUE_DROP_SHARE) && t->lane != QUEUE_LIVE)
        verdict_fail(&w->verdict, "item %d was dropped from a lane that drops nothing", item);
    if (d->why == QUEUE_DROP_TRIES && t->lane == QUEUE_JOB)
        verdict_fail(&w->verdict, "job %d came as a drop notice", item);
}

/* On a back end in peace each delivery comes once, and none after the ack. */
static void check_once(struct work *w, const struct queue_delivery *d, const struct tracked *t,
                       int item)
{
    if (w->bench.subject->suite.chaotic || d->dropped)
        return;
    if (t->seen & 1u << d->tries)
        verdict_fail(&w->verdict, "delivery %d of item %d came twice", d->tries, item);
    if (t->acked && d->tries > t->acked_tries)
        verdict_fail(&w->verdict, "item %d came again after its ack", item);
}

/* Notes a delivery and checks it against what was pushed; the item's number, or -1. */
static int note(struct work *w, const struct queue_delivery *d)
{
    int64_t item;
    if (str_to_i64(d->tag, &item, NULL) || item < 0 || item >= w->items_n) {
        verdict_fail(&w->verdict, "a delivery of something never pushed");
        return -1;
    }
    struct tracked *t = &w->items[item];
    pthread_mutex_lock(&w->lock);
    check_content(w, d, t, (int)item);
    check_once(w, d, t, (int)item);
    t->deliveries += !d->dropped;
    t->notices += d->dropped;
    if (!d->dropped)
        t->seen |= 1u << d->tries;
    pthread_mutex_unlock(&w->lock);
    return (int)item;
}

static void note_end(struct work *w, const struct queue_delivery *d, int item, bool bury)
{
    struct queue *q = w->bench.q;
    enum err r = bury ? queue_bury(q, d->token, NULL) : queue_ack(q, d->token, NULL);
    struct tracked *t = &w->items[item];
    if (r && r != ERR_NOT_FOUND && r != ERR_UNAVAILABLE)
        verdict_fail(&w->verdict, "an ack answered %s", err_name(r));
    pthread_mutex_lock(&w->lock);
    if (r == ERR_OK && bury)
        t->buried = true;
    if (r == ERR_OK && !bury && !d->dropped) {
        t->acked = true;
        t->acked_tries = d->tries;
    }
    t->maybe |= r == ERR_UNAVAILABLE;
    pthread_mutex_unlock(&w->lock);
}

/* A consumer does one of the things that consumers do. */
static void consume(struct hand *h, const struct queue_delivery *d)
{
    struct work *w = h->w;
    int item = note(w, d);
    size_t fate = chaos_below(&h->dice, 100);
    enum err r = ERR_OK;
    if (item < 0)
        return;
    if (d->dropped || fate < 72) {
        note_end(w, d, item, false);
    } else if (fate < 80) {
        r = queue_release(w->bench.q, d->token, (usec_t)(fate % 4) * USEC_PER_MSEC, NULL);
    } else if (fate < 88) {
        suite_sleep(LEASE / 2);
        r = queue_renew(w->bench.q, d->token, NULL);
        note_end(w, d, item, false);
    } else if (fate < 92) {
        note_end(w, d, item, true);
    } /* else it dies, and the lease runs out */
    if (r && r != ERR_NOT_FOUND && r != ERR_UNAVAILABLE)
        verdict_fail(&w->verdict, "a release or renew answered %s", err_name(r));
}

static void *consumer(void *arg)
{
    struct hand *h = arg;
    struct queue_delivery got[BATCH];
    while (!atomic_load(&h->w->over)) {
        int n = 0, max = 1 + (int)chaos_below(&h->dice, BATCH);
        if (queue_claim(h->w->bench.q, max, 5 * USEC_PER_MSEC, got, &n, NULL))
            continue;
        if (n > max)
            verdict_fail(&h->w->verdict, "a claim of %d gave %d", max, n);
        for (int i = 0; i < n; i++) {
            consume(h, &got[i]);
            queue_delivery_done(&got[i]);
        }
    }
    return NULL;
}

/* Pushes until it is in. */
static void push_surely(struct work *w, int item)
{
    char tag[16], bytes[PAYLOAD_MAX];
    struct queue_push push = push_of(w, item, tag, bytes);
    for (;;) {
        enum err r = queue_push(w->bench.q, &push, NULL);
        if (!r)
            return;
        if (r != ERR_FULL && r != ERR_UNAVAILABLE)
            verdict_fail(&w->verdict, "a push answered %s", err_name(r));
        suite_sleep(USEC_PER_MSEC / 2);
    }
}

static void *producer(void *arg)
{
    struct hand *h = arg;
    for (int i = h->number; i < h->w->items_n; i += PRODUCERS)
        push_surely(h->w, i);
    atomic_fetch_add(&h->w->producers_done, 1);
    return NULL;
}

/* Waits until the queue holds nothing, then stops the consumers. */
static void drain(struct work *w)
{
    usec_t end = time_mono() + DRAIN_TIME;
    struct queue_stats s = {.items = 1};
    while (time_mono() < end &&
           (queue_stats(w->bench.q, &s, NULL) || s.items + s.claimed > 0 || s.bytes > 0))
        suite_sleep(USEC_PER_MSEC);
    if (s.items + s.claimed + s.bytes + s.claimed_bytes > 0)
        verdict_fail(&w->verdict, "%zu items waiting and %zu claimed never end", s.items,
                     s.claimed);
    atomic_store(&w->over, true);
    queue_wake(w->bench.q);
}

static void *work_hand(void *arg)
{
    struct hand *h = arg;
    if (h->number < PRODUCERS)
        return producer(h);
    if (h->number < PRODUCERS + CONSUMERS)
        return consumer(h);
    while (atomic_load(&h->w->producers_done) < PRODUCERS)
        suite_sleep(USEC_PER_MSEC);
    drain(h->w);
    return NULL;
}

/* Did the item end as its lane promises? True for a job that nobody saw the end of. */
static bool ended_silently(struct work *w, int item)
{
    const struct tracked *t = &w->items[item];
    bool ended = t->acked || t->buried || t->maybe;
    if (t->deliveries == 0 && (t->lane != QUEUE_LIVE || t->notices == 0))
        verdict_fail(&w->verdict, "item %d of lane %d was never delivered", item, (int)t->lane);
    if (!ended && t->notices == 0 && t->lane != QUEUE_JOB)
        verdict_fail(&w->verdict, "frame %d ended without ack, burial or notice", item);
    return !ended && t->lane == QUEUE_JOB;
}

/* After everything has ended without a loss: the account of every item. */
static void account(struct work *w)
{
    size_t silent = 0;
    struct queue_stats s = {0};
    while (queue_stats(w->bench.q, &s, NULL))
        ;
    for (int i = 0; i < w->items_n; i++) {
        if (!ended_silently(w, i))
            continue;
        silent++;
        if (!w->bench.subject->suite.chaotic && !(w->items[i].seen & 1u << TRIES))
            verdict_fail(&w->verdict, "job %d vanished before its last try", i);
    }
    if (silent > s.buried)
        verdict_fail(&w->verdict, "%zu jobs vanished, only %zu are buried", silent, s.buried);
}

static void every_item_is_delivered_and_ends(void **state)
{
    static struct work w;
    struct hand hands[PRODUCERS + CONSUMERS + 1];
    const struct queue_subject *subject = *state;
    const struct queue_options o = {.max_items = 60,
                                    .max_bytes = 12000,
                                    .camera_share_items = 12,
                                    .frame_ttl = 40 * USEC_PER_MSEC,
                                    .lease = LEASE,
                                    .max_tries = TRIES};
    uint64_t first;
    int seeds = suite_seeds(&first);
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        work_open(&w, subject, seed, &o);
        w.items_n = ITEMS;
        for (int i = 0; i < ITEMS; i++)
            w.items[i].lane = (enum queue_lane)(i % QUEUE_LANE_N);
        hands_init(hands, PRODUCERS + CONSUMERS + 1, &w, seed);
        suite_threads(PRODUCERS + CONSUMERS + 1, work_hand, hands, sizeof(hands[0]));
        if (!subject->loses)
            account(&w);
        queue_bench_close(&w.bench);
        verdict_check(&w.verdict, subject->suite.name, seed);
    }
}

static void check_bounds(struct work *w)
{
    struct queue_stats s;
    const struct queue_options *o = &w->bench.options;
    if (queue_stats(w->bench.q, &s, NULL) == ERR_OK &&
        (s.items + s.claimed > o->max_items || s.bytes + s.claimed_bytes > o->max_bytes))
        verdict_fail(&w->verdict, "the queue holds %zu + %zu items of %zu, %zu + %zu bytes of %zu",
                     s.items, s.claimed, o->max_items, s.bytes, s.claimed_bytes, o->max_bytes);
}

/* Pushes each item of its own once; a consumer now and then makes room. */
static void *pusher(void *arg)
{
    struct hand *h = arg;
    struct work *w = h->w;
    char tag[16], bytes[PAYLOAD_MAX];
    struct queue_delivery got[BATCH];
    for (int i = h->number; i < w->items_n; i += PUSHERS) {
        struct queue_push push = push_of(w, i, tag, bytes);
        enum err r = queue_push(w->bench.q, &push, NULL);
        pthread_mutex_lock(&w->lock);
        w->items[i].refused = r == ERR_FULL;
        w->items[i].pushed = r == ERR_OK;
        pthread_mutex_unlock(&w->lock);
        check_bounds(w);
        int n = 0;
        if (chaos_below(&h->dice, 6) == 0 &&
            queue_claim(w->bench.q, BATCH, 0, got, &n, NULL) == ERR_OK)
            for (int d = 0; d < n; d++) {
                int item = note(w, &got[d]);
                if (item >= 0 && chaos_below(&h->dice, 2)) {
                    enum err ignored = queue_release(w->bench.q, got[d].token, 0, NULL);
                    (void)ignored;
                } else if (item >= 0) {
                    note_end(w, &got[d], item, false);
                }
                queue_delivery_done(&got[d]);
            }
        check_bounds(w);
    }
    return NULL;
}

/* Takes out all that is left, in peace. */
static void empty_out(struct work *w)
{
    struct queue_delivery got[BATCH];
    struct queue_stats s = {.items = 1};
    usec_t end = time_mono() + DRAIN_TIME;
    atomic_store(&w->bench.chaos.calm, true);
    while (time_mono() < end && s.items + s.claimed > 0) {
        int n = 0;
        if (queue_claim(w->bench.q, BATCH, USEC_PER_MSEC, got, &n, NULL))
            verdict_fail(&w->verdict, "a claim failed in peace");
        for (int i = 0; i < n; i++) {
            int item = note(w, &got[i]);
            if (item >= 0)
                note_end(w, &got[i], item, false);
            queue_delivery_done(&got[i]);
        }
        if (queue_stats(w->bench.q, &s, NULL))
            verdict_fail(&w->verdict, "stats failed in peace");
    }
    if (s.items + s.claimed > 0)
        verdict_fail(&w->verdict, "the queue cannot be emptied");
}

static void bounds_hold_and_a_refused_push_leaves_no_trace(void **state)
{
    static struct work w;
    struct hand hands[PUSHERS];
    const struct queue_subject *subject = *state;
    const struct queue_options o = {
        .max_items = 20, .max_bytes = 3000, .lease = LEASE, .max_tries = TRIES};
    uint64_t first;
    int seeds = suite_seeds(&first), refused = 0;
    for (uint64_t seed = first; seed < first + (uint64_t)seeds; seed++) {
        work_open(&w, subject, seed, &o);
        w.items_n = PUSHERS * ITEMS / 4;
        for (int i = 0; i < w.items_n; i++)
            w.items[i].lane = i % 2 ? QUEUE_BULK : QUEUE_LIVE;
        hands_init(hands, PUSHERS, &w, seed);
        suite_threads(PUSHERS, pusher, hands, sizeof(hands[0]));
        empty_out(&w);
        for (int i = 0; i < w.items_n; i++) {
            refused += w.items[i].refused;
            if (!subject->loses && w.items[i].pushed &&
                w.items[i].deliveries + w.items[i].notices == 0)
                verdict_fail(&w.verdict, "item %d was accepted and never came", i);
            if (w.items[i].refused && w.items[i].deliveries + w.items[i].notices > 0)
                verdict_fail(&w.verdict, "item %d was refused and came", i);
        }
        queue_bench_close(&w.bench);
        verdict_check(&w.verdict, subject->suite.name, seed);
    }
    assert_true(refused > 0); /* else the bounds were never reached */
}

/* Claims with patience; how many. */
static int claim_all(struct work *w, struct queue_delivery *got, int max)
{
    int n = 0, total = 0;
    usec_t end = time_mono() + 10 * LEASE;
    while (total < max && time_mono() < end)
        if (queue_claim(w->bench.q, max - total, LEASE, got + total, &n, NULL) == ERR_OK)
            total += n;
    return total;
}

static void a_restart_keeps_all_or_nothing_and_honours_no_old_token_it_forgot(void **state)
{
    static struct work w;
    const struct queue_subject *subject = *state;
    struct queue_options o = queue_roomy;
    struct queue_delivery got[3], rest[3];
    if (!subject->suite.chaotic)
        skip();
    o.lease = 30 * USEC_PER_SEC;
    work_open(&w, subject, 1, &o);
    atomic_store(&w.bench.chaos.calm, true);
    w.items_n = 3;
    for (int i = 0; i < 3; i++) {
        w.items[i].lane = QUEUE_BULK;
        push_surely(&w, i);
    }
    assert_int_equal(claim_all(&w, got, 1), 1);
    atomic_store(&w.bench.chaos.restart_now, true);
    bool lost = subject->loses || !subject->restarts;
    assert_int_equal(queue_renew(w.bench.q, got[0].token, NULL), lost ? ERR_NOT_FOUND : ERR_OK);
    int n = claim_all(&w, rest, 2);
    assert_int_equal(n, lost ? 0 : 2);
    for (int i = 0; i < n; i++)
        queue_delivery_done(&rest[i]);
    push_surely(&w, 2);
    assert_int_equal(claim_all(&w, rest, 1), 1); /* its token must not be one given before */
    assert_int_equal(queue_ack(w.bench.q, got[0].token, NULL), lost ? ERR_NOT_FOUND : ERR_OK);
    assert_int_equal(queue_ack(w.bench.q, rest[0].token, NULL), ERR_OK);
    assert_int_equal(atomic_load(&w.bench.chaos.restarts), 1);
    queue_delivery_done(&rest[0]);
    queue_delivery_done(&got[0]);
    queue_bench_close(&w.bench);
}

const struct suite_test queue_properties[] = {
    {"every item is delivered and ends", every_item_is_delivered_and_ends, false},
    {"bounds hold and a refused push leaves no trace",
     bounds_hold_and_a_refused_push_leaves_no_trace, false},
    {"a restart keeps all or nothing and honours no old token it forgot",
     a_restart_keeps_all_or_nothing_and_honours_no_old_token_it_forgot, false},
};
const size_t queue_properties_n = ARRAY_LEN(queue_properties);
