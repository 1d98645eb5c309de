/* Tests of auth: codes, passwords, tokens and the role table, against a real SQLite file. */
#include "auth/auth.h"

#include "store/api_client.h"
#include "store/migrate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define PASSWORD "correct horse battery"

static char folder[] = "/tmp/rollcall-auth-XXXXXX";
static struct db *db;
static struct auth *auth;
static struct user ada;

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return user_insert(cx, ctx, e);
}

static int open_all(void **state)
{
    (void)state;
    static struct arena *mem;
    char path[64];
    int applied;
    mem = arena_new(64 * KIB);
    if (!mem || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/test.db", folder);
    const struct db_options o = {.path = path, .readers = 2, .create = true};
    ada = (struct user){.login = STR("ada"),
                        .name = STR("Ada"),
                        .role = STR("registrar"),
                        .created_at = time_utc()};
    id_new(ada.id);
    int bad = db_sqlite_open(&o, &db, NULL) || migrate_up(db, &applied, NULL) ||
              auth_hash_password(mem, STR(PASSWORD), &ada.password_hash, NULL) ||
              db_tx(db, insert_fn, &ada, NULL) || auth_new(db, &auth, NULL);
    arena_free(mem);
    ada.password_hash = (struct str){0};
    return bad;
}

static int close_all(void **state)
{
    (void)state;
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm", "test.db.lock"};
    auth_free(auth);
    db_close(db);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[64];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static enum err check(const char *scheme, const char *token, struct principal *ret_who)
{
    char header[512];
    snprintf(header, sizeof header, "%s%s", scheme, token);
    return auth_check(auth, str_from(header), ret_who, NULL);
}

static enum err by_code(const char *code, usec_t ttl, char token[static SECRET_TEXT])
{
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    struct login login;
    struct user user;
    return auth_by_code(auth, a, str_from(code), ttl, token, &login, &user, NULL);
}

static enum err by_password(const char *login_name, const char *password,
                            char token[static SECRET_TEXT])
{
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    struct login login;
    struct user user;
    return auth_by_password(auth, a, str_from(login_name), str_from(password), USEC_PER_HOUR, token,
                            &login, &user, NULL);
}

static void a_code_gives_a_token_once(void **state)
{
    (void)state;
    char code[CODE_TEXT], token[SECRET_TEXT], again[SECRET_TEXT];
    struct principal who;
    assert_int_equal(auth_issue_code(db, ada.id, USEC_PER_HOUR, code, NULL), ERR_OK);
    assert_int_equal(strlen(code), CODE_TEXT - 1);
    assert_int_equal(by_code(code, USEC_PER_HOUR, token), ERR_OK);
    assert_int_equal(check("Bearer ", token, &who), ERR_OK);
    assert_string_equal(who.user, ada.id);
    assert_int_equal(who.role, ROLE_REGISTRAR);
    assert_int_equal(by_code(code, USEC_PER_HOUR, again), ERR_UNAUTHENTICATED);
}

static void an_expired_or_invented_code_gives_nothing(void **state)
{
    (void)state;
    char code[CODE_TEXT], token[SECRET_TEXT];
    assert_int_equal(auth_issue_code(db, ada.id, -1, code, NULL), ERR_OK);
    assert_int_equal(by_code(code, USEC_PER_HOUR, token), ERR_UNAUTHENTICATED);
    assert_int_equal(by_code("0000-0000-0000-0000", USEC_PER_HOUR, token), ERR_UNAUTHENTICATED);
    assert_int_equal(by_code("", USEC_PER_HOUR, token), ERR_UNAUTHENTICATED);
}

static void a_code_is_no_token_and_a_token_no_code(void **state)
{
    (void)state;
    char code[CODE_TEXT], token[SECRET_TEXT], other[SECRET_TEXT];
    struct principal who;
    assert_int_equal(auth_issue_code(db, ada.id, USEC_PER_HOUR, code, NULL), ERR_OK);
    assert_int_equal(check("Bearer ", code, &who), ERR_UNAUTHENTICATED);
    assert_int_equal(by_code(code, USEC_PER_HOUR, token), ERR_OK);
    assert_int_equal(by_code(token, USEC_PER_HOUR, other), ERR_UNAUTHENTICATED);
}

static void only_the_right_login_and_password_sign_in(void **state)
{
    (void)state;
    char token[SECRET_TEXT];
    struct principal who;
    assert_int_equal(by_password("ada", PASSWORD, token), ERR_OK);
    assert_int_equal(check("Bearer ", token, &who), ERR_OK);
    assert_int_equal(by_password("ada", PASSWORD "!", token), ERR_UNAUTHENTICATED);
    assert_int_equal(by_password("ada", "", token), ERR_UNAUTHENTICATED);
    assert_int_equal(by_password("nobody", PASSWORD, token), ERR_UNAUTHENTICATED);
    assert_int_equal(by_password("", "", token), ERR_UNAUTHENTICATED);
}

static void a_wrong_header_says_what_to_send(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "", "Bearer", "Bearer ", "Basic YTpi", "Token x", "Bearer not-a-token", "Bearer  "};
    struct principal who;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        assert_int_equal(check(headers[i], "", &who), ERR_UNAUTHENTICATED);
}

static void the_local_token_is_an_admin_and_cannot_sign_out(void **state)
{
    (void)state;
    struct principal who;
    assert_int_equal(check("bearer ", auth_local_token(auth), &who), ERR_OK);
    assert_int_equal(who.role, ROLE_ADMIN);
    assert_string_equal(who.user, "local");
    assert_int_equal(auth_sign_out(auth, &who, NULL), ERR_CONFLICT);
}

static void a_signed_out_token_is_refused_at_once(void **state)
{
    (void)state;
    char token[SECRET_TEXT];
    struct principal who;
    assert_int_equal(by_password("ada", PASSWORD, token), ERR_OK);
    assert_int_equal(check("Bearer ", token, &who), ERR_OK);
    assert_int_equal(auth_sign_out(auth, &who, NULL), ERR_OK);
    assert_int_equal(check("Bearer ", token, &who), ERR_UNAUTHENTICATED);
}

static void an_expired_token_is_refused(void **state)
{
    (void)state;
    char code[CODE_TEXT], token[SECRET_TEXT];
    struct principal who;
    assert_int_equal(auth_issue_code(db, ada.id, USEC_PER_HOUR, code, NULL), ERR_OK);
    assert_int_equal(by_code(code, -1, token), ERR_OK);
    assert_int_equal(check("Bearer ", token, &who), ERR_UNAUTHENTICATED);
}

static void a_password_has_a_length_between_its_limits(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        enum err wanted;
    } rows[] = {
        {0, ERR_INVALID}, {11, ERR_INVALID}, {12, ERR_OK}, {256, ERR_OK}, {257, ERR_INVALID}};
    char text[300];
    memset(text, 'p', sizeof text);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
        struct str hash;
        assert_int_equal(auth_hash_password(a, (struct str){text, rows[i].n}, &hash, NULL),
                         rows[i].wanted);
    }
}

