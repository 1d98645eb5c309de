/* Students: see student.h. SQL in sql/student.sql. Inside db_tx or db_read, any thread. */
#include "store/student.h"

#include "store/consent.h"
#include "store/look_alike.h"
#include "store/rows.h"
#include "store/template.h"

static void student_read(struct row *row, void *ret_item)
{
    struct student *s = ret_item;
    db_col_copy(row->rows, "id", s->id.text, sizeof s->id.text);
    s->external_id = row_str(row, "external_id");
    s->name = row_str(row, "name");
    s->email = row_str(row, "email");
    s->status = row_str(row, "status");
    s->version = db_col_int(row->rows, "version");
    s->created_at = db_col_int(row->rows, "created_at");
    s->updated_at = db_col_int(row->rows, "updated_at");
}

enum err student_insert(struct db_cx *cx, const struct student *s, struct error *e)
{
    usec_t now = s->created_at ? s->created_at : time_utc();
    const struct db_value args[] = {
        db_text(s->id.text),
        text_of(s->external_id),
        text_of(s->name),
        text_of(s->email),
        text_of(s->status),
        db_int(now),
        db_int(s->updated_at ? s->updated_at : now),
    };
    return db_exec(cx, Q_STUDENT_INSERT, args, ARRAY_LEN(args), NULL, e);
}

enum err student_get(struct db_cx *cx, struct arena *a, struct student_id id,
                     struct student *ret_student, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    struct student s = {0};
    enum err r = rows_one(cx, Q_STUDENT_BY_ID, args, ARRAY_LEN(args), a, student_read, &s,
                          "such student", e);
    if (!r)
        *ret_student = s;
    return r;
}

enum err student_not_erased(struct db_cx *cx, struct student_id id, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    int64_t erased_at = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_STUDENT_ERASED_AT, args, 1, "erased_at", &erased_at, &has, e);
    if (r == ERR_OK && !has)
        return error_set(e, ERR_NOT_FOUND, "there is no such student");
    if (r == ERR_OK && erased_at)
        return error_set(e, ERR_CONFLICT,
                         "this student is erased: nothing can be added or changed");
    return r;
}

enum err student_by_external_id(struct db_cx *cx, struct arena *a, struct str external_id,
                                struct student *ret_student, struct error *e)
{
    const struct db_value args[] = {text_of(external_id)};
    struct student s = {0};
    enum err r = rows_one(cx, Q_STUDENT_BY_EXTERNAL_ID, args, ARRAY_LEN(args), a, student_read, &s,
                          "student with this external_id", e);
    if (!r)
        *ret_student = s;
    return r;
}

enum err student_list(struct db_cx *cx, struct arena *a, const struct scope *scope,
                      struct str search, struct student_id after, int limit,
                      struct student **ret_students, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(after.text), text_of(search), SCOPE_VALUES(scope),
                                    db_int(limit), db_int(time_utc())};
    return rows_all(cx, Q_STUDENT_LIST, args, ARRAY_LEN(args), a, student_read,
                    sizeof(struct student), ret_students, ret_n, e);
}

enum err student_search(struct db_cx *cx, struct arena *a, const struct scope *scope,
                        const struct student_filter *f, const struct list_page *page,
                        struct student **ret_students, int *ret_n, struct error *e)
{
    const struct db_value args[] = {PAGE_VALUES(page),         text_of(f->search),
                                    text_of(f->status),        db_text(f->course.text),
                                    db_int(f->has_photos),     text_of(f->encoder),
                                    text_of(f->preprocessing), db_int(f->has_consent),
                                    SCOPE_VALUES(scope),       db_int(page->limit)};
    return rows_all(cx, Q_STUDENT_PAGE, args, ARRAY_LEN(args), a, student_read,
                    sizeof(struct student), ret_students, ret_n, e);
}

enum err student_list_stale(struct db_cx *cx, struct arena *a, const struct scope *scope,
                            const struct student_stale *stale, struct student_id after, int limit,
                            struct student **ret_students, int *ret_n, struct error *e)
{
    const struct db_value args[] = {
        db_text(after.text),   text_of(stale->encoder), text_of(stale->preprocessing),
        db_int(stale->before), SCOPE_VALUES(scope),     db_int(limit),
        db_int(time_utc())};
    return rows_all(cx, Q_STUDENT_LIST_STALE, args, ARRAY_LEN(args), a, student_read,
                    sizeof(struct student), ret_students, ret_n, e);
}

/* No row with this id and version: says which of the two it is. */
static enum err update_missed(struct db_cx *cx, struct student_id id, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    int64_t version = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_STUDENT_BY_ID, args, ARRAY_LEN(args), "version", &version, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no such student");
    return error_set(e, ERR_PRECONDITION,
                     "the student was changed by someone else (version %lld now)",
                     (long long)version);
}

enum err student_update(struct db_cx *cx, const struct student *s, int64_t *ret_version,
                        struct error *e)
{
    const struct db_value args[] = {
        db_text(s->id.text), text_of(s->external_id),    text_of(s->name),   text_of(s->email),
        text_of(s->status),  time_or_now(s->updated_at), db_int(s->version),
    };
    bool has = false;
    enum err r =
        rows_int(cx, Q_STUDENT_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    return r || has ? r : update_missed(cx, s->id, e);
}

/* Templates, consents, look-alike pairs, photos not yet judged, and roster entries with the
 * versions of their rosters. */
static enum err belongings_delete(struct db_cx *cx, struct student_id id, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    int64_t unused;
    enum err r = template_delete(cx, id, NULL, e);
    if (!r)
        r = consent_delete(cx, id, e);
    if (!r)
        r = look_alike_delete(cx, id, &unused, e);
    if (!r)
        r = db_exec(cx, Q_STUDENT_JOBS_DELETE, args, 1, NULL, e);
    if (!r)
        r = db_exec(cx, Q_STUDENT_ROSTER_BUMP, args, 1, NULL, e);
    return r ? r : db_exec(cx, Q_STUDENT_ROSTER_DELETE, args, 1, NULL, e);
}

static const char has_marks[] = "the student has marks: set the status to inactive instead";

enum err student_delete(struct db_cx *cx, struct student_id id, struct error *e)
{
    const struct db_value args[] = {db_text(id.text)};
    int64_t marks = 0, removed = 0;
    enum err r = rows_int(cx, Q_STUDENT_MARK_COUNT, args, 1, "n", &marks, NULL, e);
    if (!r && marks)
        return error_set(e, ERR_CONFLICT, "%s", has_marks);
    if (!r)
        r = belongings_delete(cx, id, e);
    if (!r)
        r = db_exec(cx, Q_STUDENT_DELETE, args, 1, &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such student");
    return error_replace(e, r, ERR_CONFLICT, ERR_CONFLICT, has_marks);
}
