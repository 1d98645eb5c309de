/* Reports over one session and one course: see the route table and report.h. Handler threads. */
#include "api/report.h"

#include "store/course.h"
#include "store/session.h"

#include <math.h>
#include <stdlib.h>

enum { SESSIONS_MAX = 2000 }; /* columns of a course's report */

/* ---- a session: everybody on its roster, with or without a mark */

struct session_row {
    struct report_row base;
    struct person student;
    struct str status;
    usec_t first_seen, last_seen;
    int64_t minutes, late_minutes;
};

static const struct field session_row_fields[] = {
    FIELD_OBJECT(struct session_row, student, &person_schema, FIELD_REQUIRED, "Who."),
    FIELD_STR(struct session_row, status, 0, 32, FIELD_NULLABLE,
              "present, late, left-early, absent, excused; null: no mark yet."),
    FIELD_TIME(struct session_row, first_seen, FIELD_NULLABLE, "First sighting that counted."),
    FIELD_TIME(struct session_row, last_seen, FIELD_NULLABLE, "Last sighting, to the minute."),
    FIELD_INT(struct session_row, minutes, 0, 1e9, FIELD_REQUIRED,
              "Minutes with a sighting; 0 to who may not read the register."),
    FIELD_INT(struct session_row, late_minutes, 0, 1e9, FIELD_REQUIRED,
              "Of who is late: from the session's start to the first sighting."),
};
static const struct schema session_row_schema =
    SCHEMA("SessionReportRow", struct session_row, session_row_fields);

static const struct field session_out_fields[] = {
    REPORT_HEAD_FIELDS,
    FIELD_ID(struct report_head, session, FIELD_REQUIRED, "The session."),
    FIELD_OBJECT(struct report_head, course, &course_ref_schema, FIELD_REQUIRED, "Its course."),
    FIELD_STR(struct report_head, status, 0, 32, FIELD_REQUIRED, "The session's status."),
    FIELD_TIME(struct report_head, planned_start, FIELD_NULLABLE, "When it should start."),
    FIELD_TIME(struct report_head, started_at, FIELD_NULLABLE, "When it started."),
    FIELD_TIME(struct report_head, ended_at, FIELD_NULLABLE, "When it ended."),
    FIELD_OBJECT(struct report_head, counts, &report_tally_schema, FIELD_REQUIRED,
                 "All marks of the session, whatever the filters."),
    REPORT_TAIL_FIELDS(&session_row_schema),
};
const struct schema session_report_schema =
    SCHEMA("SessionReport", struct report_head, session_out_fields);

static enum err session_counts(struct db_cx *cx, struct report *t, struct report_head *head,
                               struct error *e)
{
    struct report_status_count *rows;
    struct counts tally = {0};
    int n;
    enum err r = report_session_counts(cx, t->a, t->session, &rows, &n, e);
    for (int i = 0; r == ERR_OK && i < n; i++)
        counts_add(&tally, rows[i].status, rows[i].n);
    head->counts = report_tally_of(&tally);
    return r;
}

static enum err session_head(struct db_cx *cx, struct report *t, struct report_head *head,
                             struct error *e)
{
    struct session s;
    enum err r = report_allowed(cx, t, ACCESS_SESSION, t->session.text, e);
    if (r == ERR_OK)
        r = session_get(cx, t->a, t->session, &s, e);
    if (r)
        return r;
    t->course = s.course;
    t->started = s.started_at ? s.started_at : s.planned_start;
    t->roster_at = s.status == SESSION_CLOSED ? s.ended_at : time_utc();
    memcpy(head->session, t->session.text, ID_TEXT);
    memcpy(head->course.id, s.course.text, ID_TEXT);
    head->course.code = s.course_code;
    head->course.title = s.course_title;
    head->status = str_from(session_status_name(s.status));
    head->planned_start = s.planned_start;
    head->started_at = s.started_at;
    head->ended_at = s.ended_at;
    head->title =
        str_from(arena_printf(t->a, "%.*s %.*s%s%.*s", STR_ARGS(s.course_code),
                              STR_ARGS(s.course_title), s.title.n ? ": " : "", STR_ARGS(s.title)));
    return session_counts(cx, t, head, e);
}

static void person_of(struct person *p, const char *id, struct str external_id, struct str name)
{
    memcpy(p->id, id, ID_TEXT);
    p->external_id = external_id;
    p->name = report_name(name);
}

