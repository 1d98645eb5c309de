/* Reports over one student and one term: see the route table and report.h. Handler threads. */
#include "api/report.h"

#include "store/student.h"

#include <math.h>
#include <stdio.h>

/* ---- a student: each session of each course */

struct sitting_row {
    struct report_row base;
    char session[ID_TEXT];
    usec_t at, first_seen, last_seen;
    struct str title, course_code, course_title, term, status;
    int64_t minutes, late_minutes;
};

static const struct field sitting_fields[] = {
    FIELD_ID(struct sitting_row, session, FIELD_REQUIRED, "The session."),
    FIELD_TIME(struct sitting_row, at, FIELD_REQUIRED,
               "Its planned start, else its start, else when it was made."),
    FIELD_STR(struct sitting_row, title, 0, 200, FIELD_REQUIRED, "The session's; may be empty."),
    FIELD_STR(struct sitting_row, course_code, 0, 64, FIELD_REQUIRED, "The course's code."),
    FIELD_STR(struct sitting_row, course_title, 0, 200, FIELD_REQUIRED, "The course's title."),
    FIELD_STR(struct sitting_row, term, 0, 64, FIELD_REQUIRED, "The course's term."),
    FIELD_STR(struct sitting_row, status, 0, 32, FIELD_NULLABLE,
              "present, late, left-early, absent, excused; null: it goes on, no mark yet."),
    FIELD_TIME(struct sitting_row, first_seen, FIELD_NULLABLE, "First sighting that counted."),
    FIELD_TIME(struct sitting_row, last_seen, FIELD_NULLABLE, "Last sighting, to the minute."),
    FIELD_INT(struct sitting_row, minutes, 0, 1e9, FIELD_REQUIRED,
              "Minutes with a sighting; 0 to who may not read the register."),
    FIELD_INT(struct sitting_row, late_minutes, 0, 1e9, FIELD_REQUIRED,
              "Late: from the session's start to the first sighting."),
};
static const struct schema sitting_schema =
    SCHEMA("StudentReportRow", struct sitting_row, sitting_fields);

struct taken {
    char id[ID_TEXT];
    struct str code, title, term;
    struct counts tally;
    struct report_tally counts;
};

static const struct field taken_fields[] = {
    FIELD_ID(struct taken, id, FIELD_REQUIRED, "The course's id."),
    FIELD_STR(struct taken, code, 0, 64, FIELD_REQUIRED, "Its code."),
    FIELD_STR(struct taken, title, 0, 200, FIELD_REQUIRED, "Its title."),
    FIELD_STR(struct taken, term, 0, 64, FIELD_REQUIRED, "Its term."),
    FIELD_OBJECT(struct taken, counts, &report_tally_schema, FIELD_REQUIRED,
                 "The student's marks in it."),
};
static const struct schema taken_schema = SCHEMA("StudentReportCourse", struct taken, taken_fields);

static const struct field student_out_fields[] = {
    REPORT_HEAD_FIELDS,
    FIELD_OBJECT(struct report_head, student, &person_schema, FIELD_REQUIRED, "Who."),
    FIELD_OBJECT(struct report_head, counts, &report_tally_schema, FIELD_REQUIRED,
                 "All marks of the period."),
    {.name = "courses",
     .type = FIELD_T_LIST,
     .flags = FIELD_REQUIRED,
     .offset = offsetof(struct report_head, list),
     .count_offset = offsetof(struct report_head, n_list),
     .max = 10000,
     .sub = &taken_schema,
     .doc = "Courses with a mark in the period, by code."},
    REPORT_TAIL_FIELDS(&sitting_schema),
};
const struct schema student_report_schema =
    SCHEMA("StudentReport", struct report_head, student_out_fields);

