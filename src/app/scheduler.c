/* The scheduler of this process, from the configuration: jobs/schedule.h. Main thread. */
#include "app/internal.h"

#include "jobs/schedule.h"

static enum err sign(void *ctx, struct error *e) { return app_register_sign(ctx, e); }

enum err app_scheduler_start(struct app *app, struct error *e)
{
    const struct config *cfg = app->cfg;
    const struct schedule_env env = {
        .db = app->db,
        .bus = app->bus,
        .marks = jobs_mark_writer((struct register_hasher){app_register_hash, &app->register_key}),
        .erasure = {.db = app->db,
                    .keystore = app->keystore,
                    .hasher = &app->hasher,
                    .key = &app->sign_key},
        .cache_ttl = cfg->cache_ttl_s * USEC_PER_SEC,
        .lease = cfg->schedule_lease_s * USEC_PER_SEC,
        .sessions_auto = cfg->sessions_auto,
        .stop_grace = cfg->session_stop_grace_s * USEC_PER_SEC,
        .timetable_every = cfg->schedule_timetable_s * USEC_PER_SEC,
        .horizon_days = cfg->timetable_horizon_days,
        .confirm_gap_ms = cfg->confirm_gap_ms,
        .confirm_window_s = cfg->confirm_window_s,
        .sessions_every = cfg->schedule_sessions_s * USEC_PER_SEC,
        .absences_every = cfg->schedule_absences_s * USEC_PER_SEC,
        .cleanup_every = cfg->schedule_cleanup_s * USEC_PER_SEC,
        .signature_every = cfg->schedule_signature_s * USEC_PER_SEC,
        .sign = sign,
        .ctx = app,
        .audit_keep = cfg->audit_keep_days * USEC_PER_DAY,
        .jobs_keep = cfg->jobs_keep_days * USEC_PER_DAY,
        .sightings_halve = cfg->sightings_halve_days * USEC_PER_DAY};
    enum err r = scheduler_start(&env, &app->scheduler, e);
    if (!r)
        atomic_store(&app->scheduler_for_events, app->scheduler);
    return r;
}
