/* What the pipeline's conformance tests share: real photos, the real workers over a real SQLite
 * store, and a queue and a bus that may misbehave as chaos.h tells.
 *
 * A rig is one installation: store, queue, bus, gallery, workers. It hears every event that the bus
 * publishes (before the chaos loses it) and keeps what the properties need. Thread: the test's,
 * except tap_event. */
#pragma once

#include "suite.h"
#include "survivor.h"

#include "attendance/event.h"
#include "jobs/jobs.h"
#include "queue/work.h"
#include "store/course.h"
#include "store/job.h"
#include "store/mark.h"
#include "store/session.h"
#include "store/student.h"
#include "store/template.h"

enum { PEOPLE = 4, PHOTOS = 2, ROSTER = PEOPLE - 1, TAP_MAX = 4096 };

/* Made once a run: the engine, encoded pictures, and a database with everybody enrolled. */
struct world {
    struct arena *a;
    struct vision *vision;
    struct str photos[PEOPLE][PHOTOS]; /* each with one face, good enough to enrol */
    struct str strangers, nobody;      /* faces of nobody enrolled; no face at all */
    struct str database, keys; /* the SQLite files: students with templates, and their keys */
    struct student_id students[PEOPLE];
    struct course_id course; /* all but the last student are on its roster */
};
extern struct world world;

/* Reads photos and models; false when this machine has none (the reason is printed). */
bool world_open(void);
void world_close(void);
/* Enrols everybody on plain back ends and keeps the database. */
void world_enrol(void);

struct pipeline_subject {
    struct suite_subject suite;
    bool durable;     /* queue and bus survive restarts */
    unsigned restart; /* chance of a restart in 1000, per call */
};

struct rig_options {
    bool empty;                                          /* students without templates */
    int64_t confirmations;                               /* 0: 1 */
    usec_t lease, job_lease, frame_ttl, gallery_rebuild; /* 0: 400 ms, 30 s, none, none */
    size_t share;                                        /* of one camera; 0: no limit */
    int max_tries;                                       /* 0: 50 */
};

/* One face with a name in one frame_result. */
struct tap_face {
    struct frame_id frame;
    struct student_id student;
    enum face_status status;
};

/* Every event published, as far as the properties ask. */
struct tap {
    pthread_mutex_t lock;
    struct frame_id results[TAP_MAX], drops[TAP_MAX];
    struct tap_face faces[TAP_MAX];
    struct student_id changes[TAP_MAX];
    int results_n, drops_n, faces_n, changes_n;
};

struct rig {
    const struct pipeline_subject *subject;
    uint64_t seed;
    char folder[64];
    struct arena *a;
    struct db *db;
    struct keystore *keystore;
    struct queue_options queue_options;
    struct bus_options bus_options;
    struct queue *kept_queue; /* of a durable subject */
    struct survivor_bus kept_bus;
    struct chaos queue_chaos, bus_chaos;
    struct queue *queue;
    struct bus *bus;
    struct engines *engines;
    struct gallery *gallery; /* of the engine in them */
    struct jobs_env env;
    struct jobs *jobs;
    _Atomic(struct jobs *) jobs_for_events;
    bus_event_fn next_fn; /* whoever the bus really serves */
    void *next_ctx;
    struct tap tap;
    struct engines *other_engines; /* of rig_second_process */
    struct gallery *other_gallery;
    struct jobs *other_jobs;
    struct student_id students[PEOPLE];
    struct course_id course;
    struct session_id session;
};

/* Opens everything and starts an active session. Fails the test when it cannot. There is one rig at
 * a time: one that a failed test left open is closed first. */
struct rig *rig_open(const struct pipeline_subject *subject, uint64_t seed,
                     const struct rig_options *o);
void rig_close(struct rig *r);
/* Stops the workers and starts them again as a new process would: with an empty gallery, the store
 * opened anew, and queue and bus empty unless the subject is durable. */
void rig_restart(struct rig *r);
/* A second process on the same store that no message of the bus reaches, without workers. */
void rig_second_process(struct rig *r);
/* No more misfortunes. */
void rig_calm(struct rig *r);
/* Waits, in chaos for at most `rough` and then in calm, until queue and outbox are empty and no job
 * is open; fails the test when that takes 2 min. */
void rig_settle(struct rig *r, usec_t rough);

/* A frame id, and the push of a frame as the API does it: repeated until it is taken. */
struct frame_id frame_new(void);
void rig_push(struct rig *r, struct frame_id frame, struct str image, usec_t captured_at);
void rig_push_item(struct rig *r, const struct queue_push *item);
void rig_push_work(struct rig *r, const struct work_frame *f, enum queue_lane lane);
/* Stores an enrolment job with sealed photos, as the API does; ret_job is its id. */
void rig_upload(struct rig *r, int person, const struct str *photos, int n,
                char ret_job[static ID_TEXT]);
/* Tells the queue of it, once. */
void rig_notify(struct rig *r, const char *job);

/* Fails the test unless the gallery knows exactly those with templates and each by their photo. */
void assert_gallery(struct rig *r, struct gallery *g, int people);
/* Fails the test unless marks, register, outbox and events of the rig's session agree: these
 * students and no others are marked, once, each by one register event, told of at least once, and
 * `present` in the frame that made the mark alone. */
void assert_register(struct rig *r, int marked);
/* Fails unless the job is done, every photo judged and gone; ret_accepted of them were accepted. */
void assert_enrolled(struct rig *r, const char *job, int photos, int *ret_accepted);

/* A bus_event_fn: notes the event and hands it on. ctx is the rig. Thread: any. */
void tap_event(void *ctx, const struct bus_event *event);
/* How often the frame ended in a result or a drop; how often the student had this status. */
int tap_endings(struct tap *t, struct frame_id frame);
int tap_statuses(struct tap *t, struct student_id student, enum face_status status);

/* As suite_seeds, but `usual` many when the environment names none: a seed costs seconds here. */
int pipeline_seeds(int usual, uint64_t *ret_first);

extern const struct suite_test pipeline_frames[], pipeline_enrolment[];
extern const size_t pipeline_frames_n, pipeline_enrolment_n;
