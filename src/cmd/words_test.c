/* Tests of cmd/words.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/words.h"

static void a_slug_keeps_letters_and_digits_and_joins_the_rest(void **state)
{
    static const struct {
        const char *name, *slug;
    } rows[] = {{"ben_afflek", "ben-afflek"},
                {"  Jane  O'Neil ", "jane-o-neil"},
                {"A--B", "a-b"},
                {"***", ""},
                {"Zo\xC3\xAB", "zo\xC3\xAB"},
                {"2026", "2026"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char slug[SLUG_MAX];
        slug_of(str_from(rows[i].name), slug);
        assert_string_equal(slug, rows[i].slug);
    }
}

static void a_long_slug_is_cut_between_characters(void **state)
{
    char name[200] = "", slug[SLUG_MAX];
    (void)state;
    for (size_t i = 0; i < 90; i++)
        memcpy(name + 2 * i, "\xC3\xAB", 2);
    slug_of(str_from(name), slug);
    assert_int_equal(strlen(slug), 62);
    assert_true(str_is_utf8(str_from(slug)));
}

static void a_folder_names_a_person(void **state)
{
    static const struct {
        const char *folder, *id, *name;
    } rows[] = {{"1234_Jane Doe", "1234", "Jane Doe"},
                {"jane_doe", "jane-doe", "Jane Doe"},
                {"Jane Doe", "jane-doe", "Jane Doe"},
                {"s17_ann_lee", "s17", "Ann Lee"},
                {"MacDonald_ian", "macdonald-ian", "MacDonald ian"},
                {"room 4_anna", "room-4-anna", "Room 4 Anna"},
                {"_x", "x", " X"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char id[SLUG_MAX], name[WORDS_NAME_MAX];
        person_of_folder(rows[i].folder, id, name);
        assert_string_equal(id, rows[i].id);
        assert_string_equal(name, rows[i].name);
    }
}

static void names_sort_as_people_count(void **state)
{
    static const char *const sorted[] = {"a",         "img1.jpg",   "IMG2.jpg", "img010.jpg",
                                         "img11.jpg", "img11b.jpg", "z9",       "z10"};
    (void)state;
    for (size_t i = 0; i + 1 < ARRAY_LEN(sorted); i++) {
        assert_true(natural_compare(sorted[i], sorted[i + 1]) < 0);
        assert_true(natural_compare(sorted[i + 1], sorted[i]) > 0);
        assert_int_equal(natural_compare(sorted[i], sorted[i]), 0);
    }
    assert_int_not_equal(natural_compare("a01", "a1"), 0);
}

static void the_nearest_name_is_offered_only_for_a_slip(void **state)
{
    static const char *const names[] = {"serve", "camera", "doctor"};
    (void)state;
    assert_string_equal(nearest_name("sreve", names, 3), "serve");
    assert_string_equal(nearest_name("camra", names, 3), "camera");
    assert_null(nearest_name("xyzzyx", names, 3));
}

static void fitted_text_has_exactly_the_columns(void **state)
{
    static const struct {
        const char *text;
        int columns;
        bool right;
        const char *fitted;
    } rows[] = {{"ab", 4, false, "ab  "},
                {"ab", 4, true, "  ab"},
                {"abcdefghij", 7, false, "abcd~ij"},
                {"a\033[31mb", 7, false, "a?[31mb"},
                {"\xC3\xABx", 3, false, "\xC3\xABx "},
                {"", 2, false, "  "}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 1000);
        text_fit(&b, str_from(rows[i].text), rows[i].columns, rows[i].right);
        assert_true(str_is(buf_str(&b), rows[i].fitted));
        buf_done(&b);
    }
}

static void addresses_are_percent_encoded(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    url_encode(&b, STR("a b&c=\xC3\xAB~"));
    assert_true(str_is(buf_str(&b), "a%20b%26c%3D%C3%AB~"));
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slug_keeps_letters_and_digits_and_joins_the_rest),
        cmocka_unit_test(a_long_slug_is_cut_between_characters),
        cmocka_unit_test(a_folder_names_a_person),
        cmocka_unit_test(names_sort_as_people_count),
        cmocka_unit_test(the_nearest_name_is_offered_only_for_a_slip),
        cmocka_unit_test(fitted_text_has_exactly_the_columns),
        cmocka_unit_test(addresses_are_percent_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
