/* Conformance of the store, part two: marks, the register behind them, and the outbox. */
#include "store_suite.h"

/* A session with one student, committed. */
struct scene {
    struct session_id session;
    struct student_id student;
};

static struct scene scene_make(struct fixture *f)
{
    struct db_cx *cx = tx_begin(f);
    struct scene s = {
        .session = make_session(f, cx, make_course(f, cx, "DB-1"), SESSION_ACTIVE),
        .student = make_student(f, cx, "1001", "Ada"),
    };
    tx_commit(f);
    return s;
}

static int chain_length(struct fixture *f, struct db_cx *cx, struct str chain)
{
    struct register_event *events;
    int n;
    assert_int_equal(register_list(cx, f->a, chain, &events, &n, &f->e), ERR_OK);
    assert_chain(events, n);
    return n;
}

static int outbox_length(struct fixture *f, struct db_cx *cx)
{
    struct outbox_row *rows;
    int n;
    assert_int_equal(outbox_list(cx, f->a, INT64_MAX, 1000, &rows, &n, &f->e), ERR_OK);
    return n;
}

static void a_mark_writes_row_register_event_and_outbox_row(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct frame_id frame;
    id_new(frame.text);
    struct mark m = mark_of(s.session, s.student, frame.text), got;
    enum mark_outcome outcome;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    assert_int_equal(outcome, MARK_MADE);
    tx_commit(f);
    cx = read_begin(f);
    assert_int_equal(mark_get(cx, f->a, s.session, s.student, &got, &f->e), ERR_OK);
    assert_string_equal(got.frame.text, frame.text);
    assert_true(str_is(got.student_name, "Ada"));
    assert_true(str_is(got.student_external_id, "1001"));
    assert_true(str_is(got.status, "present"));
    assert_true(str_is(got.source, "face"));
    assert_true(str_eq(got.receipt, m.receipt));
    assert_int_equal(got.first_seen, 1000);
    assert_true(got.created_at > 0);
    struct register_event *events;
    int n;
    assert_int_equal(register_list(cx, f->a, str_from(s.session.text), &events, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_chain(events, n);
    assert_true(str_is(events[0].student, s.student.text));
    assert_true(str_is(events[0].actor, "worker"));
    assert_non_null(strstr(events[0].payload.p, frame.text));
    struct outbox_row *rows;
    assert_int_equal(outbox_list(cx, f->a, INT64_MAX, 10, &rows, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(str_is(rows[0].topic, "topic"));
    assert_true(str_is(rows[0].payload, "{\"type\":\"mark_changed\"}"));
}

static void a_second_mark_of_the_student_changes_nothing(void **state)
{
    static const struct {
        const char *first, *second;
        enum mark_outcome outcome;
    } rows[] = {
        {"01990000-0000-7000-8000-000000000001", "01990000-0000-7000-8000-000000000001",
         MARK_SAME_FRAME},
        {"01990000-0000-7000-8000-000000000001", "01990000-0000-7000-8000-000000000002",
         MARK_STANDS},
        {"01990000-0000-7000-8000-000000000001", NULL, MARK_STANDS},
        {NULL, NULL, MARK_STANDS},
        {NULL, "01990000-0000-7000-8000-000000000001", MARK_STANDS},
    };
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "DB-1");
    struct student_id student = make_student(f, cx, "1", "Ada");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct session_id session = make_session(f, cx, course, SESSION_ACTIVE);
        struct mark first = mark_of(session, student, rows[i].first), existing = {0};
        struct mark second = mark_of(session, student, rows[i].second);
        second.status = STR("late");
        enum mark_outcome outcome;
        assert_int_equal(mark_simple(cx, f->a, &first, &outcome, &f->e), ERR_OK);
        assert_int_equal(outcome, MARK_MADE);
        assert_int_equal(mark_insert(cx, f->a, &second, STR("worker"), &test_hasher,
                                     (struct outbox_event){STR("topic"), STR("{}")}, &outcome,
                                     &existing, &f->e),
                         ERR_OK);
        assert_int_equal(outcome, rows[i].outcome);
        assert_true(str_is(existing.status, "present"));
        assert_int_equal(existing.first_seen, 1000);
        assert_int_equal(chain_length(f, cx, str_from(session.text)), 1);
        assert_int_equal(outbox_length(f, cx), (int)i + 1);
    }
    tx_commit(f);
}

static void a_mark_of_nobody_or_nowhere_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    for (int i = 0; i < 2; i++) {
        struct scene wrong = s;
        id_new(i ? wrong.session.text : wrong.student.text);
        struct mark m = mark_of(wrong.session, wrong.student, NULL);
        enum mark_outcome outcome;
        struct db_cx *cx = tx_begin(f);
        assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_NOT_FOUND);
        assert_int_equal(hold_end(f, ERR_NOT_FOUND), ERR_NOT_FOUND);
    }
    struct db_cx *cx = read_begin(f);
    assert_int_equal(outbox_length(f, cx), 0);
}

