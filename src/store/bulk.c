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
