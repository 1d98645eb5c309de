/* Conformance of the store: consents, and what goes when one ends. */
#include "store_suite.h"

#include "store/erasure.h"
#include "store/kept_photo.h"
#include "store/keystore.h"
#include "store/look_alike.h"
#include "store/presence.h"

#include <stdio.h>

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

/* ---- erasures: with keys in a file of their own, whatever the database is */

static struct sign_key signing;

static struct erasure_env erasure_begin(struct fixture *f)
{
    char path[128];
    struct db *keys = NULL;
    struct erasure_env env = {.db = f->db, .hasher = &test_hasher, .key = &signing};
    snprintf(path, sizeof path, "%s/keys.db", f->folder);
    const struct db_options o = {.path = path, .readers = 1, .create = true, .secret = true};
    sign_key_derive(&(struct seal_key){{5}}, &signing);
    assert_int_equal(db_sqlite_open(&o, &keys, &f->e), ERR_OK);
    assert_int_equal(keystore_open(keys, &(struct seal_key){{7}}, &env.keystore, &f->e), ERR_OK);
    return env;
}

/* Ada, with a consent, a template and a key; ret_consent is the consent. */
static struct student_id enrolled(struct fixture *f, const struct erasure_env *env,
                                  char ret_consent[static ID_TEXT])
{
    struct seal_key key;
    struct db_cx *cx = tx_begin(f);
    struct student_id student = make_student(f, cx, "1", "Ada");
    struct consent c = make_consent(f, cx, student, CONSENT_RECOGNITION);
    assert_int_equal(template_try(f, cx, student), ERR_OK);
    tx_commit(f);
    memcpy(ret_consent, c.id, ID_TEXT);
    assert_int_equal(keystore_make(env->keystore, student, KEY_FACE, &key, &f->e), ERR_OK);
    assert_int_equal(keystore_make(env->keystore, student, KEY_RECORD, &key, &f->e), ERR_OK);
    return student;
}

static int64_t templates_now(struct fixture *f, struct student_id student)
{
    int64_t n = templates_of(f, read_begin(f), student);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    return n;
}

static void assert_signed(const struct erasure *r)
{
    char other[512];
    assert_true(sign_check(r->public_key, r->statement, r->signature));
    snprintf(other, sizeof other, "%.*s", STR_ARGS(r->statement));
    other[r->statement.n - 2] ^= 1;
    assert_false(sign_check(r->public_key, str_from(other), r->signature));
}

static bool says(const struct erasure *r, const char *text)
{
    return memmem(r->statement.p, r->statement.n, text, strlen(text)) != NULL;
}

static void withdrawing_destroys_the_face_key_and_gives_a_signed_receipt(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent);
    struct erasure made, stored;
    struct seal_key key;
    assert_int_equal(erasure_withdraw(&env, f->a, student, consent, "consent_withdrawn",
                                      STR("local"), &made, &f->e),
                     ERR_OK);
    assert_signed(&made);
    assert_true(says(&made, "templates removed: 1") && says(&made, student.text));
    assert_int_equal(templates_now(f, student), 0);
    assert_int_equal(keystore_get(env.keystore, student, KEY_FACE, &key, &f->e), ERR_NOT_FOUND);
    assert_int_equal(keystore_get(env.keystore, student, KEY_RECORD, &key, &f->e), ERR_OK);
    struct db_cx *cx = read_begin(f);
    assert_int_equal(erasure_get(cx, f->a, made.id, &stored, &f->e), ERR_OK);
    assert_true(str_eq(stored.statement, made.statement));
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_int_equal(erasure_withdraw(&env, f->a, student, consent, "consent_withdrawn",
                                      STR("local"), &made, &f->e),
                     ERR_CONFLICT);
    keystore_close(env.keystore);
}

static void an_erasure_cut_short_after_the_key_is_finished_by_asking_again(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent);
    struct key_end end;
    struct erasure made;
    assert_int_equal(keystore_destroy(env.keystore, student, KEY_FACE, &end, &f->e), ERR_OK);
    assert_int_equal(templates_now(f, student), 1); /* a row that nobody can read */
    assert_int_equal(erasure_withdraw(&env, f->a, student, consent, "consent_withdrawn",
                                      STR("local"), &made, &f->e),
                     ERR_OK);
    assert_int_equal(templates_now(f, student), 0);
    assert_true(says(&made, end.fingerprint));
    assert_signed(&made);
    keystore_close(env.keystore);
}

