/* The steps of a switch: see switch.h. One read and one small transaction each. */
#include "app/switch.h"

struct step {
    struct arena *a;
    struct engine_state state;
    struct engine_spec spec;
    int64_t templates;
    bool any;
};

static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *s = ctx;
    enum err r = engine_state_get(cx, s->a, &s->state, e);
    return r ? r : engine_templates_any(cx, &s->any, e);
}

enum err switch_read(struct db *db, struct arena *a, struct engine_state *ret_state,
                     struct error *e)
{
    struct step s = {.a = a};
    enum err r = db_read(db, read_fn, &s, e);
    if (r == ERR_NOT_FOUND)
        return error_set(e, r,
                         "no engine is stored yet, so there is none to switch from: set encoder, "
                         "detector and precision in the configuration and start the server");
    if (r == ERR_OK)
        *ret_state = s.state;
    return r;
}

static struct str wished(const char *text, struct str otherwise)
{
    return text && text[0] ? str_from(text) : otherwise;
}

static bool same_asked(const struct engine_spec *a, const struct engine_spec *b)
{
    return str_eq(a->detector, b->detector) && str_eq(a->encoder, b->encoder) &&
           str_eq(a->precision, b->precision) && str_eq(a->device, b->device);
}

static bool same_templates(const struct engine_spec *a, const struct engine_spec *b)
{
    return str_eq(a->encoder, b->encoder) && str_eq(a->preprocessing, b->preprocessing);
}

static enum err check_free(const struct step *s, struct error *e)
{
    if (s->state.phase == ENGINE_NONE)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT,
                     "a switch is under way, to or from %.*s with %.*s: end it first, with "
                     "'rollcall models switch finish'",
                     STR_ARGS(s->state.shadow.encoder), STR_ARGS(s->state.shadow.detector));
}

enum err switch_prepare(struct db *db, struct arena *a, const struct switch_wish *wish,
                        struct engine_spec *ret_spec, struct error *e)
{
    struct step s = {.a = a};
    enum err r = db_read(db, read_fn, &s, e);
    if (r == ERR_OK)
        r = check_free(&s, e);
    if (r)
        return r;
    if (!s.any)
        return error_set(e, ERR_CONFLICT,
                         "no student has a template yet: set encoder, detector and precision in "
                         "the configuration and start again");
    const struct engine_spec *now = &s.state.active;
    const struct engine_spec spec = {.detector = wished(wish->detector, now->detector),
                                     .encoder = wished(wish->encoder, now->encoder),
                                     .precision = wished(wish->precision, now->precision),
                                     .device = wished(wish->device, now->device)};
    if (same_asked(&spec, now))
        return error_set(e, ERR_INVALID, "%.*s with %.*s in %.*s decides already",
                         STR_ARGS(now->encoder), STR_ARGS(now->detector), STR_ARGS(now->precision));
    *ret_spec = spec;
    return ERR_OK;
}

static enum err start_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *s = ctx;
    enum err r = engine_state_get(cx, s->a, &s->state, e);
    if (r == ERR_OK)
        r = check_free(s, e);
    if (r)
        return r;
    s->state.shadow = s->spec;
    s->state.phase = ENGINE_TRIAL;
    return engine_state_put(cx, &s->state, e);
}

static enum err commit_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *s = ctx;
    enum err r = engine_state_get(cx, s->a, &s->state, e);
    if (r)
        return r;
    if (s->state.phase != ENGINE_TRIAL)
        return error_set(e, ERR_CONFLICT, "no engine is on trial: begin with 'start'");
    const struct engine_spec before = s->state.active;
    s->state.active = s->state.shadow;
    s->state.shadow = before;
    s->state.phase = ENGINE_COMMITTED;
    return engine_state_put(cx, &s->state, e);
}

static enum err back_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *s = ctx;
    enum err r = engine_state_get(cx, s->a, &s->state, e);
    if (r)
        return r;
    if (s->state.phase != ENGINE_COMMITTED)
        return error_set(e, ERR_CONFLICT, "there is nothing to go back to: no switch is committed");
    const struct engine_spec before = s->state.shadow;
    s->state.shadow = s->state.active;
    s->state.active = before;
    s->state.phase = ENGINE_TRIAL;
    return engine_state_put(cx, &s->state, e);
}

static enum err delete_templates(struct db_cx *cx, const struct step *s, struct error *e)
{
    struct engine_coverage c;
    if (same_templates(&s->state.active, &s->state.shadow))
        return error_set(e, ERR_INVALID,
                         "both engines use the same templates: there are none to delete");
    enum err r = engine_coverage(cx, &s->state.active, &s->state.shadow, &c, e);
    if (r == ERR_OK && c.second_templates != s->templates)
        r = error_set(e, ERR_CONFLICT,
                      "%lld templates of %.*s would be deleted, not %lld: give that number",
                      (long long)c.second_templates, STR_ARGS(s->state.shadow.encoder),
                      (long long)s->templates);
    return r ? r : engine_templates_delete(cx, &s->state.shadow, NULL, e);
}

static enum err finish_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct step *s = ctx;
    enum err r = engine_state_get(cx, s->a, &s->state, e);
    if (r)
        return r;
    if (s->state.phase == ENGINE_NONE)
        return error_set(e, ERR_CONFLICT, "no switch is under way");
    if (s->templates != SWITCH_KEEP_TEMPLATES)
        r = delete_templates(cx, s, e);
    if (r)
        return r;
    s->state.shadow = (struct engine_spec){0};
    s->state.phase = ENGINE_NONE;
    return engine_state_put(cx, &s->state, e);
}

static enum err step(struct db *db, db_fn fn, const struct engine_spec *spec, int64_t templates,
                     struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SWITCH_ARENA);
    struct step s = {.a = a, .templates = templates};
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to switch");
    if (spec)
        s.spec = *spec;
    return db_tx(db, fn, &s, e);
}

enum err switch_start(struct db *db, const struct engine_spec *spec, struct error *e)
{
    return step(db, start_fn, spec, 0, e);
}

enum err switch_commit(struct db *db, struct error *e) { return step(db, commit_fn, NULL, 0, e); }

enum err switch_back(struct db *db, struct error *e) { return step(db, back_fn, NULL, 0, e); }

enum err switch_finish(struct db *db, int64_t templates, struct error *e)
{
    return step(db, finish_fn, NULL, templates, e);
}
