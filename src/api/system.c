/* The operator's view: health, metrics, what runs here, the API description, the front door.
 * Handler threads; the database for readiness and for warnings. */
#include "api/handlers.h"

#include "base/mem.h"
#include "base/metrics.h"

enum { WARNINGS_MAX = 50, METRICS_MAX = 64 * KIB, OPENAPI_MAX = 4 * MIB };

struct status_out {
    struct str status;
};

struct gallery_out {
    int64_t students;
};

struct queue_out {
    int64_t items, bytes, claimed, buried;
};

struct system_out {
    struct str version, database, detector, encoder, encoder_licence;
    struct str preprocessing, device, precision, liveness;
    double liveness_threshold;
    usec_t started_at;
    int64_t resident_bytes;
    struct gallery_out gallery;
    struct queue_out queue;
    struct str *warnings;
    int n_warnings;
};

static const struct field status_fields[] = {
    FIELD_STR(struct status_out, status, 0, 32, FIELD_REQUIRED, "ok, ready."),
};
const struct schema status_schema = SCHEMA("Status", struct status_out, status_fields);

static const struct field gallery_fields[] = {
    FIELD_INT(struct gallery_out, students, 0, 1e12, FIELD_REQUIRED, "Students with a template."),
};
const struct schema gallery_schema = SCHEMA("GalleryState", struct gallery_out, gallery_fields);

static const struct field queue_fields[] = {
    FIELD_INT(struct queue_out, items, 0, 1e12, FIELD_REQUIRED, "Waiting."),
    FIELD_INT(struct queue_out, bytes, 0, 1e15, FIELD_REQUIRED, "Waiting."),
    FIELD_INT(struct queue_out, claimed, 0, 1e12, FIELD_REQUIRED, "Being worked on."),
    FIELD_INT(struct queue_out, buried, 0, 1e12, FIELD_REQUIRED, "Given up."),
};
const struct schema queue_schema = SCHEMA("QueueState", struct queue_out, queue_fields);

static const struct field system_fields[] = {
    FIELD_STR(struct system_out, version, 0, 32, FIELD_REQUIRED, "Of the program."),
    FIELD_TIME(struct system_out, started_at, FIELD_REQUIRED, "Of this process."),
    FIELD_INT(struct system_out, resident_bytes, 0, 1e15, FIELD_REQUIRED,
              "Physical memory of this process, models and workers with it."),
    FIELD_STR(struct system_out, database, 0, 32, FIELD_REQUIRED, "sqlite."),
    FIELD_STR(struct system_out, detector, 0, 32, FIELD_REQUIRED, "In use."),
    FIELD_STR(struct system_out, encoder, 0, 32, FIELD_REQUIRED, "In use."),
    FIELD_STR(struct system_out, encoder_licence, 0, 200, FIELD_REQUIRED,
              "Licence of the encoder's weights, as their source states it."),
    FIELD_STR(struct system_out, preprocessing, 0, 64, FIELD_REQUIRED, "How faces are cropped."),
    FIELD_STR(struct system_out, device, 0, 32, FIELD_REQUIRED,
              "What the encoder runs on: cpu, openvino, cuda, tensorrt."),
    FIELD_STR(struct system_out, precision, 0, 32, FIELD_REQUIRED,
              "The encoder's arithmetic: fp32, f16, bf16, int8."),
    FIELD_STR(struct system_out, liveness, 0, 32, FIELD_REQUIRED,
              "What is done about faces that do not look alive: off, report, enforce."),
    FIELD_REAL(struct system_out, liveness_threshold, 0, 1, FIELD_REQUIRED,
               "Below this mean score a face does not look alive."),
    FIELD_OBJECT(struct system_out, gallery, &gallery_schema, FIELD_REQUIRED,
                 "Templates in memory."),
    FIELD_OBJECT(struct system_out, queue, &queue_schema, FIELD_REQUIRED,
                 "Frames and jobs in flight."),
    FIELD_STRINGS(struct system_out, warnings, n_warnings, WARNINGS_MAX, FIELD_REQUIRED,
                  "What to mend."),
};
const struct schema system_schema = SCHEMA("System", struct system_out, system_fields);

static enum err status_output(struct call *c, const char *word, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct status_out), &memory, e);
    if (r)
        return r;
    ((struct status_out *)memory)->status = str_from(word);
    c->out = memory;
    return ERR_OK;
}

enum err health(struct call *c, struct error *e) { return status_output(c, "ok", e); }

static enum err nothing_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    (void)cx;
    (void)ctx;
    (void)e;
    return ERR_OK;
}

