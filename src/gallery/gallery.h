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

enum { GALLERY_BEST = 4 };

struct gallery_hit {
    struct student_id student;
    float score; /* cosine */
};

/* The best students for one probe, by falling score. */
struct gallery_match {
    int n; /* GALLERY_BEST, or all there are */
    struct gallery_hit best[GALLERY_BEST];
};

struct gallery_entry {
    struct student_id student;
    const float *vec; /* [dim], L2 norm 1 */
};

/* An empty gallery of vectors with dim dimensions. Errors NOMEM, UNAVAILABLE (FAISS). */
NODISCARD enum err gallery_new(int dim, struct gallery **ret_gallery, struct error *e);
void gallery_free(struct gallery *g);

/* Replaces everything: n entries become the new base. Errors NOMEM. Cost: one copy. */
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
 * first, the best `max` when there are more. Cost: one plain pass, 10 ms at 100,000 students; for
 * enrolment. */
NODISCARD enum err gallery_near(struct gallery *g, const float *vec, struct student_id except,
                                float min_score, struct gallery_hit *ret_near, int max, int *ret_n,
                                struct error *e);
/* The student's own vector into ret_vec [dim]. Errors NOT_FOUND. */
NODISCARD enum err gallery_get(struct gallery *g, struct student_id student, float *ret_vec,
                               struct error *e);
size_t gallery_count(struct gallery *g);
int gallery_dim(const struct gallery *g);
