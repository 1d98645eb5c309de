/* Time zones: see tz.h. libical reads the system's tz files and keeps what it read; it says which
 * offset holds at a UTC time. Everything about local times is decided here, from that one question,
 * because the library's own answer for repeated times is the second one.
 *
 * Invariant: libical is called with zone_lock held (its tables of zones grow as they are used).
 * Cost: see tz.h. Any thread. */
#include "base/tz.h"

#include "base/day.h"

#include <libical/ical.h>
#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t zone_lock = PTHREAD_MUTEX_INITIALIZER;

static bool name_is_plain(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!word && !strchr("_+-/", c))
            return false;
    }
    return name.n >= 1 && name.n <= TZ_NAME_MAX && name.p[0] != '/';
}

/* Lock held. */
static icaltimezone *zone_by_name(const char *name)
{
    icaltimezone_set_builtin_tzdata(0);
    return icaltimezone_get_builtin_timezone(name);
}

static enum err zone_unknown(struct str name, bool have_any, struct error *e)
{
    if (!have_any)
        return error_set(e, ERR_UNAVAILABLE,
                         "this machine has no time zones: install the package tzdata");
    return error_set(e, ERR_INVALID, "'%.*s' is no time zone; one is Europe/Berlin",
                     (int)(name.n < TZ_NAME_MAX ? name.n : TZ_NAME_MAX), name.p);
}

static enum err zone_find(struct str name, icaltimezone **ret_zone, struct error *e)
{
    char text[TZ_NAME_MAX + 1];
    icaltimezone *zone = NULL;
    if (name_is_plain(name)) {
        snprintf(text, sizeof text, "%.*s", STR_ARGS(name));
        pthread_mutex_lock(&zone_lock);
        zone = zone_by_name(text);
        /* Asked for now, so that a name for a file that is no zone is found out here. */
        if (zone && zone != icaltimezone_get_utc_timezone() && !icaltimezone_get_component(zone))
            zone = NULL;
        bool have_any = zone || zone_by_name("Europe/Berlin");
        pthread_mutex_unlock(&zone_lock);
        if (!zone)
            return zone_unknown(name, have_any, e);
        *ret_zone = zone;
        return ERR_OK;
    }
    return zone_unknown(name, true, e);
}

/* Seconds by which the clock is ahead of UTC at a UTC time. */
static usec_t offset_at(icaltimezone *zone, usec_t utc)
{
    int daylight = 0;
    usec_t second = utc >= 0 ? utc / USEC_PER_SEC : (utc - USEC_PER_SEC + 1) / USEC_PER_SEC;
    struct icaltimetype t = icaltime_from_timet_with_zone((time_t)second, 0, NULL);
    pthread_mutex_lock(&zone_lock);
    int seconds = icaltimezone_get_utc_offset_of_utc_time(zone, &t, &daylight);
    pthread_mutex_unlock(&zone_lock);
    return seconds * USEC_PER_SEC;
}

static enum err in_range(usec_t at, struct error *e)
{
    if (at < 0 || day_of(at) > DAY_MAX)
        return error_set(e, ERR_INVALID, "the time lies outside 1970 to 2199");
    return ERR_OK;
}

enum err tz_check(struct str name, struct error *e)
{
    icaltimezone *zone;
    return zone_find(name, &zone, e);
}

enum err tz_to_local(struct str name, usec_t utc, usec_t *ret_local, struct error *e)
{
    icaltimezone *zone = NULL;
    enum err r = in_range(utc, e);
    if (!r)
        r = zone_find(name, &zone, e);
    if (!r)
        *ret_local = utc + offset_at(zone, utc);
    return r;
}

/* The offsets a day earlier and a day later are those before and after a change of clocks. The
 * earlier one is tried first: it gives the first of two times shown, and what is skipped fits
 * neither and is read with it. */
enum err tz_to_utc(struct str name, usec_t local, usec_t *ret_utc, struct error *e)
{
    icaltimezone *zone = NULL;
    enum err r = in_range(local, e);
    if (!r)
        r = zone_find(name, &zone, e);
    if (r)
        return r;
    usec_t before = offset_at(zone, local - USEC_PER_DAY);
    usec_t after = offset_at(zone, local + USEC_PER_DAY);
    bool skipped_or_later = offset_at(zone, local - before) != before;
    bool later = skipped_or_later && offset_at(zone, local - after) == after;
    *ret_utc = local - (later ? after : before);
    return ERR_OK;
}

enum err tz_format(struct str name, usec_t utc, char ret_text[static TZ_TIME_TEXT], struct error *e)
{
    char text[TIME_TEXT];
    usec_t local = 0;
    enum err r = tz_to_local(name, utc, &local, e);
    if (r)
        return r;
    int64_t minutes = (local - utc) / USEC_PER_MIN;
    int64_t size = minutes < 0 ? -minutes : minutes;
    time_format_iso(local, text);
    snprintf(ret_text, TZ_TIME_TEXT, "%.19s%c%02u:%02u", text, minutes < 0 ? '-' : '+',
             (unsigned)(size / 60) % 100u, (unsigned)(size % 60));
    return ERR_OK;
}
