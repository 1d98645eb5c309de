/* Consents: see consent.h. SQL in sql/consent.sql. Inside db_tx or db_read, any thread; one to
 * three statements a call. Invariant: at most one row a student and purpose is live and not
 * replaced (consent_one_live). */
#include "store/consent.h"

#include "store/rows.h"

const char *const consent_purposes[] = {
#define X(code, word) [CONSENT_##code] = word,
    CONSENT_PURPOSE_MAP(X)
#undef X
        NULL};

static enum consent_purpose purpose_of(struct str word)
{
    for (int i = 0; i < CONSENT_PURPOSE_N; i++)
        if (str_is(word, consent_purposes[i]))
            return (enum consent_purpose)i;
    return CONSENT_RECOGNITION; /* the table's CHECK allows no other word */
}

static void consent_read(struct row *row, void *ret_item)
{
    struct consent *c = ret_item;
    db_col_copy(row->rows, "id", c->id, sizeof c->id);
    db_col_copy(row->rows, "student_id", c->student.text, sizeof c->student.text);
    c->purpose = purpose_of(db_col_str(row->rows, "purpose"));
    c->text_version = row_str(row, "text_version");
    c->recorded_by = row_str(row, "recorded_by");
    c->given_at = db_col_int(row->rows, "given_at");
    c->expires_at = db_col_int(row->rows, "expires_at");
    c->withdrawn_at = db_col_int(row->rows, "withdrawn_at");
    db_col_copy(row->rows, "replaced_by", c->replaced_by, sizeof c->replaced_by);
    c->live = db_col_int(row->rows, "live") == 1;
}

struct consent_id {
    char text[ID_TEXT];
};

static void id_read(struct row *row, void *ret_item)
{
    struct consent_id *id = ret_item;
    db_col_copy(row->rows, "id", id->text, sizeof id->text);
}

/* ret_old is the consent that gives way; empty: there is none. */
static enum err supersede(struct db_cx *cx, const struct consent *c, struct consent_id *ret_old,
                          struct error *e)
{
    const struct db_value args[] = {db_text(c->student.text), db_text(consent_purposes[c->purpose]),
                                    db_text(c->id)};
    struct error none;
    enum err r = rows_one(cx, Q_CONSENT_SUPERSEDE, args, ARRAY_LEN(args), NULL, id_read, ret_old,
                          "consent", &none);
    if (r == ERR_NOT_FOUND)
        return ERR_OK;
    if (r && e)
        *e = none;
    return r;
}

enum err consent_insert(struct db_cx *cx, const struct consent *c, struct error *e)
{
    const struct db_value args[] = {
        db_text(c->id),           db_text(c->student.text), db_text(consent_purposes[c->purpose]),
        text_of(c->text_version), time_or_now(c->given_at), db_int(c->expires_at),
        text_of(c->recorded_by),
    };
    struct consent_id old = {0};
    enum err r = supersede(cx, c, &old, e);
    if (r == ERR_OK)
        r = db_exec(cx, Q_CONSENT_INSERT, args, ARRAY_LEN(args), NULL, e);
    r = error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND, "there is no such student");
    if (r || id_is_empty(old.text))
        return r;
    const struct db_value move[] = {db_text(old.text), db_text(c->id)};
    r = db_exec(cx, Q_CONSENT_TEMPLATES_MOVE, move, ARRAY_LEN(move), NULL, e);
    return r ? r : db_exec(cx, Q_CONSENT_END_REPLACED, move, 1, NULL, e);
}

enum err consent_get(struct db_cx *cx, struct arena *a, struct student_id student, const char *id,
                     struct consent *ret_consent, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_text(student.text)};
    struct consent c = {0};
    enum err r = rows_one(cx, Q_CONSENT_BY_ID, args, ARRAY_LEN(args), a, consent_read, &c,
                          "such consent of this student", e);
    if (!r)
        *ret_consent = c;
    return r;
}

enum err consent_list(struct db_cx *cx, struct arena *a, struct student_id student,
                      const char *after, int limit, struct consent **ret_consents, int *ret_n,
                      struct error *e)
{
    const struct db_value args[] = {db_text(student.text), db_text(after), db_int(limit)};
    return rows_all(cx, Q_CONSENT_LIST, args, ARRAY_LEN(args), a, consent_read,
                    sizeof(struct consent), ret_consents, ret_n, e);
}

enum err consent_hold(struct db_cx *cx, struct student_id student, enum consent_purpose purpose,
                      usec_t now, char *ret_id, struct error *e)
{
    const struct db_value args[] = {db_text(student.text), db_text(consent_purposes[purpose]),
                                    db_int(now)};
    struct consent_id id = {0};
    enum err r =
        rows_one(cx, Q_CONSENT_HOLD, args, ARRAY_LEN(args), NULL, id_read, &id, "live consent", e);
    if (r == ERR_NOT_FOUND)
        return error_set(e, ERR_CONFLICT,
                         "the student has no live consent to '%s': record it first (POST "
                         "/v1/students/{id}/consents, or rollcall enroll --consent TEXT_VERSION)",
                         consent_purposes[purpose]);
    if (r == ERR_OK && ret_id)
        memcpy(ret_id, id.text, ID_TEXT);
    return r;
}

enum err consent_withdraw(struct db_cx *cx, struct student_id student, const char *id, usec_t now,
                          struct error *e)
{
    const struct db_value args[] = {db_text(id), db_text(student.text), db_int(now)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_CONSENT_WITHDRAW, args, ARRAY_LEN(args), &changed, e);
    if (r == ERR_CONFLICT)
        return error_set(e, ERR_CONFLICT, "templates stand on this consent: remove them first");
    if (r || changed)
        return r;
    struct consent ended;
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * KIB);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to read a consent");
    r = consent_get(cx, a, student, id, &ended, e);
    return r ? r
             : error_set(e, ERR_CONFLICT, "this consent has ended already (%s)",
                         ended.withdrawn_at ? "withdrawn" : "replaced by a newer one");
}

enum err consent_expired(struct db_cx *cx, struct arena *a, usec_t now, int limit,
                         struct consent **ret_consents, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_int(now), db_int(limit)};
    return rows_all(cx, Q_CONSENT_EXPIRED, args, ARRAY_LEN(args), a, consent_read,
                    sizeof(struct consent), ret_consents, ret_n, e);
}

enum err consent_delete(struct db_cx *cx, struct student_id student, struct error *e)
{
    const struct db_value args[] = {db_text(student.text)};
    return db_exec(cx, Q_CONSENT_DELETE, args, 1, NULL, e);
}
