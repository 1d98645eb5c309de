/* The scheduler: see schedule.h. One thread, which looks once a second what is due (one small
 * read), claims it in a transaction of its own, runs it, and writes down how it went. Invariant:
 * a job runs only between its claim and its `done` under this scheduler's holder name. */
#include "jobs/schedule.h"

#include "attendance/event.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/schedule.h"
#include "store/user.h"

#include <pthread.h>
#include <stdatomic.h>

enum { RUN_ARENA = 64 * MIB, PURGE_MAX = 500, CONSENTS_MAX = 100 };
#define ERASURE_PATIENCE (10 * USEC_PER_SEC)

/* ---- the small jobs */

struct cleanup {
    const struct schedule_run *run;
    int64_t removed;
    bool done;
};

static enum err logins_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct cleanup *c = ctx;
    return login_purge(cx, c->run->now, e);
}

/* Tokens and one-time codes that have expired. */
static enum err logins_expire(struct schedule_run *run, struct error *e)
{
    struct cleanup c = {.run = run};
    return db_tx(run->env->db, logins_fn, &c, e);
}

/* Consents past their end: the face goes as if the student had withdrawn (store/erasure.h). */
static enum err consents_expire(struct schedule_run *run, struct error *e)
{
    struct student_id *students = NULL;
    int n = 0;
    enum err r =
        erasure_expire(&run->env->erasure, run->a, run->now, CONSENTS_MAX, &students, &n, e);
    for (int i = 0; r == ERR_OK && i < n; i++) {
        int64_t id;
        r = bus_publish(run->env->bus, STR(EVENT_TOPIC_GALLERY), str_from(students[i].text), &id,
                        e);
    }
    run->did = n;
    run->more = n == CONSENTS_MAX;
    return r;
}

/* Erasures that a crash cut short. A request that is under way has ERASURE_PATIENCE to end. */
static enum err erasures_finish(struct schedule_run *run, struct error *e)
{
    struct student_id *students = NULL;
    int n = 0;
    enum err r = erasure_finish(&run->env->erasure, run->a, run->now - ERASURE_PATIENCE,
                                CONSENTS_MAX, &students, &n, e);
    for (int i = 0; r == ERR_OK && i < n; i++) {
        int64_t id;
        r = bus_publish(run->env->bus, STR(EVENT_TOPIC_GALLERY), str_from(students[i].text), &id,
                        e);
    }
    run->did = n;
    run->more = n == CONSENTS_MAX;
    return r;
}

static enum err jobs_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct cleanup *c = ctx;
    return job_purge(cx, c->run->now - c->run->env->jobs_keep, PURGE_MAX, &c->removed, e);
}

/* Enrolment jobs that ended jobs_keep_days ago, and the verdicts of their photos. */
static enum err jobs_retain(struct schedule_run *run, struct error *e)
{
    struct cleanup c = {.run = run};
    enum err r = run->env->jobs_keep ? db_tx(run->env->db, jobs_fn, &c, e) : ERR_OK;
    run->did = c.removed;
    run->more = c.removed == PURGE_MAX;
    return r;
}

static enum err sightings_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct cleanup *c = ctx;
    const struct schedule_run *run = c->run;
    return sighting_age(cx, run->a, run->now, run->env->sightings_halve, &c->done, e);
}

/* The scores of long ago count less: a camera or a light may have changed. */
static enum err sightings_fade(struct schedule_run *run, struct error *e)
{
    struct cleanup c = {.run = run};
    enum err r = run->env->sightings_halve ? db_tx(run->env->db, sightings_fn, &c, e) : ERR_OK;
    run->did = c.done;
    return r;
}

static enum err register_sign(struct schedule_run *run, struct error *e)
{
    enum err r = run->env->sign(run->env->ctx, e);
    run->did = !r;
    return r;
}

/* ---- the table */

struct periodic {
    const char *name;
    size_t period; /* offset of a usec_t in struct schedule_env */
    schedule_fn fn;
};

#define EVERY(option) offsetof(struct schedule_env, option)
static const struct periodic table[] = {
    {"absences", EVERY(absences_every), schedule_absences},
    {"answers", EVERY(cleanup_every), schedule_answers},
    {"audit", EVERY(cleanup_every), schedule_audit},
    {"consents", EVERY(cleanup_every), consents_expire},
    {"erasures", EVERY(cleanup_every), erasures_finish},
    {"jobs", EVERY(cleanup_every), jobs_retain},
    {"logins", EVERY(cleanup_every), logins_expire},
    {"photos", EVERY(cleanup_every), schedule_photos},
    {"sessions", EVERY(sessions_every), schedule_sessions},
    {"sightings", EVERY(cleanup_every), sightings_fade},
    {"signature", EVERY(signature_every), register_sign},
    {"timetable", EVERY(timetable_every), schedule_timetable},
};
#undef EVERY

struct scheduler {
    struct schedule_env env;
    char holder[ID_TEXT]; /* names this process's scheduler in the leases */
    struct mailbox *wake; /* closed to stop */
    pthread_t thread;
    bool has_thread;
    _Atomic bool stop;
    bool failing[ARRAY_LEN(table)], unread; /* logged already */
};

static usec_t period_of(const struct schedule_env *env, const struct periodic *p)
{
    return *(const usec_t *)(const void *)((const char *)env + p->period);
}

/* ---- running */