static void a_request_that_fails_destroys_no_key(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT], none[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent), nobody;
    struct erasure made;
    struct seal_key key;
    id_new(none);
    id_new(nobody.text);
    assert_int_equal(erasure_withdraw(&env, f->a, student, none, "x", STR("local"), &made, &f->e),
                     ERR_NOT_FOUND);
    assert_int_equal(erasure_student(&env, f->a, nobody, STR("local"), &made, &f->e),
                     ERR_NOT_FOUND);
    assert_int_equal(keystore_get(env.keystore, student, KEY_FACE, &key, &f->e), ERR_OK);
    keystore_close(env.keystore);
}

static void a_student_without_marks_goes_whole(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent);
    struct erasure made;
    struct student s;
    struct seal_key key;
    assert_int_equal(erasure_student(&env, f->a, student, STR("local"), &made, &f->e), ERR_OK);
    assert_signed(&made);
    assert_int_equal(keystore_get(env.keystore, student, KEY_RECORD, &key, &f->e), ERR_NOT_FOUND);
    struct db_cx *cx = read_begin(f);
    assert_int_equal(student_get(cx, f->a, student, &s, &f->e), ERR_NOT_FOUND);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    keystore_close(env.keystore);
}

static void a_student_with_marks_stays_without_a_name(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent);
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    struct mark m = {.session = make_session(f, cx, course, SESSION_ACTIVE),
                     .student = student,
                     .status = STR("present"),
                     .source = STR("manual"),
                     .first_seen = 1,
                     .last_seen = 1};
    enum mark_outcome outcome;
    bool added;
    assert_int_equal(roster_add(cx, course, student, 100, &added, &f->e), ERR_OK);
    assert_int_equal(mark_insert(cx, f->a, &m, STR("t"), &test_hasher,
                                 (struct outbox_event){STR("t"), STR("{}")}, &outcome, NULL, &f->e),
                     ERR_OK);
    tx_commit(f);
    struct erasure made, again;
    struct student s;
    struct mark kept;
    assert_int_equal(erasure_student(&env, f->a, student, STR("local"), &made, &f->e), ERR_OK);
    assert_true(says(&made, "marks kept without a name: 1"));
    cx = tx_begin(f);
    assert_int_equal(student_get(cx, f->a, student, &s, &f->e), ERR_OK);
    assert_true(str_is(s.status, "erased") && !str_is(s.name, "Ada") && s.email.n == 0);
    assert_int_equal(mark_get(cx, f->a, m.session, student, &kept, &f->e), ERR_OK);
    assert_true(str_is(kept.status, "present"));
    assert_int_equal(roster_add(cx, course, student, 300, &added, &f->e), ERR_CONFLICT);
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
    cx = tx_begin(f);
    int64_t version;
    s.version = 0;
    s.name = STR("Ada");
    s.status = STR("active");
    assert_int_not_equal(student_update(cx, &s, &version, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    assert_int_equal(erasure_student(&env, f->a, student, STR("local"), &again, &f->e), ERR_OK);
    assert_string_equal(again.id, made.id);
    keystore_close(env.keystore);
}

static void erasures_cut_short_are_finished_once(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent), *done;
    struct erasure *receipts;
    struct key_end end;
    struct seal_key key;
    struct student s;
    int n = -1;
    usec_t later = time_utc() + USEC_PER_MIN;
    assert_int_equal(erasure_finish(&env, f->a, later, 9, &done, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0); /* all keys are there */
    assert_int_equal(keystore_destroy(env.keystore, student, KEY_FACE, &end, &f->e), ERR_OK);
    assert_int_equal(erasure_finish(&env, f->a, end.destroyed_at - 1, 9, &done, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0); /* the request may still be at it */
    assert_int_equal(erasure_finish(&env, f->a, later, 9, &done, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(done[0].text, student.text);
    assert_int_equal(templates_now(f, student), 0);
    assert_int_equal(erasure_finish(&env, f->a, later, 9, &done, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    struct db_cx *cx = tx_begin(f); /* enrolled anew: the old end is no reason to erase again */
    make_consent(f, cx, student, CONSENT_RECOGNITION);
    tx_commit(f);
    assert_int_equal(keystore_make(env.keystore, student, KEY_FACE, &key, &f->e), ERR_OK);
    cx = tx_begin(f);
    assert_int_equal(template_try(f, cx, student), ERR_OK);
    tx_commit(f);
    assert_int_equal(erasure_finish(&env, f->a, later, 9, &done, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(templates_now(f, student), 1);
    assert_int_equal(keystore_destroy(env.keystore, student, KEY_RECORD, &end, &f->e), ERR_OK);
    assert_int_equal(erasure_finish(&env, f->a, later, 9, &done, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    cx = read_begin(f);
    assert_int_equal(student_get(cx, f->a, student, &s, &f->e), ERR_NOT_FOUND);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    cx = read_begin(f);
    assert_int_equal(erasure_list(cx, f->a, student, "", 9, &receipts, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_true(str_is(receipts[0].scope, "student") && str_is(receipts[1].scope, "face"));
    assert_signed(&receipts[0]);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    keystore_close(env.keystore);
}

static void scores_of_presence_go_with_the_face_and_the_minutes_stay(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent);
    struct presence_row *rows;
    struct erasure made;
    int n = 0;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C1");
    struct session_id session = make_session(f, cx, course, SESSION_ACTIVE);
    assert_int_equal(presence_add(cx, session, student, 3, 0.75, &f->e), ERR_OK);
    tx_commit(f);
    assert_int_equal(erasure_withdraw(&env, f->a, student, consent, "consent_withdrawn",
                                      STR("local"), &made, &f->e),
                     ERR_OK);
    cx = read_begin(f);
    assert_int_equal(presence_list(cx, f->a, session, student, &rows, &n, &f->e), ERR_OK);
    assert_true(n == 1 && rows[0].minute == 3 && rows[0].sightings == 1);
    assert_true(rows[0].best_score <= 0);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    keystore_close(env.keystore);
}

static int kept_now(struct fixture *f, struct student_id student)
{
    struct kept_photo *list;
    int n = -1;
    struct db_cx *cx = read_begin(f);
    assert_int_equal(kept_photo_list(cx, f->a, student, "", 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(hold_end(f, ERR_OK), ERR_OK);
    return n;
}

static struct kept_photo photo_add(struct fixture *f, struct student_id student)
{
    struct kept_photo p = {.sealed = STR("x"), .created_at = time_utc()};
    p.kept_until = p.created_at + USEC_PER_DAY;
    id_new(p.id);
    id_new(p.job);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(kept_photo_add(cx, student, &p, &f->e), ERR_OK);
    tx_commit(f);
    return p;
}

static void photos_are_kept_with_consent_and_go_with_it_the_face_or_time(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent);
    struct erasure made = {.id = ""};
    struct kept_photo got;
    int64_t removed = -1;
    photo_add(f, student);
    assert_int_equal(kept_now(f, student), 0); /* no consent to photos */
    struct db_cx *cx = tx_begin(f);
    struct consent agreed = make_consent(f, cx, student, CONSENT_PHOTOS);
    tx_commit(f);
    struct kept_photo p = photo_add(f, student);
    cx = tx_begin(f);
    assert_int_equal(kept_photo_get(cx, f->a, student, p.id, &got, &f->e), ERR_OK);
    assert_true(str_is(got.sealed, "x") && strcmp(got.job, p.job) == 0);
    assert_int_equal(kept_photo_purge(cx, p.kept_until - 1, 9, &removed, &f->e), ERR_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(kept_photo_purge(cx, p.kept_until, 9, &removed, &f->e), ERR_OK);
    assert_int_equal(removed, 1);
    tx_commit(f);
    photo_add(f, student);
    assert_int_equal(erasure_withdraw(&env, f->a, student, agreed.id, "consent_withdrawn",
                                      STR("local"), &made, &f->e),
                     ERR_OK);
    assert_int_equal(kept_now(f, student), 0);
    assert_int_equal(templates_now(f, student), 1);
    cx = tx_begin(f);
    make_consent(f, cx, student, CONSENT_PHOTOS);
    tx_commit(f);
    photo_add(f, student);
    assert_int_equal(erasure_withdraw(&env, f->a, student, consent, "consent_withdrawn",
                                      STR("local"), &made, &f->e),
                     ERR_OK);
    assert_true(says(&made, "kept photos removed: 1"));
    assert_int_equal(kept_now(f, student), 0);
    keystore_close(env.keystore);
}

static void expiry_withdraws_what_is_due_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct erasure_env env = erasure_begin(f);
    char consent[ID_TEXT];
    struct student_id student = enrolled(f, &env, consent), *gone;
    struct consent later = {.student = student,
                            .text_version = STR("v"),
                            .recorded_by = STR("local"),
                            .given_at = time_utc() - 1,
                            .expires_at = time_utc() + USEC_PER_MIN,
                            .live = true};
    int n = -1;
    id_new(later.id);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(consent_insert(cx, &later, &f->e), ERR_OK); /* the template is its own now */
    tx_commit(f);
    assert_int_equal(erasure_expire(&env, f->a, time_utc(), 9, &gone, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(templates_now(f, student), 1);
    assert_int_equal(erasure_expire(&env, f->a, later.expires_at, 9, &gone, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(gone[0].text, student.text);
    assert_int_equal(templates_now(f, student), 0);
    assert_int_equal(erasure_expire(&env, f->a, later.expires_at, 9, &gone, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    keystore_close(env.keystore);
}

static void a_reason_is_sealed_in_the_payload_and_opens_with_its_key_alone(void **state)
{
    struct fixture *f = *state;
    const struct seal_key key = {{4}}, other = {{5}};
    const struct mark m = {.status = STR("excused"), .source = STR("manual")};
    const struct mark_entry entry = {
        .what = MARK_EVENT_EXCUSE, .reason = STR("\"ill\""), .reason_key = &key};
    const struct mark_entry plain = {.what = MARK_EVENT_EXCUSE, .reason = STR("\"ill\"")};
    struct str sealed, open, bare, cut;
    bool same = false;
    assert_int_equal(mark_payload(f->a, &m, &entry, &sealed, &f->e), ERR_OK);
    assert_int_equal(mark_payload(f->a, &m, &plain, &bare, &f->e), ERR_OK);
    assert_null(memmem(sealed.p, sealed.n, "ill", 3));
    assert_int_equal(mark_payload_open(f->a, &key, sealed, &open, &f->e), ERR_OK);
    assert_true(str_eq(open, bare));
    assert_int_equal(mark_payload_open(f->a, &key, bare, &open, &f->e), ERR_OK);
    assert_true(str_eq(open, bare));
    const struct seal_key *const wrong[] = {&other, NULL};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(mark_payload_open(f->a, wrong[i], sealed, &open, &f->e), ERR_OK);
        assert_non_null(memmem(open.p, open.n, "\"reason\":null", 13));
        assert_int_equal(mark_matches(f->a, &m, sealed, &same, &f->e), ERR_OK);
        assert_true(same); /* the projection needs no key */
    }
    for (cut = sealed; cut.n > 0; cut.n--) /* never past the end */
        assert_int_equal(mark_payload_open(f->a, &key, cut, &open, &f->e), ERR_OK);
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
        TEST(withdrawing_destroys_the_face_key_and_gives_a_signed_receipt),
        TEST(an_erasure_cut_short_after_the_key_is_finished_by_asking_again),
        TEST(a_request_that_fails_destroys_no_key),
        TEST(a_student_without_marks_goes_whole),
        TEST(a_student_with_marks_stays_without_a_name),
        TEST(a_reason_is_sealed_in_the_payload_and_opens_with_its_key_alone),
        TEST(erasures_cut_short_are_finished_once),
        TEST(scores_of_presence_go_with_the_face_and_the_minutes_stay),
        TEST(photos_are_kept_with_consent_and_go_with_it_the_face_or_time),
        TEST(expiry_withdraws_what_is_due_and_nothing_else),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
