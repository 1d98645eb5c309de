/* Roster entries that a file wants. See sets.h.
 *
 * An entry never changes, it ends: what is over stays as it is, an end that lies ahead may still be
 * moved. Cost: one query for each course that the file names; new entries are written six at a
 * time. */
#include "exchange/sets.h"

#include "store/bulk.h"

#include <stdlib.h>

void rosters_init(struct roster_set *s, struct plan *p, struct course_set *courses)
{
    *s = (struct roster_set){.plan = p, .courses = courses};
    hashmap_init(&s->by_key);
}

void rosters_done(struct roster_set *s) { hashmap_done(&s->by_key); }

static void make_key(char out[static 2 * ID_TEXT], const char *course, const char *student)
{
    snprintf(out, (size_t)2 * ID_TEXT, "%s%s", course, student);
}

static struct roster_want *find(const struct roster_set *s, const char *course, const char *student)
{
    char key[2 * ID_TEXT];
    make_key(key, course, student);
    return hashmap_get(&s->by_key, str_from(key));
}

struct roster_want *rosters_find(const struct roster_set *s, const struct course_want *course,
                                 const struct student_want *student)
{
    return find(s, course->new.id.text, student->new.id.text);
}

static enum err append(struct roster_set *s, const char *course, const char *student,
                       struct roster_want **ret_want, struct error *e)
{
    struct roster_want *w = arena_alloc(s->plan->o->a, sizeof *w);
    if (!w)
        return error_set(e, ERR_NOMEM, "no memory for the rosters of the file");
    make_key(w->key, course, student);
    enum err r = hashmap_put(&s->by_key, str_from(w->key), w, e);
    if (r)
        return r;
    if (s->last)
        s->last->next = w;
    else
        s->first = w;
    s->last = *ret_want = w;
    return ERR_OK;
}

enum err rosters_add(struct roster_set *s, struct course_want *course, struct student_want *student,
                     int line_at, int line, struct roster_want **ret_want, struct error *e)
{
    enum err r = append(s, course->new.id.text, student->new.id.text, ret_want, e);
    if (r)
        return r;
    (*ret_want)->course = course;
    (*ret_want)->student = student;
    (*ret_want)->line_at = line_at;
    (*ret_want)->line = line;
    return ERR_OK;
}

/* ---- what stands */

/* Entries of one course, oldest first: the last one that is told stays. */
static enum err on_entry(void *ctx, const struct bulk_entry *row, struct error *e)
{
    struct roster_set *s = ctx;
    struct roster_want *w = find(s, s->loading->new.id.text, row->student.text);
    bool live = !row->valid_to || row->valid_to > s->plan->o->now;
    s->live += live;
    if (!w && live && s->loading->whole) {
        enum err r = append(s, s->loading->new.id.text, row->student.text, &w, e);
        if (r)
            return r;
        w->line_at = -1;
        w->course = s->loading;
        w->remove = true;
        s->n_gone++;
    }
    if (!w)
        return ERR_OK;
    memcpy(w->old_id, row->id, ID_TEXT);
    w->old_from = row->valid_from;
    w->old_to = row->valid_to;
    w->exact = w->exact || (row->valid_from == w->from && row->valid_to == w->to);
    return ERR_OK;
}

enum err rosters_load(struct db_cx *cx, struct roster_set *s, struct error *e)
{
    enum err r = ERR_OK;
    for (struct course_want *c = s->courses->first; c && !r; c = c->next) {
        if (c->failed || id_is_empty(c->old.id.text))
            continue;
        s->loading = c;
        r = bulk_roster(cx, c->old.id, on_entry, s, e);
    }
    return r ? r : report_check(&s->plan->result->report, e);
}

/* ---- deciding */

static struct str day_text(struct roster_set *s, usec_t at)
{
    char text[TIME_TEXT];
    if (!at)
        return (struct str){0};
    time_format_iso(at, text);
    return plan_copy(s->plan, str_from(text));
}

static bool is_live(const struct roster_set *s, const struct roster_want *w)
{
    return w->old_id[0] && (!w->old_to || w->old_to > s->plan->o->now);
}

static void act(struct roster_set *s, struct roster_want *w, struct import_line *line,
                enum import_action action)
{
    w->action = action;
    w->course->changed = w->course->changed || action != IMPORT_UNCHANGED;
    report_action(&s->plan->result->report, line, action);
}

/* The entry that stands gets the end w->to. */
static void move_end(struct roster_set *s, struct roster_want *w, struct import_line *line)
{
    struct import_report *report = &s->plan->result->report;
    if (w->to && w->to < w->old_from) {
        report_say(report, line, IMPORT_ERROR, "enrolled since later than valid_to");
        return;
    }
    report_change(report, line, "valid_to", day_text(s, w->old_to), day_text(s, w->to));
    act(s, w, line, w->remove ? IMPORT_REMOVE : IMPORT_UPDATE);
}

static void decide_remove(struct roster_set *s, struct roster_want *w, struct import_line *line)
{
    if (!w->to)
        w->to = s->plan->o->now > w->old_from ? s->plan->o->now : w->old_from;
    if (is_live(s, w) && w->to != w->old_to)
        move_end(s, w, line);
    else
        act(s, w, line, IMPORT_UNCHANGED);
}

