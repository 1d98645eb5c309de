/* The composition root: see app.h. Main thread; everything is owned by struct app and closed in
 * reverse order, whatever step of the start failed. */
#include "app/internal.h"

#include "app/engines.h"
#include "attendance/event.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "jobs/schedule.h"
#include "store/migrate.h"
#include "vision/augment.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

enum {
    HISTORY_MAX = 1000,
    TOPICS_MAX = 4096,
    CACHE_BYTES = 64 * MIB,
    REQUEST_ARENA = 96 * MIB,
};

void app_warn(struct app *app, const char *fmt, ...)
{
    if (app->n_warnings == APP_WARNINGS_MAX)
        return;
    char *text = app->warning_text[app->n_warnings];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, APP_WARNING_TEXT, fmt, ap);
    va_end(ap);
    app->warnings[app->n_warnings++] = text;
    log_event(LOG_WARN, "app", "warning", "msg=\"%s\"", text);
}

/* ---- storage */

enum err app_template_keys(const struct config *cfg, struct template_keys *ret_keys,
                           struct error *e)
{
    struct seal_key master;
    struct keystore *keystore = NULL;
    struct template_keys keys = {.ring = NULL};
    enum err r = app_master_key(cfg, &master, e);
    if (r)
        return r;
    seal_key_derive(&master, "template", &keys.installation);
    r = app_open_keystore(cfg, &master, &keystore, e);
    if (r == ERR_OK)
        r = keyring_load(keystore, KEY_FACE, &keys.ring, e);
    keystore_close(keystore);
    explicit_bzero(&master, sizeof master);
    if (r == ERR_OK)
        *ret_keys = keys;
    return r;
}

static enum err load_key(struct app *app, struct error *e)
{
    enum err r = app_master_key(app->cfg, &app->master, e);
    if (r)
        return r;
    seal_key_derive(&app->master, "register", &app->register_key);
    seal_key_derive(&app->master, "template", &app->template_key);
    seal_key_derive(&app->master, "photos__", &app->photo_key);
    sign_key_derive(&app->master, &app->sign_key);
    app->hasher = (struct register_hasher){.fn = app_register_hash, .ctx = &app->register_key};
    seal_key_derive(&app->master, "answers_", &app->answer_key);
    seal_key_derive(&app->master, "markcode", &app->code_key);
    return ERR_OK;
}

static enum err open_storage(struct app *app, struct error *e)
{
    int applied = 0;
    enum err r = file_mkdirs(app->cfg->data_dir, e);
    if (r == ERR_OK)
        r = load_key(app, e);
    if (r == ERR_OK)
        r = app_open_database(app->cfg, true, &app->db, e);
    if (r == ERR_OK)
        r = migrate_up(app->db, &applied, e);
    if (r == ERR_OK)
        r = app_settings_read(app, e);
    if (r == ERR_OK)
        r = app_open_keystore(app->cfg, &app->master, &app->keystore, e);
    if (r == ERR_OK)
        r = app_register_open(app, e);
    if (r == ERR_OK)
        r = app_open_replica(app->cfg, app->db, &app->replica, e);
    return r ? r : auth_new(app->db, &app->auth, e);
}

/* ---- recognition */

static enum err open_recognition(struct app *app, struct error *e)
{
    enum err r = liveness_choose(config_text(app->cfg, OPTION_liveness),
                                 config_models_dir(app->cfg), &app->liveness, e);
    return r ? r : app_engines_open(app, e);
}

/* ---- queue and bus */

