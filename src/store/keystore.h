/* The keystore: a random key for each student and purpose, wrapped by the installation key, in a
 * database of its own, outside the backups of the other one. What is sealed under a student's key
 * is erased everywhere, in old backups too, when the key is destroyed.
 *
 *  face    seals templates and enrolment photos; destroyed when the consent ends
 *  record  seals what the register keeps of the student in confidence; destroyed when the student
 *          is deleted
 *
 * A key is made before the transaction that writes what it seals, and destroyed before the one that
 * removes it: a crash between leaves a key nobody uses, or rows nobody can read, never the
 * reverse. A destroyed key leaves its fingerprint and the time behind.
 * Keys in use lie in a small cache; it is wiped when it is closed.
 * Never call this inside a db_fn (it has transactions of its own). Thread: any. */
#pragma once

#include "base/id.h"
#include "base/seal.h"
#include "store/db.h"

#define KEY_PURPOSE_MAP(X) X(FACE, "face") X(RECORD, "record")

enum key_purpose {
#define X(code, word) KEY_##code,
    KEY_PURPOSE_MAP(X)
#undef X
};
enum { KEY_PURPOSE_N = KEY_RECORD + 1 };
enum { KEY_FINGERPRINT = 33 }; /* 128 bits in hexadecimal digits */

const char *key_purpose_name(enum key_purpose p);

struct keystore;

/* `db` becomes the keystore's, on success; open an SQLite one with db_options.secret. Makes the
 * table when it is missing. */
NODISCARD enum err keystore_open(struct db *db, const struct seal_key *installation,
                                 struct keystore **ret_keystore, struct error *e);
void keystore_close(struct keystore *k);
/* Makes the table alone: for tests of the queries. */
NODISCARD enum err keystore_tables(struct db *db, struct error *e);

/* Errors NOT_FOUND: there is none, or it was destroyed: what it sealed is erased. CORRUPT: it was
 * wrapped by another installation key. UNAVAILABLE. */
NODISCARD enum err keystore_get(struct keystore *k, struct student_id student,
                                enum key_purpose purpose, struct seal_key *ret_key,
                                struct error *e);
/* The same, made when there is none. */
NODISCARD enum err keystore_make(struct keystore *k, struct student_id student,
                                 enum key_purpose purpose, struct seal_key *ret_key,
                                 struct error *e);

/* What remains of a destroyed key. */
struct key_end {
    char fingerprint[KEY_FINGERPRINT]; /* empty: there never was one */
    usec_t destroyed_at;
};
/* Destroys the key; when this returns it is off the disk and out of this process. Doing it again
 * tells what the first time told. */
NODISCARD enum err keystore_destroy(struct keystore *k, struct student_id student,
                                    enum key_purpose purpose, struct key_end *ret_end,
                                    struct error *e);
/* Students whose key was destroyed at `before` or earlier and has not been made again, in order of
 * id after `after` (empty: from the start). */
NODISCARD enum err keystore_destroyed(struct keystore *k, struct arena *a, enum key_purpose purpose,
                                      usec_t before, struct student_id after, int limit,
                                      struct student_id **ret_students, int *ret_n,
                                      struct error *e);
/* Drops cached keys of the student: another process destroyed them. */
void keystore_forget(struct keystore *k, struct student_id student);

/* All keys of a purpose at once, for passes over many students; about 150 bytes each. */
struct keyring;
NODISCARD enum err keyring_load(struct keystore *k, enum key_purpose purpose,
                                struct keyring **ret_ring, struct error *e);
/* NULL: the student has none. Borrowed. */
const struct seal_key *keyring_find(const struct keyring *ring, struct student_id student);
/* Wipes. NULL is fine. */
void keyring_free(struct keyring *ring);
