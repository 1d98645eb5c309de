/* Students, courses and rosters from OneRoster. See oneroster.h and import.h.
 *
 * A row is found again by its sourcedId (store/external_ref.h), else by external id, or code and
 * term; so a delta may name what only an earlier file had. Rows that the file does not have are
 * wants that are only referred to. Cost: one pass over each file and table. */
#include "exchange/oneroster.h"

#include "store/external_ref.h"

enum { KEY_MAX = 1100 };

enum { T_ID, T_TITLE, T_N };
static const struct column titled_columns[T_N] = {
    [T_ID] = {"sourcedId", "", true, 255},
    [T_TITLE] = {"title", "", true, 200},
};

enum { U_ID, U_STATUS, U_ROLE, U_GIVEN, U_FAMILY, U_IDENTIFIER, U_EMAIL, U_NAME, U_N };
static const struct column user_columns[U_N] = {
    [U_ID] = {"sourcedId", "", true, 255},     [U_STATUS] = {"status", "", false, 40},
    [U_ROLE] = {"role", "", true, 40},         [U_GIVEN] = {"givenName", "", true, 100},
    [U_FAMILY] = {"familyName", "", true, 99}, [U_IDENTIFIER] = {"identifier", "", false, 64},
    [U_EMAIL] = {"email", "", false, 200},     [U_NAME] = {"username", "", false, 255},
};

enum { C_ID, C_STATUS, C_TITLE, C_COURSE, C_CODE, C_TERMS, C_N };
static const struct column class_columns[C_N] = {
    [C_ID] = {"sourcedId", "", true, 255},   [C_STATUS] = {"status", "", false, 40},
    [C_TITLE] = {"title", "", false, 200},   [C_COURSE] = {"courseSourcedId", "", false, 255},
    [C_CODE] = {"classCode", "", false, 64}, [C_TERMS] = {"termSourcedIds", "", false, 1024},
};

enum { E_ID, E_STATUS, E_CLASS, E_USER, E_ROLE, E_BEGIN, E_END, E_N };
static const struct column enrollment_columns[E_N] = {
    [E_ID] = {"sourcedId", "", true, 255},
    [E_STATUS] = {"status", "", false, 40},
    [E_CLASS] = {"classSourcedId", "", true, 255},
    [E_USER] = {"userSourcedId", "", true, 255},
    [E_ROLE] = {"role", "", true, 40},
    [E_BEGIN] = {"beginDate", "", false, 40},
    [E_END] = {"endDate", "", false, 40},
};

/* What a sourcedId of this file, or of an earlier one, stands for. */
struct named {
    struct student_want *student;
    struct teacher *teacher;
    struct course_want *course;
    struct str title; /* of a term or course */
    char id[ID_TEXT]; /* of an earlier file; empty: none */
    bool other;       /* a user who is no student */
};

struct entry {
    int line_at, line;
    struct course_want *course;
    struct student_want *student;
    usec_t from, to;
    bool remove;
};

struct import {
    struct plan plan;
    struct oneroster data;
    struct hashmap names; /* "u" + sourcedId of a user, "c" class, "t" term, "o" course */
    struct student_set students;
    struct course_set courses;
    struct roster_set set;
    struct teacher_set teachers;
    struct entry *entries;
    int n;
};

typedef enum err (*row_fn)(struct import *m, const struct oneroster_table *t,
                           const struct str *cells, struct import_line *line, int line_at,
                           struct error *e);

static struct import_report *report_of(struct import *m) { return &m->plan.result->report; }

/* ---- names */

static struct named *name_find(struct import *m, char kind, struct str id)
{
    char key[KEY_MAX];
    int n = snprintf(key, sizeof key, "%c%.*s", kind, (int)id.n, id.p);
    return hashmap_get(&m->names, (struct str){key, (size_t)n});
}

/* The entry of this sourcedId, made when it is new. */
static enum err name_put(struct import *m, char kind, struct str id, struct named **ret_named,
                         struct error *e)
{
    *ret_named = name_find(m, kind, id);
    if (*ret_named)
        return ERR_OK;
    char *key = arena_printf(m->plan.o->a, "%c%.*s", kind, (int)id.n, id.p);
    struct named *named = arena_alloc(m->plan.o->a, sizeof *named);
    if (!key || !named)
        return error_set(e, ERR_NOMEM, "no memory for the names of the file");
    *ret_named = named;
    return hashmap_put(&m->names, str_from(key), named, e);
}

