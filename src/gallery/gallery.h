/* The gallery: all templates of the active encoder, one vector a student, searched whole.
 *
 * An immutable base index plus a small flat index of newer vectors plus a bitmap of dead rows; a
 * change swaps a new snapshot in under readers, who never wait and keep the one they hold by
 * reference count. Vectors have L2 norm 1, scores are cosines (inner product, FAISS Flat).
 * Templates are biometric data: memory is wiped on free; nothing is logged.
 * Thread: any; changes are serialised inside. */
#pragma once

#include "base/id.h"

struct gallery;

enum {
    GALLERY_BEST = 4,          /* students found for a probe */
    GALLERY_COHORT_MAX = 2000, /* students whom hubs are measured by (hub.h) */
    GALLERY_HUB_SHARE = 20,    /* the nearest 1 in 20 of them count */
};

struct gallery_hit {
    struct student_id student;
    float score;  /* what decides: cosine, or cosine - h where hubs are corrected */
    float cosine; /* always the cosine */
};

/* The best students for one probe, by falling score. */
struct gallery_match {
    bool hub; /* scores are corrected: they need thresholds of their own */
    int n;    /* GALLERY_BEST, or all there are */
    struct gallery_hit best[GALLERY_BEST];
};

struct gallery_entry {
    struct student_id student;
    const float *vec; /* [dim], L2 norm 1 */
};

/* An empty gallery of vectors with dim dimensions. Errors NOMEM, UNAVAILABLE (FAISS). */
NODISCARD enum err gallery_new(int dim, struct gallery **ret_gallery, struct error *e);
void gallery_free(struct gallery *g);

/* From how many students on the gallery corrects its scores for hubs (hub.h); 0: never, as at
 * first. Counts from the next rebuild on. */
void gallery_set_hub_from(struct gallery *g, size_t students);

/* Replaces everything: n entries become the new base. Errors NOMEM. Cost: one copy; with hubs one
 * pass over the cohort for each entry, some 5 s for 100,000. */
NODISCARD enum err gallery_rebuild(struct gallery *g, const struct gallery_entry *entries, size_t n,
                                   struct error *e);
/* Adds or replaces one student's vector; folds delta into base by itself when it is 5 % of it. */
NODISCARD enum err gallery_put(struct gallery *g, const struct gallery_entry *entry,
                               struct error *e);
/* Removes the student; no error when unknown. */
NODISCARD enum err gallery_remove(struct gallery *g, struct student_id student, struct error *e);

/* The best students for each of n probes [n][dim]; ret_matches [n].
 * Cost: 2 ms a probe at 100,000 students of 128 dimensions, one thread. */
NODISCARD enum err gallery_search(struct gallery *g, const float *probes, int n,
                                  struct gallery_match *ret_matches, struct error *e);
/* Everybody but `except` whose vector has a cosine of at least min_score with vec [dim], best
 * first, the best `max` when there are more; never corrected for hubs. Cost: one plain pass, 10 ms
 * at 100,000 students; for enrolment. */
NODISCARD enum err gallery_near(struct gallery *g, const float *vec, struct student_id except,
                                float min_score, struct gallery_hit *ret_near, int max, int *ret_n,
                                struct error *e);
/* The student's own vector into ret_vec [dim]. Errors NOT_FOUND. */
NODISCARD enum err gallery_get(struct gallery *g, struct student_id student, float *ret_vec,
                               struct error *e);
size_t gallery_count(struct gallery *g);
/* The present scores are corrected for hubs. */
bool gallery_is_hub(struct gallery *g);
/* h of a template, from its cosines to n others (which it sorts): the mean of the highest 1 in
 * GALLERY_HUB_SHARE, one at least; 0 for none. */
float gallery_hub_mean(float *cosines, size_t n);
int gallery_dim(const struct gallery *g);
