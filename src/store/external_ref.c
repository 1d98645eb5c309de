/* How other systems name students and courses: see external_ref.h. SQL in sql/external_ref.sql. */
#include "store/external_ref.h"

#include "store/rows.h"

enum err external_ref_each(struct db_cx *cx, struct str system, external_ref_fn fn, void *ctx,
                           struct error *e)
{
    const struct db_value args[] = {text_of(system)};
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, Q_EXTERNAL_REF_EACH, args, ARRAY_LEN(args), &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    while (!r && has) {
        struct external_ref ref = {
            .kind = str_is(db_col_str(rows, "kind"), "course") ? EXTERNAL_COURSE : EXTERNAL_STUDENT,
            .external = db_col_str(rows, "external")};
        db_col_copy(rows, "id", ref.id, sizeof ref.id);
        r = fn(ctx, &ref, e);
        if (!r)
            r = db_next(rows, &has, e);
    }
    return r;
}

enum err external_ref_put(struct db_cx *cx, struct str system, const struct external_ref *ref,
                          usec_t at, struct error *e)
{
    static const enum query queries[EXTERNAL_KIND_N] = {
        [EXTERNAL_STUDENT] = Q_EXTERNAL_REF_PUT_STUDENT,
        [EXTERNAL_COURSE] = Q_EXTERNAL_REF_PUT_COURSE,
    };
    const struct db_value args[] = {text_of(system), text_of(ref->external), db_text(ref->id),
                                    db_int(at)};
    return db_exec(cx, queries[ref->kind], args, ARRAY_LEN(args), NULL, e);
}
