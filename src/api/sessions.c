/* Sessions: see the route table. Handler threads; one or two queries a call. */
#include "api/handlers.h"

#include "attendance/event.h"
#include "base/log.h"
#include "store/live.h"
#include "store/mark.h"

struct session_in {
    uint64_t has;
    char course[ID_TEXT], room[ID_TEXT];
    struct str title;
    usec_t planned_start, planned_end;
    int64_t confirmations;
};

struct session_out {
    char id[ID_TEXT], room[ID_TEXT], timetable[ID_TEXT];
    struct course_ref course;
    struct str title, status, cancel_reason;
    usec_t planned_start, planned_end, started_at, ended_at, created_at, updated_at;
    int64_t confirmations, late_after_min, early_before_min, minutes_needed, sweeps, sweeps_needed;
    int64_t version;
};

static const char *const status_words[] = {"scheduled", "active", "closed", "cancelled", NULL};

static const struct field course_ref_fields[] = {
    FIELD_ID(struct course_ref, id, FIELD_REQUIRED, "The course's id."),
    FIELD_STR(struct course_ref, code, 1, 64, FIELD_REQUIRED, "Its code."),
    FIELD_STR(struct course_ref, title, 1, 200, FIELD_REQUIRED, "Its title."),
};
const struct schema course_ref_schema = SCHEMA("CourseRef", struct course_ref, course_ref_fields);

static const struct field session_fields[] = {
    FIELD_ID(struct session_out, id, FIELD_REQUIRED, "The session's id."),
    FIELD_OBJECT(struct session_out, course, &course_ref_schema, FIELD_REQUIRED,
                 "Of which course."),
    FIELD_ID(struct session_out, room, FIELD_NULLABLE, "Where it is held."),
    FIELD_ID(struct session_out, timetable, FIELD_NULLABLE,
             "The timetable that made it; null: a person or an import."),
    FIELD_STR(struct session_out, title, 0, 200, FIELD_REQUIRED, "May be empty."),
    FIELD_WORD(struct session_out, status, status_words, FIELD_REQUIRED,
               "scheduled, active, closed, cancelled."),
    FIELD_TIME(struct session_out, planned_start, FIELD_NULLABLE, "When it should start."),
    FIELD_TIME(struct session_out, planned_end, FIELD_NULLABLE, "When it should end."),
    FIELD_TIME(struct session_out, started_at, FIELD_NULLABLE, "When it started."),
    FIELD_TIME(struct session_out, ended_at, FIELD_NULLABLE, "When it ended."),
    FIELD_INT(struct session_out, confirmations, 1, 10, FIELD_REQUIRED, "Sightings a mark needs."),
    FIELD_INT(struct session_out, late_after_min, 0, 600, FIELD_REQUIRED,
              "Minutes after the start from which a student is late; 0: never."),
    FIELD_INT(struct session_out, early_before_min, 0, 600, FIELD_REQUIRED,
              "Who is last seen more minutes before the end has left early; 0: never."),
    FIELD_INT(struct session_out, minutes_needed, 0, 1440, FIELD_REQUIRED,
              "Minutes with a sighting that a student needs, else absent; 0: none."),
    FIELD_INT(struct session_out, sweeps, 0, 100, FIELD_REQUIRED,
              "Equal parts into which the session is cut; 0: none."),
    FIELD_INT(struct session_out, sweeps_needed, 0, 100, FIELD_REQUIRED,
              "In how many of the sweeps a student needs a sighting, else absent."),
    FIELD_STR(struct session_out, cancel_reason, 0, SESSION_REASON_MAX, FIELD_NULLABLE,
              "Why it was cancelled; null: it was not."),
    FIELD_INT(struct session_out, version, 1, 1e15, FIELD_REQUIRED,
              "Grows with each change; the ETag."),
    FIELD_TIME(struct session_out, created_at, FIELD_REQUIRED, "When it was made."),
    FIELD_TIME(struct session_out, updated_at, FIELD_REQUIRED, "When it last changed."),
};
const struct schema session_schema = SCHEMA("Session", struct session_out, session_fields);
LIST_SCHEMA(session_list, "SessionList", session_schema)

static const struct field session_in_fields[] = {
    FIELD_ID(struct session_in, course, FIELD_REQUIRED, "The course's id."),
    FIELD_STR(struct session_in, title, 0, 200, 0, "Such as Lecture 3."),
    FIELD_TIME(struct session_in, planned_start, FIELD_NULLABLE, "When it should start."),
    FIELD_TIME(struct session_in, planned_end, FIELD_NULLABLE, "When it should end."),
    FIELD_INT(struct session_in, confirmations, 1, 10, 0,
              "Sightings a mark needs: 2 suits live video, 1 stills. Default: the course's."),
    FIELD_ID(struct session_in, room, FIELD_NULLABLE, "Where it is held."),
};
const struct schema session_in_schema =
    SCHEMA_PATCH("SessionIn", struct session_in, session_in_fields);

