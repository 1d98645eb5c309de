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
    u->created_at = db_col_int(row->rows, "created_at");
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

enum err user_list(struct db_cx *cx, struct arena *a, struct user **ret_users, int *ret_n,
                   struct error *e)
{
    return rows_all(cx, Q_USER_LIST, NULL, 0, a, user_read, sizeof(struct user), ret_users, ret_n,
                    e);
}

enum err user_set_password(struct db_cx *cx, const char *id, struct str password_hash,
                           struct error *e)
{
    const struct db_value args[] = {db_text(id), text_of(password_hash)};
    int64_t changed = 0;
    enum err r = db_exec(cx, Q_USER_SET_PASSWORD, args, ARRAY_LEN(args), &changed, e);
    if (!r && !changed)
        return error_set(e, ERR_NOT_FOUND, "there is no such user");
    return r;
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
