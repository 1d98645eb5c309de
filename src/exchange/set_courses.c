/* Courses that a file wants. See sets.h. Cost: one pass over the course table. */
#include "exchange/sets.h"

#include "store/bulk.h"

enum { KEY_MAX = 640, PART_MAX = 300 };

/* Code and term in one text; a term that is not said differs from an empty one. */
static struct str make_key(char out[static KEY_MAX], struct str code, struct str term)
{
    int n = snprintf(out, KEY_MAX, "%.*s\n%s%.*s", (int)(code.n < PART_MAX ? code.n : PART_MAX),
                     code.p, term.p ? "=" : "", (int)(term.n < PART_MAX ? term.n : PART_MAX),
                     term.p ? term.p : "");
    return (struct str){out, (size_t)n};
}

void courses_init(struct course_set *s, struct plan *p)
{
    *s = (struct course_set){.plan = p};
    hashmap_init(&s->by_key);
    hashmap_init(&s->by_bound);
}

void courses_done(struct course_set *s)
{
    hashmap_done(&s->by_key);
    hashmap_done(&s->by_bound);
}

struct course_want *courses_find(const struct course_set *s, struct str code, struct str term)
{
    char key[KEY_MAX];
    return hashmap_get(&s->by_key, make_key(key, code, term));
}

enum err courses_add(struct course_set *s, struct str code, struct str term, int line_at, int line,
                     struct course_want **ret_want, struct error *e)
{
    char text[KEY_MAX];
    struct course_want *w = arena_alloc(s->plan->o->a, sizeof *w);
    struct str key = arena_copy(s->plan->o->a, make_key(text, code, term));
    if (!w || !key.p)
        return error_set(e, ERR_NOMEM, "no memory for the courses of the file");
    *w = (struct course_want){
        .line_at = line_at, .line = line, .new = s->plan->o->course, .any_term = !term.p};
    w->new.code = code;
    w->new.term = term;
    w->new.late_after_min = -1;
    enum err r = hashmap_put(&s->by_key, key, w, e);
    if (r)
        return r;
    if (s->last)
        s->last->next = w;
    else
        s->first = w;
    s->last = *ret_want = w;
    return ERR_OK;
}

enum err courses_bind(struct course_set *s, struct course_want *w, const char *id, struct error *e)
{
    memcpy(w->bound, id, ID_TEXT);
    return hashmap_put(&s->by_bound, str_from(w->bound), w, e);
}

static void match(struct course_set *s, struct course_want *w, const struct course *row)
{
    if (!w || (w->any_term && w->matches++ > 0))
        return;
    if (w->bound[0] && strcmp(w->old.id.text, w->bound) == 0)
        return; /* the row that it is was found already */
    w->old = *row;
    w->old.code = plan_copy(s->plan, row->code);
    w->old.term = plan_copy(s->plan, row->term);
    w->old.title = plan_copy(s->plan, row->title);
}

static enum err on_course(void *ctx, const struct course *row, struct error *e)
{
    struct course_set *s = ctx;
    (void)e;
    match(s, hashmap_get(&s->by_bound, str_from(row->id.text)), row);
    match(s, courses_find(s, row->code, row->term), row);
    match(s, courses_find(s, row->code, (struct str){0}), row);
    return ERR_OK;
}

enum err courses_load(struct db_cx *cx, struct course_set *s, struct error *e)
{
    enum err r = bulk_courses(cx, on_course, s, e);
    return r ? r : report_check(&s->plan->result->report, e);
}

static struct str number(struct course_set *s, int64_t n)
{
    char *text = arena_printf(s->plan->o->a, "%lld", (long long)n);
    s->plan->result->report.failed = s->plan->result->report.failed || !text;
    return str_from(text);
}

/* What the file does not say stays; the rest of the course's policy is never touched. */
static void compare(struct course_set *s, struct course_want *w)
{
    struct import_report *report = &s->plan->result->report;
    struct import_line *line = &report->lines[w->line_at];
    struct str title = w->new.title, code = w->new.code, term = w->new.term;
    int64_t late = w->new.late_after_min;
    w->new = w->old;
    if (!str_eq(code, w->old.code)) {
        report_change(report, line, "code", w->old.code, code);
        w->new.code = code;
    }
    if (term.p && !str_eq(term, w->old.term)) {
        report_change(report, line, "term", w->old.term, term);
        w->new.term = term;
    }
    if (title.p && !str_eq(title, w->old.title)) {
        report_change(report, line, "title", w->old.title, title);
        w->new.title = title;
    }
    if (late >= 0 && late != w->old.late_after_min) {
        report_change(report, line, "late_after_min", number(s, w->old.late_after_min),
                      number(s, late));
        w->new.late_after_min = late;
    }
    report_action(report, line, line->n_changes ? IMPORT_UPDATE : IMPORT_UNCHANGED);
}

static void create(struct course_set *s, struct course_want *w)
{
    struct import_report *report = &s->plan->result->report;
    struct import_line *line = &report->lines[w->line_at];
    w->failed = !w->new.title.p;
    if (w->failed) {
        report_say(report, line, IMPORT_ERROR, "a new course needs a title");
        return;
    }
    id_new(w->new.id.text);
    if (w->new.late_after_min < 0)
        w->new.late_after_min = s->plan->o->course.late_after_min;
    if (!w->new.term.p)
        w->new.term = STR("");
    report_change(report, line, "title", (struct str){0}, w->new.title);
    report_action(report, line, IMPORT_CREATE);
}

void courses_decide(struct course_set *s)
{
    struct import_report *report = &s->plan->result->report;
    for (struct course_want *w = s->first; w; w = w->next) {
        bool exists = !id_is_empty(w->old.id.text);
        w->new.id = w->old.id;
        w->failed = w->failed || w->matches > 1 || (!exists && w->line_at < 0);
        if (w->line_at < 0)
            continue;
        if (w->matches > 1)
            report_say(report, &report->lines[w->line_at], IMPORT_ERROR,
                       "%d terms have this course: add a column 'term'", w->matches);
        else if (!w->failed && exists)
            compare(s, w);
        else if (!w->failed)
            create(s, w);
    }
}

enum err courses_write(struct db_cx *cx, struct course_set *s, struct error *e)
{
    enum err r = ERR_OK;
    for (const struct course_want *w = s->first; w && !r; w = w->next) {
        if (w->failed || w->line_at < 0)
            continue;
        enum import_action action = s->plan->result->report.lines[w->line_at].kind;
        struct course row = w->new;
        row.created_at = row.updated_at = s->plan->o->now;
        if (action == IMPORT_CREATE)
            r = course_insert(cx, &row, e);
        if (action == IMPORT_UPDATE)
            r = course_update(cx, &row, &row.version, e);
    }
    return r;
}