static enum err on_ref(void *ctx, const struct external_ref *ref, struct error *e)
{
    struct import *m = ctx;
    struct named *named;
    enum err r = name_put(m, ref->kind == EXTERNAL_COURSE ? 'c' : 'u', ref->external, &named, e);
    if (!r)
        memcpy(named->id, ref->id, ID_TEXT);
    return r;
}

/* ---- rows */

static bool is_deleted(const struct oneroster_table *t, struct str status)
{
    return t->mode == ONEROSTER_DELTA && str_eq_nocase(status, STR("tobedeleted"));
}

static enum err title_row(struct import *m, const struct oneroster_table *t,
                          const struct str *cells, struct import_line *line, int line_at,
                          struct error *e)
{
    struct named *named;
    (void)line, (void)line_at;
    char kind = t == &m->data.files[ONEROSTER_SESSIONS] ? 't' : 'o';
    enum err r = name_put(m, kind, cells[T_ID], &named, e);
    if (!r)
        named->title = cells[T_TITLE];
    return r;
}

static enum err want_student(struct import *m, struct named *named, struct str external_id,
                             int line_at, int line, struct error *e)
{
    enum err r = students_add(&m->students, external_id, line_at, line, &named->student, e);
    if (!r && named->id[0])
        r = students_bind(&m->students, named->student, named->id, e);
    return r;
}

/* Given and family name together; p NULL: out of memory, which the report tells. */
static struct str name_of(struct import *m, const struct str *cells)
{
    char *name = arena_printf(m->plan.o->a, "%.*s %.*s", STR_ARGS(cells[U_GIVEN]),
                              STR_ARGS(cells[U_FAMILY]));
    report_of(m)->failed = report_of(m)->failed || !name;
    return name ? str_from(name) : (struct str){0};
}

/* A teacher signs in with the e-mail address or the user name. */
static enum err teacher_row(struct import *m, const struct oneroster_table *t, struct named *named,
                            const struct str *cells, struct import_line *line, int line_at,
                            struct error *e)
{
    const struct teacher like = {
        .logins = {cells[U_EMAIL], cells[U_NAME]}, .name = name_of(m, cells), .line_at = line_at};
    line->entity = STR("instructor");
    if (is_deleted(t, cells[U_STATUS]))
        report_say(report_of(m), line, IMPORT_IGNORE, "users are not deleted by an import");
    else if (named->teacher)
        report_say(report_of(m), line, IMPORT_ERROR, "another line has the same user");
    return line->action.p ? ERR_OK : teachers_add(&m->teachers, &like, &named->teacher, e);
}

static enum err user_row(struct import *m, const struct oneroster_table *t, const struct str *cells,
                         struct import_line *line, int line_at, struct error *e)
{
    struct named *named;
    struct str id = cells[U_IDENTIFIER].n ? cells[U_IDENTIFIER] : cells[U_ID];
    line->key = id;
    enum err r = name_put(m, 'u', cells[U_ID], &named, e);
    if (r)
        return r;
    named->other = !str_eq_nocase(cells[U_ROLE], STR("student"));
    if (str_eq_nocase(cells[U_ROLE], STR("teacher")))
        return teacher_row(m, t, named, cells, line, line_at, e);
    if (named->other)
        report_say(report_of(m), line, IMPORT_IGNORE, "a user of the role %.*s",
                   STR_ARGS(cells[U_ROLE]));
    else if (named->student || students_find(&m->students, id))
        report_say(report_of(m), line, IMPORT_ERROR, "another line has the same user");
    else if (str_characters(id) > 64)
        report_say(report_of(m), line, IMPORT_ERROR, "sourcedId has %zu characters, at most 64",
                   str_characters(id));
    if (line->action.p)
        return ERR_OK;
    r = want_student(m, named, id, line_at, (int)line->line, e);
    if (r)
        return r;
    named->student->new.name = name_of(m, cells);
    named->student->new.email = cells[U_EMAIL];
    named->student->leaving = is_deleted(t, cells[U_STATUS]);
    named->student->new.status = named->student->leaving ? STR("inactive") : STR("active");
    return ERR_OK;
}

/* The title of the first term, or what it is called there. */
static struct str term_of(struct import *m, struct str ids)
{
    struct str first = {0};
    if (!ids.n || !str_split(&ids, ',', &first))
        return STR("");
    const struct named *term = name_find(m, 't', str_trim(first));
    struct str title = term && term->title.n ? term->title : str_trim(first);
    return title.n <= 64 ? title : STR("");
}

