/* Shrinking: sizes, exact averages, and the bilinear rule against a slow double-precision copy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vision/image_codecs.h"
#include "vision/resize.h"

#include <math.h>
#include <stdlib.h>

static int set_up(void **state)
{
    *state = arena_new(64 * MIB);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static struct image noise(struct arena *a, int width, int height)
{
    struct image im;
    assert_int_equal(image_new(a, width, height, &im, NULL), ERR_OK);
    uint32_t random = 7;
    for (int i = 0; i < width * height * 3; i++) {
        random = random * 1664525u + 1013904223u;
        im.rgb[i] = (uint8_t)(random >> 24);
    }
    return im;
}

/* The rule of tests/golden/reference.py, pixel by pixel. */
static double block(const struct image *im, int f, int x, int y, int c)
{
    int sum = 0;
    for (int j = 0; j < f; j++)
        for (int i = 0; i < f; i++)
            sum += im->rgb[((y * f + j) * im->width + x * f + i) * 3 + c];
    return (sum + f * f / 2) / (f * f);
}

static double clamped(double v, int size) { return v < 0 ? 0 : v > size - 1 ? size - 1 : v; }

static int slow_pixel(const struct image *im, int out_width, int out_height, int f, int u, int v,
                      int c)
{
    int w = im->width / f, h = im->height / f;
    double x = clamped((u + .5) * ((double)im->width / out_width) / f - .5, w);
    double y = clamped((v + .5) * ((double)im->height / out_height) / f - .5, h);
    int x0 = (int)x, y0 = (int)y, x1 = x0 + 1 < w ? x0 + 1 : x0, y1 = y0 + 1 < h ? y0 + 1 : y0;
    double top = block(im, f, x0, y0, c) * (1 - x + x0) + block(im, f, x1, y0, c) * (x - x0);
    double low = block(im, f, x0, y1, c) * (1 - x + x0) + block(im, f, x1, y1, c) * (x - x0);
    return (int)floor(top * (1 - y + y0) + low * (y - y0) + .5);
}

static void a_small_picture_is_returned_as_it_is(void **state)
{
    struct image im = noise(*state, 64, 48), out;
    float factor = 0;
    assert_int_equal(image_shrink(*state, &im, 64, &out, &factor, NULL), ERR_OK);
    assert_ptr_equal(out.rgb, im.rgb);
    assert_true(factor == 1);
}

static void shrinking_follows_the_reference_rule_at_every_size(void **state)
{
    static const struct {
        int width, height, long_side, out_width, out_height, box;
    } rows[] = {
        {128, 89, 64, 64, 45, 2}, {100, 69, 64, 64, 44, 1},  {300, 200, 64, 64, 43, 4},
        {192, 96, 64, 64, 32, 3}, {65, 64, 64, 64, 63, 1},   {500, 3, 64, 64, 1, 3},
        {2, 400, 100, 1, 100, 2}, {201, 333, 64, 39, 64, 5}, {640, 480, 320, 320, 240, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image im = noise(*state, rows[i].width, rows[i].height), out;
        float factor;
        assert_int_equal(image_shrink(*state, &im, rows[i].long_side, &out, &factor, NULL), ERR_OK);
        assert_int_equal(out.width, rows[i].out_width);
        assert_int_equal(out.height, rows[i].out_height);
        for (int v = 0; v < out.height; v++)
            for (int u = 0; u < out.width; u++)
                for (int c = 0; c < 3; c++) {
                    int want = slow_pixel(&im, out.width, out.height, rows[i].box, u, v, c);
                    int got = out.rgb[(v * out.width + u) * 3 + c];
                    assert_int_equal(got, want);
                }
    }
}

static void halves_round_upward(void **state)
{
    uint8_t pixels[2 * 2 * 3] = {0, 1, 255, 0, 1, 255, 1, 2, 255, 1, 2, 254};
    struct image im = {.width = 2, .height = 2, .rgb = pixels}, out;
    struct image_area all = {0, 0, 1, 1};
    assert_int_equal(image_box_average(*state, &im, 2, all, &out, NULL), ERR_OK);
    assert_int_equal(out.rgb[0], 1);
    assert_int_equal(out.rgb[1], 2);
    assert_int_equal(out.rgb[2], 255);
}

static void big_factors_average_exactly(void **state)
{
    static const int factors[] = {3, 16, 63, 64, 127, 300};
    for (size_t i = 0; i < ARRAY_LEN(factors); i++) {
        int f = factors[i];
        struct image im = noise(*state, 2 * f + 1, f), out;
        memset(im.rgb, 255, (size_t)f * 3); /* part of the first row */
        struct image_area all = {0, 0, 2, 1};
        assert_int_equal(image_box_average(*state, &im, f, all, &out, NULL), ERR_OK);
        for (int x = 0; x < 2; x++)
            assert_int_equal(out.rgb[3 * x + 1], (int)block(&im, f, x, 0, 1));
    }
}

static void an_area_is_the_same_as_a_part_of_the_whole(void **state)
{
    struct image im = noise(*state, 100, 90), whole, part;
    struct image_area all = {0, 0, 33, 30}, some = {5, 7, 11, 13};
    assert_int_equal(image_box_average(*state, &im, 3, all, &whole, NULL), ERR_OK);
    assert_int_equal(image_box_average(*state, &im, 3, some, &part, NULL), ERR_OK);
    for (int y = 0; y < some.height; y++)
        assert_memory_equal(part.rgb + y * some.width * 3,
                            whole.rgb + ((y + some.y) * whole.width + some.x) * 3,
                            (size_t)some.width * 3);
}

static void no_memory_is_reported(void **state)
{
    struct image im = noise(*state, 128, 128), out;
    struct arena *small = arena_new(100);
    float factor;
    assert_int_equal(image_shrink(small, &im, 64, &out, &factor, NULL), ERR_NOMEM);
    arena_free(small);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_small_picture_is_returned_as_it_is),
        T(shrinking_follows_the_reference_rule_at_every_size),
        T(halves_round_upward),
        T(big_factors_average_exactly),
        T(an_area_is_the_same_as_a_part_of_the_whole),
        T(no_memory_is_reported),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
