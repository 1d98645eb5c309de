/* Durable jobs and settings: see job.h. SQL in sql/job.sql. Inside db_tx or db_read, any thread.
 * Invariant: a job is claimed by one worker at a time (the WHERE of job_claim), and a photo has
 * either its bytes or its verdict (CHECK). */
#include "store/job.h"

#include "store/rows.h"

static const char *const state_names[JOB_STATE_N] = {
#define X(code, word) [JOB_##code] = word,
    JOB_STATE_MAP(X)
#undef X
};

const char *job_state_name(enum job_state s) { return state_names[s]; }

static enum job_state state_of(struct str word)
{
    for (int s = 0; s < JOB_STATE_N; s++) {
        if (str_is(word, state_names[s]))
            return (enum job_state)s;
    }
    return JOB_FAILED; /* the table's CHECK allows no other word */
}

static enum err photo_insert(struct db_cx *cx, const char *job, const struct job_photo *p,
                             struct error *e)
{
    const struct db_value args[] = {
        db_text(job),       db_int(p->position), text_of(p->name),   text_of(p->verdict),
        text_of(p->detail), db_real(p->quality), blob_of(p->sealed),
    };
    return db_exec(cx, Q_JOB_PHOTO_INSERT, args, ARRAY_LEN(args), NULL, e);
}

enum err job_insert(struct db_cx *cx, const struct job *j, const struct job_photo *photos, int n,
                    struct error *e)
{
    usec_t now = j->created_at ? j->created_at : time_utc();
    const struct db_value args[] = {
        db_text(j->id),
        text_of(j->kind),
        text_of(j->subject),
        db_text(state_names[j->state]),
        db_int(j->tries),
        text_of(j->error),
        db_int(j->lease_until),
        db_int(now),
        db_int(j->updated_at ? j->updated_at : now),
        text_of(j->actor),
        db_int(j->allow_look_alike),
    };
    enum err r = db_exec(cx, Q_JOB_INSERT, args, ARRAY_LEN(args), NULL, e);
    for (int i = 0; !r && i < n; i++)
        r = photo_insert(cx, j->id, &photos[i], e);
    return r;
}

static void job_read(struct row *row, void *ret_item)
{
    struct job *j = ret_item;
    db_col_copy(row->rows, "id", j->id, sizeof j->id);
    j->kind = row_str(row, "kind");
    j->subject = row_str(row, "subject");
    j->state = state_of(db_col_str(row->rows, "state"));
    j->tries = db_col_int(row->rows, "tries");
    j->error = row_str(row, "error");
    j->actor = row_str(row, "actor");
    j->allow_look_alike = db_col_int(row->rows, "allow_look_alike") != 0;
    j->lease_until = db_col_int(row->rows, "lease_until");
    j->created_at = db_col_int(row->rows, "created_at");
    j->updated_at = db_col_int(row->rows, "updated_at");
}

enum err job_get(struct db_cx *cx, struct arena *a, const char *id, struct job *ret_job,
                 struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    struct job j = {0};
    enum err r = rows_one(cx, Q_JOB_BY_ID, args, 1, a, job_read, &j, "such job", e);
    if (!r)
        *ret_job = j;
    return r;
}

enum err job_list(struct db_cx *cx, struct arena *a, int state, const char *before, int limit,
                  struct job **ret_jobs, int *ret_n, struct error *e)
{
    const char *word = state >= 0 && state < JOB_STATE_N ? state_names[state] : "";
    const struct db_value args[] = {db_text(word), db_text(before ? before : ""), db_int(limit)};
    return rows_all(cx, Q_JOB_LIST, args, ARRAY_LEN(args), a, job_read, sizeof(struct job),
                    ret_jobs, ret_n, e);
}

static void job_state_read(struct row *row, void *ret_item)
{
    *(enum job_state *)ret_item = state_of(db_col_str(row->rows, "state"));
}

/* The state of a job that an UPDATE did not meet. Errors NOT_FOUND. */
static enum err job_state_get(struct db_cx *cx, const char *id, enum job_state *ret_state,
                              struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    return rows_one(cx, Q_JOB_BY_ID, args, 1, NULL, job_state_read, ret_state, "such job", e);
}

enum err job_claim(struct db_cx *cx, const char *id, usec_t now, usec_t lease, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(now), db_int(now + lease)};
    enum job_state state = JOB_QUEUED;
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_JOB_CLAIM, args, ARRAY_LEN(args), &changed, e);
    if (r || changed)
        return r;
    r = job_state_get(cx, id, &state, e);
    return r ? r : error_set(e, ERR_CONFLICT, "the job is %s already", job_state_name(state));
}

