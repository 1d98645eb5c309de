/* Reports: see report.h. SQL in sql/report.sql. Inside db_read, any thread; each function is one
 * query whose cost grows with the page, not with the table. */
#include "store/report.h"

#include "store/rows.h"

#include <string.h>

bool report_filter_some(const struct report_filter *f)
{
    return f->from > 0 || f->to > 0 || f->weekday > 0;
}

static void seen_read(struct row *row, void *ret_item)
{
    struct report_seen *s = ret_item;
    db_col_copy(row->rows, "id", s->id, sizeof s->id);
    s->external_id = row_str(row, "external_id");
    s->name = row_str(row, "name");
    s->status = row_str(row, "status");
    s->first_seen = db_col_int(row->rows, "first_seen");
    s->last_seen = db_col_int(row->rows, "last_seen");
    s->minutes = db_col_int(row->rows, "minutes");
}

enum err report_session_rows(struct db_cx *cx, struct arena *a, struct session_id session,
                             struct course_id course, usec_t at, struct str after, int limit,
                             struct report_seen **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(course.text), db_int(at),
                                    text_of(after), db_int(limit)};
    return rows_all(cx, Q_REPORT_SESSION_ROWS, args, ARRAY_LEN(args), a, seen_read,
                    sizeof(struct report_seen), ret_rows, ret_n, e);
}

static void status_count_read(struct row *row, void *ret_item)
{
    struct report_status_count *s = ret_item;
    s->status = row_str(row, "status");
    s->n = db_col_int(row->rows, "n");
}

enum err report_session_counts(struct db_cx *cx, struct arena *a, struct session_id session,
                               struct report_status_count **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(session.text)};
    return rows_all(cx, Q_REPORT_SESSION_COUNTS, args, ARRAY_LEN(args), a, status_count_read,
                    sizeof(struct report_status_count), ret_rows, ret_n, e);
}

static void session_read(struct row *row, void *ret_item)
{
    struct report_session *s = ret_item;
    db_col_copy(row->rows, "id", s->id.text, sizeof s->id.text);
    s->title = row_str(row, "title");
    s->status = row_str(row, "status");
    s->at = db_col_int(row->rows, "at");
    s->started_at = db_col_int(row->rows, "started_at");
}

enum err report_course_sessions(struct db_cx *cx, struct arena *a, struct course_id course,
                                const struct report_filter *filter, int limit,
                                struct report_session **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_int(filter->from),
                                    db_int(filter->to),   db_int(filter->weekday),
                                    db_text(filter->tz),  db_int(limit)};
    return rows_all(cx, Q_REPORT_COURSE_SESSIONS, args, ARRAY_LEN(args), a, session_read,
                    sizeof(struct report_session), ret_rows, ret_n, e);
}

static void mark_read_row(struct row *row, void *ret_item)
{
    struct report_mark *m = ret_item;
    db_col_copy(row->rows, "id", m->id, sizeof m->id);
    m->external_id = row_str(row, "external_id");
    m->name = row_str(row, "name");
    db_col_copy(row->rows, "session_id", m->session.text, sizeof m->session.text);
    m->status = row_str(row, "status");
    m->first_seen = db_col_int(row->rows, "first_seen");
}

enum err report_course_marks(struct db_cx *cx, struct arena *a, struct course_id course,
                             struct str after, int limit, struct report_mark **ret_rows, int *ret_n,
                             struct error *e)
{
    const struct db_value args[] = {db_text(course.text), text_of(after), db_int(limit)};
    return rows_all(cx, Q_REPORT_COURSE_MARKS, args, ARRAY_LEN(args), a, mark_read_row,
                    sizeof(struct report_mark), ret_rows, ret_n, e);
}

static void sitting_read(struct row *row, void *ret_item)
{
    struct report_sitting *s = ret_item;
    db_col_copy(row->rows, "id", s->session.text, sizeof s->session.text);
    s->at = db_col_int(row->rows, "at");
    s->title = row_str(row, "title");
    s->started_at = db_col_int(row->rows, "started_at");
    s->course_code = row_str(row, "code");
    s->course_title = row_str(row, "course_title");
    s->term = row_str(row, "term");
    s->status = row_str(row, "status");
    s->first_seen = db_col_int(row->rows, "first_seen");
    s->last_seen = db_col_int(row->rows, "last_seen");
    s->minutes = db_col_int(row->rows, "minutes");
}

