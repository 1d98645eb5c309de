/* Erasure: what happens when a consent to recognition ends, or a student goes.
 *
 * First the key is destroyed (keystore.h): from then on nothing that it sealed can be read, in no
 * backup either. Then one transaction removes the rows, ends consents and jobs, tells the admin
 * chain of the register and stores a receipt: a few lines of text, signed with the installation's
 * key (base/sign.h), that anybody can check. A crash in between leaves rows nobody can read;
 * asking again or erasure_finish ends it, with the time and fingerprint of the key that was
 * destroyed the first time. The galleries forget the student when they are told
 * (EVENT_TOPIC_GALLERY): the caller does that. Not inside db_tx or db_read, but where it says so.
 * Thread: any. */
#pragma once

#include "base/id.h"
#include "base/sign.h"
#include "store/keystore.h"
#include "store/mark.h"

struct erasure_env {
    struct db *db;
    struct keystore *keystore;
    const struct register_hasher *hasher;
    const struct sign_key *key;
};

struct erasure {
    char id[ID_TEXT]; /* empty: nothing had to be erased */
    struct student_id student;
    struct str scope;  /* face: templates and photos; student: all that names the student */
    struct str reason; /* consent_withdrawn, consent_expired, deleted */
    usec_t at;
    struct str statement; /* the lines that are signed */
    struct str signature; /* Ed25519, hexadecimal */
    struct str public_key;
};

/* Ends a live consent. One to photos takes the kept photos along; one to recognition takes them,
 * templates, look-alikes and waiting photos along, and gives a receipt. Text of the receipt lies in
 * `a`. Errors NOT_FOUND, CONFLICT (it has ended).
 */
NODISCARD enum err erasure_withdraw(const struct erasure_env *env, struct arena *a,
                                    struct student_id student, const char *consent,
                                    const char *reason, struct str actor,
                                    struct erasure *ret_erasure, struct error *e);
/* Erases the student: without marks the row goes, too; with marks the row stays without name,
 * number and address (status `erased`), for marks and register to hold on to. Again: the receipt of
 * the first time. Errors NOT_FOUND. */
NODISCARD enum err erasure_student(const struct erasure_env *env, struct arena *a,
                                   struct student_id student, struct str actor,
                                   struct erasure *ret_erasure, struct error *e);
/* Withdraws consents that expired at `now` or before, `limit` at most: for the scheduler, safe to
 * repeat. ret_students [ret_n] in `a` are those whom the galleries must forget; ret_n counts all
 * consents that were ended, so ret_n == limit asks for another round. */
NODISCARD enum err erasure_expire(const struct erasure_env *env, struct arena *a, usec_t now,
                                  int limit, struct student_id **ret_students, int *ret_n,
                                  struct error *e);

/* Ends the erasures that a crash cut short: of students whose key was destroyed at `before` or
 * earlier and whose rows are still there, `limit` at most. Safe to repeat, and beside a request
 * that does the same. Results as of erasure_expire. Cost: a few lookups a destroyed key. */
NODISCARD enum err erasure_finish(const struct erasure_env *env, struct arena *a, usec_t before,
                                  int limit, struct student_id **ret_students, int *ret_n,
                                  struct error *e);

/* Inside db_tx or db_read. Errors NOT_FOUND. */
NODISCARD enum err erasure_get(struct db_cx *cx, struct arena *a, const char *id,
                               struct erasure *ret_erasure, struct error *e);
/* Inside db_tx or db_read. Newest first; student empty: everybody's; cursor = last id seen. */
NODISCARD enum err erasure_list(struct db_cx *cx, struct arena *a, struct student_id student,
                                const char *before, int limit, struct erasure **ret_erasures,
                                int *ret_n, struct error *e);

struct erasure_counts {
    int64_t templates; /* removed, of every encoder */
    int64_t photos;    /* that waited for a verdict */
    int64_t kept;      /* photos that were kept with consent */
};

/* Inside db_tx: the rows of a face alone. Removes templates, look-alike pairs, scores of presence
 * and photos that wait for a verdict, and ends the jobs that had them; nobody enrols the student
 * until the transaction has ended. Doing it twice is the same as once. */
NODISCARD enum err erasure_face(struct db_cx *cx, struct student_id student, usec_t now,
                                struct erasure_counts *ret_counts, struct error *e);
