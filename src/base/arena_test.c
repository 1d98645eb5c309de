/* Tests of base/arena: the cap, alignment, zeroed memory, reset. */
#include "base/arena.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void memory_is_zeroed_and_aligned_for_vectors(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 63, 64, 65, 1000, 20000, 100000};
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    size_t total = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        unsigned char *p = arena_alloc(a, sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(p[k], 0);
        memset(p, 0xA5, sizes[i]);
        total += sizes[i];
    }
    assert_int_equal(arena_used(a), total);
}

static void the_cap_ends_an_arena_and_not_the_program(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * KIB);
    assert_null(arena_alloc(a, 64 * KIB + 1));
    assert_null(arena_alloc(a, SIZE_MAX));
    size_t got = 0;
    while (arena_alloc(a, KIB))
        got += KIB;
    assert_in_range(got, 48 * KIB, 64 * KIB);
    assert_int_equal(arena_used(a), got);
}

static void a_product_that_overflows_gives_no_memory(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    assert_null(arena_array(a, SIZE_MAX / 4, 8));
    assert_non_null(arena_array(a, 4, 8));
}

static void a_reset_arena_is_zeroed_and_needs_no_new_memory(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    memset(arena_alloc(a, 4096), 0xFF, 4096);
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
    mem_fail_after(0);
    unsigned char *p = arena_alloc(a, 4096);
    mem_fail_after(-1);
    assert_non_null(p);
    for (size_t i = 0; i < 4096; i++)
        assert_int_equal(p[i], 0);
}

static void jobs_alike_allocate_nothing_from_the_third_on(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(256 * MIB);
    const size_t job[] = {900000, 4900000, 300, 5000000, 40000};
    int64_t before = 0;
    for (int round = 0; round < 10; round++) {
        before = round == 2 ? mem_calls() : before;
        for (size_t i = 0; i < ARRAY_LEN(job); i++)
            assert_non_null(arena_alloc(a, job[i]));
        arena_reset(a);
    }
    assert_int_equal(mem_calls() - before, 0);
    assert_non_null(arena_alloc(a, 100 * MIB)); /* is given back, not kept */
    arena_reset(a);
    mem_fail_after(0);
    assert_null(arena_alloc(a, 1));
    mem_fail_after(-1);
}

static void copies_are_terminated_and_independent(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    char text[] = "abc";
    struct str s = arena_copy(a, (struct str){text, 2});
    char *t = arena_strdup(a, (struct str){text, 3});
    char *empty = arena_strdup(a, (struct str){NULL, 0});
    char *printed = arena_printf(a, "%s-%d", text, 7);
    text[0] = 'X';
    assert_int_equal(s.n, 2);
    assert_string_equal(s.p, "ab");
    assert_string_equal(t, "abc");
    assert_string_equal(empty, "");
    assert_string_equal(printed, "abc-7");
}

static void no_memory_from_the_system_is_no_memory_from_the_arena(void **state)
{
    (void)state;
    mem_fail_after(0);
    assert_null(arena_new(MIB));
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    mem_fail_after(0);
    assert_null(arena_alloc(a, 10));
    mem_fail_after(-1);
    assert_non_null(arena_alloc(a, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned_for_vectors),
        cmocka_unit_test(the_cap_ends_an_arena_and_not_the_program),
        cmocka_unit_test(a_product_that_overflows_gives_no_memory),
        cmocka_unit_test(jobs_alike_allocate_nothing_from_the_third_on),
        cmocka_unit_test(a_reset_arena_is_zeroed_and_needs_no_new_memory),
        cmocka_unit_test(copies_are_terminated_and_independent),
        cmocka_unit_test(no_memory_from_the_system_is_no_memory_from_the_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
