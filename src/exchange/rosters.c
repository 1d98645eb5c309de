/* Rosters from CSV. See import.h. Courses and students must be there; each line puts a student on a
 * roster or takes one off it. set_rosters.c compares with what is there. */
#include "exchange/sets.h"

enum { COL_COURSE, COL_TERM, COL_STUDENT, COL_FROM, COL_TO, COL_ACTION, COL_N };

static const struct column columns[COL_N] = {
    [COL_COURSE] = {"course", "code coursecode courseid coursenumber kurs kursnummer", true, 64},
    [COL_TERM] = {"term", "semester period", false, 64},
    [COL_STUDENT] = {"external_id",
                     "student studentid studentno studentnumber matriculationnumber matrikelnummer "
                     "matrikelnr id",
                     true, 64},
    [COL_FROM] = {"valid_from", "from begin begindate start startdate", false, 40},
    [COL_TO] = {"valid_to", "to end enddate", false, 40},
    [COL_ACTION] = {"action", "operation", false, 20},
};

static const struct {
    const char *word;
    bool remove;
} actions[] = {{"", false},       {"add", false},    {"a", false},      {"enrol", false},
               {"enroll", false}, {"active", false}, {"remove", true},  {"delete", true},
               {"drop", true},    {"d", true},       {"unenrol", true}, {"unenroll", true}};

/* A line, until courses and students are known. */
struct entry {
    int line_at, line;
    struct course_want *course;
    struct student_want *student;
    usec_t from, to;
    bool remove;
};

struct rosters {
    struct plan plan;
    struct csv_table table;
    struct columns columns;
    struct student_set students;
    struct course_set courses;
    struct roster_set set;
    struct entry *entries;
    int n;
};

static struct import_report *report_of(struct rosters *s) { return &s->plan.result->report; }

static bool read_action(struct rosters *s, struct import_line *line, struct str cell,
                        bool *ret_remove)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (str_eq_nocase(cell, str_from(actions[i].word))) {
            *ret_remove = actions[i].remove;
            return true;
        }
    report_say(report_of(s), line, IMPORT_ERROR, "action is 'add' or 'remove', not '%.*s'",
               STR_ARGS(cell));
    return false;
}

static bool read_times(struct rosters *s, struct import_line *line, const struct str *cells,
                       struct entry *entry)
{
    struct error why = {0};
    const char *column = "valid_from";
    enum err r = plan_time(&s->plan, cells[COL_FROM], false, &entry->from, &why);
    if (!r) {
        column = "valid_to";
        r = plan_time(&s->plan, cells[COL_TO], true, &entry->to, &why);
    }
    if (r)
        report_say(report_of(s), line, IMPORT_ERROR, "%s: %s", column, why.msg);
    else if (entry->to && entry->to <= entry->from)
        report_say(report_of(s), line, IMPORT_ERROR, "valid_to is before valid_from");
    else
        return true;
    return false;
}

/* The wants that the line names; new ones are only referred to. */
static enum err refer(struct rosters *s, const struct str *cells, struct entry *entry,
                      struct error *e)
{
    struct str term = cells[COL_TERM].n ? cells[COL_TERM] : (struct str){0};
    enum err r = ERR_OK;
    entry->course = courses_find(&s->courses, cells[COL_COURSE], term);
    entry->student = students_find(&s->students, cells[COL_STUDENT]);
    if (!entry->course)
        r = courses_add(&s->courses, cells[COL_COURSE], term, -1, entry->line, &entry->course, e);
    if (!r && !entry->student)
        r = students_add(&s->students, cells[COL_STUDENT], -1, entry->line, &entry->student, e);
    if (!r)
        entry->course->whole = s->plan.o->missing_entries;
    return r;
}

static enum err read_row(struct rosters *s, const struct csv_row *row, struct error *e)
{
    struct import_report *report = report_of(s);
    struct str cells[COLUMNS_MAX];
    struct entry *entry = &s->entries[s->n];
    *entry = (struct entry){.line_at = report->n_lines, .line = row->line};
    struct import_line *line = report_line(report, row->line, "roster", (struct str){0});
    if (!columns_read(&s->columns, row, report, line, cells))
        return ERR_OK;
    line->key = plan_key(&s->plan, cells[COL_COURSE], cells[COL_STUDENT]);
    if (!plan_width(&s->plan, &s->table, row, line) ||
        !read_action(s, line, cells[COL_ACTION], &entry->remove) ||
        !read_times(s, line, cells, entry))
        return ERR_OK;
    s->n++;
    return refer(s, cells, entry, e);
}

