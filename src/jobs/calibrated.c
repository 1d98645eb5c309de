/* What the site has measured (attendance/calibration.h), from a setting: for thresholds and for the
 * gallery's hub correction. One read of the store each `cache_ttl`, then the bus's copy; the text
 * is parsed for every frame (microseconds). Worker threads and the keeper; no state. */
#include "jobs/internal.h"

#include "bus/cached.h"
#include "store/job.h"

/* Kept where there is no calibration: a cache has no empty values. */
#define NONE STR("none")

struct source {
    struct db *db;
    struct arena *arena;
    char name[CALIBRATION_NAME];
    struct str text;
    usec_t at; /* of the last change: the version of the cached text */
};

static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct source *from = ctx;
    struct error inner = {.code = ERR_OK};
    enum err r = setting_get_at(cx, from->arena, from->name, &from->text, &from->at, &inner);
    if (r == ERR_NOT_FOUND || (r == ERR_OK && from->text.n == 0)) {
        from->text = NONE;
        return ERR_OK;
    }
    return r ? error_set(e, r, "%s", inner.msg) : ERR_OK;
}

static enum err load(void *ctx, struct arena *a, int64_t *ret_version, struct str *ret_bytes,
                     struct error *e)
{
    struct source *from = ctx;
    from->arena = a;
    enum err r = db_read(from->db, read_fn, from, e);
    if (r)
        return r;
    *ret_version = from->at;
    *ret_bytes = from->text;
    return ERR_OK;
}

static enum err parse(struct str text, struct calibration *ret_calibration, struct error *e)
{
    return calibration_parse(str_eq(text, NONE) ? STR("") : text, ret_calibration, e);
}

enum err calibration_of(struct db *db, struct arena *a, const char *encoder,
                        const char *preprocessing, struct calibration *ret_calibration,
                        struct error *e)
{
    struct source from = {.db = db, .arena = a};
    calibration_setting(encoder, preprocessing, from.name);
    enum err r = db_read(db, read_fn, &from, e);
    return r ? r : parse(from.text, ret_calibration, e);
}

enum err calibration_cached(const struct jobs_env *env, const struct engine *engine,
                            struct arena *a, struct calibration *ret_calibration, struct error *e)
{
    struct source from = {.db = env->db};
    struct str text;
    calibration_setting(vision_encoder(engine->vision), vision_preprocessing(engine->vision),
                        from.name);
    enum err r =
        bus_cached(env->bus, a, str_from(from.name), env->cache_ttl, load, &from, &text, e);
    return r ? r : parse(text, ret_calibration, e);
}

enum err calibration_changed(const struct jobs_env *env, const struct engine *engine,
                             struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    struct source from = {.db = env->db, .arena = a};
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    calibration_setting(vision_encoder(engine->vision), vision_preprocessing(engine->vision),
                        from.name);
    enum err r = db_read(env->db, read_fn, &from, e);
    return r ? r : bus_cache_drop(env->bus, str_from(from.name), from.at, env->cache_ttl, e);
}

enum err calibration_set_hubs(const struct jobs_env *env, const struct engine *engine,
                              struct error *e)
{
    const char *encoder = vision_encoder(engine->vision);
    const char *preprocessing = vision_preprocessing(engine->vision);
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    struct calibration site = {.version = ""};
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = calibration_of(env->db, a, encoder, preprocessing, &site, e);
    if (r)
        return r;
    size_t from = env->hub_correction == HUB_ON                       ? 1
                  : env->hub_correction == HUB_AUTO && site.hub_helps ? CALIBRATION_HUB_FROM
                                                                      : 0;
    if (env->threshold_override > 0 ||
        !calibration_covers(&site, encoder, preprocessing, SCORE_HUB))
        from = 0;
    gallery_set_hub_from(engine->gallery, from);
    return ERR_OK;
}
