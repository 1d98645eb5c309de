/* Erasure: see erasure.h. SQL in sql/erasure.sql. Inside db_tx, any thread; half a dozen
 * statements. Locks are taken in the order of the worker that enrols, job before consent; what an
 * upload adds before it lets the consent go is ended by the second round. */
#include "store/erasure.h"

#include "store/consent.h"
#include "store/kept_photo.h"
#include "store/look_alike.h"
#include "store/rows.h"
#include "store/student.h"
#include "store/template.h"

#include <stdio.h>

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
        r = kept_photo_delete(cx, student, &counts.kept, e);
    if (r == ERR_OK)
        r = template_delete(cx, student, &counts.templates, e);
    if (r == ERR_OK)
        r = look_alike_delete(cx, student, &version, e);
    if (r == ERR_OK)
        r = db_exec(cx, Q_ERASURE_SCORES_CLEAR, args, 1, NULL, e);
    if (r == ERR_OK)
        *ret_counts = counts;
    return r;
}

/* ---- receipts */

/* One erasure under way. */
struct work {
    const struct erasure_env *env;
    struct arena *a;
    struct student_id student;
    const char *consent; /* NULL: the student goes */
    const char *scope, *reason;
    struct str actor;
    struct key_end ends[KEY_PURPOSE_N];
    struct consent found;
    struct student person;
    struct erasure_counts counts;
    int64_t marks;
    struct erasure *result; /* of the caller */
};

static char *key_line(struct work *w, enum key_purpose p)
{
    char when[TIME_TEXT];
    const struct key_end *end = &w->ends[p];
    if (!end->fingerprint[0])
        return arena_printf(w->a, "key %s: there was none\n", key_purpose_name(p));
    time_format_iso(end->destroyed_at, when);
    return arena_printf(w->a, "key %s: %s destroyed %s\n", key_purpose_name(p), end->fingerprint,
                        when);
}

/* The text that is signed; its first line is its purpose (base/sign.h). */
static enum err receipt_make(struct work *w, usec_t now, struct error *e)
{
    struct erasure *r = w->result;
    char when[TIME_TEXT], signature[SIGN_TEXT], key[SIGN_PUBLIC_TEXT];
    time_format_iso(now, when);
    id_new(r->id);
    const char *face = key_line(w, KEY_FACE);
    const char *record = w->consent ? "" : key_line(w, KEY_RECORD);
    char *text = arena_printf(
        w->a,
        "Rollcall receipt of an erasure, 1\nid: %s\nstudent: %s\nscope: %s\nreason: %s\nat: %s\n"
        "templates removed: %lld\nwaiting photos removed: %lld\nkept photos removed: %lld\n"
        "marks kept without a name: %lld\n%s%s",
        r->id, w->student.text, w->scope, w->reason, when, (long long)w->counts.templates,
        (long long)w->counts.photos, (long long)w->counts.kept,
        (long long)(w->consent ? 0 : w->marks), face ? face : "", record ? record : "");
    if (!text || !face || !record)
        return error_set(e, ERR_NOMEM, "no memory for a receipt");
    sign_text(w->env->key, str_from(text), signature);
    sign_public_text(w->env->key, key);
    const char *signature_copy = arena_strdup(w->a, str_from(signature));
    const char *key_copy = arena_strdup(w->a, str_from(key));
    if (!signature_copy || !key_copy)
        return error_set(e, ERR_NOMEM, "no memory for a receipt");
    r->student = w->student;
    r->scope = str_from(w->scope);
    r->reason = str_from(w->reason);
    r->at = now;
    r->statement = str_from(text);
    r->signature = str_from(signature_copy);
    r->public_key = str_from(key_copy);
    return ERR_OK;
}

