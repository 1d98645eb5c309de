/* `rollcall user`: the people who operate Rollcall. Through the API when a server runs, else on the
 * database itself. Thread: main. Invariant: a password is never an argument and never printed. */
#include "store/user.h"
#include "auth/auth.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/password.h"
#include "cmd/remote.h"
#include "cmd/settings.h"
#include "cmd/words.h"
#include "store/audit.h"

#include <sodium.h>

static const char about[] =
    "add LOGIN     makes a user; the password is asked for, or read from standard input\n"
    "passwd LOGIN  sets the password, asked for in the same way\n"
    "code LOGIN    prints a one-time sign-in code\n"
    "set LOGIN     changes the name, the role or the student (--student none: nobody's)\n"
    "disable LOGIN, enable LOGIN   a disabled user cannot sign in; its tokens end\n"
    "remove LOGIN  deletes the user; never the last admin\n"
    "list          who there is\n"
    "Works through the running server; with none running, on the database itself.";

static const char examples[] = "  rollcall user add jane --name 'Jane Doe' --role registrar\n"
                               "  pwgen 20 1 | rollcall user passwd jane\n"
                               "  rollcall user code admin\n"
                               "  rollcall user set jane --role instructor\n"
                               "  rollcall user list";

/* Where users live: exactly one of the two is set. */
struct users {
    struct remote *remote;
    struct db *db;
    struct arena *arena;
    usec_t code_ttl;
};

/* What a command wants done. */
struct wish {
    const char *login, *name, *role;
    const char *password; /* NULL: none */
    const char *student;  /* an id; "none": nobody's; NULL: as it is */
    int disabled;         /* 0, 1; -1: as it is */
};

static bool takes_student(const struct wish *w)
{
    return w->student && strcmp(w->student, "none") != 0;
}

static void print_row(const char *login, const char *name, const char *role)
{
    _cleanup_(buf_done) struct buf line;
    buf_init(&line, 4 * KIB);
    text_fit(&line, str_from(login), 24, false);
    buf_puts(&line, "  ");
    text_fit(&line, str_from(name), 28, false);
    buf_puts(&line, "  ");
    text_fit(&line, str_from(role), 12, false);
    printf("%.*s\n", STR_ARGS(buf_str(&line)));
}

/* ---- through the API */

struct match {
    const char *login;
    char id[ID_TEXT];
};

static enum err match_login(void *ctx, const json_t *item, struct error *e)
{
    struct match *m = ctx;
    (void)e;
    if (strcmp(json_text(item, "login"), m->login) == 0)
        snprintf(m->id, sizeof m->id, "%s", json_text(item, "id"));
    return ERR_OK;
}

static enum err print_item(void *ctx, const json_t *item, struct error *e)
{
    (void)ctx;
    (void)e;
    print_row(json_text(item, "login"), json_text(item, "name"), json_text(item, "role"));
    return ERR_OK;
}

static enum err no_user(const char *login, struct error *e)
{
    return error_set(e, ERR_NOT_FOUND, "there is no user %.80s", login);
}

static enum err remote_user(struct users *u, const char *login, char ret_id[static ID_TEXT],
                            struct error *e)
{
    struct match m = {.login = login};
    enum err r = remote_each(u->remote, "/v1/users", "", match_login, &m, e);
    if (!r && !m.id[0])
        r = no_user(login, e);
    snprintf(ret_id, ID_TEXT, "%s", m.id);
    return r;
}

static enum err remote_add(struct users *u, const struct wish *w, struct error *e)
{
    json_t *body =
        json_pack("{s:s, s:s, s:s}", "login", w->login, "name", w->name, "role", w->role);
    if (body && w->password)
        (void)json_object_set_new(body, "password", json_string(w->password));
    if (body && takes_student(w))
        (void)json_object_set_new(body, "student", json_string(w->student));
    return remote_json(u->remote, u->arena, HTTP_POST, "/v1/users", body, NULL, e);
}

