/* Conformance of the store, part one: queries prepare, rows come back as written, constraints
 * answer with the right error. Runs on every back end of store_suite.c. */
#include "store_suite.h"

#include <stdio.h>

static void every_query_prepares(void **state)
{
    struct fixture *f = *state;
    static const struct db_value nulls[32];
    assert_int_equal(keystore_tables(f->db, &f->e), ERR_OK); /* of its own database, elsewhere */
    struct db_cx *cx = tx_begin(f);
    for (int q = 0; q < QUERY_N; q++) {
        struct db_rows *rows = NULL;
        enum err r = db_query(cx, (enum query)q, nulls, query_texts[q].params, &rows, &f->e);
        if (r)
            fail_msg("%s: %s", query_texts[q].name, f->e.msg);
        db_rows_done(&rows);
    }
    tx_commit(f);
}

static const char *const names[] = {
    "Ada Lovelace",
    "O'Brien \"Bob\"; DROP TABLE student; --",
    "\xd9\x85\xd8\xad\xd9\x85\xd8\xaf \xd8\xb9\xd9\x84\xd9\x8a",         /* right to left */
    "\xd7\x9e\xd7\xa8\xd7\x99\xd7\x9d, (left) \xd7\x9b\xd7\x94\xd7\x9f", /* both directions */
    "\xe6\x9d\x8e\xe5\xb0\x8f\xe9\xbe\x99",
    "Zoe\xcc\x88 e\xcc\x81",                                         /* combining marks stay */
    "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac \xf0\x9f\x8e\x93", /* joined emoji */
    "100% _under_ \\back\\slash\ttab\nline ?1 $1 :name",
};

static void students_come_back_as_written_in_every_script(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char external_id[32];
        snprintf(external_id, sizeof external_id, "S-%zu", i);
        struct student_id id = make_student(f, tx_begin(f), external_id, names[i]);
        tx_commit(f);
        struct student got, same;
        struct db_cx *cx = read_begin(f);
        assert_int_equal(student_get(cx, f->a, id, &got, &f->e), ERR_OK);
        assert_int_equal(student_by_external_id(cx, f->a, str_from(external_id), &same, &f->e),
                         ERR_OK);
        assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
        assert_true(str_is(got.name, names[i]));
        assert_true(str_is(got.email, ""));
        assert_string_equal(got.id.text, same.id.text);
        assert_int_equal(got.version, 1);
        assert_true(got.created_at > 0 && got.updated_at == got.created_at);
    }
}

