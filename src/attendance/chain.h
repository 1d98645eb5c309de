/* The hash chain of the register: what makes a changed, lost or moved row show (DESIGN section 6).
 *
 * Each event's hash is BLAKE2b-256, keyed with the installation key, over a domain word, the hash
 * of the event before it in its chain, and every column as stored. So nobody without the key can
 * write a history that verifies, and a row cannot be given another place, time, actor or student.
 * Fields are length-prefixed: no two different events give the same bytes.
 * What the payload seals stays sealed; erasing a key leaves every hash valid.
 * Pure; thread: any. Cost: under 2 us. */
#pragma once

#include "base/time.h"

enum { CHAIN_KEY_BYTES = 32, CHAIN_DIGEST_BYTES = 32 };

struct chain_event {
    struct str chain;   /* the session's id, or "admin" */
    int64_t seq;        /* 1, 2, 3 ... without a gap */
    usec_t at;          /* UTC */
    struct str actor;   /* who caused it */
    struct str student; /* whom it is about; may be empty */
    struct str payload; /* as stored, byte for byte */
};

/* The prev_hash of a chain's first event: zeros. */
extern const uint8_t chain_first[CHAIN_DIGEST_BYTES];

/* The hash of ev, which follows the event with hash `prev`. ret_hash may be prev.
 * libsodium must be initialised (sodium_init). */
void chain_hash(const uint8_t key[static CHAIN_KEY_BYTES],
                const uint8_t prev[static CHAIN_DIGEST_BYTES], const struct chain_event *ev,
                uint8_t ret_hash[static CHAIN_DIGEST_BYTES]);
