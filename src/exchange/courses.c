/* Courses from CSV. See import.h. set_courses.c compares them with what is there. */
#include "exchange/sets.h"

enum { COL_CODE, COL_TERM, COL_TITLE, COL_LATE, COL_TEACH, COL_N };
enum { LATE_MAX = 600 };

static const struct column columns[COL_N] = {
    [COL_CODE] = {"code", "course coursecode courseid coursenumber kurs kursnummer", true, 64},
    [COL_TERM] = {"term", "semester period", false, 64},
    [COL_TITLE] = {"title", "name coursetitle coursename titel", false, 200},
    [COL_TEACH] = {"instructors", "instructor teachers teacher dozenten lehrende", false, 2000},
    [COL_LATE] = {"late_after_min", "lateafter lateminutes late", false, 8},
};

struct courses {
    struct plan plan;
    struct csv_table table;
    struct columns columns;
    struct course_set set;
    struct teacher_set teachers;
};

static struct import_report *report_of(struct courses *s) { return &s->plan.result->report; }

static bool read_late(struct courses *s, struct import_line *line, struct str cell,
                      int64_t *ret_min)
{
    *ret_min = -1;
    if (cell.n == 0)
        return true;
    if (!str_to_i64(cell, ret_min, NULL) && *ret_min >= 0 && *ret_min <= LATE_MAX)
        return true;
    report_say(report_of(s), line, IMPORT_ERROR, "late_after_min is a number from 0 to %d",
               LATE_MAX);
    return false;
}

static bool is_new(struct courses *s, struct import_line *line, const struct str *cells)
{
    const struct course_want *other =
        courses_find(&s->set, cells[COL_CODE], cells[COL_TERM].n ? cells[COL_TERM] : STR(""));
    if (other)
        report_say(report_of(s), line, IMPORT_ERROR, "line %d has the same code and term",
                   other->line);
    return !other;
}

static bool read_title(struct courses *s, struct import_line *line, struct str title)
{
    if (title.p && !title.n)
        report_say(report_of(s), line, IMPORT_ERROR, "title is empty");
    return !title.p || title.n;
}

/* The logins of a cell, parted by semicolons. */
static enum err read_teachers(struct courses *s, struct course_want *w, struct str cell,
                              struct error *e)
{
    struct str login;
    enum err r = ERR_OK;
    while (!r && cell.n && str_split(&cell, ';', &login)) {
        const struct teacher like = {.logins = {str_trim(login)}, .line_at = -1};
        struct teacher *t = like.logins[0].n ? teachers_find(&s->teachers, like.logins[0]) : NULL;
        if (!like.logins[0].n)
            continue;
        if (!t)
            r = teachers_add(&s->teachers, &like, &t, e);
        const struct teaching teaching = {
            .course = w, .teacher = t, .line_at = -1, .line = w->line};
        if (!r)
            r = teachings_add(&s->teachers, &teaching, e);
    }
    return r;
}

static enum err read_row(struct courses *s, const struct csv_row *row, struct error *e)
{
    struct import_report *report = report_of(s);
    struct str cells[COLUMNS_MAX];
    struct course_want *w;
    int64_t late;
    int at = report->n_lines;
    struct import_line *line = report_line(report, row->line, "course", (struct str){0});
    if (!columns_read(&s->columns, row, report, line, cells))
        return ERR_OK;
    line->key = plan_key(&s->plan, cells[COL_CODE], cells[COL_TERM]);
    if (!plan_width(&s->plan, &s->table, row, line) || !is_new(s, line, cells) ||
        !read_title(s, line, cells[COL_TITLE]) || !read_late(s, line, cells[COL_LATE], &late))
        return ERR_OK;
    enum err r = courses_add(&s->set, cells[COL_CODE],
                             cells[COL_TERM].n ? cells[COL_TERM] : STR(""), at, row->line, &w, e);
    if (r)
        return r;
    w->new.title = cells[COL_TITLE];
    w->new.late_after_min = late;
    return read_teachers(s, w, cells[COL_TEACH], e);
}

static enum err make(struct db_cx *cx, void *ctx, struct error *e)
{
    struct courses *s = ctx;
    courses_done(&s->set);
    courses_init(&s->set, &s->plan);
    teachers_done(&s->teachers);
    teachers_init(&s->teachers, &s->plan);
    enum err r = columns_find(columns, COL_N, &s->table, "the file", report_of(s), &s->columns, e);
    for (int i = 0; !r && i < s->table.n; i++)
        r = read_row(s, &s->table.rows[i], e);
    if (!r)
        r = report_check(report_of(s), e);
    if (!r)
        r = courses_load(cx, &s->set, e);
    if (r)
        return r;
    courses_decide(&s->set);
    r = teachers_load(cx, &s->teachers, e);
    return r ? r : teachers_decide(&s->teachers, e);
}

static enum err write(struct db_cx *cx, void *ctx, struct error *e)
{
    struct courses *s = ctx;
    enum err r = courses_write(cx, &s->set, e);
    return r ? r : teachers_write(cx, &s->teachers, e);
}

enum err import_courses(const struct import_options *o, struct str bytes,
                        struct import_result *ret_result, struct error *e)
{
    struct courses s = {.plan = {.o = o, .result = ret_result, .make = make, .write = write}};
    *ret_result = (struct import_result){0};
    courses_init(&s.set, &s.plan);
    teachers_init(&s.teachers, &s.plan);
    enum err r = csv_table_read(bytes, "the file", o->rows_max, o->a, &s.table, e);
    if (!r)
        r = plan_run(&s.plan, e);
    courses_done(&s.set);
    teachers_done(&s.teachers);
    return r;
}
