/* Tests of tzif.h: rules behind the list, and files that are damaged. What the system's zones give
 * is compared with Python's zoneinfo by tests/tools/test_time_zones.py. */
#include "base/tzif.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t at(const char *text)
{
    usec_t t = 0;
    assert_int_equal(time_parse_iso(str_from(text), &t, NULL), ERR_OK);
    return t / USEC_PER_SEC;
}

static void a_rule_says_when_daylight_is(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *utc;
        int offset_s;
    } rows[] = {
        {"UTC0", "2040-07-01T00:00:00Z", 0},
        {"<+0545>-5:45", "2040-07-01T00:00:00Z", 20700},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2040-03-25T00:59:59Z", 3600},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2040-03-25T01:00:00Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2040-10-28T00:59:59Z", 7200},
        {"CET-1CEST,M3.5.0,M10.5.0/3", "2040-10-28T01:00:00Z", 3600},
        {"NST3:30NDT,M3.2.0,M11.1.0", "2040-07-01T00:00:00Z", -9000},
        /* Dublin: what is called daylight is the winter, an hour back */
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2040-07-01T00:00:00Z", 3600},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2040-12-01T00:00:00Z", 0},
        /* Godthab (tzdata 2023 and later): the evening before the Sunday */
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2040-03-25T00:59:59Z", -7200},
        {"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2040-03-25T01:00:00Z", -3600},
        /* Troll: two hours; Lord Howe: half an hour, over the new year */
        {"<+00>0<+02>-2,M3.5.0/1,M10.5.0/3", "2040-07-01T00:00:00Z", 7200},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2040-12-31T23:00:00Z", 39600},
        {"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2040-07-01T00:00:00Z", 37800},
        /* days by number: J60 is 1 March in every year, 59 is 29 February in a leap year */
        {"AAA0BBB,J60/0,J300/0", "2040-02-29T23:59:59Z", 0},
        {"AAA0BBB,J60/0,J300/0", "2040-03-01T00:00:00Z", 3600},
        {"AAA0BBB,59/0,300/0", "2040-02-28T23:59:59Z", 0},
        {"AAA0BBB,59/0,300/0", "2040-02-29T00:00:00Z", 3600},
        {"AAA0BBB,59/0,300/0", "2041-03-01T00:00:00Z", 3600},
        /* daylight all year */
        {"XXX3EDT4,0/0,J365/23", "2040-12-31T23:30:00Z", -14400},
        {"XXX3EDT4,0/0,J365/23", "2041-01-01T04:00:00Z", -14400},
        /* a rule that reaches into the next year, and one that begins in the year before */
        {"AAA0BBB,J365/167,J100/0", "2041-01-06T22:59:59Z", 0},
        {"AAA0BBB,J365/167,J100/0", "2041-01-06T23:00:00Z", 3600},
        {"AAA0BBB,J1/-167,J100/0", "2040-12-25T01:00:00Z", 3600},
        {"AAA0BBB,J1/-167,J100/0", "2040-12-25T00:59:59Z", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tzif zone = {0};
        assert_int_equal(tzif_rule_parse(str_from(rows[i].rule), &zone.rule, NULL), ERR_OK);
        int got = tzif_offset(&zone, at(rows[i].utc));
        if (got != rows[i].offset_s)
            fail_msg("%s at %s: %d, not %d", rows[i].rule, rows[i].utc, got, rows[i].offset_s);
    }
}

static void what_is_no_rule_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "C",
        "CET",
        "CET-",
        "CET-25",
        "<+01-1",
        "CET-1CEST",
        "CET-1CEST-2",
        "CET-1CEST,M3.5.0",
        "CET-1CEST,M13.1.0,M1.1.0",
        "CET-1CEST,M3.6.0,M1.1.0",
        "CET-1CEST,M3.1.7,M1.1.0",
        "CET-1CEST,J0,J1",
        "CET-1CEST,366,1",
        "CET-1CEST,1/168,1",
        "CET-1:60",
        "CET-1CEST,1,1,",
        "CET-1 ",
        ":Europe/Berlin",
        "CET-1:",
        "CET-1CEST,1/,1",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct tzif_rule rule = {.standard_s = 7};
        if (tzif_rule_parse(str_from(texts[i]), &rule, NULL) != ERR_INVALID)
            fail_msg("'%s' was taken", texts[i]);
        assert_int_equal(rule.standard_s, 7);
    }
}

static struct str berlin(struct arena *a)
{
    struct str bytes = {0};
    assert_int_equal(
        file_read("/usr/share/zoneinfo/Europe/Berlin", TZIF_BYTES_MAX, a, &bytes, NULL), ERR_OK);
    return bytes;
}

static void a_file_gives_its_list_then_its_rule(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)2 * MIB);
    _cleanup_(tzif_freep) struct tzif *z = NULL;
    assert_int_equal(tzif_new(berlin(a), &z, NULL), ERR_OK);
    assert_int_equal(tzif_offset(z, at("1800-01-01T00:00:00Z")), 3208); /* by the sun */
    assert_int_equal(tzif_offset(z, at("1945-06-01T00:00:00Z")), 10800);
    assert_int_equal(tzif_offset(z, at("2026-10-25T00:59:59Z")), 7200);
    assert_int_equal(tzif_offset(z, at("2026-10-25T01:00:00Z")), 3600);
    assert_int_equal(tzif_offset(z, at("2199-07-01T00:00:00Z")), 7200);
}

static void a_file_that_is_cut_short_is_refused(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)2 * MIB);
    struct str bytes = berlin(a);
    for (size_t n = 0; n < bytes.n; n++) {
        struct tzif *z = NULL;
        if (tzif_new((struct str){bytes.p, n}, &z, NULL) != ERR_INVALID)
            fail_msg("%zu of %zu bytes were taken", n, bytes.n);
    }
}

static void memory_that_is_missing_is_told(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)2 * MIB);
    struct str bytes = berlin(a);
    struct tzif *z = NULL;
    mem_fail_after(0);
    enum err r = tzif_new(bytes, &z, NULL);
    mem_fail_after(-1);
    assert_int_equal(r, ERR_NOMEM);
    assert_null(z);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_says_when_daylight_is),
        cmocka_unit_test(what_is_no_rule_is_refused),
        cmocka_unit_test(a_file_gives_its_list_then_its_rule),
        cmocka_unit_test(a_file_that_is_cut_short_is_refused),
        cmocka_unit_test(memory_that_is_missing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