static enum err client_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return api_client_insert(cx, ctx, e);
}

static enum err revoke_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return api_client_revoke(cx, ctx, time_utc(), e);
}

static void a_key_gives_its_scopes_within_those_of_its_kind_until_it_is_revoked(void **state)
{
    (void)state;
    char key[API_KEY_TEXT];
    struct principal who;
    struct api_client c = {.name = STR("kiosk"),
                           .kind = STR("kiosk"),
                           .scopes = STR("self frame.post user.admin"),
                           .prefix = STR("rck_"),
                           .created_by = STR("local")};
    id_new(c.id);
    auth_api_key(key, c.key_hash);
    assert_int_equal(check("Bearer ", key, &who), ERR_UNAUTHENTICATED);
    assert_int_equal(db_tx(db, client_fn, &c, NULL), ERR_OK);
    assert_int_equal(check("Bearer ", key, &who), ERR_OK);
    assert_string_equal(who.user, c.id);
    assert_true(who.client && who.role == ROLE_CAMERA && !who.login[0]);
    assert_true(principal_may(&who, PERM_FRAME_POST) && principal_may(&who, PERM_PUBLIC));
    assert_false(principal_may(&who, PERM_SESSION_READ)); /* its kind may, it was not given it */
    assert_false(principal_may(&who, PERM_USER_ADMIN));   /* whatever the row says */
    assert_int_equal(db_tx(db, revoke_fn, c.id, NULL), ERR_OK);
    assert_int_equal(check("Bearer ", key, &who), ERR_OK); /* remembered, until told */
    auth_forget(auth);
    assert_int_equal(check("Bearer ", key, &who), ERR_UNAUTHENTICATED);
}

