/* Tests of base/time: RFC 3339 in and out. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 2026-11-22T08:59:00Z */
#define MORNING ((usec_t)1795337940 * USEC_PER_SEC)

static void rfc_3339_is_read_and_everything_else_refused(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        enum err wanted;
        usec_t value;
    } rows[] = {
        {STR("2026-11-22T08:59:00Z"), ERR_OK, MORNING},
        {STR("2026-11-22t08:59:00z"), ERR_OK, MORNING},
        {STR("2026-11-22T08:59:00.5Z"), ERR_OK, MORNING + 500000},
        {STR("2026-11-22T08:59:00.123456789Z"), ERR_OK, MORNING + 123456},
        {STR("2026-11-22T09:59:00+01:00"), ERR_OK, MORNING},
        {STR("2026-11-22T00:29:00-08:30"), ERR_OK, MORNING},
        {STR("1970-01-01T00:00:00Z"), ERR_OK, 0},
        {STR("1969-12-31T23:59:59Z"), ERR_OK, -USEC_PER_SEC},
        {STR("2024-02-29T00:00:00Z"), ERR_OK, (usec_t)1709164800 * USEC_PER_SEC},
        {STR("2016-12-31T23:59:60Z"), ERR_OK, (usec_t)1483228800 * USEC_PER_SEC},
        {STR("2026-02-29T00:00:00Z"), ERR_INVALID, 0},
        {STR("2026-02-29T00:00:01Z"), ERR_INVALID, 0},
        {STR("2026-02-31T10:00:00Z"), ERR_INVALID, 0},
        {STR("2026-04-31T23:59:60Z"), ERR_INVALID, 0},
        {STR("2026-13-01T00:00:00Z"), ERR_INVALID, 0},
        {STR("2026-00-01T00:00:00Z"), ERR_INVALID, 0},
        {STR("2026-11-00T00:00:00Z"), ERR_INVALID, 0},
        {STR("2026-11-22T24:00:00Z"), ERR_INVALID, 0},
        {STR("2026-11-22T08:60:00Z"), ERR_INVALID, 0},
        {STR("2026-11-22T08:59:61Z"), ERR_INVALID, 0},
        {STR("2026-11-22T08:59:00"), ERR_INVALID, 0},
        {STR("2026-11-22 08:59:00Z"), ERR_INVALID, 0},
        {STR("2026-11-22T08:59:00.Z"), ERR_INVALID, 0},
        {STR("2026-11-22T08:59:00Z "), ERR_INVALID, 0},
        {STR("2026-11-22T08:59:00+24:00"), ERR_INVALID, 0},
        {STR("2026-11-22"), ERR_INVALID, 0},
        {STR("yesterday"), ERR_INVALID, 0},
        {STR(""), ERR_INVALID, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        usec_t t = 0;
        if (time_parse_iso(rows[i].text, &t, NULL) != rows[i].wanted || t != rows[i].value)
            fail_msg("%.*s gives %lld", STR_ARGS(rows[i].text), (long long)t);
    }
}

static void what_is_printed_reads_back_the_same(void **state)
{
    (void)state;
    static const usec_t times[] = {0, 1, -1, MORNING, MORNING + 999999, -USEC_PER_DAY * 400};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        char text[TIME_TEXT];
        usec_t t = 5;
        time_format_iso(times[i], text);
        assert_int_equal(strlen(text), TIME_TEXT - 1);
        assert_int_equal(time_parse_iso(str_from(text), &t, NULL), ERR_OK);
        assert_true(t == times[i]);
    }
}

static void the_printed_form_is_utc_with_microseconds(void **state)
{
    (void)state;
    char text[TIME_TEXT];
    time_format_iso(MORNING + 42, text);
    assert_string_equal(text, "2026-11-22T08:59:00.000042Z");
}

static void the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    usec_t last = time_mono();
    for (int i = 0; i < 10000; i++) {
        usec_t now = time_mono();
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_3339_is_read_and_everything_else_refused),
        cmocka_unit_test(what_is_printed_reads_back_the_same),
        cmocka_unit_test(the_printed_form_is_utc_with_microseconds),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
