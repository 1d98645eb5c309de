/* Kept enrolment photos: see kept_photo.h. SQL in sql/kept_photo.sql. One statement each, any
 * thread. */
#include "store/kept_photo.h"

#include "store/consent.h"
#include "store/rows.h"

enum err kept_photo_add(struct db_cx *cx, struct student_id student, const struct kept_photo *photo,
                        struct error *e)
{
    const struct db_value args[] = {db_text(photo->id),        db_text(student.text),
                                    db_text(photo->job),       db_blob(photo->sealed),
                                    db_int(photo->created_at), db_int(photo->kept_until)};
    struct error none;
    enum err r = consent_hold(cx, student, CONSENT_PHOTOS, photo->created_at, NULL, &none);
    if (r == ERR_CONFLICT)
        return ERR_OK;
    if (r) {
        if (e)
            *e = none;
        return r;
    }
    return db_exec(cx, Q_KEPT_PHOTO_INSERT, args, ARRAY_LEN(args), NULL, e);
}

static void photo_read(struct row *row, void *ret_item)
{
    struct kept_photo *p = ret_item;
    db_col_copy(row->rows, "id", p->id, sizeof p->id);
    db_col_copy(row->rows, "job_id", p->job, sizeof p->job);
    p->created_at = db_col_int(row->rows, "created_at");
    p->kept_until = db_col_int(row->rows, "kept_until");
}

static void sealed_read(struct row *row, void *ret_item)
{
    struct kept_photo *p = ret_item;
    photo_read(row, ret_item);
    p->sealed = row_str(row, "sealed");
}

enum err kept_photo_list(struct db_cx *cx, struct arena *a, struct student_id student,
                         const char *after, int limit, struct kept_photo **ret_photos, int *ret_n,
                         struct error *e)
{
    const struct db_value args[] = {db_text(student.text), db_text(after), db_int(limit)};
    return rows_all(cx, Q_KEPT_PHOTO_LIST, args, ARRAY_LEN(args), a, photo_read,
                    sizeof(struct kept_photo), ret_photos, ret_n, e);
}

enum err kept_photo_get(struct db_cx *cx, struct arena *a, struct student_id student,
                        const char *id, struct kept_photo *ret_photo, struct error *e)
{
    const struct db_value args[] = {db_text(student.text), db_text(id)};
    struct kept_photo p = {0};
    enum err r = rows_one(cx, Q_KEPT_PHOTO_BY_ID, args, ARRAY_LEN(args), a, sealed_read, &p,
                          "such photo", e);
    if (r == ERR_OK)
        *ret_photo = p;
    return r;
}

enum err kept_photo_delete(struct db_cx *cx, struct student_id student, int64_t *ret_removed,
                           struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    return db_exec(cx, Q_KEPT_PHOTO_DELETE, args, 1, ret_removed, e);
}

enum err kept_photo_purge(struct db_cx *cx, usec_t now, int limit, int64_t *ret_removed,
                          struct error *e)
{
    const struct db_value args[] = {db_int(now), db_int(limit)};
    return db_exec(cx, Q_KEPT_PHOTO_PURGE, args, ARRAY_LEN(args), ret_removed, e);
}
