/* Unit tests of router.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/router.h"

static const struct route_pattern table[] = {
    {HTTP_GET, "/"},
    {HTTP_GET, "/v1/students"},
    {HTTP_POST, "/v1/students"},
    {HTTP_GET, "/v1/students/{id}"},
    {HTTP_DELETE, "/v1/students/{id}"},
    {HTTP_GET, "/v1/students/export"},
    {HTTP_POST, "/v1/students/{id}/photos"},
    {HTTP_GET, "/v1/sessions/{session}/cameras/{camera}/preview"},
    {HTTP_GET, "/assets/{file*}"},
};

static struct router *router;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 * MIB);
    return router_new(table, ARRAY_LEN(table), &router, NULL) || !arena;
}

static int tear_down(void **state)
{
    (void)state;
    router_free(router);
    arena_free(arena);
    return 0;
}

static const struct {
    enum http_method method;
    const char *path;
    enum err want;
    int route;
    const char *params[2];
} cases[] = {
    {HTTP_GET, "/", ERR_OK, 0, {0}},
    {HTTP_GET, "/v1/students", ERR_OK, 1, {0}},
    {HTTP_POST, "/v1/students", ERR_OK, 2, {0}},
    {HTTP_GET, "/v1/students/42", ERR_OK, 3, {"42"}},
    {HTTP_DELETE, "/v1/students/a%20b%25", ERR_OK, 4, {"a b%"}},
    {HTTP_GET, "/v1/students/export", ERR_OK, 5, {0}},
    {HTTP_DELETE, "/v1/students/export", ERR_OK, 4, {"export"}},
    {HTTP_POST, "/v1/students/export/photos", ERR_OK, 6, {"export"}},
    {HTTP_GET, "/v1/sessions/s/cameras/c/preview", ERR_OK, 7, {"s", "c"}},
    {HTTP_GET, "/assets/css/a.css", ERR_OK, 8, {"css/a.css"}},
    {HTTP_GET, "/assets/", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/assets", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/v1", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/v1/students/", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/v1/students/42/", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/V1/students", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/v1/student", ERR_NOT_FOUND, 0, {0}},
    {HTTP_GET, "/v1/students/42/photos", ERR_METHOD, 0, {0}},
    {HTTP_PATCH, "/v1/students/42", ERR_METHOD, 0, {0}},
    {HTTP_OTHER, "/v1/students", ERR_METHOD, 0, {0}},
    {HTTP_GET, "/v1/students/%zz", ERR_INVALID, 0, {0}},
    {HTTP_GET, "/v1/students/a%00", ERR_INVALID, 0, {0}},
};

static void a_method_and_a_path_lead_to_their_route(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_match m = {.route = -1};
        enum err r =
            router_match(router, arena, cases[i].method, str_from(cases[i].path), &m, NULL);
        if (r != cases[i].want || (!r && m.route != cases[i].route))
            fail_msg("%s: error %s, route %d", cases[i].path, err_name(r), m.route);
        for (int p = 0; !r && p < 2 && cases[i].params[p]; p++)
            assert_true(str_is(m.params[p], cases[i].params[p]));
    }
}

static void parameters_are_found_by_their_name(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(
        router_match(router, arena, HTTP_GET, STR("/v1/sessions/s1/cameras/c1/preview"), &m, NULL),
        ERR_OK);
    assert_true(str_is(route_param(&m, "session"), "s1"));
    assert_true(str_is(route_param(&m, "camera"), "c1"));
    assert_null(route_param(&m, "id").p);
    assert_int_equal(router_match(router, arena, HTTP_GET, STR("/assets/x"), &m, NULL), ERR_OK);
    assert_true(str_is(route_param(&m, "file"), "x"));
}

static void a_wrong_method_names_those_that_would_do(void **state)
{
    (void)state;
    struct error e;
    struct route_match m;
    assert_int_equal(router_match(router, arena, HTTP_PUT, STR("/v1/students/42"), &m, &e),
                     ERR_METHOD);
    assert_non_null(strstr(e.msg, "only GET, DELETE"));
    assert_int_equal(router_methods(router, STR("/v1/students")), 1u << HTTP_GET | 1u << HTTP_POST);
    assert_int_equal(router_methods(router, STR("/v1/students/export")),
                     1u << HTTP_GET | 1u << HTTP_DELETE);
    assert_int_equal(router_methods(router, STR("/none")), 0);
}

static void without_an_arena_parameters_stay_as_sent(void **state)
{
    (void)state;
    struct route_match m;
    assert_int_equal(router_match(router, NULL, HTTP_GET, STR("/v1/students/a%20b"), &m, NULL),
                     ERR_OK);
    assert_true(str_is(m.params[0], "a%20b"));
}

static void a_bad_table_is_refused(void **state)
{
    (void)state;
    static const struct route_pattern bad[][2] = {
        {{HTTP_GET, "v1"}, {HTTP_GET, "/a"}},
        {{HTTP_GET, ""}, {HTTP_GET, "/a"}},
        {{HTTP_GET, "/a//b"}, {HTTP_GET, "/a"}},
        {{HTTP_GET, "/a/"}, {HTTP_GET, "/a"}},
        {{HTTP_GET, "/{x*}/b"}, {HTTP_GET, "/a"}},
        {{HTTP_GET, "/{a}"}, {HTTP_GET, "/{b}"}},
        {{HTTP_GET, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"}, {HTTP_GET, "/a"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct router *r = NULL;
        assert_int_equal(router_new(bad[i], 2, &r, NULL), ERR_INVALID);
        assert_null(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_method_and_a_path_lead_to_their_route),
        cmocka_unit_test(parameters_are_found_by_their_name),
        cmocka_unit_test(a_wrong_method_names_those_that_would_do),
        cmocka_unit_test(without_an_arena_parameters_stay_as_sent),
        cmocka_unit_test(a_bad_table_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
