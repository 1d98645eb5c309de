/* Tests of base/schema: what a body may hold, what is said about it, what is written and described.
 */
#include "base/schema.h"

#include "base/id.h"
#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const words[] = {"red", "green", NULL};

struct inner {
    struct str name;
};
static const struct field inner_fields[] = {
    FIELD_STR(struct inner, name, 0, 10, FIELD_REQUIRED, "A name."),
};
static const struct schema inner_schema = SCHEMA("Inner", struct inner, inner_fields);

struct body {
    uint64_t has;
    struct str name, colour, raw;
    char id[ID_TEXT];
    usec_t at;
    int64_t count;
    double share;
    bool on;
    struct str *tags;
    int n_tags;
    float box[2];
    float points[2][2];
    struct inner in;
    struct inner *maybe;
    struct inner *list;
    int n_list;
};
static const struct field body_fields[] = {
    FIELD_STR(struct body, name, 1, 4, FIELD_REQUIRED, "A short name."),
    FIELD_WORD(struct body, colour, words, FIELD_NULLABLE, "A colour."),
    FIELD_ID(struct body, id, FIELD_NULLABLE, "An id."),
    FIELD_TIME(struct body, at, FIELD_NULLABLE, "A time."),
    FIELD_INT(struct body, count, 0, 10, 0, "A number."),
    FIELD_REAL(struct body, share, 0, 1, FIELD_NULLABLE, "A share."),
    FIELD_BOOL(struct body, on, 0, "A switch."),
    FIELD_STRINGS(struct body, tags, n_tags, 2, 0, "Tags."),
    FIELD_FLOATS(struct body, box, 2, 0, "Output only."),
    FIELD_POINTS(struct body, points, 2, 0, "Output only."),
    FIELD_OBJECT(struct body, in, &inner_schema, 0, "Output only."),
    FIELD_POINTER(struct body, maybe, &inner_schema, "Output only."),
    FIELD_LIST(struct body, list, n_list, &inner_schema, 9, 0, "Output only."),
    FIELD_RAW(struct body, raw, "Output only."),
};
static const struct schema body_schema = SCHEMA_PATCH("Body", struct body, body_fields);

#define ID "0198c5a2-7c1e-7d3a-8f00-2b1c9e4d5f60"

static void a_good_body_fills_the_struct(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct body b = {0};
    struct schema_errors errs;
    struct str json =
        STR("{\"name\":\"\xC3\xA4\xC3\xB6\xC3\xBC!\",\"colour\":\"green\",\"id\":\"" ID
            "\",\"at\":\"1970-01-01T00:00:01Z\",\"count\":10,\"share\":0.5,"
            "\"on\":true,\"tags\":[\"x\",\"\"]}");
    assert_int_equal(schema_decode(&body_schema, a, json, &b, &errs, NULL), ERR_OK);
    assert_int_equal(errs.n, 0);
    assert_true(str_is(b.name, "\xC3\xA4\xC3\xB6\xC3\xBC!"));
    assert_true(str_is(b.colour, "green"));
    assert_string_equal(b.id, ID);
    assert_true(b.at == USEC_PER_SEC);
    assert_true(b.count == 10 && b.share == 0.5 && b.on);
    assert_int_equal(b.n_tags, 2);
    assert_true(str_is(b.tags[0], "x") && str_is(b.tags[1], ""));
    assert_true(b.has == 0xFF);
}

static void absent_and_null_are_told_apart(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct body b = {0};
    struct schema_errors errs;
    assert_int_equal(
        schema_decode(&body_schema, a, STR("{\"name\":\"a\",\"colour\":null}"), &b, &errs, NULL),
        ERR_OK);
    assert_true(b.has == 3);
    assert_null(b.colour.p);
}