enum err ready(struct call *c, struct error *e)
{
    const struct api_env *env = &c->api->env;
    if (!env->system.ready(env->system.ctx))
        return error_set(e, ERR_UNAVAILABLE, "starting or stopping");
    enum err r = db_read(env->db, nothing_fn, NULL, e);
    return r ? r : status_output(c, "ready", e);
}

/* Copies text into the request's memory as the whole answer. */
static enum err text_output(struct call *c, struct buf *text, const char *type, struct error *e)
{
    enum err r = buf_check(text, e);
    if (r == ERR_OK) {
        c->raw_body = arena_copy(c->a, buf_str(text));
        c->raw_type = str_from(type);
        if (!c->raw_body.p)
            r = error_set(e, ERR_NOMEM, "no memory for the answer");
    }
    buf_done(text);
    return r;
}

enum err metrics(struct call *c, struct error *e)
{
    struct buf text;
    buf_init(&text, METRICS_MAX);
    metrics_print(&text);
    return text_output(c, &text, "text/plain; version=0.0.4; charset=utf-8", e);
}

enum err openapi_document(struct call *c, struct error *e)
{
    struct buf text;
    buf_init(&text, OPENAPI_MAX);
    enum err r = api_openapi(&text, e);
    if (r) {
        buf_done(&text);
        return r;
    }
    return text_output(c, &text, "application/json", e);
}

enum err landing(struct call *c, struct error *e)
{
    (void)e;
    c->raw_type = STR("text/plain; charset=utf-8");
    c->raw_body = STR(
        "Rollcall " ROLLCALL_VERSION " takes attendance by looking.\n\n"
        "  sign in        POST /v1/login {\"code\": \"...\"}  (the code stands in the terminal,\n"
        "                 a new one comes from: rollcall user code admin)\n"
        "  the API        GET /openapi.json\n"
        "  is it well?    GET /healthz, GET /readyz, or: rollcall doctor\n");
    return ERR_OK;
}

struct api_engine call_engine(const struct call *c)
{
    struct api_engine engine = {0};
    c->api->env.system.engine(c->api->env.system.ctx, &engine);
    return engine;
}

/* Those of the start, then what goes wrong now. */
static enum err warnings_of(struct call *c, struct system_out *o, struct error *e)
{
    const char *const *of_start = c->api->env.system.warnings;
    struct error why = {0};
    int failing = 0;
    o->warnings = arena_array(c->a, WARNINGS_MAX, sizeof *o->warnings);
    if (!o->warnings)
        return error_set(e, ERR_NOMEM, "no memory for the answer");
    while (o->n_warnings < WARNINGS_MAX - 1 && of_start[o->n_warnings]) {
        o->warnings[o->n_warnings] = str_from(of_start[o->n_warnings]);
        o->n_warnings++;
    }
    if (schedule_warnings(c, o->warnings + o->n_warnings, WARNINGS_MAX - o->n_warnings, &failing,
                          &why)) {
        char *text = arena_printf(c->a, "the database does not answer: %s", why.msg);
        o->warnings[o->n_warnings] = str_from(text ? text : "the database does not answer");
        failing = 1;
    }
    o->n_warnings += failing;
    return ERR_OK;
}

enum err system_show(struct call *c, struct error *e)
{
    const struct api_env *env = &c->api->env;
    struct queue_stats q;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct system_out) + sizeof(struct api_engine), &memory, e);
    if (r == ERR_OK)
        r = queue_stats(env->queue, &q, e);
    if (r)
        return r;
    struct system_out *o = memory;
    struct api_engine *engine = (struct api_engine *)(o + 1);
    env->system.engine(env->system.ctx, engine);
    *o = (struct system_out){.version = STR(ROLLCALL_VERSION),
                             .database = str_from(db_backend(env->db)),
                             .detector = str_from(engine->detector),
                             .encoder = str_from(engine->encoder),
                             .encoder_licence = str_from(engine->licence),
                             .preprocessing = str_from(engine->preprocessing),
                             .device = str_from(engine->device),
                             .precision = str_from(engine->precision),
                             .liveness = str_from(env->system.liveness),
                             .liveness_threshold = env->config->liveness_threshold,
                             .started_at = c->api->started_at,
                             .resident_bytes = mem_resident()};
    o->gallery.students = env->system.gallery_students(env->system.ctx);
    o->queue = (struct queue_out){.items = (int64_t)q.items,
                                  .bytes = (int64_t)q.bytes,
                                  .claimed = (int64_t)q.claimed,
                                  .buried = (int64_t)q.buried};
    c->out = o;
    return warnings_of(c, o, e);
}
