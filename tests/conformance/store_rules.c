/* Conformance of the store, part five: the minutes in which students are seen, the rules of a
 * session, and what closing makes of marks by them. */
#include "store_suite.h"

#include "store/attendance.h"
#include "store/register_check.h"

#include <stdio.h>

enum { STUDENTS = 5, STARTED = 1000, MANY_NOTES = 20000 };
#define FRAME "01990000-0000-7000-8000-000000000001"

struct scene {
    struct course_id course;
    struct session_id session;
    struct student_id students[STUDENTS];
};

/* An active session whose rules ask for two minutes, its students on the roster. */
static struct scene scene_make(struct fixture *f, struct db_cx *cx)
{
    static const char *const names[STUDENTS] = {"Ada", "Ben", "Cleo", "Dan", "Eve"};
    struct scene s = {.course = make_course(f, cx, "DB-1")};
    struct session row = {.course = s.course,
                          .status = SESSION_ACTIVE,
                          .confirmations = 1,
                          .started_at = STARTED,
                          .minutes_needed = 2};
    id_new(row.id.text);
    assert_int_equal(session_insert(cx, &row, &f->e), ERR_OK);
    s.session = row.id;
    for (int i = 0; i < STUDENTS; i++) {
        bool added;
        s.students[i] = make_student(f, cx, names[i], names[i]);
        assert_int_equal(roster_add(cx, s.course, s.students[i], 10, &added, &f->e), ERR_OK);
    }
    return s;
}

static void see(struct fixture *f, struct db_cx *cx, const struct scene *s, int student,
                const char *source)
{
    struct mark m = mark_of(s->session, s->students[student], FRAME);
    enum mark_outcome outcome;
    m.source = str_from(source);
    m.first_seen = m.last_seen = STARTED + 500;
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    assert_int_equal(outcome, MARK_MADE);
}

static void minute(struct fixture *f, struct db_cx *cx, const struct scene *s, int student,
                   int64_t at)
{
    assert_int_equal(presence_add(cx, s->session, s->students[student], at, .5, &f->e), ERR_OK);
}

static enum err event_of(void *ctx, struct arena *a, const struct mark *m,
                         struct outbox_event *ret_event, struct error *e)
{
    (void)ctx, (void)e;
    *ret_event = (struct outbox_event){STR("topic"), arena_copy(a, m->status)};
    return ERR_OK;
}

/* Absent with too few minutes; seen in minute 0, the student was there from the start. */
static enum err ending_of(struct arena *a, const struct session *s, const struct mark *m,
                          const struct presence_row *rows, int n, struct mark_ending *ret_ending,
                          struct error *e)
{
    (void)e;
    *ret_ending =
        (struct mark_ending){.status = n < s->minutes_needed ? STR("absent") : STR("present"),
                             .first_seen = n && rows[0].minute == 0 ? s->started_at : m->first_seen,
                             .why = str_from(arena_printf(a, "seen in %d minutes", n))};
    return ERR_OK;
}

static const struct mark_writer writer = {
    .hasher = {NULL, NULL}, .event = event_of, .ending = ending_of};

static int close_at(struct fixture *f, struct db_cx *cx, const struct scene *s)
{
    struct mark_writer w = writer;
    struct session after;
    bool changed;
    int written = -1;
    w.hasher = test_hasher;
    assert_int_equal(session_close(cx, f->a, s->session, 9000, STR("somebody"), &w, &after,
                                   &changed, &written, &f->e),
                     ERR_OK);
    return written;
}

/* "Ada present 1000, Ben absent 0": all marks by name. */
static const char *marks_of(struct fixture *f, struct db_cx *cx, const struct scene *s)
{
    struct mark *marks;
    int n;
    const char *text = "";
    assert_int_equal(mark_list(cx, f->a, s->session, &marks, &n, &f->e), ERR_OK);
    for (int i = 0; i < n; i++)
        text = arena_printf(f->a, "%s%s%.*s %.*s %d", text, i ? ", " : "",
                            STR_ARGS(marks[i].student_name), STR_ARGS(marks[i].status),
                            (int)marks[i].first_seen);
    return text;
}

static void fail_finding(void *ctx, const char *text)
{
    (void)ctx;
    fail_msg("%s", text);
}

