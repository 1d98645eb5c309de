/* Tests of vision/eyes on drawn eyes: a disc of iris between lids, which close over it. Drawn lids
 * test the rule; what the number does on real faces is measured by bench/challenge_figures.py. */
#include "vision/eyes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* How the face is drawn. */
struct look {
    float size;  /* pixels between the eyes */
    float turn;  /* radians */
    float light; /* 1: skin 200 of 255 */
    float lids;  /* 1 open .. 0 closed */
};

static float shade(float u, float v, float lids) /* in eye distances from the eye; luma of 200 */
{
    const float half = .07f * lids; /* half the height of the open eye */
    if (fabsf(u) < .25f && fabsf(fabsf(v) - half) < .012f)
        return 60; /* lashes: one line on the other when closed */
    if (fabsf(v) < half && u * u + v * v < .09f * .09f)
        return 40; /* iris */
    if (fabsf(v) < half && fabsf(u) < .25f)
        return 230; /* white */
    return 200;
}

static float draw_and_measure(const struct look *l)
{
    enum { SIDE = 300 };
    _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
    struct image im = {.width = SIDE, .height = SIDE, .rgb = arena_alloc(a, SIDE * SIDE * 3)};
    float c = cosf(l->turn), s = sinf(l->turn), open = -1;
    struct face f = {.points = {{SIDE / 2 - c * l->size / 2, SIDE / 2 - s * l->size / 2},
                                {SIDE / 2 + c * l->size / 2, SIDE / 2 + s * l->size / 2}}};
    assert_non_null(im.rgb);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float value = 200;
            for (int eye = 0; eye < 2; eye++) {
                float dx = ((float)x - f.points[eye][0]) / l->size;
                float dy = ((float)y - f.points[eye][1]) / l->size;
                float v = shade(c * dx + s * dy, c * dy - s * dx, l->lids);
                value = v != 200 ? v : value;
            }
            for (int p = 0; p < 3; p++)
                im.rgb[(y * SIDE + x) * 3 + p] = (uint8_t)fminf(255, value * l->light);
        }
    assert_int_equal(eyes_open(a, &im, &f, &open, NULL), ERR_OK);
    return open;
}

static void closing_lids_make_the_number_fall(void **state)
{
    (void)state;
    float before = 2;
    for (float lids = 1; lids > -.01f; lids -= .25f) {
        float open = draw_and_measure(&(struct look){100, 0, 1, lids});
        assert_true(open < before);
        before = open;
    }
}

static void closed_is_far_below_open_whatever_the_size_turn_and_light(void **state)
{
    (void)state;
    static const struct look looks[] = {{100, 0, 1, 0},   {64, 0, 1, 0},    {40, 0, 1, 0},
                                        {150, 0, 1, 0},   {100, .3f, 1, 0}, {100, -.3f, 1, 0},
                                        {100, 0, .4f, 0}, {100, 0, 1.2f, 0}};
    for (size_t i = 0; i < ARRAY_LEN(looks); i++) {
        struct look open = looks[i];
        open.lids = 1;
        float o = draw_and_measure(&open), c = draw_and_measure(&looks[i]);
        assert_in_range((int)(100 * o), 40, 90);
        assert_true(c < .62f * o); /* what a challenge calls closed */
    }
}

static void a_face_without_eyes_and_one_of_no_size_are_numbers(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(8 * MIB);
    uint8_t black[16 * 16 * 3] = {0};
    struct image im = {.width = 16, .height = 16, .rgb = black};
    struct face nothing = {.points = {{4, 4}, {4, 4}}}, far = {.points = {{-900, 0}, {900, 5}}};
    float open = NAN;
    assert_int_equal(eyes_open(a, &im, &nothing, &open, NULL), ERR_OK);
    assert_true(open >= 0 && open <= 1);
    assert_int_equal(eyes_open(a, &im, &far, &open, NULL), ERR_OK);
    assert_true(open >= 0 && open <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closing_lids_make_the_number_fall),
        cmocka_unit_test(closed_is_far_below_open_whatever_the_size_turn_and_light),
        cmocka_unit_test(a_face_without_eyes_and_one_of_no_size_are_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
