/* Conformance of the store: timetables and the sessions made from them. */
#include "store/timetable.h"

#include "attendance/timetable.h"
#include "base/mem.h"
#include "store/calendar.h"
#include "store/place.h"
#include "store_suite.h"

#include <stdio.h>

/* Monday 2026-03-23 00:00 in UTC; clocks in Berlin change on Sunday the 29th. */
enum { MON = 20535 };
static const usec_t NOW = MON * USEC_PER_DAY;

struct world {
    struct course_id course;
    struct place site, room;
    struct timetable t;
};

static struct timetable_plan plan_at(usec_t now, int64_t horizon)
{
    return (struct timetable_plan){.now = now,
                                   .horizon_days = horizon,
                                   .confirm_gap_ms = 300,
                                   .confirm_window_s = 60,
                                   .days = timetable_days};
}

/* A course that meets on Mondays 09:00 to 10:30 in Berlin, from MON for five weeks. */
static struct world make_world(struct fixture *f, struct db_cx *cx)
{
    struct world w = {.site = {.name = STR("Main"), .tz = STR("Europe/Berlin")},
                      .room = {.name = STR("H1")}};
    id_new(w.site.id);
    id_new(w.room.id);
    memcpy(w.room.site, w.site.id, ID_TEXT);
    assert_int_equal(place_insert(cx, PLACE_SITE, &w.site, &f->e), ERR_OK);
    assert_int_equal(place_insert(cx, PLACE_ROOM, &w.room, &f->e), ERR_OK);
    w.course = make_course(f, cx, "DB-101");
    w.t = (struct timetable){.course = w.course,
                             .title = STR("Lecture"),
                             .weekday = 1,
                             .start_minute = 540,
                             .minutes = 90,
                             .first_day = MON,
                             .last_day = MON + 28};
    id_new(w.t.id);
    memcpy(w.t.site, w.site.id, ID_TEXT);
    memcpy(w.t.room, w.room.id, ID_TEXT);
    if (timetable_insert(cx, &w.t, &f->e))
        fail_msg("%s", f->e.msg);
    return w;
}

static struct world begin(struct fixture *f)
{
    struct world w = make_world(f, tx_begin(f));
    tx_commit(f);
    return w;
}

static void assert_generated(struct fixture *f, struct timetable_plan plan, int made, int changed,
                             int removed)
{
    struct timetable_result got = {0};
    if (timetable_generate(f->db, &plan, &got, &f->e))
        fail_msg("%s", f->e.msg);
    if (got.made != made || got.changed != changed || got.removed != removed)
        fail_msg("%d made, %d changed, %d removed", (int)got.made, (int)got.changed,
                 (int)got.removed);
}

/* The sessions of the course, oldest first, as "day+hh:mm status". */
static const char *sessions(struct fixture *f, struct course_id course, struct session **ret_list)
{
    static char text[512];
    const struct session_id none = {{0}};
    const struct session_filter filter = {.course = course};
    struct session *list = NULL;
    int n = 0;
    struct db_cx *cx = read_begin(f);
    assert_int_equal(session_list(cx, f->a, NULL, &filter, none, 50, &list, &n, &f->e), ERR_OK);
    hold_end(f, ERR_OK);
    text[0] = 0;
    for (int day = 0; day < 100; day++)
        for (int i = 0; i < n; i++)
            if (day_of(list[i].planned_start) == MON + day) {
                char clock[CLOCK_TEXT];
                clock_format(list[i].planned_start % USEC_PER_DAY / USEC_PER_MIN, clock);
                snprintf(text + strlen(text), sizeof text - strlen(text), "%d+%s ", day, clock);
            }
    if (ret_list)
        *ret_list = list;
    return text;
}

static void sessions_follow_the_clock_of_the_site(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    struct session *list;
    assert_generated(f, plan_at(NOW, 60), 5, 0, 0);
    assert_string_equal(sessions(f, w.course, &list),
                        "0+08:00 7+07:00 14+07:00 21+07:00 28+07:00 ");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(list[i].planned_end - list[i].planned_start, 90 * USEC_PER_MIN);
        assert_string_equal(list[i].room, w.room.id);
        assert_string_equal(list[i].timetable, w.t.id);
        assert_true(str_is(list[i].title, "Lecture"));
        assert_int_equal(list[i].status, SESSION_SCHEDULED);
        assert_int_equal(list[i].confirm_gap_ms, 300);
    }
}

