/* Users and signing in: see the route table. Handler threads; a password costs 55 ms of argon2id.
 */
#include "api/handlers.h"

#include "store/user.h"

struct user_in {
    struct str login, name, role, password;
    char student[ID_TEXT];
};

struct password_in {
    struct str password;
};

struct login_in {
    struct str code, login, password;
};

struct login_out {
    struct str token;
    usec_t expires_at;
    struct user user;
};

static const struct field user_fields[] = {
    FIELD_ID(struct user, id, FIELD_REQUIRED, "The user's id."),
    FIELD_STR(struct user, login, 1, 64, FIELD_REQUIRED, "What is typed to sign in."),
    FIELD_STR(struct user, name, 0, 200, FIELD_REQUIRED, "For people."),
    FIELD_WORD(struct user, role, role_names, FIELD_REQUIRED, "What the user may do."),
    FIELD_ID(struct user, student, FIELD_NULLABLE, "Role student: whose record it is."),
    FIELD_TIME(struct user, created_at, FIELD_NULLABLE, "When it was made."),
};
const struct schema user_schema = SCHEMA("User", struct user, user_fields);
LIST_SCHEMA(user_list, "UserList", user_schema)

static const struct field user_in_fields[] = {
    FIELD_STR(struct user_in, login, 1, 64, FIELD_REQUIRED, "What is typed to sign in; unique."),
    FIELD_STR(struct user_in, name, 0, 200, 0, "For people."),
    FIELD_WORD(struct user_in, role, role_names, FIELD_REQUIRED, "What the user may do."),
    FIELD_STR(struct user_in, password, 12, 256, 0, "May be set later."),
    FIELD_ID(struct user_in, student, FIELD_NULLABLE,
             "Role student: whose record it is; one user a student."),
};
const struct schema user_in_schema = SCHEMA("UserIn", struct user_in, user_in_fields);

static const struct field password_in_fields[] = {
    FIELD_STR(struct password_in, password, 12, 256, FIELD_REQUIRED, "12 characters or more."),
};
const struct schema password_in_schema =
    SCHEMA("PasswordIn", struct password_in, password_in_fields);

static const struct field login_in_fields[] = {
    FIELD_STR(struct login_in, code, 1, 64, 0, "A one-time sign-in code, or ..."),
    FIELD_STR(struct login_in, login, 1, 64, 0, "... a login with ..."),
    FIELD_STR(struct login_in, password, 1, 256, 0, "... its password."),
};
const struct schema login_in_schema = SCHEMA("LoginIn", struct login_in, login_in_fields);

static const struct field login_fields[] = {
    FIELD_STR(struct login_out, token, 0, 64, FIELD_REQUIRED, "Send as Authorization: Bearer."),
    FIELD_TIME(struct login_out, expires_at, FIELD_REQUIRED, "Until when it is good."),
    FIELD_OBJECT(struct login_out, user, &user_schema, FIELD_REQUIRED, "Whose it is."),
};
const struct schema login_schema = SCHEMA("Login", struct login_out, login_fields);

struct code_out {
    struct str code;
    usec_t expires_at;
};

static const struct field code_fields[] = {
    FIELD_STR(struct code_out, code, 0, 32, FIELD_REQUIRED, "Good once, at POST /v1/login."),
    FIELD_TIME(struct code_out, expires_at, FIELD_REQUIRED, "Until when it is good."),
};
const struct schema code_schema = SCHEMA("SignInCode", struct code_out, code_fields);

struct user_ctx {
    struct call *c;
    struct user *user;
    struct str hash;
    const char *id;
    int n;
};

