/* Tests of reports/csv: what the bytes of a file are, cell by cell. */
#include "reports/csv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 64 * KIB);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_done(&out);
    return 0;
}

static void is_written(const char *wanted)
{
    assert_string_equal(out.p ? out.p : "", wanted);
    buf_reset(&out);
    if (out.p)
        out.p[0] = 0;
}

static void a_cell_is_quoted_only_where_it_must_be(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", "\r\n"},
        {"plain", "plain\r\n"},
        {"O'Brien", "O'Brien\r\n"},
        {"a,b", "\"a,b\"\r\n"},
        {"a;b", "\"a;b\"\r\n"},
        {"a \"b\" c", "\"a \"\"b\"\" c\"\r\n"},
        {"\"", "\"\"\"\"\r\n"},
        {"two\nlines", "\"two\nlines\"\r\n"},
        {" led", "\" led\"\r\n"},
        {"Żółć مرحبا 🙂", "Żółć مرحبا 🙂\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct csv w;
        csv_begin(&w, &out, false);
        csv_text(&w, str_from(rows[i].text));
        csv_end_row(&w);
        is_written(rows[i].wanted);
    }
}

static void what_looks_like_a_formula_is_made_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"=1+1", "'=1+1\r\n"},
        {"+49 30 1", "'+49 30 1\r\n"},
        {"-2", "'-2\r\n"},
        {"@SUM(A1)", "'@SUM(A1)\r\n"},
        {"\t=1", "\"'\t=1\"\r\n"},
        {"\r=1", "\"'\r=1\"\r\n"},
        {"\n=1", "\"'\n=1\"\r\n"},
        {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\r\n"},
        {"\uFF1D1", "'\uFF1D1\r\n"},
        {"a=1", "a=1\r\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct csv w;
        csv_begin(&w, &out, false);
        csv_text(&w, str_from(rows[i].text));
        csv_end_row(&w);
        is_written(rows[i].wanted);
    }
}

static void numbers_and_times_stay_what_they_are(void **state)
{
    (void)state;
    struct csv w;
    csv_begin(&w, &out, false);
    csv_int(&w, -5);
    csv_real(&w, 66.66666, 1);
    csv_real(&w, (double)NAN, 1);
    csv_time(&w, 0);
    csv_time(&w, 1700000000LL * USEC_PER_SEC);
    csv_end_row(&w);
    is_written("-5,66.7,,,2023-11-14T22:13:20.000000Z\r\n");
}

static void a_file_begins_with_a_mark_when_asked(void **state)
{
    (void)state;
    static const char *const head[] = {"a", "b"};
    struct csv w;
    csv_begin(&w, &out, true);
    csv_row(&w, head, ARRAY_LEN(head));
    csv_row(&w, head, 1);
    is_written("\xEF\xBB\xBF"
               "a,b\r\na\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cell_is_quoted_only_where_it_must_be, setup, teardown),
        cmocka_unit_test_setup_teardown(what_looks_like_a_formula_is_made_text, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_and_times_stay_what_they_are, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_begins_with_a_mark_when_asked, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