static void assert_register(struct fixture *f, struct db_cx *cx, int events)
{
    struct heads_seen seen = {.a = NULL};
    struct register_report report;
    hashmap_init(&seen.heads);
    const struct register_heads heads = {&seen, "the heads file"};
    assert_int_equal(
        register_check(cx, &test_hasher, &heads, 1, fail_finding, NULL, &report, &f->e), ERR_OK);
    hashmap_done(&seen.heads);
    assert_int_equal(report.events, events);
}

static void a_minute_has_one_row_with_its_best_score(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct scene s = scene_make(f, cx);
    static const struct {
        int64_t minute;
        double score;
    } sightings[] = {{3, .5}, {3, .75}, {3, .25}, {0, .5}};
    struct presence_row *rows;
    bool has;
    int n;
    for (size_t i = 0; i < ARRAY_LEN(sightings); i++)
        assert_int_equal(presence_add(cx, s.session, s.students[0], sightings[i].minute,
                                      sightings[i].score, &f->e),
                         ERR_OK);
    assert_int_equal(presence_list(cx, f->a, s.session, s.students[0], &rows, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_true(rows[0].minute == 0 && rows[0].sightings == 1 && rows[0].best_score == .5);
    assert_true(rows[1].minute == 3 && rows[1].sightings == 3 && rows[1].best_score == .75);
    assert_int_equal(presence_has(cx, s.session, s.students[0], 3, &has, &f->e), ERR_OK);
    assert_true(has);
    assert_int_equal(presence_has(cx, s.session, s.students[0], 1, &has, &f->e), ERR_OK);
    assert_false(has);
    tx_commit(f);
}

static void a_minute_before_the_start_and_of_nobody_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct scene s = scene_make(f, cx);
    tx_commit(f);
    cx = tx_begin(f);
    assert_int_equal(presence_add(cx, s.session, s.students[0], -1, .5, &f->e), ERR_INVALID);
    hold_end(f, ERR_INVALID);
    struct student_id nobody;
    id_new(nobody.text);
    cx = tx_begin(f);
    assert_int_equal(presence_add(cx, s.session, nobody, 1, .5, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
}

static void add_digit(void *ctx, struct student_id student, int64_t at)
{
    char *text = ctx;
    size_t n = strlen(text);
    snprintf(text + n, 64 - n, "%c%d ", student.text[35], (int)at);
}

static void minutes_of_a_session_come_by_student(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct scene s = scene_make(f, cx);
    char got[64] = "", want[64];
    int first = strcmp(s.students[0].text, s.students[1].text) < 0 ? 0 : 1;
    minute(f, cx, &s, !first, 10);
    minute(f, cx, &s, !first, 2);
    minute(f, cx, &s, first, 7);
    assert_int_equal(presence_each(cx, s.session, add_digit, got, &f->e), ERR_OK);
    snprintf(want, sizeof want, "%c7 %c2 %c10 ", s.students[first].text[35],
             s.students[!first].text[35], s.students[!first].text[35]);
    assert_string_equal(got, want);
    tx_commit(f);
}

static void closing_asks_the_rules_about_marks_from_faces_only(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct scene s = scene_make(f, cx);
    see(f, cx, &s, 0, "face"); /* twice seen, from the start */
    minute(f, cx, &s, 0, 0);
    minute(f, cx, &s, 0, 1);
    see(f, cx, &s, 1, "face"); /* once */
    minute(f, cx, &s, 1, 1);
    see(f, cx, &s, 2, "code");
    see(f, cx, &s, 3, "manual");
    assert_int_equal(close_at(f, cx, &s), 3);
    static const char *const want =
        "Ada present 1000, Ben absent 1500, Cleo present 1500, Dan present 1500, Eve absent 0";
    assert_string_equal(marks_of(f, cx, &s), want);
    struct register_event *events;
    int n;
    assert_int_equal(
        register_of_student(cx, f->a, str_from(s.session.text), s.students[1], &events, &n, &f->e),
        ERR_OK);
    assert_int_equal(n, 2);
    assert_non_null(strstr(events[1].payload.p,
                           "{\"event\":\"closing\",\"reason\":\"seen in 1 minutes\",\"status\":"
                           "\"absent\",\"source\":\"face\""));
    assert_true(str_is(events[1].actor, "somebody"));
    assert_int_equal(close_at(f, cx, &s), 0); /* again: nothing */
    assert_string_equal(marks_of(f, cx, &s), want);
    assert_register(f, cx, 7);
    tx_commit(f);
}

static void a_minute_that_comes_late_settles_the_mark_again(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct scene s = scene_make(f, cx);
    struct mark_writer w = writer;
    struct session closed;
    bool changed;
    w.hasher = test_hasher;
    see(f, cx, &s, 0, "face");
    minute(f, cx, &s, 0, 4);
    see(f, cx, &s, 1, "manual");
    close_at(f, cx, &s);
    assert_int_equal(session_get(cx, f->a, s.session, &closed, &f->e), ERR_OK);
    minute(f, cx, &s, 0, 2);
    for (int i = 0; i < 2; i++) { /* a frame that is delivered twice changes nothing twice */
        assert_int_equal(
            mark_settle(cx, f->a, &closed, s.students[0], STR("worker"), &w, &changed, &f->e),
            ERR_OK);
        assert_int_equal(changed, i == 0);
    }
    assert_int_equal(
        mark_settle(cx, f->a, &closed, s.students[1], STR("worker"), &w, &changed, &f->e), ERR_OK);
    assert_false(changed);
    assert_string_equal(marks_of(f, cx, &s), "Ada present 1500, Ben present 1500, Cleo absent 0, "
                                             "Dan absent 0, Eve absent 0");
    assert_register(f, cx, 7);
    tx_commit(f);
}

static void rules_are_kept_with_course_and_session(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course c = {.code = STR("R"), .title = STR("Rules"), .confirmations = 1}, got;
    struct session s = {.status = SESSION_SCHEDULED,
                        .confirmations = 1,
                        .early_before_min = 4,
                        .minutes_needed = 30,
                        .sweeps = 6,
                        .sweeps_needed = 5},
                   kept;
    int64_t version = 0;
    c.early_before_min = 5, c.minutes_needed = 20, c.sweeps = 4, c.sweeps_needed = 3;
    id_new(c.id.text);
    assert_int_equal(course_insert(cx, &c, &f->e), ERR_OK);
    c.version = 1, c.sweeps = 8, c.early_before_min = 6;
    assert_int_equal(course_update(cx, &c, &version, &f->e), ERR_OK);
    assert_int_equal(course_get(cx, f->a, c.id, &got, &f->e), ERR_OK);
    assert_true(got.early_before_min == 6 && got.minutes_needed == 20 && got.sweeps == 8 &&
                got.sweeps_needed == 3);
    id_new(s.id.text);
    s.course = c.id;
    assert_int_equal(session_insert(cx, &s, &f->e), ERR_OK);
    assert_int_equal(session_get(cx, f->a, s.id, &kept, &f->e), ERR_OK);
    assert_true(kept.early_before_min == 4 && kept.minutes_needed == 30 && kept.sweeps == 6 &&
                kept.sweeps_needed == 5);
    id_new(s.id.text);
    s.sweeps_needed = 7;
    assert_int_equal(session_insert(cx, &s, &f->e), ERR_INVALID);
    hold_end(f, ERR_INVALID);
}

struct heard {
    int n;
    char last[8];
};

static void hear(void *ctx, struct str note)
{
    struct heard *h = ctx;
    h->n++;
    snprintf(h->last, sizeof h->last, "%.*s", STR_ARGS(note));
}

static void of_notes_that_supersede_each_other_the_last_is_heard(void **state)
{
    struct fixture *f = *state;
    struct heard h = {0};
    char text[8];
    db_set_listener(f->db, hear, &h);
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < MANY_NOTES; i++) { /* each kept, they were over a MiB */
        snprintf(text, sizeof text, "a%05d", i);
        assert_int_equal(db_note_newest(cx, str_from(text), 1, &f->e), ERR_OK);
    }
    assert_int_equal(db_note_newest(cx, STR("b00001"), 1, &f->e), ERR_OK);
    assert_int_equal(db_note_newest(cx, STR("b2"), 1, &f->e), ERR_OK); /* another length */
    tx_commit(f);
    assert_int_equal(h.n, 3);
    assert_string_equal(h.last, "b2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_minute_has_one_row_with_its_best_score),
        TEST(a_minute_before_the_start_and_of_nobody_is_refused),
        TEST(minutes_of_a_session_come_by_student),
        TEST(closing_asks_the_rules_about_marks_from_faces_only),
        TEST(a_minute_that_comes_late_settles_the_mark_again),
        TEST(rules_are_kept_with_course_and_session),
        TEST(of_notes_that_supersede_each_other_the_last_is_heard),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
