/* A student's marks over sessions: see record.h. SQL in sql/record.sql; one query by the index on
 * the student. Inside db_tx or db_read, any thread. */
#include "store/record.h"

#include "store/mark_row.h"

static void record_read(struct row *row, void *ret_item)
{
    struct record_row *r = ret_item;
    mark_read(row, &r->mark);
    db_col_copy(row->rows, "course_id", r->course.text, sizeof r->course.text);
    r->course_code = row_str(row, "course_code");
    r->course_title = row_str(row, "course_title");
    r->session_title = row_str(row, "session_title");
    r->planned_start = db_col_int(row->rows, "planned_start");
    r->started_at = db_col_int(row->rows, "started_at");
}

enum err record_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                     struct student_id student, const struct record_filter *filter, int limit,
                     struct record_row **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {
        db_text(student.text),
        db_text(filter->course.text),
        text_of(filter->status),
        db_int(filter->from),
        db_int(filter->to),
        db_int(filter->disputed),
        db_text(filter->before.text),
        db_text(scope ? scope->instructor : ""),
        db_int(limit),
    };
    return rows_all(cx, Q_RECORD_LIST, args, ARRAY_LEN(args), a, record_read,
                    sizeof(struct record_row), ret_rows, ret_n, e);
}
