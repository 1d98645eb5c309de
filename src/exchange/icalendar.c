/* iCalendar: see icalendar.h. libical parses and steps through recurrence rules, always in local
 * times without a zone; base/tz.h alone makes UTC of them. Cost: linear in the file and in the
 * occurrences, both bounded. Invariant: nothing of libical outlives icalendar_read. */
#include "exchange/icalendar.h"

#include "base/day.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "base/tz.h"

#include <libical/ical.h>
#include <stdio.h>

enum { STEPS_MAX = 20000, EXCEPTIONS_MAX = 2000 };

struct reader {
    struct arena *a;
    struct str tz;
    const struct icalendar_limits *limits;
    int sittings; /* of all events */
};

/* ---- text */

/* A copy of at most max bytes, whole characters, without control characters. */
static struct str text_copy(struct arena *a, const char *text, size_t max)
{
    struct str s = str_from(text);
    s.n = s.n < max ? s.n : max;
    while (s.n && !str_is_utf8(s))
        s.n--;
    char *copy = arena_strdup(a, str_trim(s));
    for (char *p = copy; p && *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
    return str_from(copy);
}

static const char *text_of(icalcomponent *c, icalproperty_kind kind)
{
    icalproperty *p = icalcomponent_get_first_property(c, kind);
    const char *text = p ? icalvalue_get_text(icalproperty_get_value(p)) : NULL;
    return text ? text : "";
}

/* ---- times */

static usec_t local_of(struct icaltimetype t)
{
    t.zone = NULL;
    return (usec_t)icaltime_as_timet(t) * USEC_PER_SEC;
}

static struct icaltimetype floating(usec_t local)
{
    return icaltime_from_timet_with_zone((time_t)(local / USEC_PER_SEC), 0, NULL);
}

/* The zone of a TZID: the name itself, or what follows a prefix such as /example.org/ */
static enum err zone_of(struct reader *r, icalproperty *p, struct str *ret_zone, struct error *e)
{
    icalparameter *param = icalproperty_get_first_parameter(p, ICAL_TZID_PARAMETER);
    struct str name = str_from(param ? icalparameter_get_tzid(param) : NULL);
    *ret_zone = r->tz;
    if (!param)
        return ERR_OK;
    for (struct str rest = name; rest.n;) {
        if (!tz_check(rest, NULL)) {
            *ret_zone = arena_copy(r->a, rest);
            return ret_zone->p ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for a calendar");
        }
        const char *slash = memchr(rest.p, '/', rest.n);
        size_t skip = slash ? (size_t)(slash - rest.p) + 1 : rest.n;
        rest = (struct str){rest.p + skip, rest.n - skip};
    }
    return error_set(e, ERR_INVALID, "the time zone '%.*s' is not in the tz database",
                     (int)(name.n < 60 ? name.n : 60), name.p);
}

static bool is_utc(struct icaltimetype t) { return icaltime_is_utc(t); }

static enum err to_utc(struct icaltimetype t, struct str zone, usec_t *ret_utc, struct error *e)
{
    if (icaltime_is_null_time(t) || !icaltime_is_valid_time(t))
        return error_set(e, ERR_INVALID, "an event has a time that cannot be read");
    return tz_to_utc(is_utc(t) ? STR("UTC") : zone, local_of(t), ret_utc, e);
}

static enum err property_utc(struct reader *r, icalproperty *p, usec_t *ret_utc, struct error *e)
{
    struct str zone;
    struct icaltimetype t = icalvalue_get_datetime(icalproperty_get_value(p));
    enum err err = zone_of(r, p, &zone, e);
    return err ? err : to_utc(t, zone, ret_utc, e);
}

static void slot_of(usec_t utc, char slot[static ICALENDAR_SLOT])
{
    char iso[TIME_TEXT];
    time_format_iso(utc, iso);
    snprintf(slot, ICALENDAR_SLOT, "%.4s%.2s%.2sT%.2s%.2s%.2sZ", iso, iso + 5, iso + 8, iso + 11,
             iso + 14, iso + 17);
}

/* ---- one event */

struct master {
    struct reader *r;
    icalcomponent *c;
    struct icalendar_event *event;
    struct icaltimetype dtstart;
    struct str zone;
    usec_t length;
    usec_t except[EXCEPTIONS_MAX];
    int n_except, capacity;
};

static enum err length_of(struct master *m, usec_t *ret_length, struct error *e)
{
    usec_t start = 0, end = 0;
    icalproperty *p = icalcomponent_get_first_property(m->c, ICAL_DTEND_PROPERTY);
    enum err r = to_utc(m->dtstart, m->zone, &start, e);
    if (!r && p)
        r = property_utc(m->r, p, &end, e);
    if (r)
        return r;
    icalproperty *d = icalcomponent_get_first_property(m->c, ICAL_DURATION_PROPERTY);
    if (!p && d)
        end = start + icaldurationtype_as_int(icalproperty_get_duration(d)) * USEC_PER_SEC;
    if (end <= start || end - start > USEC_PER_DAY)
        return error_set(e, ERR_INVALID, "an event must end after it begins, within a day");
    *ret_length = end - start;
    return ERR_OK;
}

static enum err sitting_add(struct master *m, usec_t slot, usec_t start, struct error *e)
{
    struct icalendar_event *event = m->event;
    for (int i = 0; i < m->n_except; i++)
        if (m->except[i] == slot)
            return ERR_OK;
    if (start + m->length < m->r->limits->from || start > m->r->limits->to)
        return ERR_OK;
    if (++m->r->sittings > m->r->limits->sittings_max)
        return error_set(e, ERR_TOO_LARGE, "the calendar has more than %d sittings",
                         m->r->limits->sittings_max);
    if (event->n == m->capacity) {
        int more = m->capacity ? 2 * m->capacity : 8;
        struct icalendar_sitting *grown = arena_array(m->r->a, (size_t)more, sizeof *grown);
        if (!grown)
            return error_set(e, ERR_NOMEM, "no memory for a calendar");
        if (event->n)
            memcpy(grown, event->sittings, (size_t)event->n * sizeof *grown);
        event->sittings = grown;
        m->capacity = more;
    }
    struct icalendar_sitting *s = &event->sittings[event->n++];
    *s =
        (struct icalendar_sitting){.start = start, .end = start + m->length, .title = event->title};
    slot_of(slot, s->slot);
    return ERR_OK;
}

static enum err exceptions(struct master *m, struct error *e)
{
    enum err r = ERR_OK;
    icalproperty *p = icalcomponent_get_first_property(m->c, ICAL_EXDATE_PROPERTY);
    for (; p && !r; p = icalcomponent_get_next_property(m->c, ICAL_EXDATE_PROPERTY)) {
        if (m->n_except == EXCEPTIONS_MAX)
            return error_set(e, ERR_INVALID, "an event has more than %d EXDATE", EXCEPTIONS_MAX);
        r = property_utc(m->r, p, &m->except[m->n_except], e);
        m->n_except += !r;
    }
    return r;
}

/* UNTIL in UTC, as the local time of the event that the rule is stepped in. */
static enum err rule_until(const struct master *m, struct icalrecurrencetype *rule, struct error *e)
{
    usec_t local = 0;
    if (icaltime_is_null_time(rule->until) || !is_utc(rule->until))
        return ERR_OK;
    enum err r =
        tz_to_local(is_utc(m->dtstart) ? STR("UTC") : m->zone, local_of(rule->until), &local, e);
    if (!r)
        rule->until = floating(local);
    return r;
}

static enum err rule_expand(struct master *m, struct icalrecurrencetype rule, struct error *e)
{
    if (rule.freq < ICAL_DAILY_RECURRENCE || rule.freq > ICAL_YEARLY_RECURRENCE)
        return error_set(e, ERR_INVALID, "an event repeats by the second, minute or hour");
    enum err r = rule_until(m, &rule, e);
    if (r)
        return r;
    icalrecur_iterator *it = icalrecur_iterator_new(rule, floating(local_of(m->dtstart)));
    if (!it)
        return error_set(e, ERR_INVALID, "an event has a rule that cannot be read");
    for (int steps = 0; !r && steps < STEPS_MAX; steps++) {
        struct icaltimetype t = icalrecur_iterator_next(it);
        usec_t utc = 0;
        if (icaltime_is_null_time(t) || local_of(t) > m->r->limits->to + USEC_PER_DAY)
            break;
        if (local_of(t) < 0)
            continue;
        r = tz_to_utc(is_utc(m->dtstart) ? STR("UTC") : m->zone, local_of(t), &utc, e);
        if (!r)
            r = sitting_add(m, utc, utc, e);
    }
    icalrecur_iterator_free(it);
    return r;
}

static enum err extra_dates(struct master *m, struct error *e)
{
    enum err r = ERR_OK;
    icalproperty *p = icalcomponent_get_first_property(m->c, ICAL_RDATE_PROPERTY);
    for (; p && !r; p = icalcomponent_get_next_property(m->c, ICAL_RDATE_PROPERTY)) {
        struct icaldatetimeperiodtype d = icalproperty_get_rdate(p);
        struct str zone;
        usec_t utc = 0;
        r = zone_of(m->r, p, &zone, e);
        if (!r)
            r = to_utc(icaltime_is_null_time(d.time) ? d.period.start : d.time, zone, &utc, e);
        if (!r)
            r = sitting_add(m, utc, utc, e);
    }
    return r;
}

static enum err master_expand(struct master *m, struct error *e)
{
    usec_t start = 0;
    icalproperty *rule = icalcomponent_get_first_property(m->c, ICAL_RRULE_PROPERTY);
    enum err r = exceptions(m, e);
    if (!r && !rule)
        r = to_utc(m->dtstart, m->zone, &start, e);
    if (!r && !rule)
        r = sitting_add(m, start, start, e);
    for (; rule && !r; rule = icalcomponent_get_next_property(m->c, ICAL_RRULE_PROPERTY))
        r = rule_expand(m, icalproperty_get_rrule(rule), e);
    return r ? r : extra_dates(m, e);
}

/* Begin, length and zone of a VEVENT; all_day events have no more to them. */
static enum err event_begin(struct master *m, struct error *e)
{
    icalproperty *p = icalcomponent_get_first_property(m->c, ICAL_DTSTART_PROPERTY);
    if (!p)
        return error_set(e, ERR_INVALID, "an event has no DTSTART");
    m->dtstart = icalvalue_get_datetime(icalproperty_get_value(p));
    m->event->all_day = m->dtstart.is_date;
    enum err r = zone_of(m->r, p, &m->zone, e);
    return r || m->event->all_day ? r : length_of(m, &m->length, e);
}

/* A changed or cancelled sitting of a repeating event: found by its slot, or put in. */
static enum err override_apply(struct master *m, icalproperty *recurrence, bool cancelled,
                               struct error *e)
{
    usec_t slot = 0, start = 0;
    char name[ICALENDAR_SLOT];
    enum err r = property_utc(m->r, recurrence, &slot, e);
    if (!r)
        r = to_utc(m->dtstart, m->zone, &start, e);
    if (r)
        return r;
    slot_of(slot, name);
    for (int i = 0; i < m->event->n; i++) {
        struct icalendar_sitting *s = &m->event->sittings[i];
        if (strcmp(s->slot, name) != 0)
            continue;
        s->start = start;
        s->end = start + m->length;
        s->title = text_copy(m->r->a, text_of(m->c, ICAL_SUMMARY_PROPERTY), ICALENDAR_TITLE_MAX);
        s->cancelled = cancelled;
        return ERR_OK;
    }
    m->capacity = m->event->n; /* the array is full, as far as this reader knows */
    return cancelled ? ERR_OK : sitting_add(m, slot, start, e);
}

static bool is_cancelled(icalcomponent *c)
{
    icalproperty *p = icalcomponent_get_first_property(c, ICAL_STATUS_PROPERTY);
    return p && icalproperty_get_status(p) == ICAL_STATUS_CANCELLED;
}

/* ---- the file */

static void event_describe(struct reader *r, icalcomponent *c, struct icalendar_event *event)
{
    event->uid = text_copy(r->a, text_of(c, ICAL_UID_PROPERTY), ICALENDAR_UID_MAX);
    event->title = text_copy(r->a, text_of(c, ICAL_SUMMARY_PROPERTY), ICALENDAR_TITLE_MAX);
    event->category = text_copy(r->a, text_of(c, ICAL_CATEGORIES_PROPERTY), ICALENDAR_TITLE_MAX);
}

/* An error of one event is its problem; only limits and memory end the reading. */
static enum err event_failed(struct reader *r, struct icalendar_event *event, enum err err,
                             const struct error *why, struct error *e)
{
    if (!err)
        return ERR_OK;
    if (err != ERR_INVALID) {
        if (e)
            *e = *why;
        return err;
    }
    event->problem = text_copy(r->a, why->msg, sizeof why->msg);
    event->n = 0;
    return ERR_OK;
}

/* The sittings of an event that begins at a time of the day. */
static enum err event_expand(struct master *m, icalproperty *recurrence, struct icalendar_event *of,
                             struct error *e)
{
    if (recurrence) {
        m->event->changes_another = of != NULL;
        m->event = of ? of : m->event;
        return override_apply(m, recurrence, is_cancelled(m->c), e);
    }
    if (of)
        return error_set(e, ERR_INVALID, "the UID is given to two events");
    return is_cancelled(m->c) ? ERR_OK : master_expand(m, e);
}

static enum err event_read(struct reader *r, icalcomponent *c, struct icalendar_event *event,
                           struct hashmap *by_uid, struct error *e)
{
    _cleanup_(mem_freep) struct master *m = mem_alloc(sizeof *m);
    icalproperty *recurrence = icalcomponent_get_first_property(c, ICAL_RECURRENCEID_PROPERTY);
    struct icalendar_event *of = hashmap_get(by_uid, event->uid);
    struct error why = {0};
    if (!m)
        return error_set(e, ERR_NOMEM, "no memory for a calendar");
    m->r = r;
    m->c = c;
    m->event = event;
    enum err err =
        event->uid.n ? event_begin(m, &why) : error_set(&why, ERR_INVALID, "an event has no UID");
    if (!err && !event->all_day)
        err = event_expand(m, recurrence, of, &why);
    if (!err && !of && !recurrence)
        err = hashmap_put(by_uid, event->uid, event, &why);
    return event_failed(r, event, err, &why, e);
}

/* Overrides come after their masters, whatever the order of the file. */
static enum err events_read(struct reader *r, icalcomponent *calendar, struct icalendar *out,
                            struct error *e)
{
    struct hashmap by_uid;
    enum err err = ERR_OK;
    hashmap_init(&by_uid);
    for (int pass = 0; pass < 2 && !err; pass++) {
        int number = 0;
        icalcomponent *c = icalcomponent_get_first_component(calendar, ICAL_VEVENT_COMPONENT);
        for (; c && !err; c = icalcomponent_get_next_component(calendar, ICAL_VEVENT_COMPONENT)) {
            bool override = icalcomponent_get_first_property(c, ICAL_RECURRENCEID_PROPERTY) != NULL;
            number++;
            if (override != (pass == 1))
                continue;
            struct icalendar_event *event = &out->events[out->n++];
            event->number = number;
            event_describe(r, c, event);
            err = event_read(r, c, event, &by_uid, e);
        }
    }
    hashmap_done(&by_uid);
    return err;
}

static enum err calendar_read(struct reader *r, icalcomponent *calendar, struct icalendar *out,
                              struct error *e)
{
    int n = icalcomponent_count_components(calendar, ICAL_VEVENT_COMPONENT);
    if (icalcomponent_isa(calendar) != ICAL_VCALENDAR_COMPONENT)
        return error_set(e, ERR_INVALID, "this is not one iCalendar file (BEGIN:VCALENDAR)");
    if (n > r->limits->events_max)
        return error_set(e, ERR_TOO_LARGE, "the calendar has %d events, %d are allowed", n,
                         r->limits->events_max);
    out->events = arena_array(r->a, (size_t)n + 1, sizeof *out->events);
    return out->events ? events_read(r, calendar, out, e)
                       : error_set(e, ERR_NOMEM, "no memory for a calendar");
}

enum err icalendar_read(struct arena *a, struct str bytes, struct str tz,
                        const struct icalendar_limits *limits, struct icalendar *ret_calendar,
                        struct error *e)
{
    struct reader r = {.a = a, .tz = tz, .limits = limits};
    struct icalendar out = {0};
    char *text = arena_strdup(a, bytes);
    enum err err = tz_check(tz, e);
    if (err)
        return err;
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for a calendar");
    if (!str_is_utf8(bytes) || memchr(bytes.p, 0, bytes.n))
        return error_set(e, ERR_INVALID, "the calendar is not UTF-8 text");
    icalerror_set_errors_are_fatal(0);
    icalcomponent *calendar = icalparser_parse_string(text);
    if (!calendar)
        return error_set(e, ERR_INVALID, "this is not an iCalendar file (BEGIN:VCALENDAR)");
    err = calendar_read(&r, calendar, &out, e);
    icalcomponent_free(calendar);
    if (!err)
        *ret_calendar = out;
    return err;
}
