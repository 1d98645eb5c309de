/* Students from CSV. See import.h.
 *
 * Rows of the file are put under their external id; one pass over the student table finds those
 * that exist, and those that the file leaves out. Cost: O(file + students). */
#include "exchange/plan.h"

#include "base/hashmap.h"
#include "store/bulk.h"
#include "store/student.h"

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

/* A row of the file that has no error. */
struct wanted {
    int line_at;        /* in the report */
    int line;           /* of the file */
    struct student new; /* a text with p NULL: the file does not say */
    struct student old; /* id empty: there is none */
};

struct students {
    struct plan plan;
    struct csv_table table;
    struct columns columns;
    struct hashmap by_id;
    struct wanted *rows; /* one for each row of the table at most */
    int n;
    struct student *gone; /* students to be made inactive */
    int n_gone, gone_capacity;
    int64_t active;
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
    const struct wanted *other = hashmap_get(&s->by_id, id);
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
    struct str cells[COLUMNS_MAX];
    struct wanted *w = &s->rows[s->n];
    *w = (struct wanted){.line_at = report->n_lines, .line = row->line};
    struct import_line *line = report_line(report, row->line, "student", (struct str){0});
    if (!columns_read(&s->columns, row, report, line, cells))
        return ERR_OK;
    line->key = w->new.external_id = cells[COL_ID];
    w->new.email = cells[COL_EMAIL];
    if (row->n > s->table.header.n) {
        report_say(report, line, IMPORT_ERROR, "%d fields under %d columns: quote the comma?",
                   row->n, s->table.header.n);
        return ERR_OK;
    }
    if (!read_id(s, line, w->new.external_id) || !read_name(s, line, cells, &w->new.name) ||
        !read_email(s, line, w->new.email) ||
        !read_status(s, line, cells[COL_STATUS], &w->new.status))
        return ERR_OK;
    s->n++;
    return hashmap_put(&s->by_id, w->new.external_id, w, e);
}

/* ---- comparing with the database */

static bool gone_grow(struct students *s)
{
    if (s->n_gone < s->gone_capacity)
        return true;
    int more = s->gone_capacity ? 2 * s->gone_capacity : 64;
    struct student *rows = arena_array(s->plan.o->a, (size_t)more, sizeof *rows);
    if (!rows)
        return false;
    if (s->n_gone)
        memcpy(rows, s->gone, (size_t)s->n_gone * sizeof *rows);
    s->gone = rows;
    s->gone_capacity = more;
    return true;
}

static struct student keep(struct students *s, const struct student *row)
{
    struct student copy = *row;
    copy.external_id = plan_copy(&s->plan, row->external_id);
    copy.name = plan_copy(&s->plan, row->name);
    copy.email = plan_copy(&s->plan, row->email);
    copy.status = str_is(row->status, "active") ? STR("active") : STR("inactive");
    return copy;
}

static enum err on_student(void *ctx, const struct student *row, struct error *e)
{
    struct students *s = ctx;
    struct wanted *w = hashmap_get(&s->by_id, row->external_id);
    bool active = str_is(row->status, "active");
    s->active += active;
    if (w)
        w->old = keep(s, row);
    if (w || !s->plan.o->missing || !active)
        return ERR_OK;
    if (!gone_grow(s))
        return error_set(e, ERR_NOMEM, "no memory for the students that are not in the file");
    s->gone[s->n_gone++] = keep(s, row);
    return ERR_OK;
}

static void compare(struct students *s, struct wanted *w)
{
    struct import_report *report = report_of(s);
    struct import_line *line = &report->lines[w->line_at];
    struct {
        const char *name;
        struct str old, *new;
    } fields[] = {{"name", w->old.name, &w->new.name},
                  {"email", w->old.email, &w->new.email},
                  {"status", w->old.status, &w->new.status}};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!fields[i].new->p)
            *fields[i].new = fields[i].old;
        else if (!str_eq(*fields[i].new, fields[i].old))
            report_change(report, line, fields[i].name, fields[i].old, *fields[i].new);
    }
    report_action(report, line, line->n_changes ? IMPORT_UPDATE : IMPORT_UNCHANGED);
}

