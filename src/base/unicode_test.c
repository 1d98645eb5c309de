/* Tests of unicode.h. Expected bytes from Unicode's own examples (UAX #15, table 3 and 5). */
#include "base/unicode.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void text_is_stored_in_one_form(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"Ann", "Ann"},
        {"", ""},
        {"  \t\r\n ", ""},
        {" Ann Lee \n", "Ann Lee"},
        {"Zoe\xCC\x88", "Zo\xC3\xAB"},                /* e + diaeresis */
        {"\xE2\x84\xAB", "\xC3\x85"},                 /* Angstrom sign is A with ring */
        {"\xE1\x84\x80\xE1\x85\xA1", "\xEA\xB0\x80"}, /* Hangul jamo */
        {"\xC2\xA0\xE3\x80\x80Li\xEF\xBB\xBF", "Li"}, /* no-break, wide space, BOM */
        {"\xEF\xAC\x81", "\xEF\xAC\x81"},             /* a ligature stays: NFC, not NFKC */
        {"\xE2\x80\x8F\xD7\xA9\xD7\x9C", "\xE2\x80\x8F\xD7\xA9\xD7\x9C"}, /* right-to-left mark */
        {"\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x8E\x93",
         "\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x8E\x93"},
    };
    struct arena *a = arena_new(MIB);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct str out = {0};
        assert_int_equal(unicode_normal(str_from(cases[i].in), a, &out, NULL), ERR_OK);
        assert_int_equal(out.n, strlen(cases[i].out));
        assert_memory_equal(out.p, cases[i].out, out.n);
    }
    arena_free(a);
}

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR("a\0b"),         STR("a\tb"),           STR("a\nb"),           STR("a\x7F"),
        STR("a\xC2\x85z"),   STR("a\xE2\x80\xA8z"), STR("a\xE2\x80\xA9z"), STR("M\xFCller"),
        STR("\xED\xA0\x80"), STR("\xC0\xAF"),       STR("\xF0\x9F\x91"),
    };
    struct arena *a = arena_new(MIB);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct str out;
        assert_int_equal(unicode_normal(bad[i], a, &out, NULL), ERR_INVALID);
    }
    arena_free(a);
}

static void memory_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct arena *a = arena_new(1);
    struct str out;
    assert_int_equal(unicode_normal(STR("Zo\xC3\xAB"), a, &out, NULL), ERR_NOMEM);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_stored_in_one_form),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(memory_that_is_missing_is_an_error),
    };
    return cmocka_run_group_tests_name("unicode", tests, NULL, NULL);
}
