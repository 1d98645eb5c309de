/* Passive liveness: does a face look like a person before the camera, or like a picture of one?
 *
 * Two small nets of the MiniFASNet family look at the face with much of what is around it (2.7 and
 * 4 times its box); the score is the mean of their P(real). A screen or a print betrays itself by
 * its edges, its texture and its colours, none of which a good attack must show: what the score is
 * worth was measured (docs/recognition.md), and it was measured on little.
 * Thread: liveness_open/close one; liveness_score any. Source of nets, crops and scaling:
 * minivision-ai, Silent-Face-Anti-Spoofing (models/README.md). */
#pragma once

#include "vision/face.h"
#include "vision/image.h"

enum { LIVENESS_NETS = 2 };

/* What is done about a face that does not look alive. */
enum liveness_policy {
    LIVENESS_OFF,    /* not measured */
    LIVENESS_REPORT, /* measured, shown and counted; marks go on */
    LIVENESS_ENFORCE /* a spoof, which never leads to a mark */
};

const char *liveness_policy_name(enum liveness_policy p);

/* auto: REPORT where both models are installed, else OFF (docs/decisions/ says why not ENFORCE).
 * Errors INVALID (another word), NOT_FOUND (report or enforce without the models: how to install
 * them). */
NODISCARD enum err liveness_choose(const char *asked, const char *models_dir,
                                   enum liveness_policy *ret_policy, struct error *e);

struct ort_model;

struct liveness {
    struct ort_model *nets[LIVENESS_NETS]; /* owned */
};

/* Verifies and loads both nets. Errors of model_verify and ort_open. */
NODISCARD enum err liveness_open(const char *models_dir, int threads, struct liveness *ret_liveness,
                                 struct error *e);
void liveness_close(struct liveness *l);

/* Scores n faces, whose boxes are in pixels of im; ret_scores [n] 0..1, 1 real. Scratch in `a`.
 * ret_run_us: inside the models. Errors UNAVAILABLE (inference), NOMEM.
 * Cost: see the stage `liveness` of `rollcall bench`. */
NODISCARD enum err liveness_score(const struct liveness *l, struct arena *a, const struct image *im,
                                  const struct face *faces, int n, float *ret_scores,
                                  int64_t *ret_run_us, struct error *e);
