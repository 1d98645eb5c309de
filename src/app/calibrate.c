/* Calibrating while the server runs: measured by what the caller of app_start brought, on a handler
 * thread; a new table is in use with the next frame (jobs_calibrated). */
#include "app/internal.h"

enum err app_calibrate(void *ctx, const struct api_calibration *wish, struct buf *out,
                       struct error *e)
{
    struct app *app = ctx;
    struct jobs *jobs = atomic_load(&app->jobs_for_events);
    if (!app->calibrate)
        return error_set(e, ERR_UNSUPPORTED, "this program cannot calibrate");
    if (jobs)
        jobs_sightings_store(jobs);
    struct template_keys keys = {.installation = app->template_key};
    enum err r = keyring_load(app->keystore, KEY_FACE, &keys.ring, e);
    if (r == ERR_OK)
        r = app->calibrate(app->cfg, app->db, &keys, wish, out, e);
    keyring_free(keys.ring);
    explicit_bzero(&keys, sizeof keys);
    if (jobs && (wish->apply || wish->reset))
        jobs_calibrated(jobs); /* also after a failure: one encoder's table may be stored */
    return r;
}
