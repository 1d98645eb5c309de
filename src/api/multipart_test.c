/* Tests of api/multipart: well-formed bodies give their parts, everything else a clear error. */
#include "api/multipart.h"

#include "base/buf.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=B"
#define HEAD "Content-Disposition: form-data; name=\"photo\"; filename=\"a.jpg\"\r\n"

static enum err parse(const char *type, struct str body, struct multipart *ret_parts)
{
    struct error e = {0};
    enum err r = multipart_parse(str_from(type), body, ret_parts, &e);
    assert_true(r == ERR_OK || e.msg[0]);
    return r;
}

static void assert_str(struct str s, const char *text)
{
    if (!str_is(s, text))
        fail_msg("\"%.*s\" should be \"%s\"", STR_ARGS(s), text);
}

static void a_body_gives_its_parts_in_order(void **state)
{
    struct multipart m;
    (void)state;
    struct str body =
        STR("--B\r\n" HEAD "Content-Type: image/jpeg\r\n\r\none\r\n"
            "--B\r\ncontent-disposition:form-data;name=second\r\n\r\ntwo\r\n--B--\r\n");
    assert_int_equal(parse(TYPE, body, &m), ERR_OK);
    assert_int_equal(m.n, 2);
    assert_str(m.parts[0].name, "photo");
    assert_str(m.parts[0].filename, "a.jpg");
    assert_str(m.parts[0].type, "image/jpeg");
    assert_str(m.parts[0].body, "one");
    assert_str(m.parts[1].name, "second");
    assert_null(m.parts[1].filename.p);
    assert_null(m.parts[1].type.p);
    assert_str(m.parts[1].body, "two");
}

static void bytes_of_a_part_may_look_like_anything_but_its_boundary(void **state)
{
    struct multipart m;
    (void)state;
    const struct str bytes = STR("\r\n\r\n--\r\n--A\r\n----B--B\0\xff\r--B\n--B\r\n-");
    struct buf b;
    buf_init(&b, KIB);
    buf_append(&b, STR("--B\r\n" HEAD "\r\n"));
    buf_append(&b, bytes);
    buf_append(&b, STR("\r\n--B--"));
    assert_int_equal(parse(TYPE, (struct str){b.p, b.n}, &m), ERR_OK);
    assert_int_equal(m.n, 1);
    assert_true(str_eq(m.parts[0].body, bytes));
    buf_done(&b);
}

static void boundaries_of_dashes_are_found(void **state)
{
    struct multipart m;
    (void)state;
    const char *type = "multipart/form-data; charset=x; Boundary=\"------\"";
    struct str body = STR("--------\r\n" HEAD "\r\n-----\r\n--------\r\n\r\n--\r\n----------\r\n");
    assert_int_equal(parse(type, body, &m), ERR_OK);
    assert_int_equal(m.n, 2);
    assert_str(m.parts[0].body, "-----");
    assert_str(m.parts[1].body, "--");
}

static void parts_may_be_empty_and_so_may_the_body_be_of_parts(void **state)
{
    struct multipart m;
    (void)state;
    assert_int_equal(parse(TYPE, STR("--B\r\n" HEAD "\r\n\r\n--B--"), &m), ERR_OK);
    assert_int_equal(m.n, 1);
    assert_int_equal(m.parts[0].body.n, 0);
    assert_int_equal(parse(TYPE, STR("--B--"), &m), ERR_OK);
    assert_int_equal(m.n, 0);
}

static void every_truncation_of_a_body_is_refused(void **state)
{
    struct multipart m;
    (void)state;
    const struct str body = STR("--B\r\n" HEAD "\r\none\r\n--B\r\n" HEAD "\r\ntwo\r\n--B--");
    for (size_t n = 0; n < body.n; n++) {
        /* a block of its own, so that a sanitizer sees a read behind the end */
        char *part = mem_alloc(n);
        assert_non_null(part);
        memcpy(part, body.p, n);
        if (parse(TYPE, (struct str){part, n}, &m) != ERR_INVALID)
            fail_msg("a body of %zu of %zu bytes was taken", n, body.n);
        mem_free(part);
    }
    assert_int_equal(parse(TYPE, body, &m), ERR_OK);
}

