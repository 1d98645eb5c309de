/* Enrolling people from folders of photos: what `enroll` and `demo` share.
 *
 * Each person is one folder. Missing students are created, photos are uploaded to those who have
 * none yet, and the verdict on every photo is printed as the jobs end. Doing it twice changes
 * nothing. Thread: one. */
#pragma once

#include "cmd/remote.h"
#include "cmd/words.h"

struct person {
    const char *folder; /* path of the folder with the photos */
    char external_id[SLUG_MAX];
    char name[WORDS_NAME_MAX];
    char student[ID_TEXT]; /* id on the server; empty until known */
    char job[ID_TEXT];     /* enrolment under way; empty when none */
    int photos;            /* behind the student's template, as the server counts */
    bool created;          /* by this run */
};

struct people_summary {
    int created, existing;            /* students */
    int uploaded, accepted, rejected; /* photos of this run */
    int empty;                        /* students who end without a single accepted photo */
};

/* The people of the sub-folders of `folder`, in natural order, in `a`.
 * Errors NOT_FOUND (no folder, or none inside), CONFLICT (two folders give one external id). */
NODISCARD enum err people_of_folder(const char *folder, struct arena *a, struct person **ret_people,
                                    int *ret_n, struct error *e);

struct people_how {
    const char *consent; /* the version of the words these people agreed to, which is recorded for
                            those who have no live consent to it; NULL: record none */
    bool again;          /* upload to those with photos, too */
    bool verbose;        /* a line for each photo, else one for each person */
};

/* Creates and uploads, waits for the jobs and prints. Errors of the server (CONFLICT: somebody has
 * no consent); TIMEOUT when a job does not end. */
NODISCARD enum err people_enrol(struct remote *r, struct person *people, int n,
                                const struct people_how *how, struct people_summary *ret_summary,
                                struct error *e);

/* Puts the person on the course's roster. */
NODISCARD enum err people_put_on_roster(struct remote *r, const char *course_id,
                                        const struct person *p, struct error *e);
