/* The face crop against a slow copy of its rule, its statistics, and the verdict on its quality. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vision/image_codecs.h"
#include "vision/quality.h"
#include "vision/resize.h"

#include <math.h>

static const struct crop_spec wide = {
    .preprocessing = "test", .side = 160, .width_factor = 1.15f, .height_factor = 1.05f};
static const struct crop_spec exact = {
    .preprocessing = "test", .side = 160, .width_factor = 1, .height_factor = 1};

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

/* Smooth, so that a small error of position shows as a small error of value. */
static struct image waves(struct arena *a, int width, int height)
{
    struct image im;
    assert_int_equal(image_new(a, width, height, &im, NULL), ERR_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                im.rgb[(y * width + x) * 3 + c] =
                    (uint8_t)(128 + 100 * sin(x * (.05 + c * .02)) * cos(y * .07 + c));
    return im;
}

static double clamped(double v, int size) { return v < 0 ? 0 : v > size - 1 ? size - 1 : v; }

static int slow_sample(const struct image *im, double x, double y, int c)
{
    x = clamped(x, im->width);
    y = clamped(y, im->height);
    int x0 = (int)x, y0 = (int)y;
    int x1 = x0 + 1 < im->width ? x0 + 1 : x0, y1 = y0 + 1 < im->height ? y0 + 1 : y0;
    const uint8_t *p = im->rgb + c;
    double top =
        p[(y0 * im->width + x0) * 3] * (1 - x + x0) + p[(y0 * im->width + x1) * 3] * (x - x0);
    double low =
        p[(y1 * im->width + x0) * 3] * (1 - x + x0) + p[(y1 * im->width + x1) * 3] * (x - x0);
    return (int)floor(top * (1 - y + y0) + low * (y - y0) + .5);
}

/* The rule at the head of tests/golden/reference.py; the whole picture is averaged. */
static void assert_follows_rule(struct arena *a, struct image im, const struct face *f,
                                const struct crop_spec *spec, const struct crop *crop)
{
    double angle = atan2(f->points[1][1] - f->points[0][1], f->points[1][0] - f->points[0][0]);
    double w = spec->width_factor * f->box[2], h = spec->height_factor * f->box[3];
    double side = w > h ? w : h;
    int factor = side > 320 ? (int)(side / 160) : 1;
    struct image_area all = {0, 0, im.width / factor, im.height / factor};
    if (factor > 1)
        assert_int_equal(image_box_average(a, &im, factor, all, &im, NULL), ERR_OK);
    for (int v = 0; v < CROP_SIDE; v++)
        for (int u = 0; u < CROP_SIDE; u++) {
            double du = (u - 80) * w / 160, dv = (v - 80) * h / 160;
            double x = f->box[0] + f->box[2] / 2 + cos(angle) * du - sin(angle) * dv;
            double y = f->box[1] + f->box[3] / 2 + sin(angle) * du + cos(angle) * dv;
            x = (x - (factor - 1) / 2.) / factor;
            y = (y - (factor - 1) / 2.) / factor;
            for (int c = 0; c < 3; c++)
                assert_in_range(crop->planes[c][v * CROP_SIDE + u] - slow_sample(&im, x, y, c) + 1,
                                0, 2);
        }
}

static void crops_follow_the_reference_rule(void **state)
{
    static const struct face faces[] = {
        {.box = {100, 80, 90, 120}, .points = {{120, 120}, {170, 121}}},   /* upright */
        {.box = {100, 80, 90, 120}, .points = {{120, 120}, {160, 160}}},   /* tilted */
        {.box = {100, 80, 90, 120}, .points = {{170, 120}, {120, 121}}},   /* upside down */
        {.box = {-40, -50, 120, 150}, .points = {{10, 10}, {60, 15}}},     /* over the corner */
        {.box = {500, 400, 200, 250}, .points = {{550, 450}, {650, 455}}}, /* over the other */
        {.box = {50, 20, 400, 430}, .points = {{150, 150}, {340, 130}}},   /* averaged first */
        {.box = {-300, -200, 1500, 1200}, .points = {{150, 150}, {340, 300}}},
        {.box = {2000, 2000, 100, 100}, .points = {{2020, 2030}, {2080, 2030}}}, /* outside */
    };
    struct image im = waves(*state, 640, 480);
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    for (size_t i = 0; i < ARRAY_LEN(faces); i++) {
        assert_int_equal(align_face(*state, &im, &faces[i], &wide, crop, NULL), ERR_OK);
        assert_follows_rule(*state, im, &faces[i], &wide, crop);
    }
}

static void a_box_of_160_with_level_eyes_is_copied(void **state)
{
    struct image im = waves(*state, 300, 300);
    struct face f = {.box = {20, 30, 160, 160}, .points = {{60, 90}, {140, 90}}};
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    assert_int_equal(align_face(*state, &im, &f, &exact, crop, NULL), ERR_OK);
    for (int v = 0; v < CROP_SIDE; v++)
        for (int u = 0; u < CROP_SIDE; u++)
            assert_int_equal(crop->planes[1][v * CROP_SIDE + u],
                             im.rgb[((v + 30) * 300 + u + 20) * 3 + 1]);
}

/* Red is x, green is y: a crop's pixel says where it was read. */
static struct image positions(struct arena *a)
{
    struct image im;
    assert_int_equal(image_new(a, 250, 250, &im, NULL), ERR_OK);
    for (int y = 0; y < 250; y++)
        for (int x = 0; x < 250; x++) {
            im.rgb[(y * 250 + x) * 3] = (uint8_t)x;
            im.rgb[(y * 250 + x) * 3 + 1] = (uint8_t)y;
        }
    return im;
}

static const float pattern[FACE_POINTS][2] = {{30, 40}, {98, 40}, {64, 70}, {40, 100}, {88, 100}};
static const struct crop_spec five = {.preprocessing = "test", .side = 128, .points = pattern};

static void five_points_land_where_the_encoder_wants_them(void **state)
{
    static const double turns[] = {0, .4, -1.2, 3.1};
    struct image im = positions(*state);
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        struct face f = {.box = {0, 0, 1, 1}};
        for (int p = 0; p < FACE_POINTS; p++) {
            double x = .8 * (pattern[p][0] - 64), y = .8 * (pattern[p][1] - 64);
            f.points[p][0] = (float)(120 + cos(turns[i]) * x - sin(turns[i]) * y);
            f.points[p][1] = (float)(125 + sin(turns[i]) * x + cos(turns[i]) * y);
        }
        assert_int_equal(align_face(*state, &im, &f, &five, crop, NULL), ERR_OK);
        assert_int_equal(crop->side, 128);
        for (int p = 0; p < FACE_POINTS; p++) {
            int at = (int)pattern[p][1] * 128 + (int)pattern[p][0];
            assert_true(fabs(crop->planes[0][at] - (double)f.points[p][0]) < .51);
            assert_true(fabs(crop->planes[1][at] - (double)f.points[p][1]) < .51);
        }
    }
}