static void generating_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    assert_generated(f, plan_at(NOW, 10), 2, 0, 0);
    assert_generated(f, plan_at(NOW, 10), 0, 0, 0);
    assert_generated(f, plan_at(NOW, 20), 1, 0, 0);
    assert_generated(f, plan_at(NOW, 10), 0, 0, 0); /* a shorter horizon takes nothing away */
    assert_string_equal(sessions(f, w.course, NULL), "0+08:00 7+07:00 14+07:00 ");
}

static void what_has_begun_is_not_made_any_more(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    assert_generated(f, plan_at(NOW + 8 * USEC_PER_HOUR, 10), 1, 0, 0);
    assert_string_equal(sessions(f, w.course, NULL), "7+07:00 ");
}

static void holidays_and_terms_leave_days_out(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    assert_generated(f, plan_at(NOW, 60), 5, 0, 0);
    struct db_cx *cx = tx_begin(f);
    struct place off = {.name = STR("Break"), .first_day = MON + 6, .last_day = MON + 14},
                 term = {.name = STR("T"), .first_day = MON, .last_day = MON + 22};
    struct course course;
    int64_t version;
    id_new(off.id);
    id_new(term.id);
    memcpy(off.site, w.site.id, ID_TEXT);
    memcpy(term.site, w.site.id, ID_TEXT);
    assert_int_equal(place_insert(cx, PLACE_HOLIDAY, &off, &f->e), ERR_OK);
    assert_int_equal(place_insert(cx, PLACE_TERM, &term, &f->e), ERR_OK);
    assert_int_equal(course_get(cx, f->a, w.course, &course, &f->e), ERR_OK);
    memcpy(course.term_id, term.id, ID_TEXT);
    assert_int_equal(course_update(cx, &course, &version, &f->e), ERR_OK);
    tx_commit(f);
    assert_generated(f, plan_at(NOW, 60), 0, 0, 3);
    assert_string_equal(sessions(f, w.course, NULL), "0+08:00 21+07:00 ");
    cx = tx_begin(f);
    assert_int_equal(place_delete(cx, PLACE_HOLIDAY, off.id, &f->e), ERR_OK);
    tx_commit(f);
    assert_generated(f, plan_at(NOW, 60), 2, 0, 0); /* they come back */
}

/* Of five sessions one is cancelled, one deleted and one was changed; then the timetable moves. */
static void what_a_person_touched_stays_as_it_is(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    struct session *list, got;
    bool changed;
    int64_t version;
    assert_generated(f, plan_at(NOW, 60), 5, 0, 0);
    sessions(f, w.course, &list); /* newest first is made last: [4] is the first Monday */
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(session_start(cx, f->a, list[4].id, NOW, &got, &changed, &f->e), ERR_OK);
    assert_int_equal(session_delete(cx, list[3].id, &f->e), ERR_OK);
    w.t.start_minute = 600;
    w.t.title = STR("Seminar");
    assert_int_equal(timetable_update(cx, &w.t, &version, &f->e), ERR_OK);
    tx_commit(f);
    assert_generated(f, plan_at(NOW, 60), 0, 3, 0);
    assert_generated(f, plan_at(NOW, 60), 0, 0, 0);
    assert_string_equal(sessions(f, w.course, NULL), "0+08:00 14+08:00 21+08:00 28+08:00 ");
    cx = tx_begin(f);
    assert_int_equal(session_get(cx, f->a, list[2].id, &got, &f->e), ERR_OK);
    assert_true(str_is(got.title, "Seminar") && got.version == 2);
    w.t.weekday = 2;
    w.t.version = 0;
    assert_int_equal(timetable_update(cx, &w.t, &version, &f->e), ERR_OK);
    tx_commit(f);
    assert_generated(f, plan_at(NOW, 60), 4, 0, 3);
    assert_string_equal(sessions(f, w.course, NULL), "0+08:00 1+09:00 8+08:00 15+08:00 22+08:00 ");
}

