/* Timetables: see the route table and docs/timetable.md. Handler threads; a few queries a call, and
 * after a change one transaction that brings the timetable's sessions up to date. Should that one
 * fail, the scheduler does it a little later. */
#include "api/handlers.h"

#include "attendance/timetable.h"
#include "base/log.h"
#include "store/course.h"
#include "store/place.h"
#include "store/timetable.h"

#include <stdio.h>

struct timetable_in {
    uint64_t has;
    char site[ID_TEXT], room[ID_TEXT];
    struct str title;
    int64_t weekday, local_start, minutes, first_day, last_day;
};

struct timetable_out {
    char id[ID_TEXT], site[ID_TEXT], room[ID_TEXT];
    struct course_ref course;
    struct str title, tz;
    int64_t weekday, local_start, minutes, first_day, last_day, version;
    usec_t created_at, updated_at;
};

static const struct field timetable_fields[] = {
    FIELD_ID(struct timetable_out, id, FIELD_REQUIRED, "Its id."),
    FIELD_OBJECT(struct timetable_out, course, &course_ref_schema, FIELD_REQUIRED, "Which course."),
    FIELD_ID(struct timetable_out, site, FIELD_REQUIRED, "Whose clock it goes by."),
    FIELD_ID(struct timetable_out, room, FIELD_NULLABLE, "Where; null: not said."),
    FIELD_STR(struct timetable_out, title, 0, 200, FIELD_REQUIRED, "Of its sessions."),
    FIELD_STR(struct timetable_out, tz, 1, 64, FIELD_REQUIRED, "The site's time zone."),
    FIELD_INT(struct timetable_out, weekday, 1, 7, FIELD_REQUIRED, "1 Monday to 7 Sunday."),
    FIELD_CLOCK(struct timetable_out, local_start, FIELD_REQUIRED, "By the site's clock."),
    FIELD_INT(struct timetable_out, minutes, 1, 1440, FIELD_REQUIRED, "How long."),
    FIELD_DAY(struct timetable_out, first_day, FIELD_REQUIRED, "From this day on."),
    FIELD_DAY(struct timetable_out, last_day, FIELD_REQUIRED, "Until this day, part of it."),
    FIELD_INT(struct timetable_out, version, 1, 1e15, FIELD_REQUIRED,
              "Grows with each change; the ETag."),
    FIELD_TIME(struct timetable_out, created_at, FIELD_REQUIRED, "When it was made."),
    FIELD_TIME(struct timetable_out, updated_at, FIELD_REQUIRED, "When it last changed."),
};
const struct schema timetable_schema = SCHEMA("Timetable", struct timetable_out, timetable_fields);
LIST_SCHEMA(timetable_list, "TimetableList", timetable_schema)

#define TIMETABLE_IN(required)                                                                     \
    FIELD_INT(struct timetable_in, weekday, 1, 7, required, "1 Monday to 7 Sunday."),              \
        FIELD_CLOCK(struct timetable_in, local_start, required, "By the site's clock."),           \
        FIELD_INT(struct timetable_in, minutes, 1, 1440, required,                                 \
                  "How long; it must end by midnight."),                                           \
        FIELD_ID(struct timetable_in, site, 0, "Default: the room's."),                            \
        FIELD_ID(struct timetable_in, room, FIELD_NULLABLE, "Where."),                             \
        FIELD_STR(struct timetable_in, title, 0, 200, 0, "Of its sessions, such as Lab."),         \
        FIELD_DAY(struct timetable_in, first_day, 0,                                               \
                  "From this day on; default: the first of the course's term."),                   \
        FIELD_DAY(struct timetable_in, last_day, 0,                                                \
                  "Until this day, part of it; default: the last of the course's term.")
