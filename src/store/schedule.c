/* Periodic jobs: see schedule.h. SQL in sql/schedule.sql. Inside db_tx or db_read, any thread.
 * Invariant: a claim is one UPDATE whose WHERE sees to it that one process gets the job. */
#include "store/schedule.h"

#include "store/job.h"
#include "store/rows.h"

static const char aged_setting[] = "sightings_aged_at";

enum err schedule_add(struct db_cx *cx, const char *job, usec_t period, usec_t now, struct error *e)
{
    const struct db_value args[] = {db_text(job), db_int(period), db_int(now)};
    return db_exec(cx, Q_SCHEDULE_ADD, args, ARRAY_LEN(args), NULL, e);
}

static void name_read(struct row *row, void *ret_item)
{
    struct str *name = ret_item;
    *name = row_str(row, "job");
}

enum err schedule_due(struct db_cx *cx, struct arena *a, usec_t now, struct str **ret_jobs,
                      int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_int(now)};
    return rows_all(cx, Q_SCHEDULE_DUE, args, 1, a, name_read, sizeof **ret_jobs, ret_jobs, ret_n,
                    e);
}

enum err schedule_claim(struct db_cx *cx, const char *job, const char *holder, usec_t now,
                        usec_t lease_until, bool *ret_claimed, struct error *e)
{
    const struct db_value args[] = {db_text(job), db_text(holder), db_int(now),
                                    db_int(lease_until)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_SCHEDULE_CLAIM, args, ARRAY_LEN(args), &changed, e);
    if (!r)
        *ret_claimed = changed > 0;
    return r;
}

enum err schedule_done(struct db_cx *cx, const char *job, const char *holder,
                       const struct schedule_result *result, struct error *e)
{
    const struct db_value args[] = {
        db_text(job),           db_text(holder),     db_int(result->at),  db_int(result->duration),
        text_of(result->error), db_int(result->did), db_int(result->more)};
    return db_exec(cx, Q_SCHEDULE_DONE, args, ARRAY_LEN(args), NULL, e);
}

enum err schedule_now(struct db_cx *cx, const char *job, usec_t now, struct error *e)
{
    const struct db_value args[] = {db_text(job), db_int(now)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_SCHEDULE_NOW, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_NOT_FOUND,
                         "there is no such job: GET /v1/system/schedule lists "
                         "them");
    return r;
}

enum err schedule_release(struct db_cx *cx, struct error *e)
{
    return db_exec(cx, Q_SCHEDULE_RELEASE, NULL, 0, NULL, e);
}

static void entry_read(struct row *row, void *ret_item)
{
    struct schedule_entry *s = ret_item;
    s->job = row_str(row, "job");
    s->period = db_col_int(row->rows, "period");
    s->last_run = db_col_int(row->rows, "last_run");
    s->last_duration = db_col_int(row->rows, "last_duration");
    s->last_error = row_str(row, "last_error");
    s->last_did = db_col_int(row->rows, "last_did");
    s->next_run = db_col_int(row->rows, "next_run");
    s->lease_until = db_col_int(row->rows, "lease_until");
    s->holder = row_str(row, "holder");
    s->runs = db_col_int(row->rows, "runs");
    s->failures = db_col_int(row->rows, "failures");
}

enum err schedule_list(struct db_cx *cx, struct arena *a, struct schedule_entry **ret_entries,
                       int *ret_n, struct error *e)
{
    return rows_all(cx, Q_SCHEDULE_LIST, NULL, 0, a, entry_read, sizeof **ret_entries, ret_entries,
                    ret_n, e);
}

/* ---- what is due */

static void session_read(struct row *row, void *ret_item)
{
    struct due_session *s = ret_item;
    db_col_copy(row->rows, "id", s->id.text, sizeof s->id.text);
    s->planned_start = db_col_int(row->rows, "planned_start");
    s->planned_end = db_col_int(row->rows, "planned_end");
}

static enum err sessions_due(struct db_cx *cx, enum query q, struct arena *a, usec_t at, int limit,
                             struct due_session **ret_sessions, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_int(at), db_int(limit)};
    return rows_all(cx, q, args, ARRAY_LEN(args), a, session_read, sizeof **ret_sessions,
                    ret_sessions, ret_n, e);
}

enum err due_to_start(struct db_cx *cx, struct arena *a, usec_t now, int limit,
                      struct due_session **ret_sessions, int *ret_n, struct error *e)
{
    return sessions_due(cx, Q_DUE_TO_START, a, now, limit, ret_sessions, ret_n, e);
}

enum err due_to_stop(struct db_cx *cx, struct arena *a, usec_t end, int limit,
                     struct due_session **ret_sessions, int *ret_n, struct error *e)
{
    return sessions_due(cx, Q_DUE_TO_STOP, a, end, limit, ret_sessions, ret_n, e);
}

enum err due_absences(struct db_cx *cx, struct arena *a, usec_t since, int limit,
                      struct due_session **ret_sessions, int *ret_n, struct error *e)
{
    return sessions_due(cx, Q_DUE_ABSENCES, a, since, limit, ret_sessions, ret_n, e);
}

enum err job_purge(struct db_cx *cx, usec_t before, int limit, int64_t *ret_removed,
                   struct error *e)
{
    const struct db_value args[] = {db_int(before), db_int(limit)};
    return db_exec(cx, Q_JOB_PURGE, args, ARRAY_LEN(args), ret_removed, e);
}

enum err sighting_age(struct db_cx *cx, struct arena *a, usec_t now, usec_t every, bool *ret_done,
                      struct error *e)
{
    const struct db_value args[] = {db_text(aged_setting), db_int(now), db_int(now - every)};
    int64_t due = 0;
    enum err r = setting_put(cx, a, aged_setting, STR(""), true, NULL, e);
    if (!r)
        r = db_exec(cx, Q_SETTING_CLAIM, args, ARRAY_LEN(args), &due, e);
    if (!r && due)
        r = db_exec(cx, Q_SIGHTING_HALVE, NULL, 0, NULL, e);
    if (!r && due)
        r = db_exec(cx, Q_SIGHTING_DROP_EMPTY, NULL, 0, NULL, e);
    if (!r)
        *ret_done = due > 0;
    return r;
}
