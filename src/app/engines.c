/* Engines from the configuration and the stored state: see engines.h.
 *
 * Model: the stored state names the engines by what was asked for (an asked precision `auto` stays
 * auto); a process holds those two and a generation. To follow is to open what is not here, fill
 * its gallery, and swap both pointers in one step. Lock: `switching`, held over a whole step, also
 * while models load and SQL runs; nobody on a frame's way takes it. Main thread, handlers, keeper.
 */
#include "app/engines.h"

#include "app/internal.h"
#include "app/vision_options.h"
#include "attendance/event.h"
#include "base/log.h"
#include "store/job.h"

#include <stdio.h>

enum { WORD = 64, NAME = 1100 };

/* ---- one engine */

static bool reads_templates_of(const struct vision *v, const struct engine_spec *spec)
{
    /* The preprocessing of an encoder of one's own holds a hash of its file. */
    bool own = strncmp(vision_encoder(v), "onnx:", 5) == 0;
    return (own || str_is(spec->encoder, vision_encoder(v))) &&
           str_is(spec->preprocessing, vision_preprocessing(v));
}

/* Without a measured false-match table there is no honest threshold: one must be given. */
static enum err check_thresholds(const struct config *cfg, struct db *db, const struct vision *v,
                                 const struct engine_spec *other, struct error *e)
{
    const char *encoder = vision_encoder(v), *preprocessing = vision_preprocessing(v);
    bool fixed = cfg->threshold_override > 0 && (!other || reads_templates_of(v, other));
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    struct calibration site = {.version = ""};
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = calibration_of(db, a, encoder, preprocessing, &site, e);
    if (r || fixed || calibration_covers(&site, encoder, preprocessing, SCORE_COSINE))
        return r;
    return error_set(e, ERR_INVALID,
                     "false-match rates were never measured for the encoder %s with the detector "
                     "%s (%s): choose another pair, run rollcall calibrate%s",
                     encoder, vision_detector(v), preprocessing,
                     other ? "" : ", or set threshold_override");
}

static void key_of(const struct engine_spec *s, char ret_key[static ENGINE_ASKED])
{
    snprintf(ret_key, ENGINE_ASKED, "%.*s|%.*s|%.*s|%.*s", STR_ARGS(s->detector),
             STR_ARGS(s->encoder), STR_ARGS(s->precision), STR_ARGS(s->device));
}

enum err engine_open(const struct config *cfg, struct db *db, const struct engine_spec *spec,
                     const struct engine_spec *other, struct engine **ret_engine, struct error *e)
{
    char detector[WORD], encoder[NAME], precision[WORD], device[WORD];
    struct vision_options o;
    struct vision *v = NULL;
    app_vision_options(cfg, &o);
    snprintf(detector, sizeof detector, "%.*s", STR_ARGS(spec->detector));
    snprintf(encoder, sizeof encoder, "%.*s", STR_ARGS(spec->encoder));
    snprintf(precision, sizeof precision, "%.*s", STR_ARGS(spec->precision));
    snprintf(device, sizeof device, "%.*s", STR_ARGS(spec->device));
    o.detector = detector;
    o.encoder = encoder;
    o.precision = precision;
    if (device[0])
        o.device = device;
    enum err r = vision_open(&o, &v, e);
    if (r)
        return r;
    r = check_thresholds(cfg, db, v, other, e);
    if (r) {
        vision_close(v);
        return r;
    }
    r = engine_new(v, true, ret_engine, e);
    if (r == ERR_OK)
        key_of(spec, (*ret_engine)->asked);
    return r;
}

/* ---- the start */

struct start {
    struct arena *a;
    struct engine_state state;
    struct engine_spec kind; /* of most templates */
    struct str old_detector; /* what versions before this state kept */
    bool stored, any;
};

static enum err found_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct start *s = ctx;
    struct error none;
    enum err r = engine_state_get(cx, s->a, &s->state, &none);
    s->stored = r == ERR_OK;
    if (r && r != ERR_NOT_FOUND)
        return error_wrap(e, r, "%s", none.msg);
    r = setting_get(cx, s->a, "detector", &s->old_detector, &none);
    if (r && r != ERR_NOT_FOUND)
        return error_wrap(e, r, "%s", none.msg);
    r = engine_templates_any(cx, &s->any, e);
    return r || !s->any ? r : engine_templates_main(cx, s->a, &s->kind, e);
}

