/* Timetables: see timetable.h. SQL in sql/timetable.sql; what becomes of them is in
 * timetable_plan.c. Inside db_tx or db_read, any thread. */
#include "store/timetable.h"

#include "store/rows.h"

static struct db_value id_or_null(const char *id)
{
    return id_is_empty(id) ? db_null() : db_text(id);
}

static enum err clock_fits(const struct timetable *t, struct error *e)
{
    if (t->start_minute + t->minutes > MINUTES_OF_DAY)
        return error_set(e, ERR_INVALID, "a sitting must end by midnight of the day it began");
    if (t->last_day < t->first_day)
        return error_set(e, ERR_INVALID, "last_day must not be before first_day");
    return ERR_OK;
}

static const char no_place[] = "there is no such course or site, or the site has no such room";

enum err timetable_insert(struct db_cx *cx, const struct timetable *t, struct error *e)
{
    const struct db_value args[] = {
        db_text(t->id),          db_text(t->course.text),    db_text(t->site),
        id_or_null(t->room),     text_of(t->title),          db_int(t->weekday),
        db_int(t->start_minute), db_int(t->minutes),         db_int(t->first_day),
        db_int(t->last_day),     time_or_now(t->created_at),
    };
    enum err r = clock_fits(t, e);
    if (r)
        return r;
    r = db_exec(cx, Q_TIMETABLE_INSERT, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND, no_place);
}

static void timetable_read(struct row *row, void *ret_item)
{
    struct timetable *t = ret_item;
    db_col_copy(row->rows, "id", t->id, sizeof t->id);
    db_col_copy(row->rows, "course_id", t->course.text, sizeof t->course.text);
    db_col_copy(row->rows, "site_id", t->site, sizeof t->site);
    db_col_copy(row->rows, "room_id", t->room, sizeof t->room);
    t->course_code = row_str(row, "course_code");
    t->course_title = row_str(row, "course_title");
    t->tz = row_str(row, "tz");
    t->title = row_str(row, "title");
    t->weekday = db_col_int(row->rows, "weekday");
    t->start_minute = db_col_int(row->rows, "start_minute");
    t->minutes = db_col_int(row->rows, "minutes");
    t->first_day = db_col_int(row->rows, "first_day");
    t->last_day = db_col_int(row->rows, "last_day");
    t->term.first = db_col_int(row->rows, "term_first");
    t->term.last = db_col_int(row->rows, "term_last");
    t->version = db_col_int(row->rows, "version");
    t->created_at = db_col_int(row->rows, "created_at");
    t->updated_at = db_col_int(row->rows, "updated_at");
}

enum err timetable_get(struct db_cx *cx, struct arena *a, const char *id,
                       struct timetable *ret_timetable, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    struct timetable t = {0};
    enum err r = rows_one(cx, Q_TIMETABLE_BY_ID, args, ARRAY_LEN(args), a, timetable_read, &t,
                          "such timetable", e);
    if (!r)
        *ret_timetable = t;
    return r;
}

enum err timetable_list(struct db_cx *cx, struct arena *a, const struct timetable_filter *filter,
                        const char *after, int limit, struct timetable **ret_items, int *ret_n,
                        struct error *e)
{
    const struct db_value args[] = {db_text(filter->course), db_text(filter->site),
                                    db_text(filter->room),   db_int(filter->weekday),
                                    db_text(after),          db_int(limit)};
    return rows_all(cx, Q_TIMETABLE_LIST, args, ARRAY_LEN(args), a, timetable_read,
                    sizeof(struct timetable), ret_items, ret_n, e);
}

/* No row with this id and version: says which of the two it is. */
static enum err update_missed(struct db_cx *cx, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t version = 0;
    bool has = false;
    enum err r =
        rows_int(cx, Q_TIMETABLE_BY_ID, args, ARRAY_LEN(args), "version", &version, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no such timetable");
    return error_set(e, ERR_PRECONDITION,
                     "the timetable was changed by someone else (version %lld now)",
                     (long long)version);
}

enum err timetable_update(struct db_cx *cx, const struct timetable *t, int64_t *ret_version,
                          struct error *e)
{
    const struct db_value args[] = {
        db_text(t->id),      db_text(t->site),           id_or_null(t->room), text_of(t->title),
        db_int(t->weekday),  db_int(t->start_minute),    db_int(t->minutes),  db_int(t->first_day),
        db_int(t->last_day), time_or_now(t->updated_at), db_int(t->version),
    };
    bool has = false;
    enum err r = clock_fits(t, e);
    if (r)
        return r;
    r = rows_int(cx, Q_TIMETABLE_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    r = error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND, no_place);
    return r || has ? r : update_missed(cx, t->id, e);
}

static const char *weekday_name(int64_t weekday)
{
    static const char *const names[] = {"",         "Monday", "Tuesday",  "Wednesday",
                                        "Thursday", "Friday", "Saturday", "Sunday"};
    return names[weekday];
}

enum err timetable_check(struct db_cx *cx, struct arena *a, const struct timetable *t,
                         struct error *e)
{
    const struct db_value args[] = {
        db_text(t->id),          db_text(t->site),    db_text(t->course.text),
        id_or_null(t->room),     db_int(t->weekday),  db_int(t->start_minute + t->minutes),
        db_int(t->start_minute), db_int(t->last_day), db_int(t->first_day),
    };
    struct timetable *other;
    char from[CLOCK_TEXT], to[CLOCK_TEXT];
    int n = 0;
    enum err r = rows_all(cx, Q_TIMETABLE_CLASH, args, ARRAY_LEN(args), a, timetable_read,
                          sizeof(struct timetable), &other, &n, e);
    if (r || !n)
        return r;
    bool room = !id_is_empty(t->room) && strcmp(other->room, t->room) == 0;
    clock_format(other->start_minute, from);
    clock_format((other->start_minute + other->minutes) % MINUTES_OF_DAY, to);
    return error_set(e, ERR_CONFLICT,
                     "%s %.*s has %s to %s on %ss already (timetable %s); send allow_clash=1 if "
                     "both are meant",
                     room ? "in this room" : "the course", STR_ARGS(other->course_code), from, to,
                     weekday_name(other->weekday), other->id);
}
