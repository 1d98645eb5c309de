/* Tests of icalendar.h: which sittings come out of which event. Everything is in Berlin, whose
 * clocks change on Sunday 2026-03-29; reading begins on 2026-03-01. */
#include "exchange/icalendar.h"

#include "base/day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

enum { MARCH = 20513 };

static const struct icalendar_limits limits = {.events_max = 4,
                                               .sittings_max = 20,
                                               .from = MARCH * USEC_PER_DAY,
                                               .to = (MARCH + 100) * USEC_PER_DAY};

static enum err read_events(struct arena *a, const char *lines, struct icalendar *ret,
                            struct error *e)
{
    char *text = arena_printf(a, "BEGIN:VCALENDAR\nVERSION:2.0\n%sEND:VCALENDAR\n", lines);
    return icalendar_read(a, str_from(text), STR("Europe/Berlin"), &limits, ret, e);
}

#define EVENT(rest) "BEGIN:VEVENT\nUID:u\nSUMMARY:S\n" rest "\nEND:VEVENT\n"
#define AT "DTSTART:20260323T091500\nDURATION:PT1H\n"

static void sittings_follow_the_rules_of_the_event(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *starts; /* month-day hour:minute in UTC */
    } rows[] = {
        {EVENT(AT), "03-23T08:15 "},
        {EVENT(AT "RRULE:FREQ=WEEKLY;COUNT=3"), "03-23T08:15 03-30T07:15 04-06T07:15 "},
        {EVENT(AT "RRULE:FREQ=WEEKLY;UNTIL=20260330T071500Z"), "03-23T08:15 03-30T07:15 "},
        {EVENT(AT "RRULE:FREQ=WEEKLY;UNTIL=20260330T071459Z"), "03-23T08:15 "},
        {EVENT(AT "RRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20260330T091500"), "03-23T08:15 04-06T07:15 "},
        {EVENT(AT "RRULE:FREQ=WEEKLY;COUNT=2\nEXDATE:20260330T071500Z"), "03-23T08:15 "},
        {EVENT(AT "RDATE:20260325T100000"), "03-23T08:15 03-25T09:00 "},
        {EVENT(AT "RRULE:FREQ=DAILY;COUNT=2")
             EVENT("RECURRENCE-ID:20260324T091500\nDTSTART:20260324T120000\nDURATION:PT1H"),
         "03-23T08:15 03-24T11:00 "},
        {EVENT("RECURRENCE-ID:20260324T091500\nDTSTART:20260324T091500\nDURATION:PT1H\n"
               "STATUS:CANCELLED") EVENT(AT "RRULE:FREQ=DAILY;COUNT=2"),
         "03-23T08:15 (03-24T08:15) "},
        {EVENT("DTSTART;TZID=America/New_York:20260310T090000\nDURATION:PT1H"), "03-10T13:00 "},
        {EVENT("DTSTART:20260310T090000Z\nDTEND:20260310T100000Z"), "03-10T09:00 "},
        {EVENT("DTSTART:20260210T090000\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;COUNT=3"),
         "03-10T08:00 04-10T07:00 "},
        {EVENT("DTSTART;VALUE=DATE:20260310"), ""},
        {EVENT(AT "STATUS:CANCELLED"), ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
        struct icalendar got = {0};
        struct error e = {0};
        char text[400] = "", iso[TIME_TEXT];
        if (read_events(a, rows[i].lines, &got, &e))
            fail_msg("row %zu: %s", i, e.msg);
        assert_null(got.events[0].problem.p);
        for (int k = 0; k < got.events[0].n; k++) {
            const struct icalendar_sitting *s = &got.events[0].sittings[k];
            time_format_iso(s->start, iso);
            snprintf(text + strlen(text), sizeof text - strlen(text),
                     s->cancelled ? "(%.11s) " : "%.11s ", iso + 5);
        }
        if (strcmp(text, rows[i].starts) != 0)
            fail_msg("row %zu: %s, not %s", i, text, rows[i].starts);
    }
}

static void what_is_wrong_with_an_event_is_its_own_problem(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *word;
    } rows[] = {
        {EVENT("DURATION:PT1H"), "DTSTART"},
        {EVENT("DTSTART;TZID=Mars/Olympus:20260323T091500\nDURATION:PT1H"), "Mars/Olympus"},
        {EVENT("DTSTART:20260323T091500\nDTEND:20260323T091500"), "end after"},
        {EVENT("DTSTART:20260323T091500\nDURATION:P2D"), "within a day"},
        {EVENT(AT "RRULE:FREQ=HOURLY;COUNT=3"), "hour"},
        {"BEGIN:VEVENT\n" AT "END:VEVENT\n", "UID"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
        struct icalendar got = {0};
        struct error e = {0};
        if (read_events(a, rows[i].lines, &got, &e))
            fail_msg("row %zu: %s", i, e.msg);
        if (!got.events[0].problem.p || !strstr(got.events[0].problem.p, rows[i].word))
            fail_msg("row %zu: %s", i, got.events[0].problem.p);
        assert_int_equal(got.events[0].n, 0);
    }
}

static void a_calendar_beyond_the_limits_is_refused(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
    struct icalendar got = {0};
    assert_int_equal(read_events(a, EVENT(AT "RRULE:FREQ=DAILY"), &got, NULL), ERR_TOO_LARGE);
    assert_int_equal(read_events(a, EVENT(AT) EVENT(AT) EVENT(AT) EVENT(AT) EVENT(AT), &got, NULL),
                     ERR_TOO_LARGE);
    assert_int_equal(icalendar_read(a, STR("x"), STR("UTC"), &limits, &got, NULL), ERR_INVALID);
    assert_int_equal(got.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sittings_follow_the_rules_of_the_event),
        cmocka_unit_test(what_is_wrong_with_an_event_is_its_own_problem),
        cmocka_unit_test(a_calendar_beyond_the_limits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
