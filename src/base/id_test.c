/* Tests of base/id: the form of an id, its order, what a request may send. */
#include "base/id.h"

#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define GOOD "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"

static void a_new_id_is_a_uuid_of_version_7(void **state)
{
    (void)state;
    char id[ID_TEXT], again[ID_TEXT];
    id_new(id);
    assert_int_equal(id_parse(str_from(id), again, NULL), ERR_OK);
    assert_string_equal(id, again);
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
}

static void a_new_id_holds_the_time_in_milliseconds(void **state)
{
    (void)state;
    char id[ID_TEXT];
    unsigned high, low;
    usec_t before = time_utc() / USEC_PER_MSEC;
    id_new(id);
    assert_int_equal(sscanf(id, "%8x-%4x", &high, &low), 2);
    usec_t at = ((usec_t)high << 16) + (usec_t)low;
    assert_true(at >= before && at <= before + 1000);
}

static void ids_of_one_process_never_go_backwards(void **state)
{
    (void)state;
    char last[ID_TEXT] = "", id[ID_TEXT];
    for (int i = 0; i < 20000; i++) {
        id_new(id);
        assert_true(strcmp(last, id) < 0);
        memcpy(last, id, sizeof last);
    }
}

static void upper_case_is_folded_and_everything_else_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum err wanted;
    } rows[] = {
        {STR(GOOD), ERR_OK},
        {STR("0198C5A2-7C1E-7D3A-8F00-2B1C9E4D5F60"), ERR_OK},
        {STR(""), ERR_INVALID},
        {STR("0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f6"), ERR_INVALID},
        {STR(GOOD "0"), ERR_INVALID},
        {STR("0198c5a2x7c1e-7d3a-8f00-2b1c9e4d5f60"), ERR_INVALID},
        {STR("0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f6g"), ERR_INVALID},
        {STR("0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f6\0"), ERR_INVALID},
        {STR("../../../../../../../../etc/passwd.."), ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[ID_TEXT] = "before";
        assert_int_equal(id_parse(rows[i].text, text, NULL), rows[i].wanted);
        assert_string_equal(text, rows[i].wanted ? "before" : GOOD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_id_is_a_uuid_of_version_7),
        cmocka_unit_test(a_new_id_holds_the_time_in_milliseconds),
        cmocka_unit_test(ids_of_one_process_never_go_backwards),
        cmocka_unit_test(upper_case_is_folded_and_everything_else_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
