/* The topics of the in-process bus: see topics.h.
 *
 * Order: publish takes the topic's id and a ticket in one locked step, waits until its ticket is
 * served, and only then calls on_event, without the lock. So events reach the subscriber one at a
 * time and in the order of their ids, and no more publishers wait than there are threads: nothing
 * is queued. A topic nobody subscribed to needs no ticket. Ids: a topic's life begins at the
 * present time in microseconds since 1970, or above every id given so far should the clock have
 * gone back; see bus.h for why. 2^53 microseconds end in the year 2255. Invariants: a topic's ring
 * holds the events (last - kept, last], kept <= history_max. */
#include "bus/topics.h"

#include "base/mem.h"

struct kept {
    size_t n;
    char bytes[];
};

struct topic {
    struct keep_entry entry;
    int64_t before; /* the id before this life's first */
    int64_t last;   /* the newest; == before when there is none */
    size_t ring_n;
    struct kept **ring; /* [ring_n]; the event of id i is at i % ring_n; owned */
    char key[BUS_KEY_MAX];
};

struct subscription {
    size_t n;
    struct str topic;
    char key[BUS_KEY_MAX];
};

static void topic_done(struct keep_entry *entry)
{
    struct topic *topic = (struct topic *)(void *)entry;
    for (size_t i = 0; i < topic->ring_n; i++)
        mem_free(topic->ring[i]);
    mem_free(topic->ring);
}

void topics_init(struct topics *t, const struct bus_options *o, bus_event_fn on_event, void *ctx)
{
    *t = (struct topics){.history_max = o->history_max, .on_event = on_event, .ctx = ctx};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->served, NULL);
    keep_init(&t->lives, o->topics_max, topic_done);
    hashmap_init(&t->subscriptions);
}

void topics_done(struct topics *t)
{
    struct subscription *s;
    size_t at = 0;
    while ((s = hashmap_next(&t->subscriptions, &at)))
        mem_free(s);
    hashmap_done(&t->subscriptions);
    keep_done(&t->lives);
    pthread_cond_destroy(&t->served);
    pthread_mutex_destroy(&t->lock);
}

/* The topic, begun when it is not there. */
static enum err live(struct topics *t, struct str key, struct topic **ret_topic, struct error *e)
{
    struct topic *topic = (struct topic *)(void *)keep_find(&t->lives, key, 0);
    if (topic) {
        *ret_topic = topic;
        return ERR_OK;
    }
    topic = mem_alloc(sizeof(*topic));
    if (!topic)
        return error_set(e, ERR_NOMEM, "no memory for a topic");
    *topic = (struct topic){.ring_n = t->history_max};
    topic->ring = mem_array(topic->ring_n, sizeof(struct kept *));
    memcpy(topic->key, key.p, key.n);
    topic->entry.key = (struct str){topic->key, key.n};
    topic->entry.expires = KEEP_FOREVER;
    topic->entry.weight = 1;
    enum err r = topic->ring ? keep_add(&t->lives, &topic->entry, 0, e)
                             : error_set(e, ERR_NOMEM, "no memory for a topic's history");
    if (r) {
        mem_free(topic->ring);
        mem_free(topic);
        return r;
    }
    usec_t now = time_utc();
    topic->before = topic->last = now > t->highest ? now : t->highest;
    t->highest = topic->last;
    *ret_topic = topic;
    return ERR_OK;
}

static void remember(struct topic *topic, struct kept *event)
{
    if (topic->ring_n == 0) {
        mem_free(event);
        return;
    }
    struct kept **place = &topic->ring[(size_t)topic->last % topic->ring_n];
    mem_free(*place);
    *place = event;
}

/* Calls on_event when all with earlier tickets have been called. Called and returns locked. */
static void deliver(struct topics *t, uint64_t ticket, const struct bus_event *event)
{
    while (t->serving != ticket)
        pthread_cond_wait(&t->served, &t->lock);
    pthread_mutex_unlock(&t->lock);
    t->on_event(t->ctx, event);
    pthread_mutex_lock(&t->lock);
    t->serving++;
    pthread_cond_broadcast(&t->served);
}

