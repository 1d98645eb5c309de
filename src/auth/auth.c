/* Who is asking: see auth.h. Called on handler threads; the cache is a direct-mapped table under a
 * mutex, so a look-up is one hash and one compare. Invariant: an entry is never trusted for longer
 * than CACHE_TTL after the store confirmed it. */
#include "auth/auth.h"

#include "base/mem.h"
#include "store/api_client.h"

#include <pthread.h>
#include <stdio.h>

#include <sodium.h>

#define CACHE_TTL (5 * USEC_PER_SEC)
#define SEEN_EVERY USEC_PER_MIN
#define KEY_MARK "rck_"
#define LOCK_MAX (15 * USEC_PER_MIN)
enum { CACHE_SLOTS = 256, TRIES_FREE = 5, PASSWORD_MIN = 12, PASSWORD_MAX = 256 };

struct cache_slot {
    uint8_t hash[TOKEN_HASH_BYTES];
    struct principal who;
    usec_t until_mono;
};

struct auth {
    struct db *db; /* borrowed */
    char local_token[SECRET_TEXT];
    uint8_t local_hash[TOKEN_HASH_BYTES];
    pthread_mutex_t lock;
    struct cache_slot cache[CACHE_SLOTS]; /* under lock */
    uint64_t forgotten;                   /* under lock: times the cache was emptied */
};

static void secret_hash(struct str secret, uint8_t ret_hash[static TOKEN_HASH_BYTES])
{
    crypto_generichash(ret_hash, TOKEN_HASH_BYTES, (const unsigned char *)secret.p, secret.n, NULL,
                       0);
}

static void secret_new(char ret_text[static SECRET_TEXT])
{
    unsigned char raw[32];
    randombytes_buf(raw, sizeof raw);
    sodium_bin2base64(ret_text, SECRET_TEXT, raw, sizeof raw,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    sodium_memzero(raw, sizeof raw);
}

enum err auth_new(struct db *db, struct auth **ret_auth, struct error *e)
{
    struct auth *a = mem_alloc(sizeof *a);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory for sign-in");
    a->db = db;
    pthread_mutex_init(&a->lock, NULL);
    secret_new(a->local_token);
    secret_hash(str_from(a->local_token), a->local_hash);
    *ret_auth = a;
    return ERR_OK;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    secure_free(a, sizeof *a);
}

const char *auth_local_token(const struct auth *a) { return a->local_token; }

static struct cache_slot *slot_of(struct auth *a, const uint8_t *hash)
{
    return &a->cache[hash[0] % CACHE_SLOTS];
}

static bool cache_find(struct auth *a, const uint8_t *hash, struct principal *ret_who,
                       uint64_t *ret_forgotten)
{
    pthread_mutex_lock(&a->lock);
    *ret_forgotten = a->forgotten;
    struct cache_slot *s = slot_of(a, hash);
    bool hit = s->until_mono > time_mono() && sodium_memcmp(s->hash, hash, TOKEN_HASH_BYTES) == 0;
    if (hit)
        *ret_who = s->who;
    pthread_mutex_unlock(&a->lock);
    return hit;
}

/* What the store said before the cache was emptied may be what was revoked meanwhile. */
static void cache_keep(struct auth *a, const uint8_t *hash, const struct principal *who,
                       uint64_t forgotten)
{
    pthread_mutex_lock(&a->lock);
    struct cache_slot *s = slot_of(a, hash);
    if (forgotten == a->forgotten) {
        memcpy(s->hash, hash, TOKEN_HASH_BYTES);
        s->who = *who;
        s->until_mono = time_mono() + CACHE_TTL;
    }
    pthread_mutex_unlock(&a->lock);
}

void auth_forget(struct auth *a)
{
    pthread_mutex_lock(&a->lock);
    memset(a->cache, 0, sizeof a->cache);
    a->forgotten++;
    pthread_mutex_unlock(&a->lock);
}

struct find_ctx {
    enum login_kind kind;
    uint8_t hash[TOKEN_HASH_BYTES];
    struct arena *mem;
    struct login login;
    struct user user;
};

static enum err find_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct find_ctx *f = ctx;
    return login_find(cx, f->mem, f->kind, f->hash, time_utc(), &f->login, &f->user, e);
}

/* A student whose user is tied to no record owns nothing, and not everything. */
static void scope_fill(const struct user *u, struct principal *who)
{
    enum reach reach = role_reach(who->role);
    if (reach == REACH_COURSES)
        memcpy(who->scope.instructor, u->id, ID_TEXT);
    if (reach == REACH_RECORD)
        memcpy(who->scope.student, u->student[0] ? u->student : SCOPE_NOBODY,
               u->student[0] ? ID_TEXT : sizeof SCOPE_NOBODY);
}

