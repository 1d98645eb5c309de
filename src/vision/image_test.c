/* Image decoding: good pictures, hostile ones, and all EXIF orientations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "vision/image_samples.h"

enum { PIXELS_MAX = 64000000, MEMORY = 64 * MIB };

static const uint32_t red_green_blue_white[4] = {0xe02020, 0x20c020, 0x2020d0, 0xf0f0f0};

static int set_up(void **state)
{
    *state = arena_new(MEMORY);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static void assert_colour(const struct image *im, int x, int y, uint32_t want)
{
    const uint8_t *p = im->rgb + (y * im->width + x) * 3;
    for (int c = 0; c < 3; c++)
        assert_in_range(p[c] + 6 - ((want >> (16 - 8 * c)) & 0xff), 0, 12);
}

static void assert_quadrants(const struct image *im, const uint32_t corners[4])
{
    for (int i = 0; i < 4; i++)
        assert_colour(im, im->width / 4 + (i % 2) * im->width / 2,
                      im->height / 4 + (i / 2) * im->height / 2, corners[i]);
}

static struct str sample(struct arena *a, enum image_type type)
{
    struct image im = sample_quadrants(a, 96, 64, red_green_blue_white);
    return sample_encode(a, type, &im);
}

static void every_format_decodes_to_its_pixels(void **state)
{
    for (int t = 0; t < IMAGE_TYPE_N; t++) {
        struct str bytes = sample(*state, (enum image_type)t);
        if (bytes.n == 0) {
            print_message("no encoder for format %d: skipped\n", t);
            continue;
        }
        struct image_header h;
        struct image im;
        int scale = 0;
        assert_int_equal(image_probe(bytes, PIXELS_MAX, &h, NULL), ERR_OK);
        assert_int_equal(h.type, t);
        assert_int_equal(h.width, 96);
        assert_int_equal(h.height, 64);
        assert_int_equal(image_decode(*state, bytes, PIXELS_MAX, 0, &im, &scale, NULL), ERR_OK);
        assert_int_equal(scale, 1);
        assert_int_equal(im.width, 96);
        assert_int_equal(im.height, 64);
        assert_quadrants(&im, red_green_blue_white);
    }
}

static enum err decode(struct arena *a, struct str bytes)
{
    struct image im;
    int scale;
    return image_decode(a, bytes, PIXELS_MAX, 0, &im, &scale, NULL);
}

static void an_empty_file_is_unsupported(void **state)
{
    assert_int_equal(decode(*state, (struct str){"", 0}), ERR_UNSUPPORTED);
}

static void other_bytes_are_unsupported(void **state)
{
    static const char *const texts[] = {"%PDF-1.7 ...", "GIF89a......", "hello", "\xff\xd8",
                                        "<svg/>......................."};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_int_equal(decode(*state, str_from(texts[i])), ERR_UNSUPPORTED);
    assert_int_equal(decode(*state, STR("\0\0\0\x18"
                                        "ftypmp42"
                                        "\0\0\0\0mp42isom")),
                     ERR_UNSUPPORTED);
}

/* Exactly n bytes on the heap, so that the sanitizer sees a read behind them. */
static char *heap_copy(const char *p, size_t n)
{
    char *copy = mem_alloc(n);
    memcpy(copy, p, n);
    return copy;
}

static void a_truncated_picture_is_an_error_at_any_length(void **state)
{
    for (int t = 0; t < IMAGE_TYPE_N; t++) {
        struct str whole = sample(*state, (enum image_type)t);
        for (size_t tenths = 1; tenths < 10 && whole.n; tenths++) {
            size_t n = whole.n * tenths / 10;
            char *copy = heap_copy(whole.p, n);
            enum err r = decode(*state, (struct str){copy, n});
            mem_free(copy);
            if (r != ERR_UNPROCESSABLE && r != ERR_UNSUPPORTED)
                fail_msg("format %d cut to %zu of %zu bytes gives %s", t, n, whole.n, err_name(r));
        }
    }
}

static void stray_bytes_before_a_marker_cost_no_pixel(void **state)
{
    struct str whole = sample(*state, IMAGE_JPEG);
    char *copy = mem_alloc(whole.n + 3);
    memcpy(copy, whole.p, whole.n - 2);
    memcpy(copy + whole.n - 2, "abc", 3);
    memcpy(copy + whole.n + 1, whole.p + whole.n - 2, 2); /* end of image */
    enum err r = decode(*state, (struct str){copy, whole.n + 3});
    mem_free(copy);
    assert_int_equal(r, ERR_OK);
}

static void random_damage_never_crashes(void **state)
{
    uint32_t random = 1;
    for (int t = 0; t < IMAGE_TYPE_N; t++) {
        struct str whole = sample(*state, (enum image_type)t);
        for (int round = 0; round < 150 && whole.n; round++) {
            char *copy = heap_copy(whole.p, whole.n);
            for (int k = 0; k < 4; k++) {
                random = random * 1664525u + 1013904223u;
                copy[(random >> 8) % whole.n] = (char)random;
            }
            struct arena *a = arena_new(MEMORY);
            enum err r = decode(a, (struct str){copy, whole.n});
            assert_true(r == ERR_OK || r == ERR_UNPROCESSABLE || r == ERR_UNSUPPORTED ||
                        r == ERR_TOO_LARGE || r == ERR_NOMEM);
            arena_free(a);
            mem_free(copy);
        }
    }
}

