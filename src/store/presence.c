/* Presence: see presence.h. SQL in sql/presence.sql. Inside db_tx or db_read, any thread; one query
 * a call, by the primary key. */
#include "store/presence.h"

#include "store/rows.h"

enum err presence_add(struct db_cx *cx, struct session_id session, struct student_id student,
                      int64_t minute, double score, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(student.text), db_int(minute),
                                    db_real(score)};
    enum err r = db_exec(cx, Q_PRESENCE_ADD, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND,
                         "there is no such session, or no such student");
}

enum err presence_has(struct db_cx *cx, struct session_id session, struct student_id student,
                      int64_t minute, bool *ret_has, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(student.text), db_int(minute)};
    int64_t sightings;
    return rows_int(cx, Q_PRESENCE_HAS, args, ARRAY_LEN(args), "sightings", &sightings, ret_has, e);
}

static void minute_read(struct row *row, void *ret_item)
{
    struct presence_row *item = ret_item;
    item->minute = db_col_int(row->rows, "minute");
    item->sightings = db_col_int(row->rows, "sightings");
    item->best_score = db_col_real(row->rows, "best_score");
}

enum err presence_list(struct db_cx *cx, struct arena *a, struct session_id session,
                       struct student_id student, struct presence_row **ret_rows, int *ret_n,
                       struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(student.text)};
    return rows_all(cx, Q_PRESENCE_MINUTES, args, ARRAY_LEN(args), a, minute_read,
                    sizeof(struct presence_row), ret_rows, ret_n, e);
}

enum err presence_each(struct db_cx *cx, struct session_id session, presence_fn fn, void *ctx,
                       struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    const struct db_value args[] = {db_text(session.text)};
    enum err r = db_query(cx, Q_PRESENCE_EACH, args, ARRAY_LEN(args), &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r || !has)
            return r;
        struct student_id student;
        db_col_copy(rows, "student_id", student.text, sizeof student.text);
        fn(ctx, student, db_col_int(rows, "minute"));
    }
}
