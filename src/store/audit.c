/* The audit trail: see audit.h. SQL in sql/audit.sql. Inside db_tx or db_read, any thread. A list
 * is one range of the primary key, because the ids begin with the time (RFC 9562 section 5.7). */
#include "store/audit.h"

#include "store/rows.h"

#include <stdio.h>

/* The smallest UUIDv7 of this time. */
static void id_floor(usec_t at, char text[static ID_TEXT])
{
    uint64_t ms = (uint64_t)(at > 0 ? at / USEC_PER_MSEC : 0);
    snprintf(text, ID_TEXT, "%08x-%04x-7000-8000-000000000000", (unsigned)(ms >> 16 & 0xffffffffu),
             (unsigned)(ms & 0xffff));
}

enum err audit_insert(struct db_cx *cx, const struct audit *row, struct error *e)
{
    char id[ID_TEXT];
    memcpy(id, row->id, sizeof id);
    if (!id[0])
        id_new(id);
    const struct db_value args[] = {
        db_text(id),           time_or_now(row->at),
        text_of(row->actor),   text_of(row->actor_kind),
        text_of(row->action),  text_of(row->subject_kind),
        text_of(row->subject), db_int(row->status),
        text_of(row->address), text_of(row->request),
        text_of(row->detail),
    };
    return db_exec(cx, Q_AUDIT_INSERT, args, ARRAY_LEN(args), NULL, e);
}

static void audit_read(struct row *row, void *ret_item)
{
    struct audit *a = ret_item;
    db_col_copy(row->rows, "id", a->id, sizeof a->id);
    a->at = db_col_int(row->rows, "at");
    a->actor = row_str(row, "actor");
    a->actor_kind = row_str(row, "actor_kind");
    a->action = row_str(row, "action");
    a->subject_kind = row_str(row, "subject_kind");
    a->subject = row_str(row, "subject");
    a->status = db_col_int(row->rows, "status");
    a->address = row_str(row, "address");
    a->request = row_str(row, "request");
    a->detail = row_str(row, "detail");
}

enum err audit_list(struct db_cx *cx, struct arena *a, const struct audit_filter *f,
                    struct audit **ret_rows, int *ret_n, struct error *e)
{
    char below[ID_TEXT] = "g", from[ID_TEXT] = ""; /* "g" is behind every hexadecimal digit */
    if (f->to)
        id_floor(f->to, below);
    if (f->before[0] && strcmp(f->before, below) < 0)
        memcpy(below, f->before, sizeof below);
    if (f->from)
        id_floor(f->from, from);
    const struct db_value args[] = {db_text(below),     db_text(from),       text_of(f->actor),
                                    text_of(f->action), text_of(f->subject), db_int(f->limit)};
    return rows_all(cx, Q_AUDIT_LIST, args, ARRAY_LEN(args), a, audit_read, sizeof(struct audit),
                    ret_rows, ret_n, e);
}

enum err audit_purge(struct db_cx *cx, usec_t before, int64_t *ret_removed, struct error *e)
{
    char floor[ID_TEXT];
    id_floor(before, floor);
    const struct db_value args[] = {db_text(floor)};
    return db_exec(cx, Q_AUDIT_PURGE, args, 1, ret_removed, e);
}
