/* Durable jobs: rows that survive any crash; the queue only carries notices of them. And settings.
 *
 * queued -> running -> done | failed; a running job whose lease ended is claimed again. An
 * enrolment job carries photos (sealed bytes, removed as soon as they have a verdict). */
#pragma once

#include "base/id.h"
#include "store/db.h"

#define JOB_STATE_MAP(X)                                                                           \
    X(QUEUED, "queued") X(RUNNING, "running") X(DONE, "done") X(FAILED, "failed")

enum job_state {
#define X(code, word) JOB_##code,
    JOB_STATE_MAP(X)
#undef X
};
enum { JOB_STATE_N = JOB_FAILED + 1 };

const char *job_state_name(enum job_state s);

struct job {
    char id[ID_TEXT];
    struct str kind;    /* enrol */
    struct str subject; /* the student's id */
    enum job_state state;
    int64_t tries;
    struct str error;      /* why it failed; for people */
    struct str actor;      /* who asked for it: a user's id, or "local" */
    bool allow_look_alike; /* a photo may be like another student's (twins) */
    usec_t lease_until;
    usec_t created_at, updated_at;
};

struct job_photo {
    int64_t position;   /* 0, 1, 2 ... as uploaded */
    struct str name;    /* file name as uploaded, may be empty */
    struct str sealed;  /* the photo's bytes, sealed; empty once judged */
    struct str verdict; /* accepted, or a reason code; empty: not yet */
    struct str detail;  /* a sentence for people */
    double quality;
    char other[ID_TEXT];    /* the student a refused photo is like; empty: none */
    char replaced[ID_TEXT]; /* the template that gave way to this photo's; empty: none */
};

/* The job with its n photos. */
NODISCARD enum err job_insert(struct db_cx *cx, const struct job *j, const struct job_photo *photos,
                              int n, struct error *e);
NODISCARD enum err job_get(struct db_cx *cx, struct arena *a, const char *id, struct job *ret_job,
                           struct error *e);
/* Newest first; state -1: any; cursor = last id seen (NULL or empty: from the newest). */
NODISCARD enum err job_list(struct db_cx *cx, struct arena *a, int state, const char *before,
                            int limit, struct job **ret_jobs, int *ret_n, struct error *e);
/* Takes the job for `lease` when it is queued, or running with its lease over at `now`; tries + 1.
 * Errors CONFLICT: somebody has it, or it is over. NOT_FOUND. */
NODISCARD enum err job_claim(struct db_cx *cx, const char *id, usec_t now, usec_t lease,
                             struct error *e);
/* The lease of the claim that made it `tries` ends at now + lease; also when it ran out and nobody
 * else has claimed the job since. Errors CONFLICT: somebody has it, or it is over: stop, and write
 * nothing. */
NODISCARD enum err job_renew(struct db_cx *cx, const char *id, int64_t tries, usec_t now,
                             usec_t lease, struct error *e);
/* Ends the job, or gives it back (JOB_QUEUED) to be tried again; asking for the state it has is no
 * error. Errors NOT_FOUND, CONFLICT: it is over with another state. */
NODISCARD enum err job_finish(struct db_cx *cx, const char *id, enum job_state state,
                              struct str error_text, usec_t now, struct error *e);
/* Gives every running job back: for the start of the one process that works on them. */
NODISCARD enum err job_release_all(struct db_cx *cx, usec_t now, struct error *e);
/* Ids of jobs nobody works on: queued, or with a lease over at `now`. */
NODISCARD enum err job_waiting(struct db_cx *cx, struct arena *a, usec_t now, int limit,
                               char (**ret_ids)[ID_TEXT], int *ret_n, struct error *e);
/* with_bytes false leaves `sealed` out. */
NODISCARD enum err job_photos(struct db_cx *cx, struct arena *a, const char *id, bool with_bytes,
                              struct job_photo **ret_photos, int *ret_n, struct error *e);
/* Writes all but position and name, and removes the bytes. */
NODISCARD enum err job_photo_judge(struct db_cx *cx, const char *id, const struct job_photo *p,
                                   struct error *e);

/* Settings decided at run time (the detector resolved at the first enrolment ...).
 * Errors NOT_FOUND. */
NODISCARD enum err setting_get(struct db_cx *cx, struct arena *a, const char *name,
                               struct str *ret_value, struct error *e);
/* The same with the time of its last change. */
NODISCARD enum err setting_get_at(struct db_cx *cx, struct arena *a, const char *name,
                                  struct str *ret_value, usec_t *ret_updated_at, struct error *e);
/* Nothing there is no error. */
NODISCARD enum err setting_delete(struct db_cx *cx, const char *name, struct error *e);
/* only_new: keeps a value that is there; ret_value (may be NULL, in a) is what stands afterwards.
 */
NODISCARD enum err setting_put(struct db_cx *cx, struct arena *a, const char *name,
                               struct str value, bool only_new, struct str *ret_value,
                               struct error *e);
