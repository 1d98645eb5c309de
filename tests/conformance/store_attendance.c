/* Conformance of the store, part three: what happens to marks when a session closes and when
 * people have a word. */
#include "store_suite.h"

#include "store/attendance.h"
#include "store/register_check.h"

#include <math.h>

enum { STUDENTS = 4 };

/* An active session of a course with four students on its roster. */
struct scene {
    struct course_id course;
    struct session_id session;
    struct student_id students[STUDENTS];
};

static struct scene scene_make(struct fixture *f)
{
    static const char *const names[STUDENTS] = {"Ada", "Ben", "Cleo", "Dan"};
    struct db_cx *cx = tx_begin(f);
    struct scene s = {.course = make_course(f, cx, "DB-1")};
    s.session = make_session(f, cx, s.course, SESSION_ACTIVE);
    for (int i = 0; i < STUDENTS; i++) {
        bool added;
        s.students[i] = make_student(f, cx, names[i], names[i]);
        assert_int_equal(roster_add(cx, s.course, s.students[i], 1000, &added, &f->e), ERR_OK);
    }
    tx_commit(f);
    return s;
}

/* The event of a mark; fails from the ctx-th call on when ctx is there. */
static enum err event_of(void *ctx, struct arena *a, const struct mark *m,
                         struct outbox_event *ret_event, struct error *e)
{
    int *left = ctx;
    if (left && (*left)-- == 0)
        return error_set(e, ERR_NOMEM, "as asked");
    *ret_event = (struct outbox_event){
        STR("topic"),
        str_from(arena_printf(a, "%.*s %.*s", STR_ARGS(m->student_name), STR_ARGS(m->status)))};
    return ERR_OK;
}

/* Two minutes are asked for; a minute before the first sighting puts that back. */
static enum err ending_of(struct arena *a, const struct session *s, const struct mark *m,
                          const struct presence_row *rows, int n, struct mark_ending *ret_ending,
                          struct error *e)
{
    (void)e;
    *ret_ending = (struct mark_ending){
        .status = s->minutes_needed > n ? STR("absent") : STR("present"),
        .first_seen = n && rows[0].minute == 0 ? s->started_at + 1 : m->first_seen,
        .why = str_from(arena_printf(a, "seen in %d minutes", n))};
    return ERR_OK;
}

static struct mark_writer writer(int *left)
{
    return (struct mark_writer){
        .hasher = test_hasher, .event = event_of, .event_ctx = left, .ending = ending_of};
}

struct closed {
    struct session session;
    bool changed;
    int absent;
};

static enum err close_at(struct fixture *f, struct db_cx *cx, const struct scene *s, usec_t at,
                         int *left, struct closed *ret_closed)
{
    const struct mark_writer w = writer(left);
    return session_close(cx, f->a, s->session, at, STR("somebody"), &w, &ret_closed->session,
                         &ret_closed->changed, &ret_closed->absent, &f->e);
}

static void see(struct fixture *f, struct db_cx *cx, const struct scene *s, int student,
                const char *frame, enum mark_outcome want)
{
    struct mark m = mark_of(s->session, s->students[student], frame);
    enum mark_outcome outcome;
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    assert_int_equal(outcome, want);
}

/* "Ada present face, Ben absent rule": all marks by name. */
static const char *marks_of(struct fixture *f, struct db_cx *cx, const struct scene *s)
{
    struct mark *marks;
    int n;
    const char *text = "";
    assert_int_equal(mark_list(cx, f->a, s->session, &marks, &n, &f->e), ERR_OK);
    for (int i = 0; i < n; i++)
        text = arena_printf(f->a, "%s%s%.*s %.*s %.*s", text, i ? ", " : "",
                            STR_ARGS(marks[i].student_name), STR_ARGS(marks[i].status),
                            STR_ARGS(marks[i].source));
    return text;
}

static void fail_finding(void *ctx, const char *text)
{
    (void)ctx;
    fail_msg("%s", text);
}

/* Every chain verifies, every mark is what its newest event says. */
static void assert_register(struct fixture *f, struct db_cx *cx, int events)
{
    struct heads_seen seen = {.a = NULL};
    struct register_report report;
    hashmap_init(&seen.heads);
    const struct register_heads heads = {&seen, "the heads file"};
    assert_int_equal(
        register_check(cx, &test_hasher, &heads, 1, fail_finding, NULL, &report, &f->e), ERR_OK);
    hashmap_done(&seen.heads);
    assert_int_equal(report.findings, 0);
    assert_int_equal(report.events, events);
}

