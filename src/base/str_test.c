/* Tests of base/str: numbers, splitting, UTF-8, table by table. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void whole_numbers_fill_the_string_or_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum err wanted;
        int64_t value;
    } rows[] = {
        {STR("0"), ERR_OK, 0},
        {STR("-12"), ERR_OK, -12},
        {STR("9223372036854775807"), ERR_OK, INT64_MAX},
        {STR("-9223372036854775808"), ERR_OK, INT64_MIN},
        {STR("9223372036854775808"), ERR_INVALID, 0},
        {STR(""), ERR_INVALID, 0},
        {STR(" 1"), ERR_INVALID, 0},
        {STR("1 "), ERR_INVALID, 0},
        {STR("1.0"), ERR_INVALID, 0},
        {STR("0x10"), ERR_INVALID, 0},
        {STR("1\0002"), ERR_INVALID, 0},
        {STR("-"), ERR_INVALID, 0},
        {STR("00000000000000000000000000000001"), ERR_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t v = 0;
        struct error e;
        assert_int_equal(str_to_i64(rows[i].text, &v, &e), rows[i].wanted);
        assert_true(v == rows[i].value);
    }
}

static void decimal_numbers_fill_the_string_or_are_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum err wanted;
        double value;
    } rows[] = {
        {STR("0.5"), ERR_OK, 0.5},       {STR("-1e3"), ERR_OK, -1000},
        {STR("7"), ERR_OK, 7},           {STR(""), ERR_INVALID, 0},
        {STR("1,5"), ERR_INVALID, 0},    {STR(" 1"), ERR_INVALID, 0},
        {STR("nan"), ERR_INVALID, 0},    {STR("inf"), ERR_INVALID, 0},
        {STR("0x1p3"), ERR_INVALID, 0},  {STR("1e999"), ERR_INVALID, 0},
        {STR("1\0002"), ERR_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double v = 0;
        struct error e;
        assert_int_equal(str_to_double(rows[i].text, &v, &e), rows[i].wanted);
        assert_true(v == rows[i].value);
    }
}

static void splitting_gives_every_part_also_the_empty_ones(void **state)
{
    (void)state;
    struct str rest = STR("a,,bc,"), part;
    const char *const wanted[] = {"a", "", "bc", ""};
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(str_split(&rest, ',', &part));
        assert_true(str_is(part, wanted[i]));
    }
    assert_false(str_split(&rest, ',', &part));
}

static void trimming_takes_white_space_from_both_ends_only(void **state)
{
    (void)state;
    assert_true(str_is(str_trim(STR(" \t a b \r\n")), "a b"));
    assert_int_equal(str_trim(STR("  \n")).n, 0);
    assert_int_equal(str_trim(STR("")).n, 0);
}

static void comparison_looks_at_every_byte(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_false(str_is(STR("a"), "ab"));
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("a"), STR("aa")));
    assert_true(str_starts(STR("Bearer x"), STR("Bearer ")));
    assert_false(str_starts(STR("Bea"), STR("Bearer ")));
    assert_int_equal(str_from(NULL).n, 0);
}

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        bool valid;
    } rows[] = {
        {STR(""), true},
        {STR("plain"), true},
        {STR("\xC3\xA4"), true},          /* U+00E4 */
        {STR("\xE2\x82\xAC"), true},      /* U+20AC */
        {STR("\xF0\x9F\x98\x80"), true},  /* U+1F600 */
        {STR("\xF4\x8F\xBF\xBF"), true},  /* U+10FFFF, the last */
        {STR("\xF4\x90\x80\x80"), false}, /* beyond it */
        {STR("\xC0\x80"), false},         /* overlong */
        {STR("\xC1\xBF"), false},         /* overlong */
        {STR("\xE0\x80\x80"), false},     /* overlong */
        {STR("\xE0\x9F\xBF"), false},     /* overlong */
        {STR("\xF0\x80\x80\x80"), false}, /* overlong */
        {STR("\xF0\x8F\xBF\xBF"), false}, /* overlong */
        {STR("\xED\x9F\xBF"), true},      /* U+D7FF, before the surrogates */
        {STR("\xED\xA0\x80"), false},     /* a surrogate */
        {STR("\x80"), false},             /* a continuation alone */
        {STR("\xC3"), false},             /* cut off */
        {STR("\xE2\x82"), false},         /* cut off */
        {STR("a\xE2\x28\xA1"), false},    /* a wrong continuation */
        {STR("\xF5\x80\x80\x80"), false}, /* no such lead byte */
        {STR("\xFF"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(str_is_utf8(rows[i].text), rows[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_fill_the_string_or_are_refused),
        cmocka_unit_test(decimal_numbers_fill_the_string_or_are_refused),
        cmocka_unit_test(splitting_gives_every_part_also_the_empty_ones),
        cmocka_unit_test(trimming_takes_white_space_from_both_ends_only),
        cmocka_unit_test(comparison_looks_at_every_byte),
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
