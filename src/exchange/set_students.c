/* Students that a file wants. See sets.h. Cost: one pass over the student table, O(1) a row. */
#include "exchange/sets.h"

#include "store/bulk.h"

void students_init(struct student_set *s, struct plan *p)
{
    *s = (struct student_set){.plan = p};
    hashmap_init(&s->by_id);
    hashmap_init(&s->by_bound);
}

void students_done(struct student_set *s)
{
    hashmap_done(&s->by_id);
    hashmap_done(&s->by_bound);
}

struct student_want *students_find(const struct student_set *s, struct str external_id)
{
    return hashmap_get(&s->by_id, external_id);
}

enum err students_add(struct student_set *s, struct str external_id, int line_at, int line,
                      struct student_want **ret_want, struct error *e)
{
    struct student_want *w = arena_alloc(s->plan->o->a, sizeof *w);
    if (!w)
        return error_set(e, ERR_NOMEM, "no memory for the students of the file");
    *w = (struct student_want){.line_at = line_at, .line = line};
    w->new.external_id = external_id;
    enum err r = hashmap_put(&s->by_id, external_id, w, e);
    if (r)
        return r;
    if (s->last)
        s->last->next = w;
    else
        s->first = w;
    s->last = *ret_want = w;
    return ERR_OK;
}

enum err students_bind(struct student_set *s, struct student_want *w, const char *id,
                       struct error *e)
{
    memcpy(w->bound, id, ID_TEXT);
    return hashmap_put(&s->by_bound, str_from(w->bound), w, e);
}

static struct student keep(struct student_set *s, const struct student *row)
{
    struct student copy = *row;
    copy.external_id = plan_copy(s->plan, row->external_id);
    copy.name = plan_copy(s->plan, row->name);
    copy.email = plan_copy(s->plan, row->email);
    copy.status = str_is(row->status, "active") ? STR("active") : STR("inactive");
    return copy;
}

struct loading {
    struct student_set *set;
    bool missing;
};

static enum err on_student(void *ctx, const struct student *row, struct error *e)
{
    const struct loading *l = ctx;
    struct student_set *s = l->set;
    struct student_want *bound = hashmap_get(&s->by_bound, str_from(row->id.text));
    struct student_want *w = bound ? bound : students_find(s, row->external_id);
    bool active = str_is(row->status, "active");
    s->active += active;
    if (w && (bound || strcmp(w->old.id.text, w->bound) != 0 || !w->bound[0]))
        w->old = keep(s, row);
    if (w || !l->missing || !active)
        return ERR_OK;
    w = arena_alloc(s->plan->o->a, sizeof *w);
    if (!w)
        return error_set(e, ERR_NOMEM, "no memory for the students that are not in the file");
    *w = (struct student_want){.next = s->gone, .old = keep(s, row)};
    s->gone = w;
    s->n_gone++;
    return ERR_OK;
}

enum err students_load(struct db_cx *cx, struct student_set *s, bool missing, struct error *e)
{
    struct loading l = {s, missing};
    enum err r = bulk_students(cx, on_student, &l, e);
    return r ? r : report_check(&s->plan->result->report, e);
}

static void compare(struct student_set *s, struct student_want *w)
{
    struct import_report *report = &s->plan->result->report;
    struct import_line *line = &report->lines[w->line_at];
    struct {
        const char *name;
        struct str old, *new;
    } fields[] = {{"external_id", w->old.external_id, &w->new.external_id},
                  {"name", w->old.name, &w->new.name},
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

static void decide(struct student_set *s, struct student_want *w)
{
    struct import_report *report = &s->plan->result->report;
    bool exists = !id_is_empty(w->old.id.text);
    w->new.id = w->old.id;
    w->failed = w->failed || (!exists && w->line_at < 0);
    if (w->failed || w->line_at < 0)
        return;
    if (exists) {
        compare(s, w);
        return;
    }
    struct import_line *line = &report->lines[w->line_at];
    w->failed = w->leaving || !w->new.name.p;
    if (w->leaving) {
        report_say(report, line, IMPORT_IGNORE, "leaves, and was never here");
        return;
    }
    if (w->failed) {
        report_say(report, line, IMPORT_ERROR, "a new student needs a name");
        return;
    }
    id_new(w->new.id.text);
    if (!w->new.status.p)
        w->new.status = STR("active");
    report_change(report, line, "name", (struct str){0}, w->new.name);
    report_action(report, line, IMPORT_CREATE);
}

void students_decide(struct student_set *s)
{
    struct import_report *report = &s->plan->result->report;
    for (struct student_want *w = s->first; w; w = w->next)
        decide(s, w);
    for (struct student_want *w = s->gone; w; w = w->next) {
        struct import_line *line = report_line(report, 0, "student", w->old.external_id);
        report_change(report, line, "status", STR("active"), STR("inactive"));
        report_say(report, line, IMPORT_REMOVE, "not in the file: becomes inactive");
    }
}

static enum err write_one(struct student_set *s, struct db_cx *cx, const struct student_want *w,
                          struct error *e)
{
    if (w->failed || w->line_at < 0)
        return ERR_OK;
    enum import_action action = s->plan->result->report.lines[w->line_at].kind;
    struct student row = w->new;
    row.updated_at = s->plan->o->now;
    row.created_at = s->plan->o->now;
    row.version = w->old.version;
    if (action == IMPORT_CREATE)
        return student_insert(cx, &row, e);
    return action == IMPORT_UPDATE ? student_update(cx, &row, &row.version, e) : ERR_OK;
}

enum err students_write(struct db_cx *cx, struct student_set *s, struct error *e)
{
    enum err r = ERR_OK;
    for (const struct student_want *w = s->first; w && !r; w = w->next)
        r = write_one(s, cx, w, e);
    for (const struct student_want *w = s->gone; w && !r; w = w->next) {
        struct student row = w->old;
        row.status = STR("inactive");
        row.updated_at = s->plan->o->now;
        r = student_update(cx, &row, &row.version, e);
    }
    return r;
}