static struct engine_spec configured(const struct config *cfg)
{
    return (struct engine_spec){.detector = str_from(config_text(cfg, OPTION_detector)),
                                .encoder = str_from(config_text(cfg, OPTION_encoder)),
                                .precision = str_from(config_text(cfg, OPTION_precision))};
}

/* Auto leaves it to what is stored. */
static bool allows(struct str asked, struct str stored)
{
    return str_is(asked, "auto") || str_eq(asked, stored);
}

static enum err other_engine(const struct engine_spec *now, const struct engine_spec *asked,
                             struct error *e)
{
    return error_set(e, ERR_INVALID,
                     "the students' templates are of %.*s with %.*s in %.*s, the configuration "
                     "asks for %.*s with %.*s in %.*s: take that back, start, and change over with "
                     "'rollcall models switch'",
                     STR_ARGS(now->encoder), STR_ARGS(now->detector), STR_ARGS(now->precision),
                     STR_ARGS(asked->encoder), STR_ARGS(asked->detector),
                     STR_ARGS(asked->precision));
}

/* What was agreed stands until the configuration changes, and a changed one must name what
 * decides. */
static enum err agree(const struct start *s, const struct engine_spec *asked, struct error *e)
{
    const struct engine_spec *now = &s->state.active, *then = &s->state.configured;
    bool unchanged = str_eq(asked->detector, then->detector) &&
                     str_eq(asked->encoder, then->encoder) &&
                     str_eq(asked->precision, then->precision);
    bool named = allows(asked->detector, now->detector) && str_eq(asked->encoder, now->encoder) &&
                 allows(asked->precision, now->precision);
    return unchanged || named ? ERR_OK : other_engine(now, asked, e);
}

/* Which engine a start begins with. Without templates, the one configured; with templates and no
 * stored state (a database of an earlier version) also that one, if the templates are its own. */
static enum err choose(struct start *s, const struct engine_spec *asked, struct error *e)
{
    if (s->any && s->stored)
        return agree(s, asked, e);
    s->state = (struct engine_state){.generation = s->state.generation, .active = *asked};
    if (s->any && s->old_detector.n)
        s->state.active.detector = s->old_detector;
    if (s->any && !allows(asked->detector, s->state.active.detector))
        return other_engine(&s->state.active, asked, e);
    return ERR_OK;
}

/* What was opened, back into the spec: auto is settled for the detector, preprocessing is known. */
static enum err settle(struct start *s, const struct engine *engine, struct error *e)
{
    struct engine_spec *active = &s->state.active;
    if (s->any && !s->stored && !reads_templates_of(engine->vision, &s->kind))
        return error_set(e, ERR_INVALID,
                         "the students' templates are of %.*s (%.*s), the configuration asks for "
                         "%s (%s): take that back, start, and change over with 'rollcall models "
                         "switch'",
                         STR_ARGS(s->kind.encoder), STR_ARGS(s->kind.preprocessing),
                         vision_encoder(engine->vision), vision_preprocessing(engine->vision));
    active->detector = str_from(vision_detector(engine->vision));
    active->preprocessing = str_from(vision_preprocessing(engine->vision));
    return ERR_OK;
}

static enum err store_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct start *s = ctx;
    if (s->any && s->stored)
        return engine_configured_put(cx, &s->state.configured, e);
    return engine_state_put(cx, &s->state, e);
}

/* A shadow that cannot be opened keeps nobody from being recognised. */
static struct engine *open_shadow(struct app *app, const struct engine_spec *shadow,
                                  const struct engine_spec *active)
{
    struct engine *engine = NULL;
    struct error e = {0};
    if (shadow->encoder.n && engine_open(app->cfg, app->db, shadow, active, &engine, &e))
        app_warn(app, "the other engine of the switch is not loaded: %s", e.msg);
    return engine;
}

