/* Courses and rosters: see course.h. SQL in sql/course.sql. Inside db_tx or db_read, any thread.
 * Invariant: at most one open roster row for a student in a course (partial unique index). */
#include "store/course.h"

#include "store/rows.h"
#include "store/student.h"

/* Errors NOT_FOUND: there is no such term. */
static enum err set_term(struct db_cx *cx, const struct course *c, struct error *e)
{
    const struct db_value args[] = {db_text(c->id.text),
                                    c->term_id[0] ? db_text(c->term_id) : db_null()};
    enum err r = db_exec(cx, Q_COURSE_SET_TERM, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND, "there is no such term");
}

enum err course_insert(struct db_cx *cx, const struct course *c, struct error *e)
{
    usec_t now = c->created_at ? c->created_at : time_utc();
    const struct db_value args[] = {
        db_text(c->id.text),
        text_of(c->code),
        text_of(c->title),
        text_of(c->term),
        db_int(c->confirmations),
        db_int(c->late_after_min),
        db_int(now),
        db_int(c->updated_at ? c->updated_at : now),
        db_int(c->early_before_min),
        db_int(c->minutes_needed),
        db_int(c->sweeps),
        db_int(c->sweeps_needed),
    };
    enum err r = db_exec(cx, Q_COURSE_INSERT, args, ARRAY_LEN(args), NULL, e);
    return r || !c->term_id[0] ? r : set_term(cx, c, e);
}

static void course_read(struct row *row, void *ret_item)
{
    struct course *c = ret_item;
    db_col_copy(row->rows, "id", c->id.text, sizeof c->id.text);
    c->code = row_str(row, "code");
    c->title = row_str(row, "title");
    c->term = row_str(row, "term");
    c->confirmations = db_col_int(row->rows, "confirmations");
    c->late_after_min = db_col_int(row->rows, "late_after_min");
    c->early_before_min = db_col_int(row->rows, "early_before_min");
    c->minutes_needed = db_col_int(row->rows, "minutes_needed");
    db_col_copy(row->rows, "term_id", c->term_id, sizeof c->term_id);
    c->sweeps = db_col_int(row->rows, "sweeps");
    c->sweeps_needed = db_col_int(row->rows, "sweeps_needed");
    c->version = db_col_int(row->rows, "version");
    c->created_at = db_col_int(row->rows, "created_at");
    c->updated_at = db_col_int(row->rows, "updated_at");
}

enum err course_get(struct db_cx *cx, struct arena *a, struct course_id id,
                    struct course *ret_course, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    struct course c = {0};
    enum err r = rows_one(cx, Q_COURSE_BY_ID, args, 1, a, course_read, &c, "such course", e);
    if (!r)
        *ret_course = c;
    return r;
}

enum err course_search(struct db_cx *cx, struct arena *a, const struct scope *scope,
                       const struct course_filter *f, const struct list_page *page,
                       struct course **ret_courses, int *ret_n, struct error *e)
{
    const struct db_value args[] = {PAGE_VALUES(page),   text_of(f->search),
                                    text_of(f->term),    db_text(f->instructor),
                                    SCOPE_VALUES(scope), db_int(page->limit)};
    return rows_all(cx, Q_COURSE_PAGE, args, ARRAY_LEN(args), a, course_read, sizeof(struct course),
                    ret_courses, ret_n, e);
}

enum err course_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                     struct course_id after, int limit, struct course **ret_courses, int *ret_n,
                     struct error *e)
{
    const struct db_value args[] = {db_text(after.text), SCOPE_VALUES(scope), db_int(limit)};
    return rows_all(cx, Q_COURSE_LIST, args, ARRAY_LEN(args), a, course_read, sizeof(struct course),
                    ret_courses, ret_n, e);
}

/* No row with this id and version: says which of the two it is. */
static enum err update_missed(struct db_cx *cx, struct course_id id, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    int64_t version = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_COURSE_BY_ID, args, ARRAY_LEN(args), "version", &version, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no such course");
    return error_set(e, ERR_PRECONDITION,
                     "the course was changed by someone else (version %lld now)",
                     (long long)version);
}

