/* Whole tables in one pass: see bulk.h. SQL in sql/bulk.sql. Cost: one scan each. */
#include "store/bulk.h"

#include "store/rows.h"

/* Makes an item of the current row and hands it on. */
typedef enum err (*item_fn)(struct db_rows *rows, const void *fn, void *ctx, struct error *e);

static enum err each(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                     item_fn item, const void *fn, void *ctx, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, q, args, n, &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    while (!r && has) {
        r = item(rows, fn, ctx, e);
        if (!r)
            r = db_next(rows, &has, e);
    }
    return r;
}

static enum err student_item(struct db_rows *rows, const void *fn, void *ctx, struct error *e)
{
    struct student s = {.external_id = db_col_str(rows, "external_id"),
                        .name = db_col_str(rows, "name"),
                        .email = db_col_str(rows, "email"),
                        .status = db_col_str(rows, "status"),
                        .version = db_col_int(rows, "version")};
    db_col_copy(rows, "id", s.id.text, sizeof s.id.text);
    return (*(const bulk_student_fn *)fn)(ctx, &s, e);
}

enum err bulk_students(struct db_cx *cx, bulk_student_fn fn, void *ctx, struct error *e)
{
    return each(cx, Q_BULK_STUDENTS, NULL, 0, student_item, &fn, ctx, e);
}

static enum err course_item(struct db_rows *rows, const void *fn, void *ctx, struct error *e)
{
    struct course c = {.code = db_col_str(rows, "code"),
                       .title = db_col_str(rows, "title"),
                       .term = db_col_str(rows, "term"),
                       .confirmations = db_col_int(rows, "confirmations"),
                       .late_after_min = db_col_int(rows, "late_after_min"),
                       .early_before_min = db_col_int(rows, "early_before_min"),
                       .minutes_needed = db_col_int(rows, "minutes_needed"),
                       .sweeps = db_col_int(rows, "sweeps"),
                       .sweeps_needed = db_col_int(rows, "sweeps_needed"),
                       .version = db_col_int(rows, "version")};
    db_col_copy(rows, "id", c.id.text, sizeof c.id.text);
    return (*(const bulk_course_fn *)fn)(ctx, &c, e);
}

enum err bulk_courses(struct db_cx *cx, bulk_course_fn fn, void *ctx, struct error *e)
{
    return each(cx, Q_BULK_COURSES, NULL, 0, course_item, &fn, ctx, e);
}

static enum err entry_item(struct db_rows *rows, const void *fn, void *ctx, struct error *e)
{
    struct bulk_entry b = {.valid_from = db_col_int(rows, "valid_from"),
                           .valid_to = db_col_int(rows, "valid_to")};
    db_col_copy(rows, "id", b.id, sizeof b.id);
    db_col_copy(rows, "student_id", b.student.text, sizeof b.student.text);
    return (*(const bulk_entry_fn *)fn)(ctx, &b, e);
}

enum err bulk_roster(struct db_cx *cx, struct course_id course, bulk_entry_fn fn, void *ctx,
                     struct error *e)
{
    const struct db_value args[] = {db_text(course.text)};
    return each(cx, Q_BULK_ROSTER, args, ARRAY_LEN(args), entry_item, &fn, ctx, e);
}

enum { ENTRY_COLUMNS = 5 };

static struct db_value time_or_null(usec_t at) { return at ? db_int(at) : db_null(); }

static void entry_args(const struct bulk_entry *b, struct db_value *args)
{
    args[0] = db_text(b->id);
    args[1] = db_text(b->course.text);
    args[2] = db_text(b->student.text);
    args[3] = db_int(b->valid_from);
    args[4] = time_or_null(b->valid_to);
}

enum err bulk_roster_insert(struct db_cx *cx, const struct bulk_entry *entries, int n,
                            struct error *e)
{
    struct db_value args[ENTRY_COLUMNS * BULK_ENTRIES_MAX];
    enum err r = ERR_OK;
    for (int i = 0; i < n; i++)
        entry_args(&entries[i], &args[i * ENTRY_COLUMNS]);
    if (n == BULK_ENTRIES_MAX)
        return db_exec(cx, Q_BULK_ROSTER_INSERT_SIX, args, ARRAY_LEN(args), NULL, e);
    for (int i = 0; i < n && !r; i++)
        r = db_exec(cx, Q_BULK_ROSTER_INSERT, &args[i * ENTRY_COLUMNS], ENTRY_COLUMNS, NULL, e);
    return r;
}

enum err bulk_roster_end(struct db_cx *cx, const char *id, usec_t was, usec_t end, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(was), time_or_null(end)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_BULK_ROSTER_END, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_CONFLICT, "somebody else changed the roster");
    return r;
}

enum err bulk_roster_bump(struct db_cx *cx, struct course_id course, int64_t *ret_version,
                          struct error *e)
{
    const struct db_value args[] = {db_text(course.text)};
    bool has = false;
    enum err r = rows_int(cx, Q_BULK_ROSTER_BUMP, args, ARRAY_LEN(args), "roster_version",
                          ret_version, &has, e);
    return r || has ? r : error_set(e, ERR_NOT_FOUND, "there is no such course");
}
