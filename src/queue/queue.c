/* The queue's front: checks arguments once for all back ends, then calls through the vtable.
 * Holds no lock and no state of its own; costs one indirect call. See queue.h. */
#include "queue/queue.h"

#include "base/mem.h"

struct queue {
    const struct queue_driver *driver;
    void *self; /* owned */
};

enum err queue_new(const struct queue_driver *driver, void *self, struct queue **ret_queue,
                   struct error *e)
{
    struct queue *q = mem_alloc(sizeof(*q));
    if (!q) {
        driver->close(self);
        return error_set(e, ERR_NOMEM, "no memory for a queue");
    }
    *q = (struct queue){.driver = driver, .self = self};
    *ret_queue = q;
    return ERR_OK;
}

void queue_close(struct queue *q)
{
    if (!q)
        return;
    q->driver->close(q->self);
    mem_free(q);
}

enum err queue_push(struct queue *q, const struct queue_push *item, struct error *e)
{
    if ((unsigned)item->lane >= QUEUE_LANE_N)
        return error_set(e, ERR_INVALID, "the queue has no lane %d", (int)item->lane);
    if (item->producer.n > QUEUE_KEY_MAX || item->tag.n > QUEUE_KEY_MAX)
        return error_set(e, ERR_INVALID, "a producer or tag of more than %d bytes", QUEUE_KEY_MAX);
    return q->driver->push(q->self, item, e);
}

enum err queue_claim(struct queue *q, int max, usec_t wait, struct queue_delivery *ret_items,
                     int *ret_n, struct error *e)
{
    if (max < 1)
        return error_set(e, ERR_INVALID, "a claim of %d items", max);
    return q->driver->claim(q->self, max, wait < 0 ? 0 : wait, ret_items, ret_n, e);
}

static enum err check_token(const char *token, struct error *e)
{
    if (!token || !*token || strnlen(token, QUEUE_TOKEN_MAX) == QUEUE_TOKEN_MAX)
        return error_set(e, ERR_NOT_FOUND, "no delivery has this token");
    return ERR_OK;
}

enum err queue_renew(struct queue *q, const char *token, struct error *e)
{
    enum err r = check_token(token, e);
    return r ? r : q->driver->renew(q->self, token, e);
}

enum err queue_ack(struct queue *q, const char *token, struct error *e)
{
    enum err r = check_token(token, e);
    return r ? r : q->driver->ack(q->self, token, e);
}

enum err queue_release(struct queue *q, const char *token, usec_t delay, struct error *e)
{
    enum err r = check_token(token, e);
    return r ? r : q->driver->release(q->self, token, delay < 0 ? 0 : delay, e);
}

enum err queue_bury(struct queue *q, const char *token, struct error *e)
{
    enum err r = check_token(token, e);
    return r ? r : q->driver->bury(q->self, token, e);
}

enum err queue_stats(struct queue *q, struct queue_stats *ret_stats, struct error *e)
{
    return q->driver->stats(q->self, ret_stats, e);
}

void queue_wake(struct queue *q) { q->driver->wake(q->self); }

void queue_delivery_done(struct queue_delivery *d)
{
    secure_free((void *)d->bytes.p, d->bytes.n);
    mem_free((void *)d->tag.p);
    *d = (struct queue_delivery){0};
}