static void a_timetable_that_ends_takes_its_untouched_sessions_with_it(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    struct session *list, got;
    bool changed;
    assert_generated(f, plan_at(NOW, 60), 5, 0, 0);
    sessions(f, w.course, &list);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(session_start(cx, f->a, list[4].id, NOW, &got, &changed, &f->e), ERR_OK);
    assert_int_equal(timetable_delete(cx, f->a, w.t.id, NOW + 8 * USEC_PER_DAY, &f->e), ERR_OK);
    assert_int_equal(timetable_delete(cx, f->a, w.t.id, NOW, &f->e), ERR_NOT_FOUND);
    assert_int_equal(session_get(cx, f->a, list[4].id, &got, &f->e), ERR_OK);
    assert_string_equal(got.timetable, "");
    tx_commit(f);
    assert_string_equal(sessions(f, w.course, NULL), "0+08:00 7+07:00 ");
}

static void clashes_are_named(void **state)
{
    static const struct {
        int64_t weekday, start, minutes, first, last;
        bool same_course, same_room, clash;
    } rows[] = {
        {1, 600, 60, MON, MON + 7, false, true, true},
        {1, 600, 60, MON, MON + 7, true, false, true},
        {1, 600, 60, MON, MON + 7, false, false, false},
        {1, 630, 60, MON, MON + 7, true, true, false},
        {1, 480, 60, MON, MON + 7, true, true, false},
        {1, 480, 61, MON, MON + 7, true, true, true},
        {2, 600, 60, MON, MON + 7, true, true, false},
        {1, 600, 60, MON + 29, MON + 40, true, true, false},
        {1, 600, 60, MON + 28, MON + 40, true, true, true},
        {1, 600, 60, MON - 9, MON - 1, true, true, false},
    };
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct world w = make_world(f, cx);
    struct course_id other = make_course(f, cx, "OTHER");
    assert_int_equal(timetable_check(cx, f->a, &w.t, &f->e), ERR_OK); /* not with itself */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct timetable t = w.t;
        id_new(t.id);
        t.weekday = rows[i].weekday;
        t.start_minute = rows[i].start;
        t.minutes = rows[i].minutes;
        t.first_day = rows[i].first;
        t.last_day = rows[i].last;
        t.course = rows[i].same_course ? w.course : other;
        if (!rows[i].same_room)
            t.room[0] = 0;
        enum err r = timetable_check(cx, f->a, &t, &f->e);
        if (r != (rows[i].clash ? ERR_CONFLICT : ERR_OK))
            fail_msg("row %zu", i);
        if (r)
            assert_non_null(strstr(f->e.msg, "DB-101 has 09:00 to 10:30 on Mondays"));
    }
    tx_commit(f);
}