/* Rows of (course, status, n), in order of the course, to one entry a course. */
static enum err taken_make(struct report *t, const struct report_course_count *rows, int n,
                           struct report_head *head, struct error *e)
{
    struct taken *list = arena_array(t->a, (size_t)n + 1, sizeof *list);
    struct counts all = {0};
    int made = 0;
    if (!list)
        return error_set(e, ERR_NOMEM, "no memory for %d courses", n);
    for (int i = 0; i < n; i++) {
        if (made == 0 || strcmp(list[made - 1].id, rows[i].course.text) != 0) {
            struct taken *course = &list[made++];
            memcpy(course->id, rows[i].course.text, ID_TEXT);
            course->code = rows[i].code;
            course->title = rows[i].title;
            course->term = rows[i].term;
        }
        counts_add(&list[made - 1].tally, rows[i].status, rows[i].n);
        counts_add(&all, rows[i].status, rows[i].n);
        list[made - 1].counts = report_tally_of(&list[made - 1].tally);
    }
    head->list = list;
    head->n_list = made;
    head->counts = report_tally_of(&all);
    return ERR_OK;
}

static enum err student_head(struct db_cx *cx, struct report *t, struct report_head *head,
                             struct error *e)
{
    struct student s;
    struct report_course_count *rows;
    int n;
    enum err r = report_allowed(cx, t, ACCESS_STUDENT, t->student.text, e);
    if (r == ERR_OK)
        r = student_get(cx, t->a, t->student, &s, e);
    if (r == ERR_OK)
        r = report_student_courses(cx, t->a, t->student, &t->filter, &rows, &n, e);
    if (r)
        return r;
    memcpy(head->student.id, t->student.text, ID_TEXT);
    head->student.external_id = s.external_id;
    head->student.name = report_name(s.name);
    head->title = head->student.name;
    return taken_make(t, rows, n, head, e);
}

/* "TIME_ID", as sitting rows give it. */
static enum err sitting_cursor(const struct report *t, usec_t *ret_at, struct session_id *ret_id,
                               struct error *e)
{
    struct str rest = str_from(t->after), at;
    *ret_at = 0;
    *ret_id = (struct session_id){{0}};
    if (!rest.n)
        return ERR_OK;
    if (!str_split(&rest, '_', &at) || str_to_i64(at, ret_at, NULL) ||
        id_parse(rest, ret_id->text, NULL))
        return error_set(e, ERR_INVALID, "after is not a cursor of this report");
    return ERR_OK;
}

static struct sitting_row sitting_of(const struct report *t, const struct report_sitting *s)
{
    usec_t started = s->started_at ? s->started_at : s->at;
    bool late = str_is(s->status, "late");
    struct sitting_row row = {.at = s->at,
                              .title = s->title,
                              .course_code = s->course_code,
                              .course_title = s->course_title,
                              .term = s->term,
                              .status = s->status,
                              .first_seen = s->first_seen,
                              .last_seen = s->last_seen,
                              .minutes = s->minutes,
                              .late_minutes = late ? report_minutes(started, s->first_seen) : 0};
    memcpy(row.session, s->session.text, ID_TEXT);
    report_hide_how(t, row.first_seen, &row.last_seen, &row.minutes);
    counts_add(&row.base.tally, s->status, 1);
    return row;
}

static enum err student_page(struct db_cx *cx, struct report *t, struct arena *a,
                             struct report_page *page, struct error *e)
{
    struct report_sitting *seen;
    struct session_id after;
    usec_t at;
    int n;
    enum err r = sitting_cursor(t, &at, &after, e);
    if (r == ERR_OK)
        r = report_student_rows(cx, a, t->student, &t->filter, at, after, REPORT_PAGE, &seen, &n,
                                e);
    struct sitting_row *rows = r ? NULL : arena_array(a, (size_t)n + 1, sizeof *rows);
    if (!rows)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for a page of the report");
    page->rows = (char *)rows;
    page->last = n < REPORT_PAGE;
    for (int i = 0; i < n; i++) {
        struct sitting_row *row = &rows[page->n];
        *row = sitting_of(t, &seen[i]);
        row->base.cursor =
            str_from(arena_printf(a, "%lld_%s", (long long)seen[i].at, seen[i].session.text));
        page->cursor = row->base.cursor;
        page->n += report_mark_asked(t, row->status, row->late_minutes);
    }
    return ERR_OK;
}

