/* The waiting lines of the in-process queue: which item is next, which one falls out, what fits.
 *
 * Plain data structure of queue/memory.c, without clock, lock or lease: the caller serialises calls
 * and tells the time. An item is, from lanes_push to lanes_forget, either in a lane or lent to the
 * caller (after lanes_pick), and counts against the bounds all that time.
 * Cost: every call O(1) on average; lanes_push into a full queue also drops live items that are too
 * old, each once in its life. Thread: one at a time. */
#pragma once

#include "base/hashmap.h"
#include "base/list.h"
#include "queue/queue.h"

enum { LANE_DROPPED = QUEUE_LANE_N, LANES_N }; /* drop notices stand in a lane of their own */

struct producer;

struct item {
    struct list_node place; /* in its lane; the borrower may use it while the item is lent */
    struct list_node share; /* among its producer's waiting LIVE items */
    struct producer *owner; /* of a LIVE item; NULL otherwise, and once it is a drop notice */
    enum queue_lane lane;
    enum queue_drop why;         /* QUEUE_KEPT: deliver it */
    int tries;                   /* deliveries so far; starts again for a drop notice */
    usec_t pushed_at;            /* monotonic */
    usec_t due;                  /* the borrower's: end of lease, or of delay; monotonic */
    char token[QUEUE_TOKEN_MAX]; /* the borrower's */
    struct str producer, tag;    /* in the same block as the item */
    struct str bytes;            /* heap, owned; empty for a drop notice */
};

struct lanes {
    struct queue_options o;
    struct list_node lane[LANES_N];
    unsigned passed[LANES_N]; /* how often the lane was ready and another was picked */
    struct hashmap producers; /* with items; struct producer */
    size_t items, bytes;      /* waiting and lent */
};

void lanes_init(struct lanes *l, const struct queue_options *o);
/* Frees what waits; nothing may be lent. */
void lanes_done(struct lanes *l);

/* A copy of what is pushed, not yet in. Owner: the caller (item_free). Errors NOMEM. */
NODISCARD enum err item_new(const struct queue_push *push, struct item **ret_item, struct error *e);
void item_free(struct item *item);

/* What the item counts against max_bytes. */
static inline size_t item_size(const struct item *item)
{
    return item->bytes.n + item->tag.n + item->producer.n;
}

/* Takes item in, or changes nothing. Errors FULL, TOO_LARGE, NOMEM: the item stays the caller's. */
NODISCARD enum err lanes_push(struct lanes *l, struct item *item, usec_t now, struct error *e);
/* Lends the next item, or NULL. LIVE items too old come as drop notices. */
struct item *lanes_pick(struct lanes *l, usec_t now);
/* Puts a lent item back at the head of its lane. */
void lanes_return(struct lanes *l, struct item *item);
/* Turns a lent item into a drop notice and puts it in. */
void lanes_drop(struct lanes *l, struct item *item, enum queue_drop why);
/* A lent item leaves for good. */
void lanes_forget(struct lanes *l, struct item *item);
