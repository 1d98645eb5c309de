/* Back ends that outlive the process, as Redis does, made of the in-process ones: closing a
 * survivor leaves what it holds, opening it again finds it. So the suites see a durable back end
 * restart before there is one. Thread: any; open and close with no call in progress. */
#pragma once

#include "chaos.h"

/* A chaos_queue_open_fn; ctx is the struct queue that survives, owned by the test. */
NODISCARD enum err survivor_queue_open(void *ctx, struct queue **ret_queue, struct error *e);

struct survivor_bus {
    struct bus *inner;     /* owned */
    bus_event_fn on_event; /* of the handle that is open; NULL while none is */
    void *event_ctx;
};

NODISCARD enum err survivor_bus_init(struct survivor_bus *s, const struct bus_options *o,
                                     struct error *e);
void survivor_bus_done(struct survivor_bus *s);
/* A chaos_bus_open_fn; ctx is a struct survivor_bus. Subscriptions made before stay made. */
NODISCARD enum err survivor_bus_open(void *ctx, bus_event_fn on_event, void *event_ctx,
                                     struct bus **ret_bus, struct error *e);
