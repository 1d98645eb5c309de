/* Conformance of the store: whose a row is, who teaches a course, what lists show of a scope. */
#include "store/record.h"
#include "store_suite.h"

struct world {
    struct course_id own, foreign;
    struct session_id sitting, other_sitting;
    struct student_id me, mate, gone, stranger;
    struct user teacher;
};

/* The teacher has `own`; me and mate are on its roster, gone was. */
static struct world world_make(struct fixture *f, struct db_cx *cx)
{
    struct world w = {.teacher = {.login = STR("t"), .name = STR("T"), .role = STR("instructor")}};
    bool added;
    id_new(w.teacher.id);
    assert_int_equal(user_insert(cx, &w.teacher, &f->e), ERR_OK);
    w.own = make_course(f, cx, "A");
    w.foreign = make_course(f, cx, "B");
    w.sitting = make_session(f, cx, w.own, SESSION_ACTIVE);
    w.other_sitting = make_session(f, cx, w.foreign, SESSION_ACTIVE);
    w.me = make_student(f, cx, "1", "Me");
    w.mate = make_student(f, cx, "2", "Mate");
    w.gone = make_student(f, cx, "3", "Gone");
    w.stranger = make_student(f, cx, "4", "Stranger");
    assert_int_equal(roster_add(cx, w.own, w.me, 1, &added, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, w.own, w.mate, 1, &added, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, w.own, w.gone, 1, &added, &f->e), ERR_OK);
    assert_int_equal(roster_remove(cx, w.own, w.gone, 2, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, w.foreign, w.stranger, 1, &added, &f->e), ERR_OK);
    assert_int_equal(instructor_add(cx, w.own, w.teacher.id, &f->e), ERR_OK);
    assert_int_equal(instructor_add(cx, w.own, w.teacher.id, &f->e), ERR_OK);
    return w;
}

static struct scope scope_of(const char *instructor, const char *student)
{
    struct scope s = {"", ""};
    snprintf(s.instructor, sizeof s.instructor, "%s", instructor);
    snprintf(s.student, sizeof s.student, "%s", student);
    return s;
}

static void a_row_is_theirs_or_looks_like_none(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    const struct world w = world_make(f, cx);
    const struct scope all = scope_of("", ""), teacher = scope_of(w.teacher.id, ""),
                       me = scope_of("", w.me.text), gone = scope_of("", w.gone.text),
                       nobody = scope_of("", SCOPE_NOBODY);
    char none[ID_TEXT];
    id_new(none);
    const struct {
        const struct scope *scope;
        enum access_to what;
        const char *id;
        bool theirs;
    } rows[] = {
        {NULL, ACCESS_COURSE, w.foreign.text, true},
        {NULL, ACCESS_COURSE, none, false},
        {&all, ACCESS_STUDENT, w.stranger.text, true},
        {&teacher, ACCESS_COURSE, w.own.text, true},
        {&teacher, ACCESS_COURSE, w.foreign.text, false},
        {&teacher, ACCESS_COURSE, none, false},
        {&teacher, ACCESS_SESSION, w.sitting.text, true},
        {&teacher, ACCESS_SESSION, w.other_sitting.text, false},
        {&teacher, ACCESS_STUDENT, w.mate.text, true},
        {&teacher, ACCESS_STUDENT, w.gone.text, false},
        {&teacher, ACCESS_STUDENT, w.stranger.text, false},
        {&me, ACCESS_COURSE, w.own.text, true},
        {&me, ACCESS_COURSE, w.foreign.text, false},
        {&gone, ACCESS_SESSION, w.sitting.text, true},
        {&me, ACCESS_SESSION, w.other_sitting.text, false},
        {&me, ACCESS_STUDENT, w.me.text, true},
        {&me, ACCESS_STUDENT, w.mate.text, false},
        {&nobody, ACCESS_COURSE, w.own.text, false},
        {&nobody, ACCESS_STUDENT, w.me.text, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool theirs = !rows[i].theirs;
        assert_int_equal(access_check(cx, rows[i].scope, rows[i].what, rows[i].id, &theirs, &f->e),
                         ERR_OK);
        if (theirs != rows[i].theirs)
            fail_msg("row %zu", i);
    }
    tx_commit(f);
}

static void lists_hold_what_is_in_the_scope(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    const struct world w = world_make(f, cx);
    const struct {
        struct scope scope;
        int courses, sessions, students;
    } rows[] = {
        {scope_of("", ""), 2, 2, 4},
        {scope_of(w.teacher.id, ""), 1, 1, 2},
        {scope_of("", w.me.text), 1, 1, 1},
        {scope_of("", SCOPE_NOBODY), 0, 0, 0},
    };
    const struct student_stale stale = {STR("e"), STR("p"), 9};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct scope *s = &rows[i].scope;
        struct course *courses;
        struct session *sessions;
        struct student *students;
        int n;
        assert_int_equal(course_list(cx, f->a, s, (struct course_id){""}, 9, &courses, &n, &f->e),
                         ERR_OK);
        assert_int_equal(n, rows[i].courses);
        assert_int_equal(session_list(cx, f->a, s, &(struct session_filter){.from = 0},
                                      (struct session_id){""}, 9, &sessions, &n, &f->e),
                         ERR_OK);
        assert_int_equal(n, rows[i].sessions);
        assert_int_equal(
            student_list(cx, f->a, s, STR(""), (struct student_id){""}, 9, &students, &n, &f->e),
            ERR_OK);
        assert_int_equal(n, rows[i].students);
        assert_int_equal(student_list_stale(cx, f->a, s, &stale, (struct student_id){""}, 9,
                                            &students, &n, &f->e),
                         ERR_OK);
        assert_int_equal(n, 0);
    }
    tx_commit(f);
}

