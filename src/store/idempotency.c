/* Kept answers: see idempotency.h. SQL in sql/idempotency.sql. Inside db_tx, any thread. Invariant:
 * only the statement that inserts or takes over a row makes a claim, so of two requests at once one
 * has it. */
#include "store/idempotency.h"

#include "store/rows.h"

static struct db_value hash_value(const struct idempotency *row)
{
    return db_blob((struct str){(const char *)row->request, sizeof row->request});
}

static void idempotency_read(struct row *row, void *ret_item)
{
    struct idempotency *i = ret_item;
    struct str request = db_col_str(row->rows, "request");
    if (request.n == sizeof i->request)
        memcpy(i->request, request.p, sizeof i->request);
    i->status = db_col_int(row->rows, "status");
    i->answer = row_str(row, "answer");
    i->claimed_at = db_col_int(row->rows, "claimed_at");
}

enum err idempotency_claim(struct db_cx *cx, struct arena *a, const struct idempotency *row,
                           struct idempotency *ret_stored, bool *ret_claimed, struct error *e)
{
    const struct db_value args[] = {
        text_of(row->principal),
        text_of(row->name),
        hash_value(row),
        db_int(row->claimed_at),
        db_int(row->claimed_at - IDEMPOTENCY_KEPT),
        db_int(row->claimed_at - IDEMPOTENCY_CLAIM),
        blob_of(STR("")),
    };
    struct idempotency stored = {0};
    int64_t at;
    bool has = false;
    enum err r =
        rows_int(cx, Q_IDEMPOTENCY_CLAIM, args, ARRAY_LEN(args), "claimed_at", &at, &has, e);
    if (!r && !has)
        r = rows_one(cx, Q_IDEMPOTENCY_GET, args, 2, a, idempotency_read, &stored,
                     "answer for this key", e);
    if (r)
        return r;
    *ret_claimed = has;
    *ret_stored = stored;
    return ERR_OK;
}

enum err idempotency_finish(struct db_cx *cx, const struct idempotency *row, struct error *e)
{
    const struct db_value args[] = {text_of(row->principal), text_of(row->name),
                                    db_int(row->claimed_at), db_int(row->status),
                                    blob_of(row->answer)};
    return db_exec(cx, Q_IDEMPOTENCY_FINISH, args, ARRAY_LEN(args), NULL, e);
}

enum err idempotency_release(struct db_cx *cx, const struct idempotency *row, struct error *e)
{
    const struct db_value args[] = {text_of(row->principal), text_of(row->name),
                                    db_int(row->claimed_at)};
    return db_exec(cx, Q_IDEMPOTENCY_RELEASE, args, ARRAY_LEN(args), NULL, e);
}

enum err idempotency_purge(struct db_cx *cx, usec_t before, int64_t *ret_removed, struct error *e)
{
    const struct db_value args[] = {db_int(before)};
    return db_exec(cx, Q_IDEMPOTENCY_PURGE, args, 1, ret_removed, e);
}