static enum err remote_change(struct users *u, const struct wish *w, struct error *e)
{
    char id[ID_TEXT], path[64 + ID_TEXT];
    enum err r = remote_user(u, w->login, id, e);
    json_t *body = r ? NULL : json_object();
    if (!body)
        return r ? r : error_set(e, ERR_NOMEM, "out of memory");
    if (w->name)
        (void)json_object_set_new(body, "name", json_string(w->name));
    if (w->role)
        (void)json_object_set_new(body, "role", json_string(w->role));
    if (w->student)
        (void)json_object_set_new(body, "student",
                                  takes_student(w) ? json_string(w->student) : json_null());
    if (w->disabled >= 0)
        (void)json_object_set_new(body, "disabled", json_boolean(w->disabled));
    snprintf(path, sizeof path, "/v1/users/%s", id);
    return remote_json(u->remote, u->arena, HTTP_PATCH, path, body, NULL, e);
}

static enum err remote_remove(struct users *u, const struct wish *w, struct error *e)
{
    char id[ID_TEXT], path[64 + ID_TEXT];
    enum err r = remote_user(u, w->login, id, e);
    if (r)
        return r;
    snprintf(path, sizeof path, "/v1/users/%s", id);
    return remote_json(u->remote, u->arena, HTTP_DELETE, path, NULL, NULL, e);
}

static enum err remote_passwd(struct users *u, const struct wish *w, struct error *e)
{
    char id[ID_TEXT], path[64 + ID_TEXT];
    enum err r = remote_user(u, w->login, id, e);
    if (r)
        return r;
    snprintf(path, sizeof path, "/v1/users/%s/password", id);
    return remote_json(u->remote, u->arena, HTTP_PUT, path,
                       json_pack("{s:s}", "password", w->password), NULL, e);
}

static enum err remote_code(struct users *u, const char *login, char ret_code[static CODE_TEXT],
                            struct error *e)
{
    char id[ID_TEXT], path[64 + ID_TEXT];
    json_t *answer = NULL;
    enum err r = remote_user(u, login, id, e);
    if (r)
        return r;
    snprintf(path, sizeof path, "/v1/users/%s/code", id);
    struct error inner = {.code = ERR_OK};
    r = remote_json(u->remote, u->arena, HTTP_POST, path, NULL, &answer, &inner);
    if (r == ERR_NOT_FOUND || r == ERR_METHOD)
        return error_set(e, r, "this server issues no codes: stop it, then ask again");
    if (r)
        return error_set(e, r, "%s", inner.msg);
    snprintf(ret_code, CODE_TEXT, "%s", json_text(answer, "code"));
    json_decref(answer);
    return r;
}

/* ---- on the database */

struct local_call {
    struct arena *arena;
    const struct wish *wish;
    struct str hash; /* of the password; empty: none */
    char id[ID_TEXT];
    const char *action; /* as the route of the same is called, for the audit trail */
    db_fn fn;
    struct user_filter page; /* of the list */
    struct user *rows;
    int n;
};
enum { LIST_PAGE = 200 };

static enum err tx_add(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    struct user u = {.login = str_from(c->wish->login),
                     .name = str_from(c->wish->name),
                     .role = str_from(c->wish->role),
                     .password_hash = c->hash,
                     .created_at = time_utc()};
    id_new(u.id);
    snprintf(c->id, sizeof c->id, "%s", u.id);
    if (takes_student(c->wish))
        snprintf(u.student, sizeof u.student, "%s", c->wish->student);
    return user_insert(cx, &u, e);
}

static enum err tx_find(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    struct user u;
    enum err r = user_by_login(cx, c->arena, str_from(c->wish->login), &u, e);
    if (r == ERR_NOT_FOUND)
        return no_user(c->wish->login, e);
    if (!r)
        snprintf(c->id, sizeof c->id, "%s", u.id);
    return r;
}

static enum err tx_passwd(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    enum err r = tx_find(cx, ctx, e);
    return r ? r : user_set_password(cx, c->id, c->hash, e);
}

