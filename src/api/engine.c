/* The engine that decides, and a switch to another (docs/models.md). What is counted comes from the
 * store; the steps are the composition root's. Handler threads; the start of a switch takes seconds
 * (models load), the rest are quick. */
#include "api/handlers.h"

#include "base/mem.h"
#include "store/engine.h"

#include <math.h>

struct spec_out {
    struct str detector, encoder, preprocessing, precision, device;
};

static const struct field spec_fields[] = {
    FIELD_STR(struct spec_out, detector, 0, 64, FIELD_REQUIRED, "Which finds the faces."),
    FIELD_STR(struct spec_out, encoder, 0, 2000, FIELD_REQUIRED, "Which describes them."),
    FIELD_STR(struct spec_out, preprocessing, 0, 64, FIELD_REQUIRED, "How faces are cropped."),
    FIELD_STR(struct spec_out, precision, 0, 32, FIELD_REQUIRED, "As asked for; auto is possible."),
    FIELD_STR(struct spec_out, device, 0, 32, FIELD_REQUIRED, "Empty: as configured."),
};
const struct schema engine_spec_schema = SCHEMA("Engine", struct spec_out, spec_fields);

struct switch_out {
    struct str phase;
    usec_t since;
    struct spec_out active, *shadow;
    int64_t active_students, shadow_students, both_students, shadow_templates, missing;
    int64_t memory_bytes;
    int64_t frames, faces, agreed, nobody, lost, gained, other, only_active, only_shadow;
    double active_similarity, shadow_similarity, active_spare, shadow_spare;
    double active_threshold, shadow_threshold;
};

static const char *const phase_words[] = {
#define X(code, word) word,
    ENGINE_PHASE_MAP(X)
#undef X
        NULL};

#define COUNT(member, text) FIELD_INT(struct switch_out, member, 0, 1e15, FIELD_REQUIRED, text)
#define SCORE(member, text) FIELD_REAL(struct switch_out, member, -1e9, 1e9, FIELD_NULLABLE, text)
static const struct field switch_fields[] = {
    FIELD_WORD(
        struct switch_out, phase, phase_words, FIELD_REQUIRED,
        "none: no switch; trial: the shadow is the new engine; committed: the new one decides, "
        "the shadow is the one before."),
    FIELD_TIME(struct switch_out, since, FIELD_REQUIRED, "Of this phase, and of all counts."),
    FIELD_OBJECT(struct switch_out, active, &engine_spec_schema, FIELD_REQUIRED, "It decides."),
    FIELD_POINTER(struct switch_out, shadow, &engine_spec_schema, "It is only compared."),
    COUNT(active_students, "Students with a template of the active engine."),
    COUNT(shadow_students, "With one of the shadow."),
    COUNT(both_students, "With both."),
    COUNT(shadow_templates,
          "Templates of the shadow: the number that finish wants to delete them."),
    COUNT(missing, "Students with a template of the old engine and none of the new one."),
    COUNT(memory_bytes, "What this process holds in memory now."),
    COUNT(frames, "Frames that both engines looked at."),
    COUNT(faces, "Faces in them that both found."),
    COUNT(agreed, "Both named the same student."),
    COUNT(nobody, "Both named nobody."),
    COUNT(lost, "The active one named a student, the shadow nobody."),
    COUNT(gained, "The shadow alone named a student."),
    COUNT(other, "They named different students."),
    COUNT(only_active, "Faces that the active one alone found."),
    COUNT(only_shadow, "Faces that the shadow alone found."),
    SCORE(active_similarity, "Mean where both named the same student."),
    SCORE(shadow_similarity, "The same, by the shadow."),
    SCORE(active_spare, "Mean distance to the threshold there."),
    SCORE(shadow_spare, "The same, by the shadow."),
    SCORE(active_threshold, "Needed to be named among everybody, from the false-match table."),
    SCORE(shadow_threshold, "The same, by the shadow."),
};
const struct schema engine_switch_schema = SCHEMA("EngineSwitch", struct switch_out, switch_fields);

struct missing_out {
    char id[ID_TEXT];
    struct str external_id, name;
};

static const struct field missing_fields[] = {
    FIELD_ID(struct missing_out, id, FIELD_REQUIRED, "The student."),
    FIELD_STR(struct missing_out, external_id, 0, 64, FIELD_REQUIRED, "The institution's number."),
    FIELD_STR(struct missing_out, name, 0, 200, FIELD_REQUIRED, "As registered."),
};
static const struct schema missing_schema =
    SCHEMA("EngineMissing", struct missing_out, missing_fields);
LIST_SCHEMA(engine_missing_list, "EngineMissingList", missing_schema)