static enum err principal_from_store(struct auth *a, const uint8_t *hash, struct principal *ret_who,
                                     struct error *e)
{
    _cleanup_(arena_freep) struct arena *mem = arena_new(64 * KIB);
    if (!mem)
        return error_set(e, ERR_NOMEM, "no memory to check a token");
    struct find_ctx f = {.kind = LOGIN_TOKEN, .mem = mem};
    memcpy(f.hash, hash, sizeof f.hash);
    enum err r = db_read(a->db, find_fn, &f, e);
    if (r == ERR_UNAUTHENTICATED)
        return error_set(e, r, "this token is unknown, expired or revoked: sign in again");
    if (r)
        return r;
    memcpy(ret_who->user, f.login.user, ID_TEXT);
    memcpy(ret_who->login, f.login.id, ID_TEXT);
    r = role_parse(f.user.role, &ret_who->role, e);
    if (r == ERR_OK)
        scope_fill(&f.user, ret_who);
    ret_who->perms = r ? 0 : role_perms(ret_who->role);
    return r;
}

void auth_api_key(char ret_key[static API_KEY_TEXT], uint8_t ret_hash[static TOKEN_HASH_BYTES])
{
    char secret[SECRET_TEXT];
    secret_new(secret);
    memcpy(ret_key, KEY_MARK, sizeof KEY_MARK - 1);
    memcpy(ret_key + sizeof KEY_MARK - 1, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    secret_hash(str_from(ret_key), ret_hash);
}

struct key_ctx {
    const uint8_t *hash;
    struct arena *mem;
    struct api_client client;
    usec_t now;
};

static enum err key_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct key_ctx *k = ctx;
    return api_client_by_key(cx, k->mem, k->hash, k->now, &k->client, e);
}

static enum err seen_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct key_ctx *k = ctx;
    return api_client_seen(cx, k->client.id, k->now, k->now - SEEN_EVERY, e);
}

static enum err principal_from_key(struct auth *a, const uint8_t *hash, struct principal *ret_who,
                                   struct error *e)
{
    _cleanup_(arena_freep) struct arena *mem = arena_new(64 * KIB);
    if (!mem)
        return error_set(e, ERR_NOMEM, "no memory to check a key");
    struct key_ctx k = {.hash = hash, .mem = mem, .now = time_utc()};
    enum client_kind kind = CLIENT_CAMERA;
    struct error ignored;
    uint64_t perms = 0;
    enum err r = db_read(a->db, key_fn, &k, e);
    if (r == ERR_OK)
        r = client_kind_parse(k.client.kind, &kind, e);
    if (r == ERR_OK)
        r = perms_parse(k.client.scopes, &perms, e);
    if (r)
        return r;
    *ret_who = (struct principal){.role = client_kind_role(kind),
                                  .perms = perms & client_kind_perms(kind),
                                  .client = true,
                                  .camera = k.client.camera};
    memcpy(ret_who->user, k.client.id, ID_TEXT);
    if (k.client.last_seen < k.now - SEEN_EVERY)
        r = db_tx(a->db, seen_fn, &k, &ignored); /* when it was seen is not worth a refusal */
    return ERR_OK;
}

enum err auth_check(struct auth *a, struct str header, struct principal *ret_who, struct error *e)
{
    static const char scheme[] = "Bearer ";
    struct str prefix = {header.p, sizeof scheme - 1};
    if (header.n < sizeof scheme || !str_eq_nocase(prefix, str_from(scheme)))
        return error_set(
            e, ERR_UNAUTHENTICATED,
            "send your token as 'Authorization: Bearer TOKEN'; sign in at POST /v1/login");
    struct str token = str_trim((struct str){header.p + prefix.n, header.n - prefix.n});
    uint8_t hash[TOKEN_HASH_BYTES];
    secret_hash(token, hash);
    if (sodium_memcmp(hash, a->local_hash, sizeof hash) == 0) {
        *ret_who = (struct principal){
            .user = "local", .role = ROLE_ADMIN, .perms = role_perms(ROLE_ADMIN)};
        return ERR_OK;
    }
    uint64_t forgotten;
    if (cache_find(a, hash, ret_who, &forgotten))
        return ERR_OK;
    struct principal who = {0};
    enum err r = str_starts(token, STR(KEY_MARK)) ? principal_from_key(a, hash, &who, e)
                                                  : principal_from_store(a, hash, &who, e);
    if (r)
        return r;
    cache_keep(a, hash, &who, forgotten);
    *ret_who = who;
    return ERR_OK;
}

struct issue_ctx {
    struct login login;
};

static enum err issue_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct issue_ctx *i = ctx;
    return login_insert(cx, &i->login, e);
}

static enum err issue(struct db *db, const char *user, enum login_kind kind, struct str secret,
                      usec_t ttl, struct login *ret_login, struct error *e)
{
    struct issue_ctx i = {.login = {.kind = kind, .created_at = time_utc()}};
    id_new(i.login.id);
    memcpy(i.login.user, user, ID_TEXT);
    i.login.expires_at = i.login.created_at + ttl;
    secret_hash(secret, i.login.hash);
    enum err r = db_tx(db, issue_fn, &i, e);
    if (r == ERR_OK && ret_login)
        *ret_login = i.login;
    return r;
}