static void decide_new(struct roster_set *s, struct roster_want *w, struct import_line *line)
{
    struct import_report *report = &s->plan->result->report;
    bool over = w->to && w->to <= s->plan->o->now;
    if (over && !w->from) {
        report_say(report, line, IMPORT_ERROR, "an entry that is over needs a valid_from");
        return;
    }
    if (!w->from)
        w->from = s->plan->o->now;
    if (w->from < w->old_to) /* entries of one student follow each other */
        w->from = w->old_to;
    if (w->to && w->to <= w->from) {
        act(s, w, line, IMPORT_UNCHANGED); /* all of it stands already */
        return;
    }
    report_change(report, line, "valid_from", (struct str){0}, day_text(s, w->from));
    if (w->to)
        report_change(report, line, "valid_to", (struct str){0}, day_text(s, w->to));
    act(s, w, line, IMPORT_CREATE);
}

static void decide(struct roster_set *s, struct roster_want *w, struct import_line *line)
{
    if (w->remove)
        decide_remove(s, w, line);
    else if (w->exact || (is_live(s, w) && w->to == w->old_to))
        act(s, w, line, IMPORT_UNCHANGED);
    else if (is_live(s, w))
        move_end(s, w, line);
    else
        decide_new(s, w, line);
}

void rosters_decide(struct roster_set *s)
{
    struct import_report *report = &s->plan->result->report;
    for (struct roster_want *w = s->first; w; w = w->next) {
        if (w->line_at >= 0) {
            decide(s, w, &report->lines[w->line_at]);
            continue;
        }
        struct import_line *line = report_line(report, 0, "roster", w->course->new.code);
        line->message = STR("not in the file: is taken off the roster");
        decide_remove(s, w, line);
    }
}

/* ---- writing */

static int by_key(const void *a, const void *b)
{
    const struct roster_want *const *x = a, *const *y = b;
    return strcmp((*x)->key, (*y)->key);
}

/* The new entries in the order of the indexes: neighbours share pages. */
static enum err sort_new(const struct roster_set *s, struct roster_want ***ret_new, int *ret_n,
                         struct error *e)
{
    int64_t n = s->plan->result->report.counts[IMPORT_CREATE];
    struct roster_want **list = arena_array(s->plan->o->a, (size_t)n + 1, sizeof(void *));
    if (!list)
        return error_set(e, ERR_NOMEM, "no memory for %lld roster entries", (long long)n);
    *ret_n = 0;
    for (struct roster_want *w = s->first; w; w = w->next)
        if (w->action == IMPORT_CREATE)
            list[(*ret_n)++] = w;
    qsort(list, (size_t)*ret_n, sizeof(void *), by_key);
    *ret_new = list;
    return ERR_OK;
}

static enum err write_new(struct db_cx *cx, struct roster_set *s, struct error *e)
{
    struct bulk_entry batch[BULK_ENTRIES_MAX];
    struct roster_want **list = NULL;
    int n = 0;
    enum err r = sort_new(s, &list, &n, e);
    for (int i = 0, k = 0; i < n && !r; i++) {
        struct bulk_entry *b = &batch[k++];
        *b = (struct bulk_entry){.course = list[i]->course->new.id,
                                 .student = list[i]->student->new.id,
                                 .valid_from = list[i]->from,
                                 .valid_to = list[i]->to};
        id_new(b->id);
        if (k < BULK_ENTRIES_MAX && i + 1 < n)
            continue;
        r = bulk_roster_insert(cx, batch, k, e);
        k = 0;
    }
    return r;
}

static enum err write_versions(struct db_cx *cx, struct roster_set *s, struct error *e)
{
    struct import_result *result = s->plan->result;
    int n = 0;
    for (const struct course_want *c = s->courses->first; c; c = c->next)
        n += c->changed;
    result->rosters = arena_array(s->plan->o->a, (size_t)n + 1, sizeof *result->rosters);
    result->n_rosters = 0;
    if (!result->rosters)
        return error_set(e, ERR_NOMEM, "no memory for %d rosters", n);
    enum err r = ERR_OK;
    for (const struct course_want *c = s->courses->first; c && !r; c = c->next) {
        struct import_roster *roster = &result->rosters[result->n_rosters];
        if (!c->changed)
            continue;
        roster->course = c->new.id;
        r = bulk_roster_bump(cx, c->new.id, &roster->version, e);
        result->n_rosters += r == ERR_OK;
    }
    return r;
}

enum err rosters_write(struct db_cx *cx, struct roster_set *s, struct error *e)
{
    enum err r = ERR_OK;
    for (const struct roster_want *w = s->first; w && !r; w = w->next)
        if (w->action == IMPORT_UPDATE || w->action == IMPORT_REMOVE)
            r = bulk_roster_end(cx, w->old_id, w->old_to, w->to, e);
    if (!r)
        r = write_new(cx, s, e);
    return r ? r : write_versions(cx, s, e);
}
