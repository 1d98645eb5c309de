/* Augmentation and occlusion: what each does to a crop made here. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <math.h>

#include "vision/augment.h"
#include "vision/occlusion.h"

static struct crop crop, other;

static void fill(struct crop *c)
{
    c->side = CROP_SIDE;
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < CROP_PIXELS; i++)
            c->planes[p][i] = (uint8_t)(40 + (i * (67 + p)) % 160);
}

static const struct augment_variant rotated = {AUGMENT_ROTATE, 8}, dark = {AUGMENT_BRIGHTNESS, .5f},
                                    flat = {AUGMENT_CONTRAST, .5f}, soft = {AUGMENT_BLUR, 1},
                                    flipped = {AUGMENT_FLIP, 0};

static void kinds_are_read_from_a_list_and_nothing_else_is(void **state)
{
    (void)state;
    struct error e;
    unsigned kinds = 99;
    struct augment_variant v[AUGMENT_VARIANTS_MAX];
    assert_int_equal(augment_parse(STR(""), &kinds, &e), ERR_OK);
    assert_int_equal(augment_variants(kinds, v), 0);
    assert_int_equal(augment_parse(STR("rotate, flip"), &kinds, &e), ERR_OK);
    assert_int_equal(kinds, 1u << AUGMENT_ROTATE | 1u << AUGMENT_FLIP);
    assert_int_equal(augment_variants(kinds, v), 3);
    assert_int_equal(augment_parse(STR("rotate,brightness,contrast,blur,flip"), &kinds, &e),
                     ERR_OK);
    assert_int_equal(augment_variants(kinds, v), AUGMENT_VARIANTS_MAX);
    assert_int_equal(augment_parse(STR("rotate,,flip"), &kinds, &e), ERR_INVALID);
    assert_int_equal(augment_parse(STR("tilt"), &kinds, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "tilt"));
}

static void light_scales_about_black_and_contrast_about_the_mean(void **state)
{
    (void)state;
    double mean, deviation, changed_mean, changed_deviation;
    fill(&crop);
    crop_statistics(&crop, &mean, &deviation);
    other = crop;
    augment_crop(&other, &dark);
    crop_statistics(&other, &changed_mean, &changed_deviation);
    assert_true(fabs(changed_mean - mean / 2) < 1);
    other = crop;
    augment_crop(&other, &flat);
    crop_statistics(&other, &changed_mean, &changed_deviation);
    assert_true(fabs(changed_mean - mean) < 1 && fabs(changed_deviation - deviation / 2) < 1);
    other = crop;
    augment_crop(&other, &soft);
    crop_statistics(&other, &changed_mean, &changed_deviation);
    assert_true(fabs(changed_mean - mean) < 1 && changed_deviation < deviation * .8);
    other = crop;
    augment_crop(&other, &rotated);
    assert_memory_equal(other.planes, crop.planes, sizeof crop.planes);
}

static void a_mirror_image_mirrored_is_the_crop(void **state)
{
    (void)state;
    fill(&crop);
    other = crop;
    augment_crop(&other, &flipped);
    assert_int_equal(other.planes[1][5], crop.planes[1][CROP_SIDE - 1 - 5]);
    augment_crop(&other, &flipped);
    assert_memory_equal(other.planes, crop.planes, sizeof crop.planes);
}

/* A face upright in a box of 100 x 100 at 0, 0. */
static const struct face upright = {.box = {0, 0, 100, 100},
                                    .points = {{30, 40}, {70, 40}, {50, 60}, {35, 78}, {65, 78}}};

static void a_turned_face_is_turned_about_the_middle_of_its_box(void **state)
{
    (void)state;
    struct face f = augment_face(&upright, &rotated);
    float dy = f.points[1][1] - f.points[0][1], dx = f.points[1][0] - f.points[0][0];
    assert_true(fabsf(atan2f(dy, dx) * 57.29578f - 8) < .01f);
    assert_true(fabsf(hypotf(dx, dy) - 40) < .01f);
    struct face same = augment_face(&upright, &dark);
    assert_memory_equal(&same, &upright, sizeof same);
}

/* Skin with light and shade; below the nose `red, green, blue`, with that much shade. */
static void paint(struct crop *c, int red, int green, int blue, int shade)
{
    const int skin[3] = {200, 150, 120}, low[3] = {red, green, blue};
    c->side = CROP_SIDE;
    for (int p = 0; p < 3; p++)
        for (int i = 0; i < CROP_PIXELS; i++) {
            bool below = i / CROP_SIDE > CROP_SIDE * 3 / 5;
            int wave = i / 3 % 2 ? 1 : -1;
            c->planes[p][i] = (uint8_t)(below ? low[p] + wave * shade : skin[p] + wave * 25);
        }
}

static void a_covered_mouth_is_told_from_skin_shadow_and_beard(void **state)
{
    (void)state;
    static const struct crop_spec spec = {.width_factor = 1, .height_factor = 1, .side = CROP_SIDE};
    static const struct {
        const char *what;
        int red, green, blue, shade;
        bool covered;
    } rows[] = {
        {"bare", 205, 140, 115, 30, false},      {"in shadow", 110, 80, 62, 40, false},
        {"beard", 95, 75, 65, 40, false},        {"blue mask", 120, 170, 205, 30, true},
        {"white mask", 228, 228, 228, 25, true}, {"black mask", 30, 30, 32, 20, true},
        {"smooth", 205, 150, 120, 2, true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        paint(&crop, rows[i].red, rows[i].green, rows[i].blue, rows[i].shade);
        struct occlusion o = occlusion_of(&upright, &crop, &spec);
        if (o.covered != rows[i].covered)
            fail_msg("%s: shade %.1f skin %.1f difference %.2f", rows[i].what, (double)o.shade,
                     (double)o.skin, (double)o.difference);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_read_from_a_list_and_nothing_else_is),
        cmocka_unit_test(light_scales_about_black_and_contrast_about_the_mean),
        cmocka_unit_test(a_mirror_image_mirrored_is_the_crop),
        cmocka_unit_test(a_turned_face_is_turned_about_the_middle_of_its_box),
        cmocka_unit_test(a_covered_mouth_is_told_from_skin_shadow_and_beard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
