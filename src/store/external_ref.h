/* How other systems name our students and courses: (system, kind, external) is unique there. A
 * reference goes with the row it names. Inside db_tx or db_read. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

enum external_kind { EXTERNAL_STUDENT, EXTERNAL_COURSE };
enum { EXTERNAL_KIND_N = EXTERNAL_COURSE + 1 };

struct external_ref {
    enum external_kind kind;
    struct str external; /* <= 255 bytes */
    char id[ID_TEXT];    /* of the student or course here */
};

/* Text is borrowed for the call. An error ends the pass and is returned. */
typedef enum err (*external_ref_fn)(void *ctx, const struct external_ref *ref, struct error *e);
/* All references of the system. */
NODISCARD enum err external_ref_each(struct db_cx *cx, struct str system, external_ref_fn fn,
                                     void *ctx, struct error *e);
/* Puts one, or points it to another row. Errors CONFLICT: there is no such row; INVALID: a length.
 */
NODISCARD enum err external_ref_put(struct db_cx *cx, struct str system,
                                    const struct external_ref *ref, usec_t at, struct error *e);
