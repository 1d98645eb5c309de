/* Sessions from timetables: see timetable.h. One transaction a timetable: what should be is worked
 * out (the days by attendance/, the times by base/tz), compared with what was made before, and the
 * difference written.
 *
 * Invariants: a day of a timetable is inserted before its session, so of two runs at once one makes
 * the session and the other nothing; a session is changed or deleted only while it has the version
 * that was written last (timetable_day.made_version), so what a person touched stays.
 * Cost: a handful of queries a timetable, and two or three for each session that changes.
 * Any thread. */
#include "base/tz.h"
#include "store/course.h"
#include "store/place.h"
#include "store/rows.h"
#include "store/timetable.h"

enum { SYNC_ARENA = 4 * MIB, PAGE = 100, DAYS_MAX = TIMETABLE_HORIZON_MAX + 2 };

/* A day that was planned before, and what became of it. */
struct planned_day {
    int64_t day, made_version, version;
    struct session_id session; /* empty: deleted by a person */
    bool scheduled;
    usec_t start, end;
    char room[ID_TEXT];
    struct str title;
};

struct sync {
    const char *id;
    const struct timetable_plan *plan;
    struct timetable_result result;
    /* of the transaction */
    struct arena *a;
    struct timetable t;
    struct course course;
    int64_t today;
};

static void planned_read(struct row *row, void *ret_item)
{
    struct planned_day *p = ret_item;
    p->day = db_col_int(row->rows, "day");
    p->made_version = db_col_int(row->rows, "made_version");
    p->version = db_col_int(row->rows, "version");
    p->scheduled = str_is(db_col_str(row->rows, "status"), "scheduled");
    db_col_copy(row->rows, "session_id", p->session.text, sizeof p->session.text);
    p->start = db_col_int(row->rows, "planned_start");
    p->end = db_col_int(row->rows, "planned_end");
    db_col_copy(row->rows, "room_id", p->room, sizeof p->room);
    p->title = row_str(row, "title");
}

static enum err planned_days(struct db_cx *cx, struct arena *a, const char *id, int64_t from,
                             struct planned_day **ret_days, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(from)};
    return rows_all(cx, Q_TIMETABLE_DAYS, args, ARRAY_LEN(args), a, planned_read,
                    sizeof(struct planned_day), ret_days, ret_n, e);
}

static struct db_value id_or_null(const char *id)
{
    return id_is_empty(id) ? db_null() : db_text(id);
}

/* Ahead, and as it was made. */
static bool is_ours(const struct planned_day *p, usec_t now)
{
    return p->session.text[0] && p->scheduled && p->version == p->made_version && p->start > now;
}

static enum err day_set(struct db_cx *cx, const char *id, int64_t day, const char *session,
                        int64_t version, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(day), db_text(session), db_int(version)};
    return db_exec(cx, Q_TIMETABLE_DAY_SET, args, ARRAY_LEN(args), NULL, e);
}

/* The session of a day that had none yet, unless somebody is making it right now. */
static enum err make(struct db_cx *cx, struct sync *s, int64_t day, usec_t start, struct error *e)
{
    const struct db_value key[] = {db_text(s->id), db_int(day)};
    struct session made = {.course = s->t.course,
                           .title = s->t.title,
                           .planned_start = start,
                           .planned_end = start + s->t.minutes * USEC_PER_MIN,
                           .status = SESSION_SCHEDULED,
                           .confirm_gap_ms = s->plan->confirm_gap_ms,
                           .confirm_window_s = s->plan->confirm_window_s,
                           .created_at = s->plan->now};
    int64_t inserted = 0;
    session_take_policy(&made, &s->course);
    enum err r = db_exec(cx, Q_TIMETABLE_DAY_INSERT, key, ARRAY_LEN(key), &inserted, e);
    if (r || !inserted)
        return r;
    id_new(made.id.text);
    r = session_insert(cx, &made, e);
    if (!r)
        r = session_place(cx, made.id, s->t.room, s->id, e);
    if (!r)
        r = day_set(cx, s->id, day, made.id.text, 1, e);
    if (!r)
        s->result.made++;
    return r;
}

static enum err change(struct db_cx *cx, struct sync *s, const struct planned_day *p, usec_t start,
                       struct error *e)
{
    usec_t end = start + s->t.minutes * USEC_PER_MIN;
    if (p->start == start && p->end == end && strcmp(p->room, s->t.room) == 0 &&
        str_eq(p->title, s->t.title))
        return ERR_OK;
    const struct db_value args[] = {
        db_text(p->session.text), db_int(p->version),  db_int(start),        db_int(end),
        id_or_null(s->t.room),    text_of(s->t.title), db_int(s->plan->now),
    };
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_SESSION_REPLAN, args, ARRAY_LEN(args), &changed, e);
    if (r || !changed)
        return r;
    s->result.changed++;
    return day_set(cx, s->id, p->day, p->session.text, p->version + 1, e);
}

/* The day is forgotten too: should it come back into the timetable, it has a session again. */
static enum err take_away(struct db_cx *cx, struct sync *s, const struct planned_day *p,
                          struct error *e)
{
    const struct db_value args[] = {db_text(p->session.text), db_int(p->version)};
    const struct db_value key[] = {db_text(s->id), db_int(p->day)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_SESSION_DELETE_UNCHANGED, args, ARRAY_LEN(args), &removed, e);
    if (r || !removed)
        return r;
    s->result.removed++;
    return db_exec(cx, Q_TIMETABLE_DAY_DELETE, key, ARRAY_LEN(key), NULL, e);
}

