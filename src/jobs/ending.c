/* What a session's rules make of a mark from faces when it is over: see jobs.h. Any thread; memory
 * in the caller's arena, linear in the minutes. */
#include "attendance/policy.h"
#include "jobs/jobs.h"

static struct attendance_policy policy_of(const struct session *s)
{
    return (struct attendance_policy){.late_after = s->late_after_min * USEC_PER_MIN,
                                      .early_before = s->early_before_min * USEC_PER_MIN,
                                      .minutes_needed = (int)s->minutes_needed,
                                      .sweeps = (int)s->sweeps,
                                      .sweeps_needed = (int)s->sweeps_needed};
}

enum err jobs_mark_ending(struct arena *a, const struct session *s, const struct mark *m,
                          const struct presence_row *rows, int n, struct mark_ending *ret_ending,
                          struct error *e)
{
    const struct attendance_policy policy = policy_of(s);
    const struct sitting sitting = {s->started_at, s->ended_at};
    int64_t *minutes = arena_array(a, (size_t)n, sizeof *minutes);
    if (!minutes)
        return error_set(e, ERR_NOMEM, "no memory for %d minutes", n);
    for (int i = 0; i < n; i++)
        minutes[i] = rows[i].minute;
    struct presence known =
        presence_of_minutes(&policy, &sitting, m->first_seen, m->last_seen, minutes, n);
    const char *sweeps =
        policy.sweeps ? arena_printf(a, " and in %d of %d sweeps", known.sweeps, policy.sweeps)
                      : "";
    const char *why =
        sweeps ? arena_printf(a, "seen in %d minutes%s", known.minutes, sweeps) : NULL;
    if (!why)
        return error_set(e, ERR_NOMEM, "no memory for the end of a session");
    *ret_ending = (struct mark_ending){
        .status = str_from(mark_status_name(mark_status_at_end(&policy, &sitting, &known))),
        .first_seen = known.first_seen,
        .why = str_from(why)};
    return ERR_OK;
}

struct mark_writer jobs_mark_writer(struct register_hasher hasher)
{
    return (struct mark_writer){
        .hasher = hasher, .event = jobs_mark_event, .ending = jobs_mark_ending};
}
