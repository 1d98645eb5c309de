/* Patches against a slow copy of their rule (tests/golden/reference.py, "MTCNN resampling"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vision/image_codecs.h"
#include "vision/patch.h"

#include <math.h>

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
    uint32_t seed = 7;
    assert_int_equal(image_new(a, width, height, &im, NULL), ERR_OK);
    for (int i = 0; i < 3 * width * height; i++) {
        seed = seed * 1664525 + 1013904223;
        im.rgb[i] = (uint8_t)(seed >> 24);
    }
    return im;
}

static int64_t grey(const struct image *im, int x, int y, int c)
{
    bool inside = x >= 0 && y >= 0 && x < im->width && y < im->height;
    return inside ? im->rgb[(y * im->width + x) * 3 + c] : 0;
}

/* What [a, a + step) and [b, b + other) have in common. */
static int64_t shared(int64_t a, int64_t step, int64_t b, int64_t other)
{
    int64_t end = a + step < b + other ? a + step : b + other, from = a > b ? a : b;
    return end > from ? end - from : 0;
}

static int64_t slow_average(const struct image *im, struct image_area w, int out_w, int out_h,
                            int u, int v, int c)
{
    int64_t sum = 0, all = (int64_t)w.width * w.height;
    for (int y = 0; y < w.height; y++)
        for (int x = 0; x < w.width; x++)
            sum += shared((int64_t)u * w.width, w.width, (int64_t)x * out_w, out_w) *
                   shared((int64_t)v * w.height, w.height, (int64_t)y * out_h, out_h) *
                   grey(im, w.x + x, w.y + y, c);
    return (2 * sum + all) / (2 * all);
}

static float *patch_of(struct arena *a, const struct image *im, struct image_area w, int out_w,
                       int out_h)
{
    struct patch_scratch s;
    float *out = arena_array(a, (size_t)out_w * (size_t)out_h * 3, sizeof *out);
    assert_int_equal(patch_scratch_init(&s, a, w.width, out_w, NULL), ERR_OK);
    patch_resample(im, w, out_w, out_h, &s, out);
    return out;
}

static void shrinking_averages_what_a_pixel_covers(void **state)
{
    static const struct {
        struct image_area window;
        int width, height;
    } rows[] = {
        {{0, 0, 64, 48}, 32, 24},                                 /* whole factors */
        {{0, 0, 64, 48}, 39, 29},                                 /* the pyramid's kind */
        {{5, 7, 41, 40}, 24, 24},                                 /* a patch */
        {{-9, -5, 50, 50}, 24, 24},                               /* over the corner */
        {{30, 20, 60, 61}, 24, 24},                               /* over the other */
        {{-80, -80, 300, 300}, 24, 24}, {{3, 3, 24, 25}, 24, 24}, /* one side is not shrunk */
    };
    struct image im = noise(*state, 64, 48);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int w = rows[i].width, h = rows[i].height;
        float *out = patch_of(*state, &im, rows[i].window, w, h);
        for (int c = 0; c < 3; c++)
            for (int v = 0; v < h; v++)
                for (int u = 0; u < w; u++) {
                    int64_t g = slow_average(&im, rows[i].window, w, h, u, v, c);
                    assert_true(out[(c * h + v) * w + u] == ((float)g - 127.5f) / 128);
                }
    }
}

static void a_window_of_the_same_size_is_copied(void **state)
{
    struct image im = noise(*state, 64, 48);
    float *out = patch_of(*state, &im, (struct image_area){10, 4, 24, 24}, 24, 24);
    for (int v = 0; v < 24; v++)
        for (int u = 0; u < 24; u++)
            assert_true(out[(2 * 24 + v) * 24 + u] ==
                        ((float)grey(&im, 10 + u, 4 + v, 2) - 127.5f) / 128);
}

static void enlarging_blends_the_four_neighbours(void **state)
{
    struct image im = noise(*state, 2, 2);
    float *out = patch_of(*state, &im, (struct image_area){0, 0, 2, 2}, 4, 4);
    double top = .75 * (double)grey(&im, 0, 0, 0) + .25 * (double)grey(&im, 1, 0, 0);
    double low = .75 * (double)grey(&im, 0, 1, 0) + .25 * (double)grey(&im, 1, 1, 0);
    double g = floor(.75 * top + .25 * low + .5);
    assert_true(out[4 + 1] == ((float)g - 127.5f) / 128);
    assert_true(out[0] == ((float)grey(&im, 0, 0, 0) - 127.5f) / 128);
}

static void a_window_outside_the_picture_is_black(void **state)
{
    struct image im = noise(*state, 20, 20);
    float *out = patch_of(*state, &im, (struct image_area){100, 100, 60, 60}, 24, 24);
    for (int i = 0; i < 3 * 24 * 24; i++)
        assert_true(out[i] == -127.5f / 128);
}

static void a_window_that_is_too_wide_is_refused(void **state)
{
    struct patch_scratch s;
    assert_int_equal(patch_scratch_init(&s, *state, PATCH_SIDE_MAX + 1, 24, NULL), ERR_INVALID);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(shrinking_averages_what_a_pixel_covers), T(a_window_of_the_same_size_is_copied),
        T(enlarging_blends_the_four_neighbours),   T(a_window_outside_the_picture_is_black),
        T(a_window_that_is_too_wide_is_refused),
    };
    return cmocka_run_group_tests_name("patch", tests, NULL, NULL);
}
