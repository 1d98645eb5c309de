/* Signed heads: what register.heads said once a day, under a signature that anybody can check.
 *
 * The heads file shows that newest rows are missing, as long as nobody takes it back together with
 * the database. The signed copy of a day, kept elsewhere, shows that too: every head in it must
 * still stand in its chain.
 *
 *     rollcall register heads 1                 register.signed: the newest signature
 *     TIME CHAINS SHA256 PUBLIC SIGNATURE       of the lines below; register.signatures has this
 *     chain seq hash                            line of every day
 *
 * SHA256 is that of all lines below. SIGNATURE is the Ed25519 signature, by the key PUBLIC, of the
 * first line and "TIME CHAINS SHA256", each with its line's end. All in hexadecimal digits.
 * Thread: any; writing one at a time. */
#pragma once

#include "base/sign.h"
#include "store/heads.h"

/* Called with a sentence for each thing that is wrong; borrowed. */
typedef void (*signed_finding_fn)(void *ctx, const char *text);

/* What a signed file says; heads empty when there is none. */
struct signed_heads {
    usec_t at; /* 0: there is none */
    struct heads_seen seen;
};

/* Reads and checks the file at `path` (a missing one is empty). public_text: by whom it must be
 * signed. history: the file of all signatures, none of which may be newer; NULL: not asked.
 * What does not hold goes to fn, and such heads are not believed. Errors IO, NOMEM. */
NODISCARD enum err signed_heads_read(const char *path, const char *history, const char *public_text,
                                     signed_finding_fn fn, void *ctx,
                                     struct signed_heads *ret_signed, struct error *e);
void signed_heads_done(struct signed_heads *s);

/* Signs `now` with the time `at`: writes `path`, adds a line to `history`. Errors CORRUPT (the
 * heads file was altered, or is older than what is signed already, or that was altered: says which,
 * signs nothing), IO, NOMEM. */
NODISCARD enum err signed_heads_write(const char *path, const char *history,
                                      const struct heads_seen *now, const struct sign_key *key,
                                      usec_t at, struct error *e);
