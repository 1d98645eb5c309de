/* The bus's contract by example, exact to the byte: for back ends that are left in peace. */
#include "bus_suite.h"

#include <math.h>

#define TTL (60 * USEC_PER_SEC)
#define SHORT (20 * USEC_PER_MSEC)

struct example {
    struct bus_bench bench;
    struct bus *b;
    struct arena *a;
    int events;
    int64_t last_id;
    char last_bytes[32];
};

static void on_event(void *ctx, const struct bus_event *event)
{
    struct example *x = ctx;
    x->events++;
    x->last_id = event->id;
    snprintf(x->last_bytes, sizeof(x->last_bytes), "%.*s", STR_ARGS(event->bytes));
}

static void begin(struct example *x, void **state, const struct bus_options *o)
{
    *x = (struct example){.a = arena_new(4 * MIB)};
    bus_bench_open(&x->bench, *state, 1, o, on_event, x);
    x->b = x->bench.b;
}

static void end(struct example *x)
{
    bus_bench_close(&x->bench);
    arena_free(x->a);
}

static int64_t publish(struct example *x, const char *topic, const char *text)
{
    int64_t id = 0;
    assert_int_equal(bus_publish(x->b, str_from(topic), str_from(text), &id, NULL), ERR_OK);
    return id;
}

static enum err replay(struct example *x, const char *topic, int64_t after, int *ret_n,
                       int64_t *ret_last)
{
    struct bus_event *events;
    return bus_replay(x->b, x->a, str_from(topic), after, &events, ret_n, ret_last, NULL);
}

static void only_subscribed_topics_are_delivered_and_subscriptions_count(void **state)
{
    struct example x;
    begin(&x, state, &bus_roomy);
    publish(&x, "t", "before");
    assert_int_equal(bus_subscribe(x.b, STR("t"), NULL), ERR_OK);
    assert_int_equal(bus_subscribe(x.b, STR("t"), NULL), ERR_OK);
    publish(&x, "other", "no");
    assert_int_equal(x.events, 0);
    int64_t id = publish(&x, "t", "yes");
    assert_int_equal(x.events, 1);
    assert_int_equal(x.last_id, id);
    assert_string_equal(x.last_bytes, "yes");
    assert_int_equal(bus_unsubscribe(x.b, STR("t"), NULL), ERR_OK);
    publish(&x, "t", "again");
    assert_int_equal(x.events, 2);
    assert_int_equal(bus_unsubscribe(x.b, STR("t"), NULL), ERR_OK);
    publish(&x, "t", "no more");
    assert_int_equal(x.events, 2);
    assert_int_equal(bus_unsubscribe(x.b, STR("t"), NULL), ERR_NOT_FOUND);
    end(&x);
}

