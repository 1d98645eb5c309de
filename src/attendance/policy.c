/* Attendance rules: see policy.h. Arithmetic on plain data; linear in the sightings, no state, any
 * thread. Invariant: a rule that is 0 changes nothing. */
#include "attendance/policy.h"

const char *mark_status_name(enum mark_status s)
{
    static const char *const words[MARK_STATUS_N] = {
        [MARK_PRESENT] = "present", [MARK_LATE] = "late",       [MARK_LEFT_EARLY] = "left-early",
        [MARK_ABSENT] = "absent",   [MARK_EXCUSED] = "excused",
    };
    return words[s];
}

enum mark_status mark_status_at(const struct attendance_policy *p, usec_t session_start,
                                usec_t first_seen)
{
    if (p->late_after <= 0)
        return MARK_PRESENT;
    return first_seen - session_start > p->late_after ? MARK_LATE : MARK_PRESENT;
}

int64_t presence_minute(const struct sitting *s, usec_t at)
{
    return at < s->start ? -1 : (at - s->start) / USEC_PER_MIN;
}

/* In which of `parts` equal parts of the sitting `at` lies, from 0; its end belongs to the last. */
static int64_t part_of(const struct sitting *s, usec_t at, int parts)
{
    int64_t part = (at - s->start) * parts / (s->end - s->start);
    return part < parts ? part : parts - 1;
}

void presence_count(const struct attendance_policy *p, const struct sitting *s, usec_t seen,
                    struct presence_count *at, struct presence *known)
{
    if (s->end <= s->start || seen < s->start || seen > s->end)
        return;
    int64_t minute = presence_minute(s, seen);
    known->minutes += minute != at->minute;
    at->minute = minute;
    if (p->sweeps <= 0)
        return;
    int64_t sweep = part_of(s, seen, p->sweeps);
    known->sweeps += sweep != at->sweep;
    at->sweep = sweep;
}

struct presence presence_of(const struct attendance_policy *p, const struct sitting *s,
                            const usec_t *seen, int n)
{
    struct presence known = {.first_seen = n ? seen[0] : 0, .last_seen = n ? seen[n - 1] : 0};
    struct presence_count at = presence_count_begin();
    for (int i = 0; i < n; i++)
        presence_count(p, s, seen[i], &at, &known);
    return known;
}

struct presence presence_of_minutes(const struct attendance_policy *p, const struct sitting *s,
                                    usec_t first_seen, usec_t last_seen, const int64_t *minutes,
                                    int n)
{
    struct presence known = {.first_seen = first_seen, .last_seen = last_seen};
    struct presence_count at = presence_count_begin();
    for (int i = 0; i < n; i++) {
        usec_t seen = s->start + minutes[i] * USEC_PER_MIN;
        presence_count(p, s, seen, &at, &known);
        if (seen + USEC_PER_MIN <= known.first_seen)
            known.first_seen = seen;
        if (seen > known.last_seen)
            known.last_seen = seen;
    }
    return known;
}

enum mark_status mark_status_at_end(const struct attendance_policy *p, const struct sitting *s,
                                    const struct presence *seen)
{
    if (!seen->first_seen || seen->minutes < p->minutes_needed ||
        (p->sweeps > 0 && seen->sweeps < p->sweeps_needed))
        return MARK_ABSENT;
    /* last_seen may be a minute old: nobody left early for want of a write */
    if (p->early_before > 0 && seen->last_seen + USEC_PER_MIN < s->end - p->early_before)
        return MARK_LEFT_EARLY;
    return mark_status_at(p, s->start, seen->first_seen);
}

bool mark_yields_to_sighting(struct str status, struct str source)
{
    return str_is(source, MARK_SOURCE_RULE) && str_is(status, mark_status_name(MARK_ABSENT));
}
