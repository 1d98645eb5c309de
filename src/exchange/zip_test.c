/* Tests of zip.h: a round trip, and what strangers must not get away with. */
#include "exchange/zip.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct zip_limits limits = {
    .entries_max = 4, .entry_bytes_max = 8 * MIB, .total_bytes_max = 12 * MIB, .ratio_max = 100};

struct rig {
    struct arena *a;
    struct buf zip;
};

static int setup(void **state)
{
    struct rig *rig = *state = test_calloc(1, sizeof *rig);
    rig->a = arena_new(32 * MIB);
    buf_init(&rig->zip, MIB);
    return rig->a ? 0 : -1;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    arena_free(rig->a);
    buf_done(&rig->zip);
    test_free(rig);
    return 0;
}

static void pack(struct rig *rig, const struct zip_item *items, int n)
{
    struct error e = {0};
    if (zip_write(items, n, &rig->zip, &e))
        fail_msg("%s", e.msg);
}

static enum err unpack(struct rig *rig, struct error *e)
{
    struct zip_item *items;
    int n;
    return zip_read(buf_str(&rig->zip), &limits, rig->a, &items, &n, e);
}

static void what_is_written_is_read_back(void **state)
{
    struct rig *rig = *state;
    const struct zip_item in[] = {{STR("users.csv"), STR("id,name\n1,Ann\n")},
                                  {STR("folder/"), STR("")},
                                  {STR("folder/\xC3\xA9.csv"), STR("")}};
    struct zip_item *out = NULL;
    int n = 0;
    pack(rig, in, 3);
    assert_int_equal(zip_read(buf_str(&rig->zip), &limits, rig->a, &out, &n, NULL), ERR_OK);
    assert_int_equal(n, 2); /* folders are left out */
    assert_true(str_eq(out[0].name, in[0].name));
    assert_true(str_eq(out[0].bytes, in[0].bytes));
    assert_true(str_eq(out[1].name, in[2].name));
    assert_int_equal(out[1].bytes.n, 0);
}

static void bombs_are_not_inflated(void **state)
{
    struct rig *rig = *state;
    struct error e = {0};
    struct str zeros = {arena_alloc(rig->a, 4 * MIB), 4 * MIB};
    const struct zip_item in = {STR("users.csv"), zeros};
    pack(rig, &in, 1);
    size_t used = arena_used(rig->a);
    assert_int_equal(unpack(rig, &e), ERR_TOO_LARGE);
    assert_non_null(strstr(e.msg, "inflates to more than 100 times"));
    assert_true(arena_used(rig->a) < used + MIB);
}

static void sizes_and_entries_are_limited(void **state)
{
    struct rig *rig = *state;
    static char noise[MIB / 2];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    const struct zip_item in[] = {{STR("a"), {noise, sizeof noise}}, {STR("b"), STR("x")}};
    struct zip_limits tight = limits;
    struct zip_item *out;
    int n;
    pack(rig, in, 2);
    tight.entry_bytes_max = sizeof noise - 1;
    assert_int_equal(zip_read(buf_str(&rig->zip), &tight, rig->a, &out, &n, NULL), ERR_TOO_LARGE);
    tight = limits;
    tight.total_bytes_max = sizeof noise;
    assert_int_equal(zip_read(buf_str(&rig->zip), &tight, rig->a, &out, &n, NULL), ERR_TOO_LARGE);
    tight = limits;
    tight.entries_max = 1;
    assert_int_equal(zip_read(buf_str(&rig->zip), &tight, rig->a, &out, &n, NULL), ERR_TOO_LARGE);
}

/* Replaces every `from` (same length) in the file. */
static void patch(struct buf *b, struct str from, const char *to)
{
    for (size_t i = 0; i + from.n <= b->n; i++)
        if (memcmp(b->p + i, from.p, from.n) == 0)
            memcpy(b->p + i, to, from.n);
}

static void names_that_lead_elsewhere_are_refused(void **state)
{
    struct rig *rig = *state;
    static const char *const names[] = {
        "../../x",
        "/absolu",
        "a/../bc",
        "a\\..\\bc",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const struct zip_item in = {STR("abcdefg"), STR("x")};
        struct error e = {0};
        buf_reset(&rig->zip);
        pack(rig, &in, 1);
        patch(&rig->zip, STR("abcdefg"), names[i]);
        assert_int_equal(unpack(rig, &e), ERR_INVALID);
    }
    const struct zip_item bad = {STR("../x"), STR("x")};
    assert_int_equal(zip_write(&bad, 1, &rig->zip, NULL), ERR_INVALID);
}

static void damage_is_found(void **state)
{
    struct rig *rig = *state;
    const struct zip_item in = {STR("users.csv"), STR("sourcedId,status\nabc,active\n")};
    struct error e = {0};
    pack(rig, &in, 1);
    rig->zip.p[45] ^= 1; /* inside the deflated bytes */
    assert_int_equal(unpack(rig, &e), ERR_INVALID);
    buf_reset(&rig->zip);
    buf_puts(&rig->zip, "id,name\n1,Ann\n");
    assert_int_equal(unpack(rig, &e), ERR_INVALID);
    buf_reset(&rig->zip);
    assert_int_equal(unpack(rig, &e), ERR_INVALID);
}

static void the_output_has_a_limit(void **state)
{
    struct rig *rig = *state;
    const struct zip_item in = {STR("users.csv"), STR("x")};
    struct buf small;
    buf_init(&small, 32);
    assert_int_equal(zip_write(&in, 1, &small, NULL), ERR_TOO_LARGE);
    buf_done(&small);
    const struct zip_item twice[] = {in, in};
    assert_int_equal(zip_write(twice, 2, &rig->zip, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back, setup, teardown),
        cmocka_unit_test_setup_teardown(bombs_are_not_inflated, setup, teardown),
        cmocka_unit_test_setup_teardown(sizes_and_entries_are_limited, setup, teardown),
        cmocka_unit_test_setup_teardown(names_that_lead_elsewhere_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_found, setup, teardown),
        cmocka_unit_test_setup_teardown(the_output_has_a_limit, setup, teardown),
    };
    return cmocka_run_group_tests_name("zip", tests, NULL, NULL);
}
