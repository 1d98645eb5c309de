/* Places and terms: see place.h. SQL in sql/place.sql; what the four kinds differ in is the table
 * `kinds`, and their SELECTs name the same columns. One query a call but for place_update that
 * missed. Inside db_tx or db_read, any thread. */
#include "store/place.h"

#include "store/rows.h"

#include <stdio.h>

enum { ARGS_MAX = 8 };
enum { HAS_SITE = 1, HAS_TZ = 2, HAS_CAPACITY = 4, HAS_DAYS = 8 };

static const struct {
    const char *name, *in_use;
    enum query insert, by_id, list, update, remove;
    unsigned has;
} kinds[PLACE_KIND_N] = {
    [PLACE_SITE] = {"site", "the site still has rooms, terms, holidays or a timetable",
                    Q_SITE_INSERT, Q_SITE_BY_ID, Q_SITE_LIST, Q_SITE_UPDATE, Q_SITE_DELETE, HAS_TZ},
    [PLACE_ROOM] = {"room", "the room is used by a timetable, sessions or cameras", Q_ROOM_INSERT,
                    Q_ROOM_BY_ID, Q_ROOM_LIST, Q_ROOM_UPDATE, Q_ROOM_DELETE,
                    HAS_SITE | HAS_CAPACITY},
    [PLACE_TERM] = {"term", "courses belong to the term", Q_TERM_INSERT, Q_TERM_BY_ID, Q_TERM_LIST,
                    Q_TERM_UPDATE, Q_TERM_DELETE, HAS_SITE | HAS_DAYS},
    [PLACE_HOLIDAY] = {"holiday", "the holiday is in use", Q_HOLIDAY_INSERT, Q_HOLIDAY_BY_ID,
                       Q_HOLIDAY_LIST, Q_HOLIDAY_UPDATE, Q_HOLIDAY_DELETE, HAS_SITE | HAS_DAYS},
};

const char *place_kind_name(enum place_kind kind) { return kinds[kind].name; }

static void institution_read(struct row *row, void *ret_item)
{
    struct institution *i = ret_item;
    i->name = row_str(row, "name");
    i->locale = row_str(row, "locale");
    i->version = db_col_int(row->rows, "version");
    i->created_at = db_col_int(row->rows, "created_at");
    i->updated_at = db_col_int(row->rows, "updated_at");
}

enum err institution_get(struct db_cx *cx, struct arena *a, struct institution *ret_institution,
                         struct error *e)
{
    return rows_one(cx, Q_INSTITUTION_GET, NULL, 0, a, institution_read, ret_institution,
                    "institution", e);
}

