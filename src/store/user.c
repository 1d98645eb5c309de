/* Users and logins: see user.h. SQL in sql/user.sql. Inside db_tx or db_read, any thread. Secrets
 * come here as hashes only. */
#include "store/user.h"

#include "store/rows.h"

static const char *const kind_names[] = {[LOGIN_CODE] = "code", [LOGIN_TOKEN] = "token"};

enum err user_insert(struct db_cx *cx, const struct user *u, struct error *e)
{
    const struct db_value args[] = {
        db_text(u->id),
        text_of(u->login),
        text_of(u->name),
        text_of(u->role),
        text_of(u->password_hash),
        time_or_now(u->created_at),
        u->student[0] ? db_text(u->student) : db_null(),
    };
    return db_exec(cx, Q_USER_INSERT, args, ARRAY_LEN(args), NULL, e);
}

static void user_read(struct row *row, void *ret_item)
{
    struct user *u = ret_item;
    db_col_copy(row->rows, "id", u->id, sizeof u->id);
    u->login = row_str(row, "login");
    u->name = row_str(row, "name");
    u->role = row_str(row, "role");
    u->password_hash = row_str(row, "password_hash");
    db_col_copy(row->rows, "student_id", u->student, sizeof u->student);
    u->disabled = db_col_int(row->rows, "disabled") != 0;
    u->tries = db_col_int(row->rows, "tries");
    u->locked_until = db_col_int(row->rows, "locked_until");
    u->version = db_col_int(row->rows, "version");
    u->created_at = db_col_int(row->rows, "created_at");
    u->updated_at = db_col_int(row->rows, "updated_at");
}

static enum err user_one(struct db_cx *cx, struct arena *a, enum query q, struct db_value key,
                         struct user *ret_user, struct error *e)
{
    struct user u = {0};
    enum err r = rows_one(cx, q, &key, 1, a, user_read, &u, "such user", e);
    if (!r)
        *ret_user = u;
    return r;
}

enum err user_by_login(struct db_cx *cx, struct arena *a, struct str login, struct user *ret_user,
                       struct error *e)
{
    return user_one(cx, a, Q_USER_BY_LOGIN, text_of(login), ret_user, e);
}

enum err user_get(struct db_cx *cx, struct arena *a, const char *id, struct user *ret_user,
                  struct error *e)
{
    return user_one(cx, a, Q_USER_BY_ID, db_text(id), ret_user, e);
}

enum err user_by_student(struct db_cx *cx, struct arena *a, struct student_id student,
                         struct user *ret_user, struct error *e)
{
    return user_one(cx, a, Q_USER_BY_STUDENT, db_text(student.text), ret_user, e);
}

enum err user_list(struct db_cx *cx, struct arena *a, const struct user_filter *filter, int limit,
                   struct user **ret_users, int *ret_n, struct error *e)
{
    const struct db_value args[] = {
        db_text(filter->after),  text_of(filter->role),    text_of(filter->login),
        text_of(filter->search), db_int(filter->disabled), db_int(limit),
    };
    return rows_all(cx, Q_USER_LIST, args, ARRAY_LEN(args), a, user_read, sizeof(struct user),
                    ret_users, ret_n, e);
}

/* Somebody but this user must be left who can mend everything. */
static enum err another_admin(struct db_cx *cx, const char *id, struct error *e)
{
    struct db_rows *rows = NULL;
    bool has = false, is_admin = false, another = false;
    enum err r = db_query(cx, Q_USER_ADMINS, NULL, 0, &rows, e);
    for (;;) {
        if (r == ERR_OK)
            r = db_next(rows, &has, e);
        if (r || !has)
            break;
        bool same = str_is(db_col_str(rows, "id"), id);
        is_admin = is_admin || same;
        another = another || !same;
    }
    db_rows_done(&rows);
    if (!r && is_admin && !another)
        return error_set(e, ERR_CONFLICT, "this is the last admin who can sign in");
    return r;
}

static enum err logins_end(struct db_cx *cx, const char *user, struct error *e)
{
    const struct db_value args[] = {db_text(user)};
    return db_exec(cx, Q_LOGIN_DELETE_OF_USER, args, 1, NULL, e);
}

/* No row with this id and version: says which of the two it is. */
static enum err update_missed(struct db_cx *cx, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t version = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_USER_BY_ID, args, 1, "version", &version, &has, e);
    if (r)
        return r;
    if (!has)
        return error_set(e, ERR_NOT_FOUND, "there is no such user");
    return error_set(e, ERR_PRECONDITION, "the user was changed by someone else (version %lld now)",
                     (long long)version);
}

