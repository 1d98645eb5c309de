/* Signatures: see sign.h. Some 50 us each; no state. Invariant: the seed is a derived key of its
 * own purpose, so that neither signatures nor sealed data tell anything of the other. */
#include "base/sign.h"

#include <sodium.h>

void sign_key_derive(const struct seal_key *master, struct sign_key *ret_key)
{
    struct seal_key seed;
    seal_key_derive(master, "signing_", &seed);
    crypto_sign_seed_keypair(ret_key->public, ret_key->secret, seed.bytes);
    sodium_memzero(&seed, sizeof seed);
}

void sign_public_text(const struct sign_key *key, char ret_text[static SIGN_PUBLIC_TEXT])
{
    sodium_bin2hex(ret_text, SIGN_PUBLIC_TEXT, key->public, SIGN_PUBLIC_BYTES);
}

void sign_text(const struct sign_key *key, struct str bytes, char ret_text[static SIGN_TEXT])
{
    uint8_t signature[SIGN_BYTES];
    crypto_sign_detached(signature, NULL, (const uint8_t *)bytes.p, bytes.n, key->secret);
    sodium_bin2hex(ret_text, SIGN_TEXT, signature, sizeof signature);
}

static bool hex_read(struct str hex, uint8_t *ret_bytes, size_t size)
{
    size_t n = 0;
    return sodium_hex2bin(ret_bytes, size, hex.p, hex.n, NULL, &n, NULL) == 0 && n == size &&
           hex.n == 2 * size;
}

bool sign_check(struct str public_text, struct str bytes, struct str signature)
{
    uint8_t public[SIGN_PUBLIC_BYTES], sig[SIGN_BYTES];
    return hex_read(public_text, public, sizeof public) && hex_read(signature, sig, sizeof sig) &&
           crypto_sign_verify_detached(sig, (const uint8_t *)bytes.p, bytes.n, public) == 0;
}