static void on_event(void *ctx, const struct bus_event *event)
{
    struct app *app = ctx;
    struct jobs *jobs = atomic_load(&app->jobs_for_events);
    struct scheduler *scheduler = atomic_load(&app->scheduler_for_events);
    struct student_id student;
    struct error e;
    if (str_is(event->topic, EVENT_TOPIC_OUTBOX)) {
        if (jobs)
            jobs_outbox_changed(jobs);
    } else if (str_is(event->topic, EVENT_TOPIC_ENGINE)) {
        if (jobs)
            jobs_engines_changed(jobs);
    } else if (str_is(event->topic, EVENT_TOPIC_SCHEDULE)) {
        if (scheduler)
            scheduler_wake(scheduler);
    } else if (str_is(event->topic, EVENT_TOPIC_GALLERY)) {
        if (id_parse(event->bytes, student.text, &e) == ERR_OK) {
            keystore_forget(app->keystore, student); /* another process may have destroyed it */
            if (jobs)
                jobs_gallery_changed(jobs, student);
        }
    } else {
        api_event(app->api, event);
    }
}

static enum err open_traffic(struct app *app, struct error *e)
{
    const struct config *cfg = app->cfg;
    const struct queue_options q = {.max_items = (size_t)cfg->queue_max_items,
                                    .max_bytes = (size_t)cfg->queue_max_bytes,
                                    .camera_share_items = (size_t)cfg->queue_camera_share,
                                    .frame_ttl = cfg->frame_ttl_ms * USEC_PER_MSEC,
                                    .lease = cfg->job_lease_ms * USEC_PER_MSEC,
                                    .max_tries = (int)cfg->job_max_tries};
    const struct bus_options b = {
        .history_max = HISTORY_MAX, .topics_max = TOPICS_MAX, .cache_max_bytes = CACHE_BYTES};
    enum err r = queue_memory_open(&q, &app->queue, e);
    if (r == ERR_OK)
        r = bus_memory_open(&b, on_event, app, &app->bus, e);
    if (r == ERR_OK)
        r = bus_subscribe(app->bus, STR(EVENT_TOPIC_OUTBOX), e);
    if (r == ERR_OK)
        r = bus_subscribe(app->bus, STR(EVENT_TOPIC_GALLERY), e);
    if (r == ERR_OK)
        r = bus_subscribe(app->bus, STR(EVENT_TOPIC_SCHEDULE), e);
    return r ? r : bus_subscribe(app->bus, STR(EVENT_TOPIC_ENGINE), e);
}

/* ---- API */

static int64_t gallery_students(void *ctx)
{
    const struct app *app = ctx;
    struct engine_pair pair = engines_get(app->engines);
    int64_t n = (int64_t)gallery_count(pair.active->gallery);
    engine_pair_done(&pair);
    return n;
}

/* In words that outlive the engine. */
static void describe(const struct vision *v, struct api_engine *ret_engine)
{
    snprintf(ret_engine->detector, API_ENGINE_WORD, "%s", vision_detector(v));
    snprintf(ret_engine->encoder, API_ENGINE_NAME, "%s", vision_encoder(v));
    snprintf(ret_engine->preprocessing, API_ENGINE_WORD, "%s", vision_preprocessing(v));
    snprintf(ret_engine->device, API_ENGINE_WORD, "%s", vision_device(v));
    snprintf(ret_engine->precision, API_ENGINE_WORD, "%s", vision_precision(v));
    snprintf(ret_engine->licence, API_ENGINE_NAME, "%s", vision_licence(v));
}

static void active_engine(void *ctx, struct api_engine *ret_engine)
{
    const struct app *app = ctx;
    struct engine_pair pair = engines_get(app->engines);
    describe(pair.active->vision, ret_engine);
    if (pair.shadow && !engine_shares_templates(pair.active, pair.shadow)) {
        const struct vision *v = pair.shadow->vision;
        snprintf(ret_engine->other_encoder, API_ENGINE_NAME, "%s", vision_encoder(v));
        snprintf(ret_engine->other_preprocessing, API_ENGINE_WORD, "%s", vision_preprocessing(v));
    }
    engine_pair_done(&pair);
}

static enum err engines_start(void *ctx, const struct api_engine_wish *w, struct error *e)
{
    const struct switch_wish wish = {.detector = w->detector,
                                     .encoder = w->encoder,
                                     .precision = w->precision,
                                     .device = w->device};
    return app_switch_start(ctx, &wish, e);
}

