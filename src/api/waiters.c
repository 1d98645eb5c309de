/* Waiters: requests (frames?wait=1) that are answered when their frame's event arrives.
 *
 * A fixed table under one mutex, so memory is bounded; look-ups scan it (64 entries). Added by
 * handler threads before the frame is queued, answered on the bus's thread, expired by api_tick.
 * Invariant: an entry holds one subscription to its session's topic, given back when it goes. */
#include "api/internal.h"

#include "attendance/event.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>

enum { WAITERS_MAX = 64, ANSWER_ARENA = 2 * MIB };

struct waiter {
    uint64_t conn; /* 0: free */
    struct frame_id frame;
    struct session_id session;
    usec_t patience, deadline_mono;
    bool done; /* answered; its subscription waits to be given back by tick */
};

struct waiters {
    pthread_mutex_t lock;
    struct waiter rows[WAITERS_MAX]; /* under lock */
};

enum err waiters_new(struct waiters **ret_waiters, struct error *e)
{
    struct waiters *w = mem_alloc(sizeof *w);
    if (!w)
        return error_set(e, ERR_NOMEM, "no memory for waiting requests");
    pthread_mutex_init(&w->lock, NULL);
    *ret_waiters = w;
    return ERR_OK;
}

void waiters_free(struct waiters *w)
{
    if (!w)
        return;
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

/* Under the lock. */
static struct waiter *find(struct waiters *w, const char *frame)
{
    for (int i = 0; i < WAITERS_MAX; i++)
        if (w->rows[i].conn && !w->rows[i].done && strcmp(w->rows[i].frame.text, frame) == 0)
            return &w->rows[i];
    return NULL;
}

static struct waiter *free_row(struct waiters *w)
{
    for (int i = 0; i < WAITERS_MAX; i++)
        if (!w->rows[i].conn)
            return &w->rows[i];
    return NULL;
}

enum err waiters_add(struct api *api, struct session_id session, struct frame_id frame,
                     uint64_t conn, usec_t patience, struct error *e)
{
    char topic[64];
    event_topic(session, topic);
    enum err r = bus_subscribe(api->env.bus, str_from(topic), e);
    if (r)
        return r;
    pthread_mutex_lock(&api->waiters->lock);
    struct waiter *row = free_row(api->waiters);
    if (row)
        *row = (struct waiter){.conn = conn,
                               .frame = frame,
                               .session = session,
                               .patience = patience,
                               .deadline_mono = time_mono() + patience};
    pthread_mutex_unlock(&api->waiters->lock);
    if (row)
        return ERR_OK;
    struct error ignored;
    r = bus_unsubscribe(api->env.bus, str_from(topic), &ignored);
    return error_set(e, ERR_FULL, "%d requests wait already: post without wait=1", WAITERS_MAX);
}

void waiters_remove(struct api *api, struct frame_id frame)
{
    pthread_mutex_lock(&api->waiters->lock);
    struct waiter *row = find(api->waiters, frame.text);
    if (row)
        row->done = true;
    pthread_mutex_unlock(&api->waiters->lock);
}

static void answer(struct api *api, uint64_t conn, int status, struct str type, struct str body)
{
    const struct http_response res = {.status = status, .content_type = type, .body = body};
    http_respond(api->http, conn, &res);
}

void waiters_event(struct api *api, int64_t id, struct str envelope)
{
    struct event_view v;
    struct error ignored;
    if (event_unpack(envelope, &v, &ignored) ||
        (v.kind != EVENT_FRAME_RESULT && v.kind != EVENT_FRAME_DROPPED))
        return;
    pthread_mutex_lock(&api->waiters->lock);
    struct waiter *row = find(api->waiters, v.about);
    uint64_t conn = row ? row->conn : 0;
    if (row)
        row->done = true;
    pthread_mutex_unlock(&api->waiters->lock);
    if (!conn)
        return;
    _cleanup_(arena_freep) struct arena *a = arena_new(ANSWER_ARENA);
    struct str json;
    if (a && event_json(a, id, v.json, &json, &ignored) == ERR_OK)
        answer(api, conn, 200, STR("application/json"), json);
}

static void expired_answer(struct api *api, const struct waiter *w)
{
    struct error e;
    struct buf body;
    enum err r =
        error_set(&e, ERR_TIMEOUT, "no result after %d s; the frame is still being worked on",
                  (int)(w->patience / USEC_PER_SEC));
    buf_init(&body, 4 * KIB);
    problem_print(&e, NULL, NULL, &body);
    answer(api, w->conn, err_http_status(r), STR("application/problem+json"), buf_str(&body));
    buf_done(&body);
}

void waiters_expire(struct api *api)
{
    struct waiter gone[WAITERS_MAX];
    int n = 0;
    usec_t now = time_mono();
    pthread_mutex_lock(&api->waiters->lock);
    for (int i = 0; i < WAITERS_MAX; i++) {
        struct waiter *row = &api->waiters->rows[i];
        if (!row->conn || (!row->done && row->deadline_mono > now))
            continue;
        gone[n++] = *row;
        row->conn = 0;
    }
    pthread_mutex_unlock(&api->waiters->lock);
    for (int i = 0; i < n; i++) {
        char topic[64];
        struct error e = {0};
        event_topic(gone[i].session, topic);
        if (bus_unsubscribe(api->env.bus, str_from(topic), &e))
            log_failure(LOG_DEBUG, "api", "unsubscribe", &e);
        if (!gone[i].done)
            expired_answer(api, &gone[i]);
    }
}
