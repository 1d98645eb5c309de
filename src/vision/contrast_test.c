/* CLAHE and the measure of darkness. The exact bytes are held by tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "vision/contrast.h"
#include "vision/image_codecs.h"

enum { ARENA = 16 * MIB };

static struct image picture(struct arena *a, int width, int height)
{
    struct image im;
    assert_int_equal(image_new(a, width, height, &im, NULL), ERR_OK);
    return im;
}

static void fill(struct image *im, int from, int step)
{
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++)
            memset(im->rgb + 3 * (y * im->width + x), from + (x % 4) * step, 3);
}

static void spread(const struct image *im, int *ret_low, int *ret_high)
{
    *ret_low = 255;
    *ret_high = 0;
    for (int i = 0; i < im->width * im->height * 3; i++) {
        *ret_low = im->rgb[i] < *ret_low ? im->rgb[i] : *ret_low;
        *ret_high = im->rgb[i] > *ret_high ? im->rgb[i] : *ret_high;
    }
}

static void names_are_read_and_others_refused(void **state)
{
    (void)state;
    enum contrast c;
    struct error e;
    for (int i = 0; i < CONTRAST_N; i++) {
        assert_int_equal(contrast_of(contrast_name((enum contrast)i), &c, NULL), ERR_OK);
        assert_int_equal(c, i);
    }
    assert_int_equal(contrast_of("clahe ", &c, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "choose off, clahe or auto"));
}

static void luma_is_a_mean_over_pixels(void **state)
{
    (void)state;
    struct arena *a = arena_new(ARENA);
    struct image im = picture(a, 4, 1);
    assert_int_equal(image_mean_luma(&im), 0);
    memset(im.rgb, 255, 12);
    assert_int_equal(image_mean_luma(&im), 255);
    memset(im.rgb, 0, 6);
    assert_int_equal(image_mean_luma(&im), 127);
    memset(im.rgb, 0, 12);
    im.rgb[0] = 200; /* red alone: 77 * 200 / 256 / 4 */
    assert_int_equal(image_mean_luma(&im), 15);
    arena_free(a);
}

static void a_dark_picture_gets_contrast(void **state)
{
    (void)state;
    struct arena *a = arena_new(ARENA);
    struct image im = picture(a, 160, 120), out;
    int low, high;
    fill(&im, 4, 4); /* levels 4, 8, 12, 16 */
    assert_int_equal(image_clahe(a, &im, &out, NULL), ERR_OK);
    spread(&out, &low, &high);
    assert_in_range(high - low, 17, 80); /* 12 before; the clip limit holds it down */
    spread(&im, &low, &high);
    assert_true(low == 4 && high == 16); /* the source is not touched */
    arena_free(a);
}

static void every_size_has_a_result(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 9}, {7, 3}, {8, 8}, {9, 17}, {641, 5}};
    struct arena *a = arena_new(ARENA);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct image im = picture(a, sizes[i][0], sizes[i][1]), out;
        fill(&im, 100, 1);
        assert_int_equal(image_clahe(a, &im, &out, NULL), ERR_OK);
        assert_true(out.width == im.width && out.height == im.height);
    }
    arena_free(a);
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    struct arena *a = arena_new(48 * KIB);
    struct image im = picture(a, 64, 64), out;
    struct error e;
    assert_int_equal(image_clahe(a, &im, &out, &e), ERR_NOMEM);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_and_others_refused),
        cmocka_unit_test(luma_is_a_mean_over_pixels),
        cmocka_unit_test(a_dark_picture_gets_contrast),
        cmocka_unit_test(every_size_has_a_result),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