static void points_that_fix_no_transform_read_inside_the_picture(void **state)
{
    static const struct face faces[] = {
        {.points = {{50, 60}, {50, 60}, {50, 60}, {50, 60}, {50, 60}}},
        {.points = {{98, 100}, {30, 100}, {64, 70}, {88, 40}, {40, 40}}}, /* all but upside down */
        {.points = {{1e9f, 0}, {-1e9f, 5}, {3, 1e9f}, {0, 0}, {7, -1e9f}}},
    };
    struct image im = positions(*state);
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    for (size_t i = 0; i < ARRAY_LEN(faces); i++)
        assert_int_equal(align_face(*state, &im, &faces[i], &five, crop, NULL), ERR_OK);
    assert_int_equal(align_face(*state, &im, &faces[0], &five, crop, NULL), ERR_OK);
    assert_int_equal(crop->planes[0][0], 50);
    assert_int_equal(crop->planes[1][128 * 128 - 1], 60);
}

static void tensors_have_the_scaling_and_the_colours_asked_for(void **state)
{
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    float t[3 * 4];
    crop->side = 2;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 4; i++)
            crop->planes[c][i] = (uint8_t)(100 * c + i);
    crop_to_tensor(crop, CROP_RAW, CROP_RGB, t);
    assert_true(t[0] == 0 && t[5] == 101 && t[11] == 203);
    crop_to_tensor(crop, CROP_RAW, CROP_BGR, t);
    assert_true(t[0] == 200 && t[5] == 101 && t[11] == 3);
    crop_to_tensor(crop, CROP_FIXED, CROP_RGB, t);
    assert_true(t[5] == (101 - 127.5f) / 128);
}

static void a_picture_of_one_pixel_can_be_cropped(void **state)
{
    uint8_t pixel[3] = {10, 20, 30};
    struct image im = {.width = 1, .height = 1, .rgb = pixel};
    struct face f = {.box = {0, 0, 1000, 1000}, .points = {{1, 1}, {2, 1}}};
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    assert_int_equal(align_face(*state, &im, &f, &wide, crop, NULL), ERR_OK);
    assert_int_equal(crop->planes[2][CROP_PIXELS - 1], 30);
}

static void a_standardised_crop_has_mean_0_and_deviation_1(void **state)
{
    struct image im = waves(*state, 300, 300);
    struct face f = {.box = {20, 30, 150, 170}, .points = {{60, 90}, {140, 95}}};
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    float *t = arena_array(*state, 3 * CROP_PIXELS, sizeof *t);
    assert_int_equal(align_face(*state, &im, &f, &wide, crop, NULL), ERR_OK);
    crop_to_tensor(crop, CROP_STANDARDISED, CROP_RGB, t);
    double sum = 0, squares = 0;
    for (int i = 0; i < 3 * CROP_PIXELS; i++) {
        sum += t[i];
        squares += (double)t[i] * t[i];
    }
    assert_true(fabs(sum / (3 * CROP_PIXELS)) < 1e-5);
    assert_true(fabs(squares / (3 * CROP_PIXELS) - 1) < 1e-5);
}