/* Courses and students are decided: the line becomes a want, or says what is missing. */
static enum err want(struct rosters *s, const struct entry *entry, struct error *e)
{
    struct import_report *report = report_of(s);
    struct import_line *line = &report->lines[entry->line_at];
    struct roster_want *w = NULL;
    if (entry->course->matches > 1)
        report_say(report, line, IMPORT_ERROR, "%d terms have this course: add a column 'term'",
                   entry->course->matches);
    else if (entry->course->failed)
        report_say(report, line, IMPORT_ERROR, "there is no course '%.*s'",
                   STR_ARGS(entry->course->new.code));
    else if (entry->student->failed)
        report_say(report, line, IMPORT_ERROR, "there is no student '%.*s'",
                   STR_ARGS(entry->student->new.external_id));
    else
        w = rosters_find(&s->set, entry->course, entry->student);
    if (line->action.p)
        return ERR_OK;
    if (w) {
        report_say(report, line, IMPORT_ERROR, "line %d has the same course and student", w->line);
        return ERR_OK;
    }
    enum err r =
        rosters_add(&s->set, entry->course, entry->student, entry->line_at, entry->line, &w, e);
    if (r)
        return r;
    w->from = entry->from;
    w->to = entry->to;
    w->remove = entry->remove;
    return ERR_OK;
}

static enum err read_all(struct db_cx *cx, struct rosters *s, struct error *e)
{
    enum err r = columns_find(columns, COL_N, &s->table, "the file", report_of(s), &s->columns, e);
    for (int i = 0; !r && i < s->table.n; i++)
        r = read_row(s, &s->table.rows[i], e);
    if (!r)
        r = report_check(report_of(s), e);
    if (!r)
        r = students_load(cx, &s->students, false, e);
    if (!r)
        r = courses_load(cx, &s->courses, e);
    return r;
}

static void clear(struct rosters *s)
{
    students_done(&s->students);
    courses_done(&s->courses);
    rosters_done(&s->set);
}

static void prepare(struct rosters *s)
{
    s->n = 0;
    students_init(&s->students, &s->plan);
    courses_init(&s->courses, &s->plan);
    rosters_init(&s->set, &s->plan, &s->courses);
}

static enum err make(struct db_cx *cx, void *ctx, struct error *e)
{
    struct rosters *s = ctx;
    clear(s);
    prepare(s);
    enum err r = read_all(cx, s, e);
    if (r)
        return r;
    students_decide(&s->students);
    courses_decide(&s->courses);
    for (int i = 0; i < s->n && !r; i++)
        r = want(s, &s->entries[i], e);
    if (!r)
        r = rosters_load(cx, &s->set, e);
    if (r)
        return r;
    rosters_decide(&s->set);
    return plan_guard(&s->plan, s->set.n_gone, s->set.live, "students on these rosters", e);
}

static enum err write(struct db_cx *cx, void *ctx, struct error *e)
{
    struct rosters *s = ctx;
    return rosters_write(cx, &s->set, e);
}

enum err import_rosters(const struct import_options *o, struct str bytes,
                        struct import_result *ret_result, struct error *e)
{
    struct rosters s = {.plan = {.o = o, .result = ret_result, .make = make, .write = write}};
    *ret_result = (struct import_result){0};
    prepare(&s);
    enum err r = csv_table_read(bytes, "the file", o->rows_max, o->a, &s.table, e);
    if (!r)
        s.entries = arena_array(o->a, (size_t)s.table.n + 1, sizeof *s.entries);
    if (!r && !s.entries)
        r = error_set(e, ERR_NOMEM, "no memory for %d lines", s.table.n);
    if (!r)
        r = plan_run(&s.plan, e);
    clear(&s);
    return r;
}