/* False: the class becomes no want, which is said. */
static bool class_is_wanted(struct import *m, const struct oneroster_table *t,
                            const struct str *cells, const struct named *named, struct str code,
                            struct str term, struct import_line *line)
{
    if (is_deleted(t, cells[C_STATUS]))
        report_say(report_of(m), line, IMPORT_IGNORE, "courses are not deleted by an import");
    else if (named->course)
        report_say(report_of(m), line, IMPORT_ERROR, "another line has the same sourcedId");
    else if (courses_find(&m->courses, code, term))
        report_say(report_of(m), line, IMPORT_ERROR,
                   "another class of this term has the classCode '%.*s'", STR_ARGS(code));
    else if (code.n > 64)
        report_say(report_of(m), line, IMPORT_ERROR,
                   "a class without classCode has a sourcedId of at most 64 bytes");
    return !line->action.p;
}

static struct str class_title(struct import *m, const struct str *cells, struct str code)
{
    const struct named *course = cells[C_COURSE].n ? name_find(m, 'o', cells[C_COURSE]) : NULL;
    if (cells[C_TITLE].n)
        return cells[C_TITLE];
    return course ? course->title : code;
}

static enum err class_row(struct import *m, const struct oneroster_table *t,
                          const struct str *cells, struct import_line *line, int line_at,
                          struct error *e)
{
    struct named *named;
    struct str code = cells[C_CODE].n ? cells[C_CODE] : cells[C_ID];
    struct str term = term_of(m, cells[C_TERMS]);
    line->key = plan_key(&m->plan, code, term);
    enum err r = name_put(m, 'c', cells[C_ID], &named, e);
    if (r || !class_is_wanted(m, t, cells, named, code, term, line))
        return r;
    r = courses_add(&m->courses, code, term, line_at, (int)line->line, &named->course, e);
    if (r)
        return r;
    named->course->new.title = class_title(m, cells, code);
    if (named->id[0] && m->data.files[ONEROSTER_SESSIONS].mode == ONEROSTER_ABSENT)
        named->course->new.term = (struct str){0}; /* the title of its term is not told: it stays */
    named->course->whole =
        m->plan.o->missing_entries && m->data.files[ONEROSTER_ENROLLMENTS].mode == ONEROSTER_BULK;
    return named->id[0] ? courses_bind(&m->courses, named->course, named->id, e) : ERR_OK;
}

/* The wants that an enrollment names; of an earlier file they are only referred to, under their own
 * id, which no external id looks like. */
static enum err refer_class(struct import *m, struct named *class, struct error *e)
{
    if (class->course)
        return ERR_OK;
    enum err r = courses_add(&m->courses, str_from(class->id), STR(""), -1, 0, &class->course, e);
    return r ? r : courses_bind(&m->courses, class->course, class->id, e);
}

static enum err refer(struct import *m, struct named *user, struct named *class, struct error *e)
{
    enum err r = user->student ? ERR_OK : want_student(m, user, str_from(user->id), -1, 0, e);
    return r ? r : refer_class(m, class, e);
}

static bool read_times(struct import *m, struct import_line *line, const struct str *cells,
                       struct entry *entry)
{
    struct error why = {0};
    enum err r = plan_time(&m->plan, cells[E_BEGIN], false, &entry->from, &why);
    if (!r) /* the end of OneRoster is the first day that is no longer in it */
        r = plan_time(&m->plan, cells[E_END], false, &entry->to, &why);
    if (r)
        report_say(report_of(m), line, IMPORT_ERROR, "beginDate or endDate: %s", why.msg);
    else if (entry->to && entry->to <= entry->from)
        report_say(report_of(m), line, IMPORT_ERROR, "endDate is not after beginDate");
    return !line->action.p;
}

/* Who teaches has no dates here: what is over, or deleted, is taken away. */
static enum err teaching_row(struct import *m, const struct oneroster_table *t,
                             const struct str *cells, struct import_line *line, int line_at,
                             struct error *e)
{
    const struct named *user = name_find(m, 'u', cells[E_USER]);
    struct named *class = name_find(m, 'c', cells[E_CLASS]);
    struct entry times = {0};
    line->entity = STR("instructor");
    if (!class || (!class->course && !class->id[0]))
        report_say(report_of(m), line, IMPORT_ERROR, "there is no class with this sourcedId");
    else if (!user || !user->teacher)
        report_say(report_of(m), line, IMPORT_IGNORE,
                   "users.csv has no teacher with this sourcedId, so nobody teaches by this line");
    if (line->action.p || !read_times(m, line, cells, &times))
        return ERR_OK;
    enum err r = refer_class(m, class, e);
    const struct teaching like = {.course = class->course,
                                  .teacher = user->teacher,
                                  .line_at = line_at,
                                  .line = (int)line->line,
                                  .remove = is_deleted(t, cells[E_STATUS]) ||
                                            (times.to && times.to <= m->plan.o->now)};
    return r ? r : teachings_add(&m->teachers, &like, e);
}

