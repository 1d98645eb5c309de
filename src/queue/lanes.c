/* The waiting lines of the in-process queue: see lanes.h. Called by queue/memory.c under its lock.
 * Invariants: bytes is the sum of item_size over all items; an item stands in its producer's list
 * exactly while it waits in the LIVE lane; a producer lives exactly as long as it has LIVE items,
 * waiting or lent, so putting an item back needs no memory and cannot fail. */
#include "queue/lanes.h"

#include "base/mem.h"

struct producer {
    struct list_node waiting; /* its LIVE items in lane order */
    size_t waiting_n;
    size_t refs; /* items whose owner it is */
    struct str key;
    char text[QUEUE_KEY_MAX];
};

/* How often a ready lane is passed over before it gets a turn: jobs are picked at least every fifth
 * time, bulk every ninth, drop notices every other (they are cheap, and old news must not wait). */
static const unsigned patience[LANES_N] = {
    [QUEUE_LIVE] = 1, [QUEUE_JOB] = 4, [QUEUE_BULK] = 8, [LANE_DROPPED] = 1};

void lanes_init(struct lanes *l, const struct queue_options *o)
{
    *l = (struct lanes){.o = *o};
    for (int i = 0; i < LANES_N; i++)
        list_init(&l->lane[i]);
    hashmap_init(&l->producers);
}

void lanes_done(struct lanes *l)
{
    struct item *item;
    for (int i = 0; i < LANES_N; i++) {
        while ((item = LIST_FIRST(&l->lane[i], struct item, place))) {
            list_remove(&item->place);
            list_remove(&item->share);
            lanes_forget(l, item);
        }
    }
    hashmap_done(&l->producers);
}

enum err item_new(const struct queue_push *push, struct item **ret_item, struct error *e)
{
    struct item *item = mem_alloc(sizeof(*item) + push->producer.n + push->tag.n);
    char *bytes = mem_alloc(push->bytes.n);
    if (!item || !bytes) {
        mem_free(item);
        mem_free(bytes);
        return error_set(e, ERR_NOMEM, "no memory to queue %zu bytes", push->bytes.n);
    }
    char *keys = (char *)(item + 1);
    if (push->producer.n)
        memcpy(keys, push->producer.p, push->producer.n);
    if (push->tag.n)
        memcpy(keys + push->producer.n, push->tag.p, push->tag.n);
    if (push->bytes.n)
        memcpy(bytes, push->bytes.p, push->bytes.n);
    *item = (struct item){.lane = push->lane,
                          .producer = {keys, push->producer.n},
                          .tag = {keys + push->producer.n, push->tag.n},
                          .bytes = {bytes, push->bytes.n}};
    list_init(&item->place);
    list_init(&item->share);
    *ret_item = item;
    return ERR_OK;
}

void item_free(struct item *item)
{
    if (!item)
        return;
    secure_free((void *)item->bytes.p, item->bytes.n);
    mem_free(item);
}

/* The item no longer counts against its producer's share. */
static void leave_share(struct item *item)
{
    if (list_is_empty(&item->share))
        return;
    list_remove(&item->share);
    item->owner->waiting_n--;
}

static void disown(struct lanes *l, struct item *item)
{
    struct producer *p = item->owner;
    item->owner = NULL;
    if (!p || --p->refs)
        return;
    hashmap_remove(&l->producers, p->key);
    mem_free(p);
}

void lanes_drop(struct lanes *l, struct item *item, enum queue_drop why)
{
    disown(l, item);
    l->bytes -= item->bytes.n;
    secure_free((void *)item->bytes.p, item->bytes.n);
    item->bytes = (struct str){0};
    item->why = why;
    item->tries = 0;
    list_push_back(&l->lane[LANE_DROPPED], &item->place);
}

static void drop_waiting(struct lanes *l, struct item *item, enum queue_drop why)
{
    leave_share(item);
    list_remove(&item->place);
    lanes_drop(l, item, why);
}

void lanes_forget(struct lanes *l, struct item *item)
{
    disown(l, item);
    l->items--;
    l->bytes -= item_size(item);
    item_free(item);
}

static bool too_old(const struct lanes *l, const struct item *item, usec_t now)
{
    return item->lane == QUEUE_LIVE && item->why == QUEUE_KEPT && l->o.frame_ttl > 0 &&
           now - item->pushed_at > l->o.frame_ttl;
}