static void each_wrong_member_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *json, *field;
    } rows[] = {
        {"{}", "name"},
        {"{\"name\":\"\"}", "name"},
        {"{\"name\":\"12345\"}", "name"},
        {"{\"name\":5}", "name"},
        {"{\"name\":null}", "name"},
        {"{\"name\":\"a\\nb\"}", "name"},
        {"{\"name\":\"a\\u007f\"}", "name"},
        {"{\"name\":\"a\",\"nmae\":1}", "nmae"},
        {"{\"name\":\"a\",\"colour\":\"blue\"}", "colour"},
        {"{\"name\":\"a\",\"id\":\"1\"}", "id"},
        {"{\"name\":\"a\",\"at\":\"soon\"}", "at"},
        {"{\"name\":\"a\",\"at\":17}", "at"},
        {"{\"name\":\"a\",\"count\":11}", "count"},
        {"{\"name\":\"a\",\"count\":-1}", "count"},
        {"{\"name\":\"a\",\"count\":1.5}", "count"},
        {"{\"name\":\"a\",\"count\":null}", "count"},
        {"{\"name\":\"a\",\"share\":1.1}", "share"},
        {"{\"name\":\"a\",\"share\":\"x\"}", "share"},
        {"{\"name\":\"a\",\"on\":1}", "on"},
        {"{\"name\":\"a\",\"tags\":[\"1\",\"2\",\"3\"]}", "tags"},
        {"{\"name\":\"a\",\"tags\":[1]}", "tags"},
        {"{\"name\":\"a\",\"box\":[1,2]}", "box"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
        struct body b = {0};
        struct schema_errors errs;
        struct error e;
        enum err r = schema_decode(&body_schema, a, str_from(rows[i].json), &b, &errs, &e);
        if (r != ERR_INVALID || errs.n < 1 || strcmp(errs.rows[0].field, rows[i].field) != 0)
            fail_msg("%s", rows[i].json);
        assert_non_null(strstr(e.msg, rows[i].field));
    }
}

struct slot {
    int64_t day, until, start;
};
static const struct field slot_fields[] = {
    FIELD_DAY(struct slot, day, FIELD_REQUIRED, "A day."),
    FIELD_DAY(struct slot, until, FIELD_NULLABLE, "A day, or none."),
    FIELD_CLOCK(struct slot, start, 0, "A time of the day."),
};
static const struct schema slot_schema = SCHEMA("Slot", struct slot, slot_fields);

static void days_and_times_of_the_day_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"{\"day\":\"2026-11-22\",\"start\":\"09:15\"}",
         "{\"day\":\"2026-11-22\",\"until\":null,\"start\":\"09:15\"}"},
        {"{\"day\":\"2026-11-22\",\"until\":null}",
         "{\"day\":\"2026-11-22\",\"until\":null,\"start\":\"00:00\"}"},
        {"{\"day\":\"2026-02-30\"}", NULL},
        {"{\"day\":null}", NULL},
        {"{\"day\":20779}", NULL},
        {"{\"day\":\"2026-11-22\",\"start\":\"24:00\"}", NULL},
        {"{\"day\":\"2026-11-22\",\"start\":555}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
        struct slot s = {0};
        struct schema_errors errs;
        struct str text;
        enum err r = schema_decode(&slot_schema, a, str_from(rows[i].in), &s, &errs, NULL);
        assert_int_equal(r, rows[i].out ? ERR_OK : ERR_INVALID);
        if (r)
            continue;
        assert_int_equal(schema_print(&slot_schema, &s, a, &text, NULL), ERR_OK);
        assert_true(str_is(text, rows[i].out));
    }
    json_t *o = schema_describe(&slot_schema);
    const json_t *p =
        json_object_get(json_object_get(json_object_get(o, "properties"), "day"), "format");
    assert_string_equal(json_string_value(p), "date");
    json_decref(o);
}

static void all_wrong_members_are_told_up_to_a_limit(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct body b = {0};
    struct schema_errors errs;
    assert_int_equal(
        schema_decode(&body_schema, a, STR("{\"count\":11,\"on\":1}"), &b, &errs, NULL),
        ERR_INVALID);
    assert_int_equal(errs.n, 3);
    struct str many =
        STR("{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}");
    assert_int_equal(schema_decode(&body_schema, a, many, &b, &errs, NULL), ERR_INVALID);
    assert_int_equal(errs.n, SCHEMA_ERRORS_MAX);
}

