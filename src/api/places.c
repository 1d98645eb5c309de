/* The institution, its sites, rooms, terms and holidays: see the route table. The four lists have
 * one set of functions; a handler of each only names the kind. Handler threads; one or two queries
 * a call. */
#include "api/handlers.h"

#include "base/tz.h"
#include "store/place.h"

#include <stdio.h>

enum { NAME_MAX_CHARS = 100, HOLIDAY_DAYS_MAX = 366, TERM_DAYS_MAX = 1100 };

/* ---- the institution */

struct institution_in {
    uint64_t has;
    struct str name, locale;
};

static const struct field institution_fields[] = {
    FIELD_STR(struct institution, name, 0, 200, FIELD_REQUIRED, "May be empty."),
    FIELD_STR(struct institution, locale, 2, 35, FIELD_REQUIRED,
              "Language and region such as de-CH (BCP 47), for names of days and numbers."),
    FIELD_INT(struct institution, version, 1, 1e15, FIELD_REQUIRED,
              "Grows with each change; the ETag."),
    FIELD_TIME(struct institution, updated_at, FIELD_NULLABLE, "When it last changed."),
};
const struct schema institution_schema =
    SCHEMA("Institution", struct institution, institution_fields);

static const struct field institution_patch_fields[] = {
    FIELD_STR(struct institution_in, name, 0, 200, 0, "The institution's name."),
    FIELD_STR(struct institution_in, locale, 2, 35, 0, "Such as de-CH (BCP 47)."),
};
const struct schema institution_patch_schema =
    SCHEMA_PATCH("InstitutionPatch", struct institution_in, institution_patch_fields);

struct institution_ctx {
    struct call *c;
    struct institution *institution;
    int64_t version;
};

static enum err institution_get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct institution_ctx *t = ctx;
    return institution_get(cx, t->c->a, t->institution, e);
}

static enum err institution_patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct institution_ctx *t = ctx;
    const struct institution_in *in = t->c->in;
    enum err r = institution_get(cx, t->c->a, t->institution, e);
    if (r)
        return r;
    if (in->has & 1u << 0)
        t->institution->name = in->name;
    if (in->has & 1u << 1)
        t->institution->locale = in->locale;
    t->institution->version = t->version;
    t->institution->updated_at = time_utc();
    return institution_update(cx, t->institution, &t->institution->version, e);
}

static enum err check_locale(struct str locale, struct error *e)
{
    for (size_t i = 0; i < locale.n; i++) {
        char c = locale.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                    (i > 0 && ((c >= '0' && c <= '9') || c == '-'));
        if (!fits)
            return error_set(e, ERR_INVALID, "locale: is a language tag such as en or de-CH");
    }
    return ERR_OK;
}

static enum err institution_call(struct call *c, bool write, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct institution), &memory, e);
    struct institution_ctx t = {.c = c, .institution = memory};
    if (r == ERR_OK && write)
        r = call_if_match(c, &t.version, e);
    if (r == ERR_OK && write)
        r = check_locale(((const struct institution_in *)c->in)->locale, e);
    if (r == ERR_OK)
        r = write ? db_tx(c->api->env.db, institution_patch_fn, &t, e)
                  : db_read(c->api->env.db, institution_get_fn, &t, e);
    if (r)
        return r;
    c->out = t.institution;
    c->version = t.institution->version;
    return ERR_OK;
}

enum err institution_show(struct call *c, struct error *e) { return institution_call(c, false, e); }
enum err institution_patch(struct call *c, struct error *e) { return institution_call(c, true, e); }

/* ---- what goes in and out of the lists */

struct place_in {
    uint64_t has;
    struct str name, tz;
    char site[ID_TEXT];
    int64_t capacity, first_day, last_day;
};

#define PLACE_HEAD FIELD_ID(struct place, id, FIELD_REQUIRED, "Its id.")
#define PLACE_OF_SITE FIELD_ID(struct place, site, FIELD_REQUIRED, "Of which site.")
#define PLACE_TAIL                                                                                 \
    FIELD_INT(struct place, version, 1, 1e15, FIELD_REQUIRED,                                      \
              "Grows with each change; the ETag."),                                                \
        FIELD_TIME(struct place, created_at, FIELD_REQUIRED, "When it was made."),                 \
        FIELD_TIME(struct place, updated_at, FIELD_REQUIRED, "When it last changed.")
#define PLACE_NAME(s, flags, text) FIELD_STR(s, name, 1, NAME_MAX_CHARS, flags, text)
#define PLACE_DAYS(s, flags)                                                                       \
    FIELD_DAY(s, first_day, flags, "The first day."),                                              \
        FIELD_DAY(s, last_day, flags, "The last day, part of it.")
#define TZ_DOC "A zone of the tz database such as Europe/Berlin; timetables are in its time."
#define CAPACITY(s) FIELD_INT(s, capacity, 0, 100000, 0, "Seats; 0: not known.")

