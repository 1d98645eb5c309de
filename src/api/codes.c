/* Code marks: the rotating code of a session (attendance/code.h), shown by whoever holds it, typed
 * or scanned by a student, who is marked by it as by a camera. Handler threads; a try costs one
 * step of the bus, then one transaction. No state but the tries: any process can show and check. */
#include "api/handlers.h"

#include "attendance/code.h"
#include "attendance/policy.h"
#include "base/metrics.h"
#include "bus/bus.h"
#include "store/course.h"
#include "store/mark.h"
#include "store/session.h"
#include "store/student.h"

#include <sodium.h>
#include <stdio.h>

enum { KEY_TEXT = 160, WAIT_S = 60 };

struct mark_code {
    struct str code, payload;
    usec_t valid_until, taken_until;
};

static const struct field code_fields[] = {
    FIELD_STR(struct mark_code, code, 0, 16, FIELD_REQUIRED,
              "What students type, such as K7M-2QX."),
    FIELD_STR(struct mark_code, payload, 0, 200, FIELD_REQUIRED,
              "The same for a QR code: rollcall:code?session=ID&code=CODE."),
    FIELD_TIME(struct mark_code, valid_until, FIELD_REQUIRED, "When the next one is shown."),
    FIELD_TIME(struct mark_code, taken_until, FIELD_REQUIRED,
               "Until when this one is taken: 15 s more, for whoever is typing."),
};
const struct schema mark_code_schema = SCHEMA("MarkCode", struct mark_code, code_fields);

struct code_in {
    struct str code, external_id;
};

static const struct field code_in_fields[] = {
    FIELD_STR(struct code_in, code, 1, 32, FIELD_REQUIRED,
              "The code; case, spaces and dashes do not matter."),
    FIELD_STR(struct code_in, external_id, 1, 64, 0,
              "Whose mark it is; a student who is signed in may leave it out."),
};
const struct schema mark_code_in_schema = SCHEMA("MarkCodeIn", struct code_in, code_in_fields);

static const struct field seen_fields[] = {
    FIELD_OBJECT(struct mark_out, student, &person_schema, FIELD_REQUIRED, "Whose."),
    FIELD_STR(struct mark_out, status, 0, 32, FIELD_REQUIRED, "present or late."),
    FIELD_TIME(struct mark_out, first_seen, FIELD_NULLABLE, "Since when."),
};
const struct schema code_mark_schema = SCHEMA("CodeMark", struct mark_out, seen_fields);

struct code_ctx {
    struct call *c;
    const struct code_in *in;
    struct session s;
    struct student student;
    struct mark mark;
    int64_t step;
    usec_t now;
    enum mark_outcome outcome;
};

static enum err must_run(const struct session *s, struct error *e)
{
    if (s->status == SESSION_ACTIVE)
        return ERR_OK;
    return error_set(e, ERR_CONFLICT, "the session is %s: codes are for active ones",
                     session_status_name(s->status));
}

static enum err session_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct code_ctx *t = ctx;
    enum err r = session_get(cx, t->c->a, t->s.id, &t->s, e);
    return r ? r : must_run(&t->s, e);
}

enum err code_show(struct call *c, struct error *e)
{
    struct code_ctx t = {.c = c, .now = time_utc()};
    uint8_t key[MARK_CODE_KEY_BYTES];
    char text[MARK_CODE_TEXT];
    void *memory;
    enum err r = call_id(c, 0, t.s.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, session_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct mark_code), &memory, e);
    if (r)
        return r;
    struct mark_code *out = memory;
    int64_t step = mark_code_step(t.now);
    mark_code_key(c->api->env.code_key.bytes, t.s.id, key);
    mark_code_text(key, step, text);
    sodium_memzero(key, sizeof key);
    out->code = arena_copy(c->a, str_from(text));
    out->payload =
        str_from(arena_printf(c->a, "rollcall:code?session=%s&code=%s", t.s.id.text, text));
    if (!out->code.p || !out->payload.p)
        return error_set(e, ERR_NOMEM, "no memory for a code");
    out->valid_until = mark_code_shown_until(step);
    out->taken_until = out->valid_until + MARK_CODE_GRACE;
    c->out = out;
    return ERR_OK;
}

