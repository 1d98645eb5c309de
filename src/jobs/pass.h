/* One frame on its way through recognition; shared by recognise.c, claim.c, alive.c and
 * sighting.c:
 * pass_begin, look at the picture, pass_looked, pass_end. A frame that ends early, announced as
 * dropped, is `over`. Errors of all: retryable ones mean that the frame should come again. */
#pragma once

#include "attendance/calibration.h"
#include "attendance/event.h"
#include "jobs/internal.h"
#include "store/live.h"

/* What is known of a face's liveness. */
struct pass_alive {
    bool judged;            /* candidate and score are filled */
    int candidate;          /* as whom: index in decide_face.best */
    bool spoof;             /* does not look alive; with policy report it is marked all the same */
    struct bus_score score; /* over the sightings of the same student */
};

/* All memory is the worker's arena. Arrays have a row a face, [seen.n]. */
struct pass {
    struct worker *w;
    const struct jobs_env *env;
    const struct engine *engine; /* the active one, of the worker's pair */
    const struct work_frame *f;
    struct live_session session;
    struct live_roster roster;
    struct str look_alikes; /* store/look_alike.h */
    struct decide_thresholds thresholds;
    struct calibration calibration; /* of the engine */
    enum score_kind score_kind;     /* of all scores and thresholds here */
    struct vision_result seen;
    struct gallery_match *matches;
    struct decide_face *faces;
    struct decide_result *decided;
    struct pass_alive *alive;
    struct event_face *out;
    struct event_timing timing;
    usec_t started_mono;
    struct event_challenge *challenge; /* where the frame's challenge stands now, if it has one */
    bool challenge_passed;             /* by this frame: it marks at once */
    bool made_mark;
    bool over; /* announced as dropped: nothing more to do */
};

/* Of a photo of the whole class, or of a live frame. */
static inline double pass_risk_budget(const struct pass *p)
{
    return p->f->still ? p->env->class_photo_risk_budget_per_10k : p->env->risk_budget_per_10k;
}

/* Sightings a mark needs: nobody sends the same class photo twice. */
static inline int64_t pass_confirmations(const struct pass *p)
{
    return p->f->still || p->challenge_passed ? 1 : p->session.confirmations;
}

/* Fills p and loads the session it belongs to; f stays borrowed. Over when it does not run. */
NODISCARD enum err pass_begin(struct pass *p, struct worker *w, const struct work_frame *f,
                              struct error *e);
/* Takes what looking at the picture gave, r and e, on; over when it will never be readable. */
NODISCARD enum err pass_looked(struct pass *p, enum err r, struct error *e);
/* Matches, decides, marks and publishes what is in `seen`. */
NODISCARD enum err pass_end(struct pass *p, struct error *e);
/* Fills look_alikes: everybody's, of p->engine; few, so all of them are one cached value. */
NODISCARD enum err pass_look_alikes(struct pass *p, struct error *e);
/* The first two steps of pass_end, for the shadow: fills faces (and the other arrays); then
 * thresholds and decided. */
NODISCARD enum err pass_match(struct pass *p, struct error *e);
NODISCARD enum err pass_decide(struct pass *p, struct error *e);
/* After pass_end: has the other engine of a switch look at the frame, too (shadow.c). */
void pass_shadow(struct pass *p);

/* Whom the decision about face i is about; the face has candidates. */
static inline const struct decide_candidate *pass_candidate(const struct pass *p, int i)
{
    return &p->faces[i].best[p->decided[i].candidate];
}

/* Judges the liveness of the faces that got a name and decides again without those that look like
 * pictures (policy enforce). After decide_frame; nothing to do where liveness is off. */
NODISCARD enum err pass_alive(struct pass *p, struct error *e);

/* Advances the frame's challenge by what was decided (challenge.c): passed by this frame, its
 * student is marked; failed by it, the face is a spoof. Nothing else of the frame counts. */
NODISCARD enum err pass_challenge(struct pass *p, struct error *e);

/* Adds a sighting of the student of face i; enough of them make the mark. Refines decided[i] and
 * fills out[i].mark. */
NODISCARD enum err pass_sighting(struct pass *p, int i, struct error *e);
