/* One mark: its history, corrections, disputes. Handler threads; one transaction of a few queries a
 * call. Invariant: nothing here changes a mark but by an event of the register. */
#include "api/handlers.h"

#include "attendance/policy.h"

static const char *const status_words[] = {"present", "late",    "left-early",
                                           "absent",  "excused", NULL};

struct mark_in {
    struct str status, reason;
};

static const struct field mark_in_fields[] = {
    FIELD_WORD(struct mark_in, status, status_words, FIELD_REQUIRED, "What the mark is."),
    FIELD_STR(struct mark_in, reason, 1, MARK_REASON_MAX, FIELD_REQUIRED,
              "Why. The register keeps it for good and in the clear: no medical details."),
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

struct dispute_out {
    char session[ID_TEXT];
    double margin;
    struct mark_out mark;
};

static const struct field dispute_fields[] = {
    FIELD_ID(struct dispute_out, session, FIELD_REQUIRED, "The session."),
    FIELD_REAL(struct dispute_out, margin, -2, 2, FIELD_NULLABLE,
               "Similarity above the threshold; null: nothing was measured."),
    FIELD_OBJECT(struct dispute_out, mark, &mark_schema, FIELD_REQUIRED, "What is contested."),
};
const struct schema dispute_schema = SCHEMA("Dispute", struct dispute_out, dispute_fields);

struct disputes_out {
    struct dispute_out *items;
    int n;
};

static const struct field disputes_fields[] = {
    FIELD_LIST(struct disputes_out, items, n, &dispute_schema, 200, FIELD_REQUIRED,
               "The most doubtful first, those without evidence last."),
};
const struct schema dispute_list_schema =
    SCHEMA("DisputeList", struct disputes_out, disputes_fields);

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
    for (out->n_events = 0; out->n_events < t.n; out->n_events++) {
        const struct register_event *from = &t.events[out->n_events];
        out->events[out->n_events] = (struct mark_event_out){
            .seq = from->seq, .at = from->at, .actor = from->actor, .event = from->payload};
    }
    c->out = out;
    return ERR_OK;
}

static enum err change_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct correction_ctx *t = ctx;
    const struct mark_writer *w = &t->c->api->env.marks;
    enum err r = t->dispute ? mark_dispute(cx, t->c->a, &t->change, w, &t->mark, e)
                            : mark_correct(cx, t->c->a, &t->change, w, &t->mark, e);
    return r ? r : mark_known(cx, t->c->a, &t->mark, &t->known, e);
}

static enum err change(struct call *c, bool dispute, struct error *e)
{
    const struct mark_in *in = c->in;
    struct correction_ctx t = {.c = c, .dispute = dispute};
    void *memory;
    t.change.status = in->status;
    t.change.reason = in->reason;
    t.change.actor = str_from(c->who.user);
    enum err r = read_ids(c, &t, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, change_fn, &t, e);
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

struct disputes_ctx {
    struct call *c;
    struct course_id course;
    struct session_id session;
    int limit, n;
    struct mark_disputed *marks;
    struct presence *known; /* of each mark */
};

static enum err disputes_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct disputes_ctx *t = ctx;
    enum err r = mark_disputed_list(cx, t->c->a, &t->c->who.scope, t->course, t->session, t->limit,
                                    &t->marks, &t->n, e);
    t->known = r ? NULL : arena_array(t->c->a, (size_t)t->n, sizeof *t->known);
    if (!t->known)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d disputes", t->n);
    for (int i = 0; r == ERR_OK && i < t->n; i++)
        r = mark_known(cx, t->c->a, &t->marks[i].mark, &t->known[i], e);
    return r;
}

/* A filter that is an id; empty when absent. */
static enum err read_filter(struct call *c, const char *name, char ret_id[static ID_TEXT],
                            struct error *e)
{
    struct str value;
    enum err r = call_query(c, name, &value, e);
    return r || !value.p ? r : id_parse(value, ret_id, e);
}

enum err dispute_index(struct call *c, struct error *e)
{
    struct disputes_ctx t = {.c = c};
    char after[ID_TEXT];
    void *memory;
    enum err r = call_page(c, &t.limit, after, e);
    if (r == ERR_OK)
        r = read_filter(c, "course", t.course.text, e);
    if (r == ERR_OK)
        r = read_filter(c, "session", t.session.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, disputes_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct disputes_out), &memory, e);
    if (r)
        return r;
    struct disputes_out *out = memory;
    out->items = arena_array(c->a, (size_t)t.n, sizeof *out->items);
    if (!out->items)
        return error_set(e, ERR_NOMEM, "no memory for %d disputes", t.n);
    for (out->n = 0; out->n < t.n; out->n++) {
        struct dispute_out *d = &out->items[out->n];
        memcpy(d->session, t.marks[out->n].mark.session.text, ID_TEXT);
        d->margin = t.marks[out->n].margin;
        mark_output(&t.marks[out->n].mark, &t.known[out->n], &d->mark);
    }
    c->out = out;
    return ERR_OK;
}
