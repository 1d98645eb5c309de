/* `rollcall models switch`: see models_switch.h and docs/models.md.
 *
 * Through the running server, which loads, compares and swaps; with none running, on the stored
 * state itself, which the next start follows. Thread: main. Invariant: each step prints what holds
 * afterwards. */
#include "cmd/models_switch.h"

#include "app/engines.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/settings.h"

#include <stdio.h>

static const char about[] =
    "start     loads another engine beside the one that decides, on trial; name what changes\n"
    "status    how it does: coverage, shadow scores, who would be decided differently\n"
    "commit    lets the new engine decide; the one before stays alive\n"
    "back      the instant way back\n"
    "finish    unloads the engine that does not decide\n"
    "Enrol the photos again in between ('rollcall enroll DIR'): photos are not kept, so templates "
    "of\n"
    "the new engine come from there. With no server running, the next start follows.";

static const char examples[] = "  rollcall models switch start --encoder omz0095 --detector yunet\n"
                               "  rollcall models switch status\n"
                               "  rollcall models switch finish --delete-templates 240";

struct wanted {
    struct switch_wish wish;
    int64_t templates;
    struct remote *remote; /* NULL: the database itself */
    const struct config *config;
    struct db *db;
    struct arena *a;
};

/* ---- through the server */

static void print_engine(const char *what, const json_t *o)
{
    printf("%-8s %s with %s, %s (%s)\n", what, json_text(o, "encoder"), json_text(o, "detector"),
           json_text(o, "precision"), json_text(o, "preprocessing"));
}

static long long count(const json_t *o, const char *key) { return (long long)json_num(o, key); }

static void print_comparison(const json_t *s)
{
    printf("compared  %lld faces in %lld frames: %lld same student, %lld nobody; by the shadow "
           "%lld lost, %lld gained, %lld another student\n",
           count(s, "faces"), count(s, "frames"), count(s, "agreed"), count(s, "nobody"),
           count(s, "lost"), count(s, "gained"), count(s, "other"));
    printf("found     by the active one alone %lld faces, by the shadow alone %lld\n",
           count(s, "only_active"), count(s, "only_shadow"));
    if (count(s, "agreed") > 0)
        printf("scores    where they agree: active %.3f (%.3f above its threshold), shadow %.3f "
               "(%.3f above)\n",
               json_num(s, "active_similarity"), json_num(s, "active_spare"),
               json_num(s, "shadow_similarity"), json_num(s, "shadow_spare"));
    printf("needed    among everybody: active %.3f, shadow %.3f\n", json_num(s, "active_threshold"),
           json_num(s, "shadow_threshold"));
}

static void print_state(const json_t *s)
{
    const json_t *shadow = json_object_get(s, "shadow");
    printf("phase     %s, since %s\n", json_text(s, "phase"), json_text(s, "since"));
    print_engine("active", json_object_get(s, "active"));
    printf("memory    the server holds %.0f MiB\n", json_num(s, "memory_bytes") / (1024.0 * 1024));
    if (!json_is_object(shadow))
        return;
    print_engine("shadow", shadow);
    printf("students  %lld with a template of the active engine, %lld of the shadow, %lld of both; "
           "%lld not yet of the new one\n",
           count(s, "active_students"), count(s, "shadow_students"), count(s, "both_students"),
           count(s, "missing"));
    print_comparison(s);
    printf("to delete the shadow's templates: finish --delete-templates %lld\n",
           count(s, "shadow_templates"));
}

static enum err print_missing(void *ctx, const json_t *item, struct error *e)
{
    (void)ctx;
    (void)e;
    printf("missing   %s  %s\n", json_text(item, "external_id"), json_text(item, "name"));
    return ERR_OK;
}

static enum err print_difference(void *ctx, const json_t *item, struct error *e)
{
    (void)ctx;
    (void)e;
    printf("differs   %s  %s: %lld lost, %lld gained, %lld another student (last %.3f, shadow "
           "%.3f)\n",
           json_text(item, "external_id"), json_text(item, "name"), count(item, "lost"),
           count(item, "gained"), count(item, "others"), json_num(item, "active_score"),
           json_num(item, "shadow_score"));
    return ERR_OK;
}

static enum err ask(struct wanted *w, enum http_method method, const char *what, json_t *body,
                    json_t **ret_state, struct error *e)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/system/engine%s%s", what[0] ? "/" : "", what);
    enum err r = remote_json(w->remote, w->a, method, path, body, ret_state, e);
    if (r == ERR_OK)
        print_state(*ret_state);
    return r;
}

static enum err remote_status(struct wanted *w, struct error *e)
{
    json_t *state = NULL;
    enum err r = ask(w, HTTP_GET, "", NULL, &state, e);
    bool under_way = r == ERR_OK && json_is_object(json_object_get(state, "shadow"));
    if (under_way)
        r = remote_each(w->remote, "/v1/system/engine/differences", "", print_difference, NULL, e);
    if (under_way && r == ERR_OK)
        r = remote_each(w->remote, "/v1/system/engine/missing", "", print_missing, NULL, e);
    json_decref(state);
    return r;
}

static void wish_put(json_t *body, const char *key, const char *value)
{
    if (value)
        (void)json_object_set_new(body, key, json_string(value));
}

