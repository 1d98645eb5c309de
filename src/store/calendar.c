/* Sessions from calendar files: see calendar.h. SQL in sql/calendar.sql and sql/timetable.sql.
 * Inside db_tx or db_read, any thread. Invariant: a session is written only while it has the
 * version that was written last. */
#include "store/calendar.h"

#include "store/rows.h"

bool calendar_sitting_is_ours(const struct calendar_sitting *s, usec_t now)
{
    return s->session.text[0] && s->scheduled && s->version == s->made_version && s->start > now;
}

static void sitting_read(struct row *row, void *ret_item)
{
    struct calendar_sitting *s = ret_item;
    s->slot = row_str(row, "slot");
    db_col_copy(row->rows, "session_id", s->session.text, sizeof s->session.text);
    s->made_version = db_col_int(row->rows, "made_version");
    s->version = db_col_int(row->rows, "version");
    s->scheduled = str_is(db_col_str(row->rows, "status"), "scheduled");
    s->start = db_col_int(row->rows, "planned_start");
    s->end = db_col_int(row->rows, "planned_end");
    db_col_copy(row->rows, "room_id", s->room, sizeof s->room);
    s->title = row_str(row, "title");
}

enum err calendar_sittings(struct db_cx *cx, struct arena *a, struct str uid,
                           struct calendar_sitting **ret_sittings, int *ret_n, struct error *e)
{
    const struct db_value args[] = {text_of(uid)};
    return rows_all(cx, Q_CALENDAR_SITTINGS, args, ARRAY_LEN(args), a, sitting_read,
                    sizeof(struct calendar_sitting), ret_sittings, ret_n, e);
}

enum err calendar_course(struct db_cx *cx, struct str name, struct course_id *ret_course,
                         int *ret_n, struct error *e)
{
    const struct db_value args[] = {text_of(name)};
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, Q_CALENDAR_COURSE, args, ARRAY_LEN(args), &rows, e);
    *ret_n = 0;
    if (!r)
        r = db_next(rows, &has, e);
    for (; !r && has; r = db_next(rows, &has, e)) {
        db_col_copy(rows, "id", ret_course->text, sizeof ret_course->text);
        ++*ret_n;
    }
    return r;
}

enum err calendar_sitting_add(struct db_cx *cx, struct str uid, const char *slot,
                              struct session_id session, struct error *e)
{
    const struct db_value args[] = {text_of(uid), db_text(slot), db_text(session.text)};
    return db_exec(cx, Q_CALENDAR_SITTING_INSERT, args, ARRAY_LEN(args), NULL, e);
}

static enum err touched(struct error *e)
{
    return error_set(e, ERR_PRECONDITION, "a session was changed by someone else meanwhile");
}

enum err calendar_sitting_move(struct db_cx *cx, struct str uid, const struct calendar_sitting *s,
                               usec_t start, usec_t end, struct str title, usec_t now,
                               struct error *e)
{
    const struct db_value args[] = {
        db_text(s->session.text),
        db_int(s->version),
        db_int(start),
        db_int(end),
        s->room[0] ? db_text(s->room) : db_null(),
        text_of(title),
        db_int(now),
    };
    const struct db_value set[] = {text_of(uid), text_of(s->slot), db_int(s->version + 1)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_SESSION_REPLAN, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return touched(e);
    return r ? r : db_exec(cx, Q_CALENDAR_SITTING_SET, set, ARRAY_LEN(set), NULL, e);
}

enum err calendar_sitting_remove(struct db_cx *cx, struct str uid, const struct calendar_sitting *s,
                                 struct error *e)
{
    const struct db_value args[] = {db_text(s->session.text), db_int(s->version)};
    const struct db_value key[] = {text_of(uid), text_of(s->slot)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_SESSION_DELETE_UNCHANGED, args, ARRAY_LEN(args), &removed, e);
    if (!r && !removed)
        return touched(e);
    return r ? r : db_exec(cx, Q_CALENDAR_SITTING_DELETE, key, ARRAY_LEN(key), NULL, e);
}