struct difference_out {
    char id[ID_TEXT];
    struct str external_id, name;
    char other[ID_TEXT];
    int64_t lost, gained, others;
    double active_score, shadow_score;
    usec_t last_seen;
};

static const struct field difference_fields[] = {
    FIELD_ID(struct difference_out, id, FIELD_REQUIRED, "The student."),
    FIELD_STR(struct difference_out, external_id, 0, 64, FIELD_REQUIRED,
              "The institution's number."),
    FIELD_STR(struct difference_out, name, 0, 200, FIELD_REQUIRED, "As registered."),
    FIELD_ID(struct difference_out, other, FIELD_NULLABLE, "Whom the shadow named instead, last."),
    FIELD_INT(struct difference_out, lost, 0, 1e15, FIELD_REQUIRED,
              "Sightings where the shadow named nobody."),
    FIELD_INT(struct difference_out, gained, 0, 1e15, FIELD_REQUIRED,
              "Sightings where the shadow alone named the student."),
    FIELD_INT(struct difference_out, others, 0, 1e15, FIELD_REQUIRED,
              "Sightings where the shadow named another student."),
    FIELD_REAL(struct difference_out, active_score, -2, 2, FIELD_REQUIRED, "Of the last one."),
    FIELD_REAL(struct difference_out, shadow_score, -2, 2, FIELD_REQUIRED, "Of the last one."),
    FIELD_TIME(struct difference_out, last_seen, FIELD_REQUIRED, "The last one."),
};
static const struct schema difference_schema =
    SCHEMA("EngineDifference", struct difference_out, difference_fields);
LIST_SCHEMA(engine_difference_list, "EngineDifferenceList", difference_schema)

struct wish_in {
    struct str detector, encoder, precision, device;
};

static const struct field wish_fields[] = {
    FIELD_STR(struct wish_in, detector, 1, 32, 0, "yunet, retinaface or mtcnn; else as it is."),
    FIELD_STR(struct wish_in, encoder, 1, 1024, 0, "As in the configuration; else as it is."),
    FIELD_STR(struct wish_in, precision, 1, 32, 0, "As in the configuration; else as it is."),
    FIELD_STR(struct wish_in, device, 1, 32, 0, "As in the configuration; else as it is."),
};
const struct schema engine_wish_schema = SCHEMA("EngineWish", struct wish_in, wish_fields);

struct finish_in {
    int64_t delete_templates;
};

static const struct field finish_fields[] = {
    FIELD_INT(struct finish_in, delete_templates, -1, 1e12, FIELD_REQUIRED,
              "-1 keeps them; else the number of templates of the shadow: all are deleted."),
};
const struct schema engine_finish_schema = SCHEMA("EngineFinish", struct finish_in, finish_fields);

/* ---- reading */

struct engine_ctx {
    struct call *c;
    struct engine_state state;
    struct engine_coverage coverage;
    struct student_id after;
    int limit, n;
    struct engine_missing *missing;
    struct engine_difference *differences;
};

static enum err show_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct engine_ctx *t = ctx;
    enum err r = engine_state_get(cx, t->c->a, &t->state, e);
    return r ? r : engine_coverage(cx, &t->state.active, &t->state.shadow, &t->coverage, e);
}

static struct spec_out spec_output(const struct engine_spec *s)
{
    return (struct spec_out){.detector = s->detector,
                             .encoder = s->encoder,
                             .preprocessing = s->preprocessing,
                             .precision = s->precision,
                             .device = s->device};
}

static double mean(double sum, int64_t n) { return n > 0 ? sum / (double)n : (double)NAN; }

static double known(double threshold)
{
    return threshold > 0 && isfinite(threshold) ? threshold : (double)NAN;
}

static void fill_counts(const struct engine_ctx *t, struct switch_out *o)
{
    const struct engine_tally *n = &t->state.tally;
    const struct engine_coverage *c = &t->coverage;
    bool new_decides = t->state.phase == ENGINE_COMMITTED;
    o->active_students = c->first;
    o->shadow_students = c->second;
    o->both_students = c->both;
    o->shadow_templates = c->second_templates;
    o->missing = t->state.phase == ENGINE_NONE ? 0 : (new_decides ? c->second : c->first) - c->both;
    o->frames = n->frames;
    o->faces = n->faces;
    o->agreed = n->agreed;
    o->nobody = n->nobody;
    o->lost = n->lost;
    o->gained = n->gained;
    o->other = n->other;
    o->only_active = n->only_active;
    o->only_shadow = n->only_shadow;
    o->active_similarity = mean(n->active_score, n->agreed);
    o->shadow_similarity = mean(n->shadow_score, n->agreed);
    o->active_spare = mean(n->active_spare, n->agreed);
    o->shadow_spare = mean(n->shadow_spare, n->agreed);
}