static enum err remote_step(struct wanted *w, const char *what, struct error *e)
{
    json_t *state = NULL, *body = NULL;
    if (strcmp(what, "start") == 0) {
        body = json_object();
        wish_put(body, "detector", w->wish.detector);
        wish_put(body, "encoder", w->wish.encoder);
        wish_put(body, "precision", w->wish.precision);
        wish_put(body, "device", w->wish.device);
    } else if (strcmp(what, "finish") == 0) {
        body = json_pack("{s:I}", "delete_templates", (json_int_t)w->templates);
    }
    enum err r = ask(w, HTTP_POST, what, body, &state, e);
    json_decref(state);
    return r;
}

/* ---- on the database */

static void print_spec(const char *what, const struct engine_spec *s)
{
    printf("%-8s  %.*s with %.*s, %.*s (%.*s)\n", what, STR_ARGS(s->encoder), STR_ARGS(s->detector),
           STR_ARGS(s->precision), STR_ARGS(s->preprocessing));
}

static enum err local_status(struct wanted *w, struct error *e)
{
    struct engine_state s;
    enum err r = switch_read(w->db, w->a, &s, e);
    if (r)
        return r;
    printf("phase     %s (no server runs; the next start follows)\n", engine_phase_name(s.phase));
    print_spec("active", &s.active);
    if (s.shadow.encoder.n)
        print_spec("shadow", &s.shadow);
    return ERR_OK;
}

/* The new engine must open here before it is stored. */
static enum err local_start(struct wanted *w, struct error *e)
{
    struct engine_state s;
    struct engine_spec spec;
    struct engine *engine = NULL;
    enum err r = switch_read(w->db, w->a, &s, e);
    if (r == ERR_OK)
        r = switch_prepare(w->db, w->a, &w->wish, &spec, e);
    if (r == ERR_OK)
        r = engine_open(w->config, w->db, &spec, &s.active, &engine, e);
    if (r)
        return r;
    spec.detector = str_from(vision_detector(engine->vision));
    spec.preprocessing = str_from(vision_preprocessing(engine->vision));
    r = switch_start(w->db, &spec, e);
    engine_unref(engine);
    return r;
}

static enum err local_step(struct wanted *w, const char *what, struct error *e)
{
    enum err r = ERR_OK;
    if (strcmp(what, "start") == 0)
        r = local_start(w, e);
    else if (strcmp(what, "commit") == 0)
        r = switch_commit(w->db, e);
    else if (strcmp(what, "back") == 0)
        r = switch_back(w->db, e);
    else if (strcmp(what, "finish") == 0)
        r = switch_finish(w->db, w->templates, e);
    return r ? r : local_status(w, e);
}

/* ---- the command */

static enum err run_step(struct wanted *w, const struct remote_place *place, const char *what,
                         struct error *e)
{
    _cleanup_(remote_closep) struct remote *remote = NULL;
    _cleanup_(settings_close_db) struct db *db = NULL;
    enum err r = remote_open(place, &remote, e);
    w->remote = remote;
    if (r == ERR_OK)
        return strcmp(what, "status") == 0 ? remote_status(w, e) : remote_step(w, what, e);
    if (r != ERR_NOT_FOUND || place->server)
        return r;
    r = settings_open_db(w->config, false, &db, e);
    w->db = db;
    return r ? r : local_step(w, what, e);
}

static bool is_step(const char *what)
{
    static const char *const steps[] = {"start", "status", "commit", "back", "finish"};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (strcmp(what, steps[i]) == 0)
            return true;
    return false;
}

int cmd_models_switch(int argc, char **argv)
{
    struct remote_place place = {0};
    struct wanted w = {.templates = SWITCH_KEEP_TEMPLATES};
    const struct arg_option options[] = {
        {.name = "encoder",
         .metavar = "NAME",
         .ret = &w.wish.encoder,
         .help = "start: the new one"},
        {.name = "detector",
         .metavar = "NAME",
         .ret = &w.wish.detector,
         .help = "start: the new one"},
        {.name = "precision",
         .metavar = "NAME",
         .ret = &w.wish.precision,
         .help = "start: the new one"},
        {.name = "device", .metavar = "NAME", .ret = &w.wish.device, .help = "start: the new one"},
        {.name = "delete-templates",
         .metavar = "N",
         .type = ARG_INT,
         .ret = &w.templates,
         .max = 1e12,
         .help = "finish: delete the templates, too, of which there are N (status tells)"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "models switch",
                                  .synopsis = "start | status | commit | back | finish [OPTIONS]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 1,
                                  .max_positional = 1};
    struct args args;
    struct error e = {.code = ERR_OK};
    _cleanup_(config_freep) struct config *config = NULL;
    _cleanup_(arena_freep) struct arena *a = arena_new(16 * MIB);
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    if (!is_step(args.positional[0]))
        return cmd_bad_usage("models switch", "'%s' is none of start, status, commit, back, finish",
                             args.positional[0]);
    settings_place(config, &place);
    w.config = config;
    w.a = a;
    if (!a)
        return cmd_bad_usage("models switch", "out of memory");
    return run_step(&w, &place, args.positional[0], &e) ? cmd_fail("models switch", &e) : CMD_OK;
}
