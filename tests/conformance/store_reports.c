/* Conformance of the store: what reports read, and the totals that triggers keep. */
#include "store_suite.h"

#include "store/attendance.h"
#include "store/report.h"

enum { STUDENTS = 6, SESSIONS = 4 };

struct school {
    struct course_id course[2];
    struct session_id session[SESSIONS]; /* the first half of course 0, the others of course 1 */
    struct student_id student[STUDENTS];
};

static struct school school_make(struct fixture *f)
{
    struct school s;
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < 2; i++)
        s.course[i] = make_course(f, cx, i ? "B-2" : "A-1");
    for (int i = 0; i < SESSIONS; i++)
        s.session[i] = make_session(f, cx, s.course[2 * i / SESSIONS], SESSION_ACTIVE);
    for (int i = 0; i < STUDENTS; i++) {
        bool added;
        s.student[i] = make_student(f, cx, (char[]){'1', '0', (char)('0' + i), 0}, "Somebody");
        assert_int_equal(roster_add(cx, s.course[0], s.student[i], 1, &added, &f->e), ERR_OK);
        assert_int_equal(roster_add(cx, s.course[1], s.student[i], 1, &added, &f->e), ERR_OK);
    }
    tx_commit(f);
    return s;
}

/* One mark in a transaction of its own. */
static void see(struct fixture *f, struct session_id session, struct student_id student,
                const char *status)
{
    struct db_cx *cx = tx_begin(f);
    struct mark m = mark_of(session, student, NULL);
    enum mark_outcome outcome;
    m.status = str_from(status);
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    tx_commit(f);
}

/* Marks of a status of the students in a course (all students: NULL), counted one by one. */
static struct report_counts recount(struct fixture *f, struct db_cx *cx, const struct school *s,
                                    int course, const struct student_id *student)
{
    struct report_counts c = {0};
    for (int i = 0; i < SESSIONS; i++) {
        struct mark *marks;
        int n;
        if (course >= 0 && 2 * i / SESSIONS != course)
            continue;
        assert_int_equal(mark_list(cx, f->a, s->session[i], &marks, &n, &f->e), ERR_OK);
        for (int j = 0; j < n; j++) {
            if (student && strcmp(marks[j].student.text, student->text) != 0)
                continue;
            c.present += str_is(marks[j].status, "present");
            c.late += str_is(marks[j].status, "late");
            c.left_early += str_is(marks[j].status, "left-early");
            c.absent += str_is(marks[j].status, "absent");
            c.excused += str_is(marks[j].status, "excused");
        }
    }
    return c;
}

static void same_counts(struct report_counts a, struct report_counts b)
{
    assert_int_equal(a.present, b.present);
    assert_int_equal(a.late, b.late);
    assert_int_equal(a.left_early, b.left_early);
    assert_int_equal(a.absent, b.absent);
    assert_int_equal(a.excused, b.excused);
}

/* The totals of the term, with and without a filter that lets everything through, are what the
 * marks say. */