static void a_record_is_the_students_marks_newest_first(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    const struct world w = world_make(f, cx);
    struct session_id later = make_session(f, cx, w.own, SESSION_ACTIVE);
    const struct session_id in[] = {w.sitting, w.other_sitting, later};
    const struct scope teacher = scope_of(w.teacher.id, "");
    struct record_row *rows;
    struct session s;
    int n;
    for (size_t i = 0; i < ARRAY_LEN(in); i++) {
        struct mark m = mark_of(in[i], w.me, NULL);
        enum mark_outcome outcome;
        m.source = STR("manual");
        m.status = i ? STR("present") : STR("late");
        assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    }
    assert_int_equal(session_get(cx, f->a, later, &s, &f->e), ERR_OK);
    usec_t at = s.started_at ? s.started_at : s.planned_start;
    const struct {
        const struct scope *scope;
        struct record_filter filter;
        int n;
    } cases[] = {
        {NULL, {.from = 0}, 3},           {&teacher, {.from = 0}, 2},
        {NULL, {.course = w.foreign}, 1}, {NULL, {.status = STR("late")}, 1},
        {NULL, {.disputed = true}, 0},    {NULL, {.before = later}, 2},
        {NULL, {.from = at + 1}, 0},      {NULL, {.from = at, .to = at + 1}, 3},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(
            record_list(cx, f->a, cases[i].scope, w.me, &cases[i].filter, 9, &rows, &n, &f->e),
            ERR_OK);
        if (n != cases[i].n)
            fail_msg("case %zu: %d", i, n);
    }
    assert_int_equal(record_list(cx, f->a, NULL, w.me, &cases[0].filter, 2, &rows, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].mark.session.text, later.text);
    assert_true(str_is(rows[0].course_code, "A") && str_is(rows[1].course_code, "B"));
    tx_commit(f);
}

static void a_course_knows_who_teaches_it(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    const struct world w = world_make(f, cx);
    struct instructor *list;
    int n;
    assert_int_equal(instructor_list(cx, f->a, w.own, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_true(str_is(list[0].login, "t") && strcmp(list[0].id, w.teacher.id) == 0);
    assert_int_equal(instructor_remove(cx, w.own, w.teacher.id, &f->e), ERR_OK);
    assert_int_equal(instructor_remove(cx, w.own, w.teacher.id, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
    cx = tx_begin(f);
    char none[ID_TEXT];
    id_new(none);
    assert_int_equal(instructor_add(cx, w.own, none, &f->e), ERR_NOT_FOUND);
    assert_int_equal(hold_end(f, ERR_NOT_FOUND), ERR_NOT_FOUND);
}

static void a_user_goes_with_the_student(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id me = make_student(f, cx, "1", "Me");
    struct user u = {.login = STR("me"), .role = STR("student")}, got;
    id_new(u.id);
    memcpy(u.student, me.text, ID_TEXT);
    assert_int_equal(user_insert(cx, &u, &f->e), ERR_OK);
    assert_int_equal(user_get(cx, f->a, u.id, &got, &f->e), ERR_OK);
    assert_string_equal(got.student, me.text);
    assert_int_equal(student_delete(cx, me, &f->e), ERR_OK);
    assert_int_equal(user_get(cx, f->a, u.id, &got, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_row_is_theirs_or_looks_like_none),
        TEST(lists_hold_what_is_in_the_scope),
        TEST(a_record_is_the_students_marks_newest_first),
        TEST(a_course_knows_who_teaches_it),
        TEST(a_user_goes_with_the_student),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