enum err user_update(struct db_cx *cx, const struct user *u, int64_t *ret_version, struct error *e)
{
    const struct db_value args[] = {
        db_text(u->id),
        text_of(u->name),
        text_of(u->role),
        db_int(u->disabled),
        u->student[0] ? db_text(u->student) : db_null(),
        time_or_now(u->updated_at),
        db_int(u->version),
    };
    bool has = false, stays_admin = str_is(u->role, "admin") && !u->disabled;
    enum err r = stays_admin ? ERR_OK : another_admin(cx, u->id, e);
    if (r == ERR_OK)
        r = rows_int(cx, Q_USER_UPDATE, args, ARRAY_LEN(args), "version", ret_version, &has, e);
    if (r == ERR_OK && !has)
        return update_missed(cx, u->id, e);
    return r || !u->disabled ? r : logins_end(cx, u->id, e);
}

enum err user_delete(struct db_cx *cx, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t removed = 0;
    enum err r = another_admin(cx, id, e);
    if (r == ERR_OK)
        r = db_exec(cx, Q_USER_DELETE, args, 1, &removed, e);
    if (!r && !removed)
        return error_set(e, ERR_NOT_FOUND, "there is no such user");
    return r;
}

enum err user_failed(struct db_cx *cx, const char *id, usec_t at, int free, usec_t longest,
                     struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t tries = 0;
    bool has = false;
    enum err r = rows_int(cx, Q_USER_FAILED, args, 1, "tries", &tries, &has, e);
    if (r || !has || tries < free)
        return r;
    usec_t wait = tries - free < 30 ? USEC_PER_SEC << (tries - free) : longest;
    const struct db_value lock[] = {db_text(id), db_int(at + (wait < longest ? wait : longest))};
    return db_exec(cx, Q_USER_LOCK, lock, ARRAY_LEN(lock), NULL, e);
}

enum err user_succeeded(struct db_cx *cx, const char *id, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    return db_exec(cx, Q_USER_UNLOCK, args, 1, NULL, e);
}

enum err user_set_password(struct db_cx *cx, const char *id, struct str password_hash,
                           struct error *e)
{
    const struct db_value args[] = {db_text(id), text_of(password_hash)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_USER_SET_PASSWORD, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_NOT_FOUND, "there is no such user");
    return r ? r : logins_end(cx, id, e);
}

enum err user_count(struct db_cx *cx, int64_t *ret_count, struct error *e)
{
    return rows_int(cx, Q_USER_COUNT, NULL, 0, "n", ret_count, NULL, e);
}

static struct db_value hash_value(const uint8_t *hash)
{
    return db_blob((struct str){(const char *)hash, TOKEN_HASH_BYTES});
}

enum err login_insert(struct db_cx *cx, const struct login *l, struct error *e)
{
    const struct db_value args[] = {
        db_text(l->id),      db_text(l->user),           db_text(kind_names[l->kind]),
        hash_value(l->hash), time_or_now(l->created_at), db_int(l->expires_at),
    };
    enum err r = db_exec(cx, Q_LOGIN_INSERT, args, ARRAY_LEN(args), NULL, e);
    return error_replace(e, r, ERR_CONFLICT, ERR_NOT_FOUND,
                         "there is no such user (or this secret exists already)");
}

/* A row of login_find: both halves of the join. */
struct login_and_user {
    struct login login;
    struct user user;
};

static void login_read(struct row *row, void *ret_item)
{
    struct login_and_user *both = ret_item;
    struct login *l = &both->login;
    db_col_copy(row->rows, "login_id", l->id, sizeof l->id);
    struct str hash = db_col_str(row->rows, "hash");
    if (hash.n == sizeof l->hash)
        memcpy(l->hash, hash.p, sizeof l->hash);
    l->created_at = db_col_int(row->rows, "login_created_at");
    l->expires_at = db_col_int(row->rows, "expires_at");
    user_read(row, &both->user);
    memcpy(l->user, both->user.id, sizeof l->user);
}

enum err login_find(struct db_cx *cx, struct arena *a, enum login_kind kind,
                    const uint8_t hash[static TOKEN_HASH_BYTES], usec_t now,
                    struct login *ret_login, struct user *ret_user, struct error *e)
{
    const struct db_value args[] = {db_text(kind_names[kind]), hash_value(hash), db_int(now)};
    struct login_and_user both = {.login = {.kind = kind}};
    enum err r =
        rows_one(cx, Q_LOGIN_FIND, args, ARRAY_LEN(args), a, login_read, &both, "login", e);
    if (!r) {
        *ret_login = both.login;
        *ret_user = both.user;
    }
    return error_replace(e, r, ERR_NOT_FOUND, ERR_UNAUTHENTICATED,
                         "the sign-in is unknown or has expired");
}

enum err login_delete(struct db_cx *cx, const char *id, bool *ret_removed, struct error *e)
{
    const struct db_value args[] = {db_text(id)};
    int64_t removed = 0;
    enum err r = db_exec(cx, Q_LOGIN_DELETE, args, 1, &removed, e);
    if (!r && ret_removed)
        *ret_removed = removed > 0;
    return r;
}

enum err login_purge(struct db_cx *cx, usec_t now, struct error *e)
{
    const struct db_value args[] = {db_int(now)};
    return db_exec(cx, Q_LOGIN_PURGE, args, 1, NULL, e);
}