#define FRAME "01990000-0000-7000-8000-000000000001"

static void closing_marks_absent_who_has_no_mark(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct closed c;
    struct db_cx *cx = tx_begin(f);
    see(f, cx, &s, 0, FRAME, MARK_MADE);
    assert_int_equal(close_at(f, cx, &s, 5000, NULL, &c), ERR_OK);
    assert_true(c.changed && c.session.status == SESSION_CLOSED && c.session.ended_at == 5000);
    assert_int_equal(c.absent, STUDENTS - 1);
    tx_commit(f);
    cx = read_begin(f);
    assert_string_equal(marks_of(f, cx, &s),
                        "Ada present face, Ben absent rule, Cleo absent rule, Dan absent rule");
    assert_register(f, cx, STUDENTS);
    struct outbox_row *rows;
    int n;
    assert_int_equal(outbox_list(cx, f->a, INT64_MAX, 10, &rows, &n, &f->e), ERR_OK);
    assert_int_equal(n, STUDENTS);
    struct register_event *events;
    assert_int_equal(register_list(cx, f->a, str_from(s.session.text), &events, &n, &f->e), ERR_OK);
    assert_true(str_is(events[3].actor, "somebody"));
    assert_non_null(strstr(events[3].payload.p, "\"event\":\"absent\""));
}

static void closing_again_writes_only_what_is_missing(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct closed c;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(close_at(f, cx, &s, 5000, NULL, &c), ERR_OK);
    assert_int_equal(c.absent, STUDENTS);
    assert_int_equal(close_at(f, cx, &s, 6000, NULL, &c), ERR_OK);
    assert_true(!c.changed && c.absent == 0 && c.session.ended_at == 5000);
    tx_commit(f);
    cx = read_begin(f);
    assert_register(f, cx, STUDENTS);
}

static void closing_that_fails_in_between_leaves_an_open_session(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct closed c;
    for (int at = 0; at < STUDENTS; at++) {
        int left = at;
        struct db_cx *cx = tx_begin(f);
        assert_int_equal(close_at(f, cx, &s, 5000, &left, &c), ERR_NOMEM);
        assert_int_equal(hold_end(f, ERR_NOMEM), ERR_NOMEM);
        struct session after;
        cx = read_begin(f);
        assert_int_equal(session_get(cx, f->a, s.session, &after, &f->e), ERR_OK);
        assert_int_equal(after.status, SESSION_ACTIVE);
        assert_string_equal(marks_of(f, cx, &s), "");
        assert_register(f, cx, 0);
        assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    }
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(close_at(f, cx, &s, 7000, NULL, &c), ERR_OK);
    assert_int_equal(c.absent, STUDENTS);
    tx_commit(f);
}

static void the_roster_of_the_end_counts(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct closed c;
    bool added;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(roster_remove(cx, s.course, s.students[1], 5000, &f->e), ERR_OK);
    assert_int_equal(roster_remove(cx, s.course, s.students[2], 2000, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, s.course, s.students[2], 5000, &added, &f->e), ERR_OK);
    assert_int_equal(roster_remove(cx, s.course, s.students[3], 2000, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, s.course, s.students[3], 5001, &added, &f->e), ERR_OK);
    assert_int_equal(close_at(f, cx, &s, 5000, NULL, &c), ERR_OK);
    assert_string_equal(marks_of(f, cx, &s), "Ada absent rule, Cleo absent rule");
    tx_commit(f);
}

static void a_sighting_that_comes_late_replaces_an_absence(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct closed c;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(close_at(f, cx, &s, 5000, NULL, &c), ERR_OK);
    see(f, cx, &s, 1, FRAME, MARK_MADE);
    see(f, cx, &s, 1, FRAME, MARK_SAME_FRAME);
    see(f, cx, &s, 1, "01990000-0000-7000-8000-000000000002", MARK_STANDS);
    assert_int_equal(close_at(f, cx, &s, 6000, NULL, &c), ERR_OK);
    assert_int_equal(c.absent, 0);
    tx_commit(f);
    cx = read_begin(f);
    assert_string_equal(marks_of(f, cx, &s),
                        "Ada absent rule, Ben present face, Cleo absent rule, Dan absent rule");
    assert_register(f, cx, STUDENTS + 1);
}

