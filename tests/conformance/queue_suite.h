/* The conformance suite of queue/queue.h. A new back end adds a row to `subjects` in
 * queue_conformance.c: a function that opens it, plain and under chaos. */
#pragma once

#include "chaos.h"
#include "suite.h"

/* A queue under test with all it stands on. */
struct queue_bench {
    const struct queue_subject *subject;
    struct queue_options options;
    struct chaos chaos;
    struct queue *kept; /* what a survivor leaves; closed last */
    struct queue *q;
};

struct queue_subject {
    struct suite_subject suite;
    bool restarts; /* it does, at random */
    bool loses;    /* ... and with it everything in the queue: volatile */
    /* Opens b->q from b->options, EMPTY, with b->chaos seeded and its rates unset. */
    enum err (*open)(struct queue_bench *b, struct error *e);
};

void queue_bench_open(struct queue_bench *b, const struct queue_subject *subject, uint64_t seed,
                      const struct queue_options *o);
void queue_bench_close(struct queue_bench *b);

/* Bounds wide, no age or share limit, a lease that no test outlives, 3 tries. */
extern const struct queue_options queue_roomy;

/* queue_examples.c */
extern const struct suite_test queue_examples[];
extern const size_t queue_examples_n;
/* queue_properties.c */
extern const struct suite_test queue_properties[];
extern const size_t queue_properties_n;
