/* Users, and what they sign in with: one-use codes and bearer tokens, stored as hashes only. */
#pragma once

#include "base/id.h"
#include "store/db.h"

enum { TOKEN_HASH_BYTES = 32 };

struct user {
    char id[ID_TEXT];
    struct str login; /* unique, <= 64 bytes */
    struct str name;
    struct str role;          /* admin | registrar | instructor | auditor | student | camera */
    struct str password_hash; /* argon2id string; empty: none set */
    char student[ID_TEXT];    /* whose record it is, role student only; empty: none. Unique */
    bool disabled;            /* cannot sign in; its tokens are dead */
    int64_t tries;            /* wrong passwords since the last right one */
    usec_t locked_until;      /* no sign-in by password before; 0: not locked */
    int64_t version;          /* grows with each change: the ETag */
    usec_t created_at, updated_at;
};

/* Which users; empty text and -1 do not filter. */
struct user_filter {
    struct str role, login; /* exactly */
    struct str search;      /* part of login or name, without regard to ASCII case */
    int disabled;           /* 0, 1 or -1 */
    char after[ID_TEXT];
};

NODISCARD enum err user_insert(struct db_cx *cx, const struct user *u, struct error *e);
NODISCARD enum err user_by_login(struct db_cx *cx, struct arena *a, struct str login,
                                 struct user *ret_user, struct error *e);
NODISCARD enum err user_get(struct db_cx *cx, struct arena *a, const char *id,
                            struct user *ret_user, struct error *e);
/* The user of a student. Errors NOT_FOUND. */
NODISCARD enum err user_by_student(struct db_cx *cx, struct arena *a, struct student_id student,
                                   struct user *ret_user, struct error *e);
/* In order of id. */
NODISCARD enum err user_list(struct db_cx *cx, struct arena *a, const struct user_filter *filter,
                             int limit, struct user **ret_users, int *ret_n, struct error *e);
/* Writes name, role, disabled and student if the stored version is u->version (0: whatever it is).
 * A disabled user's tokens and codes end. Errors NOT_FOUND, PRECONDITION; CONFLICT: the student has
 * a user, or this would leave no admin who can sign in. */
NODISCARD enum err user_update(struct db_cx *cx, const struct user *u, int64_t *ret_version,
                               struct error *e);
/* With its tokens and courses taught. Errors NOT_FOUND; CONFLICT: the last admin. */
NODISCARD enum err user_delete(struct db_cx *cx, const char *id, struct error *e);
/* A wrong password: counts it and, from the `free`th on, locks the user from `at` for a second,
 * then two, four ... `longest` at most. */
NODISCARD enum err user_failed(struct db_cx *cx, const char *id, usec_t at, int free,
                               usec_t longest, struct error *e);
/* The right password: forgets the wrong ones. */
NODISCARD enum err user_succeeded(struct db_cx *cx, const char *id, struct error *e);
/* Also ends its tokens and codes, and a lock. Errors NOT_FOUND. */
NODISCARD enum err user_set_password(struct db_cx *cx, const char *id, struct str password_hash,
                                     struct error *e);
NODISCARD enum err user_count(struct db_cx *cx, int64_t *ret_count, struct error *e);

enum login_kind { LOGIN_CODE, LOGIN_TOKEN };

struct login {
    char id[ID_TEXT];
    char user[ID_TEXT];
    enum login_kind kind;
    uint8_t hash[TOKEN_HASH_BYTES]; /* of the secret; unique */
    usec_t created_at, expires_at;
};

NODISCARD enum err login_insert(struct db_cx *cx, const struct login *l, struct error *e);
/* The live (not expired at `now`) login with this hash, of a user who is not disabled.
 * Errors UNAUTHENTICATED. */
NODISCARD enum err login_find(struct db_cx *cx, struct arena *a, enum login_kind kind,
                              const uint8_t hash[static TOKEN_HASH_BYTES], usec_t now,
                              struct login *ret_login, struct user *ret_user, struct error *e);
/* Removes it (sign-out; a used code). ret_removed false: somebody was faster. */
NODISCARD enum err login_delete(struct db_cx *cx, const char *id, bool *ret_removed,
                                struct error *e);
/* Removes what expired before `now`. */
NODISCARD enum err login_purge(struct db_cx *cx, usec_t now, struct error *e);
