/* Time zones: see tz.h. A zone's file is read once and kept while the process runs; base/tzif.h
 * says which offset holds at a UTC time. Everything about local times is decided here, from that
 * one question.
 *
 * Invariant: a zone never changes once it is in `zones`, and is never taken out; zone_lock guards
 * the map alone. Cost: see tz.h; memory: 1 to 4 KiB a zone that was asked for. Any thread. */
#include "base/tz.h"

#include "base/day.h"
#include "base/file.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "base/tzif.h"

#include <pthread.h>
#include <stdio.h>

#define ZONES_FOLDER "/usr/share/zoneinfo/"

struct zone {
    char name[TZ_NAME_MAX + 1];
    struct tzif *tz;
};

static pthread_mutex_t zone_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hashmap zones; /* by name */

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

static enum err zone_unknown(struct str name, struct error *e)
{
    if (!file_exists(ZONES_FOLDER "Europe/Berlin"))
        return error_set(e, ERR_UNAVAILABLE,
                         "this machine has no time zones: install the package tzdata");
    return error_set(e, ERR_INVALID, "'%.*s' is no time zone; one is Europe/Berlin",
                     (int)(name.n < TZ_NAME_MAX ? name.n : TZ_NAME_MAX), name.p);
}

static enum err zone_read(struct str name, struct tzif **ret_tz, struct error *e)
{
    char path[sizeof ZONES_FOLDER + TZ_NAME_MAX];
    struct str bytes;
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)2 * TZIF_BYTES_MAX);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory for a time zone");
    snprintf(path, sizeof path, ZONES_FOLDER "%.*s", STR_ARGS(name));
    enum err r = file_read(path, TZIF_BYTES_MAX, a, &bytes, e);
    return r ? r : tzif_new(bytes, ret_tz, e);
}

/* Lock held. */
static enum err zone_add(struct str name, const struct tzif **ret_tz, struct error *e)
{
    struct error why = {0};
    _cleanup_(tzif_freep) struct tzif *tz = NULL;
    enum err r = zone_read(name, &tz, &why);
    if (r)
        return r == ERR_NOMEM ? error_set(e, r, "%s", why.msg) : zone_unknown(name, e);
    _cleanup_(mem_freep) struct zone *zone = mem_alloc(sizeof *zone);
    if (!zone)
        return error_set(e, ERR_NOMEM, "no memory for a time zone");
    snprintf(zone->name, sizeof zone->name, "%.*s", STR_ARGS(name));
    r = hashmap_put(&zones, str_from(zone->name), zone, e);
    if (r)
        return r;
    *ret_tz = tz;
    TAKE(zone)->tz = TAKE(tz);
    return ERR_OK;
}

static enum err zone_find(struct str name, const struct tzif **ret_tz, struct error *e)
{
    if (!name_is_plain(name))
        return zone_unknown(name, e);
    pthread_mutex_lock(&zone_lock);
    const struct zone *zone = hashmap_get(&zones, name);
    enum err r = zone ? ERR_OK : zone_add(name, ret_tz, e);
    pthread_mutex_unlock(&zone_lock);
    if (zone)
        *ret_tz = zone->tz;
    return r;
}

/* By how much the clock is ahead of UTC at a UTC time. */
static usec_t offset_at(const struct tzif *tz, usec_t utc)
{
    usec_t second = utc >= 0 ? utc / USEC_PER_SEC : (utc - USEC_PER_SEC + 1) / USEC_PER_SEC;
    return tzif_offset(tz, second) * USEC_PER_SEC;
}

static enum err in_range(usec_t at, struct error *e)
{
    if (at < 0 || day_of(at) > DAY_MAX)
        return error_set(e, ERR_INVALID, "the time lies outside 1970 to 2199");
    return ERR_OK;
}

enum err tz_check(struct str name, struct error *e)
{
    const struct tzif *zone = NULL;
    return zone_find(name, &zone, e);
}

enum err tz_to_local(struct str name, usec_t utc, usec_t *ret_local, struct error *e)
{
    const struct tzif *zone = NULL;
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
    const struct tzif *zone = NULL;
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