enum { HAS_WEEKDAY, HAS_START, HAS_MINUTES, HAS_SITE, HAS_ROOM, HAS_TITLE, HAS_FIRST, HAS_LAST };
static const struct field timetable_in_fields[] = {TIMETABLE_IN(FIELD_REQUIRED)};
static const struct field timetable_patch_fields[] = {TIMETABLE_IN(0)};
const struct schema timetable_in_schema =
    SCHEMA_PATCH("TimetableIn", struct timetable_in, timetable_in_fields);
const struct schema timetable_patch_schema =
    SCHEMA_PATCH("TimetablePatch", struct timetable_in, timetable_patch_fields);

static const struct field planned_fields[] = {
    FIELD_INT(struct timetable_result, made, 0, 1e9, FIELD_REQUIRED, "Sessions made."),
    FIELD_INT(struct timetable_result, changed, 0, 1e9, FIELD_REQUIRED, "Sessions moved."),
    FIELD_INT(struct timetable_result, removed, 0, 1e9, FIELD_REQUIRED, "Sessions taken away."),
};
const struct schema planned_schema =
    SCHEMA("PlannedSessions", struct timetable_result, planned_fields);

struct timetable_ctx {
    struct call *c;
    struct timetable t, *list;
    struct timetable_filter filter;
    char id[ID_TEXT];
    struct course_id course;
    bool allow_clash;
    int64_t version;
    int limit, n;
};

static void to_out(const struct timetable *t, struct timetable_out *o)
{
    memcpy(o->id, t->id, ID_TEXT);
    memcpy(o->site, t->site, ID_TEXT);
    memcpy(o->room, t->room, ID_TEXT);
    memcpy(o->course.id, t->course.text, ID_TEXT);
    o->course.code = t->course_code;
    o->course.title = t->course_title;
    o->title = t->title;
    o->tz = t->tz;
    o->weekday = t->weekday;
    o->local_start = t->start_minute;
    o->minutes = t->minutes;
    o->first_day = t->first_day;
    o->last_day = t->last_day;
    o->version = t->version;
    o->created_at = t->created_at;
    o->updated_at = t->updated_at;
}

static enum err output(struct call *c, const struct timetable *t, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct timetable_out), &memory, e);
    if (r)
        return r;
    to_out(t, memory);
    c->out = memory;
    c->version = t->version;
    return ERR_OK;
}

static struct timetable_plan plan_of(const struct call *c)
{
    const struct config *cfg = c->api->env.config;
    return (struct timetable_plan){.now = time_utc(),
                                   .horizon_days = cfg->timetable_horizon_days,
                                   .confirm_gap_ms = cfg->confirm_gap_ms,
                                   .confirm_window_s = cfg->confirm_window_s,
                                   .days = timetable_days};
}

/* Right away, so that whoever changed it sees the sessions. */
static void plan_sessions(struct call *c, const char *id)
{
    struct timetable_plan plan = plan_of(c);
    struct timetable_result result = {0};
    struct error e = {0};
    if (timetable_sync(c->api->env.db, id, &plan, &result, &e))
        log_failure(LOG_WARN, "api", "sessions_not_planned", &e);
}

static void apply(const struct timetable_in *in, struct timetable *t)
{
    if (in->has & 1u << HAS_WEEKDAY)
        t->weekday = in->weekday;
    if (in->has & 1u << HAS_START)
        t->start_minute = in->local_start;
    if (in->has & 1u << HAS_MINUTES)
        t->minutes = in->minutes;
    if (in->has & 1u << HAS_SITE)
        memcpy(t->site, in->site, ID_TEXT);
    if (in->has & 1u << HAS_ROOM)
        memcpy(t->room, in->room, ID_TEXT);
    if (in->has & 1u << HAS_TITLE)
        t->title = in->title;
    if (in->has & 1u << HAS_FIRST)
        t->first_day = in->first_day;
    if (in->has & 1u << HAS_LAST)
        t->last_day = in->last_day;
}