static void decide(struct students *s, struct wanted *w)
{
    struct import_report *report = report_of(s);
    struct import_line *line = &report->lines[w->line_at];
    if (!id_is_empty(w->old.id.text)) {
        compare(s, w);
        return;
    }
    if (!w->new.name.p) {
        report_say(report, line, IMPORT_ERROR, "a new student needs a name");
        return;
    }
    if (!w->new.status.p)
        w->new.status = STR("active");
    report_change(report, line, "name", (struct str){0}, w->new.name);
    report_action(report, line, IMPORT_CREATE);
}

static void say_gone(struct students *s, const struct student *gone)
{
    struct import_report *report = report_of(s);
    struct import_line *line = report_line(report, 0, "student", gone->external_id);
    report_change(report, line, "status", STR("active"), STR("inactive"));
    report_say(report, line, IMPORT_REMOVE, "not in the file: becomes inactive");
}

static enum err make(struct db_cx *cx, void *ctx, struct error *e)
{
    struct students *s = ctx;
    s->n = s->n_gone = 0;
    s->active = 0;
    hashmap_done(&s->by_id);
    enum err r = columns_find(columns, COL_N, &s->table, "the file", report_of(s), &s->columns, e);
    for (int i = 0; !r && i < s->table.n; i++)
        r = read_row(s, &s->table.rows[i], e);
    if (!r)
        r = report_check(report_of(s), e);
    if (!r)
        r = bulk_students(cx, on_student, s, e);
    if (!r)
        r = report_check(report_of(s), e);
    for (int i = 0; !r && i < s->n; i++)
        decide(s, &s->rows[i]);
    for (int i = 0; !r && i < s->n_gone; i++)
        say_gone(s, &s->gone[i]);
    return r ? r : plan_guard(&s->plan, s->n_gone, s->active, "active students", e);
}

/* ---- writing */

static enum err write_row(struct students *s, struct db_cx *cx, struct wanted *w, struct error *e)
{
    const struct import_line *line = &report_of(s)->lines[w->line_at];
    struct student row = w->new;
    int64_t version;
    row.updated_at = s->plan.o->now;
    if (line->kind == IMPORT_CREATE) {
        id_new(row.id.text);
        row.created_at = s->plan.o->now;
        return student_insert(cx, &row, e);
    }
    if (line->kind != IMPORT_UPDATE)
        return ERR_OK;
    row.id = w->old.id;
    row.version = w->old.version;
    return student_update(cx, &row, &version, e);
}

static enum err write(struct db_cx *cx, void *ctx, struct error *e)
{
    struct students *s = ctx;
    enum err r = ERR_OK;
    for (int i = 0; !r && i < s->n; i++)
        r = write_row(s, cx, &s->rows[i], e);
    for (int i = 0; !r && i < s->n_gone; i++) {
        struct student row = s->gone[i];
        int64_t version;
        row.status = STR("inactive");
        row.updated_at = s->plan.o->now;
        r = student_update(cx, &row, &version, e);
    }
    return r;
}

enum err import_students(const struct import_options *o, struct str bytes,
                         struct import_result *ret_result, struct error *e)
{
    struct students s = {.plan = {.o = o, .result = ret_result, .make = make, .write = write}};
    *ret_result = (struct import_result){0};
    enum err r = csv_table_read(bytes, "the file", o->rows_max, o->a, &s.table, e);
    if (r)
        return r;
    s.rows = arena_array(o->a, (size_t)s.table.n + 1, sizeof *s.rows);
    if (!s.rows)
        return error_set(e, ERR_NOMEM, "no memory for %d lines", s.table.n);
    hashmap_init(&s.by_id);
    r = plan_run(&s.plan, e);
    hashmap_done(&s.by_id);
    return r;
}
