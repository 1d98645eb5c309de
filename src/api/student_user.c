/* A student's way in: the account, made when it is first needed, and a one-time code for it; see
 * the route table. Handler threads; two transactions a call. */
#include "api/handlers.h"

#include "store/student.h"

struct invite_in {
    struct str login;
};

static const struct field invite_in_fields[] = {
    FIELD_STR(struct invite_in, login, 1, 64, 0,
              "What the student types to sign in, where there is no user yet; default the "
              "external_id."),
};
const struct schema invite_in_schema = SCHEMA("InviteIn", struct invite_in, invite_in_fields);

struct invite_out {
    struct user user;
    struct str code;
    usec_t expires_at;
};

static const struct field invite_fields[] = {
    FIELD_OBJECT(struct invite_out, user, &user_schema, FIELD_REQUIRED, "The student's user."),
    FIELD_STR(struct invite_out, code, 0, 32, FIELD_REQUIRED, "Good once, at POST /v1/login."),
    FIELD_TIME(struct invite_out, expires_at, FIELD_REQUIRED, "Until when it is good."),
};
const struct schema invite_schema = SCHEMA("Invite", struct invite_out, invite_fields);

struct invite_ctx {
    struct call *c;
    const struct invite_in *in;
    struct student_id student;
    struct user *user;
};

static enum err make_user(struct db_cx *cx, struct invite_ctx *t, struct error *e)
{
    struct student s;
    enum err r = student_get(cx, t->c->a, t->student, &s, e);
    if (r)
        return r;
    if (str_is(s.status, "erased"))
        return error_set(e, ERR_CONFLICT, "this student was erased");
    *t->user = (struct user){.login = t->in->login.p ? t->in->login : s.external_id,
                             .name = s.name,
                             .role = str_from(role_name(ROLE_STUDENT)),
                             .version = 1,
                             .created_at = time_utc()};
    t->user->updated_at = t->user->created_at;
    id_new(t->user->id);
    memcpy(t->user->student, t->student.text, ID_TEXT);
    return user_insert(cx, t->user, e);
}

static enum err invite_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct invite_ctx *t = ctx;
    enum err r = user_by_student(cx, t->c->a, t->student, t->user, e);
    if (r == ERR_NOT_FOUND)
        return make_user(cx, t, e);
    if (r == ERR_OK && t->user->disabled)
        return error_set(e, ERR_CONFLICT, "the student's user is disabled");
    return r;
}

enum err student_invite(struct call *c, struct error *e)
{
    usec_t ttl = c->api->env.config->login_code_ttl_min * USEC_PER_MIN;
    char code[CODE_TEXT];
    void *memory;
    enum err r = call_alloc(c, sizeof(struct invite_out), &memory, e);
    if (r)
        return r;
    struct invite_out *out = memory;
    struct invite_ctx t = {.c = c, .in = c->in, .user = &out->user};
    r = call_id(c, 0, t.student.text, e);
    if (r == ERR_OK)
        r = db_tx(c->api->env.db, invite_fn, &t, e);
    if (r == ERR_OK)
        r = auth_issue_code(c->api->env.db, out->user.id, ttl, code, e);
    if (r)
        return r;
    out->code = arena_copy(c->a, str_from(code));
    out->expires_at = time_utc() + ttl;
    c->out = out;
    return ERR_OK;
}