static enum err open_stored(struct app *app, struct start *s, struct error *e)
{
    const struct engine_spec asked = configured(app->cfg);
    struct engine *engine = NULL;
    enum err r = choose(s, &asked, e);
    const struct str stored = s->state.active.preprocessing;
    if (r == ERR_OK)
        r = engine_open(app->cfg, app->db, &s->state.active, NULL, &engine, e);
    if (r == ERR_OK)
        r = engines_new(engine, &app->engines, e);
    if (r == ERR_OK)
        r = settle(s, engine, e);
    if (r)
        return r;
    key_of(&s->state.active, engine->asked);
    s->state.configured = asked;
    r = db_tx(app->db, store_fn, s, e);
    if (r)
        return r;
    if (s->any && s->stored && !str_eq(stored, s->state.active.preprocessing))
        app_warn(app,
                 "the stored templates are of %.*s, faces are now prepared as %.*s: nobody "
                 "is recognised until enrolled again, or the change is taken back",
                 STR_ARGS(stored), STR_ARGS(s->state.active.preprocessing));
    const struct engine_pair pair = {.active = engine_ref(engine),
                                     .shadow = open_shadow(app, &s->state.shadow, &s->state.active),
                                     .generation =
                                         s->state.generation + (s->any && s->stored ? 0 : 1)};
    engines_set(app->engines, &pair);
    if (s->state.phase != ENGINE_NONE)
        app_warn(app, "a switch of engines is under way (%s): see 'rollcall models switch status'",
                 engine_phase_name(s->state.phase));
    return ERR_OK;
}

enum err app_engines_open(struct app *app, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SWITCH_ARENA);
    struct start s = {.a = a};
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to start");
    enum err r = db_read(app->db, found_fn, &s, e);
    return r ? r : open_stored(app, &s, e);
}

/* ---- following */

/* The engine that the spec asks for: one that is here (fresh included), or a new one, loaded. */
static enum err take_engine(struct app *app, const struct engine_pair *pair, struct engine *fresh,
                            const struct engine_spec *spec, struct engine **ret_engine,
                            struct error *e)
{
    struct engine *here[] = {pair->active, pair->shadow, fresh};
    char key[ENGINE_ASKED];
    key_of(spec, key);
    for (size_t i = 0; i < ARRAY_LEN(here); i++) {
        if (here[i] && strcmp(here[i]->asked, key) == 0) {
            *ret_engine = engine_ref(here[i]);
            return ERR_OK;
        }
    }
    struct engine *engine = NULL;
    enum err r = engine_open(app->cfg, app->db, spec, NULL, &engine, e);
    if (r == ERR_OK)
        r = jobs_engine_load(app->jobs, engine, e);
    if (r)
        engine_unref(engine);
    else
        *ret_engine = engine;
    return r;
}

static enum err swap_to(struct app *app, const struct engine_pair *pair,
                        const struct engine_state *s, struct engine *fresh, struct error *e)
{
    struct engine_pair next = {.generation = s->generation};
    struct error why = {0};
    enum err r = take_engine(app, pair, fresh, &s->active, &next.active, e);
    if (r)
        return r;
    if (s->shadow.encoder.n && take_engine(app, pair, fresh, &s->shadow, &next.shadow, &why))
        log_failure(LOG_ERROR, "app", "engine_not_loaded", &why);
    log_event(LOG_INFO, "app", "engines", "phase=%s detector=%s encoder=%s precision=%s shadow=%s",
              engine_phase_name(s->phase), vision_detector(next.active->vision),
              vision_encoder(next.active->vision), vision_precision(next.active->vision),
              next.shadow ? vision_encoder(next.shadow->vision) : "none");
    engines_set(app->engines, &next);
    jobs_gallery_reload(app->jobs); /* what changed while a gallery was loading */
    return ERR_OK;
}

/* With `switching` held. */
static enum err follow(struct app *app, struct engine *fresh, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SWITCH_ARENA);
    struct engine_state state;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to switch");
    enum err r = switch_read(app->db, a, &state, e);
    struct engine_pair pair = engines_get(app->engines);
    if (r == ERR_OK && state.generation != pair.generation)
        r = swap_to(app, &pair, &state, fresh, e);
    engine_pair_done(&pair);
    return r;
}

