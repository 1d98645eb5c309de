/* The queue's contract by example, exact to the item: for back ends that are left in peace. */
#include "queue_suite.h"

enum { GOT_MAX = 32 };

#define SHORT (20 * USEC_PER_MSEC)

static void open_queue(struct queue_bench *b, void **state, const struct queue_options *o)
{
    queue_bench_open(b, *state, 1, o);
}

static enum err push(struct queue_bench *b, enum queue_lane lane, const char *producer,
                     const char *tag)
{
    return queue_push(b->q,
                      &(struct queue_push){.lane = lane,
                                           .producer = str_from(producer),
                                           .tag = str_from(tag),
                                           .bytes = STR("0123456789")},
                      NULL);
}

static void push_ok(struct queue_bench *b, enum queue_lane lane, const char *tag)
{
    assert_int_equal(push(b, lane, "camera", tag), ERR_OK);
}

static int claim(struct queue_bench *b, int max, usec_t wait, struct queue_delivery *got)
{
    int n = 0;
    assert_int_equal(queue_claim(b->q, max, wait, got, &n, NULL), ERR_OK);
    return n;
}

/* Claims one at a time until nothing comes at once, acks; the tags in order, drops in brackets. */
static const char *drain_tags(struct queue_bench *b)
{
    static char text[512];
    struct queue_delivery d;
    size_t n = 0;
    text[0] = 0;
    while (claim(b, 1, 0, &d) == 1) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, d.dropped ? "[%.*s]" : "%.*s",
                              STR_ARGS(d.tag));
        assert_int_equal(queue_ack(b->q, d.token, NULL), ERR_OK);
        queue_delivery_done(&d);
        assert_true(n < sizeof(text));
    }
    return text;
}

static struct queue_stats stats(struct queue_bench *b)
{
    struct queue_stats s = {0};
    assert_int_equal(queue_stats(b->q, &s, NULL), ERR_OK);
    return s;
}

static void lanes_come_out_live_then_jobs_then_bulk(void **state)
{
    struct queue_bench b;
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_BULK, "x");
    push_ok(&b, QUEUE_JOB, "j");
    push_ok(&b, QUEUE_LIVE, "a");
    push_ok(&b, QUEUE_LIVE, "b");
    push_ok(&b, QUEUE_BULK, "y");
    assert_string_equal(drain_tags(&b), "abjxy");
    queue_bench_close(&b);
}

static void jobs_and_bulk_get_a_turn_under_steady_live_load(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    bool job = false, bulk = false;
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_JOB, "j");
    push_ok(&b, QUEUE_BULK, "x");
    for (int i = 0; i < 30; i++) {
        push_ok(&b, QUEUE_LIVE, "a");
        push_ok(&b, QUEUE_LIVE, "b");
        assert_int_equal(claim(&b, 1, 0, &d), 1);
        job |= d.lane == QUEUE_JOB;
        bulk |= d.lane == QUEUE_BULK;
        queue_delivery_done(&d);
    }
    assert_true(job && bulk);
    queue_bench_close(&b);
}

static void a_delivery_carries_lane_tag_bytes_and_try(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_BULK, "tag");
    assert_int_equal(claim(&b, 4, 0, &d), 1);
    assert_int_equal(d.lane, QUEUE_BULK);
    assert_int_equal(d.tries, 1);
    assert_false(d.dropped);
    assert_int_equal(d.why, QUEUE_KEPT);
    assert_true(str_is(d.tag, "tag"));
    assert_true(str_is(d.bytes, "0123456789"));
    queue_delivery_done(&d);
    queue_bench_close(&b);
}