static void totals_are_right(struct fixture *f, const struct school *s)
{
    static const struct report_filter whens[] = {{.from = 0}, {.from = 1}};
    struct db_cx *cx = read_begin(f);
    for (size_t w = 0; w < ARRAY_LEN(whens); w++) {
        struct report_total *rows;
        int n;
        assert_int_equal(
            report_term_students(cx, f->a, STR(""), &whens[w], STR(""), 100, &rows, &n, &f->e),
            ERR_OK);
        assert_int_equal(n, STUDENTS);
        for (int i = 0; i < n; i++) {
            assert_string_equal(rows[i].id, s->student[i].text);
            same_counts(rows[i].counts, recount(f, cx, s, -1, &s->student[i]));
        }
        assert_int_equal(
            report_term_courses(cx, f->a, STR(""), &whens[w], STR(""), 100, &rows, &n, &f->e),
            ERR_OK);
        assert_int_equal(n, 2);
        for (int i = 0; i < n; i++)
            same_counts(rows[i].counts, recount(f, cx, s, i, NULL));
    }
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

/* Of the students' totals those with less than each percentage, as one rule says it everywhere. */
static void those_below_are_right(struct fixture *f, const struct school *s)
{
    static const double percents[] = {0, 33.4, 50, 66.6, 75, 100};
    static const struct report_filter all = {.from = 0};
    struct db_cx *cx = read_begin(f);
    for (size_t p = 0; p < ARRAY_LEN(percents); p++) {
        struct report_total *rows;
        int n, at = 0;
        assert_int_equal(
            report_term_below(cx, f->a, STR(""), &all, percents[p], STR(""), 100, &rows, &n, &f->e),
            ERR_OK);
        for (int i = 0; i < STUDENTS; i++) {
            struct report_counts c = recount(f, cx, s, -1, &s->student[i]);
            int64_t attended = c.present + c.late + c.left_early, of = attended + c.absent;
            if (100.0 * (double)attended >= percents[p] * (double)of)
                continue;
            assert_true(at < n);
            assert_string_equal(rows[at].id, s->student[i].text);
            same_counts(rows[at++].counts, c);
        }
        assert_int_equal(at, n);
    }
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static enum err close_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct session_id *session = ctx;
    const struct db_value args[] = {db_text(session->text), db_int(INT64_MAX / 2), db_int(5)};
    return db_exec(cx, Q_MARK_INSERT_ABSENT, args, ARRAY_LEN(args), NULL, e);
}

/* A statement of the product with the given arguments, committed. */
struct statement {
    enum query q;
    struct db_value args[4];
    int n;
};

static enum err statement_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    const struct statement *s = ctx;
    return db_exec(cx, s->q, s->args, s->n, NULL, e);
}

static void totals_follow_marks_corrections_and_absences(void **state)
{
    static const char *const words[] = {"present", "late", "left-early", "absent", "excused"};
    struct fixture *f = *state;
    struct school s = school_make(f);
    totals_are_right(f, &s);
    for (int i = 0; i < SESSIONS; i++)
        for (int j = 0; j < STUDENTS; j++)
            if ((i + j) % 3)
                see(f, s.session[i], s.student[j], words[(i * STUDENTS + j) % 5]);
    totals_are_right(f, &s);
    for (int i = 0; i < SESSIONS; i++)
        assert_int_equal(db_tx(f->db, close_fn, &s.session[i], &f->e), ERR_OK);
    totals_are_right(f, &s);
    /* an absence that gives way, a mark that stands */
    see(f, s.session[0], s.student[0], "late");
    see(f, s.session[0], s.student[1], "late");
    totals_are_right(f, &s);
    for (int j = 0; j < STUDENTS; j++) {
        struct statement correct = {.q = Q_MARK_CORRECT,
                                    .n = 4,
                                    .args = {db_text(s.session[1].text), db_text(s.student[j].text),
                                             db_text(words[j % 5]), db_int(9)}};
        assert_int_equal(db_tx(f->db, statement_fn, &correct, &f->e), ERR_OK);
    }
    totals_are_right(f, &s);
    those_below_are_right(f, &s);
}

static void what_failed_is_not_counted(void **state)
{
    struct fixture *f = *state;
    struct school s = school_make(f);
    struct db_cx *cx = tx_begin(f);
    struct mark m = mark_of(s.session[0], s.student[0], NULL);
    enum mark_outcome outcome;
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_INVALID), ERR_INVALID);
    totals_are_right(f, &s);
}

static void a_course_without_sessions_can_go_with_its_totals(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C-3");
    assert_int_equal(course_delete(cx, course, &f->e), ERR_OK);
    tx_commit(f);
}

