/* Sessions and cameras: see session.h. SQL in sql/session.sql. Inside db_tx or db_read, any thread.
 * Invariant: scheduled -> active -> closed or cancelled, never back; the WHERE of each UPDATE sees
 * to it, so two callers at once make one change. */
#include "store/session.h"

#include "store/course.h"
#include "store/rows.h"

static const char *const status_names[SESSION_STATUS_N] = {
#define X(code, word) [SESSION_##code] = word,
    SESSION_STATUS_MAP(X)
#undef X
};

const char *session_status_name(enum session_status s) { return status_names[s]; }

static enum session_status status_of(struct str word)
{
    for (int s = 0; s < SESSION_STATUS_N; s++) {
        if (str_is(word, status_names[s]))
            return (enum session_status)s;
    }
    return SESSION_CLOSED; /* the table's CHECK allows no other word */
}

enum err session_insert(struct db_cx *cx, const struct session *s, struct error *e)
{
    usec_t now = s->created_at ? s->created_at : time_utc();
    const struct db_value args[] = {
        db_text(s->id.text),
        db_text(s->course.text),
        text_of(s->title),
        db_int(s->planned_start),
        db_int(s->planned_end),
        db_int(s->started_at),
        db_int(s->ended_at),
        db_text(session_status_name(s->status)),
        db_int(s->confirmations),
        db_int(s->confirm_gap_ms),
        db_int(s->confirm_window_s),
        db_int(s->late_after_min),
        db_int(now),
        db_int(s->updated_at ? s->updated_at : now),
        db_int(s->early_before_min),
        db_int(s->minutes_needed),
        db_int(s->sweeps),
        db_int(s->sweeps_needed),
    };
    enum err r = db_exec(cx, Q_SESSION_INSERT, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND,
                         "there is no such course (or this session exists already)");
}

void session_take_policy(struct session *s, const struct course *course)
{
    s->confirmations = course->confirmations;
    s->late_after_min = course->late_after_min;
    s->early_before_min = course->early_before_min;
    s->minutes_needed = course->minutes_needed;
    s->sweeps = course->sweeps;
    s->sweeps_needed = course->sweeps_needed;
}

enum err session_place(struct db_cx *cx, struct session_id id, const char *room,
                       const char *timetable, struct error *e)
{
    const struct db_value args[] = {db_text(id.text), room[0] ? db_text(room) : db_null(),
                                    timetable[0] ? db_text(timetable) : db_null()};
    enum err r = db_exec(cx, Q_SESSION_PLACE, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND, "there is no such room or timetable");
}

static void session_read(struct row *row, void *ret_item)
{
    struct session *s = ret_item;
    db_col_copy(row->rows, "id", s->id.text, sizeof s->id.text);
    db_col_copy(row->rows, "course_id", s->course.text, sizeof s->course.text);
    s->title = row_str(row, "title");
    s->course_code = row_str(row, "course_code");
    s->course_title = row_str(row, "course_title");
    s->planned_start = db_col_int(row->rows, "planned_start");
    s->planned_end = db_col_int(row->rows, "planned_end");
    s->started_at = db_col_int(row->rows, "started_at");
    s->ended_at = db_col_int(row->rows, "ended_at");
    s->status = status_of(db_col_str(row->rows, "status"));
    s->confirmations = db_col_int(row->rows, "confirmations");
    s->confirm_gap_ms = db_col_int(row->rows, "confirm_gap_ms");
    s->confirm_window_s = db_col_int(row->rows, "confirm_window_s");
    s->late_after_min = db_col_int(row->rows, "late_after_min");
    s->early_before_min = db_col_int(row->rows, "early_before_min");
    s->minutes_needed = db_col_int(row->rows, "minutes_needed");
    s->sweeps = db_col_int(row->rows, "sweeps");
    s->sweeps_needed = db_col_int(row->rows, "sweeps_needed");
    db_col_copy(row->rows, "room_id", s->room, sizeof s->room);
    db_col_copy(row->rows, "timetable_id", s->timetable, sizeof s->timetable);
    s->cancel_reason = row_str(row, "cancel_reason");
    s->version = db_col_int(row->rows, "version");
    s->created_at = db_col_int(row->rows, "created_at");
    s->updated_at = db_col_int(row->rows, "updated_at");
}

