/* Conformance of the store, part six: the audit trail, kept answers, API clients. */
#include "store_suite.h"

#include "store/api_client.h"
#include "store/audit.h"
#include "store/idempotency.h"

static void write_row(struct fixture *f, struct db_cx *cx, const char *actor, const char *action,
                      const char *subject)
{
    const struct audit row = {.actor = str_from(actor),
                              .actor_kind = STR("user"),
                              .action = str_from(action),
                              .subject_kind = STR("students"),
                              .subject = str_from(subject),
                              .status = 200,
                              .detail = STR("{\"code\":\"INVALID\"}")};
    assert_int_equal(audit_insert(cx, &row, &f->e), ERR_OK);
}

static int count_rows(struct fixture *f, struct db_cx *cx, const struct audit_filter *filter)
{
    struct audit *rows;
    int n;
    assert_int_equal(audit_list(cx, f->a, filter, &rows, &n, &f->e), ERR_OK);
    for (int i = 1; i < n; i++)
        assert_true(strcmp(rows[i - 1].id, rows[i].id) > 0);
    return n;
}

static void the_audit_trail_is_read_newest_first_through_filters(void **state)
{
    struct fixture *f = *state;
    usec_t now = time_utc();
    struct db_cx *cx = tx_begin(f);
    write_row(f, cx, "ann", "createStudent", "s1");
    write_row(f, cx, "bob", "createStudent", "s2");
    write_row(f, cx, "ann", "deleteStudent", "s1");
    const struct {
        struct audit_filter filter;
        int n;
    } rows[] = {
        {{.limit = 9}, 3},
        {{.limit = 2}, 2},
        {{.limit = 9, .actor = STR("ann")}, 2},
        {{.limit = 9, .action = STR("createStudent")}, 2},
        {{.limit = 9, .subject = STR("s1"), .actor = STR("ann")}, 2},
        {{.limit = 9, .subject = STR("s2"), .actor = STR("ann")}, 0},
        {{.limit = 9, .from = now - USEC_PER_SEC}, 3},
        {{.limit = 9, .from = now + USEC_PER_HOUR}, 0},
        {{.limit = 9, .to = now + USEC_PER_HOUR}, 3},
        {{.limit = 9, .to = now - USEC_PER_SEC}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(count_rows(f, cx, &rows[i].filter), rows[i].n);
    struct audit_filter page = {.limit = 1};
    struct audit *got;
    int n;
    assert_int_equal(audit_list(cx, f->a, &page, &got, &n, &f->e), ERR_OK);
    assert_true(str_is(got[0].action, "deleteStudent") && str_is(got[0].subject, "s1"));
    assert_int_equal(got[0].status, 200);
    assert_true(got[0].at >= now);
    memcpy(page.before, got[0].id, sizeof page.before);
    page.limit = 9;
    assert_int_equal(count_rows(f, cx, &page), 2);
    page.to = now + USEC_PER_HOUR; /* the nearer of the two bounds counts */
    assert_int_equal(count_rows(f, cx, &page), 2);
    tx_commit(f);
}

static void the_audit_trail_loses_what_is_too_old(void **state)
{
    struct fixture *f = *state;
    const struct audit_filter all = {.limit = 9};
    int64_t removed = 0;
    struct db_cx *cx = tx_begin(f);
    write_row(f, cx, "ann", "createStudent", "s1");
    assert_int_equal(audit_purge(cx, time_utc() - USEC_PER_DAY, &removed, &f->e), ERR_OK);
    assert_int_equal(removed, 0);
    assert_int_equal(audit_purge(cx, time_utc() + USEC_PER_DAY, &removed, &f->e), ERR_OK);
    assert_int_equal(removed, 1);
    assert_int_equal(count_rows(f, cx, &all), 0);
    tx_commit(f);
}

static void an_audit_row_is_checked_by_the_database(void **state)
{
    struct fixture *f = *state;
    const struct audit rows[] = {
        {.actor_kind = STR("nonsense"), .action = STR("a")},
        {.actor_kind = STR("user"), .action = STR("a"), .detail = STR("{")},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(audit_insert(tx_begin(f), &rows[i], &f->e), ERR_INVALID);
        hold_end(f, ERR_INVALID);
    }
}

static struct idempotency key_of(const char *principal, const char *name, usec_t at)
{
    return (struct idempotency){
        .principal = str_from(principal), .name = str_from(name), .request = {7}, .claimed_at = at};
}

static bool claims(struct fixture *f, struct db_cx *cx, const struct idempotency *row,
                   struct idempotency *ret_stored)
{
    bool claimed = false;
    assert_int_equal(idempotency_claim(cx, f->a, row, ret_stored, &claimed, &f->e), ERR_OK);
    return claimed;
}

static void a_key_is_claimed_once_and_tells_its_answer(void **state)
{
    struct fixture *f = *state;
    usec_t now = 10 * USEC_PER_DAY;
    struct db_cx *cx = tx_begin(f);
    struct idempotency stored, first = key_of("ann", "k", now), again = key_of("ann", "k", now + 5);
    assert_true(claims(f, cx, &first, &stored));
    assert_false(claims(f, cx, &again, &stored));
    assert_int_equal(stored.status, 0);
    assert_int_equal(stored.request[0], 7);
    const struct idempotency others[] = {key_of("bob", "k", now), key_of("ann", "l", now)};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_true(claims(f, cx, &others[i], &stored));
    again.status = 500;
    assert_int_equal(idempotency_finish(cx, &again, &f->e), ERR_OK); /* has no claim */
    first.status = 201;
    first.answer = STR("sealed\0bytes");
    assert_int_equal(idempotency_finish(cx, &first, &f->e), ERR_OK);
    assert_int_equal(idempotency_release(cx, &first, &f->e), ERR_OK); /* done is done */
    assert_false(claims(f, cx, &again, &stored));
    assert_int_equal(stored.status, 201);
    assert_true(str_eq(stored.answer, first.answer));
    tx_commit(f);
}

static void a_key_is_free_again_after_a_day_a_lost_worker_and_a_release(void **state)
{
    static const struct {
        bool finished, released, claimed;
        usec_t later;
    } rows[] = {
        {.later = IDEMPOTENCY_CLAIM - 1, .claimed = false},
        {.later = IDEMPOTENCY_CLAIM + 1, .claimed = true},
        {.finished = true, .later = IDEMPOTENCY_CLAIM + 1, .claimed = false},
        {.finished = true, .later = IDEMPOTENCY_KEPT + 1, .claimed = true},
        {.released = true, .later = 1, .claimed = true},
    };
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        usec_t now = 10 * USEC_PER_DAY;
        char name[2] = {(char)('a' + i), 0};
        struct idempotency stored, row = key_of("ann", name, now);
        assert_true(claims(f, cx, &row, &stored));
        row.status = 201;
        if (rows[i].finished)
            assert_int_equal(idempotency_finish(cx, &row, &f->e), ERR_OK);
        if (rows[i].released)
            assert_int_equal(idempotency_release(cx, &row, &f->e), ERR_OK);
        row.claimed_at = now + rows[i].later;
        assert_int_equal(claims(f, cx, &row, &stored), rows[i].claimed);
    }
    int64_t removed = 0;
    assert_int_equal(idempotency_purge(cx, 20 * USEC_PER_DAY, &removed, &f->e), ERR_OK);
    assert_int_equal(removed, ARRAY_LEN(rows));
    tx_commit(f);
}

static struct api_client client_of(const char *name, const char *kind, uint8_t key)
{
    struct api_client c = {.name = str_from(name),
                           .kind = str_from(kind),
                           .scopes = STR("self frame.post"),
                           .key_hash = {key},
                           .prefix = STR("rck_abcd"),
                           .created_by = STR("local")};
    id_new(c.id);
    return c;
}

static struct camera_id make_camera(struct fixture *f, struct db_cx *cx, const char *name)
{
    struct camera c = {.name = str_from(name)};
    id_new(c.id.text);
    assert_int_equal(camera_insert(cx, &c, &f->e), ERR_OK);
    return c.id;
}

static void a_key_is_good_until_it_expires_is_changed_or_revoked(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct api_client got, c = client_of("p", "service", 1);
    const uint8_t other[TOKEN_HASH_BYTES] = {9};
    int64_t version = 0;
    c.expires_at = 100;
    assert_int_equal(api_client_insert(cx, &c, &f->e), ERR_OK);
    assert_int_equal(api_client_by_key(cx, f->a, c.key_hash, 99, &got, &f->e), ERR_OK);
    assert_string_equal(got.id, c.id);
    assert_true(str_is(got.scopes, "self frame.post") && str_is(got.prefix, "rck_abcd"));
    assert_int_equal(api_client_by_key(cx, f->a, c.key_hash, 100, &got, &f->e),
                     ERR_UNAUTHENTICATED);
    assert_int_equal(api_client_by_key(cx, f->a, other, 99, &got, &f->e), ERR_UNAUTHENTICATED);
    c.expires_at = 0;
    c.version = 1;
    assert_int_equal(api_client_update(cx, &c, &version, &f->e), ERR_OK);
    assert_int_equal(version, 2);
    assert_int_equal(api_client_update(cx, &c, &version, &f->e), ERR_PRECONDITION);
    memcpy(c.key_hash, other, sizeof other);
    assert_int_equal(api_client_rotate(cx, &c, &version, &f->e), ERR_OK);
    assert_int_equal(api_client_by_key(cx, f->a, other, 1000, &got, &f->e), ERR_OK);
    assert_int_equal(api_client_revoke(cx, c.id, 7, &f->e), ERR_OK);
    assert_int_equal(api_client_revoke(cx, c.id, 8, &f->e), ERR_OK);
    assert_int_equal(api_client_by_key(cx, f->a, other, 1000, &got, &f->e), ERR_UNAUTHENTICATED);
    assert_int_equal(api_client_get(cx, f->a, c.id, &got, &f->e), ERR_OK);
    assert_int_equal(got.revoked_at, 7);
    assert_int_equal(api_client_rotate(cx, &c, &version, &f->e), ERR_NOT_FOUND);
    assert_int_equal(api_client_update(cx, &c, &version, &f->e), ERR_NOT_FOUND);
    struct api_client same_name = client_of("p", "kiosk", 2), *list;
    assert_int_equal(api_client_insert(cx, &same_name, &f->e), ERR_OK);
    struct api_client_filter filter = {.limit = 9};
    int n;
    assert_int_equal(api_client_list(cx, f->a, &filter, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 1);
    filter.revoked = true;
    assert_int_equal(api_client_list(cx, f->a, &filter, &list, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    tx_commit(f);
    struct api_client third = client_of("p", "service", 3);
    assert_int_equal(api_client_insert(tx_begin(f), &third, &f->e), ERR_CONFLICT);
    hold_end(f, ERR_CONFLICT);
}

static void a_key_of_a_camera_has_one(void **state)
{
    struct fixture *f = *state;
    struct api_client c = client_of("c", "camera", 1);
    assert_int_equal(api_client_insert(tx_begin(f), &c, &f->e), ERR_INVALID);
    hold_end(f, ERR_INVALID);
    id_new(c.camera.text);
    assert_int_equal(api_client_insert(tx_begin(f), &c, &f->e), ERR_NOT_FOUND);
    hold_end(f, ERR_NOT_FOUND);
    struct db_cx *cx = tx_begin(f);
    c.camera = make_camera(f, cx, "door");
    assert_int_equal(api_client_insert(cx, &c, &f->e), ERR_OK);
    tx_commit(f);
    assert_int_equal(camera_delete(tx_begin(f), c.camera, &f->e), ERR_CONFLICT);
    hold_end(f, ERR_CONFLICT);
    cx = tx_begin(f);
    assert_int_equal(api_client_revoke(cx, c.id, 7, &f->e), ERR_OK);
    assert_int_equal(camera_delete(cx, c.camera, &f->e), ERR_OK);
    tx_commit(f);
}

static void a_client_is_seen_once_a_while(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct api_client got, c = client_of("p", "service", 1);
    assert_int_equal(api_client_insert(cx, &c, &f->e), ERR_OK);
    static const struct {
        usec_t at, unless_after, seen;
    } rows[] = {{100, 40, 100}, {150, 90, 100}, {170, 110, 170}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(api_client_seen(cx, c.id, rows[i].at, rows[i].unless_after, &f->e),
                         ERR_OK);
        assert_int_equal(api_client_get(cx, f->a, c.id, &got, &f->e), ERR_OK);
        assert_int_equal(got.last_seen, rows[i].seen);
    }
    tx_commit(f);
}

static void a_session_knows_its_cameras(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct session_id session = make_session(f, cx, make_course(f, cx, "C"), SESSION_SCHEDULED);
    struct camera_id a = make_camera(f, cx, "a"), b = make_camera(f, cx, "b"), none = {""}, *ids;
    int64_t first = 0, version = 0;
    int n;
    assert_int_equal(session_camera_add(cx, session, a, &first, &f->e), ERR_OK);
    assert_int_equal(session_camera_add(cx, session, b, &version, &f->e), ERR_OK);
    assert_int_equal(version, first + 1);
    assert_int_equal(session_camera_add(cx, session, b, &version, &f->e), ERR_OK);
    assert_int_equal(session_camera_list(cx, f->a, session, &ids, &n, &f->e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(session_camera_remove(cx, session, a, &version, &f->e), ERR_OK);
    assert_int_equal(session_camera_remove(cx, session, a, &version, &f->e), ERR_NOT_FOUND);
    id_new(none.text);
    assert_int_equal(session_camera_add(cx, session, none, &version, &f->e), ERR_NOT_FOUND);
    assert_int_equal(session_delete(cx, session, &f->e), ERR_OK);
    assert_int_equal(session_camera_list(cx, f->a, session, &ids, &n, &f->e), ERR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(session_camera_add(cx, session, b, &version, &f->e), ERR_NOT_FOUND);
    tx_commit(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_audit_trail_is_read_newest_first_through_filters),
        TEST(the_audit_trail_loses_what_is_too_old),
        TEST(an_audit_row_is_checked_by_the_database),
        TEST(a_key_is_claimed_once_and_tells_its_answer),
        TEST(a_key_is_free_again_after_a_day_a_lost_worker_and_a_release),
        TEST(a_key_is_good_until_it_expires_is_changed_or_revoked),
        TEST(a_key_of_a_camera_has_one),
        TEST(a_client_is_seen_once_a_while),
        TEST(a_session_knows_its_cameras),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
