/* The queue: frames and job notices in flight, delivered at least once.
 *
 * One interface, back ends as vtables (memory.c here; Redis Streams later adds a file). Calls pass
 * ids and bytes only: nothing in a delivery points into the queue, so the back end may live in
 * another process. A claimed item belongs to its consumer until acked, released, buried, or until
 * its lease runs out, when it is delivered again with tries + 1. So the same item can come twice,
 * even while its first consumer still works on it: effects must be idempotent.
 *
 * Lanes: LIVE frames may be dropped, OLDEST first (too old, or beyond the camera's share); BULK
 * frames (captured offline) and JOB notices never are. Claim order: LIVE, JOB, BULK, each first-in
 * first-out, BULK and JOB guaranteed a turn under steady live load; what comes back from a consumer
 * goes to the head of its lane.
 * Drops: a LIVE item that falls out, and a LIVE or BULK item out of tries, comes out of claim once
 * more as a delivery with `dropped` set and no bytes, so that its worker announces it and acks: no
 * acknowledged frame vanishes silently. Such a notice is itself claimed, leased and retried.
 * Bounds: items AND bytes, tested in the same atomic step as the push; beyond them push is FULL.
 * They cover all the queue holds (waiting, delayed, claimed and drop notices), so what consumers
 * give back always fits. An item's size is its bytes plus its tag and producer. Thread: any. */
#pragma once

#include "base/str.h"
#include "base/time.h"

enum queue_lane { QUEUE_LIVE, QUEUE_JOB, QUEUE_BULK };
enum { QUEUE_LANE_N = QUEUE_BULK + 1, QUEUE_KEY_MAX = 80, QUEUE_TOKEN_MAX = 48 };

struct queue_options {
    size_t max_items, max_bytes; /* over all lanes */
    /* LIVE items one producer may have waiting; older ones are dropped. 0: no limit. */
    size_t camera_share_items;
    usec_t frame_ttl; /* LIVE items older than this are dropped instead of delivered; 0: no limit */
    usec_t lease;     /* a claimed item comes back after this without renew */
    int max_tries;    /* deliveries before an item is buried */
};

struct queue_push {
    enum queue_lane lane;
    struct str producer; /* the camera's id: whose share it counts against; <= QUEUE_KEY_MAX */
    struct str tag; /* told back when the item is dropped: session and frame id; <= QUEUE_KEY_MAX */
    struct str bytes;
};

/* Why an item is dropped. */
enum queue_drop {
    QUEUE_KEPT,       /* it is not */
    QUEUE_DROP_AGE,   /* LIVE: older than frame_ttl */
    QUEUE_DROP_SHARE, /* LIVE: beyond its producer's share */
    QUEUE_DROP_TRIES, /* LIVE, BULK: buried after max_tries deliveries */
};

/* One delivery. bytes and tag are heap copies owned by the consumer: queue_delivery_done. */
struct queue_delivery {
    char token[QUEUE_TOKEN_MAX]; /* names this delivery to ack, renew, release and bury */
    enum queue_lane lane;
    int tries;             /* 1 the first time */
    bool dropped;          /* the item fell out: announce it, then ack */
    enum queue_drop why;   /* QUEUE_KEPT exactly when not dropped */
    struct str tag, bytes; /* bytes is empty when dropped */
};

struct queue_stats {
    size_t items, bytes;           /* waiting for a consumer: delayed ones and drop notices too */
    size_t claimed, claimed_bytes; /* out at consumers; items + claimed <= max_items at all times */
    size_t buried;                 /* dead-lettered since this queue was opened */
};

struct queue;

/* What a back end implements: the contract of each is that of the function queue_<name> below.
 * queue.c has checked the arguments: keys fit, max >= 1, wait and delay >= 0, tokens are shorter
 * than QUEUE_TOKEN_MAX. */
struct queue_driver {
    const char *name;
    bool durable; /* items survive a restart of this process */
    void (*close)(void *self);
    enum err (*push)(void *self, const struct queue_push *item, struct error *e);
    enum err (*claim)(void *self, int max, usec_t wait, struct queue_delivery *ret_items,
                      int *ret_n, struct error *e);
    enum err (*renew)(void *self, const char *token, struct error *e);
    enum err (*ack)(void *self, const char *token, struct error *e);
    enum err (*release)(void *self, const char *token, usec_t delay, struct error *e);
    enum err (*bury)(void *self, const char *token, struct error *e);
    enum err (*stats)(void *self, struct queue_stats *ret_stats, struct error *e);
    void (*wake)(void *self);
};

/* Wraps an opened back end; takes `self` over, also when it fails. Errors NOMEM. */
NODISCARD enum err queue_new(const struct queue_driver *driver, void *self,
                             struct queue **ret_queue, struct error *e);
/* Closes the back end and frees q; NULL is fine. No call may be in progress or come later. */
void queue_close(struct queue *q);

/* Puts one item in; everything is copied. Pushing a LIVE item beyond its producer's share turns
 * that producer's oldest waiting one into a drop notice. On any error the queue is as before.
 * Errors FULL (items or bytes: come back later), TOO_LARGE (can never fit), INVALID (a key too
 * long), NOMEM, UNAVAILABLE (a remote back end: the item may or may not be in; push it again). */
NODISCARD enum err queue_push(struct queue *q, const struct queue_push *item, struct error *e);
/* Up to max deliveries into ret_items[0..*ret_n), waiting at most `wait` for the first; *ret_n may
 * be 0. The caller ends each with queue_delivery_done. Errors INVALID (max < 1), NOMEM,
 * UNAVAILABLE. */
NODISCARD enum err queue_claim(struct queue *q, int max, usec_t wait,
                               struct queue_delivery *ret_items, int *ret_n, struct error *e);
/* The lease starts anew. Errors NOT_FOUND: it ran out, somebody else may have it; stop. (Until the
 * queue has taken the item back, a late renew, ack, release or bury still counts.) */
NODISCARD enum err queue_renew(struct queue *q, const char *token, struct error *e);
/* Done. Errors NOT_FOUND: the lease ran out before; the item is or was delivered again. */
NODISCARD enum err queue_ack(struct queue *q, const char *token, struct error *e);
/* Not done: deliver again after `delay`; buried instead when max_tries is reached. Errors
 * NOT_FOUND. */
NODISCARD enum err queue_release(struct queue *q, const char *token, usec_t delay, struct error *e);
/* Never deliver again (dead letter); the caller announces it. Errors NOT_FOUND. */
NODISCARD enum err queue_bury(struct queue *q, const char *token, struct error *e);
/* A snapshot of one moment, consistent in itself. */
NODISCARD enum err queue_stats(struct queue *q, struct queue_stats *ret_stats, struct error *e);
/* Lets every claim that waits now return empty (shutdown). Claims that begin later are unaffected.
 */
void queue_wake(struct queue *q);

/* Wipes and frees the copies in d and empties it; may be called twice. */
void queue_delivery_done(struct queue_delivery *d);

/* The in-process back end (queue/memory.c): everything is lost with the process. Tokens of an
 * earlier life answer NOT_FOUND. Errors INVALID (an option out of range), NOMEM. */
NODISCARD enum err queue_memory_open(const struct queue_options *o, struct queue **ret_queue,
                                     struct error *e);