/* The site of the room, when the body named no site. */
static enum err find_site(struct db_cx *cx, struct timetable_ctx *x, struct error *e)
{
    const struct timetable_in *in = x->c->in;
    struct place room;
    if (in->has & 1u << HAS_SITE || !x->t.room[0])
        return x->t.site[0] ? ERR_OK : error_set(e, ERR_INVALID, "name a room or a site");
    enum err r = place_get(cx, x->c->a, PLACE_ROOM, x->t.room, &room, e);
    if (r)
        return r == ERR_NOT_FOUND ? error_set(e, ERR_INVALID, "room does not exist") : r;
    memcpy(x->t.site, room.site, ID_TEXT);
    return ERR_OK;
}

/* Days that the body left out are those of the course's term. */
static enum err find_days(struct db_cx *cx, struct timetable_ctx *x, struct error *e)
{
    struct course course;
    struct place term;
    if (x->t.first_day && x->t.last_day)
        return ERR_OK;
    enum err r = course_get(cx, x->c->a, x->t.course, &course, e);
    if (r)
        return r;
    if (!course.term_id[0])
        return error_set(e, ERR_INVALID,
                         "first_day and last_day are needed: the course has no term_id");
    r = place_get(cx, x->c->a, PLACE_TERM, course.term_id, &term, e);
    if (r)
        return r;
    if (!x->t.first_day)
        x->t.first_day = term.first_day;
    if (!x->t.last_day)
        x->t.last_day = term.last_day;
    return ERR_OK;
}

static enum err complete(struct db_cx *cx, struct timetable_ctx *x, struct error *e)
{
    enum err r = find_site(cx, x, e);
    if (!r)
        r = find_days(cx, x, e);
    if (!r && !x->allow_clash)
        r = timetable_check(cx, x->c->a, &x->t, e);
    return r;
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct timetable_ctx *x = ctx;
    struct course course;
    enum err r = course_get(cx, x->c->a, x->course, &course, e);
    x->t = (struct timetable){.course = x->course, .title = STR("")};
    memcpy(x->t.id, x->id, ID_TEXT);
    apply(x->c->in, &x->t);
    if (!r)
        r = complete(cx, x, e);
    if (!r)
        r = timetable_insert(cx, &x->t, e);
    if (r == ERR_NOT_FOUND && x->t.site[0])
        return error_set(e, ERR_INVALID, "site or room does not exist, or is of another site");
    return r ? r : timetable_get(cx, x->c->a, x->id, &x->t, e);
}

enum err timetable_create(struct call *c, struct error *e)
{
    struct timetable_ctx x = {.c = c};
    char prefix[80];
    enum err r = call_id(c, 0, x.course.text, e);
    if (!r)
        r = call_flag(c, "allow_clash", &x.allow_clash, e);
    id_new(x.id);
    if (!r)
        r = db_tx(c->api->env.db, insert_fn, &x, e);
    if (r)
        return r;
    plan_sessions(c, x.id);
    snprintf(prefix, sizeof prefix, "/v1/courses/%s/timetable/", x.course.text);
    r = output(c, &x.t, e);
    return r ? r : call_location(c, prefix, x.id, e);
}

/* The timetable of the path, which must be of the path's course. */
static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct timetable_ctx *x = ctx;
    enum err r = timetable_get(cx, x->c->a, x->id, &x->t, e);
    if (!r && strcmp(x->t.course.text, x->course.text) != 0)
        return error_set(e, ERR_NOT_FOUND, "there is no such timetable");
    return r;
}

static enum err path_ids(struct call *c, struct timetable_ctx *x, struct error *e)
{
    enum err r = call_id(c, 0, x->course.text, e);
    return r ? r : call_id(c, 1, x->id, e);
}

enum err timetable_show(struct call *c, struct error *e)
{
    struct timetable_ctx x = {.c = c};
    enum err r = path_ids(c, &x, e);
    if (!r)
        r = db_read(c->api->env.db, get_fn, &x, e);
    return r ? r : output(c, &x.t, e);
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct timetable_ctx *x = ctx;
    enum err r = get_fn(cx, x, e);
    if (r)
        return r;
    apply(x->c->in, &x->t);
    r = complete(cx, x, e);
    x->t.version = x->version;
    x->t.updated_at = time_utc();
    if (!r)
        r = timetable_update(cx, &x->t, &x->t.version, e);
    return r ? r : timetable_get(cx, x->c->a, x->id, &x->t, e);
}