static enum err session_page(struct db_cx *cx, struct report *t, struct arena *a,
                             struct report_page *page, struct error *e)
{
    struct report_seen *seen;
    int n;
    enum err r = report_session_rows(cx, a, t->session, t->course, t->roster_at, str_from(t->after),
                                     REPORT_PAGE, &seen, &n, e);
    struct session_row *rows = r ? NULL : arena_array(a, (size_t)n + 1, sizeof *rows);
    if (!rows)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for a page of the report");
    page->rows = (char *)rows;
    page->last = n < REPORT_PAGE;
    page->cursor = n ? seen[n - 1].external_id : STR("");
    for (int i = 0; i < n; i++) {
        const struct report_seen *s = &seen[i];
        bool late = str_is(s->status, "late");
        struct session_row *row = &rows[page->n];
        *row = (struct session_row){.base.cursor = s->external_id,
                                    .status = s->status,
                                    .first_seen = s->first_seen,
                                    .last_seen = s->last_seen,
                                    .minutes = s->minutes,
                                    .late_minutes =
                                        late ? report_minutes(t->started, s->first_seen) : 0};
        report_hide_how(t, row->first_seen, &row->last_seen, &row->minutes);
        counts_add(&row->base.tally, s->status, 1);
        person_of(&row->student, s->id, s->external_id, s->name);
        page->n += report_mark_asked(t, s->status, row->late_minutes);
    }
    return ERR_OK;
}

enum err report_session(struct call *c, struct error *e)
{
    static const struct report_kind kind = {"session", &session_report_schema, &session_row_schema,
                                            session_head, session_page};
    struct report *t;
    enum err r = report_ask(c, &t, e);
    if (r == ERR_OK)
        r = report_id(c, "session", t->session.text, e);
    if (r == ERR_OK)
        r = report_marks_asked(c, t, e);
    return r ? r : report_answer(c, t, &kind, e);
}

/* ---- a course: its students by its sessions */

struct course_row {
    struct report_row base;
    struct person student;
    struct report_tally counts;
    struct str *marks;
    int n_marks;
};

static const struct field course_row_fields[] = {
    FIELD_OBJECT(struct course_row, student, &person_schema, FIELD_REQUIRED, "Who."),
    FIELD_OBJECT(struct course_row, counts, &report_tally_schema, FIELD_REQUIRED,
                 "The marks in these sessions."),
    FIELD_STRINGS(struct course_row, marks, n_marks, SESSIONS_MAX, FIELD_REQUIRED,
                  "One for each of `sessions`: a status, or empty without a mark."),
};
static const struct schema course_row_schema =
    SCHEMA("CourseReportRow", struct course_row, course_row_fields);

struct column {
    struct report_session session;
    int place; /* in the order of time */
};

static const struct field column_fields[] = {
    FIELD_ID(struct report_session, id, FIELD_REQUIRED, "The session."),
    FIELD_TIME(struct report_session, at, FIELD_REQUIRED,
               "Its planned start, else its start, else when it was made."),
    FIELD_STR(struct report_session, title, 0, 200, FIELD_REQUIRED, "May be empty."),
    FIELD_STR(struct report_session, status, 0, 32, FIELD_REQUIRED, "The session's status."),
};
static const struct schema column_schema =
    SCHEMA("CourseReportSession", struct report_session, column_fields);

static const struct field course_out_fields[] = {
    REPORT_HEAD_FIELDS,
    FIELD_OBJECT(struct report_head, course, &course_ref_schema, FIELD_REQUIRED, "The course."),
    FIELD_STR(struct report_head, term, 0, 64, FIELD_REQUIRED, "Its term."),
    {.name = "sessions",
     .type = FIELD_T_LIST,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct report_head, list),
     .count_offset = offsetof(struct report_head, n_list),
     .max = SESSIONS_MAX,
     .sub = &column_schema,
     .doc = "The columns of `marks`, in order of time."},
    REPORT_TAIL_FIELDS(&course_row_schema),
};
const struct schema course_report_schema =
    SCHEMA("CourseReport", struct report_head, course_out_fields);

static int by_session(const void *a, const void *b)
{
    const struct column *x = a, *y = b;
    return strcmp(x->session.id.text, y->session.id.text);
}

