/* Endings, corrections, disputes: see attendance.h. SQL in sql/mark.sql. Inside db_tx, any thread.
 * One statement writes the rows of all absences; then each change costs a look-up or two, an event
 * of the chain and a row of the outbox. A mark from a face costs two look-ups to see that nothing
 * is to change. Invariant: a row changes only together with an event that tells its new state. */
#include "store/attendance.h"

#include "store/mark_row.h"
#include "store/student.h"

#include <math.h>

enum { STUDENT_ARENA = MIB };

static void student_read(struct row *row, void *ret_item)
{
    struct student_id *id = ret_item;
    db_col_copy(row->rows, "student_id", id->text, sizeof id->text);
}

/* The row of the mark is written: tells the register and the subscribers. */
static enum err tell(struct db_cx *cx, struct arena *a, const struct mark *m,
                     const struct mark_entry *entry, const struct mark_writer *w, struct error *e)
{
    struct outbox_event event;
    enum err r = w->event(w->event_ctx, a, m, &event, e);
    return r ? r : mark_record(cx, a, m, entry, &w->hasher, event, e);
}

/* A session that is being closed, on its way through its students. */
struct closing {
    struct db_cx *cx;
    struct arena *a;       /* of the whole */
    struct arena *scratch; /* of one student */
    const struct session *s;
    struct str actor;
    const struct mark_writer *w;
    int written;
};

static enum err absences_write(struct closing *c, struct error *e)
{
    usec_t now = time_utc();
    const struct db_value args[] = {db_text(c->s->id.text), db_int(c->s->ended_at), db_int(now)};
    const struct mark_entry entry = {.what = MARK_EVENT_ABSENT, .actor = c->actor, .at = now};
    struct student_id *students;
    int n = 0;
    enum err r = rows_all(c->cx, Q_MARK_INSERT_ABSENT, args, ARRAY_LEN(args), c->a, student_read,
                          sizeof *students, &students, &n, e);
    for (int i = 0; !r && i < n; i++) {
        struct mark m;
        arena_reset(c->scratch);
        r = mark_get(c->cx, c->scratch, c->s->id, students[i], &m, e);
        if (!r)
            r = tell(c->cx, c->scratch, &m, &entry, c->w, e);
    }
    c->written += n;
    return r;
}

/* The mark becomes what the ending says; tells, where that is something else. */
static enum err settle(struct db_cx *cx, struct arena *a, const struct session *s, struct mark *m,
                       struct str actor, const struct mark_writer *w, bool *ret_changed,
                       struct error *e)
{
    struct mark_entry entry = {.what = MARK_EVENT_CLOSING, .actor = actor, .at = time_utc()};
    struct presence_row *rows;
    struct mark_ending ending;
    int n = 0;
    enum err r = presence_list(cx, a, s->id, m->student, &rows, &n, e);
    if (!r)
        r = w->ending(a, s, m, rows, n, &ending, e);
    if (r || (str_eq(ending.status, m->status) && ending.first_seen == m->first_seen))
        return r;
    const struct db_value args[] = {db_text(s->id.text), db_text(m->student.text),
                                    text_of(ending.status), db_int(ending.first_seen)};
    r = db_exec(cx, Q_MARK_SETTLE, args, ARRAY_LEN(args), NULL, e);
    m->status = ending.status;
    m->first_seen = ending.first_seen;
    entry.reason = ending.why;
    if (!r)
        r = tell(cx, a, m, &entry, w, e);
    *ret_changed = !r;
    return r;
}

enum err mark_settle(struct db_cx *cx, struct arena *a, const struct session *s,
                     struct student_id student, struct str actor, const struct mark_writer *w,
                     bool *ret_changed, struct error *e)
{
    struct mark m;
    *ret_changed = false;
    enum err r = mark_get(cx, a, s->id, student, &m, e);
    return r || !str_is(m.source, "face") ? r : settle(cx, a, s, &m, actor, w, ret_changed, e);
}

static enum err faces_settle(struct closing *c, struct error *e)
{
    const struct db_value args[] = {db_text(c->s->id.text)};
    struct student_id *students;
    int n = 0;
    enum err r = rows_all(c->cx, Q_MARK_FACES, args, ARRAY_LEN(args), c->a, student_read,
                          sizeof *students, &students, &n, e);
    for (int i = 0; !r && i < n; i++) {
        bool changed;
        arena_reset(c->scratch);
        r = mark_settle(c->cx, c->scratch, c->s, students[i], c->actor, c->w, &changed, e);
        c->written += changed;
    }
    return r;
}

enum err session_close(struct db_cx *cx, struct arena *a, struct session_id id, usec_t at,
                       struct str actor, const struct mark_writer *w, struct session *ret_session,
                       bool *ret_changed, int *ret_written, struct error *e)
{
    _cleanup_(arena_freep) struct arena *scratch = arena_new(STUDENT_ARENA);
    struct session after;
    struct closing c = {.cx = cx, .a = a, .scratch = scratch, .s = &after, .actor = actor, .w = w};
    bool changed = false;
    if (!scratch)
        return error_set(e, ERR_NOMEM, "no memory to close a session");
    enum err r = session_stop(cx, a, id, at, &after, &changed, e);
    if (!r)
        r = absences_write(&c, e);
    if (!r)
        r = faces_settle(&c, e);
    if (r)
        return r;
    *ret_session = after;
    *ret_changed = changed;
    *ret_written = c.written;
    return ERR_OK;
}

