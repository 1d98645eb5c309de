/* Planned sessions start and stop by the clock: see schedule.h. The scheduler's thread; one
 * transaction a session, so that one that fails holds up no other run of the job but its own.
 *
 * A session with a planned start and end is started at its start and closed `stop_grace` after its
 * end, with the absences. What a person did stands: whoever started it early, stopped it early, or
 * started it after its end is not contradicted. A session that nobody and nothing started before
 * its end stays scheduled, and nobody is absent from it: the system saw nothing of it.
 * Invariant: session_start and session_close are conditional on the state, so two processes at once
 * make one change. */
#include "attendance/event.h"
#include "base/log.h"
#include "base/metrics.h"
#include "jobs/schedule.h"
#include "store/live.h"
#include "store/schedule.h"

enum { SESSIONS_MAX = 100 };
/* A start that comes later than this counts from now: nobody is late because the server was. */
static const usec_t START_SLACK = USEC_PER_MIN;
/* A close and its absences are one transaction; older sessions were looked at by earlier runs. */
static const usec_t ABSENCES_SINCE = 2 * USEC_PER_DAY;

static const char actor[] = "scheduler";

struct clock {
    struct schedule_run *run;
    struct arena *a;
    usec_t at;
    struct due_session *due;
    int n;
    /* of the session at hand */
    struct session_id id;
    bool start, changed;
    int absent;
    struct session s;
};

static enum err to_start_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct clock *k = ctx;
    return due_to_start(cx, k->a, k->at, SESSIONS_MAX, &k->due, &k->n, e);
}

static enum err to_stop_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct clock *k = ctx;
    return due_to_stop(cx, k->a, k->at, SESSIONS_MAX, &k->due, &k->n, e);
}

static enum err absences_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct clock *k = ctx;
    return due_absences(cx, k->a, k->at, SESSIONS_MAX, &k->due, &k->n, e);
}

static enum err move_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct clock *k = ctx;
    struct outbox_event row;
    char id[ID_TEXT];
    enum err r = k->start ? session_start(cx, k->a, k->id, k->at, &k->s, &k->changed, e)
                          : session_close(cx, k->a, k->id, k->at, STR(actor), &k->run->env->marks,
                                          &k->s, &k->changed, &k->absent, e);
    if (r || !k->changed)
        return r;
    r = event_pack_session(k->a, k->id, str_from(session_status_name(k->s.status)), &row.topic,
                           &row.payload, e);
    return r ? r : outbox_insert(cx, row, id, e);
}

/* Cached copies go, subscribers hear of it. Lost word costs a while: both look by themselves. */
static void announce(const struct clock *k)
{
    const struct schedule_env *env = k->run->env;
    struct error e = {0};
    char key[LIVE_KEY];
    int64_t id;
    live_session_key(k->id, key);
    if (bus_cache_drop(env->bus, str_from(key), k->s.version, env->cache_ttl, &e) ||
        bus_publish(env->bus, STR(EVENT_TOPIC_OUTBOX), STR(""), &id, &e))
        log_failure(LOG_DEBUG, "schedule", "session_not_announced", &e);
}

/* One session; that a person was faster (CONFLICT, NOT_FOUND) is no failure. */
static enum err move(struct clock *k, struct session_id id, bool start, usec_t at, struct error *e)
{
    struct error why = {0};
    k->id = id;
    k->start = start;
    k->at = at;
    k->changed = false;
    k->absent = 0;
    enum err r = db_tx(k->run->env->db, move_fn, k, &why);
    if (r == ERR_CONFLICT || r == ERR_NOT_FOUND)
        return ERR_OK;
    if (r) {
        if (e)
            *e = why;
        return r;
    }
    if (k->changed || k->absent) {
        announce(k);
        k->run->did++;
    }
    if (k->changed)
        metric_add(start ? METRIC_sessions_started_total : METRIC_sessions_closed_total, 1);
    return ERR_OK;
}

static enum err start_due(struct clock *k, struct error *e)
{
    usec_t now = k->at = k->run->now;
    enum err r = db_read(k->run->env->db, to_start_fn, k, e);
    for (int i = 0; !r && i < k->n; i++) {
        usec_t planned = k->due[i].planned_start;
        r = move(k, k->due[i].id, true, now - planned > START_SLACK ? now : planned, e);
    }
    k->run->more |= k->n == SESSIONS_MAX;
    return r;
}

static enum err stop_due(struct clock *k, struct error *e)
{
    usec_t grace = k->run->env->stop_grace;
    k->at = k->run->now - grace;
    k->n = 0;
    enum err r = db_read(k->run->env->db, to_stop_fn, k, e);
    for (int i = 0; !r && i < k->n; i++)
        r = move(k, k->due[i].id, false, k->due[i].planned_end + grace, e);
    k->run->more |= k->n == SESSIONS_MAX;
    return r;
}

enum err schedule_sessions(struct schedule_run *run, struct error *e)
{
    struct clock k = {.run = run, .a = run->a};
    if (!run->env->sessions_auto)
        return ERR_OK;
    enum err r = start_due(&k, e);
    return r ? r : stop_due(&k, e);
}

enum err schedule_absences(struct schedule_run *run, struct error *e)
{
    struct clock k = {.run = run, .a = run->a, .at = run->now - ABSENCES_SINCE};
    enum err r = db_read(run->env->db, absences_fn, &k, e);
    for (int i = 0; !r && i < k.n; i++)
        r = move(&k, k.due[i].id, false, run->now, e);
    run->more = !r && k.n == SESSIONS_MAX;
    return r;
}