static void an_absence_that_a_person_wrote_stands(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct mark m = mark_of(s.session, s.students[0], NULL);
    m.status = STR("absent");
    enum mark_outcome outcome;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    see(f, cx, &s, 0, FRAME, MARK_STANDS);
    tx_commit(f);
    cx = read_begin(f);
    assert_string_equal(marks_of(f, cx, &s), "Ada absent manual");
    assert_register(f, cx, 1);
}

static struct mark_change said(const struct scene *s, int student, const char *status,
                               const char *reason)
{
    return (struct mark_change){.session = s->session,
                                .student = s->students[student],
                                .status = str_from(status),
                                .reason = str_from(reason),
                                .actor = STR("registrar")};
}

static struct mark correct(struct fixture *f, struct db_cx *cx, const struct scene *s, int student,
                           const char *status, const char *reason)
{
    const struct mark_writer w = writer(NULL);
    const struct mark_change c = said(s, student, status, reason);
    struct mark m = {.frame = {""}};
    assert_int_equal(mark_correct(cx, f->a, &c, &w, &m, &f->e), ERR_OK);
    return m;
}

static struct mark dispute(struct fixture *f, struct db_cx *cx, const struct scene *s, int student)
{
    const struct mark_writer w = writer(NULL);
    const struct mark_change c = said(s, student, "", "it was me");
    struct mark m = {.frame = {""}};
    assert_int_equal(mark_dispute(cx, f->a, &c, &w, &m, &f->e), ERR_OK);
    return m;
}