/* Columns by id for bsearch, and their names in order of time. */
static enum err columns_make(struct report *t, const struct report_session *sessions, int n,
                             struct error *e)
{
    struct column *columns = arena_array(t->a, (size_t)n + 1, sizeof *columns);
    t->columns = arena_array(t->a, (size_t)n + 1, sizeof *t->columns);
    if (!columns || !t->columns)
        return error_set(e, ERR_NOMEM, "no memory for %d sessions", n);
    for (int i = 0; i < n; i++) {
        char at[TZ_TIME_TEXT];
        enum err r = tz_format(str_from(t->filter.tz), sessions[i].at, at, e);
        if (r)
            return r;
        columns[i] = (struct column){.session = sessions[i], .place = i};
        t->columns[i] = str_from(arena_printf(
            t->a, "%.16s%s%.*s", at, sessions[i].title.n ? " " : "", STR_ARGS(sessions[i].title)));
    }
    qsort(columns, (size_t)n, sizeof *columns, by_session);
    t->more = columns;
    t->n_columns = n;
    return ERR_OK;
}

static enum err course_head(struct db_cx *cx, struct report *t, struct report_head *head,
                            struct error *e)
{
    struct course course;
    struct report_session *sessions;
    int n = 0;
    enum err r = report_allowed(cx, t, ACCESS_COURSE, t->course.text, e);
    if (r == ERR_OK)
        r = course_get(cx, t->a, t->course, &course, e);
    if (r == ERR_OK)
        r = report_course_sessions(cx, t->a, t->course, &t->filter, SESSIONS_MAX + 1, &sessions, &n,
                                   e);
    if (r == ERR_OK && n > SESSIONS_MAX)
        r = error_set(e, ERR_INVALID, "more than %d sessions: give from and to", SESSIONS_MAX);
    if (r)
        return r;
    memcpy(head->course.id, course.id.text, ID_TEXT);
    head->course.code = course.code;
    head->course.title = course.title;
    head->term = course.term;
    head->title =
        str_from(arena_printf(t->a, "%.*s %.*s", STR_ARGS(course.code), STR_ARGS(course.title)));
    head->list = sessions;
    head->n_list = n;
    return columns_make(t, sessions, n, e);
}

/* Puts a mark in its column; those of other sessions are not asked for. */
static void mark_place(const struct report *t, const struct report_mark *m, struct course_row *row,
                       bool *ret_asked)
{
    const struct column key = {.session.id = m->session};
    const struct column *found =
        bsearch(&key, t->more, (size_t)t->n_columns, sizeof key, by_session);
    if (!found)
        return;
    const struct report_session *s = &found->session;
    usec_t started = s->started_at ? s->started_at : s->at;
    row->marks[found->place] = m->status;
    counts_add(&row->base.tally, m->status, 1);
    *ret_asked =
        *ret_asked || report_mark_asked(t, m->status, report_minutes(started, m->first_seen));
}

static enum err course_page(struct db_cx *cx, struct report *t, struct arena *a,
                            struct report_page *page, struct error *e)
{
    struct report_mark *marks;
    int n, students = 0;
    enum err r =
        report_course_marks(cx, a, t->course, str_from(t->after), REPORT_PAGE, &marks, &n, e);
    struct course_row *rows = r ? NULL : arena_array(a, REPORT_PAGE, sizeof *rows);
    bool any = t->late_over < 0 && !t->status.p;
    page->rows = (char *)rows;
    for (int i = 0; rows && i < n; students++) {
        struct course_row *row = &rows[page->n];
        bool asked = any;
        int first = i;
        *row = (struct course_row){.base.cursor = marks[i].external_id, .n_marks = t->n_columns};
        row->marks = arena_array(a, (size_t)t->n_columns + 1, sizeof *row->marks);
        if (!row->marks)
            return error_set(e, ERR_NOMEM, "no memory for a page of the report");
        for (int k = 0; k < t->n_columns; k++)
            row->marks[k] = STR("");
        for (; i < n && str_eq(marks[i].external_id, marks[first].external_id); i++)
            mark_place(t, &marks[i], row, &asked);
        row->counts = report_tally_of(&row->base.tally);
        person_of(&row->student, marks[first].id, marks[first].external_id, marks[first].name);
        page->n += asked && (isnan(t->below) || counts_is_below(&row->base.tally, t->below));
    }
    page->last = students < REPORT_PAGE;
    page->cursor = rows && n ? marks[n - 1].external_id : STR("");
    return r || rows ? r : error_set(e, ERR_NOMEM, "no memory for a page of the report");
}

enum err report_course(struct call *c, struct error *e)
{
    static const struct report_kind kind = {"course", &course_report_schema, &course_row_schema,
                                            course_head, course_page};
    struct report *t;
    enum err r = report_ask(c, &t, e);
    if (r == ERR_OK)
        r = report_id(c, "course", t->course.text, e);
    if (r == ERR_OK)
        r = report_marks_asked(c, t, e);
    if (r == ERR_OK)
        r = report_below_asked(c, t, e);
    return r ? r : report_answer(c, t, &kind, e);
}