static void what_is_not_an_object_is_refused(void **state)
{
    (void)state;
    static const struct str rows[] = {
        STR(""),
        STR("{"),
        STR("[]"),
        STR("null"),
        STR("5"),
        STR("{} {}"),
        STR("{\"name\":\"a\",\"name\":\"b\"}"),
        STR("{\"name\":\"\xFF\"}"),
        STR("{\"name\":\"a\0b\"}"),
        STR("{'name':'a'}"),
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
        struct body b = {0};
        struct schema_errors errs;
        assert_int_equal(schema_decode(&body_schema, a, rows[i], &b, &errs, NULL), ERR_INVALID);
    }
}

static void a_body_deeper_than_any_stack_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    _cleanup_(mem_freep) char *text = mem_alloc(DEPTH);
    struct body b = {0};
    struct schema_errors errs;
    memset(text, '[', DEPTH);
    assert_int_equal(schema_decode(&body_schema, a, (struct str){text, DEPTH}, &b, &errs, NULL),
                     ERR_INVALID);
}

static void a_struct_is_printed_member_by_member(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct inner items[2] = {{STR("i")}, {STR("j")}};
    struct str tags[1] = {STR("t\"")};
    struct body b = {.name = STR("n"),
                     .id = ID,
                     .at = 1,
                     .count = 3,
                     .share = (double)NAN,
                     .tags = tags,
                     .n_tags = 1,
                     .box = {1.004f, 2},
                     .points = {{1, 2}, {3, 4}},
                     .in = {STR("x")},
                     .list = items,
                     .n_list = 2,
                     .raw = STR("{\"k\":[1]}")};
    struct str json;
    assert_int_equal(schema_print(&body_schema, &b, a, &json, NULL), ERR_OK);
    assert_string_equal(json.p,
                        "{\"name\":\"n\",\"colour\":null,\"id\":\"" ID
                        "\",\"at\":\"1970-01-01T00:00:00.000001Z\",\"count\":3,\"share\":null,"
                        "\"on\":false,\"tags\":[\"t\\\"\"],\"box\":[1.0,2.0],"
                        "\"points\":[[1.0,2.0],[3.0,4.0]],\"in\":{\"name\":\"x\"},\"maybe\":null,"
                        "\"list\":[{\"name\":\"i\"},{\"name\":\"j\"}],\"raw\":{\"k\":[1]}}");
}

static void the_description_names_type_limits_and_required(void **state)
{
    (void)state;
    json_t *o = schema_describe(&body_schema);
    json_t *p = json_object_get(o, "properties");
    json_t *name = json_object_get(p, "name"), *count = json_object_get(p, "count");
    assert_string_equal(json_string_value(json_object_get(name, "type")), "string");
    assert_int_equal(json_integer_value(json_object_get(name, "maxLength")), 4);
    assert_int_equal(json_integer_value(json_object_get(count, "maximum")), 10);
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "required"), 0)),
                        "name");
    assert_int_equal(json_array_size(json_object_get(o, "required")), 1);
    json_t *either = json_object_get(json_object_get(p, "maybe"), "anyOf");
    assert_string_equal(json_string_value(json_object_get(json_array_get(either, 0), "$ref")),
                        "#/components/schemas/Inner");
    assert_int_equal(json_object_size(p), ARRAY_LEN(body_fields));
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_body_fills_the_struct),
        cmocka_unit_test(absent_and_null_are_told_apart),
        cmocka_unit_test(each_wrong_member_is_named),
        cmocka_unit_test(days_and_times_of_the_day_come_back),
        cmocka_unit_test(all_wrong_members_are_told_up_to_a_limit),
        cmocka_unit_test(what_is_not_an_object_is_refused),
        cmocka_unit_test(a_body_deeper_than_any_stack_is_refused),
        cmocka_unit_test(a_struct_is_printed_member_by_member),
        cmocka_unit_test(the_description_names_type_limits_and_required),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