static void a_camera_beyond_its_share_loses_its_oldest_and_is_told(void **state)
{
    struct queue_bench b;
    struct queue_options o = queue_roomy;
    o.camera_share_items = 2;
    open_queue(&b, state, &o);
    assert_int_equal(push(&b, QUEUE_LIVE, "greedy", "1"), ERR_OK);
    assert_int_equal(push(&b, QUEUE_LIVE, "modest", "a"), ERR_OK);
    assert_int_equal(push(&b, QUEUE_LIVE, "greedy", "2"), ERR_OK);
    assert_int_equal(push(&b, QUEUE_LIVE, "greedy", "3"), ERR_OK);
    assert_int_equal(push(&b, QUEUE_BULK, "greedy", "x"), ERR_OK);
    assert_int_equal(push(&b, QUEUE_BULK, "greedy", "y"), ERR_OK);
    assert_int_equal(push(&b, QUEUE_BULK, "greedy", "z"), ERR_OK);
    const char *tags = drain_tags(&b);
    const char *order = "a23xyz", *at = order; /* the notice may come anywhere between them */
    assert_non_null(strstr(tags, "[1]"));
    for (const char *p = tags; *p; p++)
        if (*p == *at)
            at++;
    assert_string_equal(at, "");
    assert_int_equal(strlen(tags), strlen("[1]") + strlen(order));
    queue_bench_close(&b);
}

static void a_live_item_too_old_comes_as_a_notice_without_bytes(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    struct queue_options o = queue_roomy;
    o.frame_ttl = SHORT;
    open_queue(&b, state, &o);
    push_ok(&b, QUEUE_LIVE, "old");
    push_ok(&b, QUEUE_JOB, "job");
    suite_sleep(2 * SHORT);
    assert_int_equal(claim(&b, 1, 0, &d), 1);
    assert_true(d.dropped);
    assert_int_equal(d.why, QUEUE_DROP_AGE);
    assert_int_equal(d.bytes.n, 0);
    assert_true(str_is(d.tag, "old"));
    assert_int_equal(queue_ack(b.q, d.token, NULL), ERR_OK);
    queue_delivery_done(&d);
    assert_string_equal(drain_tags(&b), "job");
    queue_bench_close(&b);
}

static void a_lease_that_runs_out_brings_the_item_back_and_ends_the_token(void **state)
{
    struct queue_bench b;
    struct queue_delivery first, again;
    struct queue_options o = queue_roomy;
    o.lease = 10 * SHORT;
    open_queue(&b, state, &o);
    push_ok(&b, QUEUE_JOB, "j");
    assert_int_equal(claim(&b, 1, 0, &first), 1);
    assert_int_equal(claim(&b, 1, 0, &again), 0);
    assert_int_equal(claim(&b, 1, 500 * SHORT, &again), 1);
    assert_int_equal(again.tries, 2);
    assert_int_equal(queue_ack(b.q, first.token, NULL), ERR_NOT_FOUND);
    assert_int_equal(queue_renew(b.q, first.token, NULL), ERR_NOT_FOUND);
    assert_int_equal(queue_ack(b.q, again.token, NULL), ERR_OK);
    assert_int_equal(queue_ack(b.q, again.token, NULL), ERR_NOT_FOUND);
    queue_delivery_done(&first);
    queue_delivery_done(&again);
    queue_bench_close(&b);
}

static void a_renewed_lease_lasts(void **state)
{
    struct queue_bench b;
    struct queue_delivery d, other;
    struct queue_options o = queue_roomy;
    o.lease = 20 * SHORT;
    open_queue(&b, state, &o);
    push_ok(&b, QUEUE_JOB, "j");
    assert_int_equal(claim(&b, 1, 0, &d), 1);
    for (int i = 0; i < 4; i++) {
        suite_sleep(7 * SHORT);
        assert_int_equal(queue_renew(b.q, d.token, NULL), ERR_OK);
        assert_int_equal(claim(&b, 1, 0, &other), 0);
    }
    assert_int_equal(queue_ack(b.q, d.token, NULL), ERR_OK);
    queue_delivery_done(&d);
    queue_bench_close(&b);
}

static void a_released_item_comes_back_after_its_delay(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_JOB, "j");
    assert_int_equal(claim(&b, 1, 0, &d), 1);
    usec_t released = time_mono();
    assert_int_equal(queue_release(b.q, d.token, 2 * SHORT, NULL), ERR_OK);
    queue_delivery_done(&d);
    assert_int_equal(stats(&b).items, 1);
    assert_int_equal(claim(&b, 1, 100 * SHORT, &d), 1);
    assert_true(time_mono() - released >= 2 * SHORT);
    assert_int_equal(d.tries, 2);
    queue_delivery_done(&d);
    queue_bench_close(&b);
}

