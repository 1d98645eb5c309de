/* Users: see the route table. Handler threads; a password costs 55 ms of argon2id. Invariant: after
 * a change that takes something from a user this process believes none of its tokens (auth_forget),
 * other ones for a few seconds more. */
#include "api/handlers.h"

#include "store/student.h"
#include "store/user.h"

struct user_in {
    struct str login, name, role, password;
    char student[ID_TEXT];
};

struct user_patch {
    uint64_t has;
    struct str name, role;
    bool disabled;
    char student[ID_TEXT];
};

struct password_in {
    struct str password;
};

static const struct field user_fields[] = {
    FIELD_ID(struct user, id, FIELD_REQUIRED, "The user's id."),
    FIELD_STR(struct user, login, 1, 64, FIELD_REQUIRED, "What is typed to sign in."),
    FIELD_STR(struct user, name, 0, 200, FIELD_REQUIRED, "For people."),
    FIELD_WORD(struct user, role, role_names, FIELD_REQUIRED, "What the user may do."),
    FIELD_ID(struct user, student, FIELD_NULLABLE, "Role student: whose record it is."),
    FIELD_BOOL(struct user, disabled, FIELD_REQUIRED, "Cannot sign in; its tokens are dead."),
    FIELD_TIME(struct user, locked_until, FIELD_NULLABLE,
               "After wrong passwords: no sign-in by password before."),
    FIELD_INT(struct user, version, 0, 1e15, FIELD_REQUIRED, "Grows with each change; the ETag."),
    FIELD_TIME(struct user, created_at, FIELD_NULLABLE, "When it was made."),
    FIELD_TIME(struct user, updated_at, FIELD_NULLABLE, "When it last changed."),
};
const struct schema user_schema = SCHEMA("User", struct user, user_fields);
LIST_SCHEMA(user_list, "UserList", user_schema)

static const struct field user_in_fields[] = {
    FIELD_STR(struct user_in, login, 1, 64, FIELD_REQUIRED, "What is typed to sign in; unique."),
    FIELD_STR(struct user_in, name, 0, 200, 0, "For people."),
    FIELD_WORD(struct user_in, role, role_names, FIELD_REQUIRED, "What the user may do."),
    FIELD_STR(struct user_in, password, 12, 256, FIELD_EXACT, "May be set later."),
    FIELD_ID(struct user_in, student, FIELD_NULLABLE,
             "Role student: whose record it is; one user a student."),
};
const struct schema user_in_schema = SCHEMA("UserIn", struct user_in, user_in_fields);

static const struct field user_patch_fields[] = {
    FIELD_STR(struct user_patch, name, 0, 200, 0, "For people."),
    FIELD_WORD(struct user_patch, role, role_names, 0, "What the user may do."),
    FIELD_BOOL(struct user_patch, disabled, 0, "true: cannot sign in, and every token ends."),
    FIELD_ID(struct user_patch, student, FIELD_NULLABLE,
             "Role student: whose record it is; null: nobody's."),
};
const struct schema user_patch_schema =
    SCHEMA_PATCH("UserPatch", struct user_patch, user_patch_fields);

static const struct field password_in_fields[] = {
    FIELD_STR(struct password_in, password, 12, 256, FIELD_REQUIRED | FIELD_EXACT,
              "12 characters or more."),
};
const struct schema password_in_schema =
    SCHEMA("PasswordIn", struct password_in, password_in_fields);

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
    const struct user_patch *in;
    struct user_filter filter;
    struct str hash;
    const char *id;
    int64_t if_match;
    int limit, n;
};

static enum err get_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    return user_get(cx, t->c->a, t->id, t->user, e);
}

/* Only a user with the role student is one, and of a student there is. */
static enum err check_student(struct db_cx *cx, struct arena *a, const struct user *u,
                              struct error *e)
{
    struct student_id id;
    struct student s;
    if (!u->student[0])
        return ERR_OK;
    if (!str_is(u->role, role_name(ROLE_STUDENT)))
        return error_set(e, ERR_INVALID,
                         "only a user with the role student has a student: send null");
    memcpy(id.text, u->student, ID_TEXT);
    enum err r = student_get(cx, a, id, &s, e);
    if (r == ERR_NOT_FOUND || (r == ERR_OK && str_is(s.status, "erased")))
        return error_set(e, ERR_INVALID, "student does not exist");
    return r;
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    enum err r = check_student(cx, t->c->a, t->user, e);
    return r ? r : user_insert(cx, t->user, e);
}

