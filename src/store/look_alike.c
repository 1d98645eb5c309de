/* Look-alikes: see look_alike.h. SQL in sql/look_alike.sql. The version is a row of `setting`,
 * changed in the transaction that changes pairs, so no reader can keep older pairs under it. */
#include "store/look_alike.h"

#include "store/rows.h"

#include <stdio.h>
#include <stdlib.h>

enum { LAYOUT = 1 }; /* grows when struct look_alike_pair changes */

static enum err version_get(struct db_cx *cx, int64_t *ret_version, struct error *e)
{
    bool has = false;
    int64_t version = 0;
    enum err r = rows_int(cx, Q_LOOK_ALIKE_VERSION, NULL, 0, "version", &version, &has, e);
    if (!r)
        *ret_version = has ? version : 0;
    return r;
}

static enum err version_bump(struct db_cx *cx, int64_t *ret_version, struct error *e)
{
    const struct db_value args[] = {db_int(time_utc())};
    enum err r = db_exec(cx, Q_LOOK_ALIKE_VERSION_BUMP, args, 1, NULL, e);
    return r ? r : version_get(cx, ret_version, e);
}

static enum err put(struct db_cx *cx, const struct look_alike_of *of, struct student_id x,
                    struct student_id y, double score, usec_t now, struct error *e)
{
    char id[ID_TEXT];
    bool rising = strcmp(x.text, y.text) < 0;
    id_new(id);
    const struct db_value args[] = {
        db_text(id),          db_text(rising ? x.text : y.text), db_text(rising ? y.text : x.text),
        text_of(of->encoder), text_of(of->preprocessing),        db_real(score),
        db_int(now),
    };
    enum err r = db_exec(cx, Q_LOOK_ALIKE_PUT, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND, "a student of the pair is gone");
}

enum err look_alike_replace(struct db_cx *cx, const struct look_alike_of *of,
                            struct student_id student, const struct student_id *others,
                            const double *scores, int n, int64_t *ret_version, struct error *e)
{
    usec_t now = time_utc();
    enum err r = ERR_OK;
    for (int i = 0; !r && i < n; i++)
        r = put(cx, of, student, others[i], scores[i], now, e);
    const struct db_value args[] = {db_text(student.text), text_of(of->encoder),
                                    text_of(of->preprocessing), db_int(now)};
    if (!r)
        r = db_exec(cx, Q_LOOK_ALIKE_DELETE_OLDER, args, ARRAY_LEN(args), NULL, e);
    return r ? r : version_bump(cx, ret_version, e);
}

enum err look_alike_delete(struct db_cx *cx, struct student_id student, int64_t *ret_version,
                           struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_LOOK_ALIKE_DELETE, args, 1, &removed, e);
    if (r)
        return r;
    return removed ? version_bump(cx, ret_version, e) : version_get(cx, ret_version, e);
}

static void read_pair(struct row *row, void *ret_item)
{
    struct look_alike *l = ret_item;
    db_col_copy(row->rows, "id", l->id, sizeof l->id);
    db_col_copy(row->rows, "a", l->a.text, sizeof l->a.text);
    db_col_copy(row->rows, "b", l->b.text, sizeof l->b.text);
    l->score = db_col_real(row->rows, "score");
    l->a_external_id = row_str(row, "a_external_id");
    l->a_name = row_str(row, "a_name");
    l->b_external_id = row_str(row, "b_external_id");
    l->b_name = row_str(row, "b_name");
    l->created_at = db_col_int(row->rows, "created_at");
    l->updated_at = db_col_int(row->rows, "updated_at");
}

enum err look_alike_list(struct db_cx *cx, struct arena *a, const struct look_alike_of *of,
                         struct student_id student, const char *after, int limit,
                         struct look_alike **ret_pairs, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(student.text), text_of(of->encoder),
                                    text_of(of->preprocessing), db_text(after ? after : ""),
                                    db_int(limit)};
    return rows_all(cx, Q_LOOK_ALIKE_LIST, args, ARRAY_LEN(args), a, read_pair,
                    sizeof(struct look_alike), ret_pairs, ret_n, e);
}

void look_alike_key(const struct look_alike_of *of, char ret_key[static LOOK_ALIKE_KEY])
{
    snprintf(ret_key, LOOK_ALIKE_KEY, "look_alike%d:%.*s:%.*s", LAYOUT, STR_ARGS(of->encoder),
             STR_ARGS(of->preprocessing));
}

struct load_ctx {
    const struct look_alike_source *from;
    struct arena *a;
    struct look_alike_pair *pairs;
    int n;
    int64_t version;
};

static void read_ids(struct row *row, void *ret_item)
{
    struct look_alike_pair *p = ret_item;
    db_col_copy(row->rows, "a", p->a.text, sizeof p->a.text);
    db_col_copy(row->rows, "b", p->b.text, sizeof p->b.text);
}

static enum err load_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct load_ctx *l = ctx;
    const struct db_value args[] = {text_of(l->from->of.encoder),
                                    text_of(l->from->of.preprocessing)};
    enum err r = rows_all(cx, Q_LOOK_ALIKE_IDS, args, ARRAY_LEN(args), l->a, read_ids,
                          sizeof *l->pairs, &l->pairs, &l->n, e);
    return r ? r : version_get(cx, &l->version, e);
}

enum err look_alike_load(void *ctx, struct arena *a, int64_t *ret_version, struct str *ret_bytes,
                         struct error *e)
{
    struct load_ctx l = {.from = ctx, .a = a};
    enum err r = db_read(l.from->db, load_fn, &l, e);
    if (r)
        return r;
    *ret_version = l.version;
    *ret_bytes = (struct str){l.pairs ? (const char *)l.pairs : "", (size_t)l.n * sizeof *l.pairs};
    return ERR_OK;
}

static int by_pair(const void *p, const void *q)
{
    const struct look_alike_pair *x = p, *y = q;
    int order = strcmp(x->a.text, y->a.text);
    return order ? order : strcmp(x->b.text, y->b.text);
}

bool look_alike_has(struct str bytes, struct student_id x, struct student_id y)
{
    bool rising = strcmp(x.text, y.text) < 0;
    const struct look_alike_pair wanted = {.a = rising ? x : y, .b = rising ? y : x};
    size_t n = bytes.n / sizeof wanted;
    return n && bsearch(&wanted, bytes.p, n, sizeof wanted, by_pair);
}