static void what_is_not_there_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct student_id student = {"01990000-0000-7000-8000-000000000000"};
    struct course_id course = {"01990000-0000-7000-8000-000000000000"};
    struct session_id session = {"01990000-0000-7000-8000-000000000000"};
    struct camera_id camera = {"01990000-0000-7000-8000-000000000000"};
    struct student s = {
        .id = student, .external_id = STR("x"), .name = STR("x"), .status = STR("active")};
    struct course c = {.id = course, .code = STR("x"), .title = STR("x")};
    struct session se;
    struct camera ca;
    struct job j;
    struct str value;
    bool changed;
    int64_t version;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(student_get(cx, f->a, student, &s, &f->e), ERR_NOT_FOUND);
    assert_int_equal(student_update(cx, &s, &version, &f->e), ERR_NOT_FOUND);
    assert_int_equal(student_delete(cx, student, &f->e), ERR_NOT_FOUND);
    assert_int_equal(course_get(cx, f->a, course, &c, &f->e), ERR_NOT_FOUND);
    assert_int_equal(course_update(cx, &c, &version, &f->e), ERR_NOT_FOUND);
    assert_int_equal(course_delete(cx, course, &f->e), ERR_NOT_FOUND);
    assert_int_equal(session_get(cx, f->a, session, &se, &f->e), ERR_NOT_FOUND);
    assert_int_equal(session_start(cx, f->a, session, 1, &se, &changed, &f->e), ERR_NOT_FOUND);
    assert_int_equal(session_delete(cx, session, &f->e), ERR_NOT_FOUND);
    assert_int_equal(camera_get(cx, f->a, camera, &ca, &f->e), ERR_NOT_FOUND);
    assert_int_equal(camera_delete(cx, camera, &f->e), ERR_NOT_FOUND);
    assert_int_equal(job_get(cx, f->a, student.text, &j, &f->e), ERR_NOT_FOUND);
    assert_int_equal(job_claim(cx, student.text, 1, 1, &f->e), ERR_NOT_FOUND);
    assert_int_equal(job_finish(cx, student.text, JOB_DONE, STR(""), 1, &f->e), ERR_NOT_FOUND);
    assert_int_equal(setting_get(cx, f->a, "none", &value, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

/* Inserts in a transaction of its own and returns its error, text in f->e. */
static enum err student_try(struct fixture *f, struct student *s)
{
    if (id_is_empty(s->id.text))
        id_new(s->id.text);
    struct error e = {0};
    enum err r = student_insert(tx_begin(f), s, &e);
    assert_int_equal(hold_end(f, r), r);
    if (r)
        f->e = e;
    return r;
}

static void a_value_that_is_not_allowed_is_invalid(void **state)
{
    static char long_name[201];
    memset(long_name, 'n', sizeof long_name);
    const struct student ok = {.external_id = STR("1"), .name = STR("n"), .status = STR("active")};
    struct student rows[] = {ok, ok, ok, ok, ok, ok, ok};
    rows[0].name = STR("");
    rows[1].name = (struct str){long_name, 201};
    rows[2].status = STR("gone");
    rows[3].external_id = STR("");
    rows[4].name = STR("\xff\xfe");
    rows[5].name = (struct str){"a\0b", 3};
    snprintf(rows[6].id.text, ID_TEXT, "short");
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(student_try(f, &rows[i]), ERR_INVALID);
        assert_true(strlen(f->e.msg) > 10);
    }
    struct student fits = ok;
    fits.name = (struct str){long_name, 200};
    assert_int_equal(student_try(f, &fits), ERR_OK);
}

static void a_taken_external_id_is_a_conflict_that_names_it(void **state)
{
    struct fixture *f = *state;
    struct student s = {.external_id = STR("7"), .name = STR("Ada"), .status = STR("active")};
    assert_int_equal(student_try(f, &s), ERR_OK);
    s.id = (struct student_id){""};
    assert_int_equal(student_try(f, &s), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "external_id"));
}

static void an_update_needs_the_version_it_was_made_from(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student s = {.id = make_student(f, cx, "1", "Ada")}, got;
    s.external_id = STR("2");
    s.name = STR("Grace");
    s.email = STR("g@example.org");
    s.status = STR("inactive");
    int64_t version = 0;
    static const struct {
        int64_t from, to;
        enum err r;
    } rows[] = {{1, 2, ERR_OK}, {1, 0, ERR_PRECONDITION}, {0, 3, ERR_OK}, {9, 0, ERR_PRECONDITION}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        s.version = rows[i].from;
        assert_int_equal(student_update(cx, &s, &version, &f->e), rows[i].r);
        if (!rows[i].r)
            assert_int_equal(version, rows[i].to);
    }
    assert_int_equal(student_get(cx, f->a, s.id, &got, &f->e), ERR_OK);
    assert_true(str_is(got.name, "Grace") && str_is(got.external_id, "2"));
    assert_true(str_is(got.email, "g@example.org") && str_is(got.status, "inactive"));
    tx_commit(f);
}