static enum err course_asked(struct call *c, struct report *t, struct error *e)
{
    struct str v;
    enum err r = call_query(c, "course", &v, e);
    return r || !v.p ? r : id_parse(v, t->filter.course.text, e);
}

enum err report_student(struct call *c, struct error *e)
{
    static const struct report_kind kind = {"student", &student_report_schema, &sitting_schema,
                                            student_head, student_page};
    struct report *t;
    enum err r = report_ask(c, &t, e);
    if (r == ERR_OK)
        r = report_id(c, "student", t->student.text, e);
    if (r == ERR_OK)
        r = course_asked(c, t, e);
    if (r == ERR_OK)
        r = report_marks_asked(c, t, e);
    return r ? r : report_answer(c, t, &kind, e);
}

/* ---- a term: totals of its students, or of its courses */

struct term_row {
    struct report_row base;
    struct person student;
    struct {
        char id[ID_TEXT];
        struct str code, title;
    } course;
    struct report_tally counts;
};

static const struct field term_row_fields[] = {
    FIELD_OBJECT(struct term_row, student, &person_schema, FIELD_REQUIRED, "Who."),
    FIELD_OBJECT(struct term_row, counts, &report_tally_schema, FIELD_REQUIRED,
                 "The marks in the term's courses."),
};
static const struct schema term_row_schema =
    SCHEMA("TermReportRow", struct term_row, term_row_fields);
static const struct field term_course_fields[] = {
    FIELD_OBJECT(struct term_row, course, &course_ref_schema, FIELD_REQUIRED, "The course."),
    FIELD_OBJECT(struct term_row, counts, &report_tally_schema, FIELD_REQUIRED, "The marks in it."),
};
static const struct schema term_course_schema =
    SCHEMA("TermCourseReportRow", struct term_row, term_course_fields);

#define TERM_OUT(row)                                                                              \
    REPORT_HEAD_FIELDS, FIELD_STR(struct report_head, term, 0, 64, FIELD_REQUIRED, "The term."),   \
        FIELD_INT(struct report_head, n_courses, 0, 1e9, FIELD_REQUIRED, "Its courses."),          \
        FIELD_INT(struct report_head, n_sessions, 0, 1e9, FIELD_REQUIRED, "Their sessions."),      \
        REPORT_TAIL_FIELDS(row)

static const struct field term_out_fields[] = {TERM_OUT(&term_row_schema)};
const struct schema term_report_schema = SCHEMA("TermReport", struct report_head, term_out_fields);
static const struct field term_courses_out_fields[] = {TERM_OUT(&term_course_schema)};
const struct schema term_courses_report_schema =
    SCHEMA("TermCoursesReport", struct report_head, term_courses_out_fields);

static enum err term_head(struct db_cx *cx, struct report *t, struct report_head *head,
                          struct error *e)
{
    if (t->scope.student[0])
        return error_set(e, ERR_FORBIDDEN,
                         "this is about everybody in it: ask for the report of a student");
    head->term = t->term;
    head->title = str_from(arena_printf(t->a, "%.*s", STR_ARGS(t->term)));
    return report_term_counts(cx, t->term, &t->filter, &head->n_courses, &head->n_sessions, e);
}

