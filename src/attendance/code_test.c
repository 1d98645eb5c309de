/* Codes of sessions: values made independently (Python's hashlib, at the times of RFC 6238 appendix
 * B), each way of typing one, and when one begins and ends to count. */
#include "attendance/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

static const struct session_id session = {"01990000-0000-7000-8000-000000000001"};
static uint8_t installation[MARK_CODE_KEY_BYTES], key[MARK_CODE_KEY_BYTES];

static int setup(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    for (int i = 0; i < MARK_CODE_KEY_BYTES; i++)
        installation[i] = (uint8_t)i;
    mark_code_key(installation, session, key);
    return 0;
}

static bool takes(const char *typed, usec_t now)
{
    int64_t step;
    return mark_code_is(key, str_from(typed), now, &step);
}

static void codes_are_those_of_another_implementation(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds, step;
        const char *code;
    } rows[] = {
        {59, 1, "V1D-EGJ"},
        {1111111109, 37037036, "F5X-2ZA"},
        {1111111111, 37037037, "FAC-ZZ6"},
        {1234567890, 41152263, "TS8-B1V"},
        {2000000000, 66666666, "QFN-JNM"},
        {20000000000, 666666666, "6PH-JBJ"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[MARK_CODE_TEXT];
        int64_t step = -1;
        usec_t now = rows[i].seconds * USEC_PER_SEC;
        assert_int_equal(mark_code_step(now), rows[i].step);
        mark_code_text(key, rows[i].step, text);
        assert_string_equal(text, rows[i].code);
        assert_true(mark_code_is(key, str_from(text), now, &step));
        assert_int_equal(step, rows[i].step);
    }
}

static void a_code_counts_while_it_is_shown_and_in_its_grace(void **state)
{
    (void)state;
    const int64_t step = 66666666;
    const usec_t begins = step * MARK_CODE_STEP, ends = mark_code_shown_until(step);
    char text[MARK_CODE_TEXT];
    int64_t which = -1;
    mark_code_text(key, step, text);
    assert_int_equal(ends - begins, MARK_CODE_STEP);
    assert_false(takes(text, begins - 1));
    assert_true(takes(text, begins));
    assert_true(takes(text, ends - 1));
    assert_true(mark_code_is(key, str_from(text), ends + MARK_CODE_GRACE - 1, &which));
    assert_int_equal(which, step);
    assert_false(takes(text, ends + MARK_CODE_GRACE));
    assert_false(takes(text, ends + MARK_CODE_STEP));
}

static void ways_to_type_a_code(void **state)
{
    (void)state;
    const usec_t now = 66666666 * MARK_CODE_STEP, one = 1 * MARK_CODE_STEP; /* QFN-JNM, V1D-EGJ */
    static const struct {
        const char *typed;
        bool good;
    } rows[] = {{"QFN-JNM", true},  {"qfnjnm", true},   {" q f n - j n m ", true},
                {"QFNJN", false},   {"QFNJNMM", false}, {"", false},
                {"QFN_JNM", false}, {"QFNJNU", false},  {"QFNJN\xc3\xbc", false},
                {"QFNJN[", false},  {"QFNJN`", false},  {"QFNJN{", false},
                {"AAA-AAA", false}, {"QFN-JNN", false}, {"RFN-JNM", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (takes(rows[i].typed, now) != rows[i].good)
            fail_msg("%s", rows[i].typed);
    assert_true(takes("vId-EGJ", one) && takes("vLd-egj", one));
    assert_true(takes("v1d-egj", one));
    const struct str with_zero = {"QFN\0JNM", 7};
    int64_t step;
    assert_false(mark_code_is(key, with_zero, now, &step));
    for (int64_t s = 0;; s++) { /* the first code with a 0 in it, typed with an O */
        char text[MARK_CODE_TEXT];
        mark_code_text(key, s, text);
        char *zero = strchr(text, '0');
        if (!zero)
            continue;
        *zero = 'o';
        assert_true(takes(text, s * MARK_CODE_STEP));
        break;
    }
}

static void a_key_is_of_one_session_and_one_installation(void **state)
{
    (void)state;
    const struct session_id other = {"01990000-0000-7000-8000-000000000002"};
    uint8_t keys[3][MARK_CODE_KEY_BYTES], elsewhere[MARK_CODE_KEY_BYTES] = {1};
    char text[3][MARK_CODE_TEXT];
    mark_code_key(installation, session, keys[0]);
    mark_code_key(installation, other, keys[1]);
    mark_code_key(elsewhere, session, keys[2]);
    assert_memory_equal(keys[0], key, sizeof key);
    for (int i = 0; i < 3; i++)
        mark_code_text(keys[i], 37037036, text[i]);
    assert_string_not_equal(text[0], text[1]);
    assert_string_not_equal(text[0], text[2]);
}

static void codes_use_every_character_about_equally(void **state)
{
    (void)state;
    enum { STEPS = 3200, EACH = STEPS * MARK_CODE_CHARS / 32 }; /* 600 expected, deviation 24 */
    int counts[256] = {0};
    for (int64_t step = 0; step < STEPS; step++) {
        char text[MARK_CODE_TEXT];
        mark_code_text(key, step, text);
        for (int i = 0; i < MARK_CODE_TEXT; i++)
            counts[(uint8_t)text[i]]++;
    }
    int characters = 0;
    for (const char *c = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; *c; c++) {
        assert_in_range(counts[(uint8_t)*c], EACH - 150, EACH + 150);
        characters += counts[(uint8_t)*c];
    }
    assert_int_equal(characters, STEPS * MARK_CODE_CHARS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_another_implementation),
        cmocka_unit_test(a_code_counts_while_it_is_shown_and_in_its_grace),
        cmocka_unit_test(ways_to_type_a_code),
        cmocka_unit_test(a_key_is_of_one_session_and_one_installation),
        cmocka_unit_test(codes_use_every_character_about_equally),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
