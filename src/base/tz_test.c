/* Tests of tz.h: the days on which clocks change, in zones that change in different ways. The
 * expected times are those of the tz database (as Python's zoneinfo reads it, fold=0). */
#include "base/tz.h"

#include "base/day.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

static usec_t at(const char *text)
{
    char full[TIME_TEXT];
    usec_t t = 0;
    struct error e = {0};
    snprintf(full, sizeof full, "%s:00Z", text);
    if (time_parse_iso(str_from(full), &t, &e))
        fail_msg("%s: %s", text, e.msg);
    return t;
}

static const struct row {
    const char *zone, *local, *utc, *back; /* back: the local time that utc is, where not `local` */
} rows[] = {
    /* Berlin: jumps from 02:00 to 03:00, shows 02:00 to 03:00 twice */
    {"Europe/Berlin", "2026-01-15T09:00", "2026-01-15T08:00", NULL},
    {"Europe/Berlin", "2026-07-15T09:00", "2026-07-15T07:00", NULL},
    {"Europe/Berlin", "2026-03-29T01:59", "2026-03-29T00:59", NULL},
    {"Europe/Berlin", "2026-03-29T02:00", "2026-03-29T01:00", "2026-03-29T03:00"},
    {"Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:30", "2026-03-29T03:30"},
    {"Europe/Berlin", "2026-03-29T03:00", "2026-03-29T01:00", NULL},
    {"Europe/Berlin", "2026-10-25T01:59", "2026-10-24T23:59", NULL},
    {"Europe/Berlin", "2026-10-25T02:00", "2026-10-25T00:00", NULL},
    {"Europe/Berlin", "2026-10-25T02:59", "2026-10-25T00:59", NULL},
    {"Europe/Berlin", "2026-10-25T03:00", "2026-10-25T02:00", NULL},
    {"Europe/Berlin", "2040-03-25T02:30", "2040-03-25T01:30", "2040-03-25T03:30"},
    {"Europe/Berlin", "2040-07-02T09:00", "2040-07-02T07:00", NULL},
    {"Europe/Berlin", "2040-10-28T02:30", "2040-10-28T00:30", NULL},
    {"Europe/Berlin", "2040-12-03T09:00", "2040-12-03T08:00", NULL},
    /* New York: behind UTC */
    {"America/New_York", "2026-03-08T01:30", "2026-03-08T06:30", NULL},
    {"America/New_York", "2026-03-08T02:30", "2026-03-08T07:30", "2026-03-08T03:30"},
    {"America/New_York", "2026-11-01T01:30", "2026-11-01T05:30", NULL},
    {"America/New_York", "2026-11-01T02:00", "2026-11-01T07:00", NULL},
    {"America/New_York", "2040-03-11T02:30", "2040-03-11T07:30", "2040-03-11T03:30"},
    {"America/New_York", "2040-11-04T01:30", "2040-11-04T05:30", NULL},
    {"America/New_York", "2040-07-04T18:00", "2040-07-04T22:00", NULL},
    /* Lord Howe: half an hour, summer in January */
    {"Australia/Lord_Howe", "2026-01-15T09:00", "2026-01-14T22:00", NULL},
    {"Australia/Lord_Howe", "2026-04-05T01:29", "2026-04-04T14:29", NULL},
    {"Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45", NULL},
    {"Australia/Lord_Howe", "2026-04-05T02:00", "2026-04-04T15:30", NULL},
    {"Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:45", "2026-10-04T02:45"},
    {"Australia/Lord_Howe", "2040-04-01T01:45", "2040-03-31T14:45", NULL},
    {"Australia/Lord_Howe", "2040-10-08T09:00", "2040-10-07T22:00", NULL},
    /* Casablanca: an hour back in Ramadan, which moves through the years */
    {"Africa/Casablanca", "2026-02-10T09:00", "2026-02-10T08:00", NULL},
    {"Africa/Casablanca", "2026-02-15T02:30", "2026-02-15T01:30", NULL},
    {"Africa/Casablanca", "2026-02-20T09:00", "2026-02-20T09:00", NULL},
    {"Africa/Casablanca", "2026-03-22T02:30", "2026-03-22T02:30", "2026-03-22T03:30"},
    {"Africa/Casablanca", "2026-03-23T09:00", "2026-03-23T08:00", NULL},
    {"Africa/Casablanca", "2040-09-02T02:30", "2040-09-02T01:30", NULL},
    {"Africa/Casablanca", "2040-09-10T09:00", "2040-09-10T09:00", NULL},
    {"Africa/Casablanca", "2040-10-14T02:30", "2040-10-14T02:30", "2040-10-14T03:30"},
    /* Kathmandu: never changes, 5:45 ahead */
    {"Asia/Kathmandu", "2026-03-29T02:30", "2026-03-28T20:45", NULL},
    {"Asia/Kathmandu", "2040-10-28T02:30", "2040-10-27T20:45", NULL},
    /* Easter Island: changes on the evening of Saturday, by Santiago's midnight */
    {"Pacific/Easter", "2026-04-04T20:30", "2026-04-05T01:30", NULL},
    {"Pacific/Easter", "2026-04-04T21:30", "2026-04-05T02:30", NULL},
    {"Pacific/Easter", "2026-04-04T22:00", "2026-04-05T04:00", NULL},
    {"Pacific/Easter", "2026-09-05T22:30", "2026-09-06T04:30", "2026-09-05T23:30"},
    {"Pacific/Easter", "2026-07-01T09:00", "2026-07-01T15:00", NULL},
    {"Pacific/Easter", "2040-09-01T22:30", "2040-09-02T04:30", "2040-09-01T23:30"},
    {"Pacific/Easter", "2040-12-03T09:00", "2040-12-03T14:00", NULL},
    /* St. John's: three and a half hours behind */
    {"America/St_Johns", "2026-03-08T02:30", "2026-03-08T06:00", "2026-03-08T03:30"},
    {"America/St_Johns", "2040-11-04T01:30", "2040-11-04T04:00", NULL},
    {"America/St_Johns", "2040-11-04T02:00", "2040-11-04T05:30", NULL},
    {"America/St_Johns", "2040-03-11T09:00", "2040-03-11T11:30", NULL},
    /* Lord Howe in October 2040 */
    {"Australia/Lord_Howe", "2040-10-07T01:59", "2040-10-06T15:29", NULL},
    {"Australia/Lord_Howe", "2040-10-07T02:15", "2040-10-06T15:45", "2040-10-07T02:45"},
    {"Australia/Lord_Howe", "2040-10-07T02:30", "2040-10-06T15:30", NULL},
    /* Gaza: listed by the year */
    {"Asia/Gaza", "2026-07-01T09:00", "2026-07-01T06:00", NULL},
    {"Asia/Gaza", "2040-10-27T09:00", "2040-10-27T07:00", NULL},
    {"Asia/Gaza", "2045-12-03T09:00", "2045-12-03T07:00", NULL},
    /* Troll: two hours */
    {"Antarctica/Troll", "2026-03-29T01:30", "2026-03-29T01:30", "2026-03-29T03:30"},
    {"Antarctica/Troll", "2026-10-25T01:30", "2026-10-24T23:30", NULL},
    {"Antarctica/Troll", "2040-03-25T02:30", "2040-03-25T02:30", "2040-03-25T04:30"},
    {"Antarctica/Troll", "2040-07-01T09:00", "2040-07-01T07:00", NULL},
    /* Dublin: the tz database has winter as what is special */
    {"Europe/Dublin", "2040-07-01T09:00", "2040-07-01T08:00", NULL},
    {"Europe/Dublin", "2040-12-03T09:00", "2040-12-03T09:00", NULL},
    {"Europe/Dublin", "2040-10-28T01:30", "2040-10-28T00:30", NULL},
    /* Nuuk, Chatham, Cairo, Santiago after 2037 */
    {"America/Nuuk", "2040-03-24T22:30", "2040-03-25T00:30", NULL},
    {"America/Nuuk", "2040-03-25T09:00", "2040-03-25T10:00", NULL},
    {"Pacific/Chatham", "2040-04-01T03:00", "2040-03-31T13:15", NULL},
    {"Pacific/Chatham", "2040-09-30T03:00", "2040-09-29T14:15", "2040-09-30T04:00"},
    {"Africa/Cairo", "2040-04-27T00:30", "2040-04-26T22:30", "2040-04-27T01:30"},
    {"Africa/Cairo", "2040-10-25T23:30", "2040-10-25T20:30", NULL},
    {"America/Santiago", "2040-09-02T00:30", "2040-09-02T04:30", "2040-09-02T01:30"},
    {"UTC", "2026-03-29T02:30", "2026-03-29T02:30", NULL},
    {"Asia/Calcutta", "2026-03-29T02:30", "2026-03-28T21:00", NULL}, /* an old name */
};

