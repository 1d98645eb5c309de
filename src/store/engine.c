/* Engines: see engine.h. SQL in sql/engine.sql. Inside db_tx or db_read, any thread. */
#include "store/engine.h"

#include "store/rows.h"

#include <stdio.h>

enum { ENCODER_TEXT = 300 };

static const char *const phase_names[] = {
#define X(code, word) word,
    ENGINE_PHASE_MAP(X)
#undef X
};

const char *engine_phase_name(enum engine_phase p) { return phase_names[p]; }

struct role_row {
    struct str role;
    struct engine_spec spec;
};

static void role_read(struct row *row, void *ret_item)
{
    struct role_row *r = ret_item;
    r->role = row_str(row, "role");
    r->spec = (struct engine_spec){.detector = row_str(row, "detector"),
                                   .encoder = row_str(row, "encoder"),
                                   .preprocessing = row_str(row, "preprocessing"),
                                   .precision = row_str(row, "model_precision"),
                                   .device = row_str(row, "device")};
}

static enum err roles_read(struct db_cx *cx, struct arena *a, struct engine_state *s,
                           struct error *e)
{
    struct role_row *rows;
    int n;
    enum err r = rows_all(cx, Q_ENGINE_LIST, NULL, 0, a, role_read, sizeof *rows, &rows, &n, e);
    for (int i = 0; r == ERR_OK && i < n; i++) {
        if (str_is(rows[i].role, "active"))
            s->active = rows[i].spec;
        else if (str_is(rows[i].role, "shadow"))
            s->shadow = rows[i].spec;
        else
            s->configured = rows[i].spec;
    }
    return r;
}

static void state_read(struct row *row, void *ret_item)
{
    struct engine_state *s = ret_item;
    struct db_rows *rows = row->rows;
    struct str phase = row_str(row, "phase");
    for (int p = 0; p < ENGINE_PHASE_N; p++)
        if (str_is(phase, phase_names[p]))
            s->phase = (enum engine_phase)p;
    s->generation = db_col_int(rows, "generation");
    s->since = db_col_int(rows, "since");
    s->tally = (struct engine_tally){.frames = db_col_int(rows, "frames"),
                                     .faces = db_col_int(rows, "faces"),
                                     .agreed = db_col_int(rows, "agreed"),
                                     .nobody = db_col_int(rows, "nobody"),
                                     .lost = db_col_int(rows, "lost"),
                                     .gained = db_col_int(rows, "gained"),
                                     .other = db_col_int(rows, "other"),
                                     .only_active = db_col_int(rows, "only_active"),
                                     .only_shadow = db_col_int(rows, "only_shadow"),
                                     .active_score = db_col_real(rows, "active_score"),
                                     .shadow_score = db_col_real(rows, "shadow_score"),
                                     .active_spare = db_col_real(rows, "active_spare"),
                                     .shadow_spare = db_col_real(rows, "shadow_spare")};
}

enum err engine_state_get(struct db_cx *cx, struct arena *a, struct engine_state *ret_state,
                          struct error *e)
{
    struct engine_state s = {0};
    enum err r = rows_one(cx, Q_ENGINE_SWITCH_GET, NULL, 0, a, state_read, &s, "stored engine", e);
    if (r == ERR_OK)
        r = roles_read(cx, a, &s, e);
    if (r == ERR_OK)
        *ret_state = s;
    return r;
}

static enum err role_put(struct db_cx *cx, const char *role, const struct engine_spec *s,
                         struct error *e)
{
    const struct db_value args[] = {db_text(role),         text_of(s->detector),
                                    text_of(s->encoder),   text_of(s->preprocessing),
                                    text_of(s->precision), text_of(s->device)};
    if (s->encoder.n)
        return db_exec(cx, Q_ENGINE_PUT, args, ARRAY_LEN(args), NULL, e);
    return db_exec(cx, Q_ENGINE_DELETE, args, 1, NULL, e);
}