struct session_ctx {
    struct call *c;
    struct session s, *list;
    const struct session_in *in;
    struct session_id id;
    struct course_id course;
    struct session_filter filter;
    int limit, n;
    bool start, changed;
    int written; /* marks that closing wrote */
};

static void to_out(const struct session *s, struct session_out *o)
{
    memcpy(o->id, s->id.text, ID_TEXT);
    memcpy(o->room, s->room, ID_TEXT);
    memcpy(o->timetable, s->timetable, ID_TEXT);
    memcpy(o->course.id, s->course.text, ID_TEXT);
    o->course.code = s->course_code;
    o->course.title = s->course_title;
    o->title = s->title.p ? s->title : STR("");
    o->status = str_from(session_status_name(s->status));
    o->planned_start = s->planned_start;
    o->planned_end = s->planned_end;
    o->started_at = s->started_at;
    o->ended_at = s->ended_at;
    o->created_at = s->created_at;
    o->updated_at = s->updated_at;
    o->confirmations = s->confirmations;
    o->late_after_min = s->late_after_min;
    o->early_before_min = s->early_before_min;
    o->minutes_needed = s->minutes_needed;
    o->sweeps = s->sweeps;
    o->sweeps_needed = s->sweeps_needed;
    o->cancel_reason = s->cancel_reason.n ? s->cancel_reason : (struct str){0};
    o->version = s->version;
}

enum err session_output(struct call *c, const struct session *s, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct session_out), &memory, e);
    if (r)
        return r;
    to_out(s, memory);
    c->out = memory;
    c->version = s->version;
    return ERR_OK;
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct session_ctx *t = ctx;
    const struct config *cfg = t->c->api->env.config;
    struct course course;
    enum err r = course_get(cx, t->c->a, t->course, &course, e);
    if (r)
        return r == ERR_NOT_FOUND ? error_set(e, ERR_INVALID, "course does not exist") : r;
    session_take_policy(&t->s, &course);
    if (t->in->has & 1u << 4)
        t->s.confirmations = t->in->confirmations;
    t->s.confirm_gap_ms = cfg->confirm_gap_ms;
    t->s.confirm_window_s = cfg->confirm_window_s;
    r = session_insert(cx, &t->s, e);
    if (!r && t->in->room[0])
        r = session_place(cx, t->s.id, t->in->room, "", e);
    if (r == ERR_NOT_FOUND)
        return error_set(e, ERR_INVALID, "room does not exist");
    struct session_id id = t->s.id;
    return r ? r : session_get(cx, t->c->a, id, &t->s, e);
}

