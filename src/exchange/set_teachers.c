/* Who teaches, as a file says it. See sets.h. Cost: one or two indexed queries for each login and
 * each pair of course and teacher. */
#include "exchange/sets.h"

#include "store/user.h"

enum { LOGIN_MAX = 64 };

void teachers_init(struct teacher_set *s, struct plan *p)
{
    *s = (struct teacher_set){.plan = p};
    hashmap_init(&s->by_login);
    hashmap_init(&s->by_pair);
}

void teachers_done(struct teacher_set *s)
{
    hashmap_done(&s->by_login);
    hashmap_done(&s->by_pair);
}

struct teacher *teachers_find(const struct teacher_set *s, struct str login)
{
    return hashmap_get(&s->by_login, login);
}

enum err teachers_add(struct teacher_set *s, const struct teacher *like,
                      struct teacher **ret_teacher, struct error *e)
{
    struct teacher *t = arena_alloc(s->plan->o->a, sizeof *t);
    if (!t)
        return error_set(e, ERR_NOMEM, "no memory for the teachers of the file");
    *t = *like;
    for (int i = TEACHER_LOGINS - 1; i >= 0; i--)
        if (t->logins[i].n > 0 && t->logins[i].n <= LOGIN_MAX)
            t->login = t->logins[i];
    enum err r = t->login.n && !teachers_find(s, t->login)
                     ? hashmap_put(&s->by_login, t->login, t, e)
                     : ERR_OK;
    if (r)
        return r;
    if (s->last)
        s->last->next = t;
    else
        s->first = t;
    s->last = *ret_teacher = t;
    return ERR_OK;
}

enum err teachings_add(struct teacher_set *s, const struct teaching *like, struct error *e)
{
    struct teaching *t = arena_alloc(s->plan->o->a, sizeof *t);
    if (!t)
        return error_set(e, ERR_NOMEM, "no memory for the teachers of the file");
    *t = *like;
    if (s->last_teaching)
        s->last_teaching->next = t;
    else
        s->teachings = t;
    s->last_teaching = t;
    return ERR_OK;
}

/* ---- what there is */

static void take_user(struct teacher_set *s, struct teacher *t, const struct user *u)
{
    const struct import_options *o = s->plan->o;
    t->role = u->role;
    t->login = u->login;
    t->barred = o->may_teach && !o->may_teach(u->role);
    if (!t->barred)
        memcpy(t->id, u->id, ID_TEXT);
}

static enum err load(struct db_cx *cx, struct teacher_set *s, struct teacher *t, struct error *e)
{
    struct user u;
    for (int i = 0; i < TEACHER_LOGINS; i++) {
        enum err r = t->logins[i].n ? user_by_login(cx, s->plan->o->a, t->logins[i], &u, NULL)
                                    : ERR_NOT_FOUND;
        if (r == ERR_OK) {
            take_user(s, t, &u);
            return ERR_OK;
        }
        if (r != ERR_NOT_FOUND)
            return error_set(e, r, "the users could not be asked for a teacher");
    }
    return ERR_OK;
}

/* After the courses are decided: a new course has nobody yet. */
static enum err load_pair(struct db_cx *cx, struct teaching *t, struct error *e)
{
    struct scope scope = {0};
    t->stands = false;
    if (!t->teacher->id[0] || t->teacher->create || id_is_empty(t->course->old.id.text))
        return ERR_OK;
    memcpy(scope.instructor, t->teacher->id, ID_TEXT);
    return access_check(cx, &scope, ACCESS_COURSE, t->course->old.id.text, &t->stands, e);
}

enum err teachers_load(struct db_cx *cx, struct teacher_set *s, struct error *e)
{
    enum err r = ERR_OK;
    for (struct teacher *t = s->first; t && !r; t = t->next)
        r = load(cx, s, t, e);
    for (struct teaching *t = s->teachings; t && !r; t = t->next)
        r = load_pair(cx, t, e);
    return r;
}

/* ---- deciding */

