/* The scheduler: a thread that runs the periodic jobs, a table of {name, period, function}.
 *
 * Any number of processes may run one on the same database. A row a job (store/schedule.h) says
 * when it is due; whoever claims it runs it, the others do not. Every job may nevertheless run
 * twice, or in two processes at once (a lease that ran out): each is written so that this changes
 * nothing. A run does a bounded piece of work and says when there is more, so that it ends well
 * within its lease. A failed run is logged once, shown by GET /v1/system/schedule, and tried again
 * a period later.
 *
 * Thread: scheduler_start/stop one (main); the jobs run on the scheduler's thread. */
#pragma once

#include "bus/bus.h"
#include "store/attendance.h"
#include "store/erasure.h"

/* What the jobs work with and go by; borrowed, alive until scheduler_stop. A time of 0 switches
 * that off. */
struct schedule_env {
    struct db *db;
    struct bus *bus;
    struct mark_writer marks;
    struct erasure_env erasure; /* for consents that expire */
    usec_t cache_ttl, lease;
    bool sessions_auto; /* planned sessions start and stop */
    usec_t stop_grace;  /* so long after the planned end */
    usec_t timetable_every;
    int64_t horizon_days, confirm_gap_ms, confirm_window_s; /* of sessions from timetables */
    usec_t sessions_every, absences_every, cleanup_every;   /* periods */
    usec_t signature_every;
    usec_t jobs_keep, sightings_halve, audit_keep;
    enum err (*sign)(void *ctx, struct error *e); /* signs the register's heads */
    void *ctx;                                    /* of sign */
};

/* One run of a job. */
struct schedule_run {
    const struct schedule_env *env;
    struct arena *a; /* of this run */
    usec_t now;      /* UTC */
    int64_t did;     /* to be set: how much it changed */
    bool more;       /* to be set: there is more to do, run again at once */
};
typedef enum err (*schedule_fn)(struct schedule_run *run, struct error *e);

/* session_clock.c: planned sessions start and stop; absences that a close left out. */
NODISCARD enum err schedule_sessions(struct schedule_run *run, struct error *e);
NODISCARD enum err schedule_absences(struct schedule_run *run, struct error *e);
/* planned.c: sessions from timetables. */
NODISCARD enum err schedule_timetable(struct schedule_run *run, struct error *e);

/* retention.c: old answers (Idempotency-Key), kept photos, old audit rows. */
NODISCARD enum err schedule_answers(struct schedule_run *run, struct error *e);
NODISCARD enum err schedule_photos(struct schedule_run *run, struct error *e);
NODISCARD enum err schedule_audit(struct schedule_run *run, struct error *e);

struct scheduler;

/* Makes the jobs known to the database and starts the thread. Errors of the database, NOMEM,
 * UNAVAILABLE (no thread). */
NODISCARD enum err scheduler_start(const struct schedule_env *env, struct scheduler **ret_scheduler,
                                   struct error *e);
/* Call it from the bus callback for EVENT_TOPIC_SCHEDULE: it looks now what is due. Thread: any;
 * never blocks. */
void scheduler_wake(struct scheduler *s);
/* Finishes the job in hand; NULL is fine. */
void scheduler_stop(struct scheduler *s);