static void delays_end_in_the_order_of_their_times(void **state)
{
    struct queue_bench b;
    struct queue_delivery d[3];
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_JOB, "1");
    push_ok(&b, QUEUE_JOB, "2");
    push_ok(&b, QUEUE_JOB, "3");
    assert_int_equal(claim(&b, 3, 0, d), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(queue_release(b.q, d[i].token, (3 - i) * SHORT, NULL), ERR_OK);
        queue_delivery_done(&d[i]);
    }
    for (int i = 3; i >= 1; i--) {
        assert_int_equal(claim(&b, 1, 100 * SHORT, d), 1);
        assert_int_equal(d[0].tag.p[0], '0' + i);
        queue_delivery_done(&d[0]);
    }
    queue_bench_close(&b);
}

static void out_of_tries_a_job_is_buried_and_a_frame_is_reported(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_JOB, "job");
    push_ok(&b, QUEUE_BULK, "frame");
    for (int i = 0; i < 2 * queue_roomy.max_tries; i++) {
        assert_int_equal(claim(&b, 1, 0, &d), 1);
        assert_false(d.dropped);
        assert_int_equal(queue_release(b.q, d.token, 0, NULL), ERR_OK);
        queue_delivery_done(&d);
    }
    assert_int_equal(stats(&b).buried, 2);
    assert_int_equal(claim(&b, 2, 0, &d), 1);
    assert_int_equal(d.why, QUEUE_DROP_TRIES);
    assert_true(str_is(d.tag, "frame"));
    assert_int_equal(queue_ack(b.q, d.token, NULL), ERR_OK);
    queue_delivery_done(&d);
    assert_int_equal(stats(&b).items + stats(&b).claimed + stats(&b).bytes, 0);
    queue_bench_close(&b);
}

static void a_buried_item_never_comes_again(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    open_queue(&b, state, &queue_roomy);
    push_ok(&b, QUEUE_LIVE, "a");
    assert_int_equal(claim(&b, 1, 0, &d), 1);
    assert_int_equal(queue_bury(b.q, d.token, NULL), ERR_OK);
    assert_int_equal(queue_bury(b.q, d.token, NULL), ERR_NOT_FOUND);
    queue_delivery_done(&d);
    assert_string_equal(drain_tags(&b), "");
    assert_int_equal(stats(&b).buried, 1);
    queue_bench_close(&b);
}

static void a_push_over_the_items_or_the_bytes_is_full_and_changes_nothing(void **state)
{
    struct queue_bench b;
    struct queue_options items = queue_roomy, bytes = queue_roomy;
    items.max_items = 3;
    items.camera_share_items = 2;
    bytes.max_bytes = 3 * (10 + 6 + 1) - 1; /* bytes, producer, tag */
    open_queue(&b, state, &bytes);
    push_ok(&b, QUEUE_BULK, "1");
    push_ok(&b, QUEUE_BULK, "2");
    assert_int_equal(push(&b, QUEUE_BULK, "camera", "3"), ERR_FULL);
    assert_int_equal(stats(&b).bytes, 2 * (10 + 6 + 1));
    assert_string_equal(drain_tags(&b), "12");
    assert_int_equal(stats(&b).bytes, 0);
    queue_bench_close(&b);
    open_queue(&b, state, &items);
    push_ok(&b, QUEUE_LIVE, "1");
    push_ok(&b, QUEUE_LIVE, "2");
    push_ok(&b, QUEUE_BULK, "x");
    assert_int_equal(push(&b, QUEUE_LIVE, "camera", "3"), ERR_FULL);
    assert_string_equal(drain_tags(&b), "12x");
    queue_bench_close(&b);
}

