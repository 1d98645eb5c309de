/* Engines: a detector, an encoder and the gallery of that encoder's templates, as one thing.
 *
 * One engine is active: it decides. While an operator switches to another (docs/models.md) a second
 * one is alive beside it, the shadow: it is compared and decides nothing. Both are reference
 * counted; whoever works with them takes the pair once, for a frame or an upload, and so never sees
 * half of a switch. `struct engines` holds the pair of this process and swaps it in one step.
 * Thread: any. */
#pragma once

#include "gallery/gallery.h"
#include "vision/vision.h"

#include <stdatomic.h>

enum { ENGINE_ASKED = 1400 };

/* Open for reading; but for `refs` and `loaded` never changed. */
struct engine {
    struct vision *vision;
    struct gallery *gallery;
    bool owns_vision;
    char asked[ENGINE_ASKED]; /* by whoever made it, for telling engines apart; set before use */
    _Atomic bool loaded;      /* the gallery has been filled from the store */
    _Atomic int refs;
};

/* An engine with an empty gallery and one reference, the caller's. owns_vision: the last unref
 * closes vision, also when this fails. Errors NOMEM, UNAVAILABLE (FAISS). */
NODISCARD enum err engine_new(struct vision *vision, bool owns_vision, struct engine **ret_engine,
                              struct error *e);
struct engine *engine_ref(struct engine *engine);
/* NULL is fine. */
void engine_unref(struct engine *engine);
/* True when both make and read the same template rows: they differ at most in device and precision.
 */
bool engine_shares_templates(const struct engine *a, const struct engine *b);

/* What decides, what is compared, and which switch brought that about. */
struct engine_pair {
    struct engine *active;
    struct engine *shadow; /* NULL: no switch under way */
    int64_t generation;    /* grows with each change of the two */
};

struct engines;

/* Takes the reference to active over, also when it fails. Errors NOMEM. */
NODISCARD enum err engines_new(struct engine *active, struct engines **ret_engines,
                               struct error *e);
void engines_free(struct engines *engines);
/* The pair as it is now, with a reference to each; give back with engine_pair_done. */
struct engine_pair engines_get(struct engines *engines);
void engine_pair_done(struct engine_pair *pair);
/* Takes the references in `pair` over, in one step for all readers; what stood there goes when its
 * last user is done with it. */
void engines_set(struct engines *engines, const struct engine_pair *pair);