static void a_bad_content_type_or_frame_is_refused(void **state)
{
    static const struct {
        const char *type, *body;
    } rows[] = {
        {"multipart/form-data", "--B\r\n" HEAD "\r\none\r\n--B--"},
        {"multipart/form-data; boundary=", "--B\r\n" HEAD "\r\none\r\n--B--"},
        {"multipart/form-data; boundary=\"\"", "--\r\n" HEAD "\r\none\r\n----"},
        {"multipart/form-data; boundary", "--B--"},
        {"multipart/form-data; x=\"; boundary=B\"", "--B\r\n" HEAD "\r\none\r\n--B--"},
        {"multipart/form-data; boundary="
         "12345678901234567890123456789012345678901234567890123456789012345678901",
         "--12345678901234567890123456789012345678901234567890123456789012345678901--"},
        {TYPE, ""},
        {TYPE, "nothing of the kind"},
        {TYPE, "--C\r\n" HEAD "\r\none\r\n--C--"},
        {TYPE, "--B\r\nno headers\r\n--B--"},
        {TYPE, "--B\r\n--B--"},
        {TYPE, "--B\n" HEAD "\none\n--B--"},
    };
    struct multipart m;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (parse(rows[i].type, str_from(rows[i].body), &m) != ERR_INVALID)
            fail_msg("row %zu was taken: %s", i, rows[i].body);
}

static void the_longest_boundary_is_taken(void **state)
{
    struct multipart m;
    (void)state;
    const char *type = "multipart/form-data; boundary="
                       "1234567890123456789012345678901234567890123456789012345678901234567890";
    assert_int_equal(
        parse(type,
              STR("--1234567890123456789012345678901234567890123456789012345678901234567890--"),
              &m),
        ERR_OK);
}

static enum err parse_n_parts(int n, struct multipart *ret_parts)
{
    struct buf b;
    buf_init(&b, MIB);
    for (int i = 0; i < n; i++)
        buf_append(&b, STR("--B\r\n" HEAD "\r\nx\r\n"));
    buf_append(&b, STR("--B--"));
    enum err r = parse(TYPE, (struct str){b.p, b.n}, ret_parts);
    buf_done(&b);
    return r;
}

static void a_hundred_parts_are_taken_and_no_more(void **state)
{
    struct multipart m;
    (void)state;
    assert_int_equal(parse_n_parts(MULTIPART_PARTS_MAX, &m), ERR_OK);
    assert_int_equal(m.n, MULTIPART_PARTS_MAX);
    assert_int_equal(parse_n_parts(MULTIPART_PARTS_MAX + 1, &m), ERR_INVALID);
    assert_int_equal(parse_n_parts(5 * MULTIPART_PARTS_MAX, &m), ERR_INVALID);
}

static void a_quoted_value_cannot_smuggle_in_another_one(void **state)
{
    static const struct {
        const char *header, *name, *filename;
    } rows[] = {
        {"form-data; name=\"a; filename=evil\"", "a; filename=evil", NULL},
        {"form-data; name=\"a\"; filename=\"b;c.jpg\"", "a", "b;c.jpg"},
        {"form-data; name=\"a\\\"; filename=evil; x=\\\"\"", "a\\\"; filename=evil; x=\\\"", NULL},
        {"form-data; filename=\"open; name=a", NULL, "\"open; name=a"},
        {"form-data; name*=x; filename=\"\"", NULL, ""},
    };
    char text[256];
    struct multipart m;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int n = snprintf(text, sizeof text, "--B\r\nContent-Disposition: %s\r\n\r\nx\r\n--B--",
                         rows[i].header);
        assert_int_equal(parse(TYPE, (struct str){text, (size_t)n}, &m), ERR_OK);
        assert_int_equal(m.n, 1);
        assert_int_equal(m.parts[0].name.p == NULL, rows[i].name == NULL);
        assert_str(m.parts[0].name, rows[i].name ? rows[i].name : "");
        assert_int_equal(m.parts[0].filename.p == NULL, rows[i].filename == NULL);
        assert_str(m.parts[0].filename, rows[i].filename ? rows[i].filename : "");
    }
}

static void no_value_holds_a_line_break(void **state)
{
    struct multipart m;
    (void)state;
    struct str body = STR("--B\r\nContent-Disposition: form-data; name=\"a\r\nX: y\"; "
                          "filename=\"b\nContent-Type: c\"\r\n\r\nx\r\n--B--");
    assert_int_equal(parse(TYPE, body, &m), ERR_OK);
    const struct str values[] = {m.parts[0].name, m.parts[0].filename, m.parts[0].type};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        for (size_t k = 0; k < values[i].n; k++)
            assert_true(values[i].p[k] != '\r' && values[i].p[k] != '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_gives_its_parts_in_order),
        cmocka_unit_test(bytes_of_a_part_may_look_like_anything_but_its_boundary),
        cmocka_unit_test(boundaries_of_dashes_are_found),
        cmocka_unit_test(parts_may_be_empty_and_so_may_the_body_be_of_parts),
        cmocka_unit_test(every_truncation_of_a_body_is_refused),
        cmocka_unit_test(a_bad_content_type_or_frame_is_refused),
        cmocka_unit_test(the_longest_boundary_is_taken),
        cmocka_unit_test(a_hundred_parts_are_taken_and_no_more),
        cmocka_unit_test(a_quoted_value_cannot_smuggle_in_another_one),
        cmocka_unit_test(no_value_holds_a_line_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
