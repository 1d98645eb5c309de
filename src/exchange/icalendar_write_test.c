/* Tests of icalendar_write.h: what is written is read back by icalendar.h, and is known as ours. */
#include "exchange/icalendar_write.h"

#include "exchange/icalendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ID "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"
#define LONG_TITLE                                                                                 \
    "Gr\xC3\xBC\xC3\x9F"                                                                           \
    "e; commas, back\\slashes and \xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC"    \
    "\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC\xE2\x82\xAC in a "   \
    "title that is longer than one line may be"

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)4 * MIB);
    _cleanup_(buf_done) struct buf b;
    const usec_t start = 20600 * USEC_PER_DAY + 8 * USEC_PER_HOUR;
    const struct icalendar_entry entry = {.id = ID,
                                          .title = STR(LONG_TITLE),
                                          .category = STR("CS-101"),
                                          .start = start,
                                          .end = start + USEC_PER_HOUR};
    const struct icalendar_limits limits = {
        .events_max = 4, .sittings_max = 4, .from = start - USEC_PER_DAY, .to = start + 1};
    struct icalendar got = {0};
    buf_init(&b, 16 * KIB);
    icalendar_begin(&b, STR("A course"));
    icalendar_put(&b, &entry);
    icalendar_end(&b);
    assert_false(b.failed);
    assert_int_equal(icalendar_read(a, buf_str(&b), STR("UTC"), &limits, &got, NULL), ERR_OK);
    assert_int_equal(got.n, 1);
    assert_null(got.events[0].problem.p);
    assert_true(str_is(got.events[0].title, LONG_TITLE));
    assert_true(str_is(got.events[0].category, "CS-101"));
    assert_int_equal(got.events[0].n, 1);
    assert_int_equal(got.events[0].sittings[0].start, start);
    assert_int_equal(got.events[0].sittings[0].end, start + USEC_PER_HOUR);
    struct str rest = buf_str(&b), line;
    while (str_split(&rest, '\n', &line))
        assert_true(line.n <= 76 && str_is_utf8(line));
}

static void own_uids_are_known(void **state)
{
    (void)state;
    char id[ID_TEXT];
    assert_true(icalendar_own_uid(STR(ID "@rollcall"), id));
    assert_string_equal(id, ID);
    assert_false(icalendar_own_uid(STR(ID "@elsewhere"), id));
    assert_false(icalendar_own_uid(STR("0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5fzz@rollcall"), id));
    assert_false(icalendar_own_uid(STR("@rollcall"), id));
    assert_false(icalendar_own_uid(STR(""), id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(own_uids_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