static const struct field site_fields[] = {
    PLACE_HEAD, PLACE_NAME(struct place, FIELD_REQUIRED, "Unique."),
    FIELD_STR(struct place, tz, 1, TZ_NAME_MAX, FIELD_REQUIRED, TZ_DOC), PLACE_TAIL};
static const struct field room_fields[] = {
    PLACE_HEAD, PLACE_OF_SITE, PLACE_NAME(struct place, FIELD_REQUIRED, "Unique within the site."),
    CAPACITY(struct place), PLACE_TAIL};
static const struct field term_fields[] = {
    PLACE_HEAD, PLACE_OF_SITE,
    FIELD_STR(struct place, name, 1, 64, FIELD_REQUIRED, "Unique within the site."),
    PLACE_DAYS(struct place, FIELD_REQUIRED), PLACE_TAIL};
static const struct field holiday_fields[] = {
    PLACE_HEAD, PLACE_OF_SITE, PLACE_NAME(struct place, FIELD_REQUIRED, "What is celebrated."),
    PLACE_DAYS(struct place, FIELD_REQUIRED), PLACE_TAIL};
const struct schema site_schema = SCHEMA("Site", struct place, site_fields),
                    room_schema = SCHEMA("Room", struct place, room_fields),
                    term_schema = SCHEMA("Term", struct place, term_fields),
                    holiday_schema = SCHEMA("Holiday", struct place, holiday_fields);
LIST_SCHEMA(site_list, "SiteList", site_schema)
LIST_SCHEMA(room_list, "RoomList", room_schema)
LIST_SCHEMA(term_list, "TermList", term_schema)
LIST_SCHEMA(holiday_list, "HolidayList", holiday_schema)

/* The order is that of `apply`: name, then what only this kind has; site, never changed, last. */
#define IN_SITE FIELD_ID(struct place_in, site, FIELD_REQUIRED, "Of which site.")
#define SITE_IN(fl)                                                                                \
    PLACE_NAME(struct place_in, fl, "Unique."),                                                    \
        FIELD_STR(struct place_in, tz, 1, TZ_NAME_MAX, fl, TZ_DOC)
#define ROOM_IN(fl)                                                                                \
    PLACE_NAME(struct place_in, fl, "Unique within the site."), CAPACITY(struct place_in)
#define TERM_IN(fl)                                                                                \
    FIELD_STR(struct place_in, name, 1, 64, fl, "Unique within the site."),                        \
        PLACE_DAYS(struct place_in, fl)
#define HOLIDAY_IN(fl)                                                                             \
    PLACE_NAME(struct place_in, fl, "What is celebrated."),                                        \
        FIELD_DAY(struct place_in, first_day, fl, "The day, or the first of several."),            \
        FIELD_DAY(struct place_in, last_day, 0, "The last day, part of it; default first_day.")
static const struct field site_in_fields[] = {SITE_IN(FIELD_REQUIRED)};
static const struct field site_patch_fields[] = {SITE_IN(0)};
static const struct field room_in_fields[] = {ROOM_IN(FIELD_REQUIRED), IN_SITE};
static const struct field room_patch_fields[] = {ROOM_IN(0)};
static const struct field term_in_fields[] = {TERM_IN(FIELD_REQUIRED), IN_SITE};
static const struct field term_patch_fields[] = {TERM_IN(0)};
static const struct field holiday_in_fields[] = {HOLIDAY_IN(FIELD_REQUIRED), IN_SITE};
static const struct field holiday_patch_fields[] = {HOLIDAY_IN(0)};
#define IN_SCHEMA(name, fields) SCHEMA_PATCH(name, struct place_in, fields)
const struct schema site_in_schema = IN_SCHEMA("SiteIn", site_in_fields),
                    site_patch_schema = IN_SCHEMA("SitePatch", site_patch_fields),
                    room_in_schema = IN_SCHEMA("RoomIn", room_in_fields),
                    room_patch_schema = IN_SCHEMA("RoomPatch", room_patch_fields),
                    term_in_schema = IN_SCHEMA("TermIn", term_in_fields),
                    term_patch_schema = IN_SCHEMA("TermPatch", term_patch_fields),
                    holiday_in_schema = IN_SCHEMA("HolidayIn", holiday_in_fields),
                    holiday_patch_schema = IN_SCHEMA("HolidayPatch", holiday_patch_fields);

static void apply(enum place_kind kind, const struct place_in *in, struct place *p)
{
    if (in->has & 1u << 0)
        p->name = in->name;
    if (in->has & 1u << 1) {
        p->tz = kind == PLACE_SITE ? in->tz : p->tz;
        p->capacity = kind == PLACE_ROOM ? in->capacity : p->capacity;
        p->first_day = in->first_day ? in->first_day : p->first_day;
    }
    if (in->has & 1u << 2 && kind != PLACE_ROOM)
        p->last_day = in->last_day;
}