enum err engine_show(struct call *c, struct error *e)
{
    const struct api_system *system = &c->api->env.system;
    struct engine_ctx t = {.c = c};
    void *memory;
    enum err r = call_alloc(c, sizeof(struct switch_out) + sizeof(struct spec_out), &memory, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, show_fn, &t, e);
    if (r)
        return r;
    struct switch_out *o = memory;
    *o = (struct switch_out){.phase = str_from(engine_phase_name(t.state.phase)),
                             .since = t.state.since,
                             .active = spec_output(&t.state.active),
                             .memory_bytes = mem_resident()};
    if (t.state.shadow.encoder.n) {
        o->shadow = (struct spec_out *)(o + 1);
        *o->shadow = spec_output(&t.state.shadow);
    }
    fill_counts(&t, o);
    system->engines.thresholds(system->ctx, &o->active_threshold, &o->shadow_threshold);
    o->active_threshold = known(o->active_threshold);
    o->shadow_threshold = known(o->shadow_threshold);
    c->out = o;
    return ERR_OK;
}

static enum err missing_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct engine_ctx *t = ctx;
    enum err r = engine_state_get(cx, t->c->a, &t->state, e);
    if (r)
        return r;
    if (t->state.phase == ENGINE_NONE)
        return error_set(e, ERR_CONFLICT, "no switch is under way");
    bool new_decides = t->state.phase == ENGINE_COMMITTED;
    const struct engine_spec *old = new_decides ? &t->state.shadow : &t->state.active;
    const struct engine_spec *new = new_decides ? &t->state.active : &t->state.shadow;
    return engine_missing(cx, t->c->a, old, new, t->after, t->limit + 1, &t->missing, &t->n, e);
}

enum err engine_missing_index(struct call *c, struct error *e)
{
    struct engine_ctx t = {.c = c};
    enum err r = call_page(c, &t.limit, t.after.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, missing_fn, &t, e);
    struct missing_out *items = r ? NULL : arena_array(c->a, (size_t)t.n, sizeof *items);
    if (!items)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for the answer");
    for (int i = 0; i < t.n; i++) {
        memcpy(items[i].id, t.missing[i].student.text, ID_TEXT);
        items[i].external_id = t.missing[i].external_id;
        items[i].name = t.missing[i].name;
    }
    return call_list(c, items, t.n, t.limit, sizeof *items, offsetof(struct missing_out, id), e);
}

static enum err differences_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct engine_ctx *t = ctx;
    return engine_differences(cx, t->c->a, t->after, t->limit + 1, &t->differences, &t->n, e);
}

static struct difference_out difference_output(const struct engine_difference *d)
{
    struct difference_out o = {.external_id = d->external_id,
                               .name = d->name,
                               .lost = d->lost,
                               .gained = d->gained,
                               .others = d->others,
                               .active_score = d->active_score,
                               .shadow_score = d->shadow_score,
                               .last_seen = d->last_seen};
    memcpy(o.id, d->student.text, ID_TEXT);
    memcpy(o.other, d->other, ID_TEXT);
    return o;
}

enum err engine_difference_index(struct call *c, struct error *e)
{
    struct engine_ctx t = {.c = c};
    enum err r = call_page(c, &t.limit, t.after.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, differences_fn, &t, e);
    struct difference_out *items = r ? NULL : arena_array(c->a, (size_t)t.n, sizeof *items);
    if (!items)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for the answer");
    for (int i = 0; i < t.n; i++)
        items[i] = difference_output(&t.differences[i]);
    return call_list(c, items, t.n, t.limit, sizeof *items, offsetof(struct difference_out, id), e);
}

/* ---- the steps */

enum err engine_start(struct call *c, struct error *e)
{
    const struct api_system *system = &c->api->env.system;
    const struct wish_in *in = c->in;
    const struct api_engine_wish wish = {.detector = in->detector.p,
                                         .encoder = in->encoder.p,
                                         .precision = in->precision.p,
                                         .device = in->device.p};
    enum err r = system->engines.start(system->ctx, &wish, e);
    return r ? r : engine_show(c, e);
}

enum err engine_commit(struct call *c, struct error *e)
{
    enum err r = c->api->env.system.engines.commit(c->api->env.system.ctx, e);
    return r ? r : engine_show(c, e);
}

enum err engine_back(struct call *c, struct error *e)
{
    enum err r = c->api->env.system.engines.back(c->api->env.system.ctx, e);
    return r ? r : engine_show(c, e);
}

enum err engine_finish(struct call *c, struct error *e)
{
    const struct api_system *system = &c->api->env.system;
    const struct finish_in *in = c->in;
    enum err r = system->engines.finish(system->ctx, in->delete_templates, e);
    return r ? r : engine_show(c, e);
}