static enum err engines_commit(void *ctx, struct error *e) { return app_switch_commit(ctx, e); }

static enum err engines_back(void *ctx, struct error *e) { return app_switch_back(ctx, e); }

static enum err engines_finish(void *ctx, int64_t templates, struct error *e)
{
    return app_switch_finish(ctx, templates, e);
}

static void engines_thresholds(void *ctx, double *ret_active, double *ret_shadow)
{
    struct app *app = ctx;
    const struct jobs *jobs = atomic_load(&app->jobs_for_events);
    struct engine_pair pair = engines_get(app->engines);
    *ret_active = jobs ? jobs_threshold(jobs, pair.active) : 0;
    *ret_shadow = jobs && pair.shadow ? jobs_threshold(jobs, pair.shadow) : 0;
    engine_pair_done(&pair);
}

static bool is_ready(void *ctx)
{
    struct app *app = ctx;
    return atomic_load(&app->ready);
}

static enum err check_register(void *ctx, register_finding_fn fn, void *fn_ctx,
                               struct register_report *ret_report, struct error *e)
{
    struct app *app = ctx;
    return app_register_check(app->cfg, app->db, NULL, fn, fn_ctx, ret_report, e);
}

static enum err read_signed(void *ctx, struct arena *a, struct str *ret_text, struct error *e)
{
    return app_register_signed(ctx, a, ret_text, e);
}

static enum err open_api(struct app *app, struct error *e)
{
    const struct api_env env = {
        .config = app->cfg,
        .db = app->db,
        .replica = app->replica,
        .queue = app->queue,
        .bus = app->bus,
        .auth = app->auth,
        .keystore = app->keystore,
        .sign_key = app->sign_key,
        .answer_key = app->answer_key,
        .code_key = app->code_key,
        .system = {.engine = active_engine,
                   .engines = {.start = engines_start,
                               .commit = engines_commit,
                               .back = engines_back,
                               .finish = engines_finish,
                               .thresholds = engines_thresholds},
                   .calibrate = app_calibrate,
                   .liveness = liveness_policy_name(app->liveness),
                   .gallery_students = gallery_students,
                   .ready = is_ready,
                   .warnings = app->warnings,
                   .ctx = app},
        .marks = jobs_mark_writer((struct register_hasher){app_register_hash, &app->register_key}),
        .register_check = check_register,
        .register_signed = read_signed,
        .register_ctx = app};
    return api_new(&env, &app->api, e);
}

static enum err open_http(struct app *app, struct error *e)
{
    const struct config *cfg = app->cfg;
    const struct http_callbacks callbacks = api_callbacks(app->api);
    const struct http_options o = {.bind = cfg->http_bind,
                                   .port = (int)cfg->http_port,
                                   .handler_threads = (int)cfg->http_threads,
                                   .max_connections = (int)cfg->http_max_connections,
                                   .ws_max_peers = (int)cfg->ws_max_peers,
                                   .ws_queue_messages = (int)cfg->ws_queue_messages,
                                   .request_arena_bytes = REQUEST_ARENA,
                                   .idle_timeout = cfg->http_idle_timeout_s * USEC_PER_SEC,
                                   .header_timeout = 10 * USEC_PER_SEC};
    enum err r = http_open(&o, &callbacks, &app->api->http, e);
    app->http = r ? NULL : app->api->http;
    return r;
}

