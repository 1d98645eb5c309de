/* Periodic jobs: when each ran last and runs next, and what in the database is due for them.
 *
 * A row a job, shared by every process on the database. Whoever claims a job holds it until it says
 * done, or until the lease ends: after kill -9 of the holder another process goes on. Run inside
 * db_tx or db_read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct schedule_entry {
    struct str job;
    usec_t period;
    usec_t last_run, last_duration; /* last_run 0: never */
    struct str last_error;          /* of the last run; empty: it went well */
    int64_t last_did;               /* how much the last run changed */
    usec_t next_run, lease_until;
    struct str holder; /* empty: nobody is at it */
    int64_t runs;
    int64_t failures; /* in a row, the last ones */
};

/* Makes the job known; a new one runs at `now`, a known one keeps its time, but waits no longer
 * than `period`. */
NODISCARD enum err schedule_add(struct db_cx *cx, const char *job, usec_t period, usec_t now,
                                struct error *e);
/* Names of the jobs that may be claimed at `now`, the longest due first. */
NODISCARD enum err schedule_due(struct db_cx *cx, struct arena *a, usec_t now,
                                struct str **ret_jobs, int *ret_n, struct error *e);
/* Takes the job for `holder` unless it is not due or somebody holds it. Its next run is a period
 * from now. */
NODISCARD enum err schedule_claim(struct db_cx *cx, const char *job, const char *holder, usec_t now,
                                  usec_t lease_until, bool *ret_claimed, struct error *e);

struct schedule_result {
    usec_t at, duration;
    struct str error; /* empty: it went well */
    int64_t did;
    bool more; /* run again at once */
};
/* Nothing when the lease was lost meanwhile and another holder has it. */
NODISCARD enum err schedule_done(struct db_cx *cx, const char *job, const char *holder,
                                 const struct schedule_result *result, struct error *e);
/* Makes the job due. Errors NOT_FOUND. */
NODISCARD enum err schedule_now(struct db_cx *cx, const char *job, usec_t now, struct error *e);
/* Ends all leases, for the only process on the database: the holders are dead. */
NODISCARD enum err schedule_release(struct db_cx *cx, struct error *e);
NODISCARD enum err schedule_list(struct db_cx *cx, struct arena *a,
                                 struct schedule_entry **ret_entries, int *ret_n, struct error *e);

/* ---- what is due */

struct due_session {
    struct session_id id;
    usec_t planned_start, planned_end;
};

/* Planned sessions that should be running at `now`. */
NODISCARD enum err due_to_start(struct db_cx *cx, struct arena *a, usec_t now, int limit,
                                struct due_session **ret_sessions, int *ret_n, struct error *e);
/* Active ones whose planned end is `end` or earlier, and that were started before it. */
NODISCARD enum err due_to_stop(struct db_cx *cx, struct arena *a, usec_t end, int limit,
                               struct due_session **ret_sessions, int *ret_n, struct error *e);
/* Those closed after `since` that lack an absence. */
NODISCARD enum err due_absences(struct db_cx *cx, struct arena *a, usec_t since, int limit,
                                struct due_session **ret_sessions, int *ret_n, struct error *e);
/* Removes `limit` ended jobs not changed since `before`. */
NODISCARD enum err job_purge(struct db_cx *cx, usec_t before, int limit, int64_t *ret_removed,
                             struct error *e);
/* Halves the counts of live sightings, once in every `every`; ret_done false: not yet again. The
 * first call only notes the time. */
NODISCARD enum err sighting_age(struct db_cx *cx, struct arena *a, usec_t now, usec_t every,
                                bool *ret_done, struct error *e);