static void local_times_become_utc_and_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        usec_t utc = 0, local = 0;
        char got[TIME_TEXT];
        assert_int_equal(tz_to_utc(str_from(r->zone), at(r->local), &utc, NULL), ERR_OK);
        time_format_iso(utc, got);
        if (utc != at(r->utc))
            fail_msg("%s %s is %s, not %s", r->zone, r->local, got, r->utc);
        assert_int_equal(tz_to_local(str_from(r->zone), utc, &local, NULL), ERR_OK);
        time_format_iso(local, got);
        if (local != at(r->back ? r->back : r->local))
            fail_msg("%s %s came back as %s", r->zone, r->local, got);
    }
}

static void a_local_time_has_its_own_day_and_weekday(void **state)
{
    (void)state;
    usec_t local = 0;
    assert_int_equal(tz_to_local(STR("Australia/Lord_Howe"), at("2026-01-14T22:00"), &local, NULL),
                     ERR_OK);
    assert_int_equal(day_weekday(day_of(local)), 4);
    assert_int_equal(day_weekday(day_of(at("2026-01-14T22:00"))), 3);
    assert_int_equal(local % USEC_PER_DAY, 9 * USEC_PER_HOUR);
}

static void what_is_no_zone_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "Europe",
                                        "Europe/Berlinn",
                                        "europe/berlin;",
                                        "../../../etc/passwd",
                                        "/usr/share/zoneinfo/Europe/Berlin",
                                        "zone.tab",
                                        "CET CEST",
                                        "Mitteleurop\xc3\xa4isch",
                                        "A/very/long/name/that/goes/on/and/on/and/on/and/on/and/on/"
                                        "past/the/limit"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct error e = {0};
        usec_t utc = 5;
        if (tz_check(str_from(names[i]), &e) != ERR_INVALID)
            fail_msg("'%s' was taken", names[i]);
        assert_non_null(strstr(e.msg, "Europe/Berlin"));
        assert_int_equal(tz_to_utc(str_from(names[i]), 0, &utc, NULL), ERR_INVALID);
        assert_int_equal(utc, 5);
    }
    assert_int_equal(tz_check(STR("America/Argentina/Buenos_Aires"), NULL), ERR_OK);
    assert_int_equal(tz_check(STR("Etc/GMT+3"), NULL), ERR_OK);
}

