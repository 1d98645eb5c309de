/* Look-alikes: pairs of students whose templates score as the photos of one person do.
 *
 * A pair stands for one (encoder, preprocessing), once, its lesser id first. Decisions between the
 * two need a larger margin, so workers read all pairs for every frame: as bytes for bus/cached.h,
 * under a version that grows with every change. After a commit that changed pairs call
 * bus_cache_drop with that version. Inside db_tx or db_read; thread any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

struct look_alike {
    char id[ID_TEXT];
    struct student_id a, b; /* a < b as text */
    double score;           /* cosine of the two templates */
    /* read only */
    struct str a_external_id, a_name, b_external_id, b_name;
    usec_t created_at, updated_at;
};

/* What the pairs belong to. */
struct look_alike_of {
    struct str encoder, preprocessing;
};

/* The student's pairs become exactly these n (others[i] at scores[i]); ones that stood keep id and
 * created_at. ret_version: of all pairs, now. Errors NOT_FOUND: a student is gone. */
NODISCARD enum err look_alike_replace(struct db_cx *cx, const struct look_alike_of *of,
                                      struct student_id student, const struct student_id *others,
                                      const double *scores, int n, int64_t *ret_version,
                                      struct error *e);
/* Forgets the student's pairs, of every encoder. ret_version as above. */
NODISCARD enum err look_alike_delete(struct db_cx *cx, struct student_id student,
                                     int64_t *ret_version, struct error *e);
/* Pairs in order of id after `after` (empty: from the start), at most limit; student empty: all. */
NODISCARD enum err look_alike_list(struct db_cx *cx, struct arena *a,
                                   const struct look_alike_of *of, struct student_id student,
                                   const char *after, int limit, struct look_alike **ret_pairs,
                                   int *ret_n, struct error *e);

enum { LOOK_ALIKE_KEY = 160 };

struct look_alike_pair {
    struct student_id a, b;
};

/* All pairs, for a cache. cached_load_fn's shape; ctx is a struct look_alike_source. */
struct look_alike_source {
    struct db *db;
    struct look_alike_of of;
};
void look_alike_key(const struct look_alike_of *of, char ret_key[static LOOK_ALIKE_KEY]);
NODISCARD enum err look_alike_load(void *ctx, struct arena *a, int64_t *ret_version,
                                   struct str *ret_bytes, struct error *e);
/* Whether the two are a pair in bytes that look_alike_load gave; a log of the number of pairs. */
bool look_alike_has(struct str bytes, struct student_id x, struct student_id y);
