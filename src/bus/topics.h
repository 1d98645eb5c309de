/* The topics of the in-process bus: ids, capped histories, subscriptions, delivery in order.
 *
 * Part of bus/memory.c with a lock of its own, so that a busy publisher never holds up the caches.
 * The functions are those of struct bus_driver (bus.h) and have their contracts.
 * Cost: publish O(1) plus the callback; replay O(events returned). Thread: any. */
#pragma once

#include "bus/bus.h"
#include "bus/keep.h"

#include <pthread.h>

struct topics {
    pthread_mutex_t lock;  /* over all below; a leaf; not held during on_event */
    pthread_cond_t served; /* `serving` has moved on */
    struct keep lives;     /* struct topic, weight 1 each */
    struct hashmap subscriptions;
    size_t history_max;
    int64_t highest; /* no id was ever given above this */
    uint64_t next_ticket, serving;
    bus_event_fn on_event;
    void *ctx;
};

void topics_init(struct topics *t, const struct bus_options *o, bus_event_fn on_event, void *ctx);
void topics_done(struct topics *t);

NODISCARD enum err topics_publish(struct topics *t, struct str topic, struct str bytes,
                                  int64_t *ret_id, struct error *e);
NODISCARD enum err topics_subscribe(struct topics *t, struct str topic, struct error *e);
NODISCARD enum err topics_unsubscribe(struct topics *t, struct str topic, struct error *e);
NODISCARD enum err topics_replay(struct topics *t, struct arena *a, struct str topic,
                                 int64_t after_id, struct bus_event **ret_events, int *ret_n,
                                 int64_t *ret_last_id, struct error *e);