static void say_unknown(struct teacher_set *s, const struct teacher *t, struct import_line *line)
{
    struct import_report *report = &s->plan->result->report;
    if (t->barred)
        report_say(report, line, IMPORT_IGNORE, "the user %.*s has the role %.*s and cannot teach",
                   STR_ARGS(t->login), STR_ARGS(t->role));
    else if (t->login.n)
        report_say(report, line, IMPORT_IGNORE,
                   "there is no user with the login %.*s, so nobody teaches by this line",
                   STR_ARGS(t->login));
    else
        report_say(report, line, IMPORT_IGNORE, "a teacher without email and username");
}

static void decide_teacher(struct teacher_set *s, struct teacher *t)
{
    struct import_report *report = &s->plan->result->report;
    const struct teacher *first = t->login.n ? teachers_find(s, t->login) : NULL;
    if (!t->id[0] && !t->barred && t->login.n && s->plan->o->create_teachers) {
        t->create = !first || first == t;
        if (t->create)
            id_new(t->id);
        else
            memcpy(t->id, first->id, ID_TEXT);
    }
    if (t->line_at < 0)
        return;
    struct import_line *line = &report->lines[t->line_at];
    if (!t->id[0]) {
        say_unknown(s, t, line);
        return;
    }
    if (t->create)
        report_change(report, line, "login", (struct str){0}, t->login);
    report_action(report, line, t->create ? IMPORT_CREATE : IMPORT_UNCHANGED);
}

static enum err decide_pair(struct teacher_set *s, struct teaching *t, struct import_line *line,
                            struct error *e)
{
    struct import_report *report = &s->plan->result->report;
    t->action = IMPORT_UNCHANGED;
    if (t->course->failed)
        report_say(report, line, IMPORT_ERROR, "the course of this line is missing");
    else if (!t->teacher->id[0])
        say_unknown(s, t->teacher, line);
    if (line->action.p)
        return ERR_OK;
    snprintf(t->key, sizeof t->key, "%s%s", t->course->new.id.text, t->teacher->id);
    if (hashmap_get(&s->by_pair, str_from(t->key))) {
        report_say(report, line, IMPORT_IGNORE, "another line has the same course and teacher");
        return ERR_OK;
    }
    if (t->stands == t->remove)
        t->action = t->remove ? IMPORT_REMOVE : IMPORT_CREATE;
    report_action(report, line, t->action);
    return hashmap_put(&s->by_pair, str_from(t->key), t, e);
}

enum err teachers_decide(struct teacher_set *s, struct error *e)
{
    struct import_report *report = &s->plan->result->report;
    enum err r = ERR_OK;
    for (struct teacher *t = s->first; t; t = t->next)
        decide_teacher(s, t);
    for (struct teaching *t = s->teachings; t && !r; t = t->next) {
        struct import_line *line =
            t->line_at >= 0
                ? &report->lines[t->line_at]
                : report_line(report, t->line, "instructor",
                              plan_key(s->plan, t->course->new.code, t->teacher->logins[0]));
        r = decide_pair(s, t, line, e);
    }
    return r ? r : report_check(report, e);
}

/* ---- writing */

static enum err write_user(struct db_cx *cx, struct teacher_set *s, const struct teacher *t,
                           struct error *e)
{
    struct user u = {.login = t->login,
                     .name = t->name.n ? t->name : t->login,
                     .role = STR("instructor"),
                     .version = 1,
                     .created_at = s->plan->o->now,
                     .updated_at = s->plan->o->now};
    memcpy(u.id, t->id, ID_TEXT);
    return user_insert(cx, &u, e);
}

enum err teachers_write(struct db_cx *cx, struct teacher_set *s, struct error *e)
{
    enum err r = ERR_OK;
    for (const struct teacher *t = s->first; t && !r; t = t->next)
        if (t->create)
            r = write_user(cx, s, t, e);
    for (const struct teaching *t = s->teachings; t && !r; t = t->next) {
        if (t->action == IMPORT_CREATE)
            r = instructor_add(cx, t->course->new.id, t->teacher->id, e);
        if (t->action == IMPORT_REMOVE)
            r = instructor_remove(cx, t->course->new.id, t->teacher->id, e);
    }
    return r;
}
