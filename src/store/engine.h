/* Which engine decides, which one is beside it, and what the comparison of the two has shown.
 *
 * The stored state is the truth: every process follows it, and a start begins with it. A change of
 * the roles is one transaction with a new generation; counts and differences of the generation
 * before go with it, and a worker that still counts for that one is refused.
 * All functions run inside db_tx or db_read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

/* What an engine is made of. precision may be auto; device empty: as configured. */
struct engine_spec {
    struct str detector, encoder, preprocessing, precision, device;
};

#define ENGINE_PHASE_MAP(X)                                                                        \
    X(NONE, "none")           /* no switch under way */                                            \
    X(TRIAL, "trial")         /* the shadow is the new engine, on trial */                         \
    X(COMMITTED, "committed") /* the new engine decides; the shadow is the one before */

enum engine_phase {
#define X(code, word) ENGINE_##code,
    ENGINE_PHASE_MAP(X)
#undef X
};
enum { ENGINE_PHASE_N = ENGINE_COMMITTED + 1 };

const char *engine_phase_name(enum engine_phase p);

/* What the shadow would have decided, counted over faces that both engines found. */
struct engine_tally {
    int64_t frames, faces;
    int64_t agreed, nobody;            /* both name the same student; both name nobody */
    int64_t lost, gained, other;       /* the shadow names nobody; only it names; another student */
    int64_t only_active, only_shadow;  /* faces that one engine alone found */
    double active_score, shadow_score; /* sums over `agreed`: similarities */
    double active_spare, shadow_spare; /* and how far they are above their thresholds */
};

struct engine_state {
    int64_t generation;
    enum engine_phase phase;
    usec_t since; /* of this generation */
    struct engine_spec active, configured;
    struct engine_spec shadow; /* of a switch under way, else empty */
    struct engine_tally tally;
};

/* Text lies in `a`. Errors NOT_FOUND: nothing was ever stored. */
NODISCARD enum err engine_state_get(struct db_cx *cx, struct arena *a,
                                    struct engine_state *ret_state, struct error *e);
/* Stores the roles as generation + 1 since now; counts and differences start anew. */
NODISCARD enum err engine_state_put(struct db_cx *cx, const struct engine_state *s,
                                    struct error *e);
/* Stores only what the configuration asks for. */
NODISCARD enum err engine_configured_put(struct db_cx *cx, const struct engine_spec *configured,
                                         struct error *e);

/* One student whom the shadow would decide differently. */
struct engine_difference {
    struct student_id student;
    struct str external_id, name;      /* filled by engine_differences */
    char other[ID_TEXT];               /* whom it named instead, last; empty: nobody yet */
    int64_t lost, gained, others;      /* sightings, as in engine_tally; when added: 1 and 0 */
    double active_score, shadow_score; /* of the last */
    usec_t last_seen;
};

/* Adds one frame's counts (frames is ignored) and differences. Errors CONFLICT: the roles have
 * changed since `generation`. */
NODISCARD enum err engine_tally_add(struct db_cx *cx, int64_t generation,
                                    const struct engine_tally *t,
                                    const struct engine_difference *differences, int n,
                                    struct error *e);
/* In order of student, after `after`. */
NODISCARD enum err engine_differences(struct db_cx *cx, struct arena *a, struct student_id after,
                                      int limit, struct engine_difference **ret_rows, int *ret_n,
                                      struct error *e);
/* Forgets what is kept of the student. */
NODISCARD enum err engine_differences_forget(struct db_cx *cx, struct student_id student,
                                             struct error *e);

struct engine_coverage {
    int64_t first, second, both; /* students with a template */
    int64_t second_templates;
};

NODISCARD enum err engine_coverage(struct db_cx *cx, const struct engine_spec *first,
                                   const struct engine_spec *second,
                                   struct engine_coverage *ret_coverage, struct error *e);

struct engine_missing {
    struct student_id student;
    struct str external_id, name;
};

/* Students with a template of `first` and none of `second`, in order of id. */
NODISCARD enum err engine_missing(struct db_cx *cx, struct arena *a,
                                  const struct engine_spec *first, const struct engine_spec *second,
                                  struct student_id after, int limit,
                                  struct engine_missing **ret_rows, int *ret_n, struct error *e);

/* Is there any template at all? */
NODISCARD enum err engine_templates_any(struct db_cx *cx, bool *ret_any, struct error *e);
/* Encoder and preprocessing of most templates, the rest empty. Errors NOT_FOUND: there are none. */
NODISCARD enum err engine_templates_main(struct db_cx *cx, struct arena *a,
                                         struct engine_spec *ret_kind, struct error *e);
NODISCARD enum err engine_templates_delete(struct db_cx *cx, const struct engine_spec *of,
                                           int64_t *ret_removed, struct error *e);