enum err report_student_rows(struct db_cx *cx, struct arena *a, struct student_id student,
                             const struct report_filter *filter, usec_t after_at,
                             struct session_id after, int limit, struct report_sitting **ret_rows,
                             int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(student.text),   db_text(filter->course.text),
                                    db_int(filter->from),    db_int(filter->to),
                                    db_int(filter->weekday), db_text(filter->tz),
                                    db_int(after_at),        db_text(after.text),
                                    db_int(limit),           db_text(filter->instructor)};
    return rows_all(cx, Q_REPORT_STUDENT_ROWS, args, ARRAY_LEN(args), a, sitting_read,
                    sizeof(struct report_sitting), ret_rows, ret_n, e);
}

static void course_count_read(struct row *row, void *ret_item)
{
    struct report_course_count *c = ret_item;
    db_col_copy(row->rows, "id", c->course.text, sizeof c->course.text);
    c->code = row_str(row, "code");
    c->title = row_str(row, "title");
    c->term = row_str(row, "term");
    c->status = row_str(row, "status");
    c->n = db_col_int(row->rows, "n");
}

enum err report_student_courses(struct db_cx *cx, struct arena *a, struct student_id student,
                                const struct report_filter *filter,
                                struct report_course_count **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(student.text),      db_text(filter->course.text),
                                    db_int(filter->from),       db_int(filter->to),
                                    db_int(filter->weekday),    db_text(filter->tz),
                                    db_text(filter->instructor)};
    return rows_all(cx, Q_REPORT_STUDENT_COURSES, args, ARRAY_LEN(args), a, course_count_read,
                    sizeof(struct report_course_count), ret_rows, ret_n, e);
}

static void total_read(struct row *row, struct report_total *t)
{
    db_col_copy(row->rows, "id", t->id, sizeof t->id);
    t->n = db_col_int(row->rows, "n");
    t->counts.present = db_col_int(row->rows, "present");
    t->counts.late = db_col_int(row->rows, "late");
    t->counts.left_early = db_col_int(row->rows, "left_early");
    t->counts.absent = db_col_int(row->rows, "absent");
    t->counts.excused = db_col_int(row->rows, "excused");
}

static void student_total_read(struct row *row, void *ret_item)
{
    struct report_total *t = ret_item;
    t->key = row_str(row, "external_id");
    t->name = row_str(row, "name");
    total_read(row, t);
}

static void course_total_read(struct row *row, void *ret_item)
{
    struct report_total *t = ret_item;
    t->key = row_str(row, "code");
    t->name = row_str(row, "title");
    total_read(row, t);
}

enum { TERM_ARGS = 5, TERM_ARGS_WHEN = 9 };

/* Where the page of students or courses ends; ret_n 0: nothing is left. */
static enum err page_end(struct db_cx *cx, enum query q, const struct db_value *args, int n_args,
                         struct arena *a, struct str *ret_last, int64_t *ret_n, struct error *e)
{
    struct row row = {.a = a};
    bool has = false;
    enum err r = db_query(cx, q, args, n_args, &row.rows, e);
    if (!r)
        r = db_next(row.rows, &has, e);
    *ret_n = !r && has ? db_col_int(row.rows, "n") : 0;
    *ret_last = !r && has ? row_str(&row, "last") : STR("");
    db_rows_done(&row.rows);
    return r || !row.failed ? r : error_set(e, ERR_NOMEM, "no memory for a page of the report");
}

enum err report_term_students(struct db_cx *cx, struct arena *a, struct str term,
                              const struct report_filter *filter, struct str after, int limit,
                              struct report_total **ret_rows, int *ret_n, struct error *e)
{
    bool some = report_filter_some(filter);
    struct str last;
    int64_t n;
    const struct db_value page[] = {text_of(after), db_int(limit)};
    enum err r = page_end(cx, Q_REPORT_TERM_PAGE, page, ARRAY_LEN(page), a, &last, &n, e);
    *ret_rows = NULL;
    *ret_n = 0;
    if (r || n == 0)
        return r;
    const struct db_value args[TERM_ARGS_WHEN] = {
        text_of(term),      db_text(filter->course.text), text_of(after),
        text_of(last),      db_text(filter->instructor),  db_int(filter->from),
        db_int(filter->to), db_int(filter->weekday),      db_text(filter->tz)};
    return rows_all(cx, some ? Q_REPORT_TERM_STUDENTS_WHEN : Q_REPORT_TERM_STUDENTS, args,
                    some ? TERM_ARGS_WHEN : TERM_ARGS, a, student_total_read,
                    sizeof(struct report_total), ret_rows, ret_n, e);
}

