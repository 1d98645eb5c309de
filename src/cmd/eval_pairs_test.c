/* Tests of cmd/eval_pairs.h and of the choice of the main face. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/mem.h"
#include "cmd/eval_pairs.h"

#include <math.h>
#include <unistd.h>

#define NEAR 1e-6
#define assert_near(x, wanted) assert_true(fabs((double)(x) - (double)(wanted)) < NEAR)

static const float right[2] = {1, 0}, up[2] = {0, 1}, slope[2] = {0.6f, 0.8f};

static struct eval_photo photos[] = {
    {.name = "Ann/Ann_0001.jpg", .person = 0, .vector = right},
    {.name = "Ann/Ann_0002.png", .person = 0, .vector = slope},
    {.name = "Bo_Li/Bo_Li_0010.jpg", .person = 1, .vector = up},
    {.name = "Bo_Li/Bo_Li_0011.jpg", .person = 1, .state = EVAL_NO_FACE},
};

static const struct eval_photos set = {
    .photos = photos, .n = ARRAY_LEN(photos), .n_people = 2, .dim = 2};

static enum err read_text(const char *text, struct eval_pairs *pairs, struct error *e)
{
    char path[] = "/tmp/eval-pairs-XXXXXX";
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    enum err r = eval_pairs_read(path, &set, a, pairs, e);
    unlink(path);
    return r;
}

static void pairs_get_their_scores_folds_and_kinds(void **state)
{
    struct eval_pairs p;
    (void)state;
    assert_int_equal(
        read_text("2\t1\nAnn\t1\t2\nAnn\t1\tBo_Li\t10\nAnn 1 2\nAnn 2 Bo_Li 10\n", &p, NULL),
        ERR_OK);
    assert_int_equal(p.scores.n, 4);
    assert_int_equal(p.scores.n_genuine, 2);
    assert_int_equal(p.scores.folds, 2);
    assert_false(p.scores.balanced);
    assert_near(p.scores.rows[0].score, 0);
    assert_int_equal(p.scores.rows[0].fold, 0);
    assert_near(p.scores.rows[3].score, 0.8);
    assert_int_equal(p.scores.rows[3].fold, 1);
    assert_false(p.scores.rows[3].same);
    mem_free(p.scores.rows);
}

static void a_pair_without_both_faces_is_left_out_and_moves_no_fold(void **state)
{
    struct eval_pairs p;
    (void)state;
    assert_int_equal(
        read_text("2 1\nBo_Li 10 11\nAnn 1 Nobody 1\nAnn 1 2\nAnn 2 Bo_Li 10\n", &p, NULL), ERR_OK);
    assert_int_equal(p.left_out, 2);
    assert_int_equal(p.scores.n, 2);
    assert_int_equal(p.scores.rows[0].fold, 1);
    mem_free(p.scores.rows);
}

static void a_bad_file_is_an_error_that_names_the_line(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"", "first line"},
        {"1 5\n", "first line"},
        {"2 many\nAnn 1 2\n", "first line"},
        {"2 1\nAnn 1\n", "line 2"},
        {"2 1\nAnn 1 x\n", "line 2"},
        {"2 1\nAnn 1 -2\n", "line 2"},
        {"2 1\nAnn 1 2\nAnn 1 2 3 4\n", "line 3"},
        {"2 1\nAnn 1 2\nAnn 1 2\nAnn 1 2\nAnn 1 2\nAnn 1 2\n", "line 6"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error e = {.code = ERR_OK};
        struct eval_pairs p;
        assert_int_equal(read_text(cases[i].text, &p, &e), ERR_INVALID);
        assert_non_null(strstr(e.msg, cases[i].says));
    }
}

static void pairs_of_other_photos_only_are_an_error(void **state)
{
    struct eval_pairs p;
    (void)state;
    assert_int_equal(read_text("2 1\nX 1 2\nX 1 Y 1\n", &p, NULL), ERR_UNPROCESSABLE);
}

static void all_pairs_are_every_two_photos_with_people_in_one_fold(void **state)
{
    static const float x[] = {1, 0, 0.6f, 0.8f, 0, 1};
    static const int first[] = {0, 2, 3};
    const struct eval_faces f = {.x = x, .first = first, .n = 3, .dim = 2, .people = 2};
    struct eval_pairs p;
    (void)state;
    assert_int_equal(eval_pairs_all(&f, &p, NULL), ERR_OK);
    assert_int_equal(p.scores.n, 3);
    assert_int_equal(p.scores.n_genuine, 1);
    assert_int_equal(p.stride, 1);
    assert_true(p.scores.balanced);
    for (size_t i = 0; i < p.scores.n; i++)
        assert_int_equal(p.scores.rows[i].fold, p.scores.rows[i].same ? 0 : -1);
    mem_free(p.scores.rows);
}

static void the_main_face_is_big_and_near_the_centre(void **state)
{
    static const struct {
        float boxes[2][4];
        int scale, main;
    } cases[] = {
        {{{75, 75, 100, 100}, {110, 110, 30, 30}}, 1, 0},
        {{{0, 0, 80, 80}, {90, 90, 70, 70}}, 1, 1},    /* bigger, but in the corner */
        {{{0, 0, 80, 80}, {90, 90, 70, 70}}, 4, 1},    /* the same picture, four times as large */
        {{{100, 85, 81, 80}, {85, 85, 80, 80}}, 1, 1}, /* about the same: the nearer one */
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct vision_face faces[2] = {0};
        struct vision_result r = {
            .width = 250 * cases[i].scale, .height = 250 * cases[i].scale, .faces = faces, .n = 2};
        for (int k = 0; k < 8; k++)
            faces[k / 4].face.box[k % 4] = cases[i].boxes[k / 4][k % 4] * (float)cases[i].scale;
        assert_int_equal(eval_main_face(&r), cases[i].main);
    }
    assert_int_equal(eval_main_face(&(struct vision_result){.width = 9, .height = 9}), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_get_their_scores_folds_and_kinds),
        cmocka_unit_test(a_pair_without_both_faces_is_left_out_and_moves_no_fold),
        cmocka_unit_test(a_bad_file_is_an_error_that_names_the_line),
        cmocka_unit_test(pairs_of_other_photos_only_are_an_error),
        cmocka_unit_test(all_pairs_are_every_two_photos_with_people_in_one_fold),
        cmocka_unit_test(the_main_face_is_big_and_near_the_centre),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
