/* What is behind a student's face: templates, and who looks alike. Handler threads; a query or two
 * a call. Vectors never leave the store by this way. */
#include "api/handlers.h"

#include "attendance/event.h"
#include "store/look_alike.h"
#include "store/student.h"
#include "store/template.h"

struct template_out {
    char id[ID_TEXT];
    struct str encoder, preprocessing, precision, source;
    double quality;
    bool active;
    usec_t created_at;
};

static const struct field template_fields[] = {
    FIELD_ID(struct template_out, id, FIELD_REQUIRED, "The template's id."),
    FIELD_TIME(struct template_out, created_at, FIELD_REQUIRED, "When its photo was accepted."),
    FIELD_REAL(struct template_out, quality, 0, 1, FIELD_REQUIRED, "Of the photo; 1 is best."),
    FIELD_STR(struct template_out, source, 0, 200, FIELD_REQUIRED,
              "photo: and a hash of the picture, which is not kept."),
    FIELD_STR(struct template_out, encoder, 0, 64, FIELD_REQUIRED, "What made it."),
    FIELD_STR(struct template_out, preprocessing, 0, 64, FIELD_REQUIRED, "How the face was cut."),
    FIELD_STR(struct template_out, precision, 0, 32, FIELD_REQUIRED, "The encoder's arithmetic."),
    FIELD_BOOL(struct template_out, active, FIELD_REQUIRED,
               "Made by the encoder in use: part of what faces are compared with."),
};
const struct schema template_schema = SCHEMA("Template", struct template_out, template_fields);
LIST_SCHEMA(template_list, "TemplateList", template_schema)

struct look_alike_out {
    char id[ID_TEXT];
    struct person a, b;
    double score;
    usec_t created_at;
};

static const struct field look_alike_fields[] = {
    FIELD_ID(struct look_alike_out, id, FIELD_REQUIRED, "The pair's id."),
    FIELD_OBJECT(struct look_alike_out, a, &person_schema, FIELD_REQUIRED, "One of the two."),
    FIELD_OBJECT(struct look_alike_out, b, &person_schema, FIELD_REQUIRED, "The other one."),
    FIELD_REAL(struct look_alike_out, score, -1, 1.001, FIELD_REQUIRED,
               "Cosine of their templates."),
    FIELD_TIME(struct look_alike_out, created_at, FIELD_REQUIRED, "When it was noticed."),
};
const struct schema look_alike_schema =
    SCHEMA("LookAlike", struct look_alike_out, look_alike_fields);
LIST_SCHEMA(look_alike_list, "LookAlikeList", look_alike_schema)

struct template_ctx {
    struct call *c;
    struct student_id student;
    char id[ID_TEXT];
    struct template_row *rows;
    int n;
};

static enum err templates_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct template_ctx *t = ctx;
    struct student s;
    enum err r = student_get(cx, t->c->a, t->student, &s, e);
    return r ? r : template_rows(cx, t->c->a, t->student, &t->rows, &t->n, e);
}

enum err template_index(struct call *c, struct error *e)
{
    struct template_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, templates_fn, &t, e);
    if (r)
        return r;
    struct api_engine engine = call_engine(c);
    struct template_out *out = arena_array(c->a, (size_t)t.n + 1, sizeof *out);
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory for %d templates", t.n);
    for (int i = 0; i < t.n; i++) {
        const struct template_row *row = &t.rows[i];
        memcpy(out[i].id, row->id, ID_TEXT);
        out[i].encoder = row->encoder;
        out[i].preprocessing = row->preprocessing;
        out[i].precision = row->precision;
        out[i].source = row->source;
        out[i].quality = row->quality;
        out[i].created_at = row->created_at;
        out[i].active = str_is(row->encoder, engine.encoder) &&
                        str_is(row->preprocessing, engine.preprocessing);
    }
    return call_list(c, out, t.n, t.n, sizeof *out, offsetof(struct template_out, id), e);
}

static enum err template_remove_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct template_ctx *t = ctx;
    return template_delete_one(cx, t->student, t->id, e);
}

enum err template_remove(struct call *c, struct error *e)
{
    struct template_ctx t = {.c = c};
    int64_t id;
    enum err r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = call_id(c, 1, t.id, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, template_remove_fn, &t, e);
    return r ? r
             : bus_publish(c->api->env.bus, STR(EVENT_TOPIC_GALLERY), str_from(t.student.text), &id,
                           e);
}

struct look_alike_ctx {
    struct call *c;
    struct student_id student; /* empty: all pairs */
    char after[ID_TEXT];
    int limit, n;
    struct look_alike *pairs;
};

static enum err look_alikes_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct look_alike_ctx *t = ctx;
    struct api_engine engine = call_engine(t->c);
    const struct look_alike_of of = {.encoder = str_from(engine.encoder),
                                     .preprocessing = str_from(engine.preprocessing)};
    struct student s;
    enum err r =
        id_is_empty(t->student.text) ? ERR_OK : student_get(cx, t->c->a, t->student, &s, e);
    return r ? r
             : look_alike_list(cx, t->c->a, &of, t->student, t->after, t->limit + 1, &t->pairs,
                               &t->n, e);
}

static struct person person_of(struct student_id id, struct str external_id, struct str name)
{
    struct person p = {.external_id = external_id, .name = name};
    memcpy(p.id, id.text, ID_TEXT);
    return p;
}

static enum err look_alikes(struct look_alike_ctx *t, struct error *e)
{
    struct call *c = t->c;
    enum err r = call_page(c, &t->limit, t->after, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, look_alikes_fn, t, e);
    if (r)
        return r;
    struct look_alike_out *out = arena_array(c->a, (size_t)t->n + 1, sizeof *out);
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory for %d pairs", t->n);
    for (int i = 0; i < t->n; i++) {
        const struct look_alike *l = &t->pairs[i];
        memcpy(out[i].id, l->id, ID_TEXT);
        out[i].a = person_of(l->a, l->a_external_id, l->a_name);
        out[i].b = person_of(l->b, l->b_external_id, l->b_name);
        out[i].score = l->score;
        out[i].created_at = l->created_at;
    }
    return call_list(c, out, t->n, t->limit, sizeof *out, offsetof(struct look_alike_out, id), e);
}

enum err look_alike_index(struct call *c, struct error *e)
{
    struct look_alike_ctx t = {.c = c};
    return look_alikes(&t, e);
}

enum err look_alike_of_student(struct call *c, struct error *e)
{
    struct look_alike_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.student.text, e);
    return r ? r : look_alikes(&t, e);
}
