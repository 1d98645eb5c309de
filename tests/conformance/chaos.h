/* Chaos: back ends of queue and bus that misbehave as real ones do, for tests.
 *
 * chaos_queue_open and chaos_bus_open wrap any back end in one that delays calls, loses requests
 * and replies, holds back, repeats, reorders and drops deliveries, and restarts the process between
 * any two calls: closes the back end and opens it again. All of it is within the contracts of
 * queue/queue.h and bus/bus.h, so whoever keeps to those must work on top:
 *
 * - a lost request answers UNAVAILABLE, or OK for an ack or a cached value that never arrives;
 * - a lost reply answers UNAVAILABLE although the call took effect;
 * - a dropped delivery is claimed and never handed on, so its lease runs out; one held back may
 * come after its lease; a repeated one comes twice with the same token;
 * - events are dropped, repeated and swapped on their way to on_event; reads of the cache miss;
 * - a restart loses what the chaos holds back. A durable back end keeps the rest; a volatile one
 *   starts EMPTY, tokens and event ids of before answer NOT_FOUND. Subscriptions are made again.
 *
 * All choices come from one seeded generator; with one thread a seed repeats a run exactly. */
#pragma once

#include "bus/bus.h"
#include "queue/queue.h"

#include <stdatomic.h>

/* Chances in 1000 of each misfortune, per call or per delivery. */
struct chaos_rates {
    unsigned delay, lost_request, lost_reply, hold, repeat, drop, restart;
};

/* Everything but restarts, often enough that a run of 100 items meets each of them. */
extern const struct chaos_rates chaos_rough;

/* The control of one wrapper, owned by the test and outliving it. */
struct chaos {
    struct chaos_rates rates;
    usec_t delay_max;
    _Atomic uint64_t state;       /* of the generator: the seed at first */
    _Atomic bool calm;            /* true: no more misfortunes; what is held back comes out */
    _Atomic bool restart_now;     /* the next call restarts first, calm or not */
    _Atomic unsigned misfortunes; /* how many so far */
    _Atomic unsigned restarts;
};

void chaos_init(struct chaos *c, uint64_t seed, const struct chaos_rates *rates);

/* The next number of the generator. Thread: any. */
uint64_t chaos_random(struct chaos *c);
/* A number in [0, n); n > 0. */
size_t chaos_below(struct chaos *c, size_t n);
/* True with a chance of `rate` in 1000 unless calm; counts as a misfortune. */
bool chaos_strikes(struct chaos *c, unsigned rate);
/* Sleeps a little, sometimes. */
void chaos_delay(struct chaos *c);

/* Opens, or opens again after a restart, the wrapped back end. */
typedef enum err (*chaos_queue_open_fn)(void *ctx, struct queue **ret_queue, struct error *e);
typedef enum err (*chaos_bus_open_fn)(void *ctx, bus_event_fn on_event, void *event_ctx,
                                      struct bus **ret_bus, struct error *e);

/* c and ctx outlive the queue; closing it closes what it wraps. */
NODISCARD enum err chaos_queue_open(struct chaos *c, chaos_queue_open_fn open, void *ctx,
                                    struct queue **ret_queue, struct error *e);
NODISCARD enum err chaos_bus_open(struct chaos *c, chaos_bus_open_fn open, void *ctx,
                                  bus_event_fn on_event, void *event_ctx, struct bus **ret_bus,
                                  struct error *e);
