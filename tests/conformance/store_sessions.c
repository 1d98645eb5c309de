/* Conformance of the store, part six: sessions that move on, change and are listed; whom a roster
 * of the past has. */
#include "store_suite.h"

static void a_session_goes_forward_only(void **state)
{
    static const struct {
        enum session_status from, to, start_after;
        bool stop, changed;
        enum err r;
    } rows[] = {
        {.from = SESSION_SCHEDULED, .stop = false, .to = SESSION_ACTIVE, .changed = true},
        {.from = SESSION_ACTIVE, .stop = false, .to = SESSION_ACTIVE, .changed = false},
        {.from = SESSION_CLOSED, .stop = false, .r = ERR_CONFLICT},
        {.from = SESSION_SCHEDULED, .stop = true, .r = ERR_CONFLICT},
        {.from = SESSION_ACTIVE, .stop = true, .to = SESSION_CLOSED, .changed = true},
        {.from = SESSION_CLOSED, .stop = true, .to = SESSION_CLOSED, .changed = false},
    };
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct session_id id = make_session(f, cx, course, rows[i].from);
        struct session after = {0};
        bool changed = false;
        enum err r = (rows[i].stop ? session_stop : session_start)(cx, f->a, id, 77, &after,
                                                                   &changed, &f->e);
        assert_int_equal(r, rows[i].r);
        if (r)
            continue;
        assert_int_equal(after.status, rows[i].to);
        assert_int_equal(changed, rows[i].changed);
        assert_int_equal(after.version, rows[i].changed ? 2 : 1);
        assert_int_equal(rows[i].stop ? after.ended_at : after.started_at, changed ? 77 : 0);
    }
    tx_commit(f);
}

