/* Sessions from an iCalendar file. See import.h; icalendar.c reads the file, here its sittings are
 * compared with what earlier imports made. Cost: a query an event and one a course name, and two a
 * session that is written. */
#include "store/calendar.h"
#include "base/hashmap.h"
#include "base/tz.h"
#include "exchange/icalendar.h"
#include "exchange/icalendar_write.h"
#include "exchange/plan.h"
#include "store/session.h"

enum { EVENTS_MAX = 5000, SITTINGS_MAX = 20000, AHEAD_DAYS = 400 };

/* What is to be done about one sitting. */
struct todo {
    struct todo *next;
    enum import_action action;
    struct str uid;
    const struct icalendar_sitting *sitting; /* of the file; NULL: it is gone */
    struct calendar_sitting *old;            /* of the database; NULL: it is new */
    struct course_id course;
};

struct calendar {
    struct plan plan;
    struct icalendar file;
    struct todo *first, **last;
};

static struct import_report *report_of(struct calendar *s) { return &s->plan.result->report; }

/* ---- which course */

/* The first word of a summary such as "DB-101: Databases". */
static struct str first_word(struct str title)
{
    size_t n = 0;
    while (n < title.n && !strchr(" :,;", title.p[n]))
        n++;
    return (struct str){title.p, n};
}

/* The course asked for; else the one whose code is the category, the title, or its first word. */
static enum err find_course(struct db_cx *cx, struct calendar *s,
                            const struct icalendar_event *event, struct course_id *ret_course,
                            int *ret_n, struct error *e)
{
    const struct str asked = s->plan.o->course_name;
    const struct str names[] = {asked.p ? asked : event->category, event->title,
                                first_word(event->title)};
    enum err r = ERR_OK;
    *ret_n = 0;
    for (size_t i = 0; i < (asked.p ? 1 : ARRAY_LEN(names)) && !r && !*ret_n; i++)
        if (names[i].n)
            r = calendar_course(cx, names[i], ret_course, ret_n, e);
    return r;
}

/* ---- comparing */

static void todo_add(struct calendar *s, struct todo todo)
{
    struct todo *t = arena_alloc(s->plan.o->a, sizeof *t);
    if (!t) {
        report_of(s)->failed = true;
        return;
    }
    *t = todo;
    t->next = NULL;
    *s->last = t;
    s->last = &t->next;
}

static struct str time_text(struct calendar *s, usec_t at)
{
    char text[TZ_TIME_TEXT];
    if (tz_format(s->plan.o->tz.p ? s->plan.o->tz : STR("UTC"), at, text, NULL))
        return STR("");
    return plan_copy(&s->plan, str_from(text));
}

static struct import_line *line_of(struct calendar *s, const struct icalendar_event *event,
                                   const char *entity)
{
    struct str key = event->title.n ? event->title : event->uid;
    return report_line(report_of(s), event->number, entity, key);
}

static void note_times(struct calendar *s, struct import_line *line,
                       const struct calendar_sitting *old, const struct icalendar_sitting *new)
{
    struct str none = {0};
    if (!old || old->start != new->start)
        report_change(report_of(s), line, "planned_start", old ? time_text(s, old->start) : none,
                      time_text(s, new->start));
    if (!old || old->end != new->end)
        report_change(report_of(s), line, "planned_end", old ? time_text(s, old->end) : none,
                      time_text(s, new->end));
    if (!old || !str_eq(old->title, new->title))
        report_change(report_of(s), line, "title", old ? old->title : none, new->title);
}

