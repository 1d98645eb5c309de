/* Signatures of this installation: Ed25519 (libsodium) with a key derived from the installation
 * key, so that there is no second secret to keep. Whoever has the public key can check, without
 * any secret and without this program, what Rollcall signed: heads of the register, receipts of
 * erasures. What is signed begins with words for its purpose, so that one never passes as another.
 * Thread: any. */
#pragma once

#include "base/seal.h"

enum { SIGN_PUBLIC_BYTES = 32, SIGN_BYTES = 64 };
enum { SIGN_PUBLIC_TEXT = 2 * SIGN_PUBLIC_BYTES + 1, SIGN_TEXT = 2 * SIGN_BYTES + 1 };

struct sign_key {
    uint8_t secret[64];
    uint8_t public[SIGN_PUBLIC_BYTES];
};

/* Always the same one for an installation key. Wipe it when it is done. */
void sign_key_derive(const struct seal_key *master, struct sign_key *ret_key);
/* The public key, and the signature of bytes, in hexadecimal digits. */
void sign_public_text(const struct sign_key *key, char ret_text[static SIGN_PUBLIC_TEXT]);
void sign_text(const struct sign_key *key, struct str bytes, char ret_text[static SIGN_TEXT]);
/* Is `signature` (hexadecimal) that of these bytes by the owner of the public key (hexadecimal)? */
bool sign_check(struct str public_text, struct str bytes, struct str signature);