static void a_flat_crop_becomes_zeros_not_infinities(void **state)
{
    struct crop *crop = arena_alloc(*state, sizeof *crop);
    float *t = arena_array(*state, 3 * CROP_PIXELS, sizeof *t);
    memset(crop, 77, sizeof *crop);
    crop->side = CROP_SIDE;
    crop_to_tensor(crop, CROP_STANDARDISED, CROP_RGB, t);
    for (int i = 0; i < 3 * CROP_PIXELS; i++)
        assert_true(fabsf(t[i]) < 1e-2f);
}

static const struct face frontal = {.box = {0, 0, 100, 130},
                                    .points = {{30, 50}, {70, 50}, {50, 72}, {34, 90}, {66, 90}}};

static enum face_flaw flaw_of(struct arena *a, const struct face *f, int level, int contrast,
                              float width, float *ret_quality)
{
    struct crop *crop = arena_alloc(a, sizeof *crop);
    for (int i = 0; i < CROP_PIXELS; i++) {
        int x = i % CROP_SIDE, y = i / CROP_SIDE;
        int v =
            level + (contrast ? ((x / 8 + y / 8) % 2 ? contrast : -contrast) : (x + y) / 2 - 80);
        for (int c = 0; c < 3; c++)
            crop->planes[c][i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
    struct face_quality q = quality_of(f, crop, width, 28);
    if (ret_quality)
        *ret_quality = q.quality;
    return q.flaw;
}

static void a_sharp_frontal_face_is_good(void **state)
{
    float quality = 0;
    assert_int_equal(flaw_of(*state, &frontal, 120, 40, 120, &quality), FACE_OK);
    assert_true(quality > .8f && quality <= 1);
}

static void each_flaw_has_its_verdict(void **state)
{
    struct face profile = frontal, down = frontal, lying = frontal, collapsed = frontal;
    profile.points[2][0] = 105;
    down.points[2][1] = 106;
    lying.points[1][0] = 31;
    lying.points[1][1] = 90;
    collapsed.points[1][0] = 30;
    const struct {
        const struct face *f;
        int level, contrast;
        float width;
        enum face_flaw flaw;
    } rows[] = {
        {&frontal, 120, 40, 27, FACE_TOO_SMALL}, {&frontal, 120, 40, 28, FACE_OK},
        {&frontal, 10, 9, 120, FACE_TOO_DARK},   {&frontal, 245, 9, 120, FACE_TOO_BRIGHT},
        {&frontal, 120, 0, 120, FACE_BLURRED},   {&profile, 120, 40, 120, FACE_POSE},
        {&down, 120, 40, 120, FACE_POSE},        {&lying, 120, 40, 120, FACE_POSE},
        {&collapsed, 120, 40, 120, FACE_POSE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(
            flaw_of(*state, rows[i].f, rows[i].level, rows[i].contrast, rows[i].width, NULL),
            rows[i].flaw);
}

static void pose_has_the_right_sign(void **state)
{
    (void)state;
    struct face f = frontal;
    struct face_pose p = face_pose_of(&f);
    assert_true(fabsf(p.yaw) < 1 && fabsf(p.pitch) < 5 && fabsf(p.roll) < 1);
    f.points[2][0] += 8;
    assert_true(face_pose_of(&f).yaw > 10);
    f = frontal;
    f.points[1][1] += 20;
    assert_true(face_pose_of(&f).roll > 20);
}

static void every_flaw_has_a_name(void **state)
{
    (void)state;
    for (int i = 0; i < FACE_FLAW_N; i++)
        assert_non_null(face_flaw_name((enum face_flaw)i));
    assert_string_equal(face_flaw_name(FACE_TOO_SMALL), "too_small");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(crops_follow_the_reference_rule),
        T(a_box_of_160_with_level_eyes_is_copied),
        T(five_points_land_where_the_encoder_wants_them),
        T(points_that_fix_no_transform_read_inside_the_picture),
        T(tensors_have_the_scaling_and_the_colours_asked_for),
        T(a_picture_of_one_pixel_can_be_cropped),
        T(a_standardised_crop_has_mean_0_and_deviation_1),
        T(a_flat_crop_becomes_zeros_not_infinities),
        T(a_sharp_frontal_face_is_good),
        T(each_flaw_has_its_verdict),
        T(pose_has_the_right_sign),
        T(every_flaw_has_a_name),
    };
    return cmocka_run_group_tests_name("align", tests, NULL, NULL);
}
