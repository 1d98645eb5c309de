/* The register's chains and the outbox: the lower half of mark.h. SQL in sql/mark.sql.
 *
 * A chain is append-only; its next event is computed from the last one inside the transaction that
 * inserts it. SQLite has one writer; elsewhere register_lock makes appends of one chain wait for
 * each other. Cost of an append: one look-up at the end of the chain, one insert. */
#include "store/mark.h"
#include "store/rows.h"

#include <stdio.h>

static void hash_copy(struct db_rows *rows, const char *name, uint8_t ret_hash[CHAIN_HASH_BYTES])
{
    struct str s = db_col_str(rows, name);
    if (s.n == CHAIN_HASH_BYTES)
        memcpy(ret_hash, s.p, CHAIN_HASH_BYTES);
}

/* Fills seq and prev_hash: behind the last event, or the first of a new chain. */
static enum err chain_follow(struct db_cx *cx, struct register_event *event, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    const struct db_value args[] = {text_of(event->chain)};
    bool has = false;
    enum err r = db_exec(cx, Q_REGISTER_LOCK, args, 1, NULL, e);
    if (!r)
        r = db_query(cx, Q_REGISTER_LAST, args, 1, &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (r)
        return r;
    event->seq = 1;
    memset(event->prev_hash, 0, sizeof event->prev_hash);
    if (has) {
        event->seq = db_col_int(rows, "seq") + 1;
        hash_copy(rows, "hash", event->prev_hash);
    }
    return ERR_OK;
}

static struct db_value hash_value(const uint8_t hash[CHAIN_HASH_BYTES])
{
    return db_blob((struct str){(const char *)hash, CHAIN_HASH_BYTES});
}

enum err register_append(struct db_cx *cx, struct register_event *event,
                         const struct register_hasher *hasher, struct error *e)
{
    enum err r = chain_follow(cx, event, e);
    if (r)
        return r;
    hasher->fn(hasher->ctx, event, event->hash);
    const struct db_value args[] = {
        text_of(event->chain),   db_int(event->seq),      hash_value(event->prev_hash),
        hash_value(event->hash), text_of(event->actor),   db_int(event->at),
        text_of(event->student), text_of(event->payload),
    };
    r = db_exec(cx, Q_REGISTER_INSERT, args, ARRAY_LEN(args), NULL, e);
    if (r)
        return r;
    struct register_head head = {.seq = event->seq};
    snprintf(head.chain, sizeof head.chain, "%.*s", STR_ARGS(event->chain));
    memcpy(head.hash, event->hash, sizeof head.hash);
    return db_note_newest(cx, (struct str){(const char *)&head, sizeof head}, sizeof head.chain, e);
}

static void event_read(struct row *row, void *ret_item)
{
    struct register_event *event = ret_item;
    event->chain = row_str(row, "chain");
    event->seq = db_col_int(row->rows, "seq");
    hash_copy(row->rows, "prev_hash", event->prev_hash);
    hash_copy(row->rows, "hash", event->hash);
    event->actor = row_str(row, "actor");
    event->at = db_col_int(row->rows, "at");
    event->student = row_str(row, "student");
    event->payload = row_str(row, "payload");
}

enum err register_each(struct db_cx *cx, register_fn fn, void *ctx, struct error *e)
{
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    enum err r = db_query(cx, Q_REGISTER_EACH, NULL, 0, &rows, e);
    for (;;) {
        bool has = false;
        if (!r)
            r = db_next(rows, &has, e);
        if (r || !has)
            return r;
        struct register_event event = {
            .chain = db_col_str(rows, "chain"),
            .seq = db_col_int(rows, "seq"),
            .actor = db_col_str(rows, "actor"),
            .at = db_col_int(rows, "at"),
            .student = db_col_str(rows, "student"),
            .payload = db_col_str(rows, "payload"),
        };
        hash_copy(rows, "prev_hash", event.prev_hash);
        hash_copy(rows, "hash", event.hash);
        r = fn(ctx, &event, e);
    }
}

enum err register_list(struct db_cx *cx, struct arena *a, struct str chain,
                       struct register_event **ret_events, int *ret_n, struct error *e)
{
    const struct db_value args[] = {text_of(chain)};
    return rows_all(cx, Q_REGISTER_LIST, args, ARRAY_LEN(args), a, event_read,
                    sizeof(struct register_event), ret_events, ret_n, e);
}

enum err register_of_student(struct db_cx *cx, struct arena *a, struct str chain,
                             struct student_id student, struct register_event **ret_events,
                             int *ret_n, struct error *e)
{
    const struct db_value args[] = {text_of(chain), db_text(student.text)};
    return rows_all(cx, Q_REGISTER_OF_STUDENT, args, ARRAY_LEN(args), a, event_read,
                    sizeof(struct register_event), ret_events, ret_n, e);
}

enum err outbox_insert(struct db_cx *cx, struct outbox_event event, char ret_id[static ID_TEXT],
                       struct error *e)
{
    char id[ID_TEXT];
    id_new(id);
    const struct db_value args[] = {db_text(id), text_of(event.topic), text_of(event.payload),
                                    db_int(time_utc())};
    enum err r = db_exec(cx, Q_OUTBOX_INSERT, args, ARRAY_LEN(args), NULL, e);
    if (!r)
        memcpy(ret_id, id, ID_TEXT);
    return r;
}

static void outbox_read(struct row *row, void *ret_item)
{
    struct outbox_row *item = ret_item;
    db_col_copy(row->rows, "id", item->id, sizeof item->id);
    item->topic = row_str(row, "topic");
    item->payload = row_str(row, "payload");
    item->created_at = db_col_int(row->rows, "created_at");
}

enum err outbox_list(struct db_cx *cx, struct arena *a, usec_t before, int limit,
                     struct outbox_row **ret_rows, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_int(before), db_int(limit)};
    return rows_all(cx, Q_OUTBOX_LIST, args, ARRAY_LEN(args), a, outbox_read,
                    sizeof(struct outbox_row), ret_rows, ret_n, e);
}

enum err outbox_delete(struct db_cx *cx, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    return db_exec(cx, Q_OUTBOX_DELETE, args, ARRAY_LEN(args), NULL, e);
}