enum err login_create(struct call *c, struct error *e)
{
    const struct login_in *in = c->in;
    struct auth *auth = c->api->env.auth;
    usec_t ttl = c->api->env.config->token_ttl_hours * USEC_PER_HOUR;
    char token[SECRET_TEXT];
    struct login login;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct login_out), &memory, e);
    if (r)
        return r;
    struct login_out *out = memory;
    if (in->code.p)
        r = auth_by_code(auth, c->a, in->code, ttl, token, &login, &out->user, e);
    else if (in->login.p && in->password.p)
        r = auth_by_password(auth, c->a, in->login, in->password, ttl, token, &login, &out->user,
                             e);
    else
        r = error_set(e, ERR_INVALID, "send either code, or login and password");
    if (r)
        return r;
    out->token = arena_copy(c->a, str_from(token));
    out->expires_at = login.expires_at;
    memcpy(c->who.user, out->user.id, ID_TEXT); /* for the audit trail */
    memcpy(c->who.login, login.id, ID_TEXT);
    c->out = out;
    return ERR_OK;
}

enum err login_delete_current(struct call *c, struct error *e)
{
    return auth_sign_out(c->api->env.auth, &c->who, e);
}

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    return user_get(cx, t->c->a, t->id, t->user, e);
}

enum err me_show(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct user), &memory, e);
    struct user_ctx t = {.c = c, .user = memory, .id = c->who.user};
    c->out = t.user;
    if (r == ERR_OK && !c->who.login[0]) { /* the local token belongs to no stored user */
        t.user->login = t.user->name = STR("local");
        t.user->role = STR("admin");
        return ERR_OK;
    }
    return r ? r : db_read(c->api->env.db, get_fn, &t, e);
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    bool there = true;
    enum err r = ERR_OK;
    if (t->user->student[0])
        r = access_check(cx, NULL, ACCESS_STUDENT, t->user->student, &there, e);
    if (r == ERR_OK && !there)
        return error_set(e, ERR_INVALID, "student does not exist");
    return r ? r : user_insert(cx, t->user, e);
}

enum err user_create(struct call *c, struct error *e)
{
    const struct user_in *in = c->in;
    void *memory;
    if (in->student[0] && !str_is(in->role, role_name(ROLE_STUDENT)))
        return error_set(e, ERR_INVALID, "only a user with the role student has a student");
    enum err r = call_alloc(c, sizeof(struct user), &memory, e);
    if (r)
        return r;
    struct user_ctx t = {.c = c, .user = memory};
    id_new(t.user->id);
    t.user->login = in->login;
    t.user->name = in->name.p ? in->name : in->login;
    t.user->role = in->role;
    memcpy(t.user->student, in->student, ID_TEXT);
    t.user->created_at = time_utc();
    if (in->password.p)
        r = auth_hash_password(c->a, in->password, &t.user->password_hash, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, insert_fn, &t, e);
    c->out = t.user;
    return r;
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    return user_list(cx, t->c->a, &t->user, &t->n, e);
}

enum err user_index(struct call *c, struct error *e)
{
    struct user_ctx t = {.c = c};
    enum err r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r : call_list(c, t.user, t.n, t.n, sizeof *t.user, offsetof(struct user, id), e);
}

static enum err password_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    return user_set_password(cx, t->id, t->hash, e);
}

enum err user_password(struct call *c, struct error *e)
{
    const struct password_in *in = c->in;
    char id[ID_TEXT];
    struct user_ctx t = {.c = c, .id = id};
    enum err r = call_id(c, 0, id, e);
    if (r == ERR_OK)
        r = auth_hash_password(c->a, in->password, &t.hash, e);
    return r ? r : db_tx(c->api->env.db, password_fn, &t, e);
}

enum err user_code(struct call *c, struct error *e)
{
    usec_t ttl = c->api->env.config->login_code_ttl_min * USEC_PER_MIN;
    char id[ID_TEXT], code[CODE_TEXT];
    struct user user;
    void *memory;
    struct user_ctx t = {.c = c, .id = id, .user = &user};
    enum err r = call_id(c, 0, id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    if (r == ERR_OK)
        r = call_alloc(c, sizeof(struct code_out), &memory, e);
    if (r == ERR_OK)
        r = auth_issue_code(c->api->env.db, id, ttl, code, e);
    if (r)
        return r;
    struct code_out *out = memory;
    out->code = arena_copy(c->a, str_from(code));
    out->expires_at = time_utc() + ttl;
    c->out = out;
    return ERR_OK;
}
