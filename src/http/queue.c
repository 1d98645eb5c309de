/* What waits for a WebSocket peer: replayed messages, then live events in a ring.
 *
 * The ring has a fixed number of places. When it is full, the oldest droppable event makes room and
 * the peer is told how many it lost; when only others wait, the peer is closed and comes back with
 * its last id. Frames are shared by all peers of a topic and counted; loop thread only (frame_new:
 * any). Cost: pushing is O(1), O(places) when the ring is full. */
#include "http/internal.h"

#include "base/mem.h"
#include "base/metrics.h"

enum { LAG_MAX = 4 * 1024 };

struct frame *frame_new(struct str bytes, struct str topic, int64_t id, bool droppable)
{
    struct frame *f = mem_alloc(sizeof *f + LWS_PRE + bytes.n + topic.n);
    if (!f)
        return NULL;
    f->refs = 1;
    f->droppable = droppable;
    f->id = id;
    f->n = bytes.n;
    f->topic_n = topic.n;
    if (bytes.n)
        memcpy(f->bytes + LWS_PRE, bytes.p, bytes.n);
    if (topic.n)
        memcpy(f->bytes + LWS_PRE + bytes.n, topic.p, topic.n);
    return f;
}

void frame_unref(struct frame *f)
{
    if (f && --f->refs == 0)
        mem_free(f);
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    for (int i = 0; i < r->n; i++)
        frame_unref(r->frames[i]);
    mem_free(r);
}

static int ring_at(const struct peer *p, int i)
{
    return (p->head + i) % p->server->options.ws_queue_messages;
}

/* Takes the i-th waiting frame out, keeping the order of the rest. */
static struct frame *ring_remove(struct peer *p, int i)
{
    struct frame *f = p->queue[ring_at(p, i)];
    for (; i > 0; i--)
        p->queue[ring_at(p, i)] = p->queue[ring_at(p, i - 1)];
    p->head = ring_at(p, 1);
    p->count--;
    return f;
}

static void event_lost(struct peer *p)
{
    p->lost++;
    metric_add(METRIC_ws_dropped_total, 1);
}

/* Gives up the oldest droppable event; false when there is none. */
static bool ring_make_room(struct peer *p)
{
    for (int i = 0; i < p->count; i++) {
        if (p->queue[ring_at(p, i)]->droppable) {
            frame_unref(ring_remove(p, i));
            event_lost(p);
            return true;
        }
    }
    return false;
}

void peer_push(struct peer *p, struct frame *f)
{
    if (f->id && f->id <= p->last_id)
        return; /* was in the replay */
    peer_flush(p);
    if (p->count == p->server->options.ws_queue_messages && !ring_make_room(p)) {
        if (f->droppable)
            event_lost(p);
        else
            peer_close(p, 1013, "too slow: reconnect with your last id");
        return;
    }
    p->queue[ring_at(p, p->count++)] = f;
    f->refs++;
    if (p->state == PEER_LIVE)
        lws_callback_on_writable(p->wsi);
}

void peer_replay(struct peer *p, struct replay *r)
{
    p->replay = r;
    p->replay_at = 0;
    p->last_id = r->last_id;
    for (int i = p->count - 1; i >= 0; i--) {
        int64_t id = p->queue[ring_at(p, i)]->id;
        if (id && id <= p->last_id)
            frame_unref(ring_remove(p, i));
    }
    lws_callback_on_writable(p->wsi);
}

static struct frame *lag_frame(struct peer *p)
{
    struct http_server *s = p->server;
    _cleanup_(buf_done) struct buf text;
    buf_init(&text, LAG_MAX);
    int64_t lost = p->lost;
    p->lost = 0;
    s->callbacks.ws_lag(s->callbacks.ctx, p->topic_name, lost, &text);
    return buf_check(&text, NULL) ? NULL : frame_new(buf_str(&text), STR(""), 0, true);
}

struct frame *peer_next(struct peer *p)
{
    if (p->replay && p->replay_at < p->replay->n) {
        struct frame *f = TAKE(p->replay->frames[p->replay_at]);
        p->replay_at++;
        return f;
    }
    if (p->lost && p->server->callbacks.ws_lag) {
        struct frame *lag = lag_frame(p);
        if (lag)
            return lag;
    }
    return p->count ? ring_remove(p, 0) : NULL;
}

bool peer_waiting(const struct peer *p)
{
    return (p->replay && p->replay_at < p->replay->n) || p->lost || p->count;
}

void peer_queue_done(struct peer *p)
{
    while (p->count)
        frame_unref(ring_remove(p, 0));
    replay_free(p->replay);
    p->replay = NULL;
}