static enum err tx_change(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    const struct wish *w = c->wish;
    struct user u;
    int64_t version;
    enum err r = tx_find(cx, ctx, e);
    if (!r)
        r = user_get(cx, c->arena, c->id, &u, e);
    if (r)
        return r;
    if (w->name)
        u.name = str_from(w->name);
    if (w->role)
        u.role = str_from(w->role);
    if (w->student)
        snprintf(u.student, sizeof u.student, "%s", takes_student(w) ? w->student : "");
    if (w->disabled >= 0)
        u.disabled = w->disabled;
    u.updated_at = 0;
    return user_update(cx, &u, &version, e);
}

static enum err tx_remove(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    enum err r = tx_find(cx, ctx, e);
    return r ? r : user_delete(cx, c->id, e);
}

static enum err tx_list(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    return user_list(cx, c->arena, &c->page, LIST_PAGE, &c->rows, &c->n, e);
}

/* The change and its row in the audit trail, or neither. */
static enum err tx_audited(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    enum { DONE = 200 };
    enum err r = c->fn(cx, ctx, e);
    const struct audit row = {.at = time_utc(),
                              .actor_kind = STR("command"),
                              .action = str_from(c->action),
                              .subject_kind = STR("access"),
                              .subject = str_from(c->id),
                              .status = DONE};
    return r ? r : audit_insert(cx, &row, e);
}

static enum err local_write(struct users *u, const struct wish *w, db_fn fn, const char *action,
                            struct error *e)
{
    struct local_call call = {.arena = u->arena, .wish = w, .fn = fn, .action = action};
    enum role role;
    if (w->role && role_parse(str_from(w->role), &role, NULL))
        return error_set(e, ERR_INVALID, "there is no role %.60s", w->role);
    enum err r =
        w->password ? auth_hash_password(u->arena, str_from(w->password), &call.hash, e) : ERR_OK;
    return r ? r : db_tx(u->db, tx_audited, &call, e);
}

static enum err local_code(struct users *u, const struct wish *w, char ret_code[static CODE_TEXT],
                           struct error *e)
{
    struct local_call call = {
        .arena = u->arena, .wish = w, .fn = tx_find, .action = "createSignInCode"};
    enum err r = db_tx(u->db, tx_audited, &call, e);
    return r ? r : auth_issue_code(u->db, call.id, u->code_ttl, ret_code, e);
}

/* ---- the verbs */

static enum err add(struct users *u, const struct wish *w, struct error *e)
{
    enum err r = u->remote ? remote_add(u, w, e) : local_write(u, w, tx_add, "createUser", e);
    if (!r)
        printf("user %s added as %s\n", w->login, w->role);
    return r;
}

static enum err passwd(struct users *u, const struct wish *w, struct error *e)
{
    enum err r =
        u->remote ? remote_passwd(u, w, e) : local_write(u, w, tx_passwd, "setPassword", e);
    if (!r)
        printf("password of %s set\n", w->login);
    return r;
}

static enum err code(struct users *u, const struct wish *w, struct error *e)
{
    char text[CODE_TEXT] = "";
    enum err r = u->remote ? remote_code(u, w->login, text, e) : local_code(u, w, text, e);
    if (!r)
        printf("%s\n", text);
    return r;
}

static void print_user(struct users *u, const struct user *row)
{
    const char *login = arena_strdup(u->arena, row->login);
    const char *name = arena_strdup(u->arena, row->name);
    const char *role = arena_strdup(u->arena, row->role);
    if (login && name && role)
        print_row(login, name, role);
}

static enum err list(struct users *u, const struct wish *w, struct error *e)
{
    struct local_call call = {.arena = u->arena, .wish = w, .page = {.disabled = -1}};
    print_row("login", "name", "role");
    if (u->remote)
        return remote_each(u->remote, "/v1/users", "", print_item, NULL, e);
    for (;;) {
        enum err r = db_read(u->db, tx_list, &call, e);
        for (int i = 0; i < call.n && !r; i++)
            print_user(u, &call.rows[i]);
        if (r || call.n < LIST_PAGE)
            return r;
        memcpy(call.page.after, call.rows[call.n - 1].id, ID_TEXT);
    }
}

static enum err change(struct users *u, const struct wish *w, struct error *e)
{
    enum err r = u->remote ? remote_change(u, w, e) : local_write(u, w, tx_change, "updateUser", e);
    if (!r)
        printf("user %s changed\n", w->login);
    return r;
}