/* Is this what the newest event of the student says, word for word? */
static enum err told_already(struct db_cx *cx, struct arena *a, const struct mark *m,
                             const struct mark_entry *entry, bool *ret_told, struct error *e)
{
    struct register_event *events;
    struct str payload;
    int n = 0;
    enum err r = register_of_student(cx, a, str_from(m->session.text), m->student, &events, &n, e);
    if (!r)
        r = mark_payload(a, m, entry, &payload, e);
    if (!r)
        *ret_told = n > 0 && str_eq(events[n - 1].payload, payload) &&
                    str_eq(events[n - 1].actor, entry->actor);
    return r;
}

/* A student without a mark gets one by hand only in a course that has or had the student. */
static enum err expect(struct db_cx *cx, struct arena *a, const struct mark_change *c,
                       struct error *e)
{
    const struct db_value args[] = {db_text(c->session.text), db_text(c->student.text)};
    struct session s;
    int64_t n = 0;
    enum err r = session_get(cx, a, c->session, &s, e);
    if (!r && s.status == SESSION_CANCELLED)
        return error_set(e, ERR_CONFLICT, "the session was cancelled: nobody can be marked in it");
    if (!r)
        r = rows_int(cx, Q_MARK_EXPECTED, args, ARRAY_LEN(args), "n", &n, NULL, e);
    if (!r && !n)
        return error_set(e, ERR_NOT_FOUND, "the student was never on the roster of this course");
    return r;
}

/* Runs the statement q, then tells; nothing of it when that is told already. */
static enum err change(struct db_cx *cx, struct arena *a, const struct mark_change *c, enum query q,
                       const struct db_value *args, int n, const struct mark_entry *entry,
                       const struct mark_writer *w, struct mark *ret_mark, struct error *e)
{
    struct mark m;
    bool told = false;
    enum err r = student_not_erased(cx, c->student, e);
    if (!r)
        r = db_exec(cx, q, args, n, NULL, e);
    if (!r)
        r = mark_get(cx, a, c->session, c->student, &m, e);
    if (!r)
        r = told_already(cx, a, &m, entry, &told, e);
    if (!r && !told)
        r = tell(cx, a, &m, entry, w, e);
    if (!r)
        *ret_mark = m;
    return r;
}

enum err mark_correct(struct db_cx *cx, struct arena *a, const struct mark_change *c,
                      const struct mark_writer *w, struct mark *ret_mark, struct error *e)
{
    const struct mark_entry entry = {.what = str_is(c->status, "excused") ? MARK_EVENT_EXCUSE
                                                                          : MARK_EVENT_CORRECTION,
                                     .actor = c->actor,
                                     .reason = c->reason,
                                     .reason_key = c->reason_key,
                                     .at = time_utc()};
    const struct db_value args[] = {db_text(c->session.text), db_text(c->student.text),
                                    text_of(c->status), db_int(entry.at)};
    struct mark before;
    struct error unread = {0};
    enum err r = mark_get(cx, a, c->session, c->student, &before, &unread);
    if (r == ERR_NOT_FOUND)
        r = expect(cx, a, c, e);
    else if (r)
        return error_set(e, r, "%s", unread.msg);
    return r ? r : change(cx, a, c, Q_MARK_CORRECT, args, ARRAY_LEN(args), &entry, w, ret_mark, e);
}

enum err mark_dispute(struct db_cx *cx, struct arena *a, const struct mark_change *c,
                      const struct mark_writer *w, struct mark *ret_mark, struct error *e)
{
    const struct mark_entry entry = {.what = MARK_EVENT_DISPUTE,
                                     .actor = c->actor,
                                     .reason = c->reason,
                                     .reason_key = c->reason_key,
                                     .at = time_utc()};
    const struct db_value args[] = {db_text(c->session.text), db_text(c->student.text),
                                    db_int(entry.at)};
    return change(cx, a, c, Q_MARK_DISPUTE, args, ARRAY_LEN(args), &entry, w, ret_mark, e);
}

static void disputed_read(struct row *row, void *ret_item)
{
    struct mark_disputed *d = ret_item;
    mark_read(row, &d->mark);
    d->doubt = db_col_int(row->rows, "doubt");
}

enum err mark_disputed_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                            struct course_id course, struct session_id session,
                            const struct dispute_place *after, int limit,
                            struct mark_disputed **ret_marks, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(course.text),         db_text(session.text),
                                    SCOPE_VALUES(scope),          db_int(after->doubt),
                                    db_int(after->disputed_at),   db_text(after->student.text),
                                    db_text(after->session.text), db_int(limit)};
    return rows_all(cx, Q_MARK_DISPUTED, args, ARRAY_LEN(args), a, disputed_read,
                    sizeof(struct mark_disputed), ret_marks, ret_n, e);
}