enum err institution_update(struct db_cx *cx, const struct institution *i, int64_t *ret_version,
                            struct error *e)
{
    const struct db_value args[] = {text_of(i->name), text_of(i->locale),
                                    time_or_now(i->updated_at), db_int(i->version)};
    bool has = false;
    enum err r =
        rows_int(cx, Q_INSTITUTION_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    if (r || has)
        return r;
    return error_set(e, ERR_PRECONDITION, "the institution was changed by someone else");
}

/* What both INSERT and UPDATE write, in the order of the SQL. */
static int common_args(unsigned has, const struct place *p, struct db_value *args)
{
    int n = 0;
    args[n++] = text_of(p->name);
    if (has & HAS_TZ)
        args[n++] = text_of(p->tz);
    if (has & HAS_CAPACITY)
        args[n++] = db_int(p->capacity);
    if (has & HAS_DAYS) {
        args[n++] = db_int(p->first_day);
        args[n++] = db_int(p->last_day);
    }
    return n;
}

/* The database refuses too; this says it in words. */
static enum err check_days(unsigned has, const struct place *p, struct error *e)
{
    if (has & HAS_DAYS && p->last_day < p->first_day)
        return error_set(e, ERR_INVALID, "last_day must not be before first_day");
    return ERR_OK;
}

enum err place_insert(struct db_cx *cx, enum place_kind kind, const struct place *p,
                      struct error *e)
{
    struct db_value args[ARGS_MAX];
    struct place site;
    int n = 0;
    enum err r = check_days(kinds[kind].has, p, e);
    args[n++] = db_text(p->id);
    if (kinds[kind].has & HAS_SITE) {
        _cleanup_(arena_freep) struct arena *a = arena_new(64u * KIB);
        args[n++] = db_text(p->site);
        if (!a)
            return error_set(e, ERR_NOMEM, "no memory to read a site");
        r = r ? r : place_get(cx, a, PLACE_SITE, p->site, &site, e);
    }
    n += common_args(kinds[kind].has, p, args + n);
    args[n++] = time_or_now(p->created_at);
    return r ? r : db_exec(cx, kinds[kind].insert, args, n, NULL, e);
}

static void place_read(struct row *row, void *ret_item)
{
    struct place *p = ret_item;
    db_col_copy(row->rows, "id", p->id, sizeof p->id);
    db_col_copy(row->rows, "site_id", p->site, sizeof p->site);
    p->name = row_str(row, "name");
    p->tz = row_str(row, "tz");
    p->capacity = db_col_int(row->rows, "capacity");
    p->first_day = db_col_int(row->rows, "first_day");
    p->last_day = db_col_int(row->rows, "last_day");
    p->version = db_col_int(row->rows, "version");
    p->created_at = db_col_int(row->rows, "created_at");
    p->updated_at = db_col_int(row->rows, "updated_at");
}

enum err place_get(struct db_cx *cx, struct arena *a, enum place_kind kind, const char *id,
                   struct place *ret_place, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    char what[32];
    struct place p = {0};
    snprintf(what, sizeof what, "such %s", kinds[kind].name);
    enum err r = rows_one(cx, kinds[kind].by_id, args, ARRAY_LEN(args), a, place_read, &p, what, e);
    if (!r)
        *ret_place = p;
    return r;
}

enum err place_list(struct db_cx *cx, struct arena *a, enum place_kind kind, const char *site,
                    const char *after, int limit, struct place **ret_places, int *ret_n,
                    struct error *e)
{
    const struct db_value args[] = {db_text(site), db_text(after), db_int(limit)};
    return rows_all(cx, kinds[kind].list, args, ARRAY_LEN(args), a, place_read,
                    sizeof(struct place), ret_places, ret_n, e);
}

/* No row with this id and version: says which of the two it is. */
static enum err update_missed(struct db_cx *cx, enum place_kind kind, const char *id,
                              struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t version = 0;
    bool has = false;
    enum err r =
        rows_int(cx, kinds[kind].by_id, args, ARRAY_LEN(args), "version", &version, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no such %s", kinds[kind].name);
    return error_set(e, ERR_PRECONDITION, "the %s was changed by someone else (version %lld now)",
                     kinds[kind].name, (long long)version);
}

enum err place_update(struct db_cx *cx, enum place_kind kind, const struct place *p,
                      int64_t *ret_version, struct error *e)
{
    struct db_value args[ARGS_MAX];
    bool has = false;
    int n = 0;
    enum err r = check_days(kinds[kind].has, p, e);
    if (r)
        return r;
    args[n++] = db_text(p->id);
    n += common_args(kinds[kind].has, p, args + n);
    args[n++] = time_or_now(p->updated_at);
    args[n++] = db_int(p->version);
    r = rows_int(cx, kinds[kind].update, args, n, "version", ret_version, &has, e);
    return r || has ? r : update_missed(cx, kind, p->id, e);
}

enum err place_delete(struct db_cx *cx, enum place_kind kind, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t removed = 0;
    enum err r = db_exec(cx, kinds[kind].remove, args, ARRAY_LEN(args), &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such %s", kinds[kind].name);
    return error_replace(e, r, ERR_CONFLICT, ERR_CONFLICT, kinds[kind].in_use);
}

static void range_read(struct row *row, void *ret_item)
{
    struct day_range *range = ret_item;
    range->first = db_col_int(row->rows, "first_day");
    range->last = db_col_int(row->rows, "last_day");
}

enum err holiday_days(struct db_cx *cx, struct arena *a, const char *site, struct day_range range,
                      struct day_range **ret_days, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(site), db_int(range.first), db_int(range.last)};
    return rows_all(cx, Q_HOLIDAY_DAYS, args, ARRAY_LEN(args), a, range_read,
                    sizeof(struct day_range), ret_days, ret_n, e);
}
