/* Tests of timetable.h. Day 20780 is Monday 2026-11-23. */
#include "attendance/timetable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { MON = 20780, MAX = 8 };

static void the_days_are_those_of_the_weekday_in_both_ranges_but_holidays(void **state)
{
    (void)state;
    static const struct {
        struct weekly weekly;
        struct day_range window, off[2];
        int n_off, max;
        const char *days; /* offsets from MON */
    } rows[] = {
        {{1, {0, DAY_MAX}}, {MON, MON + 14}, {{0}}, 0, MAX, "0 7 14 "},
        {{1, {0, DAY_MAX}}, {MON + 1, MON + 13}, {{0}}, 0, MAX, "7 "},
        {{7, {0, DAY_MAX}}, {MON, MON + 14}, {{0}}, 0, MAX, "6 13 "},
        {{3, {MON + 5, MON + 16}}, {MON, MON + 60}, {{0}}, 0, MAX, "9 16 "},
        {{3, {MON - 70, MON + 60}}, {MON, MON + 9}, {{0}}, 0, MAX, "2 9 "},
        {{1, {MON, MON}}, {MON, MON}, {{0}}, 0, MAX, "0 "},
        {{2, {MON, MON}}, {MON, MON}, {{0}}, 0, MAX, ""},
        {{1, {MON + 8, MON + 20}}, {MON, MON + 7}, {{0}}, 0, MAX, ""},
        {{1, {MON, MON + 21}}, {MON, MON + 60}, {{MON + 7, MON + 7}}, 1, MAX, "0 14 21 "},
        {{1, {MON, MON + 21}}, {MON, MON + 60}, {{MON + 1, MON + 6}}, 1, MAX, "0 7 14 21 "},
        {{1, {MON, MON + 21}},
         {MON, MON + 60},
         {{MON + 14, MON + 30}, {MON - 3, MON}},
         2,
         MAX,
         "7 "},
        {{1, {MON, MON + 21}}, {MON, MON + 60}, {{0}}, 0, 2, "0 7 "},
        {{1, {MON, MON + 21}}, {MON, MON + 60}, {{0}}, 0, 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t days[MAX];
        char text[64] = "";
        int n = timetable_days(&rows[i].weekly, rows[i].off, rows[i].n_off, rows[i].window, days,
                               rows[i].max);
        for (int k = 0; k < n; k++) {
            assert_int_equal(day_weekday(days[k]), rows[i].weekly.weekday);
            snprintf(text + strlen(text), sizeof text - strlen(text), "%d ", (int)(days[k] - MON));
        }
        if (strcmp(text, rows[i].days) != 0)
            fail_msg("row %zu: %s, not %s", i, text, rows[i].days);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_days_are_those_of_the_weekday_in_both_ranges_but_holidays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