static void a_session_report_pages_through_roster_and_marks(void **state)
{
    struct fixture *f = *state;
    struct school s = school_make(f);
    see(f, s.session[0], s.student[2], "late");
    struct db_cx *cx = read_begin(f);
    struct str after = STR("");
    int seen = 0, n = 1;
    while (n > 0) {
        struct report_seen *rows;
        assert_int_equal(report_session_rows(cx, f->a, s.session[0], s.course[0], 1000, after, 4,
                                             &rows, &n, &f->e),
                         ERR_OK);
        for (int i = 0; i < n; i++, seen++) {
            assert_string_equal(rows[i].id, s.student[seen].text);
            assert_true(str_is(rows[i].status, seen == 2 ? "late" : ""));
            after = rows[i].external_id;
        }
    }
    assert_int_equal(seen, STUDENTS);
    struct report_seen *rows;
    assert_int_equal(
        report_session_rows(cx, f->a, s.session[0], s.course[0], 0, STR(""), 9, &rows, &n, &f->e),
        ERR_OK);
    assert_int_equal(n, 1); /* nobody was on the roster yet, but there is a mark */
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static void a_course_report_knows_its_sessions_and_marks(void **state)
{
    struct fixture *f = *state;
    struct school s = school_make(f);
    static const struct report_filter all = {.from = 0};
    see(f, s.session[0], s.student[1], "present");
    see(f, s.session[1], s.student[1], "absent");
    see(f, s.session[2], s.student[1], "absent"); /* of the other course */
    struct db_cx *cx = read_begin(f);
    struct report_session *sessions;
    struct report_mark *marks;
    int n;
    assert_int_equal(report_course_sessions(cx, f->a, s.course[0], &all, 10, &sessions, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(report_course_marks(cx, f->a, s.course[0], STR("100"), 2, &marks, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, 3); /* two of one student, and one row for who has none */
    assert_true(id_is_empty(marks[2].session.text));
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static void a_student_report_filters_by_time_and_weekday(void **state)
{
    struct fixture *f = *state;
    struct school s = school_make(f);
    for (int i = 0; i < SESSIONS; i++)
        see(f, s.session[i], s.student[0], i % 2 ? "absent" : "present");
    struct db_cx *cx = read_begin(f);
    struct report_sitting *rows, *day;
    struct report_course_count *counts;
    struct report_filter when = {.from = 0};
    int n, m, sum = 0;
    assert_int_equal(report_student_rows(cx, f->a, s.student[0], &when, 0, (struct session_id){{0}},
                                         10, &rows, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, SESSIONS);
    assert_int_equal(report_student_rows(cx, f->a, s.student[0], &when, rows[0].at, rows[0].session,
                                         10, &day, &m, &f->e),
                     ERR_OK);
    assert_int_equal(m, SESSIONS - 1);
    when.course = s.course[0];
    for (when.weekday = 1; when.weekday <= 7; when.weekday++) {
        assert_int_equal(report_student_rows(cx, f->a, s.student[0], &when, 0,
                                             (struct session_id){{0}}, 10, &day, &m, &f->e),
                         ERR_OK);
        sum += m;
    }
    assert_int_equal(sum, 2);
    when = (struct report_filter){.from = rows[0].at, .to = rows[0].at + 1};
    assert_int_equal(report_student_courses(cx, f->a, s.student[0], &when, &counts, &n, &f->e),
                     ERR_OK);
    assert_true(n >= 1);
    when.from = when.to;
    assert_int_equal(report_student_rows(cx, f->a, s.student[0], &when, 0, (struct session_id){{0}},
                                         10, &day, &m, &f->e),
                     ERR_OK);
    assert_int_equal(m, 0);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static enum err set_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return report_verification_set(cx, ctx, e);
}

static void the_last_verification_is_kept(void **state)
{
    struct fixture *f = *state;
    struct report_verification v, first = {.at = 5, .events = 6}, second = {.at = 7, .findings = 1};
    struct db_cx *cx = read_begin(f);
    assert_int_equal(report_verification_get(cx, &v, &f->e), ERR_OK);
    assert_int_equal(v.at, 0);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_int_equal(db_tx(f->db, set_fn, &first, &f->e), ERR_OK);
    assert_int_equal(db_tx(f->db, set_fn, &second, &f->e), ERR_OK);
    cx = read_begin(f);
    assert_int_equal(report_verification_get(cx, &v, &f->e), ERR_OK);
    assert_int_equal(v.at, 7);
    assert_int_equal(v.events, 0);
    assert_int_equal(v.findings, 1);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(totals_follow_marks_corrections_and_absences),
        TEST(what_failed_is_not_counted),
        TEST(a_course_without_sessions_can_go_with_its_totals),
        TEST(a_session_report_pages_through_roster_and_marks),
        TEST(a_course_report_knows_its_sessions_and_marks),
        TEST(a_student_report_filters_by_time_and_weekday),
        TEST(the_last_verification_is_kept),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
