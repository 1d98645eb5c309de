/* Tests of cmd/feedback.h: lines and table, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "cmd/feedback.h"

static char *text;
static size_t text_n;

static struct feedback *open_feedback(FILE **ret_out)
{
    struct feedback *f = NULL;
    *ret_out = open_memstream(&text, &text_n);
    assert_int_equal(feedback_new(*ret_out, NULL, &f, NULL), ERR_OK);
    return f;
}

static void close_feedback(struct feedback *f, FILE *out)
{
    feedback_free(f);
    fclose(out);
}

/* The column where `word` starts in line `line` of the text; -1 when it is not there. */
static int column_of(const char *word, int line)
{
    const char *start = text;
    for (int i = 0; i < line && start; i++)
        start = strchr(start, '\n') + 1;
    const char *at = start ? strstr(start, word) : NULL;
    return at && (size_t)(at - start) < strcspn(start, "\n") ? (int)(at - start) : -1;
}

static void every_face_is_a_line_with_aligned_columns(void **state)
{
    FILE *out = NULL;
    struct feedback *f = open_feedback(&out);
    json_t *event = json_loads(
        "{\"processed_at\":\"2026-11-22T16:00:00Z\",\"timing_ms\":{\"total\":41.2},\"faces\":["
        "{\"status\":\"present\",\"similarity\":0.8123,\"threshold\":0.609,"
        " \"student\":{\"id\":\"x\",\"name\":\"Ann\"}},"
        "{\"status\":\"low_quality\",\"similarity\":null,\"flaw\":\"blurred\",\"student\":null}]}",
        0, NULL);
    (void)state;
    feedback_heading(f);
    feedback_result(f, "ann/01", event);
    fflush(out);
    assert_int_equal(column_of("status", 0), column_of("present", 1));
    assert_int_equal(column_of("status", 0), column_of("low_quality", 2));
    assert_int_equal(column_of("name", 0), column_of("Ann", 1));
    assert_int_equal(column_of("similarity", 0), column_of("0.812 (0.609)", 1));
    assert_int_equal(column_of("similarity", 0), column_of("blurred", 2));
    assert_true(column_of("41 ms", 1) > 0);
    assert_null(strchr(text, '\033'));
    json_decref(event);
    close_feedback(f, out);
    free(text);
}

static void a_picture_without_a_face_says_so(void **state)
{
    FILE *out = NULL;
    struct feedback *f = open_feedback(&out);
    json_t *event = json_loads("{\"faces\":[],\"timing_ms\":{\"total\":7}}", 0, NULL);
    (void)state;
    feedback_result(f, "empty", event);
    fflush(out);
    assert_true(column_of("no face", 0) > 0);
    json_decref(event);
    close_feedback(f, out);
    free(text);
}

static void the_table_lists_who_is_missing_too(void **state)
{
    FILE *out = NULL;
    struct feedback *f = open_feedback(&out);
    json_t *marks = json_loads(
        "{\"items\":[{\"student\":{\"name\":\"Ann\\u001b[2J\",\"external_id\":\"1\"},"
        "\"status\":\"present\",\"source\":\"face\",\"first_seen\":\"2026-11-22T16:00:00Z\","
        "\"receipt\":{\"similarity\":0.7}}],\"missing\":[{\"name\":\"Bob\",\"external_id\":\"2\"}]"
        "}",
        0, NULL);
    (void)state;
    feedback_table(f, marks);
    fflush(out);
    assert_int_equal(column_of("status", 0), column_of("present", 1));
    assert_int_equal(column_of("status", 0), column_of("missing", 2));
    assert_int_equal(column_of("source", 0), column_of("face", 1));
    assert_true(column_of("0.700", 1) > 0);
    assert_null(strchr(text, '\033'));
    json_decref(marks);
    close_feedback(f, out);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_face_is_a_line_with_aligned_columns),
        cmocka_unit_test(a_picture_without_a_face_says_so),
        cmocka_unit_test(the_table_lists_who_is_missing_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