enum err engine_configured_put(struct db_cx *cx, const struct engine_spec *configured,
                               struct error *e)
{
    return role_put(cx, "configured", configured, e);
}

enum err engine_state_put(struct db_cx *cx, const struct engine_state *s, struct error *e)
{
    const struct db_value args[] = {db_int(s->generation + 1), db_text(phase_names[s->phase]),
                                    db_int(time_utc())};
    enum err r = role_put(cx, "active", &s->active, e);
    if (!r)
        r = role_put(cx, "shadow", &s->shadow, e);
    if (!r)
        r = role_put(cx, "configured", &s->configured, e);
    if (!r)
        r = db_exec(cx, Q_ENGINE_SWITCH_PUT, args, ARRAY_LEN(args), NULL, e);
    return r ? r : db_exec(cx, Q_ENGINE_DIFFERENCE_CLEAR, NULL, 0, NULL, e);
}

static enum err difference_add(struct db_cx *cx, const struct engine_difference *d, struct error *e)
{
    const struct db_value args[] = {db_text(d->student.text), db_text(d->other),
                                    db_int(d->lost),          db_int(d->gained),
                                    db_int(d->others),        db_real(d->active_score),
                                    db_real(d->shadow_score), time_or_now(d->last_seen)};
    return db_exec(cx, Q_ENGINE_DIFFERENCE_ADD, args, ARRAY_LEN(args), NULL, e);
}

enum err engine_tally_add(struct db_cx *cx, int64_t generation, const struct engine_tally *t,
                          const struct engine_difference *differences, int n, struct error *e)
{
    const struct db_value args[] = {
        db_int(generation),       db_int(t->faces),         db_int(t->agreed),
        db_int(t->nobody),        db_int(t->lost),          db_int(t->gained),
        db_int(t->other),         db_int(t->only_active),   db_int(t->only_shadow),
        db_real(t->active_score), db_real(t->shadow_score), db_real(t->active_spare),
        db_real(t->shadow_spare)};
    int64_t changed;
    enum err r = db_exec(cx, Q_ENGINE_TALLY_ADD, args, ARRAY_LEN(args), &changed, e);
    if (r == ERR_OK && changed == 0)
        r = error_set(e, ERR_CONFLICT, "the engines have changed since");
    for (int i = 0; r == ERR_OK && i < n; i++)
        r = difference_add(cx, &differences[i], e);
    return r;
}

static void difference_read(struct row *row, void *ret_item)
{
    struct engine_difference *d = ret_item;
    db_col_copy(row->rows, "student_id", d->student.text, sizeof d->student.text);
    db_col_copy(row->rows, "other_id", d->other, sizeof d->other);
    d->external_id = row_str(row, "external_id");
    d->name = row_str(row, "name");
    d->lost = db_col_int(row->rows, "lost");
    d->gained = db_col_int(row->rows, "gained");
    d->others = db_col_int(row->rows, "other");
    d->active_score = db_col_real(row->rows, "active_score");
    d->shadow_score = db_col_real(row->rows, "shadow_score");
    d->last_seen = db_col_int(row->rows, "last_seen");
}

enum err engine_differences(struct db_cx *cx, struct arena *a, struct student_id after, int limit,
                            struct engine_difference **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(after.text), db_int(limit)};
    return rows_all(cx, Q_ENGINE_DIFFERENCE_LIST, args, ARRAY_LEN(args), a, difference_read,
                    sizeof(struct engine_difference), ret_rows, ret_n, e);
}

enum err engine_differences_forget(struct db_cx *cx, struct student_id student, struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    return db_exec(cx, Q_ENGINE_DIFFERENCE_FORGET, args, ARRAY_LEN(args), NULL, e);
}

/* Templates name an encoder of one's own without its folder: onnx:/models/ours.onnx is onnx:ours.
 */
