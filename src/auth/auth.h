/* Who is asking: passwords, one-time sign-in codes and bearer tokens.
 *
 * Secrets are random 256-bit values; the store holds only their BLAKE2b hash. A verified token is
 * remembered for a few seconds in a small bounded cache (frames arrive 20,000 times a second),
 * which a sign-out in this process empties. The local token is made at start, written to the data
 * folder for the tools of the operating-system user who owns it, and dies with the process. Thread:
 * any. */
#pragma once

#include "auth/permission.h"
#include "store/access.h"
#include "store/db.h"
#include "store/user.h"

struct auth;

struct principal {
    char user[ID_TEXT];      /* the user's or API client's id; "local" for the local token */
    char login[ID_TEXT];     /* the login row of the token; empty without one */
    enum role role;          /* what row rules see */
    uint64_t perms;          /* what it may: of the role, or of the API client */
    bool client;             /* an API client */
    struct camera_id camera; /* the API client is this camera; empty: none */
    struct scope scope;      /* what rows are theirs; all for the roles of the whole institution */
};

static inline bool principal_may(const struct principal *who, enum perm p)
{
    return p == PERM_PUBLIC || (who->perms >> p & 1);
}

/* "rck_", base64url and the terminator. */
enum { API_KEY_TEXT = 48, API_KEY_PREFIX = 8 };
enum { SECRET_TEXT = 44, CODE_TEXT = 20 }; /* base64url and the terminator; XXXX-XXXX-XXXX-XXXX */

NODISCARD enum err auth_new(struct db *db, struct auth **ret_auth, struct error *e);
void auth_free(struct auth *a);
/* The process's local token. Valid until auth_free. */
const char *auth_local_token(const struct auth *a);

/* Reads an Authorization header. Errors UNAUTHENTICATED: says what to send. */
NODISCARD enum err auth_check(struct auth *a, struct str header, struct principal *ret_who,
                              struct error *e);

/* A new random API key and its hash. */
void auth_api_key(char ret_key[static API_KEY_TEXT], uint8_t ret_hash[static TOKEN_HASH_BYTES]);

/* Exchanges a one-use code, or a login and password, for a token that lives `ttl`.
 * Errors UNAUTHENTICATED (the same words whatever was wrong). From the fifth wrong password on, a
 * login waits before the next is looked at: one second, two, four ... 15 minutes at most. A code
 * needs no waiting. A password that is refused leaves in ret_user->id whose login it was tried on:
 * for the audit trail, never for an answer. */
NODISCARD enum err auth_by_code(struct auth *a, struct arena *mem, struct str code, usec_t ttl,
                                char ret_token[static SECRET_TEXT], struct login *ret_login,
                                struct user *ret_user, struct error *e);
NODISCARD enum err auth_by_password(struct auth *a, struct arena *mem, struct str login,
                                    struct str password, usec_t ttl,
                                    char ret_token[static SECRET_TEXT], struct login *ret_login,
                                    struct user *ret_user, struct error *e);
/* A change of a user, its tokens or an API client was committed: this process believes no token or
 * key it has seen before; another one believes it for a few seconds more. */
void auth_forget(struct auth *a);
/* Revokes the token that `who` came with. */
NODISCARD enum err auth_sign_out(struct auth *a, const struct principal *who, struct error *e);

/* Makes a one-use sign-in code for the user, good for `ttl`. */
NODISCARD enum err auth_issue_code(struct db *db, const char *user, usec_t ttl,
                                   char ret_code[static CODE_TEXT], struct error *e);
/* The argon2id string of a password (12 to 256 characters). Errors INVALID, NOMEM. Cost: 55 ms. */
NODISCARD enum err auth_hash_password(struct arena *mem, struct str password, struct str *ret_hash,
                                      struct error *e);