enum err auth_issue_code(struct db *db, const char *user, usec_t ttl,
                         char ret_code[static CODE_TEXT], struct error *e)
{
    /* Crockford's base 32: no letters that look like digits. 80 bits, one use, short life. */
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    char code[CODE_TEXT] = {0};
    for (int i = 0, at = 0; i < 16; i++) {
        if (i && i % 4 == 0)
            code[at++] = '-';
        code[at++] = alphabet[randombytes_uniform(32)];
    }
    enum err r = issue(db, user, LOGIN_CODE, str_from(code), ttl, NULL, e);
    if (r == ERR_OK)
        memcpy(ret_code, code, CODE_TEXT);
    return r;
}

static enum err take_code_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct find_ctx *f = ctx;
    bool removed = false;
    enum err r = find_fn(cx, ctx, e);
    if (r == ERR_OK)
        r = login_delete(cx, f->login.id, &removed, e);
    if (r == ERR_OK && !removed)
        return error_set(e, ERR_UNAUTHENTICATED, "used already");
    return r;
}

enum err auth_by_code(struct auth *a, struct arena *mem, struct str code, usec_t ttl,
                      char ret_token[static SECRET_TEXT], struct login *ret_login,
                      struct user *ret_user, struct error *e)
{
    struct find_ctx f = {.kind = LOGIN_CODE, .mem = mem};
    secret_hash(str_trim(code), f.hash);
    enum err r = db_tx(a->db, take_code_fn, &f, e);
    if (r == ERR_UNAUTHENTICATED)
        return error_set(e, r,
                         "this sign-in code is wrong, used or expired: ask for a new one with "
                         "`rollcall user code LOGIN`");
    if (r)
        return r;
    secret_new(ret_token);
    *ret_user = f.user;
    return issue(a->db, f.user.id, LOGIN_TOKEN, str_from(ret_token), ttl, ret_login, e);
}

struct password_ctx {
    struct arena *mem;
    struct str login;
    struct user user;
    bool right;
};

static enum err password_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct password_ctx *p = ctx;
    return user_by_login(cx, p->mem, p->login, &p->user, e);
}

/* What is tried while the login is locked does not count: it was not looked at. */
static enum err tried_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct password_ctx *p = ctx;
    return p->right ? user_succeeded(cx, p->user.id, e)
                    : user_failed(cx, p->user.id, time_utc(), TRIES_FREE, LOCK_MAX, e);
}

/* One verification is always paid for, so that the time taken does not tell whether a login exists.
 */
static bool password_matches(const struct user *u, struct str password)
{
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    const char *stored = u->password_hash.n ? u->password_hash.p : nobody;
    return crypto_pwhash_str_verify(stored, password.p, password.n) == 0 && u->password_hash.n;
}

enum err auth_by_password(struct auth *a, struct arena *mem, struct str login, struct str password,
                          usec_t ttl, char ret_token[static SECRET_TEXT], struct login *ret_login,
                          struct user *ret_user, struct error *e)
{
    struct password_ctx p = {.mem = mem, .login = login};
    enum err r = db_read(a->db, password_fn, &p, e);
    if (r && r != ERR_NOT_FOUND)
        return r;
    bool right = password_matches(&p.user, password);
    bool open = p.user.id[0] && !p.user.disabled && p.user.locked_until <= time_utc();
    p.right = right;
    if (open && (!right || p.user.tries)) {
        r = db_tx(a->db, tried_fn, &p, e);
        if (r)
            return r;
    }
    memcpy(ret_user->id, p.user.id, ID_TEXT);
    if (!open || !right)
        return error_set(e, ERR_UNAUTHENTICATED,
                         "login or password is wrong; after several wrong ones even the right one "
                         "has to wait, 15 minutes at most");
    p.user.tries = p.user.locked_until = 0;
    secret_new(ret_token);
    *ret_user = p.user;
    return issue(a->db, p.user.id, LOGIN_TOKEN, str_from(ret_token), ttl, ret_login, e);
}

static enum err sign_out_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct principal *who = ctx;
    bool removed;
    return login_delete(cx, who->login, &removed, e);
}

enum err auth_sign_out(struct auth *a, const struct principal *who, struct error *e)
{
    struct principal copy = *who;
    if (!copy.login[0])
        return error_set(e, ERR_CONFLICT, "the local token ends when the server stops");
    enum err r = db_tx(a->db, sign_out_fn, &copy, e);
    auth_forget(a);
    return r;
}

enum err auth_hash_password(struct arena *mem, struct str password, struct str *ret_hash,
                            struct error *e)
{
    if (password.n < PASSWORD_MIN || password.n > PASSWORD_MAX)
        return error_set(e, ERR_INVALID, "a password has %d to %d bytes", PASSWORD_MIN,
                         PASSWORD_MAX);
    char *text = arena_alloc(mem, crypto_pwhash_STRBYTES);
    if (!text || crypto_pwhash_str(text, password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                   crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0)
        return error_set(e, ERR_NOMEM, "no memory to hash a password");
    *ret_hash = str_from(text);
    return ERR_OK;
}