static enum err start_of(const struct sync *s, int64_t day, usec_t *ret_start, struct error *e)
{
    usec_t local = day * USEC_PER_DAY + s->t.start_minute * USEC_PER_MIN;
    return tz_to_utc(s->t.tz, local, ret_start, e);
}

/* A day of the timetable; p is what was planned for it before, or NULL. */
static enum err settle(struct db_cx *cx, struct sync *s, int64_t day, const struct planned_day *p,
                       struct error *e)
{
    usec_t start = 0;
    enum err r = start_of(s, day, &start, e);
    if (r)
        return r;
    if (p)
        return is_ours(p, s->plan->now) ? change(cx, s, p, start, e) : ERR_OK;
    if (start <= s->plan->now || day > s->today + s->plan->horizon_days)
        return ERR_OK;
    return make(cx, s, day, start, e);
}

/* Both lists are in order of day. */
static enum err merge(struct db_cx *cx, struct sync *s, const int64_t *days, int n,
                      const struct planned_day *before, int n_before, struct error *e)
{
    enum err r = ERR_OK;
    for (int i = 0, k = 0; !r && (i < n || k < n_before);) {
        const struct planned_day *p = k < n_before ? &before[k] : NULL;
        if (p && i < n && days[i] < p->day)
            p = NULL;
        if (i < n && (!p || p->day == days[i]))
            r = settle(cx, s, days[i++], p, e);
        else if (is_ours(p, s->plan->now))
            r = take_away(cx, s, p, e);
        k += p != NULL;
    }
    return r;
}

/* What the timetable asks for from today to the horizon, or to the last day planned before. */
static enum err wanted_days(struct db_cx *cx, struct sync *s, int64_t last, int64_t *ret_days,
                            int *ret_n, struct error *e)
{
    struct day_range window = {s->today, last}, *off = NULL;
    int n_off = 0;
    const struct weekly weekly = {
        .weekday = (int)s->t.weekday,
        .days = {s->t.first_day > s->t.term.first ? s->t.first_day : s->t.term.first,
                 s->t.last_day < s->t.term.last ? s->t.last_day : s->t.term.last}};
    enum err r = holiday_days(cx, s->a, s->t.site, window, &off, &n_off, e);
    if (!r)
        *ret_n = s->plan->days(&weekly, off, n_off, window, ret_days, DAYS_MAX);
    return r;
}

static enum err sync_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct sync *s = ctx;
    struct planned_day *before = NULL;
    int64_t days[DAYS_MAX];
    usec_t local = 0;
    int n = 0, n_before = 0;
    arena_reset(s->a);
    s->result = (struct timetable_result){0};
    enum err r = timetable_get(cx, s->a, s->id, &s->t, e);
    if (!r)
        r = course_get(cx, s->a, s->t.course, &s->course, e);
    if (!r)
        r = tz_to_local(s->t.tz, s->plan->now, &local, e);
    if (r)
        return r;
    s->today = day_of(local);
    r = planned_days(cx, s->a, s->id, s->today, &before, &n_before, e);
    int64_t last = s->today + s->plan->horizon_days;
    if (n_before && before[n_before - 1].day > last)
        last = before[n_before - 1].day;
    if (!r)
        r = wanted_days(cx, s, last, days, &n, e);
    return r ? r : merge(cx, s, days, n, before, n_before, e);
}

enum err timetable_sync(struct db *db, const char *id, const struct timetable_plan *plan,
                        struct timetable_result *result, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SYNC_ARENA);
    struct sync s = {.id = id, .plan = plan, .a = a};
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to plan sessions");
    enum err r = db_tx(db, sync_fn, &s, e);
    if (r)
        return r;
    result->made += s.result.made;
    result->changed += s.result.changed;
    result->removed += s.result.removed;
    return ERR_OK;
}

struct page {
    struct arena *a;
    char after[ID_TEXT];
    struct timetable *items;
    int n;
};

static enum err page_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    static const struct timetable_filter all;
    struct page *p = ctx;
    return timetable_list(cx, p->a, &all, p->after, PAGE, &p->items, &p->n, e);
}

enum err timetable_generate(struct db *db, const struct timetable_plan *plan,
                            struct timetable_result *ret_result, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(SYNC_ARENA);
    struct page page = {.a = a};
    enum err first = ERR_OK;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to plan sessions");
    do {
        arena_reset(a);
        enum err r = db_read(db, page_fn, &page, e);
        if (r)
            return r;
        for (int i = 0; i < page.n; i++) {
            struct error why = {0};
            r = timetable_sync(db, page.items[i].id, plan, ret_result, &why);
            if (r && r != ERR_NOT_FOUND && !first) { /* deleted meanwhile is no failure */
                first = r;
                if (e)
                    *e = why;
            }
        }
        if (page.n)
            memcpy(page.after, page.items[page.n - 1].id, ID_TEXT);
    } while (page.n == PAGE);
    return first;
}

/* What nobody touched and lies ahead goes with its timetable. */
enum err timetable_delete(struct db_cx *cx, struct arena *a, const char *id, usec_t now,
                          struct error *e)
{
    const struct db_value key[] = {db_text(id)};
    struct planned_day *days = NULL;
    int64_t removed = 0;
    int n = 0;
    enum err r = planned_days(cx, a, id, day_of(now) - 1, &days, &n, e);
    for (int i = 0; !r && i < n; i++) {
        const struct db_value args[] = {db_text(days[i].session.text), db_int(days[i].version)};
        if (is_ours(&days[i], now))
            r = db_exec(cx, Q_SESSION_DELETE_UNCHANGED, args, ARRAY_LEN(args), NULL, e);
    }
    if (!r)
        r = db_exec(cx, Q_TIMETABLE_DELETE, key, ARRAY_LEN(key), &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such timetable");
    return r;
}