static void times_beyond_the_calendar_are_refused(void **state)
{
    (void)state;
    usec_t got = 0;
    const usec_t end = (DAY_MAX + 1) * USEC_PER_DAY;
    assert_int_equal(tz_to_utc(STR("UTC"), -1, &got, NULL), ERR_INVALID);
    assert_int_equal(tz_to_utc(STR("UTC"), end, &got, NULL), ERR_INVALID);
    assert_int_equal(tz_to_local(STR("UTC"), INT64_MAX, &got, NULL), ERR_INVALID);
    assert_int_equal(tz_to_utc(STR("Europe/Berlin"), end - 1, &got, NULL), ERR_OK);
    assert_int_equal(tz_to_utc(STR("Europe/Berlin"), 0, &got, NULL), ERR_OK);
    assert_int_equal(got, -USEC_PER_HOUR);
}

static void a_time_is_written_with_its_offset(void **state)
{
    (void)state;
    char text[TZ_TIME_TEXT];
    assert_int_equal(tz_format(STR("Asia/Kathmandu"), at("2026-03-28T20:45"), text, NULL), ERR_OK);
    assert_string_equal(text, "2026-03-29T02:30:00+05:45");
    assert_int_equal(tz_format(STR("America/New_York"), at("2026-07-01T00:00"), text, NULL),
                     ERR_OK);
    assert_string_equal(text, "2026-06-30T20:00:00-04:00");
}

static void *convert(void *ctx)
{
    int *wrong = ctx;
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
            usec_t utc = 0;
            if (tz_to_utc(str_from(rows[i].zone), at(rows[i].local), &utc, NULL) ||
                utc != at(rows[i].utc))
                ++*wrong;
        }
    }
    return NULL;
}

static void threads_may_ask_at_once(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    int wrong[THREADS] = {0};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, convert, &wrong[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(wrong[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_may_ask_at_once), /* first: nothing is cached yet */
        cmocka_unit_test(local_times_become_utc_and_come_back),
        cmocka_unit_test(a_local_time_has_its_own_day_and_weekday),
        cmocka_unit_test(what_is_no_zone_is_refused),
        cmocka_unit_test(times_beyond_the_calendar_are_refused),
        cmocka_unit_test(a_time_is_written_with_its_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