enum err timetable_patch(struct call *c, struct error *e)
{
    struct timetable_ctx x = {.c = c};
    enum err r = path_ids(c, &x, e);
    if (!r)
        r = call_if_match(c, &x.version, e);
    if (!r)
        r = call_flag(c, "allow_clash", &x.allow_clash, e);
    if (!r)
        r = db_tx(c->api->env.db, patch_fn, &x, e);
    if (r)
        return r;
    plan_sessions(c, x.id);
    return output(c, &x.t, e);
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct timetable_ctx *x = ctx;
    enum err r = get_fn(cx, x, e);
    return r ? r : timetable_delete(cx, x->c->a, x->id, time_utc(), e);
}

enum err timetable_remove(struct call *c, struct error *e)
{
    struct timetable_ctx x = {.c = c};
    enum err r = path_ids(c, &x, e);
    return r ? r : db_tx(c->api->env.db, delete_fn, &x, e);
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct timetable_ctx *x = ctx;
    return timetable_list(cx, x->c->a, &x->filter, x->id, x->limit + 1, &x->list, &x->n, e);
}

static enum err list(struct call *c, struct timetable_ctx *x, struct error *e)
{
    enum err r = call_page(c, &x->limit, x->id, e);
    if (!r)
        r = db_read(c->api->env.db, list_fn, x, e);
    struct timetable_out *out = r ? NULL : arena_array(c->a, (size_t)x->n, sizeof *out);
    if (!out)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d timetables", x->n);
    for (int i = 0; i < x->n; i++)
        to_out(&x->list[i], &out[i]);
    return call_list(c, out, x->n, x->limit, sizeof *out, offsetof(struct timetable_out, id), e);
}

static enum err query_id(struct call *c, const char *name, char ret_id[static ID_TEXT],
                         struct error *e)
{
    struct str v;
    enum err r = call_query(c, name, &v, e);
    return r || !v.p ? r : error_wrap(e, id_parse(v, ret_id, e), "%s", name);
}

enum err timetable_index(struct call *c, struct error *e)
{
    struct timetable_ctx x = {.c = c};
    struct str weekday;
    enum err r = query_id(c, "course", x.filter.course, e);
    if (!r)
        r = query_id(c, "site", x.filter.site, e);
    if (!r)
        r = query_id(c, "room", x.filter.room, e);
    if (!r)
        r = call_query(c, "weekday", &weekday, e);
    if (!r && weekday.p)
        r = error_wrap(e, str_to_i64(weekday, &x.filter.weekday, e), "weekday");
    if (!r && weekday.p && (x.filter.weekday < 1 || x.filter.weekday > 7))
        r = error_set(e, ERR_INVALID, "weekday is 1 (Monday) to 7 (Sunday)");
    return r ? r : list(c, &x, e);
}

static enum err course_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct timetable_ctx *x = ctx;
    struct course course;
    return course_get(cx, x->c->a, x->course, &course, e);
}

enum err timetable_of_course(struct call *c, struct error *e)
{
    struct timetable_ctx x = {.c = c};
    enum err r = call_id(c, 0, x.course.text, e);
    if (!r)
        r = db_read(c->api->env.db, course_fn, &x, e);
    memcpy(x.filter.course, x.course.text, ID_TEXT);
    return r ? r : list(c, &x, e);
}

enum err timetable_run(struct call *c, struct error *e)
{
    struct timetable_plan plan = plan_of(c);
    void *memory;
    enum err r = call_alloc(c, sizeof(struct timetable_result), &memory, e);
    if (!r)
        r = timetable_generate(c->api->env.db, &plan, memory, e);
    c->out = memory;
    return r;
}
