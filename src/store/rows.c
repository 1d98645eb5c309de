/* Reading rows into structs: see rows.h. Arrays grow by doubling inside the arena, so a list costs
 * at most twice its size there. */
#include "store/rows.h"

enum { ROWS_FIRST = 16 };

struct str row_str(struct row *row, const char *name)
{
    struct str s = arena_copy(row->a, db_col_str(row->rows, name));
    row->failed = row->failed || !s.p;
    return s;
}

static enum err no_memory(struct error *e)
{
    return error_set(e, ERR_NOMEM, "the answer of the database is too large");
}

enum err rows_one(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                  struct arena *a, row_fn fn, void *ret_item, const char *what, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, q, args, n, &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no %s", what);
    struct row row = {.rows = rows, .a = a};
    fn(&row, ret_item);
    return row.failed ? no_memory(e) : ERR_OK;
}

/* Room for one more item behind n. */
static bool array_grow(struct arena *a, char **items, int n, int *capacity, size_t item_size)
{
    if (n < *capacity)
        return true;
    int more = *capacity ? 2 * *capacity : ROWS_FIRST;
    char *p = arena_array(a, (size_t)more, item_size);
    if (!p)
        return false;
    if (n)
        memcpy(p, *items, (size_t)n * item_size);
    *items = p;
    *capacity = more;
    return true;
}

enum err rows_all(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                  struct arena *a, row_fn fn, size_t item_size, void *ret_items, int *ret_n,
                  struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    char *items = NULL;
    int count = 0, capacity = 0;
    enum err r = db_query(cx, q, args, n, &rows, e);
    struct row row = {.rows = rows, .a = a};
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r)
            return r;
        if (!has)
            break;
        if (!array_grow(a, &items, count, &capacity, item_size))
            return no_memory(e);
        fn(&row, items + (size_t)count++ * item_size);
        if (row.failed)
            return no_memory(e);
    }
    memcpy(ret_items, &items, sizeof items);
    *ret_n = count;
    return ERR_OK;
}

enum err rows_int(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                  const char *column, int64_t *ret_value, bool *ret_has, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false, found = false;
    int64_t value = 0;
    enum err r = db_query(cx, q, args, n, &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (!r && has) {
        found = true;
        value = db_col_int(rows, column);
        r = db_next(rows, &has, e); /* a RETURNING statement is checked at its end */
    }
    if (r)
        return r;
    if (!found && !ret_has)
        return error_set(e, ERR_NOT_FOUND, "%s: no row", query_texts[q].name);
    if (ret_has)
        *ret_has = found;
    if (found)
        *ret_value = value;
    return ERR_OK;
}

enum err error_replace(struct error *e, enum err r, enum err when, enum err with, const char *msg)
{
    return r == when ? error_set(e, with, "%s", msg) : r;
}
