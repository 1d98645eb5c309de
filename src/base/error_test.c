/* Tests of base/error: the table, wrapping, messages that are too long. */
#include "base/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_code_has_a_name_a_status_and_a_title(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_N; i++) {
        enum err code = (enum err)i;
        assert_true(strlen(err_name(code)) > 0 && strlen(err_title(code)) > 0);
        int status = err_http_status(code);
        assert_true(code == ERR_OK ? status == 200 : status >= 400 && status <= 599);
        assert_true(!err_retryable(code) || status == 429 || status >= 500);
    }
    assert_string_equal(err_name(ERR_NOT_FOUND), "NOT_FOUND");
    assert_int_equal(err_http_status(ERR_FULL), 503);
}

static void wrapping_puts_context_in_front_and_keeps_the_first_place(void **state)
{
    (void)state;
    struct error e = {0};
    int line = __LINE__ + 1;
    enum err r = error_set(&e, ERR_IO, "disk %d gone", 1);
    r = error_wrap(&e, r, "write %s", "a.db");
    assert_int_equal(r, ERR_IO);
    assert_int_equal(error_wrap(&e, ERR_UNAVAILABLE, "mark"), ERR_UNAVAILABLE);
    assert_string_equal(e.msg, "mark: write a.db: disk 1 gone");
    assert_int_equal(e.code, ERR_UNAVAILABLE);
    assert_int_equal(e.line, line);
}

static void no_detail_wanted_is_fine(void **state)
{
    (void)state;
    struct error *none = NULL;
    assert_int_equal(error_set(none, ERR_IO, "x"), ERR_IO);
    assert_int_equal(error_wrap(none, ERR_IO, "x"), ERR_IO);
}

static void long_messages_are_cut_and_terminated(void **state)
{
    (void)state;
    struct error e = {0};
    (void)error_set(&e, ERR_IO, "%0500d", 1);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
    (void)error_wrap(&e, ERR_IO, "%0400d", 1);
    assert_int_equal(strlen(e.msg), sizeof e.msg - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_a_status_and_a_title),
        cmocka_unit_test(wrapping_puts_context_in_front_and_keeps_the_first_place),
        cmocka_unit_test(no_detail_wanted_is_fine),
        cmocka_unit_test(long_messages_are_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
