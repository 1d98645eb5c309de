/* Shared by the files of jobs/ only: one worker's context and the kinds of work. */
#pragma once

#include "jobs/jobs.h"
#include "jobs/tally.h"
#include "queue/work.h"
#include "store/template.h"

/* One worker thread's own things. */
struct worker {
    const struct jobs_env *env;
    struct engine_pair engines; /* of what is in hand: taken once a claim */
    struct claim *claim;        /* what is in hand (claim.c) */
    struct tally *tally;        /* this process's; may be NULL */
    struct arena *arena;        /* reset for every item, or batch of frames */
    struct arena *scratch; /* of one photo of an enrolment or frame of a batch; reset by its user */
};

struct claim;
/* Says that the worker is still at what it claimed; for long work. ctx: the worker (claim.c). */
void claim_tick(void *ctx);

/* Carries out and settles what one worker claimed together, n <= CLAIM_MAX (claim.c). The items
 * stay the caller's. */
enum { CLAIM_MAX = 64 };
void claim_handle(struct worker *w, const struct queue_delivery *items, int n);

/* Takes one frame through the pipeline and publishes the result (recognise.c).
 * Errors: retryable ones mean that the frame should be delivered again. */
NODISCARD enum err recognise_frame(struct worker *w, const struct work_frame *f, struct error *e);
/* Announces a frame that will not be processed (recognise.c). Errors: it is not announced, the item
 * must come again. */
NODISCARD enum err recognise_dropped(struct worker *w, struct session_id session,
                                     struct frame_id frame, const char *reason, const char *detail,
                                     struct error *e);

/* Carries out one enrolment job (enrol.c); token is the notice's delivery, renewed on the way. */
NODISCARD enum err enrol_run(struct worker *w, const char *job, const char *token, struct error *e);

/* The engine's gallery: all its templates, and one student again (templates.c). */
NODISCARD enum err templates_load_all(const struct jobs_env *env, struct engine *engine,
                                      struct error *e);
NODISCARD enum err templates_reload(const struct jobs_env *env, struct engine *engine,
                                    struct student_id student, struct error *e);
/* The same for both engines of this process. */
NODISCARD enum err templates_load_both(const struct jobs_env *env, struct error *e);
NODISCARD enum err templates_reload_both(const struct jobs_env *env, struct student_id student,
                                         struct error *e);
/* The engine's calibration, at most cache_ttl old (calibrated.c). */
NODISCARD enum err calibration_cached(const struct jobs_env *env, const struct engine *engine,
                                      struct arena *a, struct calibration *ret_calibration,
                                      struct error *e);
/* Drops what is cached, after a calibration was stored: the next frame reads the new one. */
NODISCARD enum err calibration_changed(const struct jobs_env *env, const struct engine *engine,
                                       struct error *e);
/* Tells the engine's gallery, before it is rebuilt, from how many students on it corrects for hubs:
 * never without a table for such scores, nor beside an override, which is a cosine. */
NODISCARD enum err calibration_set_hubs(const struct jobs_env *env, const struct engine *engine,
                                        struct error *e);

/* Seals and opens vectors: the context binds a vector to its student and encoder. */
NODISCARD enum err template_seal(const struct seal_key *key, const struct engine *engine,
                                 struct arena *a, struct student_id student, const float *vec,
                                 struct str *ret_sealed, struct error *e);
NODISCARD enum err template_open(const struct template_keys *keys, const struct engine *engine,
                                 struct arena *a, const struct template_row *row,
                                 const float **ret_vec, struct error *e);
/* The same with the one student's key, or NULL when it is gone. */
NODISCARD enum err template_open_one(const struct jobs_env *env, const struct seal_key *key,
                                     const struct engine *engine, struct arena *a,
                                     const struct template_row *row, const float **ret_vec,
                                     struct error *e);

/* The scores of enrolment (look_alike.c): cosines of a face, or a template, with somebody else's
 * template. Above 1: never. */
double duplicate_score(const struct jobs_env *env, const struct engine *engine);
double look_alike_score(const struct jobs_env *env, const struct engine *engine);
/* Finds the student's look-alikes in the galleries of both engines and stores them where they
 * changed; call it after templates_reload_both. Errors of the store. */
NODISCARD enum err look_alikes_refresh_both(const struct jobs_env *env, struct student_id student,
                                            struct error *e);

/* Publishes what is in the outbox and removes it (outbox.c). Thread: housekeeping alone. */
void outbox_sweep(const struct jobs_env *env, struct arena *a);