/* Who it is for: a student signs in as one; everybody else names one. */
static enum err whose(struct db_cx *cx, struct code_ctx *t, struct error *e)
{
    const struct scope *scope = &t->c->who.scope;
    struct student_id own = {""};
    if (!scope->student[0])
        return student_by_external_id(cx, t->c->a, t->in->external_id, &t->student, e);
    if (strcmp(scope->student, SCOPE_NOBODY) == 0)
        return error_set(e, ERR_FORBIDDEN, "your sign-in belongs to no student");
    memcpy(own.text, scope->student, ID_TEXT);
    enum err r = student_get(cx, t->c->a, own, &t->student, e);
    if (r == ERR_OK && t->in->external_id.n && !str_eq(t->in->external_id, t->student.external_id))
        return error_set(e, ERR_FORBIDDEN, "a student types the code for nobody else");
    return r;
}

static enum err mark_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct code_ctx *t = ctx;
    const struct mark_writer *w = &t->c->api->env.marks;
    struct outbox_event event;
    bool enrolled = false;
    enum err r = session_fn(cx, t, e);
    if (r == ERR_OK)
        r = whose(cx, t, e);
    if (r == ERR_OK)
        r = roster_has(cx, t->s.course, t->student.id, t->now, &enrolled, e);
    if (r || !enrolled)
        return r ? r : error_set(e, ERR_NOT_FOUND, "the student is not on the roster");
    const struct attendance_policy policy = {.late_after = t->s.late_after_min * USEC_PER_MIN};
    t->mark = (struct mark){
        .session = t->s.id,
        .student = t->student.id,
        .student_external_id = t->student.external_id,
        .student_name = t->student.name,
        .status = str_from(mark_status_name(mark_status_at(&policy, t->s.started_at, t->now))),
        .source = STR("code"),
        .first_seen = t->now,
        .last_seen = t->now,
        .created_at = t->now,
        .receipt =
            str_from(arena_printf(t->c->a, "{\"code\":true,\"step\":%lld}", (long long)t->step))};
    r = w->event(w->event_ctx, t->c->a, &t->mark, &event, e);
    struct mark stands = t->mark;
    if (r == ERR_OK)
        r = mark_insert(cx, t->c->a, &t->mark, str_from(t->c->who.user), &w->hasher, event,
                        &t->outcome, &stands, e);
    t->mark = stands;
    return r;
}

/* Few tries a minute for one student, whoever makes them. */
static enum err may_try(struct call *c, struct code_ctx *t, struct error *e)
{
    static const struct bus_evidence_rule minute = {.gap = 0, .window = USEC_PER_MIN};
    char key[KEY_TEXT], id[ID_TEXT];
    int count = 0;
    struct str whom = c->who.scope.student[0] ? str_from(c->who.scope.student) : t->in->external_id;
    if (!whom.n)
        return error_set(e, ERR_INVALID, "external_id is missing: whose mark is it?");
    id_new(id);
    snprintf(key, sizeof key, "codes:%s:%.*s", t->s.id.text, STR_ARGS(whom));
    enum err r =
        bus_evidence_add(c->api->env.bus, str_from(key), str_from(id), t->now, &minute, &count, e);
    if (r || count <= MARK_CODE_TRIES_PER_MINUTE)
        return r;
    c->retry_after_s = WAIT_S;
    return error_set(e, ERR_RATE, "%d codes were tried in a minute: wait one",
                     MARK_CODE_TRIES_PER_MINUTE);
}

enum err code_mark_create(struct call *c, struct error *e)
{
    struct code_ctx t = {.c = c, .in = c->in, .now = time_utc()};
    uint8_t key[MARK_CODE_KEY_BYTES];
    void *memory;
    enum err r = call_id(c, 0, t.s.id.text, e);
    if (r == ERR_OK)
        r = may_try(c, &t, e);
    if (r)
        return r;
    mark_code_key(c->api->env.code_key.bytes, t.s.id, key);
    bool right = mark_code_is(key, t.in->code, t.now, &t.step);
    sodium_memzero(key, sizeof key);
    if (!right)
        return error_set(e, ERR_UNPROCESSABLE,
                         "this is not the code that is shown now: type the newest one");
    r = db_tx(c->api->env.db, mark_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct mark_out), &memory, e);
    if (r)
        return r;
    if (t.outcome == MARK_MADE) {
        metric_add(METRIC_marks_total, 1);
        outbox_changed(c->api);
    }
    mark_output(&t.mark, &(struct presence){.minutes = 0}, memory);
    c->out = memory;
    return ERR_OK;
}
