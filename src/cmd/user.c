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

#include <sodium.h>

static const char about[] =
    "add LOGIN     makes a user; the password is asked for, or read from standard input\n"
    "passwd LOGIN  sets the password, asked for in the same way\n"
    "code LOGIN    prints a one-time sign-in code\n"
    "list          who there is\n"
    "Works through the running server; with none running, on the database itself.";

static const char examples[] = "  rollcall user add jane --name 'Jane Doe' --role registrar\n"
                               "  pwgen 20 1 | rollcall user passwd jane\n"
                               "  rollcall user code admin\n"
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
};

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
    return remote_json(u->remote, u->arena, HTTP_POST, "/v1/users", body, NULL, e);
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
    struct user *rows;
    int n;
};

static enum err tx_add(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    struct user u = {.login = str_from(c->wish->login),
                     .name = str_from(c->wish->name),
                     .role = str_from(c->wish->role),
                     .password_hash = c->hash,
                     .created_at = time_utc()};
    id_new(u.id);
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

static enum err tx_list(struct db_cx *cx, void *ctx, struct error *e)
{
    struct local_call *c = ctx;
    return user_list(cx, c->arena, &c->rows, &c->n, e);
}

static enum err local_write(struct users *u, const struct wish *w, db_fn fn, struct error *e)
{
    struct local_call call = {.arena = u->arena, .wish = w};
    enum role role;
    if (w->role && role_parse(str_from(w->role), &role, NULL))
        return error_set(e, ERR_INVALID, "there is no role %.60s", w->role);
    enum err r =
        w->password ? auth_hash_password(u->arena, str_from(w->password), &call.hash, e) : ERR_OK;
    return r ? r : db_tx(u->db, fn, &call, e);
}

static enum err local_code(struct users *u, const struct wish *w, char ret_code[static CODE_TEXT],
                           struct error *e)
{
    struct local_call call = {.arena = u->arena, .wish = w};
    enum err r = db_read(u->db, tx_find, &call, e);
    return r ? r : auth_issue_code(u->db, call.id, u->code_ttl, ret_code, e);
}

/* ---- the four verbs */

static enum err add(struct users *u, const struct wish *w, struct error *e)
{
    enum err r = u->remote ? remote_add(u, w, e) : local_write(u, w, tx_add, e);
    if (!r)
        printf("user %s added as %s\n", w->login, w->role);
    return r;
}

static enum err passwd(struct users *u, const struct wish *w, struct error *e)
{
    enum err r = u->remote ? remote_passwd(u, w, e) : local_write(u, w, tx_passwd, e);
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

static enum err list(struct users *u, const struct wish *w, struct error *e)
{
    struct local_call call = {.arena = u->arena, .wish = w};
    print_row("login", "name", "role");
    if (u->remote)
        return remote_each(u->remote, "/v1/users", "", print_item, NULL, e);
    enum err r = db_read(u->db, tx_list, &call, e);
    for (int i = 0; i < call.n && !r; i++) {
        const struct user *row = &call.rows[i];
        const char *login = arena_strdup(u->arena, row->login);
        const char *name = arena_strdup(u->arena, row->name);
        const char *role = arena_strdup(u->arena, row->role);
        if (login && name && role)
            print_row(login, name, role);
    }
    return r;
}

static const struct verb {
    const char *name;
    bool wants_login, wants_password;
    enum err (*fn)(struct users *u, const struct wish *w, struct error *e);
} verbs[] = {{"add", true, true, add},
             {"passwd", true, true, passwd},
             {"code", true, false, code},
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
    struct wish wish = {.role = "admin"};
    bool no_password = false;
    const struct arg_option options[] = {
        {.name = "name", .metavar = "NAME", .ret = &wish.name, .help = "add: the full name"},
        {.name = "role",
         .metavar = "ROLE",
         .ret = &wish.role,
         .help = "add: admin (default) registrar instructor auditor student camera"},
        {.name = "no-password",
         .type = ARG_FLAG,
         .ret = &no_password,
         .help = "add: none; sign in with a code (rollcall user code)"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "user",
                                  .synopsis =
                                      "add LOGIN [--name NAME] [--role ROLE] | passwd LOGIN "
                                      "| code LOGIN | list",
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
        wish.name = wish.name ? wish.name : wish.login;
        return run_verb(&verbs[i], config, &place, &wish, no_password);
    }
    return cmd_bad_usage("user", "'%s' is none of add, passwd, code, list", args.positional[0]);
}