enum err report_term_below(struct db_cx *cx, struct arena *a, struct str term,
                           const struct report_filter *filter, double below, struct str after,
                           int limit, struct report_total **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {text_of(term),
                                    db_text(filter->course.text),
                                    db_text(filter->instructor),
                                    text_of(after),
                                    db_int(limit),
                                    db_real(below)};
    return rows_all(cx, Q_REPORT_TERM_BELOW, args, ARRAY_LEN(args), a, student_total_read,
                    sizeof(struct report_total), ret_rows, ret_n, e);
}

enum err report_term_courses(struct db_cx *cx, struct arena *a, struct str term,
                             const struct report_filter *filter, struct str after, int limit,
                             struct report_total **ret_rows, int *ret_n, struct error *e)
{
    bool some = report_filter_some(filter);
    struct str last;
    int64_t n;
    const struct db_value page[] = {text_of(term), db_text(filter->course.text),
                                    db_text(filter->instructor), text_of(after), db_int(limit)};
    enum err r = page_end(cx, Q_REPORT_TERM_COURSE_PAGE, page, ARRAY_LEN(page), a, &last, &n, e);
    *ret_rows = NULL;
    *ret_n = 0;
    if (r || n == 0)
        return r;
    const struct db_value args[TERM_ARGS_WHEN] = {
        text_of(term),      db_text(filter->course.text), text_of(after),
        text_of(last),      db_text(filter->instructor),  db_int(filter->from),
        db_int(filter->to), db_int(filter->weekday),      db_text(filter->tz)};
    return rows_all(cx, some ? Q_REPORT_TERM_COURSES_WHEN : Q_REPORT_TERM_COURSES, args,
                    some ? TERM_ARGS_WHEN : TERM_ARGS, a, course_total_read,
                    sizeof(struct report_total), ret_rows, ret_n, e);
}

enum err report_term_counts(struct db_cx *cx, struct str term, const struct report_filter *filter,
                            int64_t *ret_courses, int64_t *ret_sessions, struct error *e)
{
    const struct db_value args[] = {text_of(term), db_text(filter->course.text),
                                    db_text(filter->instructor)};
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, Q_REPORT_TERM_COUNTS, args, ARRAY_LEN(args), &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (!r && has) {
        *ret_courses = db_col_int(rows, "courses");
        *ret_sessions = db_col_int(rows, "sessions");
    }
    return r;
}

enum err report_zone(struct db_cx *cx, struct session_id session, struct course_id course,
                     char ret_tz[static TZ_NAME_MAX], struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(course.text)};
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, Q_REPORT_ZONE, args, ARRAY_LEN(args), &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (!r && has)
        db_col_copy(rows, "tz", ret_tz, TZ_NAME_MAX);
    else if (!r)
        memcpy(ret_tz, "UTC", sizeof "UTC");
    return r;
}

enum err report_signed_set(struct db_cx *cx, usec_t at, struct error *e)
{
    const struct db_value args[] = {db_int(at)};
    return db_exec(cx, Q_REGISTER_SIGNED_SET, args, ARRAY_LEN(args), NULL, e);
}

enum err report_verification_set(struct db_cx *cx, const struct report_verification *v,
                                 struct error *e)
{
    const struct db_value args[] = {db_int(v->at), db_int(v->chains), db_int(v->events),
                                    db_int(v->marks), db_int(v->findings)};
    return db_exec(cx, Q_REGISTER_VERIFICATION_SET, args, ARRAY_LEN(args), NULL, e);
}

enum err report_verification_get(struct db_cx *cx, struct report_verification *ret_v,
                                 struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, Q_REGISTER_VERIFICATION_GET, NULL, 0, &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (r)
        return r;
    *ret_v = (struct report_verification){0};
    if (has)
        *ret_v = (struct report_verification){.at = db_col_int(rows, "verified_at"),
                                              .chains = db_col_int(rows, "chains"),
                                              .events = db_col_int(rows, "events"),
                                              .marks = db_col_int(rows, "marks"),
                                              .findings = db_col_int(rows, "findings"),
                                              .signed_at = db_col_int(rows, "signed_at")};
    return ERR_OK;
}
