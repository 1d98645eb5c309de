/* How much of a session a student was there: minutes and sweeps of marks, from the rows of
 * store/presence.h by the rules of attendance/policy.h. Handler threads; a query for one mark, or
 * one for all of a session, read row by row. */
#include "api/handlers.h"

#include "attendance/policy.h"
#include "base/hashmap.h"
#include "store/presence.h"
#include "store/session.h"

/* A session that runs is counted up to now. */
static struct sitting sitting_of(const struct session *s)
{
    return (struct sitting){s->started_at, s->ended_at ? s->ended_at : time_utc()};
}

enum err mark_known(struct db_cx *cx, struct arena *a, const struct mark *m,
                    struct presence *ret_known, struct error *e)
{
    struct session s;
    struct presence_row *rows;
    int n = 0;
    enum err r = session_get(cx, a, m->session, &s, e);
    if (r == ERR_OK)
        r = presence_list(cx, a, m->session, m->student, &rows, &n, e);
    int64_t *minutes = r ? NULL : arena_array(a, (size_t)n, sizeof *minutes);
    if (!minutes)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for %d minutes", n);
    for (int i = 0; i < n; i++)
        minutes[i] = rows[i].minute;
    const struct attendance_policy policy = {.sweeps = (int)s.sweeps};
    const struct sitting sitting = sitting_of(&s);
    *ret_known = presence_of_minutes(&policy, &sitting, m->first_seen, m->last_seen, minutes, n);
    return ERR_OK;
}

/* Minutes come by student: each adds to what is known of that one. */
struct counting {
    struct hashmap known; /* student -> struct presence */
    struct attendance_policy policy;
    struct sitting sitting;
    struct student_id student;
    struct presence_count at;
};

static void on_minute(void *ctx, struct student_id student, int64_t minute)
{
    struct counting *c = ctx;
    struct presence *known = hashmap_get(&c->known, str_from(student.text));
    if (!known)
        return;
    if (strcmp(student.text, c->student.text) != 0)
        c->at = presence_count_begin();
    c->student = student;
    presence_count(&c->policy, &c->sitting, c->sitting.start + minute * USEC_PER_MIN, &c->at,
                   known);
}

enum err marks_known(struct db_cx *cx, struct arena *a, const struct session *s,
                     const struct mark *marks, int n, struct presence **ret_known, struct error *e)
{
    struct counting c = {.policy = {.sweeps = (int)s->sweeps}, .sitting = sitting_of(s)};
    struct presence *known = arena_array(a, (size_t)n, sizeof *known);
    if (!known)
        return error_set(e, ERR_NOMEM, "no memory for %d marks", n);
    enum err r = ERR_OK;
    hashmap_init(&c.known);
    for (int i = 0; r == ERR_OK && i < n; i++)
        r = hashmap_put(&c.known, str_from(marks[i].student.text), &known[i], e);
    if (r == ERR_OK)
        r = presence_each(cx, s->id, on_minute, &c, e);
    hashmap_done(&c.known);
    if (r == ERR_OK)
        *ret_known = known;
    return r;
}