static struct db_value encoder_of(const struct engine_spec *s, char text[static ENCODER_TEXT])
{
    static const char prefix[] = "onnx:", suffix[] = ".onnx";
    const size_t head = sizeof prefix - 1, tail = sizeof suffix - 1;
    struct str name = s->encoder;
    if (name.n < head || memcmp(name.p, prefix, head) != 0)
        return text_of(name);
    for (size_t i = name.n; i > head; i--)
        if (name.p[i - 1] == '/') {
            name = (struct str){name.p + i, name.n - i};
            break;
        }
    if (name.p == s->encoder.p)
        name = (struct str){name.p + head, name.n - head};
    if (name.n > tail && memcmp(name.p + name.n - tail, suffix, tail) == 0)
        name.n -= tail;
    snprintf(text, ENCODER_TEXT, "onnx:%.*s", STR_ARGS(name));
    return db_text(text);
}

static void coverage_read(struct row *row, void *ret_item)
{
    *(struct engine_coverage *)ret_item =
        (struct engine_coverage){.first = db_col_int(row->rows, "first_students"),
                                 .second = db_col_int(row->rows, "second_students"),
                                 .both = db_col_int(row->rows, "both_students"),
                                 .second_templates = db_col_int(row->rows, "second_templates")};
}

enum err engine_coverage(struct db_cx *cx, const struct engine_spec *first,
                         const struct engine_spec *second, struct engine_coverage *ret_coverage,
                         struct error *e)
{
    char one[ENCODER_TEXT], two[ENCODER_TEXT];
    const struct db_value args[] = {encoder_of(first, one), text_of(first->preprocessing),
                                    encoder_of(second, two), text_of(second->preprocessing)};
    return rows_one(cx, Q_ENGINE_COVERAGE, args, ARRAY_LEN(args), NULL, coverage_read, ret_coverage,
                    "coverage", e);
}

static void missing_read(struct row *row, void *ret_item)
{
    struct engine_missing *m = ret_item;
    db_col_copy(row->rows, "id", m->student.text, sizeof m->student.text);
    m->external_id = row_str(row, "external_id");
    m->name = row_str(row, "name");
}

enum err engine_missing(struct db_cx *cx, struct arena *a, const struct engine_spec *first,
                        const struct engine_spec *second, struct student_id after, int limit,
                        struct engine_missing **ret_rows, int *ret_n, struct error *e)
{
    char one[ENCODER_TEXT], two[ENCODER_TEXT];
    const struct db_value args[] = {encoder_of(first, one),  text_of(first->preprocessing),
                                    encoder_of(second, two), text_of(second->preprocessing),
                                    db_text(after.text),     db_int(limit)};
    return rows_all(cx, Q_ENGINE_MISSING, args, ARRAY_LEN(args), a, missing_read,
                    sizeof(struct engine_missing), ret_rows, ret_n, e);
}

enum err engine_templates_any(struct db_cx *cx, bool *ret_any, struct error *e)
{
    int64_t n = 0;
    enum err r = rows_int(cx, Q_TEMPLATE_ANY, NULL, 0, "n", &n, NULL, e);
    if (r == ERR_OK)
        *ret_any = n > 0;
    return r;
}

static void kind_read(struct row *row, void *ret_item)
{
    *(struct engine_spec *)ret_item = (struct engine_spec){
        .encoder = row_str(row, "encoder"), .preprocessing = row_str(row, "preprocessing")};
}

enum err engine_templates_main(struct db_cx *cx, struct arena *a, struct engine_spec *ret_kind,
                               struct error *e)
{
    return rows_one(cx, Q_TEMPLATE_MAIN_KIND, NULL, 0, a, kind_read, ret_kind, "template", e);
}

enum err engine_templates_delete(struct db_cx *cx, const struct engine_spec *of,
                                 int64_t *ret_removed, struct error *e)
{
    char name[ENCODER_TEXT];
    const struct db_value args[] = {encoder_of(of, name), text_of(of->preprocessing)};
    return db_exec(cx, Q_TEMPLATE_KIND_DELETE, args, ARRAY_LEN(args), ret_removed, e);
}
