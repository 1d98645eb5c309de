/* Attendance rules: each by a table, then all together against a slow and obvious reading of them
 * over a grid of small sessions. */
#include "attendance/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START (1800000000 * USEC_PER_SEC)
#define MIN USEC_PER_MIN

static const struct sitting hour = {START, START + 60 * USEC_PER_MIN};

static void a_late_student_is_seen_too_long_after_the_start(void **state)
{
    (void)state;
    static const struct {
        usec_t late_after, seen;
        enum mark_status want;
    } cases[] = {
        {10 * MIN, 0, MARK_PRESENT},        {10 * MIN, -5 * MIN, MARK_PRESENT},
        {10 * MIN, 10 * MIN, MARK_PRESENT}, {10 * MIN, 10 * MIN + 1, MARK_LATE},
        {0, USEC_PER_DAY, MARK_PRESENT},    {-1, USEC_PER_DAY, MARK_PRESENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attendance_policy p = {.late_after = cases[i].late_after};
        assert_int_equal(mark_status_at(&p, START, START + cases[i].seen), cases[i].want);
    }
}

static void sightings_are_counted_by_minute_and_by_sweep(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int sweeps, n;
        usec_t seen[6]; /* after the start */
        int want_minutes, want_sweeps;
    } cases[] = {
        {"none", 4, 0, {0}, 0, 0},
        {"the very start", 4, 1, {0}, 1, 1},
        {"the very end is of the last sweep", 4, 2, {59 * MIN, 60 * MIN}, 2, 1},
        {"before and after do not count", 4, 2, {-1, 60 * MIN + 1}, 0, 0},
        {"many in a minute", 4, 3, {MIN, MIN + 1, 2 * MIN - 1}, 1, 1},
        {"each sweep", 4, 4, {1, 15 * MIN, 30 * MIN, 45 * MIN}, 4, 4},
        {"the last moment of a sweep", 4, 2, {15 * MIN - 1, 15 * MIN}, 2, 2},
        {"nobody asked for sweeps", 0, 2, {1, 30 * MIN}, 2, 0},
        {"less than none", -3, 2, {1, 30 * MIN}, 2, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct attendance_policy p = {.sweeps = cases[i].sweeps};
        usec_t seen[6];
        for (int k = 0; k < cases[i].n; k++)
            seen[k] = START + cases[i].seen[k];
        struct presence got = presence_of(&p, &hour, seen, cases[i].n);
        if (got.minutes != cases[i].want_minutes || got.sweeps != cases[i].want_sweeps)
            fail_msg("%s: %d minutes, %d sweeps", cases[i].what, got.minutes, got.sweeps);
        assert_int_equal(got.first_seen, cases[i].n ? seen[0] : 0);
        assert_int_equal(got.last_seen, cases[i].n ? seen[cases[i].n - 1] : 0);
    }
}

static void a_session_without_a_length_has_no_minutes(void **state)
{
    (void)state;
    const struct attendance_policy p = {.sweeps = 3};
    const usec_t seen[] = {START};
    for (int shorter = 0; shorter < 2; shorter++) {
        const struct sitting s = {START, START - shorter};
        struct presence got = presence_of(&p, &s, seen, 1);
        assert_int_equal(got.minutes, 0);
        assert_int_equal(got.sweeps, 0);
        assert_int_equal(got.first_seen, START);
    }
}

static void a_minute_is_counted_from_the_start(void **state)
{
    (void)state;
    static const struct {
        usec_t at;
        int64_t want;
    } cases[] = {{-1, -1}, {0, 0}, {MIN - 1, 0}, {MIN, 1}, {61 * MIN, 61}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(presence_minute(&hour, START + cases[i].at), cases[i].want);
}

static void minutes_make_the_same_presence_as_their_sightings(void **state)
{
    (void)state;
    const struct attendance_policy p = {.sweeps = 4};
    static const int64_t minutes[] = {0, 14, 15, 59, 60, 61};
    usec_t seen[ARRAY_LEN(minutes)];
    for (size_t i = 0; i < ARRAY_LEN(minutes); i++)
        seen[i] = START + minutes[i] * MIN;
    for (int n = 0; n <= (int)ARRAY_LEN(minutes); n++) {
        struct presence of = presence_of(&p, &hour, seen, n);
        struct presence got = presence_of_minutes(&p, &hour, START, START, minutes, n);
        assert_int_equal(got.minutes, of.minutes);
        assert_int_equal(got.sweeps, of.sweeps);
    }
}

static void a_minute_outside_the_known_sightings_widens_them(void **state)
{
    (void)state;
    const struct attendance_policy none = {0};
    static const struct {
        int64_t minutes[2];
        int n;
        usec_t want_first, want_last; /* of 20:30 to 40:30 */
    } cases[] = {
        {{0}, 0, 20 * MIN + MIN / 2, 40 * MIN + MIN / 2},
        {{20, 40}, 2, 20 * MIN + MIN / 2, 40 * MIN + MIN / 2},
        {{19, 41}, 2, 19 * MIN, 41 * MIN},
        {{3, 30}, 2, 3 * MIN, 40 * MIN + MIN / 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct presence got =
            presence_of_minutes(&none, &hour, START + 20 * MIN + MIN / 2,
                                START + 40 * MIN + MIN / 2, cases[i].minutes, cases[i].n);
        assert_int_equal(got.first_seen, START + cases[i].want_first);
        assert_int_equal(got.last_seen, START + cases[i].want_last);
    }
}

static void the_end_of_a_session_decides(void **state)
{
    (void)state;
    static const struct attendance_policy none = {0}, late = {.late_after = 10 * MIN},
                                          early = {.early_before = 5 * MIN},
                                          both = {.late_after = 10 * MIN, .early_before = 5 * MIN},
                                          minutes = {.minutes_needed = 30},
                                          sweeps = {.sweeps = 6, .sweeps_needed = 4};
    static const struct {
        const struct attendance_policy *p;
        usec_t first, last; /* after the start; -1: never seen */
        int minutes, sweeps;
        enum mark_status want;
    } cases[] = {
        {&none, -1, -1, 0, 0, MARK_ABSENT},
        {&late, -1, -1, 0, 0, MARK_ABSENT},
        {&none, 59 * MIN, 59 * MIN, 1, 1, MARK_PRESENT},
        {&late, 10 * MIN, 60 * MIN, 9, 6, MARK_PRESENT},
        {&late, 11 * MIN, 60 * MIN, 9, 6, MARK_LATE},
        {&early, 0, 54 * MIN, 9, 6, MARK_PRESENT}, /* last_seen may be a minute old */
        {&early, 0, 54 * MIN - 1, 9, 6, MARK_LEFT_EARLY},
        {&early, 30 * MIN, 60 * MIN, 9, 6, MARK_PRESENT},
        {&both, 11 * MIN, 20 * MIN, 9, 6, MARK_LEFT_EARLY},
        {&both, 11 * MIN, 60 * MIN, 9, 6, MARK_LATE},
        {&both, 0, 60 * MIN, 9, 6, MARK_PRESENT},
        {&minutes, 0, 60 * MIN, 30, 6, MARK_PRESENT},
        {&minutes, 0, 60 * MIN, 29, 6, MARK_ABSENT},
        {&sweeps, 0, 60 * MIN, 1, 4, MARK_PRESENT},
        {&sweeps, 0, 60 * MIN, 60, 3, MARK_ABSENT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct presence seen = {.first_seen = cases[i].first < 0 ? 0 : START + cases[i].first,
                                      .last_seen = cases[i].last < 0 ? 0 : START + cases[i].last,
                                      .minutes = cases[i].minutes,
                                      .sweeps = cases[i].sweeps};
        if (mark_status_at_end(cases[i].p, &hour, &seen) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

static void sweeps_that_are_needed_of_none_are_not_asked_for(void **state)
{
    (void)state;
    const struct attendance_policy p = {.sweeps_needed = 4};
    const struct presence seen = {.first_seen = START, .last_seen = START, .minutes = 1};
    assert_int_equal(mark_status_at_end(&p, &hour, &seen), MARK_PRESENT);
}

/* A session of 6 minutes; bit i of `bits`: seen in the middle of minute i. */
static int bits_from_to(unsigned bits, int from, int to)
{
    int n = 0;
    for (int i = from; i < to; i++)
        n += bits >> i & 1;
    return n;
}

/* The rules once more, as a person would read them: for each minute, for each sweep, look. */
static enum mark_status read_slowly(const struct attendance_policy *p, unsigned bits)
{
    int sweeps = 0, first = 0, last = 5;
    for (int w = 0; w < p->sweeps; w++)
        sweeps += bits_from_to(bits, w * 6 / p->sweeps, (w + 1) * 6 / p->sweeps) > 0;
    if (!bits || bits_from_to(bits, 0, 6) < p->minutes_needed)
        return MARK_ABSENT;
    if (p->sweeps && sweeps < p->sweeps_needed)
        return MARK_ABSENT;
    while (!(bits >> first & 1))
        first++;
    while (!(bits >> last & 1))
        last--;
    /* in half minutes: seen at 2i + 1 */
    if (p->early_before && 2 * last + 1 + 2 < 2 * (6 - (int)(p->early_before / MIN)))
        return MARK_LEFT_EARLY;
    return p->late_after && 2 * first + 1 > 2 * (int)(p->late_after / MIN) ? MARK_LATE
                                                                           : MARK_PRESENT;
}

static void every_policy_agrees_with_a_slow_reading_of_every_short_session(void **state)
{
    (void)state;
    const struct sitting s = {START, START + 6 * MIN};
    static const int divisors[] = {0, 1, 2, 3, 6};
    int compared = 0;
    for (unsigned bits = 0; bits < 64; bits++) {
        usec_t seen[6];
        int n = 0;
        for (int i = 0; i < 6; i++)
            if (bits >> i & 1)
                seen[n++] = START + i * MIN + MIN / 2;
        for (unsigned rules = 0; rules < 4 * 4 * 4 * 5 * 4; rules++) {
            unsigned x = rules;
            struct attendance_policy p = {.late_after = (usec_t)(x % 4) * MIN};
            p.early_before = (usec_t)((x /= 4) % 4) * MIN;
            p.minutes_needed = (int)((x /= 4) % 4);
            p.sweeps = divisors[(x /= 4) % 5];
            p.sweeps_needed = (int)(x / 5);
            struct presence known = presence_of(&p, &s, seen, n);
            if (mark_status_at_end(&p, &s, &known) != read_slowly(&p, bits))
                fail_msg("bits %x rules %u", bits, rules);
            compared++;
        }
    }
    assert_int_equal(compared, 64 * 1280);
}

static void only_a_written_absence_yields_to_a_sighting(void **state)
{
    (void)state;
    static const char *const sources[] = {"rule", "face", "code", "manual", "import"};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        for (int s = 0; s < MARK_STATUS_N; s++) {
            struct str status = str_from(mark_status_name((enum mark_status)s));
            assert_int_equal(mark_yields_to_sighting(status, str_from(sources[i])),
                             i == 0 && s == MARK_ABSENT);
        }
}

static void the_words_of_the_api_are_stable(void **state)
{
    (void)state;
    static const char *const words[] = {"present", "late", "left-early", "absent", "excused"};
    assert_int_equal(ARRAY_LEN(words), MARK_STATUS_N);
    for (int i = 0; i < MARK_STATUS_N; i++)
        assert_string_equal(mark_status_name((enum mark_status)i), words[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_student_is_seen_too_long_after_the_start),
        cmocka_unit_test(sightings_are_counted_by_minute_and_by_sweep),
        cmocka_unit_test(a_session_without_a_length_has_no_minutes),
        cmocka_unit_test(a_minute_is_counted_from_the_start),
        cmocka_unit_test(minutes_make_the_same_presence_as_their_sightings),
        cmocka_unit_test(a_minute_outside_the_known_sightings_widens_them),
        cmocka_unit_test(the_end_of_a_session_decides),
        cmocka_unit_test(sweeps_that_are_needed_of_none_are_not_asked_for),
        cmocka_unit_test(every_policy_agrees_with_a_slow_reading_of_every_short_session),
        cmocka_unit_test(only_a_written_absence_yields_to_a_sighting),
        cmocka_unit_test(the_words_of_the_api_are_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
