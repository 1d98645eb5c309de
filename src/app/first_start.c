/* What a start finds or leaves in the database: the first admin, and word to the subscribers of
 * sessions that were running. Main thread. */
#include "app/internal.h"

#include "attendance/event.h"
#include "base/log.h"
#include "store/job.h"
#include "store/session.h"
#include "store/user.h"

#include <stdio.h>

enum { START_ARENA = 4 * MIB, RESTART_SESSIONS_MAX = 200 };

struct start_ctx {
    struct arena *a;
    int64_t users;
    struct user user;
    struct session *sessions;
    int n;
};

static enum err admin_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct start_ctx *t = ctx;
    enum err r = user_count(cx, &t->users, e);
    return r || t->users ? r : user_insert(cx, &t->user, e);
}

enum err app_first_admin(struct app *app, char ret_code[static 24], struct error *e)
{
    struct start_ctx t = {.user = {.login = STR("admin"),
                                   .name = STR("Administrator"),
                                   .role = STR("admin"),
                                   .created_at = time_utc()}};
    char code[CODE_TEXT];
    id_new(t.user.id);
    enum err r = db_tx(app->db, admin_fn, &t, e);
    if (r || t.users)
        return r;
    r = auth_issue_code(app->db, t.user.id, app->cfg->login_code_ttl_min * USEC_PER_MIN, code, e);
    if (r == ERR_OK)
        snprintf(ret_code, 24, "%s", code);
    return r;
}

static enum err release_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    (void)ctx;
    return job_release_all(cx, time_utc(), e);
}

enum err app_release_jobs(struct app *app, struct error *e)
{
    /* in a shared database they may be another process's: their leases run out instead */
    return db_is_exclusive(app->db) ? db_tx(app->db, release_fn, NULL, e) : ERR_OK;
}

static enum err active_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct start_ctx *t = ctx;
    const struct session_filter active = {.status = session_status_name(SESSION_ACTIVE)};
    const struct session_id newest = {0};
    return session_list(cx, t->a, NULL, &active, newest, RESTART_SESSIONS_MAX, &t->sessions, &t->n,
                        e);
}

static enum err publish_restart(struct app *app, struct arena *a, struct session_id session,
                                struct error *e)
{
    struct event_lag lag = {.type = STR("lag"), .reason = STR("restart")};
    char topic[64];
    struct str envelope;
    int64_t id;
    memcpy(lag.session, session.text, ID_TEXT);
    event_topic(session, topic);
    enum err r = event_pack(a, EVENT_LAG, session.text, &event_lag_schema, &lag, &envelope, e);
    return r ? r : bus_publish(app->bus, str_from(topic), envelope, &id, e);
}

void app_tell_restart(struct app *app)
{
    struct error e = {0};
    _cleanup_(arena_freep) struct arena *a = arena_new(START_ARENA);
    struct start_ctx t = {.a = a};
    if (!a)
        return;
    enum err r = db_read(app->db, active_fn, &t, &e);
    for (int i = 0; r == ERR_OK && i < t.n; i++)
        r = publish_restart(app, a, t.sessions[i].id, &e);
    if (r)
        log_failure(LOG_WARN, "app", "restart_not_announced", &e);
}