static void sessions_are_listed_newest_first_by_course_and_status(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id a = make_course(f, cx, "A"), b = make_course(f, cx, "B");
    const struct session_filter any = {.from = 0}, closed = {.course = a, .status = "closed"};
    struct session_id first = make_session(f, cx, a, SESSION_ACTIVE);
    struct session_id second = make_session(f, cx, b, SESSION_CLOSED);
    struct session_id third = make_session(f, cx, a, SESSION_CLOSED), newest = {""};
    struct session *list;
    int n;
    assert_int_equal(session_list(cx, f->a, NULL, &any, newest, 2, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].id.text, third.text);
    assert_string_equal(list[1].id.text, second.text);
    assert_true(str_is(list[1].course_code, "B") && str_is(list[1].course_title, "Databases"));
    assert_int_equal(session_list(cx, f->a, NULL, &any, second, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id.text, first.text);
    assert_int_equal(session_list(cx, f->a, NULL, &closed, newest, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id.text, third.text);
    struct session orphan = {.status = SESSION_ACTIVE};
    id_new(orphan.id.text);
    id_new(orphan.course.text);
    assert_int_equal(session_insert(cx, &orphan, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
}

static void sessions_are_found_by_their_time(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "A");
    static const usec_t times[][3] = {{500, 90, 10}, {0, 600, 20}, {0, 0, 700}};
    static const struct {
        usec_t from, to;
        int n;
    } rows[] = {{0, 0, 3},   {500, 701, 3}, {501, 0, 2}, {0, 500, 0},
                {0, 601, 2}, {600, 601, 1}, {700, 0, 1}, {701, 0, 0}};
    for (int i = 0; i < 3; i++) { /* started, planned, only made */
        struct session s = {.course = course,
                            .status = SESSION_SCHEDULED,
                            .started_at = times[i][0],
                            .planned_start = times[i][1],
                            .created_at = times[i][2]};
        id_new(s.id.text);
        assert_int_equal(session_insert(cx, &s, &f->e), ERR_OK);
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct session_filter filter = {.from = rows[i].from, .to = rows[i].to};
        struct session *list;
        int n;
        assert_int_equal(
            session_list(cx, f->a, NULL, &filter, (struct session_id){""}, 9, &list, &n, &f->e),
            ERR_OK);
        assert_int_equal(n, rows[i].n);
    }
    tx_commit(f);
}

static void a_session_is_changed_by_whoever_knows_its_version(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "A");
    struct session s = {.id = make_session(f, cx, course, SESSION_SCHEDULED),
                        .title = STR("Lecture 3"),
                        .planned_start = 10,
                        .planned_end = 20,
                        .version = 1},
                   got;
    int64_t version = 0;
    assert_int_equal(session_update(cx, &s, &version, &f->e), ERR_OK);
    assert_int_equal(version, 2);
    assert_int_equal(session_update(cx, &s, &version, &f->e), ERR_PRECONDITION);
    s.version = 0;
    s.planned_end = 30;
    assert_int_equal(session_update(cx, &s, &version, &f->e), ERR_OK);
    assert_int_equal(session_get(cx, f->a, s.id, &got, &f->e), ERR_OK);
    assert_true(str_is(got.title, "Lecture 3") && got.planned_start == 10 &&
                got.planned_end == 30 && got.version == 3);
    id_new(s.id.text);
    assert_int_equal(session_update(cx, &s, &version, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

static void a_session_without_marks_can_be_cancelled(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "A");
    static const enum err want[SESSION_STATUS_N] = {[SESSION_CLOSED] = ERR_CONFLICT};
    struct session after;
    bool changed;
    for (int s = 0; s < SESSION_STATUS_N; s++) {
        struct session_id id = make_session(f, cx, course, (enum session_status)s);
        for (int again = 0; again < 2; again++) {
            enum err r = session_cancel(cx, f->a, id, 77, STR("ill"), &after, &changed, &f->e);
            assert_int_equal(r, want[s]);
            if (!r)
                assert_int_equal(changed, !again && s != SESSION_CANCELLED);
        }
        if (s == SESSION_ACTIVE)
            assert_true(str_is(after.cancel_reason, "ill") && after.ended_at == 77);
    }
    struct session_id marked = make_session(f, cx, course, SESSION_ACTIVE);
    struct mark m = mark_of(marked, make_student(f, cx, "1", "Ada"), NULL);
    enum mark_outcome outcome;
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    assert_int_equal(session_cancel(cx, f->a, marked, 77, STR("ill"), &after, &changed, &f->e),
                     ERR_CONFLICT);
    id_new(marked.text);
    assert_int_equal(session_cancel(cx, f->a, marked, 77, STR("ill"), &after, &changed, &f->e),
                     ERR_NOT_FOUND);
    tx_commit(f);
}

static void who_is_enrolled_twice_is_listed_once(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "A");
    struct student_id ada = make_student(f, cx, "1", "Ada");
    static const struct {
        struct roster_span span;
        int n;
        usec_t since;
    } rows[] = {{{50, 99}, 0, 0},     {{150, 150}, 1, 100}, {{350, 350}, 1, 300},
                {{100, 350}, 1, 300}, {{650, 650}, 0, 0},   {{50, 100}, 1, 100},
                {{599, 700}, 1, 300}, {{600, 700}, 0, 0}};
    struct roster_row *list;
    bool added;
    int n;
    assert_int_equal(roster_add(cx, course, ada, 100, &added, &f->e), ERR_OK);
    assert_int_equal(roster_remove(cx, course, ada, 500, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, course, ada, 300, &added, &f->e), ERR_OK); /* back-dated */
    assert_int_equal(roster_remove(cx, course, ada, 600, &f->e), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(
            roster_during(cx, f->a, course, &rows[i].span, STR("e"), STR("p"), &list, &n, &f->e),
            ERR_OK);
        assert_int_equal(n, rows[i].n);
        if (n)
            assert_int_equal(list[0].valid_from, rows[i].since);
    }
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_session_goes_forward_only),
        TEST(sessions_are_listed_newest_first_by_course_and_status),
        TEST(sessions_are_found_by_their_time),
        TEST(a_session_is_changed_by_whoever_knows_its_version),
        TEST(a_session_without_marks_can_be_cancelled),
        TEST(who_is_enrolled_twice_is_listed_once),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
