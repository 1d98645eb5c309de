/* Sealing: bytes that may be stored but not read without a key (XChaCha20-Poly1305 with a random
 * nonce, libsodium). What a sealed value belongs to goes in as context: a vector copied to another
 * student's row does not open.
 * Thread: any. */
#pragma once

#include "base/arena.h"

enum { SEAL_KEY_BYTES = 32 };

struct seal_key {
    uint8_t bytes[SEAL_KEY_BYTES];
};

/* Reads the installation key from path, or makes it (random, mode 0600) when the file is missing.
 * Errors CORRUPT (wrong size: restore it from your backup), IO. */
NODISCARD enum err seal_key_load(const char *path, struct seal_key *ret_key, struct error *e);
/* A key for one purpose, derived from the installation key; purpose has 8 characters. */
void seal_key_derive(const struct seal_key *master, const char purpose[static 8],
                     struct seal_key *ret_key);
/* nonce + ciphertext + tag in `a`. Errors NOMEM. */
NODISCARD enum err seal(const struct seal_key *k, struct arena *a, struct str context,
                        struct str plain, struct str *ret_sealed, struct error *e);
/* The same, but equal texts of one key and context give equal bytes: for what must be told apart
 * from a repetition. Whoever sees the bytes sees that two are the same, no more. */
NODISCARD enum err seal_same(const struct seal_key *k, struct arena *a, struct str context,
                             struct str plain, struct str *ret_sealed, struct error *e);
/* Errors CORRUPT: another key or context, or altered bytes. */
NODISCARD enum err unseal(const struct seal_key *k, struct arena *a, struct str context,
                          struct str sealed, struct str *ret_plain, struct error *e);

enum { SEAL_FINGERPRINT_BYTES = 32 };
/* A keyed BLAKE2b over the parts and where each ends: tells two inputs apart, and tells nobody
 * without the key what they were. */
void seal_fingerprint(const struct seal_key *k, const struct str *parts, int n,
                      uint8_t ret_hash[static SEAL_FINGERPRINT_BYTES]);
