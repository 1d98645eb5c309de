/* Marks: see mark.h. SQL in sql/mark.sql. Inside db_tx or db_read, any thread.
 *
 * What makes a mark happen exactly once is the primary key (session, student): the insert does
 * nothing when a mark stands (but a written absence), and register event and outbox row follow only
 * when it did something, in the same transaction. Rows come before register events, always: whoever
 * holds a chain waits for no row. */
#include "store/mark.h"

#include "store/mark_row.h"

#include <stdio.h>

static const char *const event_words[MARK_EVENT_N] = {
#define X(code, word) [MARK_EVENT_##code] = word,
    MARK_EVENT_MAP(X)
#undef X
};

/* Written only on success of the whole; see mark_insert. */
static enum err mark_row_insert(struct db_cx *cx, const struct mark *m, usec_t now, bool *ret_made,
                                struct error *e)
{
    const struct db_value args[] = {
        db_text(m->session.text), db_text(m->student.text), db_text(m->frame.text),
        text_of(m->status),       text_of(m->source),       db_int(m->first_seen),
        db_int(m->last_seen),     text_of(m->receipt),      db_int(now),
    };
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false, more = false;
    enum err r = db_query(cx, Q_MARK_INSERT, args, ARRAY_LEN(args), &rows, e);
    if (!r)
        r = db_next(rows, &has, e);
    if (!r && has)
        r = db_next(rows, &more, e); /* foreign keys are checked at the end */
    if (!r)
        *ret_made = has;
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND,
                         "there is no such session, or no such student");
}

/* What the register keeps of a mark: enough to make the row again. The words and ids in it were
 * checked by the insert (CHECK constraints), the receipt is JSON already. */
enum err mark_payload(struct arena *a, const struct mark *m, const struct mark_entry *entry,
                      struct str *ret_payload, struct error *e)
{
    struct str reason = STR("{}"), receipt = m->receipt.n ? m->receipt : STR("null");
    char disputed[48] = "";
    enum err r = entry->reason.n ? mark_reason_print(a, entry, &reason, e) : ERR_OK;
    if (r)
        return r;
    if (m->disputed_at)
        snprintf(disputed, sizeof disputed, ",\"disputed_at\":%lld", (long long)m->disputed_at);
    char *text = arena_printf(a,
                              "{\"event\":\"%s\",%.*s%s\"status\":\"%.*s\",\"source\":\"%.*s\","
                              "\"frame\":\"%s\",\"first_seen\":%lld,\"last_seen\":%lld%s,"
                              "\"receipt\":%.*s}",
                              event_words[entry->what], (int)reason.n - 2, reason.p + 1,
                              reason.n > 2 ? "," : "", STR_ARGS(m->status), STR_ARGS(m->source),
                              m->frame.text, (long long)m->first_seen, (long long)m->last_seen,
                              disputed, STR_ARGS(receipt));
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for a mark");
    *ret_payload = str_from(text);
    return ERR_OK;
}

/* From the status to last_seen, and behind its digits, the payload must be what this mark would
 * give now. A text in JSON has no bare quote, so that the first "status" is the member. */
enum err mark_matches(struct arena *a, const struct mark *m, struct str payload, bool *ret_same,
                      struct error *e)
{
    static const char number[] = "-0123456789";
    const struct mark_entry entry = {.what = MARK_EVENT_SEEN};
    struct str now = STR("");
    enum err r = mark_payload(a, m, &entry, &now, e);
    if (r)
        return r;
    const char *status = memmem(now.p, now.n, "\"status\":", 9);
    const char *seen = (const char *)memmem(now.p, now.n, "\"last_seen\":", 12) + 12;
    const char *there = memmem(payload.p, payload.n, "\"status\":", 9);
    size_t left = there ? payload.n - (size_t)(there - payload.p) : 0;
    size_t head = (size_t)(seen - status), digits = strspn(seen, number);
    size_t tail = now.n - (size_t)(seen - now.p) - digits;
    *ret_same = left >= head + tail && memcmp(there, status, head) == 0 &&
                strspn(there + head, number) == left - head - tail &&
                memcmp(payload.p + payload.n - tail, seen + digits, tail) == 0;
    return ERR_OK;
}