static void a_png_that_declares_100000_squared_is_too_large(void **state)
{
    static const char bomb[] =
        "\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\x01\x86\xa0\0\x01\x86\xa0\x08\x02\0\0\0\x27\x30\x9c\x9f";
    size_t used = arena_used(*state);
    assert_int_equal(decode(*state, STR(bomb)), ERR_TOO_LARGE);
    assert_int_equal(arena_used(*state), used);
}

static void a_jpeg_that_declares_65500_squared_is_too_large(void **state)
{
    struct str s = sample(*state, IMAGE_JPEG);
    uint8_t *p = (uint8_t *)s.p;
    size_t at = 2;
    while (p[at + 1] != 0xc0) /* baseline frame header */
        at += 2 + (size_t)(p[at + 2] << 8) + p[at + 3];
    memcpy(p + at + 5, "\xff\xdc\xff\xdc", 4); /* height, width */
    size_t used = arena_used(*state);
    assert_int_equal(decode(*state, s), ERR_TOO_LARGE);
    assert_int_equal(arena_used(*state), used);
}

static void a_picture_over_the_callers_limit_is_too_large(void **state)
{
    struct image im;
    int scale;
    for (int t = 0; t < IMAGE_TYPE_N; t++) {
        struct str s = sample(*state, (enum image_type)t);
        if (s.n)
            assert_int_equal(image_decode(*state, s, 96 * 64 - 1, 0, &im, &scale, NULL),
                             ERR_TOO_LARGE);
    }
}

static void no_memory_is_reported(void **state)
{
    struct arena *small = arena_new(4096);
    assert_int_equal(decode(small, sample(*state, IMAGE_JPEG)), ERR_NOMEM);
    arena_free(small);
}

/* For each orientation, which corner of the upright picture is stored at top left, top right,
 * bottom left, bottom right (EXIF 2.3, 4.6.4: "the 0th row represents the visual ... of the
 * image"). */
static const int stored_corners[9][4] = {
    [1] = {0, 1, 2, 3}, [2] = {1, 0, 3, 2}, [3] = {3, 2, 1, 0}, [4] = {2, 3, 0, 1},
    [5] = {0, 2, 1, 3}, [6] = {1, 3, 0, 2}, [7] = {3, 1, 2, 0}, [8] = {2, 0, 3, 1},
};

static void all_eight_orientations_come_out_upright(void **state)
{
    for (int o = 1; o <= 8; o++) {
        uint32_t corners[4];
        for (int i = 0; i < 4; i++)
            corners[i] = red_green_blue_white[stored_corners[o][i]];
        struct image stored = sample_quadrants(*state, 96, 64, corners);
        struct str plain = sample_encode(*state, IMAGE_JPEG, &stored);
        struct str s = sample_with_orientation(*state, plain, o, o % 2);
        struct image_header h;
        struct image im;
        int scale;
        assert_int_equal(image_probe(s, PIXELS_MAX, &h, NULL), ERR_OK);
        assert_int_equal(h.orientation, o);
        assert_int_equal(image_decode(*state, s, PIXELS_MAX, 0, &im, &scale, NULL), ERR_OK);
        assert_int_equal(im.width, o >= 5 ? 64 : 96);
        assert_int_equal(im.height, o >= 5 ? 96 : 64);
        assert_int_equal(h.width, im.width);
        assert_int_equal(h.height, im.height);
        assert_quadrants(&im, red_green_blue_white);
    }
}

static void a_senseless_orientation_is_ignored(void **state)
{
    struct str s = sample_with_orientation(*state, sample(*state, IMAGE_JPEG), 9, true);
    struct image_header h;
    assert_int_equal(image_probe(s, PIXELS_MAX, &h, NULL), ERR_OK);
    assert_int_equal(h.orientation, 1);
}

static void a_jpeg_decodes_smaller_but_never_below_the_wanted_side(void **state)
{
    static const struct {
        int want, scale, width, height;
    } rows[] = {{0, 1, 801, 600},   {801, 1, 801, 600}, {402, 1, 801, 600}, {401, 2, 401, 300},
                {201, 4, 201, 150}, {101, 8, 101, 75},  {1, 8, 101, 75}};
    struct image full = sample_quadrants(*state, 801, 600, red_green_blue_white);
    struct str s = sample_encode(*state, IMAGE_JPEG, &full);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct image im;
        int scale;
        assert_int_equal(image_decode(*state, s, PIXELS_MAX, rows[i].want, &im, &scale, NULL),
                         ERR_OK);
        assert_int_equal(scale, rows[i].scale);
        assert_int_equal(im.width, rows[i].width);
        assert_int_equal(im.height, rows[i].height);
        assert_quadrants(&im, red_green_blue_white);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(every_format_decodes_to_its_pixels),
        T(an_empty_file_is_unsupported),
        T(other_bytes_are_unsupported),
        T(a_truncated_picture_is_an_error_at_any_length),
        T(stray_bytes_before_a_marker_cost_no_pixel),
        T(random_damage_never_crashes),
        T(a_png_that_declares_100000_squared_is_too_large),
        T(a_jpeg_that_declares_65500_squared_is_too_large),
        T(a_picture_over_the_callers_limit_is_too_large),
        T(no_memory_is_reported),
        T(all_eight_orientations_come_out_upright),
        T(a_senseless_orientation_is_ignored),
        T(a_jpeg_decodes_smaller_but_never_below_the_wanted_side),
    };
    return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
