/* Marks of a session, with who is missing. Handler threads; three queries a call. */
#include "api/handlers.h"

#include "attendance/policy.h"
#include "base/hashmap.h"
#include "store/course.h"
#include "store/mark.h"
#include "store/session.h"

struct marks_out {
    char session[ID_TEXT];
    struct mark_out *items;
    int n;
    struct person *missing;
    int n_missing;
    char next[ID_TEXT];
};

static const struct field person_fields[] = {
    FIELD_ID(struct person, id, FIELD_REQUIRED, "The student's id."),
    FIELD_STR(struct person, external_id, 0, 64, FIELD_REQUIRED, "The institution's number."),
    FIELD_STR(struct person, name, 0, 200, FIELD_REQUIRED, "The student's name."),
};
const struct schema person_schema = SCHEMA("Person", struct person, person_fields);

static const struct field mark_fields[] = {
    FIELD_OBJECT(struct mark_out, student, &person_schema, FIELD_REQUIRED, "Whose."),
    FIELD_STR(struct mark_out, status, 0, 32, FIELD_REQUIRED,
              "present, late, left-early, absent, excused."),
    FIELD_STR(
        struct mark_out, source, 0, 32, FIELD_REQUIRED,
        "face, code, manual, import, or rule: absent when the session closed. In lists, for who "
        "may not read the register: seen, instead of face and code."),
    FIELD_TIME(struct mark_out, first_seen, FIELD_NULLABLE,
               "First sighting that counted; null: never seen."),
    FIELD_TIME(struct mark_out, last_seen, FIELD_NULLABLE, "Last sighting, to the minute."),
    FIELD_TIME(struct mark_out, disputed_at, FIELD_NULLABLE,
               "Since when somebody contests it; null: nobody does."),
    FIELD_ID(struct mark_out, frame, FIELD_NULLABLE, "The frame that made it."),
    FIELD_RAW(struct mark_out, receipt, "The evidence: similarity, threshold, models ..."),
    FIELD_INT(struct mark_out, minutes, 0, 1e6, FIELD_REQUIRED,
              "Minutes of the session in which a camera saw the student."),
    FIELD_INT(struct mark_out, sweeps, 0, 100, FIELD_REQUIRED,
              "Sweeps with a sighting, of those of the session; 0 where its rules ask for none."),
};
const struct schema mark_schema = SCHEMA("Mark", struct mark_out, mark_fields);

static const struct field marks_fields[] = {
    FIELD_ID(struct marks_out, session, FIELD_REQUIRED, "The session."),
    FIELD_LIST(struct marks_out, items, n, &mark_schema, 100000, FIELD_REQUIRED, "By name."),
    FIELD_LIST(struct marks_out, missing, n_missing, &person_schema, 100000, FIELD_REQUIRED,
               "On the roster, without a mark; nobody once the session is closed."),
    FIELD_ID(struct marks_out, next, FIELD_NULLABLE, "Always null: the list is whole."),
};
const struct schema mark_list_schema = SCHEMA("MarkList", struct marks_out, marks_fields);

struct marks_ctx {
    struct call *c;
    struct session_id id;
    struct mark *marks;
    struct presence *known; /* of each mark */
    int n;
    struct roster_row *roster;
    int n_roster;
};

static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct marks_ctx *t = ctx;
    struct api_engine engine = call_engine(t->c);
    struct session s;
    enum err r = session_get(cx, t->c->a, t->id, &s, e);
    if (r == ERR_OK)
        r = mark_list(cx, t->c->a, t->id, &t->marks, &t->n, e);
    if (r == ERR_OK)
        r = marks_known(cx, t->c->a, &s, t->marks, t->n, &t->known, e);
    usec_t at = s.ended_at ? s.ended_at : time_utc();
    return r ? r
             : roster_list(cx, t->c->a, s.course, at, str_from(engine.encoder),
                           str_from(engine.preprocessing), &t->roster, &t->n_roster, e);
}

/* Those of the roster without a mark; room for all of it. */
static enum err fill_missing(const struct marks_ctx *t, struct marks_out *out, struct error *e)
{
    struct hashmap marked;
    hashmap_init(&marked);
    enum err r = ERR_OK;
    for (int i = 0; r == ERR_OK && i < t->n; i++)
        r = hashmap_put(&marked, str_from(t->marks[i].student.text), &t->marks[i], e);
    for (int i = 0; r == ERR_OK && i < t->n_roster; i++) {
        if (hashmap_get(&marked, str_from(t->roster[i].student.text)))
            continue;
        struct person *p = &out->missing[out->n_missing++];
        memcpy(p->id, t->roster[i].student.text, ID_TEXT);
        p->external_id = t->roster[i].external_id;
        p->name = t->roster[i].name;
    }
    hashmap_done(&marked);
    return r;
}

void mark_output(const struct mark *m, const struct presence *known, struct mark_out *ret_out)
{
    memcpy(ret_out->student.id, m->student.text, ID_TEXT);
    ret_out->student.external_id = m->student_external_id;
    ret_out->student.name = m->student_name;
    ret_out->status = m->status;
    ret_out->source = m->source;
    ret_out->first_seen = m->first_seen;
    ret_out->last_seen = m->last_seen;
    ret_out->disputed_at = m->disputed_at;
    memcpy(ret_out->frame, m->frame.text, ID_TEXT);
    ret_out->receipt = m->receipt;
    ret_out->minutes = known->minutes;
    ret_out->sweeps = known->sweeps;
}

/* A list tells those who may not read the register nothing of how a student was seen: by face and
 * by code look the same (decision 24). */
static void hide_how(struct mark_out *m)
{
    if (!str_is(m->source, "face") && !str_is(m->source, "code"))
        return;
    m->source = STR("seen");
    m->receipt = (struct str){0};
    m->frame[0] = 0;
    m->last_seen = m->first_seen;
    m->minutes = m->sweeps = 0;
}

enum err marks_index(struct call *c, struct error *e)
{
    struct marks_ctx t = {.c = c};
    void *memory;
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, read_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct marks_out), &memory, e);
    if (r)
        return r;
    struct marks_out *out = memory;
    out->items = arena_array(c->a, (size_t)t.n, sizeof *out->items);
    out->missing = arena_array(c->a, (size_t)t.n_roster, sizeof *out->missing);
    if (!out->items || !out->missing)
        return error_set(e, ERR_NOMEM, "no memory for %d marks", t.n);
    memcpy(out->session, t.id.text, ID_TEXT);
    for (out->n = 0; out->n < t.n; out->n++) {
        mark_output(&t.marks[out->n], &t.known[out->n], &out->items[out->n]);
        if (!principal_may(&c->who, PERM_REGISTER_READ))
            hide_how(&out->items[out->n]);
    }
    c->out = out;
    return fill_missing(&t, out, e);
}