static void wrong_timetables_are_refused(void **state)
{
    struct fixture *f = *state;
    struct world w = begin(f);
    struct timetable t = w.t;
    id_new(t.id);
    t.start_minute = 1400;
    assert_int_equal(timetable_insert(tx_begin(f), &t, &f->e), ERR_INVALID);
    hold_end(f, ERR_INVALID);
    t.start_minute = 540;
    id_new(t.room);
    assert_int_equal(timetable_insert(tx_begin(f), &t, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
    struct db_cx *cx = tx_begin(f);
    struct place elsewhere = {.name = STR("Elsewhere"), .tz = STR("UTC")};
    id_new(elsewhere.id);
    assert_int_equal(place_insert(cx, PLACE_SITE, &elsewhere, &f->e), ERR_OK);
    tx_commit(f);
    t = w.t;
    id_new(t.id);
    memcpy(t.site, elsewhere.id, ID_TEXT); /* the room is not there */
    assert_int_equal(timetable_insert(tx_begin(f), &t, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
    assert_int_equal(place_delete(tx_begin(f), PLACE_ROOM, w.room.id, &f->e), ERR_CONFLICT);
    hold_end(f, ERR_CONFLICT);
}

static void sittings_of_a_calendar_are_theirs_until_a_person_touches_them(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "CAL"), found;
    struct session made = {.course = course,
                           .title = STR("A"),
                           .planned_start = NOW + USEC_PER_DAY,
                           .planned_end = NOW + USEC_PER_DAY + USEC_PER_HOUR};
    struct calendar_sitting *got, old;
    struct session after;
    const struct str uid = STR("uid");
    bool changed;
    int n = 0;
    id_new(made.id.text);
    assert_int_equal(calendar_course(cx, STR("CAL"), &found, &n, &f->e), ERR_OK);
    assert_true(n == 1 && strcmp(found.text, course.text) == 0);
    assert_int_equal(calendar_course(cx, STR("LAC"), &found, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(session_insert(cx, &made, &f->e), ERR_OK);
    assert_int_equal(calendar_sitting_add(cx, uid, "20260324T000000Z", made.id, &f->e), ERR_OK);
    assert_int_equal(calendar_sittings(cx, f->a, uid, &got, &n, &f->e), ERR_OK);
    assert_true(n == 1 && calendar_sitting_is_ours(got, NOW));
    assert_false(calendar_sitting_is_ours(got, NOW + 2 * USEC_PER_DAY));
    old = *got;
    assert_int_equal(calendar_sitting_move(cx, uid, &old, NOW + USEC_PER_HOUR,
                                           NOW + 2 * USEC_PER_HOUR, STR("B"), NOW, &f->e),
                     ERR_OK);
    assert_int_equal(calendar_sittings(cx, f->a, uid, &got, &n, &f->e), ERR_OK);
    assert_true(calendar_sitting_is_ours(got, NOW) && got->start == NOW + USEC_PER_HOUR);
    assert_int_equal(session_start(cx, f->a, made.id, NOW, &after, &changed, &f->e), ERR_OK);
    assert_int_equal(calendar_sitting_remove(cx, uid, got, &f->e), ERR_PRECONDITION);
    assert_int_equal(calendar_sittings(cx, f->a, uid, &got, &n, &f->e), ERR_OK);
    assert_false(calendar_sitting_is_ours(got, NOW));
    assert_int_equal(session_delete(cx, made.id, &f->e), ERR_OK);
    assert_int_equal(calendar_sittings(cx, f->a, uid, &got, &n, &f->e), ERR_OK);
    assert_true(n == 1 && !got->session.text[0]); /* known as deleted */
    tx_commit(f);
}

static void *generate(void *ctx)
{
    struct fixture *f = ctx;
    struct timetable_plan plan = plan_at(NOW, 60);
    struct timetable_result *got = mem_alloc(sizeof *got);
    if (got && timetable_generate(f->db, &plan, got, NULL))
        got->made = -100;
    return got;
}

static void two_at_once_make_each_session_once(void **state)
{
    enum { THREADS = 4 };
    struct fixture *f = *state;
    struct world w = begin(f);
    pthread_t threads[THREADS];
    int64_t made = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, generate, f), 0);
    for (int i = 0; i < THREADS; i++) {
        void *got = NULL;
        pthread_join(threads[i], &got);
        assert_non_null(got);
        made += ((struct timetable_result *)got)->made;
        mem_free(got);
    }
    assert_int_equal(made, 5);
    assert_string_equal(sessions(f, w.course, NULL), "0+08:00 7+07:00 14+07:00 21+07:00 28+07:00 ");
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sessions_follow_the_clock_of_the_site),
        TEST(generating_again_changes_nothing),
        TEST(what_has_begun_is_not_made_any_more),
        TEST(holidays_and_terms_leave_days_out),
        TEST(what_a_person_touched_stays_as_it_is),
        TEST(a_timetable_that_ends_takes_its_untouched_sessions_with_it),
        TEST(clashes_are_named),
        TEST(wrong_timetables_are_refused),
        TEST(sittings_of_a_calendar_are_theirs_until_a_person_touches_them),
        TEST(two_at_once_make_each_session_once),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
