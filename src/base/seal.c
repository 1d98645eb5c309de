/* Sealing: see seal.h. No state; the cost is that of the cipher (about 1 GB/s); any thread. */
#include "base/seal.h"

#include "base/file.h"

#include <sodium.h>

enum {
    NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES
};

enum err seal_key_load(const char *path, struct seal_key *ret_key, struct error *e)
{
    if (!file_exists(path)) {
        randombytes_buf(ret_key->bytes, sizeof ret_key->bytes);
        struct str bytes = {(const char *)ret_key->bytes, sizeof ret_key->bytes};
        return file_write(path, bytes, 0600, e);
    }
    _cleanup_(arena_freep) struct arena *a = arena_new(KIB);
    struct str bytes;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to read %s", path);
    enum err r = file_read(path, sizeof ret_key->bytes + 1, a, &bytes, e);
    if (r == ERR_OK && bytes.n == sizeof ret_key->bytes) {
        memcpy(ret_key->bytes, bytes.p, bytes.n);
        return ERR_OK;
    }
    if (r && r != ERR_TOO_LARGE)
        return r;
    return error_set(e, ERR_CORRUPT, "%s is not a key of 32 bytes: restore it from your backup",
                     path);
}

void seal_key_derive(const struct seal_key *master, const char purpose[static 8],
                     struct seal_key *ret_key)
{
    crypto_kdf_derive_from_key(ret_key->bytes, sizeof ret_key->bytes, 1, purpose, master->bytes);
}

static enum err seal_with(const struct seal_key *k, struct arena *a,
                          const unsigned char nonce[static NONCE], struct str context,
                          struct str plain, struct str *ret_sealed, struct error *e)
{
    unsigned char *out = arena_alloc(a, NONCE + plain.n + TAG);
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory to seal %zu bytes", plain.n);
    memcpy(out, nonce, NONCE);
    unsigned long long n = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + NONCE, &n, (const unsigned char *)plain.p,
                                               plain.n, (const unsigned char *)context.p, context.n,
                                               NULL, out, k->bytes);
    *ret_sealed = (struct str){(const char *)out, NONCE + (size_t)n};
    return ERR_OK;
}

enum err seal(const struct seal_key *k, struct arena *a, struct str context, struct str plain,
              struct str *ret_sealed, struct error *e)
{
    unsigned char nonce[NONCE];
    randombytes_buf(nonce, sizeof nonce);
    return seal_with(k, a, nonce, context, plain, ret_sealed, e);
}

/* The nonce is a keyed hash of all that goes in (RFC 5297 calls it a synthetic one), under a key of
 * its own. */
enum err seal_same(const struct seal_key *k, struct arena *a, struct str context, struct str plain,
                   struct str *ret_sealed, struct error *e)
{
    unsigned char nonce[NONCE];
    struct seal_key nonces;
    crypto_generichash_state state;
    uint64_t n = context.n;
    seal_key_derive(k, "nonce___", &nonces);
    crypto_generichash_init(&state, nonces.bytes, sizeof nonces.bytes, sizeof nonce);
    crypto_generichash_update(&state, (const unsigned char *)&n, sizeof n);
    crypto_generichash_update(&state, (const unsigned char *)context.p, context.n);
    crypto_generichash_update(&state, (const unsigned char *)plain.p, plain.n);
    crypto_generichash_final(&state, nonce, sizeof nonce);
    sodium_memzero(&nonces, sizeof nonces);
    return seal_with(k, a, nonce, context, plain, ret_sealed, e);
}

enum err unseal(const struct seal_key *k, struct arena *a, struct str context, struct str sealed,
                struct str *ret_plain, struct error *e)
{
    if (sealed.n < NONCE + TAG)
        return error_set(e, ERR_CORRUPT, "a sealed value is too short");
    unsigned char *out = arena_alloc(a, sealed.n - NONCE - TAG + 1);
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory to open %zu bytes", sealed.n);
    const unsigned char *in = (const unsigned char *)sealed.p;
    unsigned long long n = 0;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL, in + NONCE, sealed.n - NONCE,
                                                   (const unsigned char *)context.p, context.n, in,
                                                   k->bytes) != 0)
        return error_set(e, ERR_CORRUPT,
                         "a sealed value does not open with this installation's key");
    *ret_plain = (struct str){(const char *)out, (size_t)n};
    return ERR_OK;
}

void seal_fingerprint(const struct seal_key *k, const struct str *parts, int n,
                      uint8_t ret_hash[static SEAL_FINGERPRINT_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, k->bytes, sizeof k->bytes, SEAL_FINGERPRINT_BYTES);
    for (int i = 0; i < n; i++) {
        uint64_t size = parts[i].n;
        crypto_generichash_update(&state, (const unsigned char *)&size, sizeof size);
        if (size)
            crypto_generichash_update(&state, (const unsigned char *)parts[i].p, size);
    }
    crypto_generichash_final(&state, ret_hash, SEAL_FINGERPRINT_BYTES);
}