static enum err set(struct users *u, const struct wish *w, struct error *e)
{
    if (!w->name && !w->role && !w->student)
        return error_set(e, ERR_INVALID, "say what to set: --name, --role or --student");
    return change(u, w, e);
}

static enum err disable(struct users *u, const struct wish *w, struct error *e)
{
    const struct wish only = {.login = w->login, .disabled = 1};
    return change(u, &only, e);
}

static enum err enable(struct users *u, const struct wish *w, struct error *e)
{
    const struct wish only = {.login = w->login, .disabled = 0};
    return change(u, &only, e);
}

static enum err remove_user(struct users *u, const struct wish *w, struct error *e)
{
    enum err r = u->remote ? remote_remove(u, w, e) : local_write(u, w, tx_remove, "deleteUser", e);
    if (!r)
        printf("user %s removed\n", w->login);
    return r;
}

static const struct verb {
    const char *name;
    bool wants_login, wants_password;
    enum err (*fn)(struct users *u, const struct wish *w, struct error *e);
} verbs[] = {{"add", true, true, add},
             {"passwd", true, true, passwd},
             {"code", true, false, code},
             {"set", true, false, set},
             {"disable", true, false, disable},
             {"enable", true, false, enable},
             {"remove", true, false, remove_user},
             {"list", false, false, list}};

static int run_verb(const struct verb *verb, const struct config *config,
                    const struct remote_place *place, struct wish *wish, bool no_password)
{
    struct error e = {.code = ERR_OK};
    char password[PASSWORD_MAX];
    struct users u = {.arena = arena_new(16 * MIB),
                      .code_ttl = config->login_code_ttl_min * USEC_PER_MIN};
    enum err r = u.arena ? settings_reach(config, place, u.arena, &u.remote, &u.db, &e)
                         : error_set(&e, ERR_NOMEM, "out of memory");
    if (!r && verb->wants_password && !no_password) {
        r = password_read("Password: ", password, &e);
        wish->password = password;
    }
    if (!r)
        r = verb->fn(&u, wish, &e);
    sodium_memzero(password, sizeof password);
    remote_close(u.remote);
    settings_close_db(&u.db);
    arena_free(u.arena);
    return r ? cmd_fail("user", &e) : CMD_OK;
}

int cmd_user(int argc, char **argv)
{
    struct remote_place place = {0};
    struct wish wish = {.disabled = -1};
    bool no_password = false;
    const struct arg_option options[] = {
        {.name = "name", .metavar = "NAME", .ret = &wish.name, .help = "add, set: the full name"},
        {.name = "role",
         .metavar = "ROLE",
         .ret = &wish.role,
         .help = "add, set: admin (add's default) registrar instructor auditor student camera"},
        {.name = "student",
         .metavar = "ID",
         .ret = &wish.student,
         .help = "add, set: of role student, whose record it is"},
        {.name = "no-password",
         .type = ARG_FLAG,
         .ret = &no_password,
         .help = "add: none; sign in with a code (rollcall user code)"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "user",
                                  .synopsis =
                                      "add LOGIN [--name NAME] [--role ROLE] | passwd LOGIN "
                                      "| code LOGIN | set LOGIN [--name NAME] [--role ROLE] "
                                      "| disable LOGIN | enable LOGIN | remove LOGIN | list",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 1,
                                  .max_positional = 2};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    settings_place(config, &place);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].name, args.positional[0]) != 0)
            continue;
        if (verbs[i].wants_login != (args.n == 2))
            return cmd_bad_usage("user", "%s wants %s", verbs[i].name,
                                 verbs[i].wants_login ? "one login" : "no login");
        wish.login = args.n == 2 ? args.positional[1] : "";
        if (verbs[i].fn == add) {
            wish.name = wish.name ? wish.name : wish.login;
            wish.role = wish.role ? wish.role : role_name(ROLE_ADMIN);
        }
        return run_verb(&verbs[i], config, &place, &wish, no_password);
    }
    return cmd_bad_usage("user",
                         "'%s' is none of add, passwd, code, set, disable, enable, remove, list",
                         args.positional[0]);
}
