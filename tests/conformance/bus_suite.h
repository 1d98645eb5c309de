/* The conformance suite of bus/bus.h. A new back end adds a row to `subjects` in bus_conformance.c:
 * a function that opens it, plain and under chaos. */
#pragma once

#include "chaos.h"
#include "suite.h"
#include "survivor.h"

/* A bus under test with all it stands on. */
struct bus_bench {
    const struct bus_subject *subject;
    struct bus_options options;
    bus_event_fn on_event;
    void *event_ctx;
    struct chaos chaos;
    struct survivor_bus kept; /* closed last */
    struct bus *b;
};

struct bus_subject {
    struct suite_subject suite;
    bool restarts; /* it does, at random */
    bool loses;    /* ... and with it everything in the bus: volatile */
    /* Opens b->b from b->options, EMPTY, with b->chaos seeded and its rates unset. */
    enum err (*open)(struct bus_bench *b, struct error *e);
};

/* on_event may be NULL. */
void bus_bench_open(struct bus_bench *b, const struct bus_subject *subject, uint64_t seed,
                    const struct bus_options *o, bus_event_fn on_event, void *event_ctx);
void bus_bench_close(struct bus_bench *b);

/* Wide bounds. */
extern const struct bus_options bus_roomy;

/* bus_examples.c */
extern const struct suite_test bus_examples[];
extern const size_t bus_examples_n;
/* bus_properties.c: topics; bus_state_properties.c: cache, put_once, sets, evidence */
extern const struct suite_test bus_properties[];
extern const size_t bus_properties_n;
extern const struct suite_test bus_state_properties[];
extern const size_t bus_state_properties_n;