static enum err start_workers(struct app *app, struct error *e)
{
    const struct config *cfg = app->cfg;
    unsigned augment;
    enum err r = augment_parse(str_from(config_text(cfg, OPTION_augment)), &augment, e);
    if (r)
        return r;
    const struct jobs_env env = {.db = app->db,
                                 .queue = app->queue,
                                 .bus = app->bus,
                                 .engines = app->engines,
                                 .keystore = app->keystore,
                                 .template_key = app->template_key,
                                 .photo_key = app->photo_key,
                                 .hasher = {.fn = app_register_hash, .ctx = &app->register_key},
                                 .workers = config_workers(cfg),
                                 .max_tries = (int)cfg->job_max_tries,
                                 .batch_frames = (int)cfg->batch_frames_max,
                                 .image_max_pixels = cfg->image_max_pixels,
                                 .photo_max_pixels = cfg->photo_max_pixels,
                                 .risk_budget_per_10k = cfg->risk_budget_per_10k,
                                 .class_photo_risk_budget_per_10k =
                                     cfg->class_photo_risk_budget_per_10k,
                                 .threshold_override = cfg->threshold_override,
                                 .match_margin = cfg->match_margin,
                                 .hub_correction = (enum hub_correction)cfg->hub_correction,
                                 .liveness = app->liveness,
                                 .liveness_threshold = cfg->liveness_threshold,
                                 .liveness_window = cfg->liveness_window_s * USEC_PER_SEC,
                                 .duplicate_score = cfg->duplicate_score,
                                 .look_alike_score = cfg->look_alike_score,
                                 .look_alike_margin = cfg->look_alike_margin,
                                 .templates_max = (int)cfg->templates_max,
                                 .photos_keep = cfg->enrolment_photos_keep_days * USEC_PER_DAY,
                                 .shadow_share = cfg->shadow_share,
                                 .follow = app_engines_follow,
                                 .follow_ctx = app,
                                 .augment = augment,
                                 .spoof_refused = cfg->enrol_liveness,
                                 .confirm_gap = cfg->confirm_gap_ms * USEC_PER_MSEC,
                                 .confirm_window = cfg->confirm_window_s * USEC_PER_SEC,
                                 .cache_ttl = cfg->cache_ttl_s * USEC_PER_SEC,
                                 .job_lease = cfg->job_lease_ms * USEC_PER_MSEC,
                                 .offline_grace = cfg->offline_grace_days * USEC_PER_DAY,
                                 .gallery_rebuild = cfg->gallery_rebuild_s * USEC_PER_SEC};
    r = jobs_start(&env, &app->jobs, e);
    if (r == ERR_OK)
        atomic_store(&app->jobs_for_events, app->jobs);
    return r;
}

/* ---- start, wait, stop */

/* For the tools of whoever owns the data folder: where the server is, and a token for it. */
static enum err write_server_json(struct app *app, const char *url, struct error *e)
{
    char path[APP_PATH], text[512];
    snprintf(path, sizeof path, "%s/server.json", app->cfg->data_dir);
    int n = snprintf(text, sizeof text, "{\"url\":\"%s\",\"token\":\"%s\",\"pid\":%ld}\n", url,
                     auth_local_token(app->auth), (long)getpid());
    enum err r = file_write(path, (struct str){text, (size_t)n}, 0600, e);
    sodium_memzero(text, sizeof text);
    if (r == ERR_OK)
        snprintf(app->server_json, sizeof app->server_json, "%s", path);
    return r;
}

static void warn_liveness(struct app *app)
{
    if (app->liveness == LIVENESS_OFF)
        app_warn(app,
                 "liveness is not checked: a picture of a face counts as the person; 'rollcall "
                 "models list' shows whether its models (minifasnet) are here");
    else if (app->liveness == LIVENESS_REPORT)
        app_warn(app, "liveness is shown, not enforced: a picture of a face still counts as the "
                      "person; measure it on your cameras, then set liveness to enforce");
}

