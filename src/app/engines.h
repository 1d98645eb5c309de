/* Engines from the configuration and the stored state: which to open at a start, and following what
 * is stored afterwards. Thread: as told; the state is guarded by the app's `switching`. */
#pragma once

#include "app/switch.h"
#include "config/config.h"
#include "jobs/engine.h"

struct app;

/* Opens an engine as `spec` asks, with an empty gallery, the rest from the configuration. Errors of
 * vision_open; INVALID: its false-match rates were never measured. other: the engine it is meant to
 * stand in for (NULL: none); a threshold_override is no answer for it then, unless the two use the
 * same templates. */
NODISCARD enum err engine_open(const struct config *cfg, struct db *db,
                               const struct engine_spec *spec, const struct engine_spec *other,
                               struct engine **ret_engine, struct error *e);

/* At a start: what is stored, or else what the configuration asks for, is opened and stored.
 * Errors INVALID: the configuration asks for another engine than the one that the students'
 * templates are of. Thread: main. */
NODISCARD enum err app_engines_open(struct app *app, struct error *e);
/* Brings this process to what is stored. Errors: it stays as it was. ctx is the app. Thread:
 * keeper. */
void app_engines_follow(void *ctx);

/* The steps, for the API: switch.h, then this process follows and the others are told. Threads:
 * handlers, one at a time by themselves; seconds for the first, the others are quick. */
NODISCARD enum err app_switch_start(struct app *app, const struct switch_wish *wish,
                                    struct error *e);
NODISCARD enum err app_switch_commit(struct app *app, struct error *e);
NODISCARD enum err app_switch_back(struct app *app, struct error *e);
NODISCARD enum err app_switch_finish(struct app *app, int64_t templates, struct error *e);