static bool term_row_of(const struct report *t, const struct report_total *total, bool courses,
                        struct term_row *row)
{
    *row = (struct term_row){.base.cursor = total->key};
    const struct report_counts *n = &total->counts;
    row->base.tally = (struct counts){.present = n->present,
                                      .late = n->late,
                                      .left_early = n->left_early,
                                      .absent = n->absent,
                                      .excused = n->excused};
    row->counts = report_tally_of(&row->base.tally);
    if (courses) {
        memcpy(row->course.id, total->id, ID_TEXT);
        row->course.code = total->key;
        row->course.title = total->name;
    } else {
        memcpy(row->student.id, total->id, ID_TEXT);
        row->student.external_id = total->key;
        row->student.name = report_name(total->name);
    }
    bool counted = courses || total->n > 0;
    return counted && (isnan(t->below) || counts_is_below(&row->base.tally, t->below));
}

/* Totals of students or courses, up to *ret_wanted of them; fewer are the end. */
static enum err term_totals(struct db_cx *cx, const struct report *t, struct arena *a, bool courses,
                            struct report_total **ret_totals, int *ret_n, int *ret_wanted,
                            struct error *e)
{
    struct str after = str_from(t->after);
    bool some = report_filter_some(&t->filter);
    *ret_wanted = some ? REPORT_PAGE_COUNTED : REPORT_PAGE;
    if (!courses && !some && !isnan(t->below)) { /* one more than asked: is it the end? */
        *ret_wanted = t->limit ? (int)(t->limit - t->sent) + 1 : REPORT_PAGE_TOTALS;
        return report_term_below(cx, a, t->term, &t->filter, t->below, after, *ret_wanted,
                                 ret_totals, ret_n, e);
    }
    return (courses ? report_term_courses : report_term_students)(
        cx, a, t->term, &t->filter, after, *ret_wanted, ret_totals, ret_n, e);
}

static enum err term_page(struct db_cx *cx, struct report *t, struct arena *a,
                          struct report_page *page, bool courses, struct error *e)
{
    struct report_total *totals;
    int n, wanted;
    enum err r = term_totals(cx, t, a, courses, &totals, &n, &wanted, e);
    struct term_row *rows = r ? NULL : arena_array(a, (size_t)n + 1, sizeof *rows);
    if (!rows)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for a page of the report");
    page->rows = (char *)rows;
    page->last = n < wanted;
    page->cursor = n ? totals[n - 1].key : STR("");
    for (int i = 0; i < n; i++)
        page->n += term_row_of(t, &totals[i], courses, &rows[page->n]);
    return ERR_OK;
}

static enum err term_students_page(struct db_cx *cx, struct report *t, struct arena *a,
                                   struct report_page *page, struct error *e)
{
    return term_page(cx, t, a, page, false, e);
}

static enum err term_courses_page(struct db_cx *cx, struct report *t, struct arena *a,
                                  struct report_page *page, struct error *e)
{
    return term_page(cx, t, a, page, true, e);
}

static enum err term_ask(struct call *c, struct report **ret_report, struct error *e)
{
    enum err r = report_ask(c, ret_report, e);
    if (r == ERR_OK)
        r = call_query(c, "term", &(*ret_report)->term, e);
    if (r == ERR_OK && !(*ret_report)->term.p)
        r = error_set(e, ERR_INVALID, "say which: ?term=2026W (empty: courses without a term)");
    if (r == ERR_OK)
        r = course_asked(c, *ret_report, e);
    return r ? r : report_below_asked(c, *ret_report, e);
}

enum err report_term(struct call *c, struct error *e)
{
    static const struct report_kind kind = {"term", &term_report_schema, &term_row_schema,
                                            term_head, term_students_page};
    struct report *t;
    enum err r = term_ask(c, &t, e);
    return r ? r : report_answer(c, t, &kind, e);
}

enum err report_term_by_course(struct call *c, struct error *e)
{
    static const struct report_kind kind = {"term-courses", &term_courses_report_schema,
                                            &term_course_schema, term_head, term_courses_page};
    struct report *t;
    enum err r = term_ask(c, &t, e);
    return r ? r : report_answer(c, t, &kind, e);
}
