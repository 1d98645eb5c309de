/* One mark: its history, corrections, contesting it. Handler threads; one transaction of a few
 * queries a call. Invariant: nothing here changes a mark but by an event of the register. */
#include "api/handlers.h"

#include "attendance/policy.h"
#include "store/keystore.h"
#include "store/student.h"

static const char *const status_words[] = {"present", "late",    "left-early",
                                           "absent",  "excused", NULL};

struct mark_in {
    struct str status, reason;
};

static const struct field mark_in_fields[] = {
    FIELD_WORD(struct mark_in, status, status_words, FIELD_REQUIRED, "What the mark is."),
    FIELD_STR(struct mark_in, reason, 1, MARK_REASON_MAX, FIELD_REQUIRED,
              "Why. The register keeps it, sealed, until the student is erased."),
};
const struct schema mark_in_schema = SCHEMA("MarkIn", struct mark_in, mark_in_fields);

static const struct field dispute_in_fields[] = {
    FIELD_STR(struct mark_in, reason, 1, MARK_REASON_MAX, FIELD_REQUIRED,
              "What is wrong with the mark. The register keeps it for good and in the clear."),
};
const struct schema dispute_in_schema = SCHEMA("DisputeIn", struct mark_in, dispute_in_fields);

struct mark_event_out {
    int64_t seq;
    usec_t at;
    struct str actor, event;
};

struct mark_history {
    char session[ID_TEXT];
    struct mark_out mark;
    struct mark_event_out *events;
    int n_events;
};

static const struct field mark_event_fields[] = {
    FIELD_INT(struct mark_event_out, seq, 1, 1e15, FIELD_REQUIRED, "Its place in the chain."),
    FIELD_TIME(struct mark_event_out, at, FIELD_REQUIRED, "When it was written."),
    FIELD_STR(struct mark_event_out, actor, 0, 64, FIELD_REQUIRED,
              "worker, local, or the id of a user."),
    FIELD_RAW(struct mark_event_out, event,
              "As the register has it: event (mark, absent, closing, correction, excuse, dispute), "
              "reason, "
              "and the mark it left."),
};
const struct schema mark_event_schema =
    SCHEMA("MarkEvent", struct mark_event_out, mark_event_fields);

static const struct field mark_history_fields[] = {
    FIELD_ID(struct mark_history, session, FIELD_REQUIRED, "The session."),
    FIELD_OBJECT(struct mark_history, mark, &mark_schema, FIELD_REQUIRED, "As it is now."),
    FIELD_LIST(struct mark_history, events, n_events, &mark_event_schema, 100000, FIELD_REQUIRED,
               "What the register tells of it, oldest first."),
};
const struct schema mark_history_schema =
    SCHEMA("MarkHistory", struct mark_history, mark_history_fields);

struct correction_ctx {
    struct call *c;
    struct mark_change change;
    bool dispute;
    struct mark mark;
    struct presence known;
    struct register_event *events;
    int n;
};

static enum err read_ids(struct call *c, struct correction_ctx *t, struct error *e)
{
    enum err r = call_id(c, 0, t->change.session.text, e);
    return r ? r : call_id(c, 1, t->change.student.text, e);
}

static enum err show_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct correction_ctx *t = ctx;
    const struct mark_change *m = &t->change;
    enum err r = mark_get(cx, t->c->a, m->session, m->student, &t->mark, e);
    if (r == ERR_OK)
        r = mark_known(cx, t->c->a, &t->mark, &t->known, e);
    return r ? r
             : register_of_student(cx, t->c->a, str_from(m->session.text), m->student, &t->events,
                                   &t->n, e);
}

/* With the reasons that are sealed under the student's key; null where it was destroyed. */
static enum err show_events(struct correction_ctx *t, struct mark_history *out, struct error *e)
{
    struct call *c = t->c;
    struct seal_key key;
    enum err r = keystore_get(c->api->env.keystore, t->change.student, KEY_RECORD, &key, e);
    const struct seal_key *opener = r == ERR_OK ? &key : NULL;
    r = r == ERR_NOT_FOUND ? ERR_OK : r;
    for (out->n_events = 0; r == ERR_OK && out->n_events < t->n; out->n_events++) {
        const struct register_event *from = &t->events[out->n_events];
        struct mark_event_out *to = &out->events[out->n_events];
        *to = (struct mark_event_out){.seq = from->seq, .at = from->at, .actor = from->actor};
        r = mark_payload_open(c->a, opener, from->payload, &to->event, e);
    }
    explicit_bzero(&key, sizeof key);
    return r;
}

enum err mark_show(struct call *c, struct error *e)
{
    struct correction_ctx t = {.c = c};
    void *memory;
    enum err r = read_ids(c, &t, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, show_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct mark_history), &memory, e);
    if (r)
        return r;
    struct mark_history *out = memory;
    out->events = arena_array(c->a, (size_t)t.n, sizeof *out->events);
    if (!out->events)
        return error_set(e, ERR_NOMEM, "no memory for %d events", t.n);
    memcpy(out->session, t.change.session.text, ID_TEXT);
    mark_output(&t.mark, &t.known, &out->mark);
    c->out = out;
    return show_events(&t, out, e);
}

static enum err change_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct correction_ctx *t = ctx;
    const struct mark_writer *w = &t->c->api->env.marks;
    enum err r = t->dispute ? mark_dispute(cx, t->c->a, &t->change, w, &t->mark, e)
                            : mark_correct(cx, t->c->a, &t->change, w, &t->mark, e);
    return r ? r : mark_known(cx, t->c->a, &t->mark, &t->known, e);
}

/* An erased student gets no new key. */
static enum err person_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct correction_ctx *t = ctx;
    return student_not_erased(cx, t->change.student, e);
}

static enum err change(struct call *c, bool dispute, struct error *e)
{
    const struct mark_in *in = c->in;
    struct correction_ctx t = {.c = c, .dispute = dispute};
    void *memory;
    t.change.status = in->status;
    t.change.reason = in->reason;
    t.change.actor = str_from(c->who.user);
    struct seal_key key;
    t.change.reason_key = &key;
    enum err r = read_ids(c, &t, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, person_fn, &t, e);
    if (r == ERR_OK)
        r = keystore_make(c->api->env.keystore, t.change.student, KEY_RECORD, &key, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, change_fn, &t, e);
    explicit_bzero(&key, sizeof key);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct mark_out), &memory, e);
    if (r)
        return r;
    outbox_changed(c->api);
    mark_output(&t.mark, &t.known, memory);
    c->out = memory;
    return ERR_OK;
}

enum err mark_put(struct call *c, struct error *e) { return change(c, false, e); }

enum err mark_contest(struct call *c, struct error *e) { return change(c, true, e); }