static void what_consumers_hold_counts_and_can_always_come_back(void **state)
{
    struct queue_bench b;
    struct queue_delivery d[2];
    struct queue_options o = queue_roomy;
    o.max_items = 2;
    open_queue(&b, state, &o);
    push_ok(&b, QUEUE_JOB, "1");
    push_ok(&b, QUEUE_JOB, "2");
    assert_int_equal(claim(&b, 2, 0, d), 2);
    assert_int_equal(stats(&b).items, 0);
    assert_int_equal(stats(&b).claimed, 2);
    assert_int_equal(push(&b, QUEUE_JOB, "camera", "3"), ERR_FULL);
    assert_int_equal(queue_release(b.q, d[0].token, 0, NULL), ERR_OK);
    assert_int_equal(queue_ack(b.q, d[1].token, NULL), ERR_OK);
    push_ok(&b, QUEUE_JOB, "3");
    assert_string_equal(drain_tags(&b), "13");
    queue_delivery_done(&d[0]);
    queue_delivery_done(&d[1]);
    queue_bench_close(&b);
}

static void arguments_out_of_range_are_refused(void **state)
{
    static const char long_key[QUEUE_KEY_MAX + 1] = {0};
    struct queue_bench b;
    struct queue_delivery d;
    struct queue_options o = queue_roomy;
    struct str too_long = {long_key, sizeof(long_key)};
    struct queue_push tag = {.lane = QUEUE_JOB, .tag = too_long};
    struct queue_push producer = {.lane = QUEUE_JOB, .producer = too_long};
    struct queue_push huge = {.lane = QUEUE_JOB, .bytes = {long_key, sizeof(long_key)}};
    int n = 0;
    o.max_bytes = 50;
    open_queue(&b, state, &o);
    assert_int_equal(queue_push(b.q, &tag, NULL), ERR_INVALID);
    assert_int_equal(queue_push(b.q, &producer, NULL), ERR_INVALID);
    assert_int_equal(queue_push(b.q, &huge, NULL), ERR_TOO_LARGE);
    assert_int_equal(queue_claim(b.q, 0, 0, &d, &n, NULL), ERR_INVALID);
    assert_int_equal(queue_ack(b.q, "", NULL), ERR_NOT_FOUND);
    assert_int_equal(queue_ack(b.q, "no such token", NULL), ERR_NOT_FOUND);
    assert_int_equal(
        queue_release(b.q, "a token longer than any that a queue has ever given out", 0, NULL),
        ERR_NOT_FOUND);
    queue_bench_close(&b);
}

struct sleeper {
    struct queue *q;
    usec_t wait;
    int n;
    usec_t slept;
    struct queue_delivery got;
};

static void *sleeper_run(void *arg)
{
    struct sleeper *s = arg;
    usec_t begin = time_mono();
    if (queue_claim(s->q, 1, s->wait, &s->got, &s->n, NULL))
        s->n = -1;
    s->slept = time_mono() - begin;
    return NULL;
}

static void a_wake_lets_every_waiting_claim_return_empty(void **state)
{
    struct queue_bench b;
    struct sleeper s[3];
    pthread_t threads[3];
    open_queue(&b, state, &queue_roomy);
    for (int i = 0; i < 3; i++) {
        s[i] = (struct sleeper){.q = b.q, .wait = 1000 * SHORT};
        assert_int_equal(pthread_create(&threads[i], NULL, sleeper_run, &s[i]), 0);
    }
    suite_sleep(3 * SHORT);
    queue_wake(b.q);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(s[i].n, 0);
        assert_true(s[i].slept < 900 * SHORT);
    }
    queue_bench_close(&b);
}

static void waiting_claims_get_what_is_pushed_one_each(void **state)
{
    struct queue_bench b;
    struct sleeper s[3];
    pthread_t threads[3];
    open_queue(&b, state, &queue_roomy);
    for (int i = 0; i < 3; i++) {
        s[i] = (struct sleeper){.q = b.q, .wait = 1000 * SHORT};
        assert_int_equal(pthread_create(&threads[i], NULL, sleeper_run, &s[i]), 0);
    }
    suite_sleep(SHORT);
    for (int i = 0; i < 3; i++)
        push_ok(&b, QUEUE_JOB, "j");
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(s[i].n, 1);
        assert_true(s[i].slept < 900 * SHORT);
        queue_delivery_done(&s[i].got);
    }
    queue_bench_close(&b);
}

