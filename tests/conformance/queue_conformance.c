/* Conformance of every queue back end: which ones there are, and how each is opened. The tests are
 * in queue_examples.c (exact, for back ends left in peace) and queue_properties.c (for all). */
#include "queue_suite.h"

#include "survivor.h"

const struct queue_options queue_roomy = {
    .max_items = 1000, .max_bytes = 1000000, .lease = 60 * USEC_PER_SEC, .max_tries = 3};

static enum err open_memory(struct queue_bench *b, struct error *e)
{
    return queue_memory_open(&b->options, &b->q, e);
}

static enum err memory_again(void *ctx, struct queue **ret_queue, struct error *e)
{
    return queue_memory_open(ctx, ret_queue, e);
}

static enum err open_rough(struct queue_bench *b, struct error *e)
{
    b->chaos.rates = chaos_rough;
    return chaos_queue_open(&b->chaos, memory_again, &b->options, &b->q, e);
}

static enum err open_restarting(struct queue_bench *b, struct error *e)
{
    b->chaos.rates = chaos_rough;
    b->chaos.rates.restart = 15;
    return chaos_queue_open(&b->chaos, memory_again, &b->options, &b->q, e);
}

static enum err open_surviving(struct queue_bench *b, struct error *e)
{
    enum err r = queue_memory_open(&b->options, &b->kept, e);
    b->chaos.rates = chaos_rough;
    b->chaos.rates.restart = 15;
    return r ? r : chaos_queue_open(&b->chaos, survivor_queue_open, b->kept, &b->q, e);
}

static const struct queue_subject subjects[] = {
    {.suite = {"memory", false}, .open = open_memory},
    {.suite = {"memory in chaos", true}, .open = open_rough},
    {.suite = {"memory in chaos with restarts", true},
     .restarts = true,
     .loses = true,
     .open = open_restarting},
    {.suite = {"durable in chaos with restarts", true}, .restarts = true, .open = open_surviving},
};

void queue_bench_open(struct queue_bench *b, const struct queue_subject *subject, uint64_t seed,
                      const struct queue_options *o)
{
    struct error e;
    *b = (struct queue_bench){.subject = subject, .options = *o};
    chaos_init(&b->chaos, seed, &(struct chaos_rates){0});
    if (subject->open(b, &e))
        fail_msg("%s does not open: %s", subject->suite.name, e.msg);
}

void queue_bench_close(struct queue_bench *b)
{
    queue_close(b->q);
    queue_close(b->kept);
}

int main(void)
{
    const struct suite_subject *all[ARRAY_LEN(subjects)];
    for (size_t i = 0; i < ARRAY_LEN(subjects); i++)
        all[i] = &subjects[i].suite;
    int failed = suite_run("queue examples", queue_examples, queue_examples_n, all, ARRAY_LEN(all));
    failed +=
        suite_run("queue properties", queue_properties, queue_properties_n, all, ARRAY_LEN(all));
    return failed;
}