static void permissions_are_read_from_their_words(void **state)
{
    (void)state;
    uint64_t perms;
    assert_int_equal(perms_parse(STR(""), &perms, NULL), ERR_OK);
    assert_true(perms == 0);
    assert_int_equal(perms_parse(STR("self frame.post"), &perms, NULL), ERR_OK);
    assert_true(perms == (1ull << PERM_SELF | 1ull << PERM_FRAME_POST));
    assert_int_equal(perms_parse(STR("self frame"), &perms, NULL), ERR_INVALID);
    for (int k = 0; k < CLIENT_KIND_N; k++) {
        enum client_kind parsed;
        uint64_t most = client_kind_perms((enum client_kind)k);
        assert_int_equal(client_kind_parse(str_from(client_kind_names[k]), &parsed, NULL), ERR_OK);
        assert_int_equal(parsed, k);
        assert_true(most >> PERM_SELF & 1);
        assert_false(most >> PERM_USER_ADMIN & 1);
    }
}

static void the_role_table_gives_each_role_what_it_needs_and_no_more(void **state)
{
    (void)state;
    static const struct {
        enum role role;
        enum perm perm;
        bool may;
    } rows[] = {
        {ROLE_ADMIN, PERM_USER_ADMIN, true},        {ROLE_ADMIN, PERM_FRAME_POST, true},
        {ROLE_REGISTRAR, PERM_STUDENT_WRITE, true}, {ROLE_REGISTRAR, PERM_USER_ADMIN, false},
        {ROLE_INSTRUCTOR, PERM_SELF, true},         {ROLE_INSTRUCTOR, PERM_STUDENT_WRITE, false},
        {ROLE_AUDITOR, PERM_STUDENT_READ, true},    {ROLE_AUDITOR, PERM_STUDENT_WRITE, false},
        {ROLE_AUDITOR, PERM_FRAME_POST, false},     {ROLE_STUDENT, PERM_SELF, true},
        {ROLE_STUDENT, PERM_ROSTER_READ, false},    {ROLE_STUDENT, PERM_FRAME_POST, false},
        {ROLE_CAMERA, PERM_FRAME_POST, true},       {ROLE_CAMERA, PERM_STUDENT_READ, false},
        {ROLE_CAMERA, PERM_STUDENT_WRITE, false},   {ROLE_CAMERA, PERM_USER_ADMIN, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (role_may(rows[i].role, rows[i].perm) != rows[i].may)
            fail_msg("%s, %s", role_name(rows[i].role), perm_name(rows[i].perm));
    for (int r = 0; r < ROLE_N; r++) {
        enum role parsed;
        assert_int_equal(role_parse(str_from(role_name((enum role)r)), &parsed, NULL), ERR_OK);
        assert_int_equal(parsed, r);
    }
    enum role none;
    assert_int_equal(role_parse(STR("root"), &none, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_gives_a_token_once),
        cmocka_unit_test(an_expired_or_invented_code_gives_nothing),
        cmocka_unit_test(a_code_is_no_token_and_a_token_no_code),
        cmocka_unit_test(only_the_right_login_and_password_sign_in),
        cmocka_unit_test(a_wrong_header_says_what_to_send),
        cmocka_unit_test(the_local_token_is_an_admin_and_cannot_sign_out),
        cmocka_unit_test(a_signed_out_token_is_refused_at_once),
        cmocka_unit_test(an_expired_token_is_refused),
        cmocka_unit_test(a_password_has_a_length_between_its_limits),
        cmocka_unit_test(a_key_gives_its_scopes_within_those_of_its_kind_until_it_is_revoked),
        cmocka_unit_test(permissions_are_read_from_their_words),
        cmocka_unit_test(the_role_table_gives_each_role_what_it_needs_and_no_more),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