static void a_waiting_claim_sees_the_end_of_a_lease_that_began_later(void **state)
{
    struct queue_bench b;
    struct sleeper s[2];
    pthread_t threads[2];
    struct queue_options o = queue_roomy;
    o.lease = 2 * SHORT;
    open_queue(&b, state, &o);
    for (int i = 0; i < 2; i++) {
        s[i] = (struct sleeper){.q = b.q, .wait = 500 * SHORT};
        assert_int_equal(pthread_create(&threads[i], NULL, sleeper_run, &s[i]), 0);
    }
    suite_sleep(SHORT);
    push_ok(&b, QUEUE_JOB, "j"); /* one gets it and never acks, so the other gets it too */
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(s[i].n, 1);
        assert_true(s[i].slept < 400 * SHORT);
    }
    assert_int_equal(s[0].got.tries + s[1].got.tries, 1 + 2);
    queue_delivery_done(&s[0].got);
    queue_delivery_done(&s[1].got);
    queue_bench_close(&b);
}

static void leases_that_run_out_use_up_tries_too(void **state)
{
    struct queue_bench b;
    struct queue_delivery d;
    struct queue_options o = queue_roomy;
    o.lease = SHORT;
    open_queue(&b, state, &o);
    push_ok(&b, QUEUE_LIVE, "frame");
    for (int i = 1; i <= o.max_tries; i++) {
        assert_int_equal(claim(&b, 1, 100 * SHORT, &d), 1);
        assert_int_equal(d.tries, i);
        queue_delivery_done(&d);
    }
    assert_int_equal(claim(&b, 1, 100 * SHORT, &d), 1);
    assert_int_equal(d.why, QUEUE_DROP_TRIES);
    assert_int_equal(stats(&b).buried, 1);
    assert_int_equal(queue_ack(b.q, d.token, NULL), ERR_OK);
    queue_delivery_done(&d);
    assert_int_equal(stats(&b).items + stats(&b).claimed, 0);
    queue_bench_close(&b);
}

#define EXAMPLE(name, fn)                                                                          \
    {                                                                                              \
        name, fn, true                                                                             \
    }

const struct suite_test queue_examples[] = {
    EXAMPLE("lanes come out live, then jobs, then bulk", lanes_come_out_live_then_jobs_then_bulk),
    EXAMPLE("jobs and bulk get a turn", jobs_and_bulk_get_a_turn_under_steady_live_load),
    EXAMPLE("a delivery carries all", a_delivery_carries_lane_tag_bytes_and_try),
    EXAMPLE("a camera beyond its share loses its oldest",
            a_camera_beyond_its_share_loses_its_oldest_and_is_told),
    EXAMPLE("a live item too old comes as a notice",
            a_live_item_too_old_comes_as_a_notice_without_bytes),
    EXAMPLE("a lease that runs out brings the item back",
            a_lease_that_runs_out_brings_the_item_back_and_ends_the_token),
    EXAMPLE("a renewed lease lasts", a_renewed_lease_lasts),
    EXAMPLE("a released item comes back after its delay",
            a_released_item_comes_back_after_its_delay),
    EXAMPLE("delays end in the order of their times", delays_end_in_the_order_of_their_times),
    EXAMPLE("out of tries", out_of_tries_a_job_is_buried_and_a_frame_is_reported),
    EXAMPLE("a buried item never comes again", a_buried_item_never_comes_again),
    EXAMPLE("a push over the bounds is full and changes nothing",
            a_push_over_the_items_or_the_bytes_is_full_and_changes_nothing),
    EXAMPLE("what consumers hold counts", what_consumers_hold_counts_and_can_always_come_back),
    EXAMPLE("arguments out of range are refused", arguments_out_of_range_are_refused),
    EXAMPLE("a wake lets every waiting claim return", a_wake_lets_every_waiting_claim_return_empty),
    EXAMPLE("waiting claims get what is pushed", waiting_claims_get_what_is_pushed_one_each),
    EXAMPLE("a waiting claim sees the end of a later lease",
            a_waiting_claim_sees_the_end_of_a_lease_that_began_later),
    EXAMPLE("leases that run out use up tries", leases_that_run_out_use_up_tries_too),
};
const size_t queue_examples_n = ARRAY_LEN(queue_examples);