enum err topics_publish(struct topics *t, struct str topic, struct str bytes, int64_t *ret_id,
                        struct error *e)
{
    struct topic *at = NULL;
    struct kept *event = mem_alloc(sizeof(*event) + bytes.n);
    if (!event)
        return error_set(e, ERR_NOMEM, "no memory for an event of %zu bytes", bytes.n);
    event->n = bytes.n;
    if (bytes.n)
        memcpy(event->bytes, bytes.p, bytes.n);
    pthread_mutex_lock(&t->lock);
    enum err r = live(t, topic, &at, e);
    if (r) {
        mem_free(event);
    } else {
        int64_t id = ++at->last;
        if (id > t->highest)
            t->highest = id;
        remember(at, event);
        *ret_id = id;
        if (t->on_event && hashmap_get(&t->subscriptions, topic))
            deliver(t, t->next_ticket++, &(struct bus_event){id, topic, bytes});
    }
    pthread_mutex_unlock(&t->lock);
    return r;
}

enum err topics_subscribe(struct topics *t, struct str topic, struct error *e)
{
    enum err r = ERR_OK;
    pthread_mutex_lock(&t->lock);
    struct subscription *s = hashmap_get(&t->subscriptions, topic);
    if (s) {
        s->n++;
    } else {
        s = mem_alloc(sizeof(*s));
        if (s) {
            s->n = 1;
            memcpy(s->key, topic.p, topic.n);
            s->topic = (struct str){s->key, topic.n};
            r = hashmap_put(&t->subscriptions, s->topic, s, e);
            if (r)
                mem_free(s);
        } else {
            r = error_set(e, ERR_NOMEM, "no memory for a subscription");
        }
    }
    pthread_mutex_unlock(&t->lock);
    return r;
}

enum err topics_unsubscribe(struct topics *t, struct str topic, struct error *e)
{
    enum err r = ERR_OK;
    pthread_mutex_lock(&t->lock);
    struct subscription *s = hashmap_get(&t->subscriptions, topic);
    if (!s) {
        r = error_set(e, ERR_NOT_FOUND, "nobody has subscribed to this topic");
    } else if (--s->n == 0) {
        hashmap_remove(&t->subscriptions, s->topic);
        mem_free(s);
    }
    pthread_mutex_unlock(&t->lock);
    return r;
}

/* Copies the events of ids (after, topic->last] into `a`. */
static enum err copy_events(const struct topic *topic, struct arena *a, int64_t after,
                            struct bus_event **ret_events, struct error *e)
{
    size_t n = (size_t)(topic->last - after);
    struct bus_event *events = arena_array(a, n, sizeof(*events));
    struct str key = arena_copy(a, topic->entry.key);
    if (!events || !key.p)
        return error_set(e, ERR_NOMEM, "no memory to replay %zu events", n);
    for (size_t i = 0; i < n; i++) {
        int64_t id = after + 1 + (int64_t)i;
        const struct kept *kept = topic->ring[(size_t)id % topic->ring_n];
        struct str bytes = arena_copy(a, (struct str){kept->bytes, kept->n});
        if (!bytes.p)
            return error_set(e, ERR_NOMEM, "no memory to replay %zu events", n);
        events[i] = (struct bus_event){.id = id, .topic = key, .bytes = bytes};
    }
    *ret_events = events;
    return ERR_OK;
}

enum err topics_replay(struct topics *t, struct arena *a, struct str topic, int64_t after_id,
                       struct bus_event **ret_events, int *ret_n, int64_t *ret_last_id,
                       struct error *e)
{
    struct topic *at = NULL;
    pthread_mutex_lock(&t->lock);
    enum err r = live(t, topic, &at, e);
    if (!r) {
        int64_t after = after_id == 0 ? at->before : after_id < 0 ? at->last : after_id;
        if (after < at->before || after > at->last || (size_t)(at->last - after) > t->history_max)
            r = error_set(e, ERR_NOT_FOUND, "the events after %lld are no longer kept",
                          (long long)after_id);
        else
            r = copy_events(at, a, after, ret_events, e);
        if (!r) {
            *ret_n = (int)(at->last - after);
            *ret_last_id = at->last;
        }
    }
    pthread_mutex_unlock(&t->lock);
    return r;
}