/* What the newest event of the student says. */
static const char *newest(struct fixture *f, struct db_cx *cx, const struct scene *s, int student,
                          int want_n)
{
    struct register_event *events;
    int n;
    assert_int_equal(register_of_student(cx, f->a, str_from(s->session.text), s->students[student],
                                         &events, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, want_n);
    return events[n - 1].payload.p;
}

static void a_correction_is_an_event_with_actor_and_reason(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct db_cx *cx = tx_begin(f);
    see(f, cx, &s, 0, FRAME, MARK_MADE);
    struct mark m = correct(f, cx, &s, 0, "late", "came \"at\" 9:20 \"status\":\"x\"");
    assert_true(str_is(m.status, "late") && str_is(m.source, "manual"));
    assert_string_equal(m.frame.text, FRAME);
    assert_int_equal(m.first_seen, 1000);
    assert_true(m.receipt.n > 2);
    assert_non_null(strstr(newest(f, cx, &s, 0, 2), "\"event\":\"correction\",\"reason\":\"came "));
    correct(f, cx, &s, 0, "late", "came \"at\" 9:20 \"status\":\"x\"");
    newest(f, cx, &s, 0, 2);
    correct(f, cx, &s, 0, "excused", "ill");
    assert_non_null(strstr(newest(f, cx, &s, 0, 3), "{\"event\":\"excuse\",\"reason\":\"ill\","));
    correct(f, cx, &s, 1, "present", "no camera"); /* nobody had seen Ben */
    newest(f, cx, &s, 1, 1);
    see(f, cx, &s, 1, FRAME, MARK_STANDS);
    tx_commit(f);
    cx = read_begin(f);
    assert_string_equal(marks_of(f, cx, &s), "Ada excused manual, Ben present manual");
    assert_register(f, cx, 4);
}

static void only_whom_the_course_knows_is_marked_by_hand(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f), wrong = s;
    const struct mark_writer w = writer(NULL);
    struct mark m;
    struct db_cx *cx = tx_begin(f);
    wrong.students[0] = make_student(f, cx, "guest", "Guest");
    id_new(wrong.students[1].text);
    for (int i = 0; i < 2; i++) {
        const struct mark_change c = said(&wrong, i, "present", "guest");
        assert_int_equal(mark_correct(cx, f->a, &c, &w, &m, &f->e), ERR_NOT_FOUND);
        assert_int_equal(mark_dispute(cx, f->a, &c, &w, &m, &f->e), ERR_NOT_FOUND);
    }
    id_new(wrong.session.text);
    const struct mark_change c = said(&wrong, 2, "present", "where");
    assert_int_equal(mark_correct(cx, f->a, &c, &w, &m, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
    cx = read_begin(f);
    assert_register(f, cx, 0);
}

static void a_dispute_flags_the_mark_until_it_is_decided(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct db_cx *cx = tx_begin(f);
    see(f, cx, &s, 0, FRAME, MARK_MADE);
    struct mark first = dispute(f, cx, &s, 0), again = dispute(f, cx, &s, 0);
    assert_true(first.disputed_at > 0 && again.disputed_at == first.disputed_at);
    assert_true(str_is(first.status, "present") && str_is(first.source, "face"));
    assert_non_null(
        strstr(newest(f, cx, &s, 0, 2), "{\"event\":\"dispute\",\"reason\":\"it was me\","));
    assert_register(f, cx, 2);
    struct mark decided = correct(f, cx, &s, 0, "present", "seen by two");
    assert_int_equal(decided.disputed_at, 0);
    assert_register(f, cx, 3);
    tx_commit(f);
}

static void disputes_come_most_doubtful_first(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    static const char *const receipts[] = {"{\"similarity\":0.9,\"threshold\":0.6}",
                                           "{\"similarity\":0.61,\"threshold\":0.6}", "",
                                           "{\"similarity\":0.8,\"threshold\":0.75}"};
    static const char *const want[] = {"Ben", "Dan", "Ada", "Cleo"};
    struct mark_disputed *list;
    struct course_id any_course = {""};
    struct session_id any = {""}, other;
    const struct dispute_place start = {.doubt = INT64_MIN};
    int n;
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < STUDENTS; i++) {
        struct mark m = mark_of(s.session, s.students[i], FRAME);
        enum mark_outcome outcome;
        m.receipt = str_from(receipts[i]);
        assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
        dispute(f, cx, &s, i);
    }
    assert_int_equal(mark_disputed_list(cx, f->a, NULL, s.course, any, &start, 9, &list, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, STUDENTS);
    for (int i = 0; i < n; i++)
        assert_true(str_is(list[i].mark.student_name, want[i]));
    assert_true(list[0].doubt == 100 && list[3].doubt == DOUBT_NO_EVIDENCE);
    assert_int_equal(
        mark_disputed_list(cx, f->a, NULL, any_course, s.session, &start, 2, &list, &n, &f->e),
        ERR_OK);
    assert_int_equal(n, 2);
    struct dispute_place at = {list[1].doubt, list[1].mark.disputed_at, list[1].mark.student,
                               list[1].mark.session};
    assert_int_equal(mark_disputed_list(cx, f->a, NULL, any_course, any, &at, 9, &list, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, 2);
    assert_true(str_is(list[0].mark.student_name, want[2]));
    id_new(other.text);
    assert_int_equal(
        mark_disputed_list(cx, f->a, NULL, any_course, other, &start, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    tx_commit(f);
}

static void a_flag_that_was_taken_off_by_hand_is_found(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct mark m;
    bool same;
    struct db_cx *cx = tx_begin(f);
    see(f, cx, &s, 0, FRAME, MARK_MADE);
    m = dispute(f, cx, &s, 0);
    struct str payload = str_from(newest(f, cx, &s, 0, 2));
    assert_int_equal(mark_matches(f->a, &m, payload, &same, &f->e), ERR_OK);
    assert_true(same);
    m.last_seen += 60;
    assert_int_equal(mark_matches(f->a, &m, payload, &same, &f->e), ERR_OK);
    assert_true(same);
    for (int i = 0; i < 2; i++) {
        m.disputed_at = i ? m.disputed_at + 1 : 0;
        assert_int_equal(mark_matches(f->a, &m, payload, &same, &f->e), ERR_OK);
        assert_false(same);
    }
    tx_commit(f);
}

static void a_session_that_never_started_does_not_close(void **state)
{
    struct fixture *f = *state;
    struct scene s = scene_make(f);
    struct closed c;
    struct db_cx *cx = tx_begin(f);
    s.session = make_session(f, cx, s.course, SESSION_SCHEDULED);
    assert_int_equal(close_at(f, cx, &s, 5000, NULL, &c), ERR_CONFLICT);
    assert_string_equal(marks_of(f, cx, &s), "");
    id_new(s.session.text);
    assert_int_equal(close_at(f, cx, &s, 5000, NULL, &c), ERR_NOT_FOUND);
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(closing_marks_absent_who_has_no_mark),
        TEST(closing_again_writes_only_what_is_missing),
        TEST(closing_that_fails_in_between_leaves_an_open_session),
        TEST(the_roster_of_the_end_counts),
        TEST(a_sighting_that_comes_late_replaces_an_absence),
        TEST(an_absence_that_a_person_wrote_stands),
        TEST(a_correction_is_an_event_with_actor_and_reason),
        TEST(only_whom_the_course_knows_is_marked_by_hand),
        TEST(a_dispute_flags_the_mark_until_it_is_decided),
        TEST(disputes_come_most_doubtful_first),
        TEST(a_flag_that_was_taken_off_by_hand_is_found),
        TEST(a_session_that_never_started_does_not_close),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
