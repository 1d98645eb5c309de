/* Erasure: see erasure.h. SQL in sql/erasure.sql. Inside db_tx, any thread; half a dozen
 * statements. Locks are taken in the order of the worker that enrols, job before consent; what an
 * upload adds before it lets the consent go is ended by the second round. */
#include "store/erasure.h"

#include "store/look_alike.h"
#include "store/rows.h"
#include "store/template.h"

static enum err jobs_end(struct db_cx *cx, struct student_id student, usec_t now, struct error *e)
{
    const struct db_value args[] = {
        db_text(student.text), db_text("the student's face was erased meanwhile"), db_int(now)};
    return db_exec(cx, Q_ERASURE_JOBS_END, args, ARRAY_LEN(args), NULL, e);
}

enum err erasure_face(struct db_cx *cx, struct student_id student, usec_t now,
                      struct erasure_counts *ret_counts, struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    struct erasure_counts counts = {0};
    int64_t version; /* workers find the pairs gone when their gallery forgets the student */
    enum err r = jobs_end(cx, student, now, e);
    if (r == ERR_OK)
        r = db_exec(cx, Q_CONSENT_LOCK, args, 1, NULL, e);
    if (r == ERR_OK)
        r = jobs_end(cx, student, now, e);
    if (r == ERR_OK)
        r = db_exec(cx, Q_ERASURE_PHOTOS_EMPTY, args, 1, &counts.photos, e);
    if (r == ERR_OK)
        r = template_delete(cx, student, &counts.templates, e);
    if (r == ERR_OK)
        r = look_alike_delete(cx, student, &version, e);
    if (r == ERR_OK)
        *ret_counts = counts;
    return r;
}