enum err job_renew(struct db_cx *cx, const char *id, int64_t tries, usec_t now, usec_t lease,
                   struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(tries), db_int(now), db_int(now + lease)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_JOB_RENEW, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_CONFLICT, "the job is over, or another worker has it");
    return r;
}

enum err job_finish(struct db_cx *cx, const char *id, enum job_state state, struct str error_text,
                    usec_t now, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_text(state_names[state]), text_of(error_text),
                                    db_int(now)};
    enum job_state stands = JOB_QUEUED;
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_JOB_FINISH, args, ARRAY_LEN(args), &changed, e);
    if (r || changed)
        return r;
    r = job_state_get(cx, id, &stands, e);
    if (r || stands == state)
        return r;
    return error_set(e, ERR_CONFLICT, "the job is %s already", job_state_name(stands));
}

enum err job_release_all(struct db_cx *cx, usec_t now, struct error *e)
{
    const struct db_value args[] = {db_int(now)};
    return db_exec(cx, Q_JOB_RELEASE_ALL, args, ARRAY_LEN(args), NULL, e);
}

struct job_id {
    char text[ID_TEXT];
};

static void job_id_read(struct row *row, void *ret_item)
{
    struct job_id *id = ret_item;
    db_col_copy(row->rows, "id", id->text, sizeof id->text);
}

enum err job_waiting(struct db_cx *cx, struct arena *a, usec_t now, int limit,
                     char (**ret_ids)[ID_TEXT], int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_int(now), db_int(limit)};
    return rows_all(cx, Q_JOB_WAITING, args, ARRAY_LEN(args), a, job_id_read, sizeof(struct job_id),
                    ret_ids, ret_n, e);
}

static void photo_read(struct row *row, void *ret_item)
{
    struct job_photo *p = ret_item;
    p->position = db_col_int(row->rows, "position");
    p->name = row_str(row, "name");
    p->verdict = row_str(row, "verdict");
    p->detail = row_str(row, "detail");
    p->quality = db_col_real(row->rows, "quality");
    db_col_copy(row->rows, "other_id", p->other, sizeof p->other);
    db_col_copy(row->rows, "replaced_id", p->replaced, sizeof p->replaced);
    p->sealed = row_str(row, "sealed");
}

enum err job_photos(struct db_cx *cx, struct arena *a, const char *id, bool with_bytes,
                    struct job_photo **ret_photos, int *ret_n, struct error *e)
{
    const struct db_value args[] = {db_text(id), db_int(with_bytes)};
    return rows_all(cx, Q_JOB_PHOTOS, args, ARRAY_LEN(args), a, photo_read,
                    sizeof(struct job_photo), ret_photos, ret_n, e);
}

enum err job_photo_judge(struct db_cx *cx, const char *id, const struct job_photo *p,
                         struct error *e)
{
    const struct db_value args[] = {db_text(id),         db_int(p->position), text_of(p->verdict),
                                    text_of(p->detail),  db_real(p->quality), db_text(p->other),
                                    db_text(p->replaced)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_JOB_PHOTO_JUDGE, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_NOT_FOUND, "the job has no photo %lld", (long long)p->position);
    return r;
}

struct setting_row {
    struct str value;
    usec_t updated_at;
};

static void setting_read(struct row *row, void *ret_item)
{
    struct setting_row *s = ret_item;
    s->value = row_str(row, "value");
    s->updated_at = db_col_int(row->rows, "updated_at");
}

enum err setting_get_at(struct db_cx *cx, struct arena *a, const char *name, struct str *ret_value,
                        usec_t *ret_updated_at, struct error *e)
{
    const struct db_value args[] = {db_text(name)};
    struct setting_row s = {0};
    enum err r = rows_one(cx, Q_SETTING_GET, args, 1, a, setting_read, &s, "such setting", e);
    if (r)
        return r;
    *ret_value = s.value;
    *ret_updated_at = s.updated_at;
    return ERR_OK;
}

enum err setting_get(struct db_cx *cx, struct arena *a, const char *name, struct str *ret_value,
                     struct error *e)
{
    usec_t ignored;
    return setting_get_at(cx, a, name, ret_value, &ignored, e);
}

enum err setting_delete(struct db_cx *cx, const char *name, struct error *e)
{
    const struct db_value args[] = {db_text(name)};
    return db_exec(cx, Q_SETTING_DELETE, args, 1, NULL, e);
}

enum err setting_put(struct db_cx *cx, struct arena *a, const char *name, struct str value,
                     bool only_new, struct str *ret_value, struct error *e)
{
    const struct db_value args[] = {db_text(name), text_of(value), db_int(time_utc())};
    enum err r =
        db_exec(cx, only_new ? Q_SETTING_PUT_NEW : Q_SETTING_PUT, args, ARRAY_LEN(args), NULL, e);
    return r || !ret_value ? r : setting_get(cx, a, name, ret_value, e);
}
