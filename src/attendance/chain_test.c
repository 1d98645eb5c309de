/* The register's hash against vectors computed with Python's hashlib.blake2b, and its promise that
 * no column can change unseen. */
#include "attendance/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

static uint8_t key[CHAIN_KEY_BYTES]; /* 0, 1, 2 ... 31 */

static struct chain_event event(void)
{
    return (struct chain_event){
        .chain = STR("0192f0c1-2b3d-7e4f-8a5b-6c7d8e9f0a1b"),
        .seq = 2,
        .at = 1795334400123456,
        .actor = STR("worker"),
        .student = STR("0192f0c1-0000-7000-8000-000000000001"),
        .payload = STR("{\"status\":\"present\"}"),
    };
}

static void assert_hash(const uint8_t hash[static CHAIN_DIGEST_BYTES], const char *want)
{
    char hex[2 * CHAIN_DIGEST_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, hash, CHAIN_DIGEST_BYTES);
    assert_string_equal(hex, want);
}

static void a_chain_of_two_gives_the_known_hashes(void **state)
{
    (void)state;
    struct chain_event first = {.chain = STR("admin"),
                                .seq = 1,
                                .at = 1795334400000000,
                                .actor = STR("worker"),
                                .payload = STR("{}")};
    struct chain_event second = event();
    uint8_t hash[CHAIN_DIGEST_BYTES];
    chain_hash(key, chain_first, &first, hash);
    assert_hash(hash, "f50e3b7847e31ed70adebe036093a6bec7698d12b3596c38478b3c0d87f20f15");
    chain_hash(key, hash, &second, hash);
    assert_hash(hash, "54c46905757f7cb4a17f22ccc755e91d1c4fd9f60df2456cc513e81f56b163e4");
}

static void every_column_changes_the_hash(void **state)
{
    (void)state;
    struct chain_event events[10];
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        events[i] = event();
    events[1].chain = STR("admin");
    events[2].seq++;
    events[3].at++;
    events[4].actor = STR("w0rker");
    events[5].student = STR("");
    events[6].payload = STR("{\"status\":\"absent\"}");
    events[7].payload = STR(""); /* bytes moved between columns */
    events[7].student = STR("0192f0c1-0000-7000-8000-000000000001{\"status\":\"present\"}");
    events[8].seq = -2;
    events[9].at = -events[9].at;
    uint8_t hashes[ARRAY_LEN(events)][CHAIN_DIGEST_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        chain_hash(key, chain_first, &events[i], hashes[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(hashes[i], hashes[j], CHAIN_DIGEST_BYTES);
    }
}

static void the_hash_before_and_the_key_change_it(void **state)
{
    (void)state;
    struct chain_event ev = event();
    uint8_t plain[CHAIN_DIGEST_BYTES], other[CHAIN_DIGEST_BYTES];
    chain_hash(key, chain_first, &ev, plain);
    uint8_t prev[CHAIN_DIGEST_BYTES] = {[31] = 1};
    chain_hash(key, prev, &ev, other);
    assert_memory_not_equal(plain, other, CHAIN_DIGEST_BYTES);
    uint8_t stolen[CHAIN_KEY_BYTES] = {1};
    chain_hash(stolen, chain_first, &ev, other);
    assert_memory_not_equal(plain, other, CHAIN_DIGEST_BYTES);
    chain_hash(key, chain_first, &ev, other);
    assert_memory_equal(plain, other, CHAIN_DIGEST_BYTES);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    for (uint8_t i = 0; i < CHAIN_KEY_BYTES; i++)
        key[i] = i;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_of_two_gives_the_known_hashes),
        cmocka_unit_test(every_column_changes_the_hash),
        cmocka_unit_test(the_hash_before_and_the_key_change_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
