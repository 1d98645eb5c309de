/* Calibrating a site: its templates compared with each other, what its sightings say, and what
 * follows for its thresholds (docs/recognition.md). For `rollcall calibrate` and for the server.
 * Cost: that of calibrate_measure.h. Thread: any; one at a time in a process. */
#pragma once

#include "api/api.h"
#include "base/buf.h"
#include "base/seal.h"
#include "cmd/eval_ident.h"
#include "config/config.h"
#include "jobs/jobs.h"
#include "store/db.h"

/* What the vectors and the work on them may take. */
#define CALIBRATE_ARENA ((size_t)8 << 30)

struct calibrate_site {
    const struct config *config;
    struct db *db; /* NULL: nothing to compare with, nothing is kept */
    struct template_keys keys;
    const char *only; /* encoder; NULL: all */
    bool apply, reset;
    struct arena *arena; /* vectors and all else */
    struct buf *out;     /* lines for people */
    int done;            /* encoders; the caller sets 0 */
};

/* Every encoder with templates. Errors NOT_FOUND (there are none), UNPROCESSABLE (apply, with too
 * few people: how many there are), CORRUPT, NOMEM, those of the store. */
NODISCARD enum err calibrate_templates(struct calibrate_site *c, struct error *e);
/* calibrate_templates inside a server: for app_start. */
NODISCARD enum err calibrate_for_server(const struct config *cfg, struct db *db,
                                        const struct template_keys *keys,
                                        const struct api_calibration *wish, struct buf *out,
                                        struct error *e);
/* One encoder, from the faces of a folder. */
NODISCARD enum err calibrate_faces(struct calibrate_site *c, const char *encoder,
                                   const char *preprocessing, const struct eval_faces *faces,
                                   struct error *e);
