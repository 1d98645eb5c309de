/* Conformance of the store, part three: courses, rosters, sessions, cameras, users, jobs. */
#include "store_suite.h"

#include <stdio.h>

static void courses_are_unique_by_code_and_term(void **state)
{
    struct fixture *f = *state;
    struct course c = {.code = STR("DB"),
                       .title = STR("D\xc3\xa9j\xc3\xa0 vu"),
                       .term = STR("2026W"),
                       .confirmations = 3,
                       .late_after_min = 10},
                  got;
    id_new(c.id.text);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(course_insert(cx, &c, &f->e), ERR_OK);
    assert_int_equal(course_get(cx, f->a, c.id, &got, &f->e), ERR_OK);
    assert_true(str_eq(got.title, c.title) && str_is(got.term, "2026W"));
    assert_int_equal(got.confirmations, 3);
    assert_int_equal(got.late_after_min, 10);
    int64_t version = 0;
    c.version = 1;
    c.title = STR("New");
    assert_int_equal(course_update(cx, &c, &version, &f->e), ERR_OK);
    assert_int_equal(version, 2);
    assert_int_equal(course_update(cx, &c, &version, &f->e), ERR_PRECONDITION);
    id_new(c.id.text);
    c.term = STR("2027S");
    assert_int_equal(course_insert(cx, &c, &f->e), ERR_OK);
    struct course *list;
    int n;
    assert_int_equal(course_list(cx, f->a, NULL, got.id, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id.text, c.id.text);
    tx_commit(f);
    cx = tx_begin(f);
    id_new(c.id.text);
    assert_int_equal(course_insert(cx, &c, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "code, term"));
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
}

static void a_roster_says_who_was_enrolled_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C");
    struct student_id ben = make_student(f, cx, "2", "Ben"), ada = make_student(f, cx, "1", "Ada");
    bool added = false;
    assert_int_equal(roster_add(cx, course, ben, 100, &added, &f->e), ERR_OK);
    assert_true(added);
    assert_int_equal(roster_add(cx, course, ada, 200, &added, &f->e), ERR_OK);
    assert_int_equal(roster_add(cx, course, ada, 250, &added, &f->e), ERR_OK);
    assert_false(added);
    assert_int_equal(roster_remove(cx, course, ben, 300, &f->e), ERR_OK);
    assert_int_equal(roster_remove(cx, course, ben, 310, &f->e), ERR_NOT_FOUND);
    assert_int_equal(roster_add(cx, course, ben, 400, &added, &f->e), ERR_OK);
    static const struct {
        usec_t at;
        const char *names;
    } rows[] = {{99, ""}, {100, "Ben"}, {200, "AdaBen"}, {300, "Ada"}, {400, "AdaBen"}};
    struct student_id *ids;
    int64_t version = 0;
    int n, ids_n;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct roster_row *list;
        char text[32] = "";
        assert_int_equal(
            roster_list(cx, f->a, course, rows[i].at, STR("e"), STR("p"), &list, &n, &f->e),
            ERR_OK);
        for (int k = 0; k < n; k++)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%.*s",
                     STR_ARGS(list[k].name));
        assert_string_equal(text, rows[i].names);
        assert_int_equal(roster_ids(cx, f->a, course, rows[i].at, &ids, &ids_n, &version, &f->e),
                         ERR_OK);
        assert_int_equal(ids_n, n);
    }
    assert_true(strcmp(ids[0].text, ids[1].text) < 0);
    assert_int_equal(version, 5); /* 1 when made, four changes */
    tx_commit(f);
}