enum err session_create(struct call *c, struct error *e)
{
    const struct session_in *in = c->in;
    if (in->planned_start && in->planned_end && in->planned_end <= in->planned_start)
        return error_set(e, ERR_INVALID, "planned_end must be after planned_start");
    struct session_ctx t = {.c = c, .in = in};
    id_new(t.s.id.text);
    memcpy(t.course.text, in->course, ID_TEXT);
    t.s.course = t.course;
    t.s.title = in->title.p ? in->title : STR("");
    t.s.planned_start = in->planned_start;
    t.s.planned_end = in->planned_end;
    t.s.version = 1;
    t.s.created_at = t.s.updated_at = time_utc();
    enum err r = db_tx(c->api->env.db, insert_fn, &t, e);
    if (r == ERR_OK)
        r = session_output(c, &t.s, e);
    return r ? r : call_location(c, "/v1/sessions/", t.s.id.text, e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct session_ctx *t = ctx;
    return session_get(cx, t->c->a, t->id, &t->s, e);
}

enum err session_show(struct call *c, struct error *e)
{
    struct session_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    return r ? r : session_output(c, &t.s, e);
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct session_ctx *t = ctx;
    return session_list(cx, t->c->a, &t->c->who.scope, &t->filter, t->id, t->limit + 1, &t->list,
                        &t->n, e);
}

/* A query parameter that is a time; 0 when absent. */
static enum err read_time(struct call *c, const char *name, usec_t *ret_at, struct error *e)
{
    struct str text;
    enum err r = call_query(c, name, &text, e);
    return r || !text.p ? r : error_wrap(e, time_parse_iso(text, ret_at, e), "%s", name);
}

static enum err read_id(struct call *c, const char *name, char ret_id[static ID_TEXT],
                        struct error *e)
{
    struct str text;
    enum err r = call_query(c, name, &text, e);
    return r || !text.p ? r : error_wrap(e, id_parse(text, ret_id, e), "%s", name);
}

static enum err read_filter(struct call *c, struct session_filter *f, struct error *e)
{
    int status = -1;
    enum err r = read_id(c, "course", f->course.text, e);
    if (r == ERR_OK)
        r = read_id(c, "room", f->room, e);
    if (r == ERR_OK)
        r = read_id(c, "site", f->site, e);
    if (r == ERR_OK)
        r = call_word(c, "status", status_words, &status, e);
    if (r == ERR_OK)
        r = read_time(c, "from", &f->from, e);
    if (r == ERR_OK)
        r = read_time(c, "to", &f->to, e);
    if (r == ERR_OK && status >= 0)
        f->status = status_words[status];
    return r;
}

enum err session_index(struct call *c, struct error *e)
{
    struct session_ctx t = {.c = c};
    enum err r = call_page(c, &t.limit, t.id.text, e);
    if (r == ERR_OK)
        r = read_filter(c, &t.filter, e);
    if (r == ERR_OK)
        r = call_read(c, list_fn, &t, e);
    struct session_out *out = r ? NULL : arena_array(c->a, (size_t)t.n, sizeof *out);
    if (!out)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d sessions", t.n);
    for (int i = 0; i < t.n; i++)
        to_out(&t.list[i], &out[i]);
    return call_list(c, out, t.n, t.limit, sizeof *out, offsetof(struct session_out, id), e);
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct session_ctx *t = ctx;
    enum err r = session_get(cx, t->c->a, t->id, &t->s, e);
    return r ? r : session_delete(cx, t->id, e);
}

enum err session_remove(struct call *c, struct error *e)
{
    struct session_ctx t = {.c = c};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, delete_fn, &t, e);
    if (r)
        return r;
    live_session_changed(c->api, t.id, t.s.version + 1);
    return ERR_OK;
}

enum err session_tell(struct db_cx *cx, struct arena *a, const struct session *s, struct error *e)
{
    struct outbox_event row;
    char id[ID_TEXT];
    enum err r = event_pack_session(a, s->id, str_from(session_status_name(s->status)), &row.topic,
                                    &row.payload, e);
    return r ? r : outbox_insert(cx, row, id, e);
}

static enum err switch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct session_ctx *t = ctx;
    enum err r = t->start
                     ? session_start(cx, t->c->a, t->id, time_utc(), &t->s, &t->changed, e)
                     : session_close(cx, t->c->a, t->id, time_utc(), str_from(t->c->who.user),
                                     &t->c->api->env.marks, &t->s, &t->changed, &t->written, e);
    return r || !t->changed ? r : session_tell(cx, t->c->a, &t->s, e);
}

/* Lost word costs the event a second: housekeeping looks by itself. */
void outbox_changed(struct api *api)
{
    struct error e = {0};
    int64_t id;
    if (bus_publish(api->env.bus, STR(EVENT_TOPIC_OUTBOX), STR(""), &id, &e))
        log_failure(LOG_DEBUG, "api", "outbox_not_told", &e);
}

static enum err switch_session(struct call *c, bool start, struct error *e)
{
    struct session_ctx t = {.c = c, .start = start};
    enum err r = call_id(c, 0, t.id.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, switch_fn, &t, e);
    if (r)
        return r;
    live_session_changed(c->api, t.id, t.s.version);
    if (t.changed || t.written)
        outbox_changed(c->api);
    return session_output(c, &t.s, e);
}

enum err session_begin(struct call *c, struct error *e) { return switch_session(c, true, e); }

enum err session_end(struct call *c, struct error *e) { return switch_session(c, false, e); }

/* ---- cached copies */

static void drop(struct api *api, const char *key, int64_t version)
{
    struct error e = {0};
    usec_t ttl = api->env.config->cache_ttl_s * USEC_PER_SEC;
    if (bus_cache_drop(api->env.bus, str_from(key), version, ttl, &e))
        log_failure(LOG_WARN, "api", "cache_not_dropped", &e);
}

void live_session_changed(struct api *api, struct session_id id, int64_t version)
{
    char key[LIVE_KEY];
    live_session_key(id, key);
    drop(api, key, version);
    live_cameras_key(id, key);
    drop(api, key, version);
}

void live_roster_changed(struct api *api, struct course_id id, int64_t version)
{
    char key[LIVE_KEY];
    live_roster_key(id, key);
    drop(api, key, version);
}
