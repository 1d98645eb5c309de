/* Unit tests of the request helpers of server.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/server.h"

static struct http_request request_new(const char *query)
{
    struct http_request req = {.query = str_from(query), .arena = arena_new(1 * MIB)};
    req.headers[req.n_headers++] = (struct http_header){STR("if-match"), STR("\"7\"")};
    return req;
}

static void a_header_is_found_by_its_lower_case_name(void **state)
{
    (void)state;
    struct http_request req = request_new("");
    assert_true(str_is(http_header_get(&req, "if-match"), "\"7\""));
    assert_null(http_header_get(&req, "authorization").p);
    arena_free(req.arena);
}

static const struct {
    const char *query, *name, *value; /* value NULL: absent */
    enum err want;
} queries[] = {
    {"q=5", "q", "5", ERR_OK},         {"a=1&q=5&q=6", "q", "5", ERR_OK},
    {"qq=1&q=2", "q", "2", ERR_OK},    {"q", "q", "", ERR_OK},
    {"q=", "q", "", ERR_OK},           {"q=a%26b%3Dc", "q", "a&b=c", ERR_OK},
    {"q=a+b", "q", "a+b", ERR_OK},     {"q=a=b", "q", "a=b", ERR_OK},
    {"%71=x", "q", "x", ERR_OK},       {"", "q", NULL, ERR_OK},
    {"a=1&&b=2", "q", NULL, ERR_OK},   {"q=%", "q", NULL, ERR_INVALID},
    {"q=%4", "q", NULL, ERR_INVALID},  {"q=%4g", "q", NULL, ERR_INVALID},
    {"q=%00", "q", NULL, ERR_INVALID},
};

static void a_query_parameter_is_found_and_decoded(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct http_request req = request_new(queries[i].query);
        struct str value = STR("untouched");
        enum err r = http_query_get(&req, queries[i].name, &value, NULL);
        if (r != queries[i].want)
            fail_msg("%s: %s", queries[i].query, err_name(r));
        if (r)
            assert_true(str_is(value, "untouched"));
        else if (!queries[i].value)
            assert_null(value.p);
        else if (!value.p || !str_is(value, queries[i].value))
            fail_msg("%s: '%.*s'", queries[i].query, STR_ARGS(value));
        arena_free(req.arena);
    }
}

static void decoding_reports_memory_out(void **state)
{
    (void)state;
    struct arena *a = arena_new(64);
    char big[4096] = {0};
    memset(big, 'a', sizeof big);
    struct str out;
    assert_int_equal(http_percent_decode(a, (struct str){big, sizeof big}, &out, NULL), ERR_NOMEM);
    arena_free(a);
}

static void headers_beyond_the_limit_are_left_out(void **state)
{
    (void)state;
    struct http_response res = {.status = 200};
    for (int i = 0; i < HTTP_HEADER_MAX + 5; i++)
        http_header_add(&res, "x", STR("y"));
    assert_int_equal(res.n_headers, HTTP_HEADER_MAX);
}

static void every_method_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(http_method_name(HTTP_GET), "GET");
    assert_string_equal(http_method_name(HTTP_DELETE), "DELETE");
    assert_string_equal(http_method_name(HTTP_OTHER), "OTHER");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_found_by_its_lower_case_name),
        cmocka_unit_test(a_query_parameter_is_found_and_decoded),
        cmocka_unit_test(decoding_reports_memory_out),
        cmocka_unit_test(headers_beyond_the_limit_are_left_out),
        cmocka_unit_test(every_method_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