enum err course_update(struct db_cx *cx, const struct course *c, int64_t *ret_version,
                       struct error *e)
{
    const struct db_value args[] = {
        db_text(c->id.text),        text_of(c->code),         text_of(c->title),
        text_of(c->term),           db_int(c->confirmations), db_int(c->late_after_min),
        time_or_now(c->updated_at), db_int(c->version),       db_int(c->early_before_min),
        db_int(c->minutes_needed),  db_int(c->sweeps),        db_int(c->sweeps_needed),
    };
    bool has = false;
    enum err r =
        rows_int(cx, Q_COURSE_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    if (r || !has)
        return r ? r : update_missed(cx, c->id, e);
    return set_term(cx, c, e);
}

enum err course_delete(struct db_cx *cx, struct course_id id, struct error *e)
{
    static const char in_use[] = "the course has sessions: delete those without marks first";
    const struct db_value args[] = {db_text(id.text)};
    int64_t sessions = 0, removed = 0;
    enum err r = rows_int(cx, Q_COURSE_SESSION_COUNT, args, 1, "n", &sessions, NULL, e);
    if (!r && sessions)
        return error_set(e, ERR_CONFLICT, "%s", in_use);
    if (!r)
        r = db_exec(cx, Q_COURSE_ROSTER_DELETE, args, 1, NULL, e);
    if (!r)
        r = db_exec(cx, Q_COURSE_DELETE, args, 1, &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such course");
    return error_replace(e, r, ERR_CONFLICT, ERR_CONFLICT, in_use);
}

static enum err roster_bump(struct db_cx *cx, struct course_id course, struct error *e)
{
    const struct db_value args[] = {db_text(course.text)};
    return db_exec(cx, Q_ROSTER_BUMP, args, ARRAY_LEN(args), NULL, e);
}

enum err roster_add(struct db_cx *cx, struct course_id course, struct student_id student, usec_t at,
                    bool *ret_added, struct error *e)
{
    char id[ID_TEXT];
    id_new(id);
    const struct db_value args[] = {db_text(id), db_text(course.text), db_text(student.text),
                                    db_int(at)};
    int64_t added = 0;
    enum err r = db_exec(cx, Q_ROSTER_ADD, args, ARRAY_LEN(args), &added, e);
    if (!r && added)
        r = roster_bump(cx, course, e);
    if (!r && ret_added)
        *ret_added = added > 0;
    r = error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND,
                      "there is no such course, or no such student");
    return r ? r : student_not_erased(cx, student, e); /* after the insert: see erasure.c, strip */
}

enum err roster_remove(struct db_cx *cx, struct course_id course, struct student_id student,
                       usec_t at, struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_text(student.text), db_int(at)};
    int64_t ended = 0;
    enum err r = db_exec(cx, Q_ROSTER_REMOVE, args, ARRAY_LEN(args), &ended, e);
    if (!r && !ended)
        return error_set(e, ERR_NOT_FOUND, "the student is not enrolled in this course");
    return r ? r : roster_bump(cx, course, e);
}

static void roster_read(struct row *row, void *ret_item)
{
    struct roster_row *item = ret_item;
    db_col_copy(row->rows, "student_id", item->student.text, sizeof item->student.text);
    item->external_id = row_str(row, "external_id");
    item->name = row_str(row, "name");
    item->valid_from = db_col_int(row->rows, "valid_from");
    item->valid_to = db_col_int(row->rows, "valid_to");
    item->templates = db_col_int(row->rows, "templates");
}

enum err roster_list(struct db_cx *cx, struct arena *a, struct course_id course, usec_t at,
                     struct str encoder, struct str preprocessing, struct roster_row **ret_rows,
                     int *ret_n, struct error *e)
{
    const struct roster_span span = {at, at};
    return roster_during(cx, a, course, &span, encoder, preprocessing, ret_rows, ret_n, e);
}

enum err roster_during(struct db_cx *cx, struct arena *a, struct course_id course,
                       const struct roster_span *span, struct str encoder, struct str preprocessing,
                       struct roster_row **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_int(span->last), text_of(encoder),
                                    text_of(preprocessing), db_int(span->first)};
    return rows_all(cx, Q_ROSTER_LIST, args, ARRAY_LEN(args), a, roster_read,
                    sizeof(struct roster_row), ret_rows, ret_n, e);
}

enum err roster_has(struct db_cx *cx, struct course_id course, struct student_id student, usec_t at,
                    bool *ret_has, struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_text(student.text), db_int(at)};
    int64_t n = 0;
    enum err r = rows_int(cx, Q_ROSTER_HAS, args, ARRAY_LEN(args), "n", &n, NULL, e);
    if (!r)
        *ret_has = n > 0;
    return r;
}

static void roster_id_read(struct row *row, void *ret_item)
{
    struct student_id *id = ret_item;
    db_col_copy(row->rows, "student_id", id->text, sizeof id->text);
}

enum err roster_ids(struct db_cx *cx, struct arena *a, struct course_id course, usec_t at,
                    struct student_id **ret_ids, int *ret_n, int64_t *ret_version, struct error *e)
{
    const struct db_value args[] = {db_text(course.text), db_int(at)};
    int64_t version = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_ROSTER_VERSION, args, 1, "roster_version", &version, &has, e);
    if (!r && !has)
        return error_set(e, ERR_NOT_FOUND, "there is no such course");
    if (!r)
        r = rows_all(cx, Q_ROSTER_IDS, args, ARRAY_LEN(args), a, roster_id_read,
                     sizeof(struct student_id), ret_ids, ret_n, e);
    if (!r)
        *ret_version = version;
    return r;
}