enum err session_get(struct db_cx *cx, struct arena *a, struct session_id id,
                     struct session *ret_session, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    struct session s = {0};
    enum err r = rows_one(cx, Q_SESSION_BY_ID, args, 1, a, session_read, &s, "such session", e);
    if (!r)
        *ret_session = s;
    return r;
}

enum err session_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                      const struct session_filter *filter, struct session_id before, int limit,
                      struct session **ret_sessions, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(filter->course.text),
                                    db_text(filter->status ? filter->status : ""),
                                    db_text(before.text),
                                    SCOPE_VALUES(scope),
                                    db_int(limit),
                                    db_int(filter->from),
                                    db_int(filter->to),
                                    db_text(filter->room),
                                    db_text(filter->site)};
    return rows_all(cx, Q_SESSION_LIST, args, ARRAY_LEN(args), a, session_read,
                    sizeof(struct session), ret_sessions, ret_n, e);
}

enum err session_update(struct db_cx *cx, const struct session *s, int64_t *ret_version,
                        struct error *e)
{
    const struct db_value args[] = {db_text(s->id.text),      text_of(s->title),
                                    db_int(s->planned_start), db_int(s->planned_end),
                                    db_int(time_utc()),       db_int(s->version)};
    bool has = false;
    enum err r =
        rows_int(cx, Q_SESSION_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    if (r || has)
        return r;
    int64_t version = 0;
    r = rows_int(cx, Q_SESSION_BY_ID, args, 1, "version", &version, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no such session");
    return error_set(e, ERR_PRECONDITION,
                     "the session was changed by someone else (version %lld now)",
                     (long long)version);
}

/* Runs the UPDATE q; when it met no row, the session must have the state `to` already. */
static enum err session_move(struct db_cx *cx, struct arena *a, enum query q, struct session_id id,
                             enum session_status to, usec_t at, struct session *ret_session,
                             bool *ret_changed, struct error *e)
{
    const struct db_value args[] = {db_text(id.text), db_int(at), db_int(time_utc())};
    struct session after = {0};
    int64_t changed = 0;
    enum err r = db_exec(cx, q, args, ARRAY_LEN(args), &changed, e);
    if (!r)
        r = session_get(cx, a, id, &after, e);
    if (r)
        return r;
    if (after.status != to)
        return error_set(e, ERR_CONFLICT, "the session is %s and cannot become %s",
                         session_status_name(after.status), session_status_name(to));
    *ret_session = after;
    if (ret_changed)
        *ret_changed = changed > 0;
    return ERR_OK;
}

enum err session_start(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                       struct session *ret_session, bool *ret_changed, struct error *e)
{
    return session_move(cx, a, Q_SESSION_START, id, SESSION_ACTIVE, at, ret_session, ret_changed,
                        e);
}

enum err session_stop(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                      struct session *ret_session, bool *ret_changed, struct error *e)
{
    return session_move(cx, a, Q_SESSION_STOP, id, SESSION_CLOSED, at, ret_session, ret_changed, e);
}

/* No row of the UPDATE: it was cancelled before, is closed, or has marks. */
enum err session_cancel(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                        struct str reason, struct session *ret_session, bool *ret_changed,
                        struct error *e)
{
    const struct db_value args[] = {db_text(id.text), db_int(at), db_int(time_utc()),
                                    text_of(reason)};
    struct session after;
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_SESSION_CANCEL, args, ARRAY_LEN(args), &changed, e);
    if (!r)
        r = session_get(cx, a, id, &after, e);
    if (r)
        return r;
    if (after.status == SESSION_CLOSED)
        return error_set(e, ERR_CONFLICT, "the session is closed: it took place");
    if (after.status != SESSION_CANCELLED)
        return error_set(e, ERR_CONFLICT,
                         "the session has marks, which the register keeps: stop it, correct them");
    *ret_session = after;
    *ret_changed = changed > 0;
    return ERR_OK;
}

enum err session_delete(struct db_cx *cx, struct session_id id, struct error *e)
{
    static const char has_marks[] = "the session has marks, which the register keeps";
    const struct db_value args[] = {db_text(id.text)};
    int64_t marks = 0, removed = 0;
    enum err r = rows_int(cx, Q_SESSION_MARK_COUNT, args, 1, "n", &marks, NULL, e);
    if (!r && marks)
        return error_set(e, ERR_CONFLICT, "%s", has_marks);
    if (!r)
        r = db_exec(cx, Q_SESSION_DELETE, args, 1, &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such session");
    return error_replace(e, r, ERR_CONFLICT, ERR_CONFLICT, has_marks);
}

/* A unique name and a foreign key are both a CONFLICT of the driver: ask which. */
static enum err room_exists(struct db_cx *cx, const char *room_id, struct error *e)
{
    const struct db_value args[] = {db_text(room_id)};
    int64_t n = 1;
    enum err r = room_id[0] ? rows_int(cx, Q_CAMERA_ROOM_COUNT, args, 1, "n", &n, NULL, e) : ERR_OK;
    return r || n ? r : error_set(e, ERR_NOT_FOUND, "there is no such room");
}

static struct db_value room_value(const struct camera *c)
{
    return c->room_id[0] ? db_text(c->room_id) : db_null();
}

enum err camera_insert(struct db_cx *cx, const struct camera *c, struct error *e)
{
    const struct db_value args[] = {db_text(c->id.text), text_of(c->name), text_of(c->room),
                                    room_value(c), time_or_now(c->created_at)};
    enum err r = room_exists(cx, c->room_id, e);
    return r ? r : db_exec(cx, Q_CAMERA_INSERT, args, ARRAY_LEN(args), NULL, e);
}

static void camera_read(struct row *row, void *ret_item)
{
    struct camera *c = ret_item;
    db_col_copy(row->rows, "id", c->id.text, sizeof c->id.text);
    c->name = row_str(row, "name");
    c->room = row_str(row, "room");
    db_col_copy(row->rows, "room_id", c->room_id, sizeof c->room_id);
    c->last_seen = db_col_int(row->rows, "last_seen");
    c->version = db_col_int(row->rows, "version");
    c->created_at = db_col_int(row->rows, "created_at");
    c->updated_at = db_col_int(row->rows, "updated_at");
}

enum err camera_get(struct db_cx *cx, struct arena *a, struct camera_id id,
                    struct camera *ret_camera, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    struct camera c = {0};
    enum err r = rows_one(cx, Q_CAMERA_BY_ID, args, 1, a, camera_read, &c, "such camera", e);
    if (!r)
        *ret_camera = c;
    return r;
}

enum err camera_list(struct db_cx *cx, struct arena *a, struct str search, const char *room_id,
                     const struct list_page *page, struct camera **ret_cameras, int *ret_n,
                     struct error *e)
{
    const struct db_value args[] = {PAGE_VALUES(page), text_of(search), db_text(room_id),
                                    db_int(page->limit)};
    return rows_all(cx, Q_CAMERA_PAGE, args, ARRAY_LEN(args), a, camera_read, sizeof(struct camera),
                    ret_cameras, ret_n, e);
}

enum err camera_update(struct db_cx *cx, const struct camera *c, int64_t *ret_version,
                       struct error *e)
{
    const struct db_value args[] = {db_text(c->id.text),        text_of(c->name),
                                    text_of(c->room),           room_value(c),
                                    time_or_now(c->updated_at), db_int(c->version)};
    struct error none;
    int64_t version;
    bool has = false;
    enum err r = room_exists(cx, c->room_id, e);
    if (!r)
        r = rows_int(cx, Q_CAMERA_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    if (r || has)
        return r;
    r = rows_int(cx, Q_CAMERA_BY_ID, args, 1, "version", &version, NULL, &none);
    return r ? error_set(e, r, "there is no such camera")
             : error_set(e, ERR_PRECONDITION,
                         "the camera was changed by someone else (version %lld now)",
                         (long long)version);
}

enum err camera_seen(struct db_cx *cx, struct camera_id id, usec_t at, usec_t unless_after,
                     struct error *e)
{
    const struct db_value args[] = {db_text(id.text), db_int(at), db_int(unless_after)};
    return db_exec(cx, Q_CAMERA_SEEN, args, ARRAY_LEN(args), NULL, e);
}

enum err camera_delete(struct db_cx *cx, struct camera_id id, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_API_CLIENT_CAMERA_GONE, args, 1, NULL, e);
    if (!r)
        r = db_exec(cx, Q_CAMERA_DELETE, args, 1, &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such camera");
    return error_replace(e, r, ERR_CONFLICT, ERR_CONFLICT,
                         "the camera has an API key, or sessions that it is assigned to: revoke "
                         "the key and end the assignments first");
}