enum err user_create(struct call *c, struct error *e)
{
    const struct user_in *in = c->in;
    void *memory;
    enum err r = call_alloc(c, sizeof(struct user), &memory, e);
    if (r)
        return r;
    struct user_ctx t = {.c = c, .user = memory};
    id_new(t.user->id);
    t.user->login = in->login;
    t.user->name = in->name.p ? in->name : in->login;
    t.user->role = in->role;
    memcpy(t.user->student, in->student, ID_TEXT);
    t.user->version = c->version = 1;
    t.user->created_at = t.user->updated_at = time_utc();
    if (in->password.p)
        r = auth_hash_password(c->a, in->password, &t.user->password_hash, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, insert_fn, &t, e);
    c->out = t.user;
    return r ? r : call_location(c, "/v1/users/", t.user->id, e);
}

static enum err list_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    return user_list(cx, t->c->a, &t->filter, t->limit + 1, &t->user, &t->n, e);
}

enum err user_index(struct call *c, struct error *e)
{
    static const char *const flags[] = {"0", "1", NULL};
    struct user_ctx t = {.c = c};
    int role = -1;
    enum err r = call_page(c, &t.limit, t.filter.after, e);
    if (r == ERR_OK)
        r = call_word(c, "role", role_names, &role, e);
    if (r == ERR_OK)
        r = call_word(c, "disabled", flags, &t.filter.disabled, e);
    if (r == ERR_OK)
        r = call_query(c, "login", &t.filter.login, e);
    if (r == ERR_OK)
        r = call_query(c, "search", &t.filter.search, e);
    if (role >= 0)
        t.filter.role = str_from(role_names[role]);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, list_fn, &t, e);
    return r ? r : call_list(c, t.user, t.n, t.limit, sizeof *t.user, offsetof(struct user, id), e);
}

static enum err begin(struct call *c, struct user_ctx *t, char id[static ID_TEXT], struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct user), &memory, e);
    *t = (struct user_ctx){.c = c, .user = memory, .in = c->in, .id = id};
    return r ? r : call_id(c, 0, id, e);
}

enum err user_show(struct call *c, struct error *e)
{
    struct user_ctx t;
    char id[ID_TEXT];
    enum err r = begin(c, &t, id, e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, get_fn, &t, e);
    c->out = t.user;
    c->version = r ? 0 : t.user->version;
    return r;
}

/* Nobody saws off the branch: another admin has to do it. */
static enum err not_oneself(const struct call *c, const char *id, struct error *e)
{
    if (strcmp(c->who.user, id) == 0)
        return error_set(e, ERR_CONFLICT,
                         "this is your own user: another admin may delete or disable it, or change "
                         "its role");
    return ERR_OK;
}

static enum err patch_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    struct user *u = t->user;
    enum err r = get_fn(cx, ctx, e);
    if (r)
        return r;
    if (t->in->has & 1u << 0)
        u->name = t->in->name;
    if (t->in->has & 1u << 1)
        u->role = t->in->role;
    if (t->in->has & 1u << 2)
        u->disabled = t->in->disabled;
    if (t->in->has & 1u << 3)
        memcpy(u->student, t->in->student, ID_TEXT);
    u->version = t->if_match;
    u->updated_at = time_utc();
    r = check_student(cx, t->c->a, u, e);
    return r ? r : user_update(cx, u, &u->version, e);
}

enum err user_patch(struct call *c, struct error *e)
{
    const struct user_patch *in = c->in;
    struct user_ctx t;
    char id[ID_TEXT];
    enum err r = begin(c, &t, id, e);
    if (r == ERR_OK)
        r = call_if_match(c, &t.if_match, e);
    if (r == ERR_OK && in->has & (1u << 1 | 1u << 2))
        r = not_oneself(c, id, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, patch_fn, &t, e);
    if (r)
        return r;
    auth_forget(c->api->env.auth);
    c->out = t.user;
    c->version = t.user->version;
    return ERR_OK;
}

static enum err delete_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct user_ctx *t = ctx;
    return user_delete(cx, t->id, e);
}

enum err user_remove(struct call *c, struct error *e)
{
    struct user_ctx t;
    char id[ID_TEXT];
    enum err r = begin(c, &t, id, e);
    if (r == ERR_OK)
        r = not_oneself(c, id, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, delete_fn, &t, e);
    if (r == ERR_OK)
        auth_forget(c->api->env.auth);
    return r;
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
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, password_fn, &t, e);
    if (r == ERR_OK)
        auth_forget(c->api->env.auth);
    return r;
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
