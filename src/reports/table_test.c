/* Tests of reports/table: a schema's rows as columns. */
#include "reports/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct inner {
    char id[37];
    struct str name;
};

struct outer {
    struct inner who;
    int64_t n;
    double share;
    bool good;
    usec_t at;
    struct str *marks;
    int n_marks;
};

static const struct field inner_fields[] = {
    FIELD_ID(struct inner, id, FIELD_REQUIRED, "An id."),
    FIELD_STR(struct inner, name, 0, 9, FIELD_REQUIRED, "A name."),
};
static const struct schema inner_schema = SCHEMA("Inner", struct inner, inner_fields);
static const struct field outer_fields[] = {
    FIELD_OBJECT(struct outer, who, &inner_schema, FIELD_REQUIRED, "Who."),
    FIELD_INT(struct outer, n, 0, 9, FIELD_REQUIRED, "A number."),
    FIELD_REAL(struct outer, share, 0, 9, FIELD_NULLABLE, "A part."),
    FIELD_BOOL(struct outer, good, FIELD_REQUIRED, "Yes or no."),
    FIELD_TIME(struct outer, at, FIELD_NULLABLE, "When."),
    FIELD_STRINGS(struct outer, marks, n_marks, 9, FIELD_REQUIRED, "Words."),
};
static const struct schema outer_schema = SCHEMA("Outer", struct outer, outer_fields);

static void a_row_has_the_columns_of_the_head(void **state)
{
    (void)state;
    struct str words[] = {STR("present"), STR("")}, names[] = {STR("first"), STR("=second")};
    const struct outer rows[] = {
        {.who = {"x", STR("=Ada")}, .n = 7, .share = 66.66, .good = true, .at = 1, words, 2},
        {.who = {"", STR("B")}, .share = (double)NAN, .marks = words, .n_marks = 2},
    };
    struct buf out;
    struct csv w;
    buf_init(&out, KIB);
    csv_begin(&w, &out, false);
    table_head(&w, &outer_schema, names, 2);
    table_row(&w, &outer_schema, &rows[0]);
    table_row(&w, &outer_schema, &rows[1]);
    assert_string_equal(out.p, "who_id,who_name,n,share,good,at,first,'=second\r\n"
                               "x,'=Ada,7,66.7,true,1970-01-01T00:00:00.000001Z,present,\r\n"
                               ",B,0,,false,,present,\r\n");
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_row_has_the_columns_of_the_head)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
