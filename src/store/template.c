/* Templates: see template.h. SQL in sql/template.sql. Inside db_tx or db_read, any thread. */
#include "store/template.h"

#include "store/engine.h"
#include "store/rows.h"

enum err template_insert(struct db_cx *cx, const struct template_row *t, struct error *e)
{
    const struct db_value args[] = {
        db_text(t->id),        db_text(t->student.text),
        text_of(t->encoder),   text_of(t->preprocessing),
        text_of(t->precision), text_of(t->model_sha256),
        blob_of(t->sealed),    db_real(t->quality),
        text_of(t->source),    time_or_now(t->created_at),
        db_int(time_utc()),
    };
    int64_t written = 0;
    enum err r = db_exec(cx, Q_TEMPLATE_INSERT, args, ARRAY_LEN(args), &written, e);
    if (r == ERR_CONFLICT || (r == ERR_OK && !written))
        return error_set(e, ERR_CONFLICT, "the student has no live consent to recognition");
    return r;
}

static void template_describe(struct row *row, void *ret_item)
{
    struct template_row *t = ret_item;
    db_col_copy(row->rows, "id", t->id, sizeof t->id);
    db_col_copy(row->rows, "student_id", t->student.text, sizeof t->student.text);
    t->encoder = row_str(row, "encoder");
    t->preprocessing = row_str(row, "preprocessing");
    t->precision = row_str(row, "model_precision");
    t->model_sha256 = row_str(row, "model_sha256");
    t->quality = db_col_real(row->rows, "quality");
    t->source = row_str(row, "source");
    t->created_at = db_col_int(row->rows, "created_at");
}

static void template_read(struct row *row, void *ret_item)
{
    struct template_row *t = ret_item;
    template_describe(row, t);
    t->sealed = row_str(row, "sealed");
}

enum err template_of_student(struct db_cx *cx, struct arena *a, struct student_id student,
                             struct str encoder, struct str preprocessing,
                             struct template_row **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(student.text), text_of(encoder),
                                    text_of(preprocessing)};
    return rows_all(cx, Q_TEMPLATE_OF_STUDENT, args, ARRAY_LEN(args), a, template_read,
                    sizeof(struct template_row), ret_rows, ret_n, e);
}

/* The same without copies: text is borrowed from the row. */
static struct template_row template_borrow(struct db_rows *rows)
{
    struct template_row t = {0};
    db_col_copy(rows, "id", t.id, sizeof t.id);
    db_col_copy(rows, "student_id", t.student.text, sizeof t.student.text);
    t.encoder = db_col_str(rows, "encoder");
    t.preprocessing = db_col_str(rows, "preprocessing");
    t.precision = db_col_str(rows, "model_precision");
    t.model_sha256 = db_col_str(rows, "model_sha256");
    t.sealed = db_col_str(rows, "sealed");
    t.quality = db_col_real(rows, "quality");
    t.source = db_col_str(rows, "source");
    t.created_at = db_col_int(rows, "created_at");
    return t;
}

enum err template_each(struct db_cx *cx, struct str encoder, struct str preprocessing,
                       template_fn fn, void *ctx, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    const struct db_value args[] = {text_of(encoder), text_of(preprocessing)};
    enum err r = db_query(cx, Q_TEMPLATE_EACH, args, ARRAY_LEN(args), &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r || !has)
            return r;
        struct template_row t = template_borrow(rows);
        r = fn(ctx, &t, e);
    }
}

enum err template_count(struct db_cx *cx, struct student_id student, struct str encoder,
                        struct str preprocessing, int64_t *ret_count, struct error *e)
{
    const struct db_value args[] = {db_text(student.text), text_of(encoder),
                                    text_of(preprocessing)};
    return rows_int(cx, Q_TEMPLATE_COUNT, args, ARRAY_LEN(args), "n", ret_count, NULL, e);
}

enum err template_rows(struct db_cx *cx, struct arena *a, struct student_id student,
                       struct template_row **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    return rows_all(cx, Q_TEMPLATE_ROWS, args, ARRAY_LEN(args), a, template_describe,
                    sizeof(struct template_row), ret_rows, ret_n, e);
}

enum err template_newest(struct db_cx *cx, struct student_id student, struct str encoder,
                         struct str preprocessing, usec_t *ret_newest, struct error *e)
{
    const struct db_value args[] = {db_text(student.text), text_of(encoder),
                                    text_of(preprocessing)};
    return rows_int(cx, Q_TEMPLATE_NEWEST, args, ARRAY_LEN(args), "newest", ret_newest, NULL, e);
}

enum err template_delete_one(struct db_cx *cx, struct student_id student, const char *id,
                             struct error *e)
{
    const struct db_value args[] = {db_text(id), db_text(student.text)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_TEMPLATE_DELETE_ONE, args, ARRAY_LEN(args), &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "the student has no such template");
    return r;
}

enum err template_delete(struct db_cx *cx, struct student_id student, int64_t *ret_removed,
                         struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    enum err r = engine_differences_forget(cx, student, e);
    return r ? r : db_exec(cx, Q_TEMPLATE_DELETE, args, ARRAY_LEN(args), ret_removed, e);
}

static void kind_read(struct row *row, void *ret_item)
{
    struct template_kind *k = ret_item;
    k->encoder = row_str(row, "encoder");
    k->preprocessing = row_str(row, "preprocessing");
    k->students = db_col_int(row->rows, "students");
    k->photos = db_col_int(row->rows, "photos");
}

enum err template_kinds(struct db_cx *cx, struct arena *a, struct template_kind **ret_kinds,
                        int *ret_n, struct error *e)
{
    return rows_all(cx, Q_TEMPLATE_KINDS, NULL, 0, a, kind_read, sizeof **ret_kinds, ret_kinds,
                    ret_n, e);
}

static void size_read(struct row *row, void *ret_item)
{
    *(int64_t *)ret_item = db_col_int(row->rows, "n");
}

enum err roster_sizes(struct db_cx *cx, struct arena *a, int64_t **ret_sizes, int *ret_n,
                      struct error *e)
{
    return rows_all(cx, Q_ROSTER_SIZES, NULL, 0, a, size_read, sizeof **ret_sizes, ret_sizes, ret_n,
                    e);
}
