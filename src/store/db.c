/* The back-end-neutral half of the database driver: checks arguments, then calls the vtable.
 *
 * Text is checked here and not in a back end, because SQLite would store any bytes and PostgreSQL
 * only UTF-8 without zero bytes. Thread: any; the only state is a thread-local nesting flag. */
#include "store/db.h"

#include <assert.h>

#include "store/driver.h"

enum { NOTES_MAX = MIB };

static _Thread_local bool inside_fn;

void db_fn_enter(void)
{
    assert(!inside_fn);
    inside_fn = true;
}

void db_fn_leave(void) { inside_fn = false; }

/* A transaction of the caller's with what it notes, each note behind its length. */
struct noted {
    db_fn fn;
    void *ctx;
    struct buf notes;
};

static enum err noted_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct noted *n = ctx;
    buf_reset(&n->notes); /* a second run notes again */
    cx->notes = &n->notes;
    cx->note_at = 0;
    enum err r = n->fn(cx, n->ctx, e);
    cx->notes = NULL;
    return r;
}

static void tell(const struct db *db, struct str notes)
{
    while (notes.n) {
        size_t n;
        memcpy(&n, notes.p, sizeof n);
        db->listener(db->listener_ctx, (struct str){notes.p + sizeof n, n});
        notes = (struct str){notes.p + sizeof n + n, notes.n - sizeof n - n};
    }
}

enum err db_tx(struct db *db, db_fn fn, void *ctx, struct error *e)
{
    assert(!inside_fn); /* see db.h: never another db_tx inside fn */
    if (!db->listener)
        return db->driver->tx(db, fn, ctx, e);
    struct noted n = {.fn = fn, .ctx = ctx};
    buf_init(&n.notes, NOTES_MAX);
    enum err r = db->driver->tx(db, noted_fn, &n, e);
    if (!r)
        tell(db, buf_str(&n.notes));
    buf_done(&n.notes);
    return r;
}

void db_set_listener(struct db *db, db_note_fn fn, void *ctx)
{
    db->listener = fn;
    db->listener_ctx = ctx;
}

enum err db_note(struct db_cx *cx, struct str note, struct error *e)
{
    if (!cx->notes)
        return ERR_OK;
    buf_append(cx->notes, (struct str){(const char *)&note.n, sizeof note.n});
    cx->note_at = cx->notes->n;
    buf_append(cx->notes, note);
    return buf_check(cx->notes, e);
}

enum err db_note_newest(struct db_cx *cx, struct str note, size_t head, struct error *e)
{
    struct buf *notes = cx->notes;
    if (!notes)
        return ERR_OK;
    bool same = cx->note_at && notes->n - cx->note_at == note.n &&
                memcmp(notes->p + cx->note_at, note.p, head) == 0;
    if (!same)
        return db_note(cx, note, e);
    memcpy(notes->p + cx->note_at, note.p, note.n);
    return buf_check(notes, e);
}

enum err db_read(struct db *db, db_fn fn, void *ctx, struct error *e)
{
    assert(!inside_fn);
    return db->driver->read(db, fn, ctx, e);
}

static enum err args_check(enum query q, const struct db_value *args, int n, struct error *e)
{
    for (int i = 0; i < n; i++) {
        if (args[i].type != DB_TEXT)
            continue;
        struct str s = args[i].s;
        if (!str_is_utf8(s) || (s.n && memchr(s.p, 0, s.n)))
            return error_set(e, ERR_INVALID, "%s: parameter %d is not UTF-8 text without NUL",
                             query_texts[q].name, i + 1);
    }
    return ERR_OK;
}

enum err db_query(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                  struct db_rows **ret_rows, struct error *e)
{
    assert(n == query_texts[q].params);
    enum err r = args_check(q, args, n, e);
    return r ? r : cx->driver->query(cx, q, args, n, ret_rows, e);
}

enum err db_next(struct db_rows *rows, bool *ret_has, struct error *e)
{
    return rows->driver->next(rows, ret_has, e);
}

void db_rows_done(struct db_rows **rows)
{
    if (*rows)
        (*rows)->driver->rows_done(*rows);
    *rows = NULL;
}

enum err db_exec(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                 int64_t *ret_changed, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    enum err r = db_query(cx, q, args, n, &rows, e);
    for (bool has = true; !r && has;)
        r = db_next(rows, &has, e);
    if (!r && ret_changed)
        *ret_changed = rows->driver->changed(rows);
    return r;
}

static struct db_value column_value(struct db_rows *rows, const char *name)
{
    int column = rows->driver->column(rows, name);
    assert(column >= 0);
    return rows->driver->value(rows, column);
}

int64_t db_col_int(struct db_rows *rows, const char *name)
{
    struct db_value v = column_value(rows, name);
    return v.type == DB_INT ? v.i : 0;
}

double db_col_real(struct db_rows *rows, const char *name)
{
    struct db_value v = column_value(rows, name);
    return v.type == DB_REAL ? v.d : v.type == DB_INT ? (double)v.i : 0;
}

struct str db_col_str(struct db_rows *rows, const char *name)
{
    struct db_value v = column_value(rows, name);
    bool has = (v.type == DB_TEXT || v.type == DB_BLOB) && v.s.p;
    return has ? v.s : str_from("");
}

bool db_col_is_null(struct db_rows *rows, const char *name)
{
    return column_value(rows, name).type == DB_NULL;
}

void db_col_copy(struct db_rows *rows, const char *name, char *out, size_t n)
{
    struct str s = db_col_str(rows, name);
    size_t take = s.n < n ? s.n : n - 1;
    memcpy(out, s.p, take);
    out[take] = 0;
}

void db_close(struct db *db)
{
    if (db)
        db->driver->close(db);
}

const char *db_backend(const struct db *db) { return db->driver->name; }

bool db_is_exclusive(const struct db *db) { return db->driver->exclusive; }