static void students_are_listed_in_pages_and_searched_without_case(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    for (int i = 0; i < 45; i++) {
        char external_id[16], name[16];
        snprintf(external_id, sizeof external_id, "EXT-%02d", i);
        snprintf(name, sizeof name, "%s %d", i % 3 ? "Ada" : "100%", i);
        make_student(f, cx, external_id, name);
    }
    struct student *page;
    int n, seen = 0;
    for (struct student_id after = {""};; after = page[n - 1].id) {
        assert_int_equal(student_list(cx, f->a, NULL, STR(""), after, 20, &page, &n, &f->e),
                         ERR_OK);
        if (n == 0)
            break;
        for (int i = 0; i < n; i++)
            assert_true(strcmp(i ? page[i - 1].id.text : after.text, page[i].id.text) < 0);
        seen += n;
    }
    assert_int_equal(seen, 45);
    static const struct {
        const char *search;
        int n;
    } rows[] = {{"aDa", 30}, {"100%", 15}, {"ext-4", 5}, {"%", 15}, {"_", 0}, {"nobody", 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(student_list(cx, f->a, NULL, str_from(rows[i].search),
                                      (struct student_id){""}, 100, &page, &n, &f->e),
                         ERR_OK);
        assert_int_equal(n, rows[i].n);
    }
    tx_commit(f);
}

static void template_make(struct fixture *f, struct db_cx *cx, struct student_id student,
                          const char *encoder, const char *sealed)
{
    struct template_row t = {.student = student,
                             .encoder = str_from(encoder),
                             .preprocessing = STR("p1"),
                             .sealed = str_from(sealed),
                             .quality = 0.5,
                             .source = STR("a'b.jpg")};
    id_new(t.id);
    assert_int_equal(template_insert(cx, &t, &f->e), ERR_OK);
}

struct each {
    struct db_cx *cx;
    int n, stop_at;
    char last[ID_TEXT];
};

/* Starts the same query again inside, which must not disturb the one that runs. */
static enum err each_row(void *ctx, const struct template_row *t, struct error *e)
{
    struct each *each = ctx;
    assert_true(strcmp(each->last, t->student.text) <= 0);
    memcpy(each->last, t->student.text, ID_TEXT);
    if (++each->n == each->stop_at)
        return error_set(e, ERR_TIMEOUT, "stop");
    if (each->cx) {
        struct each inner = {0};
        enum err r = template_each(each->cx, t->encoder, t->preprocessing, each_row, &inner, e);
        assert_int_equal(inner.n, 3);
        return r;
    }
    return ERR_OK;
}

static void templates_are_counted_visited_and_removed(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id a = make_student(f, cx, "a", "A"), b = make_student(f, cx, "b", "B");
    make_consent(f, cx, a, CONSENT_RECOGNITION);
    make_consent(f, cx, b, CONSENT_RECOGNITION);
    template_make(f, cx, b, "e1", "three");
    template_make(f, cx, a, "e1", "one");
    template_make(f, cx, a, "e1", "two");
    template_make(f, cx, a, "e2", "other");
    struct template_row *rows;
    int n;
    assert_int_equal(template_of_student(cx, f->a, a, STR("e1"), STR("p1"), &rows, &n, &f->e),
                     ERR_OK);
    assert_int_equal(n, 2);
    assert_true(str_is(rows[0].sealed, "one") && str_is(rows[1].sealed, "two"));
    assert_true(str_is(rows[0].source, "a'b.jpg") && rows[0].quality == 0.5);
    struct each all = {.cx = cx}, some = {.stop_at = 2};
    assert_int_equal(template_each(cx, STR("e1"), STR("p1"), each_row, &all, &f->e), ERR_OK);
    assert_int_equal(all.n, 3);
    assert_int_equal(template_each(cx, STR("e1"), STR("p1"), each_row, &some, &f->e), ERR_TIMEOUT);
    assert_int_equal(some.n, 2);
    int64_t count = 0;
    assert_int_equal(template_count(cx, a, STR("e1"), STR("p1"), &count, &f->e), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(template_delete(cx, a, &count, &f->e), ERR_OK);
    assert_int_equal(count, 3);
    struct template_row orphan = {.sealed = STR("x")};
    id_new(orphan.id);
    id_new(orphan.student.text);
    assert_int_equal(template_insert(cx, &orphan, &f->e), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
}

enum { CROWD = 1234 }; /* more than a back end fetches at once */

static enum err crowd_row(void *ctx, const struct template_row *t, struct error *e)
{
    int *seen = ctx;
    char expected[16];
    (void)e;
    snprintf(expected, sizeof expected, "v%d", *seen);
    assert_true(str_is(t->sealed, expected));
    *seen += 1;
    return ERR_OK;
}

static void more_templates_than_fit_one_portion_come_all_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id a = make_student(f, cx, "a", "A");
    int seen = 0;
    make_consent(f, cx, a, CONSENT_RECOGNITION);
    for (int i = 0; i < CROWD; i++) {
        char text[16];
        snprintf(text, sizeof text, "v%d", i);
        template_make(f, cx, a, "e1", text);
    }
    tx_commit(f);
    cx = read_begin(f);
    assert_int_equal(template_each(cx, STR("e1"), STR("p1"), crowd_row, &seen, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_int_equal(seen, CROWD);
}

static void deleting_a_student_takes_photos_that_wait_along(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "a", "A");
    struct job j = {.kind = STR("enrol"), .subject = str_from(student.text)};
    const struct job_photo photo = {.sealed = STR("x")};
    struct job_photo *photos;
    int n;
    id_new(j.id);
    assert_int_equal(job_insert(cx, &j, &photo, 1, &f->e), ERR_OK);
    assert_int_equal(student_delete(cx, student, &f->e), ERR_OK);
    assert_int_equal(job_get(cx, f->a, j.id, &j, &f->e), ERR_NOT_FOUND);
    assert_int_equal(job_photos(cx, f->a, j.id, true, &photos, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    tx_commit(f);
}

static void deleting_a_student_takes_templates_and_enrolments_along(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "a", "A"), *ids;
    struct course_id course = make_course(f, cx, "C");
    int64_t before, after, count;
    int n;
    make_consent(f, cx, student, CONSENT_RECOGNITION);
    template_make(f, cx, student, "e1", "one");
    assert_int_equal(roster_add(cx, course, student, 5, NULL, &f->e), ERR_OK);
    assert_int_equal(roster_ids(cx, f->a, course, 9, &ids, &n, &before, &f->e), ERR_OK);
    assert_int_equal(student_delete(cx, student, &f->e), ERR_OK);
    assert_int_equal(roster_ids(cx, f->a, course, 9, &ids, &n, &after, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    assert_true(after > before);
    assert_int_equal(template_count(cx, student, STR("e1"), STR("p1"), &count, &f->e), ERR_OK);
    assert_int_equal(count, 0);
    tx_commit(f);
}

static void what_marks_name_cannot_be_deleted(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "a", "A");
    struct course_id course = make_course(f, cx, "C");
    struct session_id session = make_session(f, cx, course, SESSION_ACTIVE);
    struct mark m = mark_of(session, student, NULL);
    enum mark_outcome outcome;
    assert_int_equal(mark_simple(cx, f->a, &m, &outcome, &f->e), ERR_OK);
    assert_int_equal(student_delete(cx, student, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "inactive"));
    assert_int_equal(session_delete(cx, session, &f->e), ERR_CONFLICT);
    assert_int_equal(course_delete(cx, course, &f->e), ERR_CONFLICT);
    session = make_session(f, cx, course, SESSION_SCHEDULED);
    assert_int_equal(session_delete(cx, session, &f->e), ERR_OK);
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_query_prepares),
        TEST(students_come_back_as_written_in_every_script),
        TEST(what_is_not_there_is_not_found),
        TEST(a_value_that_is_not_allowed_is_invalid),
        TEST(a_taken_external_id_is_a_conflict_that_names_it),
        TEST(an_update_needs_the_version_it_was_made_from),
        TEST(students_are_listed_in_pages_and_searched_without_case),
        TEST(templates_are_counted_visited_and_removed),
        TEST(more_templates_than_fit_one_portion_come_all_and_in_order),
        TEST(deleting_a_student_takes_photos_that_wait_along),
        TEST(deleting_a_student_takes_templates_and_enrolments_along),
        TEST(what_marks_name_cannot_be_deleted),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
