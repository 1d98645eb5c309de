/* Signing in and out, and who one is: see the route table. Handler threads; a password costs 55 ms
 * of argon2id, right or wrong. */
#include "api/handlers.h"

#include "store/user.h"

struct login_in {
    struct str code, login, password;
};

struct login_out {
    struct str token;
    usec_t expires_at;
    struct user user;
};

static const struct field login_in_fields[] = {
    FIELD_STR(struct login_in, code, 1, 64, 0, "A one-time sign-in code, or ..."),
    FIELD_STR(struct login_in, login, 1, 64, 0, "... a login with ..."),
    FIELD_STR(struct login_in, password, 1, 256, FIELD_EXACT, "... its password."),
};
const struct schema login_in_schema = SCHEMA("LoginIn", struct login_in, login_in_fields);

static const struct field login_fields[] = {
    FIELD_STR(struct login_out, token, 0, 64, FIELD_REQUIRED, "Send as Authorization: Bearer."),
    FIELD_TIME(struct login_out, expires_at, FIELD_REQUIRED, "Until when it is good."),
    FIELD_OBJECT(struct login_out, user, &user_schema, FIELD_REQUIRED, "Whose it is."),
};
const struct schema login_schema = SCHEMA("Login", struct login_out, login_fields);

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
    if (r && out->user.id[0])
        c->subject = arena_copy(c->a, str_from(out->user.id)); /* on whom it was tried */
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

struct me_ctx {
    struct call *c;
    struct user *user;
    const char *id;
};

static enum err me_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct me_ctx *t = ctx;
    return user_get(cx, t->c->a, t->id, t->user, e);
}

enum err me_show(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct user), &memory, e);
    struct me_ctx t = {.c = c, .user = memory, .id = c->who.user};
    c->out = t.user;
    if (r == ERR_OK && c->who.client) {
        memcpy(t.user->id, c->who.user, ID_TEXT);
        t.user->login = t.user->name = STR("API client");
        t.user->role = str_from(role_name(c->who.role));
        return ERR_OK;
    }
    if (r == ERR_OK && !c->who.login[0]) { /* the local token belongs to no stored user */
        t.user->login = t.user->name = STR("local");
        t.user->role = STR("admin");
        return ERR_OK;
    }
    return r ? r : db_read(c->api->env.db, me_fn, &t, e);
}