static void announce(struct app *app, const char *url)
{
    const struct config *cfg = app->cfg;
    bool loopback = strcmp(cfg->http_bind, "127.0.0.1") == 0 || strcmp(cfg->http_bind, "::1") == 0;
    if (!loopback)
        app_warn(app, "listening on %s without TLS: put nginx or another TLS proxy in front",
                 cfg->http_bind);
    warn_liveness(app);
    struct engine_pair pair = engines_get(app->engines);
    const struct vision *v = pair.active->vision;
    log_event(LOG_INFO, "app", "serving",
              "url=%s detector=%s encoder=%s preprocessing=%s liveness=%s workers=%d students=%zu",
              url, vision_detector(v), vision_encoder(v), vision_preprocessing(v),
              liveness_policy_name(app->liveness), config_workers(cfg),
              gallery_count(pair.active->gallery));
    log_event(LOG_INFO, "app", "encoder", "name=%s licence=\"%s\" sha256=%s", vision_encoder(v),
              vision_licence(v), vision_model_sha256(v));
    log_event(LOG_INFO, "app", "device", "device=%s precision=%s why=\"%s\"", vision_device(v),
              vision_precision(v), vision_device_why(v));
    engine_pair_done(&pair);
}

static enum err start(struct app *app, struct app_hello *ret_hello, struct error *e)
{
    const struct config *cfg = app->cfg;
    enum err r = open_storage(app, e);
    if (r == ERR_OK)
        r = app_first_admin(app, ret_hello->code, e);
    if (r == ERR_OK)
        r = app_release_jobs(app, e);
    if (r == ERR_OK)
        r = open_recognition(app, e);
    if (r == ERR_OK)
        r = open_traffic(app, e);
    if (r == ERR_OK)
        r = open_api(app, e);
    if (r == ERR_OK)
        r = open_http(app, e);
    if (r)
        return r;
    app_tell_restart(app);
    r = start_workers(app, e);
    if (!r)
        r = app_scheduler_start(app, e);
    if (r)
        return r;
    bool v6 = strchr(cfg->http_bind, ':') != NULL;
    snprintf(ret_hello->url, sizeof ret_hello->url, v6 ? "http://[%.255s]:%d" : "http://%.255s:%d",
             cfg->http_bind, http_port(app->http));
    r = write_server_json(app, ret_hello->url, e);
    if (r)
        return r;
    announce(app, ret_hello->url);
    atomic_store(&app->ready, true);
    return ERR_OK;
}

enum err app_start(struct config *cfg, app_calibrate_fn calibrate, struct app **ret_app,
                   struct app_hello *ret_hello, struct error *e)
{
    struct app *app = mem_alloc(sizeof *app);
    if (!app)
        return error_set(e, ERR_NOMEM, "no memory to start");
    app->cfg = cfg;
    app->calibrate = calibrate;
    pthread_mutex_init(&app->switching, NULL);
    *ret_hello = (struct app_hello){0};
    enum err r = start(app, ret_hello, e);
    if (r) {
        app_stop(app);
        return r;
    }
    *ret_app = app;
    return ERR_OK;
}

void app_wait(struct app *app)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    const struct timespec tick = {.tv_nsec = 200L * 1000 * 1000};
    while (sigtimedwait(&set, NULL, &tick) < 0)
        api_tick(app->api);
    log_event(LOG_INFO, "app", "stopping", "%s", "");
}

void app_stop(struct app *app)
{
    if (!app)
        return;
    atomic_store(&app->ready, false);
    if (app->server_json[0])
        unlink(app->server_json);
    if (app->http)
        http_stop(app->http, app->cfg->shutdown_timeout_s * USEC_PER_SEC);
    atomic_store(&app->scheduler_for_events, NULL);
    scheduler_stop(app->scheduler);
    atomic_store(&app->jobs_for_events, NULL);
    jobs_stop(app->jobs);
    http_free(app->http); /* workers published to its peers until now; its peers unsubscribe */
    bus_close(app->bus);
    queue_close(app->queue);
    api_free(app->api);
    engines_free(app->engines);
    auth_free(app->auth);
    replica_close(app->replica);
    db_close(app->db);
    keystore_close(app->keystore);
    heads_close(app->heads);
    pthread_mutex_destroy(&app->switching);
    secure_free(app, sizeof *app);
}
