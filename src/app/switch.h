/* The steps of a switch, on the stored state: start, commit, back, finish (docs/models.md).
 *
 * Each is one transaction; the processes follow what is stored (engines.c). The server's API and,
 * with no server running, `rollcall models switch` itself take them. Thread: any. */
#pragma once

#include "store/engine.h"

enum { SWITCH_ARENA = 1024 * 1024, SWITCH_KEEP_TEMPLATES = -1 };

/* What the operator asks for; NULL or empty: as the active engine has it. */
struct switch_wish {
    const char *detector, *encoder, *precision, *device;
};

/* The stored state, in `a`. Errors NOT_FOUND. */
NODISCARD enum err switch_read(struct db *db, struct arena *a, struct engine_state *ret_state,
                               struct error *e);
/* The new engine that the wish makes of the active one; preprocessing is left to the caller, who
 * opens it. Errors CONFLICT (a switch is under way; no student has a template, so that the
 * configuration alone decides), INVALID (nothing would change). */
NODISCARD enum err switch_prepare(struct db *db, struct arena *a, const struct switch_wish *wish,
                                  struct engine_spec *ret_spec, struct error *e);
/* spec, preprocessing included, is on trial beside the active one. Errors CONFLICT. */
NODISCARD enum err switch_start(struct db *db, const struct engine_spec *spec, struct error *e);
/* The one on trial decides; the one before stays alive. Errors CONFLICT: none is on trial. */
NODISCARD enum err switch_commit(struct db *db, struct error *e);
/* The one before decides again; the new one is on trial. Errors CONFLICT: nothing to go back to. */
NODISCARD enum err switch_back(struct db *db, struct error *e);
/* The one that does not decide goes; with a number of templates, these too: it must be the number
 * there are. SWITCH_KEEP_TEMPLATES keeps them. Errors CONFLICT (no switch; another number),
 * INVALID (both engines use the same templates). */
NODISCARD enum err switch_finish(struct db *db, int64_t templates, struct error *e);