void app_engines_follow(void *ctx)
{
    struct app *app = ctx;
    struct error e = {0};
    pthread_mutex_lock(&app->switching);
    if (follow(app, NULL, &e))
        log_failure(LOG_ERROR, "app", "engines_not_followed", &e);
    pthread_mutex_unlock(&app->switching);
}

/* ---- the steps */

static void tell_others(struct app *app)
{
    struct error e = {0};
    int64_t id;
    if (bus_publish(app->bus, STR(EVENT_TOPIC_ENGINE), STR(""), &id, &e))
        log_failure(LOG_WARN, "app", "switch_not_announced", &e); /* they look by themselves */
}

static enum err check_running(struct app *app, struct error *e)
{
    return atomic_load(&app->jobs_for_events) ? ERR_OK
                                              : error_set(e, ERR_UNAVAILABLE, "still starting");
}

static enum err start(struct app *app, const struct switch_wish *wish, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SWITCH_ARENA);
    struct engine_state state;
    struct engine_spec spec;
    struct engine *engine = NULL;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to switch");
    enum err r = switch_read(app->db, a, &state, e);
    if (r == ERR_OK)
        r = switch_prepare(app->db, a, wish, &spec, e);
    if (r == ERR_OK)
        r = engine_open(app->cfg, app->db, &spec, &state.active, &engine, e);
    if (r)
        return r;
    spec.detector = str_from(vision_detector(engine->vision));
    spec.preprocessing = str_from(vision_preprocessing(engine->vision));
    key_of(&spec, engine->asked);
    r = jobs_engine_load(app->jobs, engine, e);
    if (r == ERR_OK)
        r = switch_start(app->db, &spec, e);
    if (r == ERR_OK)
        r = follow(app, engine, e);
    engine_unref(engine);
    return r;
}

enum err app_switch_start(struct app *app, const struct switch_wish *wish, struct error *e)
{
    enum err r = check_running(app, e);
    if (r)
        return r;
    pthread_mutex_lock(&app->switching);
    r = start(app, wish, e);
    pthread_mutex_unlock(&app->switching);
    if (r == ERR_OK)
        tell_others(app);
    return r;
}

/* Another engine decides: it must be here, with its gallery, before that is stored. Without a
 * switch the step itself says what is wrong. */
static enum err check_loaded(struct app *app, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SWITCH_ARENA);
    struct engine_state state;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to switch");
    struct engine_pair pair = engines_get(app->engines);
    bool ready = pair.shadow && atomic_load(&pair.shadow->loaded);
    engine_pair_done(&pair);
    enum err r = switch_read(app->db, a, &state, e);
    if (r || ready || state.phase == ENGINE_NONE)
        return r;
    return error_set(e, ERR_UNAVAILABLE,
                     "the other engine is not loaded here: see the warnings of GET /v1/system");
}

typedef enum err (*swap_fn)(struct db *db, struct error *e);

static enum err swap(struct app *app, swap_fn fn, struct error *e)
{
    enum err r = check_running(app, e);
    if (r)
        return r;
    pthread_mutex_lock(&app->switching);
    r = check_loaded(app, e);
    if (r == ERR_OK)
        r = fn(app->db, e);
    if (r == ERR_OK)
        r = follow(app, NULL, e);
    pthread_mutex_unlock(&app->switching);
    if (r == ERR_OK)
        tell_others(app);
    return r;
}

enum err app_switch_commit(struct app *app, struct error *e) { return swap(app, switch_commit, e); }

enum err app_switch_back(struct app *app, struct error *e) { return swap(app, switch_back, e); }

enum err app_switch_finish(struct app *app, int64_t templates, struct error *e)
{
    enum err r = check_running(app, e);
    if (r)
        return r;
    pthread_mutex_lock(&app->switching);
    r = switch_finish(app->db, templates, e);
    if (r == ERR_OK)
        r = follow(app, NULL, e);
    pthread_mutex_unlock(&app->switching);
    if (r == ERR_OK)
        tell_others(app);
    return r;
}