static enum err enrollment_row(struct import *m, const struct oneroster_table *t,
                               const struct str *cells, struct import_line *line, int line_at,
                               struct error *e)
{
    struct named *user = name_find(m, 'u', cells[E_USER]);
    struct named *class = name_find(m, 'c', cells[E_CLASS]);
    struct entry *entry = &m->entries[m->n];
    *entry = (struct entry){.line_at = line_at, .line = (int)line->line};
    line->key = plan_key(&m->plan, cells[E_CLASS], cells[E_USER]);
    if (str_eq_nocase(cells[E_ROLE], STR("teacher")))
        return teaching_row(m, t, cells, line, line_at, e);
    if (!str_eq_nocase(cells[E_ROLE], STR("student")))
        report_say(report_of(m), line, IMPORT_IGNORE, "an enrollment of the role %.*s",
                   STR_ARGS(cells[E_ROLE]));
    else if (!class || (!class->course && !class->id[0]))
        report_say(report_of(m), line, IMPORT_ERROR, "there is no class with this sourcedId");
    else if (!user || (!user->student && !user->id[0]))
        report_say(report_of(m), line, user && user->other ? IMPORT_IGNORE : IMPORT_ERROR,
                   "there is no student with this sourcedId");
    if (line->action.p || !read_times(m, line, cells, entry))
        return ERR_OK;
    enum err r = refer(m, user, class, e);
    if (r)
        return r;
    entry->course = class->course;
    entry->student = user->student;
    entry->remove = is_deleted(t, cells[E_STATUS]);
    m->n++;
    return ERR_OK;
}

static const struct {
    enum oneroster_file file;
    const struct column *columns;
    int n;
    const char *entity; /* NULL: its lines are not shown */
    row_fn fn;
} readers[] = {
    {ONEROSTER_SESSIONS, titled_columns, T_N, NULL, title_row},
    {ONEROSTER_COURSES, titled_columns, T_N, NULL, title_row},
    {ONEROSTER_USERS, user_columns, U_N, "student", user_row},
    {ONEROSTER_CLASSES, class_columns, C_N, "course", class_row},
    {ONEROSTER_ENROLLMENTS, enrollment_columns, E_N, "roster", enrollment_row},
};

/* The specification's other columns are no reason to warn. */
static enum err find_columns(struct import *m, int i, struct columns *ret_columns, struct error *e)
{
    const struct oneroster_table *t = &m->data.files[readers[i].file];
    struct import_report *report = report_of(m);
    int warnings = report->n_warnings;
    enum err r =
        columns_find(readers[i].columns, readers[i].n, &t->csv, t->name, report, ret_columns, e);
    report->n_warnings = warnings;
    return r;
}

static enum err read_file(struct import *m, int i, struct error *e)
{
    const struct oneroster_table *t = &m->data.files[readers[i].file];
    struct import_report *report = report_of(m);
    struct columns columns;
    struct str cells[COLUMNS_MAX];
    if (t->mode == ONEROSTER_ABSENT)
        return ERR_OK;
    enum err r = find_columns(m, i, &columns, e);
    for (int k = 0; k < t->csv.n && !r; k++) {
        struct import_line hidden = {0};
        int at = report->n_lines;
        struct import_line *line = &hidden;
        if (readers[i].entity) {
            line = report_line(report, t->csv.rows[k].line, readers[i].entity, (struct str){0});
            line->file = str_from(t->name);
        }
        if (report->failed)
            break;
        if (columns_read(&columns, &t->csv.rows[k], report, line, cells))
            r = readers[i].fn(m, t, cells, line, at, e);
        else if (!readers[i].entity)
            report_warn(report, "%s line %d: %.*s", t->name, t->csv.rows[k].line,
                        STR_ARGS(line->message));
    }
    return r ? r : report_check(report, e);
}

/* ---- the plan */

static enum err want(struct import *m, const struct entry *entry, struct error *e)
{
    struct import_report *report = report_of(m);
    struct import_line *line = &report->lines[entry->line_at];
    struct roster_want *w = NULL;
    if (entry->course->failed || entry->student->failed) {
        report_say(report, line, IMPORT_ERROR, "the class or the student of this line is missing");
        return ERR_OK;
    }
    w = rosters_find(&m->set, entry->course, entry->student);
    if (w) {
        report_say(report, line, IMPORT_IGNORE, "line %d has the same class and student", w->line);
        return ERR_OK;
    }
    enum err r =
        rosters_add(&m->set, entry->course, entry->student, entry->line_at, entry->line, &w, e);
    if (r)
        return r;
    w->from = entry->from;
    w->to = entry->to;
    w->remove = entry->remove;
    return ERR_OK;
}

