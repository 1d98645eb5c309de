/* Plans that change: a session's title and planned times, and that it does not take place. Handler
 * threads; one transaction a call. */
#include "api/handlers.h"

#include "store/session.h"

struct change_in {
    uint64_t has;
    struct str title;
    usec_t planned_start, planned_end;
};

struct cancel_in {
    struct str reason;
};

static const struct field patch_fields[] = {
    FIELD_STR(struct change_in, title, 0, 200, 0, "Such as Lecture 3."),
    FIELD_TIME(struct change_in, planned_start, FIELD_NULLABLE,
               "When it should start; only while it is scheduled."),
    FIELD_TIME(struct change_in, planned_end, FIELD_NULLABLE,
               "When it should end; not once it is closed."),
};
const struct schema session_patch_schema =
    SCHEMA_PATCH("SessionPatch", struct change_in, patch_fields);

static const struct field cancel_fields[] = {
    FIELD_STR(struct cancel_in, reason, 1, SESSION_REASON_MAX, FIELD_REQUIRED,
              "Why it does not take place."),
};
const struct schema session_cancel_schema =
    SCHEMA("SessionCancelIn", struct cancel_in, cancel_fields);

struct change_ctx {
    struct call *c;
    struct session_id id;
    int64_t version; /* asked for by If-Match */
    struct session s;
    bool changed;
};

/* What the body has goes into s. Errors CONFLICT: too late for it; INVALID. */
static enum err apply(const struct change_in *in, struct session *s, struct error *e)
{
    usec_t start = in->has & 1u << 1 ? in->planned_start : s->planned_start;
    usec_t end = in->has & 1u << 2 ? in->planned_end : s->planned_end;
    if (start != s->planned_start && s->status != SESSION_SCHEDULED)
        return error_set(e, ERR_CONFLICT, "the session is %s: its planned start stays",
                         session_status_name(s->status));
    if (end != s->planned_end && s->status != SESSION_SCHEDULED && s->status != SESSION_ACTIVE)
        return error_set(e, ERR_CONFLICT, "the session is %s: its planned end stays",
                         session_status_name(s->status));
    if (start && end && end <= start)
        return error_set(e, ERR_INVALID, "planned_end must be after planned_start");
    s->planned_start = start;
    s->planned_end = end;
    if (in->has & 1u << 0)
        s->title = in->title;
    return ERR_OK;
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct change_ctx *t = ctx;
    enum err r = session_get(cx, t->c->a, t->id, &t->s, e);
    if (r == ERR_OK)
        r = apply(t->c->in, &t->s, e);
    if (r)
        return r;
    int64_t version;
    t->s.version = t->version; /* a second run asks for the same one */
    r = session_update(cx, &t->s, &version, e);
    return r ? r : session_get(cx, t->c->a, t->id, &t->s, e);
}

enum err session_patch(struct call *c, struct error *e)
{
    struct change_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.version, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    if (r)
        return r;
    live_session_changed(c->api, t.id, t.s.version);
    return session_output(c, &t.s, e);
}

static enum err cancel_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct change_ctx *t = ctx;
    const struct cancel_in *in = t->c->in;
    enum err r = session_cancel(cx, t->c->a, t->id, time_utc(), in->reason, &t->s, &t->changed, e);
    return r || !t->changed ? r : session_tell(cx, t->c->a, &t->s, e);
}

enum err session_call_off(struct call *c, struct error *e)
{
    struct change_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, cancel_fn, &t, e);
    if (r)
        return r;
    live_session_changed(c->api, t.id, t.s.version);
    if (t.changed)
        outbox_changed(c->api);
    return session_output(c, &t.s, e);
}