struct step {
    const struct scheduler *s;
    const struct periodic *job;
    struct arena *a;
    struct str *due;
    int n;
    bool claimed;
    struct schedule_result result;
};

static enum err due_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *step = ctx;
    return schedule_due(cx, step->a, time_utc(), &step->due, &step->n, e);
}

static enum err claim_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *step = ctx;
    usec_t now = time_utc();
    return schedule_claim(cx, step->job->name, step->s->holder, now, now + step->s->env.lease,
                          &step->claimed, e);
}

static enum err done_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct step *step = ctx;
    return schedule_done(cx, step->job->name, step->s->holder, &step->result, e);
}

/* The first failure of a row of them is said, and that it is over. */
static void tell(struct scheduler *s, size_t i, enum err r, const struct error *e)
{
    if (r) {
        metric_add(METRIC_schedule_failures_total, 1);
        if (!s->failing[i])
            log_event(LOG_WARN, "schedule", "job_failed", "job=%s error=\"%s\"", table[i].name,
                      e->msg);
    } else if (s->failing[i]) {
        log_event(LOG_INFO, "schedule", "job_recovered", "job=%s", table[i].name);
    }
    s->failing[i] = r != ERR_OK;
}

static void run_job(struct scheduler *s, size_t i, struct arena *a)
{
    struct error e = {0}, lost;
    struct step step = {.s = s, .job = &table[i]};
    enum err r = db_tx(s->env.db, claim_fn, &step, &e);
    if (!r && !step.claimed)
        return;
    usec_t began = time_mono();
    struct schedule_run run = {.env = &s->env, .a = a, .now = time_utc()};
    if (!r)
        r = table[i].fn(&run, &e);
    tell(s, i, r, &e);
    usec_t took = time_mono() - began;
    metric_add(METRIC_schedule_runs_total, 1);
    metric_set(METRIC_schedule_last_run_ms, took / USEC_PER_MSEC);
    step.result = (struct schedule_result){.at = time_utc(),
                                           .duration = took,
                                           .error = r ? str_from(e.msg) : STR(""),
                                           .did = run.did,
                                           .more = !r && run.more};
    if (db_tx(s->env.db, done_fn, &step, &lost)) /* the lease runs out: it is run again */
        log_failure(LOG_DEBUG, "schedule", "job_not_noted", &lost);
}

static void run_due(struct scheduler *s, struct arena *a)
{
    struct error e = {0};
    struct step step = {.s = s, .a = a};
    if (db_read(s->env.db, due_fn, &step, &e)) {
        if (!s->unread)
            log_failure(LOG_WARN, "schedule", "schedule_unread", &e);
        s->unread = true;
        return;
    }
    s->unread = false;
    bool due[ARRAY_LEN(table)] = {false};
    for (int k = 0; k < step.n; k++)
        for (size_t i = 0; i < ARRAY_LEN(table); i++)
            due[i] |= str_is(step.due[k], table[i].name);
    for (size_t i = 0; i < ARRAY_LEN(table) && !atomic_load(&s->stop); i++) {
        arena_reset(a);
        if (due[i])
            run_job(s, i, a);
    }
}

static void *scheduler_main(void *arg)
{
    struct scheduler *s = arg;
    struct arena *a = arena_new(RUN_ARENA);
    struct message none;
    while (a && !atomic_load(&s->stop)) {
        arena_reset(a);
        run_due(s, a);
        if (mailbox_wait(s->wake, USEC_PER_SEC, &none))
            message_done(&none);
    }
    arena_free(a);
    return NULL;
}

/* ---- start and stop */

static enum err begin_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct scheduler *s = ctx;
    usec_t now = time_utc();
    enum err r = db_is_exclusive(s->env.db) ? schedule_release(cx, e) : ERR_OK;
    for (size_t i = 0; !r && i < ARRAY_LEN(table); i++)
        r = schedule_add(cx, table[i].name, period_of(&s->env, &table[i]), now, e);
    return r;
}

enum err scheduler_start(const struct schedule_env *env, struct scheduler **ret_scheduler,
                         struct error *e)
{
    struct scheduler *s = mem_alloc(sizeof *s);
    if (!s)
        return error_set(e, ERR_NOMEM, "no memory for the scheduler");
    s->env = *env;
    id_new(s->holder);
    s->wake = mailbox_new(1, NULL, NULL);
    enum err r = s->wake ? db_tx(env->db, begin_fn, s, e)
                         : error_set(e, ERR_NOMEM, "no memory for the scheduler");
    if (!r) {
        s->has_thread = pthread_create(&s->thread, NULL, scheduler_main, s) == 0;
        if (!s->has_thread)
            r = error_set(e, ERR_UNAVAILABLE, "cannot start the scheduler's thread");
    }
    if (r) {
        scheduler_stop(s);
        return r;
    }
    *ret_scheduler = s;
    return ERR_OK;
}

void scheduler_wake(struct scheduler *s)
{
    struct error full; /* a full mailbox means that it is about to look anyway */
    enum err r = mailbox_post(s->wake, 0, 0, (struct str){0}, &full);
    (void)r;
}

void scheduler_stop(struct scheduler *s)
{
    if (!s)
        return;
    atomic_store(&s->stop, true);
    if (s->wake)
        mailbox_close(s->wake);
    if (s->has_thread)
        pthread_join(s->thread, NULL);
    mailbox_free(s->wake);
    mem_free(s);
}