enum err mark_record(struct db_cx *cx, struct arena *a, const struct mark *m,
                     const struct mark_entry *entry, const struct register_hasher *hasher,
                     struct outbox_event outbox, struct error *e)
{
    struct register_event event = {.chain = str_from(m->session.text),
                                   .at = entry->at,
                                   .actor = entry->actor,
                                   .student = str_from(m->student.text)};
    char outbox_id[ID_TEXT];
    enum err r = mark_payload(a, m, entry, &event.payload, e);
    if (!r)
        r = register_append(cx, &event, hasher, e);
    return r ? r : outbox_insert(cx, outbox, outbox_id, e);
}

enum err mark_insert(struct db_cx *cx, struct arena *a, const struct mark *m, struct str actor,
                     const struct register_hasher *hasher, struct outbox_event outbox,
                     enum mark_outcome *ret_outcome, struct mark *ret_existing, struct error *e)
{
    usec_t now = m->created_at ? m->created_at : time_utc();
    const struct mark_entry entry = {.what = MARK_EVENT_SEEN, .actor = actor, .at = now};
    struct mark existing = {0};
    bool made = false;
    enum err r = mark_row_insert(cx, m, now, &made, e);
    if (!r)
        r = made ? mark_record(cx, a, m, &entry, hasher, outbox, e)
                 : mark_get(cx, a, m->session, m->student, &existing, e);
    if (r)
        return r;
    bool same =
        !made && !id_is_empty(m->frame.text) && strcmp(existing.frame.text, m->frame.text) == 0;
    *ret_outcome = made ? MARK_MADE : same ? MARK_SAME_FRAME : MARK_STANDS;
    if (!made && ret_existing)
        *ret_existing = existing;
    return ERR_OK;
}

enum err mark_touch(struct db_cx *cx, struct session_id session, struct student_id student,
                    usec_t at, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(student.text), db_int(at)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_MARK_TOUCH, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_NOT_FOUND, "the student has no mark in this session");
    return r;
}

void mark_read(struct row *row, void *ret_item)
{
    struct mark *m = ret_item;
    db_col_copy(row->rows, "session_id", m->session.text, sizeof m->session.text);
    db_col_copy(row->rows, "student_id", m->student.text, sizeof m->student.text);
    m->student_external_id = row_str(row, "external_id");
    m->student_name = row_str(row, "name");
    db_col_copy(row->rows, "frame", m->frame.text, sizeof m->frame.text);
    m->status = row_str(row, "status");
    m->source = row_str(row, "source");
    m->first_seen = db_col_int(row->rows, "first_seen");
    m->last_seen = db_col_int(row->rows, "last_seen");
    m->receipt = row_str(row, "receipt");
    m->created_at = db_col_int(row->rows, "created_at");
    m->disputed_at = db_col_int(row->rows, "disputed_at");
}

enum err mark_list(struct db_cx *cx, struct arena *a, struct session_id session,
                   struct mark **ret_marks, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(session.text)};
    return rows_all(cx, Q_MARK_LIST, args, ARRAY_LEN(args), a, mark_read, sizeof(struct mark),
                    ret_marks, ret_n, e);
}

enum err mark_get(struct db_cx *cx, struct arena *a, struct session_id session,
                  struct student_id student, struct mark *ret_mark, struct error *e)
{
    const struct db_value args[] = {db_text(session.text), db_text(student.text)};
    struct mark m = {0};
    enum err r = rows_one(cx, Q_MARK_BY_STUDENT, args, ARRAY_LEN(args), a, mark_read, &m,
                          "mark of this student in this session", e);
    if (!r)
        *ret_mark = m;
    return r;
}