static struct calendar_sitting *find(struct calendar_sitting *olds, int n, const char *slot)
{
    for (int lo = 0, hi = n; lo < hi;) {
        int mid = (lo + hi) / 2;
        int order = memcmp(olds[mid].slot.p, slot, ICALENDAR_SLOT - 1);
        if (order == 0)
            return &olds[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

/* One sitting of the file. */
static void decide(struct calendar *s, const struct icalendar_event *event,
                   const struct icalendar_sitting *new, struct calendar_sitting *old,
                   struct course_id course)
{
    struct import_report *report = report_of(s);
    struct import_line *line = line_of(s, event, "session");
    struct todo todo = {.uid = event->uid, .sitting = new, .old = old, .course = course};
    usec_t now = s->plan.o->now;
    if (old && !calendar_sitting_is_ours(old, now)) {
        report_say(report, line, IMPORT_UNCHANGED, "held already, or a person changed it");
    } else if (new->cancelled || new->start <= now) {
        todo.action = IMPORT_REMOVE;
        if (old)
            todo_add(s, todo);
        report_say(report, line, old ? IMPORT_REMOVE : IMPORT_IGNORE,
                   new->cancelled ? "cancelled" : "past");
    } else if (!old) {
        todo.action = IMPORT_CREATE;
        todo_add(s, todo);
        note_times(s, line, NULL, new);
        report_action(report, line, IMPORT_CREATE);
    } else {
        note_times(s, line, old, new);
        todo.action = line->n_changes ? IMPORT_UPDATE : IMPORT_UNCHANGED;
        if (line->n_changes)
            todo_add(s, todo);
        report_action(report, line, todo.action);
    }
}

/* What earlier files had and this one has not. */
static void decide_gone(struct calendar *s, const struct icalendar_event *event,
                        struct calendar_sitting *olds, int n)
{
    for (int i = 0; i < n; i++) {
        bool there = false;
        for (int k = 0; k < event->n && !there; k++)
            there = str_is(olds[i].slot, event->sittings[k].slot);
        if (there || !calendar_sitting_is_ours(&olds[i], s->plan.o->now))
            continue;
        struct import_line *line = line_of(s, event, "session");
        report_change(report_of(s), line, "planned_start", time_text(s, olds[i].start),
                      (struct str){0});
        report_say(report_of(s), line, IMPORT_REMOVE, "not in the event any more");
        todo_add(s, (struct todo){.action = IMPORT_REMOVE, .uid = event->uid, .old = &olds[i]});
    }
}

/* An event that this server wrote, of a session that is here. */
static enum err is_own(struct db_cx *cx, struct calendar *s, struct str uid, bool *ret_own,
                       struct error *e)
{
    struct session_id id;
    struct session session;
    *ret_own = false;
    if (!icalendar_own_uid(uid, id.text))
        return ERR_OK;
    struct error why = {0};
    enum err r = session_get(cx, s->plan.o->a, id, &session, &why);
    *ret_own = r == ERR_OK;
    return r && r != ERR_NOT_FOUND ? error_set(e, r, "%s", why.msg) : ERR_OK;
}

static enum err event_make(struct db_cx *cx, struct calendar *s,
                           const struct icalendar_event *event, struct error *e)
{
    struct calendar_sitting *olds = NULL;
    struct course_id course;
    int n = 0, courses = 0;
    bool own;
    enum err r = is_own(cx, s, event->uid, &own, e);
    if (!r && own) {
        report_say(report_of(s), line_of(s, event, "event"), IMPORT_IGNORE,
                   "a session of this server, exported from it");
        return ERR_OK;
    }
    if (!r)
        r = find_course(cx, s, event, &course, &courses, e);
    if (!r && courses == 1)
        r = calendar_sittings(cx, s->plan.o->a, event->uid, &olds, &n, e);
    if (r)
        return r;
    if (courses != 1) {
        report_say(report_of(s), line_of(s, event, "event"), IMPORT_ERROR,
                   courses ? "several courses have this code: send course=ID"
                           : "no course has the category, the summary or its first word as code: "
                             "send course=CODE");
        return ERR_OK;
    }
    for (int i = 0; i < event->n; i++)
        decide(s, event, &event->sittings[i], find(olds, n, event->sittings[i].slot), course);
    decide_gone(s, event, olds, n);
    if (!event->n && !n)
        report_say(report_of(s), line_of(s, event, "event"), IMPORT_IGNORE,
                   "no sitting from now on");
    return ERR_OK;
}

/* ---- the two halves */

static enum err make(struct db_cx *cx, void *plan, struct error *e)
{
    struct calendar *s = plan;
    enum err r = ERR_OK;
    s->first = NULL;
    s->last = &s->first;
    for (int i = 0; i < s->file.n && !r; i++) {
        const struct icalendar_event *event = &s->file.events[i];
        if (event->problem.p)
            report_say(report_of(s), line_of(s, event, "event"), IMPORT_ERROR, "%.*s",
                       STR_ARGS(event->problem));
        else if (event->all_day)
            report_say(report_of(s), line_of(s, event, "event"), IMPORT_IGNORE,
                       "all day: no session");
        else if (!event->changes_another)
            r = event_make(cx, s, event, e);
    }
    return r;
}

static enum err create(struct db_cx *cx, const struct calendar *s, const struct todo *t,
                       struct error *e)
{
    const struct import_options *o = s->plan.o;
    struct course course;
    struct session made = {.course = t->course,
                           .title = t->sitting->title,
                           .planned_start = t->sitting->start,
                           .planned_end = t->sitting->end,
                           .status = SESSION_SCHEDULED,
                           .confirm_gap_ms = o->confirm_gap_ms,
                           .confirm_window_s = o->confirm_window_s,
                           .created_at = o->now};
    enum err r = course_get(cx, o->a, t->course, &course, e);
    if (r)
        return r;
    session_take_policy(&made, &course);
    id_new(made.id.text);
    r = session_insert(cx, &made, e);
    return r ? r : calendar_sitting_add(cx, t->uid, t->sitting->slot, made.id, e);
}

static enum err write(struct db_cx *cx, void *plan, struct error *e)
{
    struct calendar *s = plan;
    enum err r = ERR_OK;
    for (const struct todo *t = s->first; t && !r; t = t->next) {
        if (t->action == IMPORT_CREATE)
            r = create(cx, s, t, e);
        else if (t->action == IMPORT_UPDATE)
            r = calendar_sitting_move(cx, t->uid, t->old, t->sitting->start, t->sitting->end,
                                      t->sitting->title, s->plan.o->now, e);
        else if (t->action == IMPORT_REMOVE)
            r = calendar_sitting_remove(cx, t->uid, t->old, e);
    }
    return r;
}

enum err import_icalendar(const struct import_options *o, struct str bytes,
                          struct import_result *ret_result, struct error *e)
{
    const struct icalendar_limits limits = {.events_max = EVENTS_MAX,
                                            .sittings_max = SITTINGS_MAX,
                                            .from = o->now,
                                            .to = o->now + AHEAD_DAYS * USEC_PER_DAY};
    struct calendar s = {.plan = {.o = o, .result = ret_result, .make = make, .write = write}};
    *ret_result = (struct import_result){0};
    enum err r = icalendar_read(o->a, bytes, o->tz.p ? o->tz : STR("UTC"), &limits, &s.file, e);
    return r ? r : plan_run(&s.plan, e);
}
