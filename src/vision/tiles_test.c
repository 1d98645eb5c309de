/* Tiles: that they cover a picture with overlap, and that the merge leaves each face once. What is
 * found in real pictures is held by tests/golden/test_tiles.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vision/tiles.h"

#define IOU .3f

static struct tile_face at(float x, float y, float w, float h, float score, int tile, bool cut)
{
    return (struct tile_face){
        .face = {.box = {x, y, w, h}, .score = score}, .tile = tile, .cut = cut};
}

/* Some tile holds all of the square. */
static bool is_whole_somewhere(const struct tiling *t, int x, int y, int side)
{
    for (int i = 0; i < t->columns * t->rows; i++) {
        struct image_area a = tiling_area(t, i);
        if (x >= a.x && y >= a.y && x + side <= a.x + a.width && y + side <= a.y + a.height)
            return true;
    }
    return false;
}

static void every_face_up_to_the_overlap_lies_whole_in_a_tile(void **state)
{
    (void)state;
    static const int sizes[][2] = {{640, 480},   {641, 640},   {1120, 1121}, {1280, 886},
                                   {4000, 3000}, {8000, 6000}, {333, 5000}};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        struct tiling t = tiling_of(sizes[k][0], sizes[k][1]);
        int side = TILE_OVERLAP;
        for (int y = 0; y + side <= t.height; y += 37)
            for (int x = 0; x + side <= t.width; x += 41)
                assert_true(is_whole_somewhere(&t, x, y, side));
        assert_true(is_whole_somewhere(&t, t.width - side, t.height - side, side));
    }
}

static void tiles_lie_inside_the_picture_and_have_one_size(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {640, 640}, {641, 1}, {5001, 4999}};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        struct tiling t = tiling_of(sizes[k][0], sizes[k][1]);
        for (int i = 0; i < t.columns * t.rows; i++) {
            struct image_area a = tiling_area(&t, i);
            assert_true(a.x >= 0 && a.y >= 0 && a.width == t.tile_width &&
                        a.height == t.tile_height);
            assert_true(a.x + a.width <= t.width && a.y + a.height <= t.height);
            assert_true(a.width <= TILE_SIDE && a.height <= TILE_SIDE);
        }
    }
}

static void a_face_of_two_tiles_stays_once_the_better_one(void **state)
{
    (void)state;
    struct tile_face f[] = {at(100, 100, 40, 50, .8f, 0, false),
                            at(102, 99, 41, 50, .9f, 1, false)};
    assert_int_equal(tiles_merge(f, ARRAY_LEN(f), IOU), 1);
    assert_true(f[0].face.score == .9f);
}

static void half_a_face_at_a_border_goes_even_when_its_score_is_better(void **state)
{
    (void)state;
    struct tile_face f[] = {at(100, 100, 12, 50, .95f, 0, true), at(88, 98, 40, 52, .7f, 1, false)};
    assert_int_equal(tiles_merge(f, ARRAY_LEN(f), IOU), 1);
    assert_true(f[0].face.box[2] == 40);
}

static void a_cut_face_that_nobody_else_has_stays(void **state)
{
    (void)state;
    struct tile_face f[] = {at(100, 100, 40, 50, .8f, 0, true), at(300, 98, 40, 52, .7f, 1, false)};
    assert_int_equal(tiles_merge(f, ARRAY_LEN(f), IOU), 2);
}

static void neighbours_stay_apart(void **state)
{
    (void)state;
    struct tile_face f[] = {at(100, 100, 40, 50, .8f, 0, false),
                            at(130, 100, 40, 50, .9f, 1, false), /* IoU 1/7 */
                            at(115, 140, 40, 50, .7f, 2, false)};
    assert_int_equal(tiles_merge(f, ARRAY_LEN(f), IOU), 3);
}

static void what_one_tile_says_of_itself_is_left_alone(void **state)
{
    (void)state;
    struct tile_face f[] = {at(100, 100, 40, 50, .8f, 3, false),
                            at(105, 110, 20, 20, .7f, 3, false)};
    assert_int_equal(tiles_merge(f, ARRAY_LEN(f), IOU), 2);
}

static void a_speck_inside_a_big_face_goes(void **state)
{
    (void)state;
    struct tile_face f[] = {at(0, 0, 1000, 1300, .9f, 9, false),
                            at(400, 400, 60, 60, .65f, 1, false)};
    assert_int_equal(tiles_merge(f, ARRAY_LEN(f), IOU), 1);
    assert_true(f[0].face.box[2] == 1000);
    assert_int_equal(tiles_merge(f, 0, IOU), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_face_up_to_the_overlap_lies_whole_in_a_tile),
        cmocka_unit_test(tiles_lie_inside_the_picture_and_have_one_size),
        cmocka_unit_test(a_face_of_two_tiles_stays_once_the_better_one),
        cmocka_unit_test(half_a_face_at_a_border_goes_even_when_its_score_is_better),
        cmocka_unit_test(a_cut_face_that_nobody_else_has_stays),
        cmocka_unit_test(neighbours_stay_apart),
        cmocka_unit_test(what_one_tile_says_of_itself_is_left_alone),
        cmocka_unit_test(a_speck_inside_a_big_face_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
