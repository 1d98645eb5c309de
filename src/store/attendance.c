/* Absences: see attendance.h. SQL in sql/mark.sql. Inside db_tx, any thread. One statement writes
 * the rows; then each costs a look-up, an event of the chain and a row of the outbox. */
#include "store/attendance.h"

#include "store/rows.h"

static void student_read(struct row *row, void *ret_item)
{
    struct student_id *id = ret_item;
    db_col_copy(row->rows, "student_id", id->text, sizeof id->text);
}

/* The row of the mark is written: tells the register and the subscribers. */
static enum err tell(struct db_cx *cx, struct arena *a, const struct mark *m, enum mark_event what,
                     struct str actor, usec_t at, const struct mark_writer *w, struct error *e)
{
    struct outbox_event event;
    enum err r = w->event(w->event_ctx, a, m, &event, e);
    return r ? r : mark_record(cx, a, m, what, actor, at, &w->hasher, event, e);
}

static enum err absences_write(struct db_cx *cx, struct arena *a, const struct session *s,
                               struct str actor, const struct mark_writer *w, int *ret_n,
                               struct error *e)
{
    usec_t now = time_utc();
    const struct db_value args[] = {db_text(s->id.text), db_int(s->ended_at), db_int(now)};
    struct student_id *students;
    int n = 0;
    enum err r = rows_all(cx, Q_MARK_INSERT_ABSENT, args, ARRAY_LEN(args), a, student_read,
                          sizeof *students, &students, &n, e);
    for (int i = 0; !r && i < n; i++) {
        struct mark m;
        r = mark_get(cx, a, s->id, students[i], &m, e);
        if (!r)
            r = tell(cx, a, &m, MARK_EVENT_ABSENT, actor, now, w, e);
    }
    if (!r)
        *ret_n = n;
    return r;
}

enum err session_close(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                       struct str actor, const struct mark_writer *w, struct session *ret_session,
                       bool *ret_changed, int *ret_absent, struct error *e)
{
    struct session after;
    bool changed = false;
    enum err r = session_stop(cx, a, id, at, &after, &changed, e);
    if (!r)
        r = absences_write(cx, a, &after, actor, w, ret_absent, e);
    if (r)
        return r;
    *ret_session = after;
    *ret_changed = changed;
    return ERR_OK;
}
