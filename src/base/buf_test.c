/* Tests of base/buf: the maximum, the failed state, and what stays after it. */
#include "base/buf.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void what_is_appended_is_there_in_order_and_terminated(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 4096);
    buf_puts(&b, "a");
    buf_putc(&b, 'b');
    buf_append(&b, STR("c\0d"));
    buf_printf(&b, "%03d", 7);
    assert_true(str_eq(buf_str(&b), STR("abc\0d007")));
    assert_int_equal(b.p[b.n], 0);
    assert_int_equal(buf_check(&b, NULL), ERR_OK);
}

static void an_empty_buffer_has_an_empty_string(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    assert_int_equal(buf_str(&b).n, 0);
    assert_non_null(buf_str(&b).p);
    buf_done(&b);
}

static void a_buffer_takes_exactly_its_maximum(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    struct error e;
    buf_init(&b, 4);
    buf_puts(&b, "1234");
    assert_int_equal(buf_check(&b, &e), ERR_OK);
    buf_putc(&b, '5');
    assert_int_equal(buf_check(&b, &e), ERR_NOMEM);
    assert_true(str_is(buf_str(&b), "1234"));
}

static void after_a_failure_later_appends_are_ignored(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 5);
    buf_puts(&b, "123");
    buf_printf(&b, "%s", "too long");
    buf_puts(&b, "4");
    assert_true(b.failed);
    assert_true(str_is(buf_str(&b), "123"));
    buf_reset(&b);
    buf_puts(&b, "4");
    assert_int_equal(buf_check(&b, NULL), ERR_OK);
    assert_true(str_is(buf_str(&b), "4"));
}

static void it_grows_through_every_size(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 100000);
    for (int i = 0; i < 100000; i++)
        buf_putc(&b, (char)('a' + i % 26));
    assert_int_equal(buf_check(&b, NULL), ERR_OK);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
}

static void out_of_memory_is_a_failure_that_keeps_the_text(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 100000);
    buf_puts(&b, "kept");
    mem_fail_after(0);
    for (int i = 0; i < 1000; i++)
        buf_putc(&b, 'x');
    mem_fail_after(-1);
    assert_int_equal(buf_check(&b, NULL), ERR_NOMEM);
    assert_true(str_starts(buf_str(&b), STR("kept")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_there_in_order_and_terminated),
        cmocka_unit_test(an_empty_buffer_has_an_empty_string),
        cmocka_unit_test(a_buffer_takes_exactly_its_maximum),
        cmocka_unit_test(after_a_failure_later_appends_are_ignored),
        cmocka_unit_test(it_grows_through_every_size),
        cmocka_unit_test(out_of_memory_is_a_failure_that_keeps_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