static void a_topic_before_its_first_event_has_a_newest_id_to_follow_from(void **state)
{
    struct example x;
    int n;
    int64_t last, next;
    begin(&x, state, &bus_roomy);
    assert_int_equal(replay(&x, "t", BUS_REPLAY_NEWEST, &n, &last), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(publish(&x, "t", "first"), last + 1);
    assert_int_equal(replay(&x, "t", last, &n, &next), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(next, last + 1);
    assert_true(next < (int64_t)1 << 53); /* JavaScript reads it exactly */
    end(&x);
}

static void replay_from_0_is_all_or_not_found(void **state)
{
    struct example x;
    struct bus_options o = bus_roomy;
    int n;
    int64_t last;
    o.history_max = 2;
    begin(&x, state, &o);
    publish(&x, "t", "1");
    publish(&x, "t", "2");
    assert_int_equal(replay(&x, "t", 0, &n, &last), ERR_OK);
    assert_int_equal(n, 2);
    publish(&x, "t", "3");
    assert_int_equal(replay(&x, "t", 0, &n, &last), ERR_NOT_FOUND);
    end(&x);
}

static void a_topic_that_fell_out_begins_above_its_old_ids(void **state)
{
    struct example x;
    struct bus_options o = bus_roomy;
    int n;
    int64_t last, id = 0;
    o.topics_max = 2;
    begin(&x, state, &o);
    for (int i = 0; i < 50; i++)
        id = publish(&x, "t", "old");
    publish(&x, "u", "1");
    publish(&x, "v", "1");
    assert_true(publish(&x, "t", "new") > id);
    assert_int_equal(replay(&x, "t", id, &n, &last), ERR_NOT_FOUND);
    end(&x);
}

static void an_event_over_the_limit_is_refused(void **state)
{
    static const char big[BUS_EVENT_MAX + 1];
    struct example x;
    int64_t id;
    begin(&x, state, &bus_roomy);
    assert_int_equal(bus_publish(x.b, STR("t"), (struct str){big, BUS_EVENT_MAX + 1}, &id, NULL),
                     ERR_TOO_LARGE);
    assert_int_equal(bus_publish(x.b, STR("t"), (struct str){big, BUS_EVENT_MAX}, &id, NULL),
                     ERR_OK);
    end(&x);
}

static void put(struct example *x, int64_t version, const char *text, usec_t ttl)
{
    assert_int_equal(bus_cache_put(x->b, STR("k"), version, str_from(text), ttl, NULL), ERR_OK);
}

/* The cached text, or "" when there is none. */
static const char *get(struct example *x)
{
    struct str got;
    enum err r = bus_cache_get(x->b, x->a, STR("k"), &got, NULL);
    assert_true(r == ERR_OK || r == ERR_NOT_FOUND);
    return r ? "" : got.p; /* terminated: arena_copy */
}

static void drop(struct example *x, int64_t version, usec_t ttl)
{
    assert_int_equal(bus_cache_drop(x->b, STR("k"), version, ttl, NULL), ERR_OK);
}

static void the_cache_keeps_the_newest_version(void **state)
{
    struct example x;
    begin(&x, state, &bus_roomy);
    assert_string_equal(get(&x), "");
    put(&x, 5, "five", TTL);
    put(&x, 4, "four", TTL);
    assert_string_equal(get(&x), "five");
    put(&x, 6, "six", TTL);
    assert_string_equal(get(&x), "six");
    end(&x);
}

static void after_a_drop_only_that_version_or_a_newer_one_comes_in(void **state)
{
    struct example x;
    begin(&x, state, &bus_roomy);
    put(&x, 5, "five", TTL);
    drop(&x, 6, TTL);
    assert_string_equal(get(&x), "");
    put(&x, 5, "five", TTL);
    assert_string_equal(get(&x), "");
    drop(&x, 4, TTL); /* an older drop, late, lowers nothing */
    put(&x, 5, "five", TTL);
    assert_string_equal(get(&x), "");
    put(&x, 6, "six", TTL);
    assert_string_equal(get(&x), "six");
    drop(&x, 5, TTL); /* and takes nothing newer away */
    assert_string_equal(get(&x), "six");
    end(&x);
}

static void a_value_expires_and_its_version_is_remembered_a_while(void **state)
{
    struct example x;
    begin(&x, state, &bus_roomy);
    put(&x, 5, "five", 10 * SHORT);
    assert_string_equal(get(&x), "five");
    suite_sleep(10 * SHORT + USEC_PER_MSEC);
    assert_string_equal(get(&x), "");
    put(&x, 4, "four", TTL);
    assert_string_equal(get(&x), "");
    suite_sleep(10 * SHORT);
    put(&x, 4, "four", TTL);
    assert_string_equal(get(&x), "four");
    end(&x);
}

static void the_cache_stays_in_its_bytes_and_forgets_the_least_recently_used(void **state)
{
    enum { VALUES = 40, BYTES = 16 * 1024 };
    static const char big[BYTES];
    struct example x;
    struct bus_options o = bus_roomy;
    struct str got;
    char key[16];
    size_t kept = 0;
    o.cache_max_bytes = (size_t)VALUES / 2 * BYTES;
    begin(&x, state, &o);
    for (int i = 0; i < VALUES; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(bus_cache_put(x.b, str_from(key), 1, (struct str){big, BYTES}, TTL, NULL),
                         ERR_OK);
        assert_int_equal(bus_cache_get(x.b, x.a, STR("0"), &got, NULL), ERR_OK); /* in use */
        arena_reset(x.a);
    }
    for (int i = 0; i < VALUES; i++) {
        snprintf(key, sizeof(key), "%d", i);
        bool here = bus_cache_get(x.b, x.a, str_from(key), &got, NULL) == ERR_OK;
        assert_true(here || i < VALUES - 1);
        kept += here;
        arena_reset(x.a);
    }
    assert_true(kept * BYTES <= o.cache_max_bytes);
    end(&x);
}

static void a_value_over_the_cap_only_forgets_the_old_one(void **state)
{
    enum { BYTES = 128 * 1024 };
    static const char big[BYTES];
    struct example x;
    struct bus_options o = bus_roomy;
    o.cache_max_bytes = BYTES;
    begin(&x, state, &o);
    put(&x, 1, "one", TTL);
    assert_int_equal(bus_cache_put(x.b, STR("k"), 2, (struct str){big, BYTES}, TTL, NULL), ERR_OK);
    assert_string_equal(get(&x), "");
    put(&x, 1, "one", TTL);
    assert_string_equal(get(&x), "");
    end(&x);
}

static void put_once_tells_what_was_there_until_taken_or_expired(void **state)
{
    struct example x;
    struct str was = STR("?");
    begin(&x, state, &bus_roomy);
    assert_int_equal(bus_put_once(x.b, x.a, STR("k"), STR("one"), TTL, &was, NULL), ERR_OK);
    assert_null(was.p);
    assert_int_equal(bus_put_once(x.b, x.a, STR("k"), STR("two"), TTL, &was, NULL), ERR_OK);
    assert_true(str_is(was, "one"));
    assert_string_equal(get(&x), ""); /* the cache's keys are others */
    assert_int_equal(bus_take(x.b, x.a, STR("k"), &was, NULL), ERR_OK);
    assert_true(str_is(was, "one"));
    assert_int_equal(bus_take(x.b, x.a, STR("k"), &was, NULL), ERR_NOT_FOUND);
    assert_int_equal(bus_put_once(x.b, x.a, STR("k"), STR("three"), SHORT, &was, NULL), ERR_OK);
    assert_null(was.p);
    suite_sleep(SHORT + USEC_PER_MSEC);
    assert_int_equal(bus_take(x.b, x.a, STR("k"), &was, NULL), ERR_NOT_FOUND);
    end(&x);
}

static struct str swap(struct example *x, const char *expected, const char *to, usec_t ttl)
{
    struct str was = STR("?");
    assert_int_equal(
        bus_swap(x->b, x->a, STR("k"), str_from(expected), str_from(to), ttl, &was, NULL), ERR_OK);
    return was;
}

static void swap_changes_what_is_expected_and_tells_what_is_there(void **state)
{
    struct example x;
    struct str was;
    begin(&x, state, &bus_roomy);
    assert_int_equal(bus_swap(x.b, x.a, STR("k"), STR("one"), STR("two"), TTL, &was, NULL),
                     ERR_NOT_FOUND);
    assert_int_equal(bus_put_once(x.b, x.a, STR("k"), STR("one"), TTL, &was, NULL), ERR_OK);
    assert_null(swap(&x, "one", "two", TTL).p);
    assert_true(str_is(swap(&x, "one", "three", TTL), "two"));
    assert_true(str_is(swap(&x, "", "three", TTL), "two")); /* a look */
    assert_true(str_is(swap(&x, "tw", "three", TTL), "two"));
    assert_true(str_is(swap(&x, "twoo", "three", TTL), "two"));
    assert_null(swap(&x, "two", "", TTL).p);
    assert_null(swap(&x, "", "four", SHORT).p); /* the ttl is the newest swap's */
    suite_sleep(SHORT + USEC_PER_MSEC);
    assert_int_equal(bus_swap(x.b, x.a, STR("k"), STR("four"), STR("five"), TTL, &was, NULL),
                     ERR_NOT_FOUND);
    end(&x);
}

static void a_swap_for_too_much_is_refused_and_changes_nothing(void **state)
{
    enum { BYTES = 128 * 1024 };
    static const char big[BYTES];
    struct example x;
    struct str was;
    struct bus_options o = bus_roomy;
    o.cache_max_bytes = BYTES;
    begin(&x, state, &o);
    assert_int_equal(bus_put_once(x.b, x.a, STR("k"), STR("one"), TTL, &was, NULL), ERR_OK);
    assert_int_equal(
        bus_swap(x.b, x.a, STR("k"), STR("one"), (struct str){big, BYTES}, TTL, &was, NULL),
        ERR_TOO_LARGE);
    assert_true(str_is(swap(&x, "", "two", TTL), "one"));
    end(&x);
}

static bool has(struct example *x, const char *set, const char *member)
{
    bool ret = false;
    assert_int_equal(bus_set_has(x->b, str_from(set), str_from(member), &ret, NULL), ERR_OK);
    return ret;
}

static void members_are_of_one_set_and_expire(void **state)
{
    struct example x;
    begin(&x, state, &bus_roomy);
    assert_int_equal(bus_set_add(x.b, STR("a"), STR("bc"), TTL, NULL), ERR_OK);
    assert_int_equal(bus_set_add(x.b, STR("a"), STR("short"), 10 * SHORT, NULL), ERR_OK);
    assert_true(has(&x, "a", "bc"));
    assert_true(has(&x, "a", "short"));
    assert_false(has(&x, "ab", "c"));
    assert_false(has(&x, "a", "b"));
    suite_sleep(10 * SHORT + USEC_PER_MSEC);
    assert_false(has(&x, "a", "short"));
    assert_true(has(&x, "a", "bc"));
    end(&x);
}

static int sight(struct example *x, const char *frame, usec_t ms, usec_t gap_ms, usec_t window_ms)
{
    const struct bus_evidence_rule rule = {gap_ms * USEC_PER_MSEC, window_ms * USEC_PER_MSEC};
    int n = -1;
    assert_int_equal(
        bus_evidence_add(x->b, STR("k"), str_from(frame), ms * USEC_PER_MSEC, &rule, &n, NULL),
        ERR_OK);
    return n;
}

static void sightings_count_when_apart_and_in_the_window(void **state)
{
    static const struct {
        const char *frame;
        usec_t ms;
        int count;
    } rows[] = {
        {"a", 10000, 1}, {"b", 10299, 1}, {"c", 10300, 2},
        {"c", 10300, 2}, {"d", 10700, 3}, {"e", 10599, 3}, /* late; too near to c */
        {"f", 9700, 4},                                    /* late; before a */
        {"g", 11001, 5}, {"h", 11000, 5}, {"i", 12850, 2}, /* the window now begins at 10850 */
        {"j", 10000, 2},                                   /* too late for it */
    };
    struct example x;
    begin(&x, state, &bus_roomy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(sight(&x, rows[i].frame, rows[i].ms, 300, 2000), rows[i].count);
    end(&x);
}

static void a_frame_counts_once_even_without_a_gap(void **state)
{
    struct example x;
    begin(&x, state, &bus_roomy);
    assert_int_equal(sight(&x, "a", 1000, 0, 1000), 1);
    assert_int_equal(sight(&x, "a", 1000, 0, 1000), 1);
    assert_int_equal(sight(&x, "b", 1000, 0, 1000), 2);
    assert_int_equal(sight(&x, "a", 1000, 0, 1000), 2);
    end(&x);
}

static void evidence_keeps_the_newest_sightings_only(void **state)
{
    struct example x;
    char frame[16];
    int n = 0;
    begin(&x, state, &bus_roomy);
    for (int i = 0; i < BUS_EVIDENCE_MAX + 50; i++) {
        snprintf(frame, sizeof(frame), "%d", i);
        n = sight(&x, frame, 1000 + i, 1, 100000);
    }
    assert_int_equal(n, BUS_EVIDENCE_MAX);
    assert_int_equal(sight(&x, "0", 1000, 1, 100000), BUS_EVIDENCE_MAX);
    end(&x);
}

static void scores_are_averaged_in_the_window(void **state)
{
    static const struct {
        const char *frame;
        usec_t ms;
        double score, mean;
        int count;
    } rows[] = {
        {"a", 10000, .5, .5, 1},   {"b", 11000, 1, .75, 2},
        {"b", 11000, 1, .75, 2},   /* told again */
        {"c", 10500, 0, .5, 3},    /* late */
        {"b", 11000, .25, .25, 3}, /* told lower */
        {"b", 11000, 1, .25, 3},   /* told higher */
        {"d", 12400, .75, .5, 2},  /* the window now begins at 10900: b and d */
        {"a", 10000, .5, .5, 1},   /* too old for it: answers for itself */
    };
    struct example x;
    begin(&x, state, &bus_roomy);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bus_score got = {0};
        assert_int_equal(bus_score_add(x.b, STR("k"), str_from(rows[i].frame),
                                       rows[i].ms * USEC_PER_MSEC, rows[i].score,
                                       1500 * USEC_PER_MSEC, &got, NULL),
                         ERR_OK);
        assert_int_equal(got.count, rows[i].count);
        assert_true(fabs(got.mean - rows[i].mean) < 1e-12);
    }
    assert_int_equal(sight(&x, "a", 10000, 0, 1000), 1); /* evidence under the same key is apart */
    end(&x);
}

static void keys_and_times_out_of_range_are_refused(void **state)
{
    static const char long_key[BUS_KEY_MAX + 1];
    struct example x;
    struct str too_long = {long_key, sizeof(long_key)}, got;
    const struct bus_evidence_rule backwards = {.gap = -1};
    int64_t id;
    int n;
    begin(&x, state, &bus_roomy);
    assert_int_equal(bus_publish(x.b, too_long, STR(""), &id, NULL), ERR_INVALID);
    assert_int_equal(bus_subscribe(x.b, STR(""), NULL), ERR_INVALID);
    assert_int_equal(bus_cache_get(x.b, x.a, too_long, &got, NULL), ERR_INVALID);
    assert_int_equal(bus_cache_put(x.b, STR("k"), 1, STR("v"), 0, NULL), ERR_INVALID);
    assert_int_equal(bus_set_add(x.b, STR("s"), too_long, TTL, NULL), ERR_INVALID);
    assert_int_equal(bus_evidence_add(x.b, STR("k"), STR("f"), 0, &backwards, &n, NULL),
                     ERR_INVALID);
    struct bus_score score;
    assert_int_equal(bus_score_add(x.b, STR("k"), STR("f"), 0, NAN, 1, &score, NULL), ERR_INVALID);
    assert_int_equal(bus_score_add(x.b, STR("k"), STR("f"), 0, .5, -1, &score, NULL), ERR_INVALID);
    assert_int_equal(bus_score_add(x.b, too_long, STR("f"), 0, .5, 1, &score, NULL), ERR_INVALID);
    end(&x);
}

#define EXAMPLE(name, fn)                                                                          \
    {                                                                                              \
        name, fn, true                                                                             \
    }

const struct suite_test bus_examples[] = {
    EXAMPLE("only subscribed topics are delivered",
            only_subscribed_topics_are_delivered_and_subscriptions_count),
    EXAMPLE("a topic before its first event has a newest id",
            a_topic_before_its_first_event_has_a_newest_id_to_follow_from),
    EXAMPLE("replay from 0 is all or not found", replay_from_0_is_all_or_not_found),
    EXAMPLE("a topic that fell out begins above its old ids",
            a_topic_that_fell_out_begins_above_its_old_ids),
    EXAMPLE("an event over the limit is refused", an_event_over_the_limit_is_refused),
    EXAMPLE("the cache keeps the newest version", the_cache_keeps_the_newest_version),
    EXAMPLE("after a drop only newer versions come in",
            after_a_drop_only_that_version_or_a_newer_one_comes_in),
    EXAMPLE("a value expires, its version is remembered a while",
            a_value_expires_and_its_version_is_remembered_a_while),
    EXAMPLE("the cache stays in its bytes",
            the_cache_stays_in_its_bytes_and_forgets_the_least_recently_used),
    EXAMPLE("a value over the cap only forgets", a_value_over_the_cap_only_forgets_the_old_one),
    EXAMPLE("put_once tells what was there", put_once_tells_what_was_there_until_taken_or_expired),
    EXAMPLE("swap changes what is expected", swap_changes_what_is_expected_and_tells_what_is_there),
    EXAMPLE("a swap for too much is refused", a_swap_for_too_much_is_refused_and_changes_nothing),
    EXAMPLE("members are of one set and expire", members_are_of_one_set_and_expire),
    EXAMPLE("sightings count when apart and in the window",
            sightings_count_when_apart_and_in_the_window),
    EXAMPLE("a frame counts once even without a gap", a_frame_counts_once_even_without_a_gap),
    EXAMPLE("evidence keeps the newest sightings", evidence_keeps_the_newest_sightings_only),
    EXAMPLE("scores are averaged in the window", scores_are_averaged_in_the_window),
    EXAMPLE("keys and times out of range are refused", keys_and_times_out_of_range_are_refused),
};
const size_t bus_examples_n = ARRAY_LEN(bus_examples);
