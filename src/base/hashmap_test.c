/* Tests of base/hashmap: against a plain array as the model, and the failure of an allocation. */
#include "base/hashmap.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYS = 700, STEPS = 40000 };

struct pair {
    char key[16];
    bool present;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u; /* Numerical Recipes' generator */
    return *state >> 8;
}

static void a_map_agrees_with_an_array_under_random_puts_and_removes(void **state)
{
    (void)state;
    static struct pair pairs[KEYS];
    struct hashmap m;
    uint32_t random = 7;
    size_t n = 0;
    hashmap_init(&m);
    for (int i = 0; i < KEYS; i++)
        snprintf(pairs[i].key, sizeof(pairs[i].key), "key-%d", i);
    for (int step = 0; step < STEPS; step++) {
        struct pair *p = &pairs[next_random(&random) % KEYS];
        struct str key = str_from(p->key);
        assert_ptr_equal(hashmap_get(&m, key), p->present ? p : NULL);
        if (next_random(&random) % 2) {
            assert_int_equal(hashmap_put(&m, key, p, NULL), ERR_OK);
            n += !p->present;
            p->present = true;
        } else {
            assert_ptr_equal(hashmap_remove(&m, key), p->present ? p : NULL);
            n -= p->present;
            p->present = false;
        }
        assert_int_equal(m.n, n);
    }
    hashmap_done(&m);
}

static void a_walk_sees_every_value_once(void **state)
{
    (void)state;
    int values[100] = {0};
    char keys[100][8];
    struct hashmap m;
    int *v;
    size_t at = 0;
    hashmap_init(&m);
    for (int i = 0; i < 100; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%d", i);
        assert_int_equal(hashmap_put(&m, str_from(keys[i]), &values[i], NULL), ERR_OK);
    }
    while ((v = hashmap_next(&m, &at)))
        (*v)++;
    for (int i = 0; i < 100; i++)
        assert_int_equal(values[i], 1);
    hashmap_done(&m);
}

static void an_equal_key_is_replaced(void **state)
{
    (void)state;
    int a = 0, b = 0;
    struct hashmap m;
    hashmap_init(&m);
    assert_int_equal(hashmap_put(&m, STR("k"), &a, NULL), ERR_OK);
    assert_int_equal(hashmap_put(&m, STR("k"), &b, NULL), ERR_OK);
    assert_int_equal(m.n, 1);
    assert_ptr_equal(hashmap_get(&m, STR("k")), &b);
    hashmap_done(&m);
}

static void a_put_without_memory_leaves_the_map_as_it_was(void **state)
{
    (void)state;
    char keys[12][4];
    struct hashmap m;
    hashmap_init(&m);
    for (int i = 0; i < 12; i++) {
        snprintf(keys[i], sizeof(keys[i]), "%d", i);
        assert_int_equal(hashmap_put(&m, str_from(keys[i]), keys[i], NULL), ERR_OK);
    }
    mem_fail_after(0);
    assert_int_equal(hashmap_put(&m, STR("one more"), keys, NULL), ERR_NOMEM);
    mem_fail_after(-1);
    assert_int_equal(m.n, 12);
    assert_ptr_equal(hashmap_get(&m, STR("11")), keys[11]);
    assert_null(hashmap_get(&m, STR("one more")));
    hashmap_done(&m);
}

static void keys_may_be_empty_and_hold_zero_bytes(void **state)
{
    (void)state;
    int a = 0, b = 0, c = 0;
    struct hashmap m;
    hashmap_init(&m);
    assert_int_equal(hashmap_put(&m, STR(""), &a, NULL), ERR_OK);
    assert_int_equal(hashmap_put(&m, STR("x\0y"), &b, NULL), ERR_OK);
    assert_int_equal(hashmap_put(&m, STR("x\0z"), &c, NULL), ERR_OK);
    assert_ptr_equal(hashmap_get(&m, STR("")), &a);
    assert_ptr_equal(hashmap_get(&m, STR("x\0y")), &b);
    assert_ptr_equal(hashmap_remove(&m, STR("x\0z")), &c);
    assert_null(hashmap_get(&m, STR("x")));
    hashmap_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_map_agrees_with_an_array_under_random_puts_and_removes),
        cmocka_unit_test(a_walk_sees_every_value_once),
        cmocka_unit_test(an_equal_key_is_replaced),
        cmocka_unit_test(a_put_without_memory_leaves_the_map_as_it_was),
        cmocka_unit_test(keys_may_be_empty_and_hold_zero_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