static void enrolling_nobody_or_nowhere_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct course_id course = make_course(f, cx, "C"), no_course;
    struct student_id student = make_student(f, cx, "1", "Ada"), no_student;
    tx_commit(f);
    id_new(no_course.text);
    id_new(no_student.text);
    bool added;
    assert_int_equal(roster_add(tx_begin(f), course, no_student, 1, &added, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
    assert_int_equal(roster_add(tx_begin(f), no_course, student, 1, &added, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
    struct student_id *ids;
    int64_t version;
    int n;
    cx = read_begin(f);
    assert_int_equal(roster_ids(cx, f->a, no_course, 1, &ids, &n, &version, &f->e), ERR_NOT_FOUND);
    assert_int_equal(roster_ids(cx, f->a, course, 1, &ids, &n, &version, &f->e), ERR_OK);
    assert_int_equal(n, 0);
}

static void cameras_have_unique_names(void **state)
{
    struct fixture *f = *state;
    struct camera c = {.name = STR("Aula \"1\""), .room = STR("R'1")}, got, *list;
    const struct list_page page = {.sort = "name", .limit = 9};
    int n;
    id_new(c.id.text);
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(camera_insert(cx, &c, &f->e), ERR_OK);
    assert_int_equal(camera_get(cx, f->a, c.id, &got, &f->e), ERR_OK);
    assert_true(str_eq(got.name, c.name) && str_eq(got.room, c.room));
    assert_int_equal(camera_seen(cx, c.id, 100, 40, &f->e), ERR_OK);
    assert_int_equal(camera_seen(cx, c.id, 120, 60, &f->e), ERR_OK);
    assert_int_equal(camera_list(cx, f->a, STR(""), "", &page, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].last_seen, 100);
    c.version = 1;
    c.room = STR("");
    assert_int_equal(camera_update(cx, &c, &list[0].version, &f->e), ERR_OK);
    assert_int_equal(list[0].version, 2);
    assert_int_equal(camera_update(cx, &c, &list[0].version, &f->e), ERR_PRECONDITION);
    tx_commit(f);
    cx = tx_begin(f);
    id_new(c.room_id);
    assert_int_equal(camera_update(cx, &c, &list[0].version, &f->e), ERR_NOT_FOUND); /* the room */
    hold_end(f, ERR_NOT_FOUND);
    c.room_id[0] = 0;
    cx = tx_begin(f);
    id_new(c.id.text);
    assert_int_equal(camera_insert(cx, &c, &f->e), ERR_CONFLICT);
    hold_end(f, ERR_CONFLICT);
    cx = tx_begin(f);
    assert_int_equal(camera_delete(cx, got.id, &f->e), ERR_OK);
    assert_int_equal(camera_delete(cx, got.id, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

static struct user user_make(struct fixture *f, struct db_cx *cx, const char *login)
{
    struct user u = {.login = str_from(login), .name = STR("Admin"), .role = STR("admin")};
    id_new(u.id);
    assert_int_equal(user_insert(cx, &u, &f->e), ERR_OK);
    return u;
}

static void users_are_found_by_login_and_id(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct user u = user_make(f, cx, "root"), got, *list;
    int64_t count = 0;
    int n;
    user_make(f, cx, "bob");
    assert_int_equal(user_set_password(cx, u.id, STR("$argon2id$x"), &f->e), ERR_OK);
    assert_int_equal(user_set_password(cx, "none", STR("x"), &f->e), ERR_NOT_FOUND);
    assert_int_equal(user_by_login(cx, f->a, STR("root"), &got, &f->e), ERR_OK);
    assert_string_equal(got.id, u.id);
    assert_true(str_is(got.password_hash, "$argon2id$x") && str_is(got.role, "admin"));
    assert_int_equal(user_by_login(cx, f->a, STR("nobody"), &got, &f->e), ERR_NOT_FOUND);
    assert_int_equal(user_get(cx, f->a, u.id, &got, &f->e), ERR_OK);
    assert_int_equal(
        user_list(cx, f->a, &(struct user_filter){.disabled = -1}, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(user_count(cx, &count, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(count, 2);
    assert_true(str_is(list[0].login, "root"));
    id_new(u.id);
    assert_int_equal(user_insert(cx, &u, &f->e), ERR_CONFLICT);
    hold_end(f, ERR_CONFLICT);
}

static void users_are_listed_through_filters(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct user u = user_make(f, cx, "Zoe"), *list;
    int64_t version;
    int n;
    user_make(f, cx, "bob");
    u.role = STR("auditor");
    u.name = STR("Zoe");
    u.disabled = true;
    assert_int_equal(user_update(cx, &u, &version, &f->e), ERR_OK);
    const struct {
        struct user_filter filter;
        int n;
    } rows[] = {
        {{.disabled = -1}, 2},
        {{.disabled = 0}, 1},
        {{.disabled = 1}, 1},
        {{.role = STR("auditor"), .disabled = -1}, 1},
        {{.role = STR("camera"), .disabled = -1}, 0},
        {{.login = STR("bob"), .disabled = -1}, 1},
        {{.login = STR("bo"), .disabled = -1}, 0},
        {{.search = STR("zO"), .disabled = -1}, 1},
        {{.search = STR("ADM"), .disabled = -1}, 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(user_list(cx, f->a, &rows[i].filter, 9, &list, &n, &f->e), ERR_OK);
        if (n != rows[i].n)
            fail_msg("row %zu: %d", i, n);
    }
    struct user_filter rest = {.disabled = -1};
    memcpy(rest.after, u.id, ID_TEXT);
    assert_int_equal(user_list(cx, f->a, &rest, 9, &list, &n, &f->e), ERR_OK);
    assert_true(n == 1 && str_is(list[0].login, "bob"));
    tx_commit(f);
}

static void the_last_admin_stays(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct user root = user_make(f, cx, "root"), bob = user_make(f, cx, "bob");
    int64_t version;
    bob.version = 7;
    assert_int_equal(user_update(cx, &bob, &version, &f->e), ERR_PRECONDITION);
    bob.version = 1;
    bob.disabled = true;
    assert_int_equal(user_update(cx, &bob, &version, &f->e), ERR_OK);
    assert_int_equal(version, 2);
    assert_int_equal(user_delete(cx, root.id, &f->e), ERR_CONFLICT);
    root.version = 0;
    root.role = STR("auditor");
    assert_int_equal(user_update(cx, &root, &version, &f->e), ERR_CONFLICT);
    root.role = STR("admin");
    root.disabled = true;
    assert_int_equal(user_update(cx, &root, &version, &f->e), ERR_CONFLICT);
    bob.version = 2;
    bob.disabled = false;
    assert_int_equal(user_update(cx, &bob, &version, &f->e), ERR_OK);
    assert_int_equal(user_delete(cx, root.id, &f->e), ERR_OK);
    assert_int_equal(user_delete(cx, root.id, &f->e), ERR_NOT_FOUND);
    assert_int_equal(user_update(cx, &root, &version, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

static void wrong_passwords_lock_for_longer_and_longer(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct user u = user_make(f, cx, "root"), got;
    static const usec_t waits[] = {0, 1, 2, 4, 8, 10, 10};
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_int_equal(user_failed(cx, u.id, 1000, 2, 10 * USEC_PER_SEC, &f->e), ERR_OK);
        assert_int_equal(user_get(cx, f->a, u.id, &got, &f->e), ERR_OK);
        assert_int_equal(got.tries, i + 1);
        assert_int_equal(got.locked_until, waits[i] ? 1000 + waits[i] * USEC_PER_SEC : 0);
    }
    assert_int_equal(user_succeeded(cx, u.id, &f->e), ERR_OK);
    assert_int_equal(user_get(cx, f->a, u.id, &got, &f->e), ERR_OK);
    assert_true(got.tries == 0 && got.locked_until == 0);
    tx_commit(f);
}

static void a_disabled_user_has_no_logins(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct user u = user_make(f, cx, "root"), who;
    struct login l = {.kind = LOGIN_TOKEN, .hash = {1, 0, 2}, .expires_at = 1000}, got;
    int64_t version;
    bool removed = true;
    user_make(f, cx, "other");
    id_new(l.id);
    memcpy(l.user, u.id, ID_TEXT);
    assert_int_equal(login_insert(cx, &l, &f->e), ERR_OK);
    u.disabled = true;
    assert_int_equal(user_update(cx, &u, &version, &f->e), ERR_OK);
    assert_int_equal(login_delete(cx, l.id, &removed, &f->e), ERR_OK);
    assert_false(removed); /* it is gone, not only refused */
    id_new(l.id);
    assert_int_equal(login_insert(cx, &l, &f->e), ERR_OK);
    assert_int_equal(login_find(cx, f->a, l.kind, l.hash, 1, &got, &who, &f->e),
                     ERR_UNAUTHENTICATED);
    tx_commit(f);
}

static void a_login_lives_until_it_expires_or_is_used(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct user u = user_make(f, cx, "root"), who;
    struct login l = {.kind = LOGIN_CODE, .hash = {1, 0, 2}, .expires_at = 1000}, got;
    uint8_t wrong[TOKEN_HASH_BYTES] = {9};
    bool removed = false;
    id_new(l.id);
    memcpy(l.user, u.id, ID_TEXT);
    assert_int_equal(login_insert(cx, &l, &f->e), ERR_OK);
    assert_int_equal(login_find(cx, f->a, LOGIN_CODE, l.hash, 999, &got, &who, &f->e), ERR_OK);
    assert_string_equal(got.id, l.id);
    assert_string_equal(got.user, u.id);
    assert_memory_equal(got.hash, l.hash, sizeof l.hash);
    assert_true(str_is(who.role, "admin"));
    static const struct {
        enum login_kind kind;
        bool wrong;
        usec_t now;
    } rows[] = {{LOGIN_CODE, false, 1000}, {LOGIN_TOKEN, false, 999}, {LOGIN_CODE, true, 999}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(login_find(cx, f->a, rows[i].kind, rows[i].wrong ? wrong : l.hash,
                                    rows[i].now, &got, &who, &f->e),
                         ERR_UNAUTHENTICATED);
    assert_int_equal(login_purge(cx, 999, &f->e), ERR_OK);
    assert_int_equal(login_delete(cx, l.id, &removed, &f->e), ERR_OK);
    assert_true(removed);
    assert_int_equal(login_delete(cx, l.id, &removed, &f->e), ERR_OK);
    assert_false(removed);
    assert_int_equal(login_insert(cx, &l, &f->e), ERR_OK);
    assert_int_equal(login_purge(cx, 1000, &f->e), ERR_OK);
    assert_int_equal(login_delete(cx, l.id, &removed, &f->e), ERR_OK);
    assert_false(removed);
    id_new(l.user);
    assert_int_equal(login_insert(cx, &l, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
}

static void job_make(struct fixture *f, struct db_cx *cx, char ret_id[static ID_TEXT])
{
    struct job j = {.kind = STR("enrol"), .subject = STR("someone")};
    const struct job_photo photos[] = {
        {.position = 0, .name = STR("a.jpg"), .sealed = STR("bytes\0more")},
        {.position = 1, .sealed = STR("x")},
    };
    id_new(j.id);
    assert_int_equal(job_insert(cx, &j, photos, ARRAY_LEN(photos), &f->e), ERR_OK);
    memcpy(ret_id, j.id, ID_TEXT);
}

static void a_job_is_claimed_once_until_its_lease_ends(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    char id[ID_TEXT], other[ID_TEXT], (*ids)[ID_TEXT];
    struct job j, *list;
    int n;
    job_make(f, cx, id);
    job_make(f, cx, other);
    assert_int_equal(job_claim(cx, id, 100, 50, &f->e), ERR_OK);
    assert_int_equal(job_claim(cx, id, 149, 50, &f->e), ERR_CONFLICT);
    assert_int_equal(job_waiting(cx, f->a, 149, 9, &ids, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(ids[0], other);
    assert_int_equal(job_waiting(cx, f->a, 150, 9, &ids, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(job_claim(cx, id, 150, 50, &f->e), ERR_OK);
    assert_int_equal(job_finish(cx, id, JOB_FAILED, STR("why"), 160, &f->e), ERR_OK);
    assert_int_equal(job_finish(cx, id, JOB_FAILED, STR("why"), 161, &f->e), ERR_OK);
    assert_int_equal(job_finish(cx, id, JOB_DONE, STR(""), 162, &f->e), ERR_CONFLICT);
    assert_int_equal(job_claim(cx, id, 900, 50, &f->e), ERR_CONFLICT);
    assert_int_equal(job_get(cx, f->a, id, &j, &f->e), ERR_OK);
    assert_int_equal(j.tries, 2);
    assert_int_equal(j.state, JOB_FAILED);
    assert_true(str_is(j.error, "why"));
    assert_int_equal(job_list(cx, f->a, JOB_QUEUED, NULL, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(job_list(cx, f->a, -1, other, 9, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, id);
    tx_commit(f);
}

static void a_running_job_renews_its_lease_while_it_has_it(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    char id[ID_TEXT];
    job_make(f, cx, id);
    assert_int_equal(job_renew(cx, id, 0, 100, 50, &f->e), ERR_CONFLICT); /* not running */
    assert_int_equal(job_claim(cx, id, 100, 50, &f->e), ERR_OK);
    assert_int_equal(job_renew(cx, id, 1, 149, 50, &f->e), ERR_OK);
    assert_int_equal(job_claim(cx, id, 198, 50, &f->e), ERR_CONFLICT);
    assert_int_equal(job_renew(cx, id, 1, 300, 50, &f->e), ERR_OK); /* late, but nobody took it */
    assert_int_equal(job_claim(cx, id, 350, 50, &f->e), ERR_OK);
    assert_int_equal(job_renew(cx, id, 1, 360, 50, &f->e), ERR_CONFLICT); /* claim 2 has it */
    assert_int_equal(job_renew(cx, id, 2, 360, 50, &f->e), ERR_OK);
    assert_int_equal(job_release_all(cx, 365, &f->e), ERR_OK);
    assert_int_equal(job_renew(cx, id, 2, 370, 50, &f->e), ERR_CONFLICT); /* given back */
    assert_int_equal(job_claim(cx, id, 370, 50, &f->e), ERR_OK);          /* at once */
    tx_commit(f);
}

static void a_judged_photo_has_no_bytes_left(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    char id[ID_TEXT];
    struct job_photo *p;
    int n;
    job_make(f, cx, id);
    assert_int_equal(job_photos(cx, f->a, id, true, &p, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(p[0].sealed.n, 10);
    assert_memory_equal(p[0].sealed.p, "bytes\0more", 10);
    struct job_photo verdict = {
        .position = 0, .verdict = STR("blurred"), .detail = STR("Hold still."), .quality = 0.25};
    assert_int_equal(job_photo_judge(cx, id, &verdict, &f->e), ERR_OK);
    assert_int_equal(job_photos(cx, f->a, id, true, &p, &n, &f->e), ERR_OK);
    assert_int_equal(p[0].sealed.n, 0);
    assert_true(str_is(p[0].verdict, "blurred") && str_is(p[0].detail, "Hold still."));
    assert_true(p[0].quality == 0.25 && str_is(p[0].name, "a.jpg"));
    assert_int_equal(p[1].sealed.n, 1);
    assert_int_equal(job_photos(cx, f->a, id, false, &p, &n, &f->e), ERR_OK);
    assert_int_equal(p[1].sealed.n, 0);
    verdict.position = 9;
    assert_int_equal(job_photo_judge(cx, id, &verdict, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

static void a_setting_put_once_stays(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct str value = {0};
    static const struct {
        const char *put, *stands;
        bool only_new;
    } rows[] = {{"a", "a", true}, {"b", "a", true}, {"c", "c", false}, {"d", "c", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(setting_put(cx, f->a, "detector", str_from(rows[i].put), rows[i].only_new,
                                     &value, &f->e),
                         ERR_OK);
        assert_true(str_is(value, rows[i].stands));
    }
    tx_commit(f);
}

static void sightings_add_up(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    const struct sighting_of of = {STR("e"), STR("p"), STR("cosine")};
    const struct sighting_of other = {STR("e"), STR("p"), STR("hub")};
    const struct sighting_count counts[] = {{STR("genuine"), 170, 3}, {STR("roster"), 110, 1}};
    struct sighting_count *got;
    int n;
    assert_int_equal(sighting_add(cx, &of, counts, 2, &f->e), ERR_OK);
    assert_int_equal(sighting_add(cx, &of, counts, 1, &f->e), ERR_OK);
    assert_int_equal(sighting_list(cx, f->a, &of, &got, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_true(str_is(got[0].what, "genuine") && got[0].bin == 170 && got[0].sightings == 6);
    assert_true(str_is(got[1].what, "roster") && got[1].bin == 110 && got[1].sightings == 1);
    assert_int_equal(sighting_list(cx, f->a, &other, &got, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(courses_are_unique_by_code_and_term),
        TEST(a_roster_says_who_was_enrolled_at_a_time),
        TEST(enrolling_nobody_or_nowhere_is_not_found),
        TEST(cameras_have_unique_names),
        TEST(users_are_found_by_login_and_id),
        TEST(users_are_listed_through_filters),
        TEST(the_last_admin_stays),
        TEST(wrong_passwords_lock_for_longer_and_longer),
        TEST(a_disabled_user_has_no_logins),
        TEST(a_login_lives_until_it_expires_or_is_used),
        TEST(a_job_is_claimed_once_until_its_lease_ends),
        TEST(a_running_job_renews_its_lease_while_it_has_it),
        TEST(a_judged_photo_has_no_bytes_left),
        TEST(a_setting_put_once_stays),
        TEST(sightings_add_up),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