static void a_mark_with_a_wrong_word_is_invalid_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    for (int i = 0; i < 3; i++) {
        struct mark m = mark_of(s.session, s.student, NULL);
        *(i == 0 ? &m.status : i == 1 ? &m.source : &m.receipt) = STR("{nonsense");
        enum mark_outcome outcome;
        struct db_cx *cx = tx_begin(f);
        enum err r = mark_simple(cx, f->a, &m, &outcome, &f->e);
        assert_int_equal(r, ERR_INVALID);
        assert_int_equal(hold_end(f, r), ERR_INVALID);
    }
    struct db_cx *cx = read_begin(f);
    assert_int_equal(chain_length(f, cx, str_from(s.session.text)), 0);
    assert_int_equal(outbox_length(f, cx), 0);
}

static void every_status_word_of_the_product_is_allowed(void **state)
{
    static const char *const words[] = {"present", "late", "left-early", "absent", "excused"};
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "DB-1");
    struct student_id student = make_student(f, cx, "1", "Ada");
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct mark m = mark_of(make_session(f, cx, course, SESSION_CLOSED), student, NULL);
        m.status = str_from(words[i]);
        enum mark_outcome outcome;
        assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    }
    tx_commit(f);
}

static void touching_a_mark_keeps_the_latest_time(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct mark m = mark_of(s.session, s.student, NULL);
    enum mark_outcome outcome;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(mark_touch(cx, s.session, s.student, 5, &f->e), ERR_NOT_FOUND);
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    static const usec_t times[][2] = {{1500, 1500}, {1200, 1500}, {1501, 1501}};
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        assert_int_equal(mark_touch(cx, s.session, s.student, times[i][0], &f->e), ERR_OK);
        assert_int_equal(mark_get(cx, f->a, s.session, s.student, &m, &f->e), ERR_OK);
        assert_int_equal(m.last_seen, times[i][1]);
        assert_int_equal(m.first_seen, 1000);
    }
    tx_commit(f);
}

static void marks_are_listed_by_name(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct session_id session = make_session(f, cx, make_course(f, cx, "DB-1"), SESSION_ACTIVE);
    static const char *const names[] = {"Mia", "Ada", "Zoë", "Ben"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct mark m = mark_of(session, make_student(f, cx, names[i], names[i]), NULL);
        enum mark_outcome outcome;
        assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    }
    struct mark *marks;
    int n;
    assert_int_equal(mark_list(cx, f->a, session, &marks, &n, &f->e), ERR_OK);
    assert_int_equal(n, 4);
    static const char *const sorted[] = {"Ada", "Ben", "Mia", "Zoë"};
    for (int i = 0; i < n; i++)
        assert_true(str_is(marks[i].student_name, sorted[i]));
    assert_int_equal(chain_length(f, cx, str_from(session.text)), 4);
    tx_commit(f);
}

static void chains_grow_apart_from_each_other(void **state)
{
    struct fixture *f = *state;
    static const char *const chains[] = {"admin", "one", "admin", "admin", "one"};
    struct db_cx *cx = tx_begin(f);
    for (size_t i = 0; i < ARRAY_LEN(chains); i++) {
        struct register_event event = {.chain = str_from(chains[i]),
                                       .at = (usec_t)i,
                                       .actor = STR("someone"),
                                       .payload = STR("{\"n\":\"\\u00e9'\"}")};
        assert_int_equal(register_append(cx, &event, &test_hasher, &f->e), ERR_OK);
    }
    assert_int_equal(chain_length(f, cx, STR("admin")), 3);
    assert_int_equal(chain_length(f, cx, STR("one")), 2);
    assert_int_equal(chain_length(f, cx, STR("none")), 0);
    tx_commit(f);
}

static void the_outbox_gives_the_oldest_rows_until_they_are_deleted(void **state)
{
    struct fixture *f = *state;
    char ids[3][ID_TEXT];
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            outbox_insert(cx, (struct outbox_event){STR("topic"), STR("{}")}, ids[i], &f->e),
            ERR_OK);
    struct outbox_row *rows;
    int n;
    assert_int_equal(outbox_list(cx, f->a, INT64_MAX, 2, &rows, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].id, ids[0]);
    assert_string_equal(rows[1].id, ids[1]);
    assert_int_equal(outbox_delete(cx, ids[0], &f->e), ERR_OK);
    assert_int_equal(outbox_delete(cx, ids[0], &f->e), ERR_OK);
    assert_int_equal(outbox_list(cx, f->a, INT64_MAX, 9, &rows, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].id, ids[1]);
    assert_int_equal(outbox_list(cx, f->a, 1, 9, &rows, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_mark_writes_row_register_event_and_outbox_row),
        TEST(a_second_mark_of_the_student_changes_nothing),
        TEST(a_mark_of_nobody_or_nowhere_is_not_found),
        TEST(a_mark_with_a_wrong_word_is_invalid_and_leaves_nothing),
        TEST(every_status_word_of_the_product_is_allowed),
        TEST(touching_a_mark_keeps_the_latest_time),
        TEST(marks_are_listed_by_name),
        TEST(chains_grow_apart_from_each_other),
        TEST(the_outbox_gives_the_oldest_rows_until_they_are_deleted),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
