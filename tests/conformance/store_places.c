/* Conformance of the store: the institution, sites, rooms, terms and holidays. */
#include "store/place.h"

#include "store_suite.h"

static struct place make_place(struct fixture *f, struct db_cx *cx, enum place_kind kind,
                               const char *site, const char *name)
{
    struct place p = {.name = str_from(name),
                      .tz = STR("Europe/Berlin"),
                      .capacity = 20,
                      .first_day = 20700,
                      .last_day = 20710};
    id_new(p.id);
    if (site)
        memcpy(p.site, site, ID_TEXT);
    if (place_insert(cx, kind, &p, &f->e))
        fail_msg("%s", f->e.msg);
    return p;
}

static void the_institution_is_one_row_that_changes(void **state)
{
    struct fixture *f = *state;
    struct institution got = {0};
    int64_t version = 0;
    struct db_cx *cx = tx_begin(f);
    assert_int_equal(institution_get(cx, f->a, &got, &f->e), ERR_OK);
    assert_true(got.name.n == 0 && str_is(got.locale, "en") && got.version == 1);
    got.name = STR("\xc3\x89"
                   "cole");
    got.locale = STR("fr-CH");
    assert_int_equal(institution_update(cx, &got, &version, &f->e), ERR_OK);
    assert_int_equal(version, 2);
    assert_int_equal(institution_update(cx, &got, &version, &f->e), ERR_PRECONDITION);
    assert_int_equal(institution_get(cx, f->a, &got, &f->e), ERR_OK);
    assert_true(str_is(got.name, "\xc3\x89"
                                 "cole"));
    tx_commit(f);
}

static void each_kind_comes_back_as_written(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct place site = make_place(f, cx, PLACE_SITE, NULL, "Main");
    for (int k = 0; k < PLACE_KIND_N; k++) {
        enum place_kind kind = (enum place_kind)k;
        struct place got, *list, p = make_place(f, cx, kind, k ? site.id : NULL, "A name");
        int n;
        assert_int_equal(place_get(cx, f->a, kind, p.id, &got, &f->e), ERR_OK);
        assert_true(str_is(got.name, "A name") && got.version == 1 && got.created_at > 0);
        assert_string_equal(got.site, k ? site.id : "");
        assert_true(str_is(got.tz, kind == PLACE_SITE ? "Europe/Berlin" : ""));
        assert_int_equal(got.capacity, kind == PLACE_ROOM ? 20 : 0);
        assert_int_equal(got.last_day, kind >= PLACE_TERM ? 20710 : 0);
        assert_int_equal(place_list(cx, f->a, kind, k ? site.id : "", "", 9, &list, &n, &f->e),
                         ERR_OK);
        assert_int_equal(n, k ? 1 : 2);
        assert_int_equal(place_list(cx, f->a, kind, "", p.id, 9, &list, &n, &f->e), ERR_OK);
        assert_int_equal(n, 0);
        int64_t version = 0;
        got.name = STR("Another");
        assert_int_equal(place_update(cx, kind, &got, &version, &f->e), ERR_OK);
        assert_int_equal(version, 2);
        assert_int_equal(place_update(cx, kind, &got, &version, &f->e), ERR_PRECONDITION);
        assert_int_equal(place_delete(cx, kind, p.id, &f->e), ERR_OK);
        assert_int_equal(place_delete(cx, kind, p.id, &f->e), ERR_NOT_FOUND);
        assert_int_equal(place_update(cx, kind, &got, &version, &f->e), ERR_NOT_FOUND);
    }
    tx_commit(f);
}

static void a_name_is_given_once_within_a_site(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct place one = make_place(f, cx, PLACE_SITE, NULL, "One"),
                 two = make_place(f, cx, PLACE_SITE, NULL, "Two");
    for (int k = PLACE_ROOM; k < PLACE_KIND_N; k++) {
        make_place(f, cx, (enum place_kind)k, one.id, "Same");
        make_place(f, cx, (enum place_kind)k, two.id, "Same");
    }
    tx_commit(f);
    for (int k = 0; k < PLACE_KIND_N; k++) {
        struct place p = {.tz = STR("UTC"), .first_day = 20700, .last_day = 20710};
        id_new(p.id);
        p.name = k ? STR("Same") : STR("One");
        memcpy(p.site, k ? one.id : "", k ? ID_TEXT : 1);
        assert_int_equal(place_insert(tx_begin(f), (enum place_kind)k, &p, &f->e), ERR_CONFLICT);
        assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
    }
}

static void what_is_wrong_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct place site = make_place(f, cx, PLACE_SITE, NULL, "Main");
    make_place(f, cx, PLACE_ROOM, site.id, "R1");
    tx_commit(f);
    struct place p = {.name = STR("x"), .first_day = 5, .last_day = 4};
    id_new(p.id);
    memcpy(p.site, site.id, ID_TEXT);
    assert_int_equal(place_insert(tx_begin(f), PLACE_TERM, &p, &f->e), ERR_INVALID);
    assert_int_equal(hold_end(f, ERR_INVALID), ERR_INVALID);
    id_new(p.site);
    assert_int_equal(place_insert(tx_begin(f), PLACE_ROOM, &p, &f->e), ERR_NOT_FOUND);
    assert_int_equal(hold_end(f, ERR_NOT_FOUND), ERR_NOT_FOUND);
    assert_int_equal(place_delete(tx_begin(f), PLACE_SITE, site.id, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "rooms"));
    assert_int_equal(hold_end(f, ERR_CONFLICT), ERR_CONFLICT);
}

static void holidays_of_a_site_touch_a_range(void **state)
{
    static const struct {
        int64_t first, last;
        int n;
    } rows[] = {{20699, 20699, 0}, {20699, 20700, 1}, {20705, 20705, 1},
                {20710, 20800, 1}, {20711, 20800, 0}, {0, 84005, 1}};
    struct fixture *f = *state;
    struct db_cx *cx = tx_begin(f);
    struct place site = make_place(f, cx, PLACE_SITE, NULL, "Main"),
                 other = make_place(f, cx, PLACE_SITE, NULL, "Other");
    make_place(f, cx, PLACE_HOLIDAY, site.id, "Break");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct day_range *days, range = {rows[i].first, rows[i].last};
        int n;
        assert_int_equal(holiday_days(cx, f->a, site.id, range, &days, &n, &f->e), ERR_OK);
        assert_int_equal(n, rows[i].n);
        assert_int_equal(holiday_days(cx, f->a, other.id, range, &days, &n, &f->e), ERR_OK);
        assert_int_equal(n, 0);
    }
    tx_commit(f);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_institution_is_one_row_that_changes), TEST(each_kind_comes_back_as_written),
        TEST(a_name_is_given_once_within_a_site),      TEST(what_is_wrong_is_refused),
        TEST(holidays_of_a_site_touch_a_range),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
