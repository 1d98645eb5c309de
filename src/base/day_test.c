/* Tests of day.h. */
#include "base/day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void days_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t day;
        int weekday;
    } rows[] = {
        {"1970-01-01", 0, 4},     {"1970-01-02", 1, 5},       {"1999-12-31", 10956, 5},
        {"2000-02-29", 11016, 2}, {"2026-11-22", 20779, 7},   {"2026-11-23", 20780, 1},
        {"2100-02-28", 47540, 7}, {"2199-12-31", DAY_MAX, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t day = -1;
        char text[DAY_TEXT];
        assert_int_equal(day_parse(str_from(rows[i].text), &day, NULL), ERR_OK);
        assert_int_equal(day, rows[i].day);
        assert_int_equal(day_weekday(day), rows[i].weekday);
        day_format(day, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void what_is_no_day_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",           "2026-11",     "2026-1-01",  "2026-02-29", "2026-13-01",  "2026-00-10",
        "22.11.2026", "2026-11-22T", "1969-12-31", "2200-01-01", "2026/11/22",  " 2026-11-2",
        "2100-02-29", "2026-11-31",  "0000-01-01", "9999-12-31", "-026-11-221",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t day = 7;
        struct error e = {0};
        if (day_parse(str_from(rows[i]), &day, &e) != ERR_INVALID)
            fail_msg("'%s' was taken", rows[i]);
        assert_int_equal(day, 7);
        assert_non_null(strstr(e.msg, "2026-11-22"));
    }
}

static void the_day_of_a_time_is_rounded_down(void **state)
{
    (void)state;
    assert_int_equal(day_of(0), 0);
    assert_int_equal(day_of(USEC_PER_DAY - 1), 0);
    assert_int_equal(day_of(USEC_PER_DAY), 1);
    assert_int_equal(day_of(-1), -1);
    assert_int_equal(day_of(-USEC_PER_DAY), -1);
    assert_int_equal(day_of(-USEC_PER_DAY - 1), -2);
    assert_int_equal(day_weekday(-1), 3);
    assert_int_equal(day_weekday(-4), 7);
}

static void times_of_day_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t minute;
    } rows[] = {{"00:00", 0}, {"09:05", 545}, {"23:59", 1439}, {"24:00", -1}, {"12:60", -1},
                {"9:05", -1}, {"", -1},       {"09.05", -1},   {"-1:05", -1}, {"09:5x", -1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t minute = -1;
        char text[CLOCK_TEXT];
        assert_int_equal(clock_parse(str_from(rows[i].text), &minute, NULL),
                         rows[i].minute < 0 ? ERR_INVALID : ERR_OK);
        assert_int_equal(minute, rows[i].minute);
        if (minute < 0)
            continue;
        clock_format(minute, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_read_and_written),
        cmocka_unit_test(what_is_no_day_is_refused),
        cmocka_unit_test(the_day_of_a_time_is_rounded_down),
        cmocka_unit_test(times_of_day_are_read_and_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
