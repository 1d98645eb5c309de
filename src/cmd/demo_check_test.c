/* Tests of cmd/demo_check.h: the demo must be able to fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/demo_check.h"

static const struct person people[] = {
    {.external_id = "ann", .student = "id-ann", .name = "Ann"},
    {.external_id = "bob", .student = "id-bob", .name = "Bob"},
};

/* Counts one picture with one face (none when status is NULL) and says whether the demo is right.
 */
static bool right(const char *frame, const char *status, const char *student)
{
    struct demo_check c = {.people = people, .n_people = 2, .outsider = 1};
    FILE *out = fopen("/dev/null", "w");
    json_t *event = json_pack("{s:[]}", "faces");
    if (status) {
        json_t *face = json_pack("{s:s}", "status", status);
        if (student)
            json_object_set_new(face, "student", json_pack("{s:s}", "id", student));
        json_array_append_new(json_object_get(event, "faces"), face);
    }
    demo_check_result(&c, frame, event);
    bool ok = demo_check_print(&c, out);
    json_decref(event);
    fclose(out);
    return ok;
}

static void the_right_name_or_none_is_right(void **state)
{
    (void)state;
    assert_true(right("ann/01", "present", "id-ann"));
    assert_true(right("ann/01", "already_present", "id-ann"));
    assert_true(right("ann/01", "unknown", NULL));
    assert_true(right("ann/01", NULL, NULL));
    assert_true(right("bob/01", "not_enrolled", "id-bob"));
    assert_true(right(DEMO_GROUP_NAME, "unknown", NULL));
    assert_true(right(DEMO_EMPTY_NAME, NULL, NULL));
}

static void somebody_elses_name_is_wrong(void **state)
{
    (void)state;
    assert_false(right("ann/01", "present", "id-bob"));
    assert_false(right("ann/01", "not_enrolled", "id-bob"));
    assert_false(right("bob/01", "not_enrolled", "id-ann"));
    assert_false(right(DEMO_GROUP_NAME, "present", "id-ann"));
}

static void the_right_person_with_the_wrong_standing_is_wrong(void **state)
{
    (void)state;
    assert_false(right("ann/01", "not_enrolled", "id-ann"));
    assert_false(right("bob/01", "present", "id-bob"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_name_or_none_is_right),
        cmocka_unit_test(somebody_elses_name_is_wrong),
        cmocka_unit_test(the_right_person_with_the_wrong_standing_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