static enum err receipt_store(struct db_cx *cx, struct work *w, usec_t now, struct error *e)
{
    const struct erasure *r = w->result;
    enum err err = receipt_make(w, now, e);
    if (err)
        return err;
    const struct db_value args[] = {
        db_text(r->id), db_text(r->student.text), text_of(r->scope),     text_of(r->reason),
        db_int(r->at),  text_of(r->statement),    text_of(r->signature), text_of(r->public_key),
    };
    err = db_exec(cx, Q_ERASURE_INSERT, args, ARRAY_LEN(args), NULL, e);
    const char *payload = arena_printf(
        w->a, "{\"event\":\"erasure\",\"erasure\":\"%s\",\"scope\":\"%s\",\"reason\":\"%s\"}",
        r->id, w->scope, w->reason);
    if (!payload)
        return error_set(e, ERR_NOMEM, "no memory for an event");
    struct register_event event = {.chain = STR("admin"),
                                   .at = now,
                                   .actor = w->actor,
                                   .student = str_from(w->student.text),
                                   .payload = str_from(payload)};
    return err ? err : register_append(cx, &event, w->env->hasher, e);
}

static void erasure_read(struct row *row, void *ret_item)
{
    struct erasure *r = ret_item;
    db_col_copy(row->rows, "id", r->id, sizeof r->id);
    db_col_copy(row->rows, "student_id", r->student.text, sizeof r->student.text);
    r->scope = row_str(row, "scope");
    r->reason = row_str(row, "reason");
    r->at = db_col_int(row->rows, "at");
    r->statement = row_str(row, "statement");
    r->signature = row_str(row, "signature");
    r->public_key = row_str(row, "public_key");
}

enum err erasure_get(struct db_cx *cx, struct arena *a, const char *id, struct erasure *ret_erasure,
                     struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    struct erasure r = {0};
    enum err err = rows_one(cx, Q_ERASURE_BY_ID, args, 1, a, erasure_read, &r, "such erasure", e);
    if (!err)
        *ret_erasure = r;
    return err;
}

enum err erasure_list(struct db_cx *cx, struct arena *a, struct student_id student,
                      const char *before, int limit, struct erasure **ret_erasures, int *ret_n,
                      struct error *e)
{
    const struct db_value args[] = {db_text(student.text), db_text(before), db_int(limit)};
    return rows_all(cx, Q_ERASURE_LIST, args, ARRAY_LEN(args), a, erasure_read,
                    sizeof(struct erasure), ret_erasures, ret_n, e);
}

/* ---- the end of a consent */

static enum err consent_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct work *w = ctx;
    enum err r = consent_get(cx, w->a, w->student, w->consent, &w->found, e);
    if (r == ERR_OK && !w->found.live)
        r = error_set(e, ERR_CONFLICT, "this consent has ended already (%s)",
                      w->found.withdrawn_at ? "withdrawn" : "replaced by a newer one");
    return r;
}

static enum err withdraw_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct work *w = ctx;
    usec_t now = time_utc();
    bool face = w->found.purpose == CONSENT_RECOGNITION;
    enum err r = face ? erasure_face(cx, w->student, now, &w->counts, e) : ERR_OK;
    if (r == ERR_OK)
        r = consent_withdraw(cx, w->student, w->consent, now, e);
    if (r == ERR_OK && w->found.purpose == CONSENT_PHOTOS)
        r = kept_photo_delete(cx, w->student, &w->counts.kept, e);
    return r || !face ? r : receipt_store(cx, w, now, e);
}

enum err erasure_withdraw(const struct erasure_env *env, struct arena *a, struct student_id student,
                          const char *consent, const char *reason, struct str actor,
                          struct erasure *ret_erasure, struct error *e)
{
    struct erasure result = {.id = ""};
    struct work w = {.env = env,
                     .a = a,
                     .student = student,
                     .consent = consent,
                     .scope = "face",
                     .reason = reason,
                     .actor = actor,
                     .result = &result};
    enum err r = db_read(env->db, consent_fn, &w, e);
    if (r == ERR_OK && w.found.purpose == CONSENT_RECOGNITION)
        r = keystore_destroy(env->keystore, student, KEY_FACE, &w.ends[KEY_FACE], e);
    if (r == ERR_OK)
        r = db_tx(env->db, withdraw_fn, &w, e);
    if (r == ERR_OK)
        *ret_erasure = result;
    return r;
}

/* ---- the end of a student */

