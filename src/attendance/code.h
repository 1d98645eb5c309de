/* The code of a session that is shown on the wall: how students are marked who decline to be
 * recognised.
 *
 * A new one every 30 s, from a keyed hash of the session and the number of the time step, so nobody
 * stores it and any process can check it. The steps are those of RFC 6238 (TOTP, section 4: the
 * counter is the time since 1970 divided by the step), the hash is BLAKE2b (RFC 7693) with a key
 * bound to the session. One clock makes and checks, the server's, so no drift is allowed for; a
 * code is taken until 15 s after it was shown last, for whoever is still typing (RFC 6238
 * section 5.2: at most one step back).
 *
 * Six characters of Crockford's base 32 (no I, L, O, U) are 30 bits: with five tries a minute a
 * guesser of one session of 90 minutes hits with a chance below 1 in 1,000,000. Pure; any thread.
 */
#pragma once

#include "base/id.h"
#include "base/str.h"
#include "base/time.h"

#define MARK_CODE_STEP (30 * USEC_PER_SEC)
#define MARK_CODE_GRACE (15 * USEC_PER_SEC)
enum { MARK_CODE_KEY_BYTES = 32, MARK_CODE_CHARS = 6 };
enum { MARK_CODE_TEXT = MARK_CODE_CHARS + 2 }; /* K7M-2QX and the terminator */
enum { MARK_CODE_TRIES_PER_MINUTE = 5 };       /* of one student in one session */

/* The key of a session's codes, of the one of the installation for codes. */
void mark_code_key(const uint8_t installation[static MARK_CODE_KEY_BYTES],
                   struct session_id session, uint8_t ret_key[static MARK_CODE_KEY_BYTES]);
/* Which step a time (UTC, from 1970 on) is in, and when the next one begins. */
int64_t mark_code_step(usec_t now);
usec_t mark_code_shown_until(int64_t step);
/* What is shown during the step. */
void mark_code_text(const uint8_t key[static MARK_CODE_KEY_BYTES], int64_t step,
                    char ret_text[static MARK_CODE_TEXT]);
/* Is what was typed, or scanned, a code that counts at `now`? Case, spaces and dashes do not
 * matter; I and L are read as 1, O as 0. Compares in constant time. ret_step (filled when it is):
 * its step.
 */
bool mark_code_is(const uint8_t key[static MARK_CODE_KEY_BYTES], struct str typed, usec_t now,
                  int64_t *ret_step);