/* The producer of a LIVE item about to come in, made when it is new. Errors NOMEM. */
static enum err adopt(struct lanes *l, struct item *item, struct error *e)
{
    struct producer *p = hashmap_get(&l->producers, item->producer);
    if (!p) {
        p = mem_alloc(sizeof(*p));
        if (!p)
            return error_set(e, ERR_NOMEM, "no memory for a producer");
        if (item->producer.n)
            memcpy(p->text, item->producer.p, item->producer.n);
        p->key = (struct str){p->text, item->producer.n};
        list_init(&p->waiting);
        enum err r = hashmap_put(&l->producers, p->key, p, e);
        if (r) {
            mem_free(p);
            return r;
        }
    }
    p->refs++;
    item->owner = p;
    return ERR_OK;
}

/* The waiting item that must fall out when one more of this producer waits, or NULL. */
static struct item *over_share(const struct lanes *l, const struct producer *p)
{
    if (!p || l->o.camera_share_items == 0 || p->waiting_n < l->o.camera_share_items)
        return NULL;
    return LIST_FIRST(&p->waiting, struct item, share);
}

static bool fits(const struct lanes *l, const struct item *item, const struct item *falls_out)
{
    size_t bytes = l->bytes - (falls_out ? falls_out->bytes.n : 0);
    return l->items < l->o.max_items && bytes <= l->o.max_bytes &&
           item_size(item) <= l->o.max_bytes - bytes;
}

enum err lanes_push(struct lanes *l, struct item *item, usec_t now, struct error *e)
{
    struct item *old;
    enum err r;
    if (item_size(item) > l->o.max_bytes)
        return error_set(e, ERR_TOO_LARGE, "%zu bytes never fit into a queue of %zu",
                         item_size(item), l->o.max_bytes);
    r = item->lane == QUEUE_LIVE ? adopt(l, item, e) : ERR_OK;
    if (r)
        return r;
    if (!fits(l, item, over_share(l, item->owner)))
        while ((old = LIST_FIRST(&l->lane[QUEUE_LIVE], struct item, place)) && too_old(l, old, now))
            drop_waiting(l, old, QUEUE_DROP_AGE);
    old = over_share(l, item->owner);
    if (!fits(l, item, old)) {
        disown(l, item);
        return error_set(e, ERR_FULL, "the queue holds %zu items and %zu bytes; come back later",
                         l->items, l->bytes);
    }
    if (old)
        drop_waiting(l, old, QUEUE_DROP_SHARE);
    item->pushed_at = now;
    l->items++;
    l->bytes += item_size(item);
    list_push_back(&l->lane[item->lane], &item->place);
    if (item->owner) {
        list_push_back(&item->owner->waiting, &item->share);
        item->owner->waiting_n++;
    }
    return ERR_OK;
}

void lanes_return(struct lanes *l, struct item *item)
{
    if (item->why != QUEUE_KEPT) {
        list_push_front(&l->lane[LANE_DROPPED], &item->place);
        return;
    }
    if (over_share(l, item->owner)) { /* newer ones have taken its place: it is the oldest */
        lanes_drop(l, item, QUEUE_DROP_SHARE);
        return;
    }
    list_push_front(&l->lane[item->lane], &item->place);
    if (item->owner) {
        list_push_front(&item->owner->waiting, &item->share);
        item->owner->waiting_n++;
    }
}

/* The lane whose turn it is, or -1: one whose patience is at its end, else LIVE, notices, JOB,
 * BULK. */
static int choose(struct lanes *l)
{
    static const int order[LANES_N] = {QUEUE_LIVE, LANE_DROPPED, QUEUE_JOB, QUEUE_BULK};
    int chosen = -1;
    for (int i = LANES_N - 1; i > 0 && chosen < 0; i--)
        if (!list_is_empty(&l->lane[order[i]]) && l->passed[order[i]] >= patience[order[i]])
            chosen = order[i];
    for (int i = 0; i < LANES_N && chosen < 0; i++)
        if (!list_is_empty(&l->lane[order[i]]))
            chosen = order[i];
    for (int i = 0; i < LANES_N; i++)
        l->passed[i] = i == chosen || list_is_empty(&l->lane[i]) ? 0 : l->passed[i] + 1;
    return chosen;
}

struct item *lanes_pick(struct lanes *l, usec_t now)
{
    for (;;) {
        int lane = choose(l);
        if (lane < 0)
            return NULL;
        struct item *item = LIST_FIRST(&l->lane[lane], struct item, place);
        if (too_old(l, item, now)) {
            drop_waiting(l, item, QUEUE_DROP_AGE);
            continue;
        }
        leave_share(item);
        list_remove(&item->place);
        return item;
    }
}