static void clear(struct import *m)
{
    hashmap_done(&m->names);
    students_done(&m->students);
    courses_done(&m->courses);
    rosters_done(&m->set);
    teachers_done(&m->teachers);
}

static void prepare(struct import *m)
{
    m->n = 0;
    hashmap_init(&m->names);
    students_init(&m->students, &m->plan);
    courses_init(&m->courses, &m->plan);
    rosters_init(&m->set, &m->plan, &m->courses);
    teachers_init(&m->teachers, &m->plan);
}

/* Only a bulk file tells by its silence. */
static bool all_students_are_told(struct import *m)
{
    bool bulk = m->data.files[ONEROSTER_USERS].mode == ONEROSTER_BULK;
    if (m->plan.o->missing_students && !bulk)
        report_warn(report_of(m), "users.csv is no bulk file: nobody becomes inactive for not "
                                  "being in it");
    return m->plan.o->missing_students && bulk;
}

static enum err make(struct db_cx *cx, void *ctx, struct error *e)
{
    struct import *m = ctx;
    clear(m);
    prepare(m);
    enum err r = external_ref_each(cx, m->data.system, on_ref, m, e);
    for (size_t i = 0; i < ARRAY_LEN(readers) && !r; i++)
        r = read_file(m, (int)i, e);
    if (!r)
        r = students_load(cx, &m->students, all_students_are_told(m), e);
    if (!r)
        r = courses_load(cx, &m->courses, e);
    if (r)
        return r;
    students_decide(&m->students);
    courses_decide(&m->courses);
    r = plan_guard(&m->plan, m->students.n_gone, m->students.active, "active students", e);
    for (int i = 0; i < m->n && !r; i++)
        r = want(m, &m->entries[i], e);
    if (!r)
        r = teachers_load(cx, &m->teachers, e);
    if (!r)
        r = teachers_decide(&m->teachers, e);
    if (!r)
        r = rosters_load(cx, &m->set, e);
    if (r)
        return r;
    rosters_decide(&m->set);
    return plan_guard(&m->plan, m->set.n_gone, m->set.live, "students on these rosters", e);
}

static enum err write_refs(struct db_cx *cx, struct import *m, struct error *e)
{
    enum err r = ERR_OK;
    for (size_t i = 0; i < m->names.capacity && !r; i++) {
        const struct hashmap_slot *slot = &m->names.slots[i];
        const struct named *named = slot->hash ? slot->value : NULL;
        if (!named || (!named->student && !named->course))
            continue;
        struct external_ref ref = {.kind = named->course ? EXTERNAL_COURSE : EXTERNAL_STUDENT,
                                   .external = {slot->key.p + 1, slot->key.n - 1}};
        const char *id = named->course ? named->course->new.id.text : named->student->new.id.text;
        if (!id[0] || strcmp(id, named->id) == 0)
            continue;
        memcpy(ref.id, id, ID_TEXT);
        r = external_ref_put(cx, m->data.system, &ref, m->plan.o->now, e);
    }
    return r;
}

static enum err write(struct db_cx *cx, void *ctx, struct error *e)
{
    struct import *m = ctx;
    enum err r = students_write(cx, &m->students, e);
    if (!r)
        r = courses_write(cx, &m->courses, e);
    if (!r)
        r = teachers_write(cx, &m->teachers, e);
    if (!r)
        r = rosters_write(cx, &m->set, e);
    return r ? r : write_refs(cx, m, e);
}

enum err import_oneroster(const struct import_options *o, struct str bytes,
                          struct import_result *ret_result, struct error *e)
{
    struct import m = {.plan = {.o = o, .result = ret_result, .make = make, .write = write}};
    *ret_result = (struct import_result){0};
    prepare(&m);
    enum err r = oneroster_read(o, bytes, &m.data, e);
    if (!r) {
        int rows = m.data.files[ONEROSTER_ENROLLMENTS].csv.n;
        m.entries = arena_array(o->a, (size_t)rows + 1, sizeof *m.entries);
        r = m.entries ? plan_run(&m.plan, e)
                      : error_set(e, ERR_NOMEM, "no memory for %d enrollments", rows);
    }
    clear(&m);
    return r;
}