static enum err person_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct work *w = ctx;
    struct erasure *list;
    int n = 0;
    enum err r = student_get(cx, w->a, w->student, &w->person, e);
    if (r || !str_is(w->person.status, "erased"))
        return r;
    r = erasure_list(cx, w->a, w->student, "", 1, &list, &n, e);
    if (r == ERR_OK && n > 0)
        *w->result = list[0];
    return r;
}

/* All that names the student; marks, presence and past rosters keep the id. The row comes before
 * the rosters: whoever adds to one waits for it, and then finds it erased (roster_add). */
static enum err strip(struct db_cx *cx, struct work *w, usec_t now, struct error *e)
{
    static const enum query steps[] = {Q_STUDENT_JOBS_DELETE, Q_STUDENT_ROSTER_BUMP,
                                       Q_ERASURE_USER_DELETE, Q_ERASURE_REFS_DELETE};
    static const enum query timed[] = {Q_ERASURE_CONSENTS_END, Q_ERASURE_STUDENT_STRIP,
                                       Q_ERASURE_ROSTER_END};
    const struct db_value args[] = {db_text(w->student.text), db_int(now)};
    enum err r = ERR_OK;
    for (size_t i = 0; r == ERR_OK && i < ARRAY_LEN(steps); i++)
        r = db_exec(cx, steps[i], args, 1, NULL, e);
    for (size_t i = 0; r == ERR_OK && i < ARRAY_LEN(timed); i++)
        r = db_exec(cx, timed[i], args, 2, NULL, e);
    return r;
}

static enum err student_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct work *w = ctx;
    usec_t now = time_utc();
    const struct db_value args[] = {db_text(w->student.text)};
    enum err r = erasure_face(cx, w->student, now, &w->counts, e);
    if (r == ERR_OK)
        r = rows_int(cx, Q_STUDENT_MARK_COUNT, args, 1, "n", &w->marks, NULL, e);
    if (r == ERR_OK)
        r = w->marks ? strip(cx, w, now, e) : student_delete(cx, w->student, e);
    return r ? r : receipt_store(cx, w, now, e);
}

enum err erasure_student(const struct erasure_env *env, struct arena *a, struct student_id student,
                         struct str actor, struct erasure *ret_erasure, struct error *e)
{
    struct erasure result = {.id = ""};
    struct work w = {.env = env,
                     .a = a,
                     .student = student,
                     .scope = "student",
                     .reason = "deleted",
                     .actor = actor,
                     .result = &result};
    enum err r = db_read(env->db, person_fn, &w, e);
    bool done = r == ERR_OK && result.id[0];
    for (int p = 0; r == ERR_OK && !done && p < KEY_PURPOSE_N; p++)
        r = keystore_destroy(env->keystore, student, (enum key_purpose)p, &w.ends[p], e);
    if (r == ERR_OK && !done)
        r = db_tx(env->db, student_fn, &w, e);
    if (r == ERR_OK)
        *ret_erasure = result;
    return r;
}

/* ---- expiry */

struct expired {
    struct arena *a;
    usec_t now;
    int limit, n;
    struct consent *list;
};

static enum err expired_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct expired *x = ctx;
    return consent_expired(cx, x->a, x->now, x->limit, &x->list, &x->n, e);
}

enum err erasure_expire(const struct erasure_env *env, struct arena *a, usec_t now, int limit,
                        struct student_id **ret_students, int *ret_n, struct error *e)
{
    struct expired x = {.a = a, .now = now, .limit = limit};
    enum err r = db_read(env->db, expired_fn, &x, e);
    struct student_id *students = r ? NULL : arena_array(a, (size_t)x.n + 1, sizeof *students);
    if (r == ERR_OK && !students)
        r = error_set(e, ERR_NOMEM, "no memory for %d consents", x.n);
    int n = 0;
    for (int i = 0; r == ERR_OK && i < x.n; i++) {
        struct erasure ignored;
        r = erasure_withdraw(env, a, x.list[i].student, x.list[i].id, "consent_expired",
                             STR("scheduler"), &ignored, e);
        if (r == ERR_CONFLICT || r == ERR_NOT_FOUND)
            r = ERR_OK; /* somebody was faster */
        students[n++] = x.list[i].student;
    }
    if (r)
        return r;
    *ret_students = students;
    *ret_n = n;
    return ERR_OK;
}
