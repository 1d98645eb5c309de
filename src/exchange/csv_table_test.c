/* Tests of csv_table.h: what registrars send, and what must be refused with the line. */
#include "exchange/csv_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROWS = 3 };

static struct arena *a;

static int setup(void **state)
{
    (void)state;
    a = arena_new(MIB);
    return a ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(a);
    return 0;
}

static struct csv_table read_ok(struct str text)
{
    struct csv_table t = {0};
    struct error e = {0};
    if (csv_table_read(text, "f.csv", ROWS, a, &t, &e))
        fail_msg("%s", e.msg);
    return t;
}

static void assert_str(struct str s, const char *want)
{
    char got[128];
    snprintf(got, sizeof got, "%.*s", STR_ARGS(s));
    assert_string_equal(got, want);
}

static void assert_refused(struct str text, enum err code, const char *words)
{
    struct csv_table t;
    struct error e = {0};
    assert_int_equal(csv_table_read(text, "f.csv", ROWS, a, &t, &e), code);
    if (!strstr(e.msg, words))
        fail_msg("'%s' does not say '%s'", e.msg, words);
}

static void delimiters_and_line_ends_are_told_from_the_file(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        char delimiter;
    } cases[] = {
        {STR("id,name\n1,Ann\n"), ','},        {STR("id;name\r\n1;Ann\r\n"), ';'},
        {STR("id\tname\r1\tAnn"), '\t'},       {STR("\xEF\xBB\xBFid,name\n1,Ann"), ','},
        {STR("\"a,b,c\";name\n1;Ann\n"), ';'}, {STR(" id , name \n 1 , \"Ann\" \n"), ','},
        {STR("id,name\n\n\n1,Ann\n\n"), ','},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct csv_table t = read_ok(cases[i].text);
        assert_int_equal(t.delimiter, cases[i].delimiter);
        assert_int_equal(t.header.n, 2);
        assert_int_equal(t.n, 1);
        assert_str(t.rows[0].fields[0], "1");
        assert_str(t.rows[0].fields[1], "Ann");
    }
    assert_str(read_ok(cases[3].text).header.fields[0], "id");
}

static void a_row_knows_the_line_it_begins_on(void **state)
{
    (void)state;
    struct csv_table t = read_ok(STR("id,name\n\n1,\"A\nn\r\nn\"\n\n2,Bob\n"));
    assert_int_equal(t.header.line, 1);
    assert_int_equal(t.n, 2);
    assert_int_equal(t.rows[0].line, 3);
    assert_str(t.rows[0].fields[1], "A\nn\r\nn");
    assert_int_equal(t.rows[1].line, 7);
}

static void quoted_fields_keep_quotes_and_delimiters(void **state)
{
    (void)state;
    struct csv_table t = read_ok(STR("id,name\n\"1\",\"O\"\"Hara, \"\"Pat\"\"\"\n,\n"));
    assert_str(t.rows[0].fields[1], "O\"Hara, \"Pat\"");
    assert_int_equal(t.rows[1].n, 2);
    assert_int_equal(t.rows[1].fields[0].n, 0);
    assert_non_null(t.rows[1].fields[1].p);
}

static void rows_may_be_short_or_long(void **state)
{
    (void)state;
    struct csv_table t = read_ok(STR("a,b\n1\n1,2,3"));
    assert_int_equal(t.rows[0].n, 1);
    assert_int_equal(t.rows[1].n, 3);
}

static void what_cannot_be_read_is_refused_with_the_line(void **state)
{
    (void)state;
    assert_refused(STR(""), ERR_INVALID, "empty");
    assert_refused(STR("\n\n"), ERR_INVALID, "empty");
    assert_refused(STR("\xFF\xFEi\0d\0"), ERR_INVALID, "UTF-16");
    assert_refused(STR("\xFE\xFF\0i\0d"), ERR_INVALID, "UTF-16");
    assert_refused(STR("i\0d\0\n\0"), ERR_INVALID, "UTF-16");
    assert_refused(STR("a,b\n1,2\n3,x\"y\n"), ERR_INVALID, "line 3");
    assert_refused(STR("a,b\n1,\"x\"y\n"), ERR_INVALID, "line 2");
    assert_refused(STR("a,b\n1,\"x\n2,3\n"), ERR_INVALID, "line 2: a quotation mark is opened");
    assert_refused(STR("a\n1\n2\n3\n4\n"), ERR_TOO_LARGE, "more than 3 lines");
    char wide[2 * CSV_FIELDS_MAX + 8];
    memset(wide, ',', sizeof wide);
    assert_refused((struct str){wide, sizeof wide}, ERR_TOO_LARGE, "line 1");
}

static void memory_that_is_missing_is_an_error(void **state)
{
    (void)state;
    struct csv_table t;
    struct arena *small = arena_new(64);
    static char text[4096];
    memset(text, 'x', sizeof text);
    assert_int_equal(csv_table_read((struct str){text, sizeof text}, "f", 9, small, &t, NULL),
                     ERR_NOMEM);
    arena_free(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delimiters_and_line_ends_are_told_from_the_file, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_row_knows_the_line_it_begins_on, setup, teardown),
        cmocka_unit_test_setup_teardown(quoted_fields_keep_quotes_and_delimiters, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_may_be_short_or_long, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_refused_with_the_line, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(memory_that_is_missing_is_an_error, setup, teardown),
    };
    return cmocka_run_group_tests_name("csv_table", tests, NULL, NULL);
}
