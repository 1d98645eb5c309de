/* Tests of base/mem: overflow, and the hook by which other tests make memory run out. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void memory_is_zeroed_and_nothing_is_something(void **state)
{
    (void)state;
    unsigned char *p = mem_alloc(1000), *none = mem_alloc(0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(p[i], 0);
    assert_non_null(none);
    mem_free(p);
    mem_free(none);
    mem_free(NULL);
    secure_free(NULL, 10);
}

static void calls_are_counted_and_the_process_has_a_size(void **state)
{
    (void)state;
    int64_t before = mem_calls();
    mem_free(mem_alloc(1));
    mem_free(mem_strdup("two"));
    assert_int_equal(mem_calls() - before, 2);
    assert_true(mem_resident() > 0);
}

static void a_product_that_overflows_gives_no_memory(void **state)
{
    (void)state;
    assert_null(mem_array(SIZE_MAX / 2, 3));
    assert_null(mem_array(3, SIZE_MAX / 2));
    void *p = mem_array(3, 5);
    assert_non_null(p);
    mem_free(p);
}

static void exactly_the_nth_allocation_fails(void **state)
{
    (void)state;
    void *p[4];
    mem_fail_after(2);
    for (int i = 0; i < 4; i++)
        p[i] = mem_alloc(1);
    mem_fail_after(-1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(p[i] == NULL, i == 2);
        mem_free(p[i]);
    }
}

static void a_failed_resize_keeps_the_old_block(void **state)
{
    (void)state;
    char *p = mem_strdup("kept");
    mem_fail_after(0);
    assert_null(mem_resize(p, 1000));
    assert_string_equal(p, "kept");
    p = mem_resize(p, 1000);
    assert_string_equal(p, "kept");
    mem_freep(&p);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_nothing_is_something),
        cmocka_unit_test(calls_are_counted_and_the_process_has_a_size),
        cmocka_unit_test(a_product_that_overflows_gives_no_memory),
        cmocka_unit_test(exactly_the_nth_allocation_fails),
        cmocka_unit_test(a_failed_resize_keeps_the_old_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
