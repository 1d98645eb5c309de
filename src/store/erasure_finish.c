/* Erasures that a crash cut short: the key is destroyed, and rows are still there. The lower half
 * of erasure.h; the scheduler's thread. Destroyed keys are read a page at a time; whoever has rows
 * left is erased as the request would have done it. Invariant: the key is looked for after the rows
 * were seen. Keys are made before what they seal, so rows without one can never be read again. */
#include "store/erasure.h"

#include "store/rows.h"

#include <string.h>

enum { PAGE = 256 };

struct left {
    struct student_id student;
    char consent[ID_TEXT];
    int64_t erased_at, rows;
};

struct finish {
    const struct erasure_env *env;
    struct arena *page, *a;
    enum key_purpose purpose;
    usec_t before;
    struct student_id *keys, *done; /* done [limit] */
    struct left *left;              /* of the page */
    int limit, n_keys, n_left, n_done;
};

static void left_read(struct row *row, void *ret_item)
{
    struct left *l = ret_item;
    l->erased_at = db_col_int(row->rows, "erased_at");
    l->rows = db_col_int(row->rows, "n");
    db_col_copy(row->rows, "consent_id", l->consent, sizeof l->consent);
}

static enum err left_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct finish *f = ctx;
    f->n_left = 0;
    for (int i = 0; i < f->n_keys; i++) {
        const struct db_value args[] = {db_text(f->keys[i].text)};
        struct left *list, *l = &f->left[f->n_left];
        int n = 0;
        enum err r =
            rows_all(cx, Q_ERASURE_LEFT, args, 1, f->page, left_read, sizeof *list, &list, &n, e);
        if (r)
            return r;
        if (!n)
            continue; /* the row is gone */
        *l = list[0];
        l->student = f->keys[i];
        bool face = f->purpose == KEY_FACE && l->rows && l->consent[0];
        f->n_left += face || (f->purpose == KEY_RECORD && !l->erased_at);
    }
    return ERR_OK;
}

static enum err finish_one(struct finish *f, const struct left *l, struct error *e)
{
    const struct str actor = STR("scheduler");
    struct erasure ignored;
    struct seal_key key;
    struct error missing;
    enum err r = keystore_get(f->env->keystore, l->student, f->purpose, &key, &missing);
    explicit_bzero(&key, sizeof key);
    if (r != ERR_NOT_FOUND) {
        if (r && e)
            *e = missing;
        return r;
    }
    r = f->purpose == KEY_RECORD ? erasure_student(f->env, f->a, l->student, actor, &ignored, e)
                                 : erasure_withdraw(f->env, f->a, l->student, l->consent,
                                                    "consent_withdrawn", actor, &ignored, e);
    if (r == ERR_CONFLICT || r == ERR_NOT_FOUND)
        return ERR_OK; /* somebody was faster */
    if (r == ERR_OK)
        f->done[f->n_done++] = l->student;
    return r;
}

/* One purpose; ends early when `limit` are done. */
static enum err finish_purpose(struct finish *f, struct error *e)
{
    struct student_id after = {.text = ""};
    enum err r;
    do {
        arena_reset(f->page);
        f->left = arena_array(f->page, PAGE, sizeof *f->left);
        if (!f->left)
            return error_set(e, ERR_NOMEM, "no memory to finish erasures");
        r = keystore_destroyed(f->env->keystore, f->page, f->purpose, f->before, after, PAGE,
                               &f->keys, &f->n_keys, e);
        if (r == ERR_OK)
            r = db_read(f->env->db, left_fn, f, e);
        for (int i = 0; r == ERR_OK && i < f->n_left && f->n_done < f->limit; i++)
            r = finish_one(f, &f->left[i], e);
        if (r == ERR_OK && f->n_keys)
            after = f->keys[f->n_keys - 1];
    } while (r == ERR_OK && f->n_keys == PAGE && f->n_done < f->limit);
    return r;
}

enum err erasure_finish(const struct erasure_env *env, struct arena *a, usec_t before, int limit,
                        struct student_id **ret_students, int *ret_n, struct error *e)
{
    _cleanup_(arena_freep) struct arena *page = arena_new(MIB);
    struct finish f = {.env = env, .page = page, .a = a, .before = before, .limit = limit};
    f.done = arena_array(a, (size_t)limit, sizeof *f.done);
    if (!page || !f.done)
        return error_set(e, ERR_NOMEM, "no memory to finish erasures");
    f.purpose = KEY_RECORD; /* a student who goes takes the face along */
    enum err r = finish_purpose(&f, e);
    f.purpose = KEY_FACE;
    if (r == ERR_OK)
        r = finish_purpose(&f, e);
    if (r)
        return r;
    *ret_students = f.done;
    *ret_n = f.n_done;
    return ERR_OK;
}
