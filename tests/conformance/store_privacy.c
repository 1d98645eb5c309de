/* Conformance of the store: consents, and what goes when one ends. */
#include "store_suite.h"

#include "store/erasure.h"
#include "store/look_alike.h"

static enum err template_try(struct fixture *f, struct db_cx *cx, struct student_id student)
{
    struct template_row t = {.student = student,
                             .encoder = STR("e"),
                             .preprocessing = STR("p"),
                             .sealed = STR("x"),
                             .source = STR("photo")};
    id_new(t.id);
    return template_insert(cx, &t, &f->e);
}

static int64_t templates_of(struct fixture *f, struct db_cx *cx, struct student_id student)
{
    int64_t n = -1;
    assert_int_equal(template_count(cx, student, STR("e"), STR("p"), &n, &f->e), ERR_OK);
    return n;
}

static void no_template_is_written_without_a_live_consent_to_recognition(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "1", "Ada");
    tx_commit(f);
    cx = tx_begin(f);
    assert_int_equal(template_try(f, cx, student), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
    cx = tx_begin(f);
    make_consent(f, cx, student, CONSENT_PHOTOS);
    assert_int_equal(template_try(f, cx, student), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
    cx = tx_begin(f);
    struct consent short_one = {.student = student,
                                .text_version = STR("v"),
                                .recorded_by = STR("local"),
                                .given_at = 1000,
                                .expires_at = 2000,
                                .live = true};
    id_new(short_one.id);
    assert_int_equal(consent_insert(cx, &short_one, &f->e), ERR_OK);
    assert_int_equal(template_try(f, cx, student), ERR_CONFLICT); /* it expired long ago */
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
    cx = tx_begin(f);
    make_consent(f, cx, student, CONSENT_RECOGNITION);
    assert_int_equal(template_try(f, cx, student), ERR_OK);
    tx_commit(f);
}

static void a_consent_cannot_end_while_templates_stand_on_it(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "1", "Ada");
    struct consent c = make_consent(f, cx, student, CONSENT_RECOGNITION), got;
    assert_int_equal(template_try(f, cx, student), ERR_OK);
    tx_commit(f);
    cx = tx_begin(f);
    assert_int_equal(consent_withdraw(cx, student, c.id, 5000, &f->e), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
    cx = tx_begin(f);
    struct erasure_counts erased;
    assert_int_equal(erasure_face(cx, student, 5000, &erased, &f->e), ERR_OK);
    assert_int_equal(erased.templates, 1);
    assert_int_equal(consent_withdraw(cx, student, c.id, 5000, &f->e), ERR_OK);
    assert_int_equal(consent_get(cx, f->a, student, c.id, &got, &f->e), ERR_OK);
    assert_false(got.live);
    assert_int_equal(got.withdrawn_at, 5000);
    assert_int_equal(consent_withdraw(cx, student, c.id, 6000, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "withdrawn"));
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static void a_newer_consent_takes_the_place_and_the_templates_of_the_older(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "1", "Ada");
    struct consent first = make_consent(f, cx, student, CONSENT_RECOGNITION), *list;
    assert_int_equal(template_try(f, cx, student), ERR_OK);
    struct consent second = make_consent(f, cx, student, CONSENT_RECOGNITION);
    make_consent(f, cx, student, CONSENT_PHOTOS);
    int n = 0;
    char held[ID_TEXT];
    assert_int_equal(templates_of(f, cx, student), 1);
    assert_int_equal(consent_list(cx, f->a, student, "", 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 3);
    assert_false(list[0].live);
    assert_int_equal(list[0].withdrawn_at, 0);
    assert_string_equal(list[0].replaced_by, second.id);
    assert_true(list[1].live && list[2].live);
    assert_int_equal(list[2].purpose, CONSENT_PHOTOS);
    assert_int_equal(consent_hold(cx, student, CONSENT_RECOGNITION, 9, held, &f->e), ERR_OK);
    assert_string_equal(held, second.id);
    assert_int_equal(consent_withdraw(cx, student, first.id, 5000, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "replaced"));
    tx_commit(f);
}

static void a_consent_of_nobody_or_with_bad_values_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "1", "Ada");
    tx_commit(f);
    struct consent c = {
        .student = student, .text_version = STR(""), .recorded_by = STR("local"), .given_at = 1000};
    id_new(c.id);
    cx = tx_begin(f);
    assert_int_equal(consent_insert(cx, &c, &f->e), ERR_INVALID);
    assert_int_equal(hold_end(f, ERR_INVALID), ERR_INVALID);
    cx = tx_begin(f);
    c.text_version = STR("v");
    c.expires_at = 999;
    assert_int_equal(consent_insert(cx, &c, &f->e), ERR_INVALID);
    assert_int_equal(hold_end(f, ERR_INVALID), ERR_INVALID);
    cx = tx_begin(f);
    c.expires_at = 0;
    id_new(c.student.text);
    assert_int_equal(consent_insert(cx, &c, &f->e), ERR_NOT_FOUND);
    assert_int_equal(hold_end(f, ERR_NOT_FOUND), ERR_NOT_FOUND);
    cx = tx_begin(f);
    assert_int_equal(consent_hold(cx, student, CONSENT_RECOGNITION, 9, NULL, &f->e), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
}

static void expired_consents_are_found_oldest_first(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct consent *found;
    int n = 0;
    for (int i = 0; i < 4; i++) {
        char number[2] = {(char)('1' + i), 0};
        struct consent c = {.student = make_student(f, cx, number, "S"),
                            .text_version = STR("v"),
                            .recorded_by = STR("local"),
                            .given_at = 1,
                            .expires_at = (usec_t)(i ? 5000 - i * 1000 : 0)};
        id_new(c.id);
        assert_int_equal(consent_insert(cx, &c, &f->e), ERR_OK);
    }
    assert_int_equal(consent_expired(cx, f->a, 3000, 9, &found, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(found[0].expires_at, 2000);
    assert_int_equal(found[1].expires_at, 3000);
    assert_int_equal(consent_withdraw(cx, found[0].student, found[0].id, 3000, &f->e), ERR_OK);
    assert_int_equal(consent_expired(cx, f->a, 3000, 9, &found, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    tx_commit(f);
}

static void erasing_a_face_ends_jobs_and_empties_their_photos(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "1", "Ada"),
                      other = make_student(f, cx, "2", "Bob");
    make_consent(f, cx, student, CONSENT_RECOGNITION);
    struct job j = {.kind = STR("enrol"), .subject = str_from(student.text)};
    const struct job_photo photos[] = {{.name = STR("Ada.jpg"), .sealed = STR("x")},
                                       {.position = 1, .sealed = STR("y")}};
    id_new(j.id);
    assert_int_equal(job_insert(cx, &j, photos, 2, &f->e), ERR_OK);
    struct job k = {.kind = STR("enrol"), .subject = str_from(other.text)};
    id_new(k.id);
    assert_int_equal(job_insert(cx, &k, photos, 1, &f->e), ERR_OK);
    struct erasure_counts erased;
    struct job_photo *left;
    int n = 0;
    assert_int_equal(erasure_face(cx, student, 77, &erased, &f->e), ERR_OK);
    assert_int_equal(erased.photos, 2);
    assert_int_equal(job_get(cx, f->a, j.id, &j, &f->e), ERR_OK);
    assert_int_equal(j.state, JOB_FAILED);
    assert_int_equal(job_photos(cx, f->a, j.id, true, &left, &n, &f->e), ERR_OK);
    assert_true(n == 2 && left[0].sealed.n == 0 && left[0].name.n == 0 && left[1].sealed.n == 0);
    assert_int_equal(job_get(cx, f->a, k.id, &k, &f->e), ERR_OK);
    assert_int_equal(k.state, JOB_QUEUED);
    assert_int_equal(erasure_face(cx, student, 78, &erased, &f->e), ERR_OK);
    assert_int_equal(erased.photos + erased.templates, 0);
    tx_commit(f);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(no_template_is_written_without_a_live_consent_to_recognition),
        TEST(a_consent_cannot_end_while_templates_stand_on_it),
        TEST(a_newer_consent_takes_the_place_and_the_templates_of_the_older),
        TEST(a_consent_of_nobody_or_with_bad_values_is_refused),
        TEST(expired_consents_are_found_oldest_first),
        TEST(erasing_a_face_ends_jobs_and_empties_their_photos),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