/* Where each kind of range ends at the latest: a slip of the year is no holiday of 100 years. */
static enum err check(enum place_kind kind, const struct place *p, struct error *e)
{
    int64_t max = kind == PLACE_HOLIDAY ? HOLIDAY_DAYS_MAX : TERM_DAYS_MAX;
    if (kind == PLACE_SITE)
        return error_wrap(e, tz_check(p->tz, e), "tz");
    if (kind == PLACE_ROOM)
        return ERR_OK;
    if (p->last_day < p->first_day)
        return error_set(e, ERR_INVALID, "last_day must not be before first_day");
    if (p->last_day - p->first_day >= max)
        return error_set(e, ERR_INVALID, "a %s has %lld days at most", place_kind_name(kind),
                         (long long)max);
    return ERR_OK;
}

/* ---- the five calls */

struct place_ctx {
    struct call *c;
    enum place_kind kind;
    struct place *place;
    char id[ID_TEXT], site[ID_TEXT];
    int64_t version;
    int limit, n;
};

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct place_ctx *t = ctx;
    enum err r = place_insert(cx, t->kind, t->place, e);
    return r == ERR_NOT_FOUND ? error_set(e, ERR_INVALID, "site does not exist") : r;
}

static enum err create(struct call *c, enum place_kind kind, struct error *e)
{
    const struct place_in *in = c->in;
    char prefix[32];
    void *memory;
    enum err r = call_alloc(c, sizeof(struct place), &memory, e);
    if (r)
        return r;
    struct place_ctx t = {.c = c, .kind = kind, .place = memory};
    id_new(t.place->id);
    memcpy(t.place->site, in->site, ID_TEXT);
    t.place->version = 1;
    t.place->created_at = t.place->updated_at = time_utc();
    t.place->tz = STR("");
    apply(kind, in, t.place);
    if (!t.place->last_day)
        t.place->last_day = t.place->first_day;
    r = check(kind, t.place, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, insert_fn, &t, e);
    if (r)
        return r;
    c->out = t.place;
    c->version = 1;
    snprintf(prefix, sizeof prefix, "/v1/%ss/", place_kind_name(kind));
    return call_location(c, prefix, t.place->id, e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct place_ctx *t = ctx;
    return place_get(cx, t->c->a, t->kind, t->id, t->place, e);
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct place_ctx *t = ctx;
    enum err r = place_get(cx, t->c->a, t->kind, t->id, t->place, e);
    if (r)
        return r;
    apply(t->kind, t->c->in, t->place);
    t->place->version = t->version;
    t->place->updated_at = time_utc();
    r = check(t->kind, t->place, e);
    return r ? r : place_update(cx, t->kind, t->place, &t->place->version, e);
}

static enum err one(struct call *c, enum place_kind kind, bool write, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct place), &memory, e);
    struct place_ctx t = {.c = c, .kind = kind, .place = memory};
    if (r == ERR_OK)
        r = call_id(c, 0, t.id, e);
    if (r == ERR_OK && write)
        r = call_if_match(c, &t.version, e);
    if (r == ERR_OK)
        r = write ? db_tx(c->api->env.db, patch_fn, &t, e) : db_read(c->api->env.db, get_fn, &t, e);
    if (r)
        return r;
    c->out = t.place;
    c->version = t.place->version;
    return ERR_OK;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct place_ctx *t = ctx;
    return place_list(cx, t->c->a, t->kind, t->site, t->id, t->limit + 1, &t->place, &t->n, e);
}

static enum err list(struct call *c, enum place_kind kind, struct error *e)
{
    struct place_ctx t = {.c = c, .kind = kind};
    struct str site = {0};
    enum err r = call_page(c, &t.limit, t.id, e);
    if (r == ERR_OK && kind != PLACE_SITE)
        r = call_query(c, "site", &site, e);
    if (r == ERR_OK && site.p)
        r = error_wrap(e, id_parse(site, t.site, e), "site");
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r
             : call_list(c, t.place, t.n, t.limit, sizeof *t.place, offsetof(struct place, id), e);
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct place_ctx *t = ctx;
    return place_delete(cx, t->kind, t->id, e);
}

static enum err drop(struct call *c, enum place_kind kind, struct error *e)
{
    struct place_ctx t = {.c = c, .kind = kind};
    enum err r = call_id(c, 0, t.id, e);
    return r ? r : db_tx(c->api->env.db, delete_fn, &t, e);
}

#define HANDLERS(name, kind)                                                                       \
    enum err name##_create(struct call *c, struct error *e) { return create(c, kind, e); }         \
    enum err name##_index(struct call *c, struct error *e) { return list(c, kind, e); }            \
    enum err name##_show(struct call *c, struct error *e) { return one(c, kind, false, e); }       \
    enum err name##_patch(struct call *c, struct error *e) { return one(c, kind, true, e); }       \
    enum err name##_remove(struct call *c, struct error *e) { return drop(c, kind, e); }
HANDLERS(site, PLACE_SITE)
HANDLERS(room, PLACE_ROOM)
HANDLERS(term, PLACE_TERM)
HANDLERS(holiday, PLACE_HOLIDAY)
