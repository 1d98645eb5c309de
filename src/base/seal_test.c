/* Tests of base/seal: only the right key and context open a sealed value; the key file. */
#include "base/seal.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const struct seal_key key_a = {.bytes = {1}}, key_b = {.bytes = {2}};

static void what_was_sealed_opens_with_key_and_context(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 512, 100000};
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        char *plain = arena_alloc(a, sizes[i] + 1);
        memset(plain, 'p', sizes[i]);
        struct str in = {plain, sizes[i]}, sealed, out;
        assert_int_equal(seal(&key_a, a, STR("student 1"), in, &sealed, NULL), ERR_OK);
        assert_int_equal(unseal(&key_a, a, STR("student 1"), sealed, &out, NULL), ERR_OK);
        assert_true(str_eq(in, out));
    }
}

static void another_key_or_context_or_an_altered_byte_does_not_open(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str sealed, out;
    assert_int_equal(seal(&key_a, a, STR("student 1"), STR("vector"), &sealed, NULL), ERR_OK);
    assert_int_equal(unseal(&key_b, a, STR("student 1"), sealed, &out, NULL), ERR_CORRUPT);
    assert_int_equal(unseal(&key_a, a, STR("student 2"), sealed, &out, NULL), ERR_CORRUPT);
    for (size_t i = 0; i < sealed.n; i++) {
        struct str copy = arena_copy(a, sealed);
        ((char *)(uintptr_t)copy.p)[i] ^= 1;
        assert_int_equal(unseal(&key_a, a, STR("student 1"), copy, &out, NULL), ERR_CORRUPT);
    }
    for (size_t n = 0; n < sealed.n; n++)
        assert_int_equal(unseal(&key_a, a, STR("student 1"), (struct str){sealed.p, n}, &out, NULL),
                         ERR_CORRUPT);
}

static void the_same_value_is_never_sealed_the_same_way_twice(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str one, two;
    assert_int_equal(seal(&key_a, a, STR(""), STR("vector"), &one, NULL), ERR_OK);
    assert_int_equal(seal(&key_a, a, STR(""), STR("vector"), &two, NULL), ERR_OK);
    assert_false(str_eq(one, two));
}

static void derived_keys_differ_by_purpose_and_stay_the_same(void **state)
{
    (void)state;
    struct seal_key one, same, other;
    seal_key_derive(&key_a, "template", &one);
    seal_key_derive(&key_a, "template", &same);
    seal_key_derive(&key_a, "register", &other);
    assert_memory_equal(one.bytes, same.bytes, SEAL_KEY_BYTES);
    assert_memory_not_equal(one.bytes, other.bytes, SEAL_KEY_BYTES);
}

static void the_key_file_is_made_once_and_private(void **state)
{
    (void)state;
    char folder[] = "/tmp/rollcall-seal-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/key", folder);
    struct seal_key one, two;
    struct stat st;
    assert_int_equal(seal_key_load(path, &one, NULL), ERR_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(seal_key_load(path, &two, NULL), ERR_OK);
    assert_memory_equal(one.bytes, two.bytes, SEAL_KEY_BYTES);
    static const struct str damaged[] = {STR("short"), STR(""),
                                         STR("0123456789012345678901234567890123")};
    for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
        assert_int_equal(file_write(path, damaged[i], 0600, NULL), ERR_OK);
        assert_int_equal(seal_key_load(path, &two, NULL), ERR_CORRUPT);
    }
    unlink(path);
    rmdir(folder);
}

static void a_fingerprint_depends_on_key_bytes_and_where_parts_end(void **state)
{
    (void)state;
    static const struct {
        uint8_t key;
        struct str parts[2];
    } rows[] = {
        {1, {{"ab", 2}, {"c", 1}}},
        {1, {{"a", 1}, {"bc", 2}}},
        {1, {{"abc", 3}, {"", 0}}},
        {2, {{"ab", 2}, {"c", 1}}},
    };
    uint8_t got[ARRAY_LEN(rows)][SEAL_FINGERPRINT_BYTES], again[SEAL_FINGERPRINT_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct seal_key k = {{rows[i].key}};
        seal_fingerprint(&k, rows[i].parts, 2, got[i]);
        seal_fingerprint(&k, rows[i].parts, 2, again);
        assert_memory_equal(got[i], again, sizeof again);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(got[i], got[j], sizeof again);
    }
}

static void seal_same_repeats_itself_for_one_key_context_and_text_alone(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    static const struct {
        uint8_t key;
        const char *context, *text;
    } rows[] = {
        {1, "c", "ill"}, {2, "c", "ill"}, {1, "d", "ill"}, {1, "c", "well"}, {1, "ci", "ll"}};
    struct str got[ARRAY_LEN(rows)], again, plain;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct seal_key k = {{rows[i].key}};
        struct str context = str_from(rows[i].context), text = str_from(rows[i].text);
        assert_int_equal(seal_same(&k, a, context, text, &got[i], NULL), ERR_OK);
        assert_int_equal(seal_same(&k, a, context, text, &again, NULL), ERR_OK);
        assert_true(str_eq(got[i], again));
        assert_int_equal(unseal(&k, a, context, again, &plain, NULL), ERR_OK);
        assert_true(str_eq(plain, text));
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(got[i].p, got[j].p, 24); /* the nonces */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens_with_key_and_context),
        cmocka_unit_test(another_key_or_context_or_an_altered_byte_does_not_open),
        cmocka_unit_test(the_same_value_is_never_sealed_the_same_way_twice),
        cmocka_unit_test(seal_same_repeats_itself_for_one_key_context_and_text_alone),
        cmocka_unit_test(derived_keys_differ_by_purpose_and_stay_the_same),
        cmocka_unit_test(the_key_file_is_made_once_and_private),
        cmocka_unit_test(a_fingerprint_depends_on_key_bytes_and_where_parts_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
