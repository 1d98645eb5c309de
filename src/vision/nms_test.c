/* Non-maximum suppression. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/defs.h"
#include "vision/nms.h"

static struct face at(float x, float y, float side, float score)
{
    return (struct face){.box = {x, y, side, side}, .score = score};
}

static void the_best_of_overlapping_faces_stays(void **state)
{
    (void)state;
    struct face f[] = {at(0, 0, 10, .7f), at(1, 0, 10, .9f), at(0, 1, 10, .8f)};
    assert_int_equal(nms(f, ARRAY_LEN(f), .4f, 9), 1);
    assert_true(f[0].score == .9f);
}

static void faces_apart_all_stay_best_first(void **state)
{
    (void)state;
    struct face f[] = {at(0, 0, 10, .7f), at(30, 0, 10, .9f), at(60, 0, 10, .8f)};
    assert_int_equal(nms(f, ARRAY_LEN(f), .4f, 9), 3);
    assert_true(f[0].score == .9f && f[1].score == .8f && f[2].score == .7f);
}

static void overlap_up_to_the_limit_is_allowed(void **state)
{
    (void)state;
    struct face f[] = {at(0, 0, 10, .9f), at(5, 0, 10, .8f)}; /* IoU 50 / 150 */
    assert_int_equal(nms(f, ARRAY_LEN(f), .34f, 9), 2);
    assert_int_equal(nms(f, ARRAY_LEN(f), .33f, 9), 1);
}

static void of_equal_scores_the_earlier_wins(void **state)
{
    (void)state;
    struct face f[] = {at(50, 0, 10, .5f), at(2, 0, 10, .9f), at(0, 0, 10, .9f), at(1, 0, 10, .9f)};
    assert_int_equal(nms(f, ARRAY_LEN(f), .4f, 9), 2);
    assert_true(f[0].box[0] == 2);
    assert_true(f[1].box[0] == 50);
}

static void a_dropped_face_drops_nobody(void **state)
{
    (void)state;
    struct face f[] = {at(0, 0, 10, .9f), at(5, 0, 10, .8f), at(10, 0, 10, .7f)};
    assert_int_equal(nms(f, ARRAY_LEN(f), .3f, 9), 2);
    assert_true(f[1].box[0] == 10);
}

static void no_more_than_max_are_kept(void **state)
{
    (void)state;
    struct face f[] = {at(0, 0, 1, .7f), at(30, 0, 1, .9f), at(60, 0, 1, .8f)};
    assert_int_equal(nms(f, ARRAY_LEN(f), .4f, 2), 2);
    assert_int_equal(nms(f, 0, .4f, 2), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_of_overlapping_faces_stays),
        cmocka_unit_test(faces_apart_all_stay_best_first),
        cmocka_unit_test(overlap_up_to_the_limit_is_allowed),
        cmocka_unit_test(of_equal_scores_the_earlier_wins),
        cmocka_unit_test(a_dropped_face_drops_nobody),
        cmocka_unit_test(no_more_than_max_are_kept),
    };
    return cmocka_run_group_tests_name("nms", tests, NULL, NULL);
}
