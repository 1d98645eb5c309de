/* Conformance of every bus back end: which ones there are, and how each is opened. The tests are in
 * bus_examples.c (exact, for back ends left in peace), bus_properties.c and bus_state_properties.c
 * (for all). */
#include "bus_suite.h"

const struct bus_options bus_roomy = {
    .history_max = 1000, .topics_max = 100, .cache_max_bytes = 1024 * 1024};

static enum err open_memory(struct bus_bench *b, struct error *e)
{
    return bus_memory_open(&b->options, b->on_event, b->event_ctx, &b->b, e);
}

static enum err memory_again(void *ctx, bus_event_fn on_event, void *event_ctx,
                             struct bus **ret_bus, struct error *e)
{
    return bus_memory_open(ctx, on_event, event_ctx, ret_bus, e);
}

static enum err open_chaos(struct bus_bench *b, unsigned restart, chaos_bus_open_fn open, void *ctx,
                           struct error *e)
{
    b->chaos.rates = chaos_rough;
    b->chaos.rates.restart = restart;
    return chaos_bus_open(&b->chaos, open, ctx, b->on_event, b->event_ctx, &b->b, e);
}

static enum err open_rough(struct bus_bench *b, struct error *e)
{
    return open_chaos(b, 0, memory_again, &b->options, e);
}

static enum err open_restarting(struct bus_bench *b, struct error *e)
{
    return open_chaos(b, 15, memory_again, &b->options, e);
}

static enum err open_surviving(struct bus_bench *b, struct error *e)
{
    enum err r = survivor_bus_init(&b->kept, &b->options, e);
    return r ? r : open_chaos(b, 15, survivor_bus_open, &b->kept, e);
}

static const struct bus_subject subjects[] = {
    {.suite = {"memory", false}, .open = open_memory},
    {.suite = {"memory in chaos", true}, .open = open_rough},
    {.suite = {"memory in chaos with restarts", true},
     .restarts = true,
     .loses = true,
     .open = open_restarting},
    {.suite = {"durable in chaos with restarts", true}, .restarts = true, .open = open_surviving},
};

void bus_bench_open(struct bus_bench *b, const struct bus_subject *subject, uint64_t seed,
                    const struct bus_options *o, bus_event_fn on_event, void *event_ctx)
{
    struct error e;
    *b = (struct bus_bench){
        .subject = subject, .options = *o, .on_event = on_event, .event_ctx = event_ctx};
    chaos_init(&b->chaos, seed, &(struct chaos_rates){0});
    if (subject->open(b, &e))
        fail_msg("%s does not open: %s", subject->suite.name, e.msg);
}

void bus_bench_close(struct bus_bench *b)
{
    bus_close(b->b);
    survivor_bus_done(&b->kept);
}

int main(void)
{
    const struct suite_subject *all[ARRAY_LEN(subjects)];
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        all[i] = &subjects[i].suite;
    int failed = suite_run("bus examples", bus_examples, bus_examples_n, all, ARRAY_LEN(all));
    failed += suite_run("bus topics", bus_properties, bus_properties_n, all, ARRAY_LEN(all));
    failed +=
        suite_run("bus state", bus_state_properties, bus_state_properties_n, all, ARRAY_LEN(all));
    return failed;
}
