/* Students from CSV. See import.h. Here a line is read and judged by itself; set_students.c
 * compares it with what is there. Cost: O(file + students). */
#include "exchange/sets.h"

enum { COL_ID, COL_NAME, COL_GIVEN, COL_FAMILY, COL_EMAIL, COL_STATUS, COL_N };

static const struct column columns[COL_N] = {
    [COL_ID] = {"external_id",
                "id studentid studentno studentnumber number matriculationnumber matriculation "
                "matrikelnummer matrikelnr sisid registrationnumber",
                true, 64},
    [COL_NAME] = {"name", "fullname studentname displayname student", false, 200},
    [COL_GIVEN] = {"given_name", "firstname forename vorname", false, 100},
    [COL_FAMILY] = {"family_name", "lastname surname nachname", false, 99},
    [COL_EMAIL] = {"email", "mail emailaddress", false, 200},
    [COL_STATUS] = {"status", "state active", false, 20},
};

static const struct {
    const char *word;
    bool active;
} statuses[] = {
    {"active", true},   {"1", true},         {"yes", true},        {"true", true},
    {"enrolled", true}, {"inactive", false}, {"0", false},         {"no", false},
    {"false", false},   {"left", false},     {"withdrawn", false},
};

struct students {
    struct plan plan;
    struct csv_table table;
    struct columns columns;
    struct student_set set;
};

static struct import_report *report_of(struct students *s) { return &s->plan.result->report; }

/* ---- reading a row */

/* 1.23457E+05: what spreadsheets make of long numbers; the number itself is lost. */
static bool is_shortened(struct str s)
{
    bool exponent = false;
    for (size_t i = 0; i < s.n; i++) {
        if ((s.p[i] == 'E' || s.p[i] == 'e') && i > 0 && i + 1 < s.n && s.p[i + 1] == '+')
            exponent = true;
        else if ((s.p[i] < '0' || s.p[i] > '9') && s.p[i] != '.' && s.p[i] != ',' && s.p[i] != '+')
            return false;
    }
    return exponent;
}

static bool read_status(struct students *s, struct import_line *line, struct str cell,
                        struct str *ret_status)
{
    *ret_status = (struct str){0};
    if (cell.n == 0)
        return true;
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (str_eq_nocase(cell, str_from(statuses[i].word))) {
            *ret_status = statuses[i].active ? STR("active") : STR("inactive");
            return true;
        }
    report_say(report_of(s), line, IMPORT_ERROR, "status is 'active' or 'inactive', not '%.*s'",
               STR_ARGS(cell));
    return false;
}

/* The name, or given and family name together; p NULL where the file has neither. */
static bool read_name(struct students *s, struct import_line *line, const struct str *cells,
                      struct str *ret_name)
{
    struct str name = cells[COL_NAME], given = cells[COL_GIVEN], family = cells[COL_FAMILY];
    *ret_name = name;
    if (!name.p && (given.p || family.p)) {
        char *text = arena_printf(s->plan.o->a, "%.*s%s%.*s", STR_ARGS(given),
                                  given.n && family.n ? " " : "", STR_ARGS(family));
        report_of(s)->failed = report_of(s)->failed || !text;
        *ret_name = str_from(text);
    }
    if (!ret_name->p || ret_name->n)
        return true;
    report_say(report_of(s), line, IMPORT_ERROR, "name is empty");
    return false;
}

static bool read_email(struct students *s, struct import_line *line, struct str cell)
{
    const char *at = cell.n ? memchr(cell.p, '@', cell.n) : NULL;
    bool ok = cell.n == 0 ||
              (at && at > cell.p && at + 1 < cell.p + cell.n && !memchr(cell.p, ' ', cell.n));
    if (!ok)
        report_say(report_of(s), line, IMPORT_ERROR, "email '%.*s' is not an address",
                   (int)(cell.n < 80 ? cell.n : 80), cell.p);
    return ok;
}

static bool read_id(struct students *s, struct import_line *line, struct str id)
{
    const struct student_want *other = students_find(&s->set, id);
    if (other)
        report_say(report_of(s), line, IMPORT_ERROR, "line %d has the same external_id",
                   other->line);
    else if (is_shortened(id))
        report_say(report_of(s), line, IMPORT_ERROR,
                   "external_id was shortened by a spreadsheet: format that column as text");
    else
        return true;
    return false;
}

static enum err read_row(struct students *s, const struct csv_row *row, struct error *e)
{
    struct import_report *report = report_of(s);
    struct str cells[COLUMNS_MAX], name, status;
    struct student_want *w;
    int at = report->n_lines;
    struct import_line *line = report_line(report, row->line, "student", (struct str){0});
    if (!columns_read(&s->columns, row, report, line, cells))
        return ERR_OK;
    line->key = cells[COL_ID];
    if (!plan_width(&s->plan, &s->table, row, line) || !read_id(s, line, cells[COL_ID]) ||
        !read_name(s, line, cells, &name) || !read_email(s, line, cells[COL_EMAIL]) ||
        !read_status(s, line, cells[COL_STATUS], &status))
        return ERR_OK;
    enum err r = students_add(&s->set, cells[COL_ID], at, row->line, &w, e);
    if (r)
        return r;
    w->new.name = name;
    w->new.email = cells[COL_EMAIL];
    w->new.status = status;
    return ERR_OK;
}

static enum err make(struct db_cx *cx, void *ctx, struct error *e)
{
    struct students *s = ctx;
    students_done(&s->set);
    students_init(&s->set, &s->plan);
    enum err r = columns_find(columns, COL_N, &s->table, "the file", report_of(s), &s->columns, e);
    for (int i = 0; !r && i < s->table.n; i++)
        r = read_row(s, &s->table.rows[i], e);
    if (!r)
        r = report_check(report_of(s), e);
    if (!r)
        r = students_load(cx, &s->set, s->plan.o->missing_students, e);
    if (r)
        return r;
    students_decide(&s->set);
    return plan_guard(&s->plan, s->set.n_gone, s->set.active, "active students", e);
}

static enum err write(struct db_cx *cx, void *ctx, struct error *e)
{
    struct students *s = ctx;
    return students_write(cx, &s->set, e);
}

enum err import_students(const struct import_options *o, struct str bytes,
                         struct import_result *ret_result, struct error *e)
{
    struct students s = {.plan = {.o = o, .result = ret_result, .make = make, .write = write}};
    *ret_result = (struct import_result){0};
    students_init(&s.set, &s.plan);
    enum err r = csv_table_read(bytes, "the file", o->rows_max, o->a, &s.table, e);
    if (!r)
        r = plan_run(&s.plan, e);
    students_done(&s.set);
    return r;
}
