/* The hash chain of the register: see chain.h. Linear in the payload, no allocation, any thread.
 * The bytes hashed, integers little-endian 64 bits:
 *     "rollcall register event 1" 00 | prev (32) | chain | seq | at | actor | student | payload
 * where a text is its length and its bytes. */
#include "attendance/chain.h"

#include <sodium.h>

_Static_assert(CHAIN_DIGEST_BYTES >= crypto_generichash_BYTES_MIN &&
                   CHAIN_DIGEST_BYTES <= crypto_generichash_BYTES_MAX,
               "BLAKE2b's digest");
_Static_assert(CHAIN_KEY_BYTES >= crypto_generichash_KEYBYTES_MIN &&
                   CHAIN_KEY_BYTES <= crypto_generichash_KEYBYTES_MAX,
               "BLAKE2b's key");

/* Keeps these hashes apart from every other use of the installation key; its NUL is hashed too. */
static const char domain[] = "rollcall register event 1";

const uint8_t chain_first[CHAIN_DIGEST_BYTES];

static void add(crypto_generichash_state *st, const void *p, size_t n)
{
    if (n)
        crypto_generichash_update(st, p, n);
}

static void add_u64(crypto_generichash_state *st, uint64_t v)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    add(st, bytes, sizeof bytes);
}

static void add_text(crypto_generichash_state *st, struct str s)
{
    add_u64(st, s.n);
    add(st, s.p, s.n);
}

void chain_hash(const uint8_t key[static CHAIN_KEY_BYTES],
                const uint8_t prev[static CHAIN_DIGEST_BYTES], const struct chain_event *ev,
                uint8_t ret_hash[static CHAIN_DIGEST_BYTES])
{
    crypto_generichash_state st;
    crypto_generichash_init(&st, key, CHAIN_KEY_BYTES, CHAIN_DIGEST_BYTES);
    add(&st, domain, sizeof domain);
    add(&st, prev, CHAIN_DIGEST_BYTES);
    add_text(&st, ev->chain);
    add_u64(&st, (uint64_t)ev->seq);
    add_u64(&st, (uint64_t)ev->at);
    add_text(&st, ev->actor);
    add_text(&st, ev->student);
    add_text(&st, ev->payload);
    crypto_generichash_final(&st, ret_hash, CHAIN_DIGEST_BYTES);
    sodium_memzero(&st, sizeof st);
}
