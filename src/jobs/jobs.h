/* The workers: threads that take frames and enrolment jobs from the queue and carry them out.
 *
 * Also the two helpers that keep them right: the gallery keeper (applies template changes announced
 * on the bus) and housekeeping (publishes the outbox, also what a crash left in it; gives forgotten
 * jobs to the queue again). All reach the rest of the program through db,
 * queue and bus only; whatever they are in the middle of when the process dies is delivered again.
 *
 * Thread: jobs_start/stop one (main). */
#pragma once

#include "attendance/calibration.h"
#include "attendance/decide.h"
#include "base/seal.h"
#include "bus/bus.h"
#include "jobs/engine.h"
#include "queue/queue.h"
#include "store/attendance.h"
#include "store/db.h"
#include "store/keystore.h"
#include "store/template.h"
#include "vision/liveness.h"

/* auto: where `rollcall calibrate` has shown that it helps. */
enum hub_correction { HUB_AUTO, HUB_OFF, HUB_ON };

/* What every job works with; borrowed, alive until jobs_stop. */
struct jobs_env {
    struct db *db;
    struct queue *queue;
    struct bus *bus;
    struct engines *engines;
    struct keystore *keystore;
    struct seal_key template_key, photo_key; /* of what was sealed before students had keys */
    struct register_hasher hasher;
    int workers, max_tries;
    int batch_frames; /* of those waiting, how many a worker takes at once; 0: 1 */
    int64_t image_max_pixels, photo_max_pixels;
    double class_photo_risk_budget_per_10k;
    double risk_budget_per_10k, threshold_override, match_margin;
    double duplicate_score, look_alike_score; /* 0: derived from the risk budget; 1: never */
    double look_alike_margin;
    enum hub_correction hub_correction;
    double shadow_share; /* of the frames, looked at by the other engine of a switch, too; 0..1 */
    unsigned augment;    /* bits of augment_kind */
    bool spoof_refused;  /* a photo below the liveness threshold is refused */
    usec_t photos_keep;  /* of students who agreed; 0: no photo is kept */
    int templates_max;   /* photos behind a student's template; 0: any number */
    usec_t confirm_gap, confirm_window, cache_ttl, job_lease, offline_grace;
    enum liveness_policy liveness; /* not OFF: vision measures it */
    double liveness_threshold;
    usec_t liveness_window;
    void (*follow)(void *ctx); /* brings `engines` to what is stored; may be NULL. Keeper thread */
    void *follow_ctx;
    usec_t gallery_rebuild; /* how often the gallery is read anew, messages or not; 0: never */
};

/* What this site has measured for an encoder and preprocessing; an empty one when it has not
 * (calibrated.c). Errors CORRUPT and those of the store. */
NODISCARD enum err calibration_of(struct db *db, struct arena *a, const char *encoder,
                                  const char *preprocessing, struct calibration *ret_calibration,
                                  struct error *e);

/* What opens templates. */
struct template_keys {
    struct keyring *ring;         /* of KEY_FACE; NULL: no student has a key */
    struct seal_key installation; /* of templates sealed before students had keys */
};
/* The floats of a template row, in `a` (templates.c): for commands that work on the database
 * itself. Errors NOT_FOUND (the student's key was destroyed), CORRUPT (another key, altered bytes),
 * NOMEM. */
NODISCARD enum err template_unseal(const struct template_keys *keys, struct arena *a,
                                   const struct template_row *row, struct str *ret_vec,
                                   struct error *e);

/* mark_event_fn (store/attendance.h): the mark_changed of a mark, for the outbox (mark_event.c). */
NODISCARD enum err jobs_mark_event(void *ctx, struct arena *a, const struct mark *m,
                                   struct outbox_event *ret_event, struct error *e);

/* mark_ending_fn: the rules of attendance/policy.h at the end of a session (ending.c). */
NODISCARD enum err jobs_mark_ending(struct arena *a, const struct session *s, const struct mark *m,
                                    const struct presence_row *rows, int n,
                                    struct mark_ending *ret_ending, struct error *e);
/* What whoever changes marks needs: both of them. */
struct mark_writer jobs_mark_writer(struct register_hasher hasher);

struct jobs;

/* Loads the gallery, starts the threads. Errors of the gallery load. */
NODISCARD enum err jobs_start(const struct jobs_env *env, struct jobs **ret_jobs, struct error *e);
/* Finishes what is in hand, then joins. */
void jobs_stop(struct jobs *j);

/* Call these from the bus callback for EVENT_TOPIC_GALLERY and EVENT_TOPIC_OUTBOX: the keeper
 * reloads the student's template; housekeeping publishes what is new. Thread: any; never block. */
void jobs_gallery_changed(struct jobs *j, struct student_id student);
void jobs_outbox_changed(struct jobs *j);
/* For EVENT_TOPIC_ENGINE: the keeper calls env.follow. Thread: any; never blocks. */
void jobs_engines_changed(struct jobs *j);

/* Fills the gallery of an engine that is not in use yet. Errors of the store. */
NODISCARD enum err jobs_engine_load(struct jobs *j, struct engine *engine, struct error *e);
/* The cosine a face needs to be named among everybody in the engine's gallery; 0: not known now. */
double jobs_threshold(const struct jobs *j, const struct engine *engine);
/* After a calibration was stored: the next frame of every worker goes by it; the keeper rebuilds
 * the gallery for hub correction. Thread: any. */
void jobs_calibrated(struct jobs *j);
/* Stores now what sightings were counted. Thread: any. */
void jobs_sightings_store(struct jobs *j);
/* The keeper reads all templates of both engines anew. Thread: any; never blocks. */
void jobs_gallery_reload(struct jobs *j);
