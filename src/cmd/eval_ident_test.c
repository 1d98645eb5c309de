/* Tests of cmd/eval_ident.h on vectors in the plane, where every cosine is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/eval_ident.h"

#include <math.h>

#define NEAR 1e-5
#define assert_near(x, wanted) assert_true(fabs((double)(x) - (double)(wanted)) < NEAR)
enum { PHOTOS_MAX = 4096, PEOPLE_MAX = 512 };

/* Photos as angles in degrees; the cosine of two is that of the angle between. */
struct plane {
    float x[PHOTOS_MAX][2];
    int first[PEOPLE_MAX + 1];
    struct eval_faces faces;
};

static void add_person(struct plane *p, const double *degrees, int n)
{
    for (int i = 0; i < n; i++) {
        double angle = degrees[i] * M_PI / 180;
        p->x[p->faces.n][0] = (float)cos(angle);
        p->x[p->faces.n++][1] = (float)sin(angle);
    }
    p->first[++p->faces.people] = p->faces.n;
    p->faces.dim = 2;
    p->faces.x = p->x[0];
    p->faces.first = p->first;
}

static double cosine(double degrees) { return cos(degrees * M_PI / 180); }

static int open_arena(void **state)
{
    *state = arena_new(64 * MIB);
    return *state ? 0 : -1;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

/* Two people with probes 5 and 20 degrees off, and 100 strangers far away but one, 10 degrees off.
 */
static void class_of_two(struct plane *p)
{
    *p = (struct plane){0};
    add_person(p, (const double[]){0, 5}, 2);
    add_person(p, (const double[]){180, 200}, 2);
    add_person(p, (const double[]){10}, 1);
    for (int i = 0; i < 99; i++)
        add_person(p, (const double[]){90 + 0.01 * i}, 1);
}

static void strangers_set_the_threshold_and_probes_must_pass_it(void **state)
{
    struct plane p;
    struct eval_ident r;
    class_of_two(&p);
    assert_int_equal(eval_identify(&p.faces, 2, 1, 1, *state, &r, NULL), ERR_OK);
    assert_int_equal(r.probes, 2);
    assert_int_equal(r.strangers, 100);
    assert_near(r.rank1, 1);
    /* 1 % of 100 strangers: the nearest one may get a name, the next one sets the threshold. */
    assert_near(r.threshold[0], cosine(180 - 90.98));
    assert_near(r.tpir[0], 1);
}

static void a_rate_below_one_sighting_is_not_measured(void **state)
{
    struct plane p;
    struct eval_ident r;
    class_of_two(&p);
    assert_int_equal(eval_identify(&p.faces, 2, 1, 1, *state, &r, NULL), ERR_OK);
    assert_true(isnan(r.tpir[1]) && isnan(r.threshold[1]));
}

static void the_wrong_name_is_no_hit_however_high_it_scores(void **state)
{
    struct plane p = {0};
    struct eval_ident r;
    add_person(&p, (const double[]){0, 44}, 2); /* nearer to the other person */
    add_person(&p, (const double[]){50, 51}, 2);
    for (int i = 0; i < 100; i++)
        add_person(&p, (const double[]){200 + 0.01 * i}, 1);
    assert_int_equal(eval_identify(&p.faces, 2, 1, 1, *state, &r, NULL), ERR_OK);
    assert_near(r.rank1, 0.5);
    assert_near(r.tpir[0], 0.5);
}

static void a_stranger_weighs_the_same_with_many_photos(void **state)
{
    struct plane p = {0};
    struct eval_ident r;
    add_person(&p, (const double[]){0, 0, 1}, 3);
    add_person(&p, (const double[]){180, 180, 181}, 3);
    /* Two photos of one stranger weigh half of 1 in 100 each: both fit into 1 %. */
    add_person(&p, (const double[]){10, 11}, 2);
    for (int i = 0; i < 99; i++)
        add_person(&p, (const double[]){90 + 0.01 * i}, 1);
    assert_int_equal(eval_identify(&p.faces, 2, 2, 1, *state, &r, NULL), ERR_OK);
    assert_int_equal(r.sightings, 101);
    assert_near(r.threshold[0], cosine(180 - 90.98));
}

static void a_template_is_the_mean_of_its_photos(void **state)
{
    struct plane p = {0};
    struct eval_ident r;
    add_person(&p, (const double[]){0, 20, 40, 20}, 4); /* mean at 20 */
    add_person(&p, (const double[]){180, 180, 180, 180}, 4);
    for (int i = 0; i < 100; i++)
        add_person(&p, (const double[]){20.5}, 1);
    assert_int_equal(eval_identify(&p.faces, 2, 3, 1, *state, &r, NULL), ERR_OK);
    assert_near(r.threshold[0], cosine(0.5));
    assert_near(r.tpir[0], 1);
}

static void too_few_people_are_an_error_that_counts_them(void **state)
{
    struct plane p;
    struct eval_ident r;
    struct error e = {.code = ERR_OK};
    class_of_two(&p);
    assert_int_equal(eval_identify(&p.faces, 3, 1, 1, *state, &r, &e), ERR_UNPROCESSABLE);
    assert_non_null(strstr(e.msg, "2 people"));
}

static void the_rate_at_a_threshold_counts_strangers(void **state)
{
    struct plane p;
    int who[PEOPLE_MAX];
    double fpir = 0;
    class_of_two(&p);
    for (int i = 0; i < p.faces.people; i++)
        who[i] = i;
    /* Only the two with two photos are able; one gallery of two. */
    assert_int_equal(
        eval_fpir_at(&p.faces, who, p.faces.people, 2, 2, cosine(20), *state, &fpir, NULL), ERR_OK);
    assert_near(fpir, 1 / 100.0);
    assert_int_equal(
        eval_fpir_at(&p.faces, who, p.faces.people, 2, 2, 0.99999, *state, &fpir, NULL), ERR_OK);
    assert_near(fpir, 0);
    assert_int_equal(eval_fpir_at(&p.faces, who, p.faces.people, 3, 2, 0, *state, &fpir, NULL),
                     ERR_OK);
    assert_true(isnan(fpir));
}

enum { DIM = 32, CROWD = 400 };

/* Random directions in 32 dimensions: scores of strangers lie about a bell round 0. */
static void make_crowd(float x[CROWD][DIM], int first[CROWD + 1], int who[CROWD])
{
    uint64_t seed = 11;
    for (int i = 0; i < CROWD; i++) {
        double squares = 0, v[DIM];
        for (int k = 0; k < DIM; k++) {
            v[k] = -6;
            for (int u = 0; u < 12; u++)
                v[k] += (double)(eval_random(&seed) >> 11) / 9007199254740992.0;
            squares += v[k] * v[k];
        }
        for (int k = 0; k < DIM; k++)
            x[i][k] = (float)(v[k] / sqrt(squares));
        first[i + 1] = i + 1;
        who[i] = i;
    }
}

static double share_above(float x[CROWD][DIM], double score)
{
    int above = 0;
    for (int i = 0; i < CROWD; i++)
        for (int j = 0; j < CROWD; j++) {
            double sum = 0;
            for (int k = 0; k < DIM; k++)
                sum += (double)x[i][k] * (double)x[j][k];
            above += i != j && sum > score;
        }
    return above / (CROWD * (CROWD - 1.0));
}

static void the_fitted_table_gives_back_the_measured_rate(void **state)
{
    static float x[CROWD][DIM];
    static int first[CROWD + 1], who[CROWD];
    const struct eval_faces f = {
        .x = x[0], .first = first, .n = CROWD, .dim = DIM, .people = CROWD};
    struct eval_table t;
    make_crowd(x, first, who);
    assert_int_equal(eval_fit_table(&f, who, CROWD, 1, *state, &t, NULL), ERR_OK);
    assert_int_equal(t.pairs, CROWD * (CROWD - 1));
    for (double s = 0.42; s < 0.6; s += 0.04)
        assert_true(fabs(t.curve.c0 + t.curve.c1 * s + t.curve.c2 * s * s -
                         log10(share_above(x, s))) < 0.1);
}

static void few_people_give_no_table(void **state)
{
    struct plane p;
    struct eval_table t;
    int who[PEOPLE_MAX];
    class_of_two(&p);
    for (int i = 0; i < p.faces.people; i++)
        who[i] = i;
    assert_int_equal(eval_fit_table(&p.faces, who, p.faces.people, 1, *state, &t, NULL),
                     ERR_UNPROCESSABLE);
}

/* Of two templates each is the other's cohort: every score falls by the same h. */
static void hubs_of_two_shift_all_scores_alike(void **state)
{
    struct plane p;
    struct eval_ident plain, hub;
    class_of_two(&p);
    assert_int_equal(eval_identify(&p.faces, 2, 1, 1, *state, &plain, NULL), ERR_OK);
    p.faces.hub = true;
    assert_int_equal(eval_identify(&p.faces, 2, 1, 1, *state, &hub, NULL), ERR_OK);
    assert_float_equal(hub.rank1, plain.rank1, 0);
    for (int k = 0; k < EVAL_FPIR_N; k++) {
        assert_int_equal(isnan(hub.tpir[k]), isnan(plain.tpir[k]));
        if (!isnan(plain.tpir[k]))
            assert_float_equal(hub.tpir[k], plain.tpir[k], 0);
        if (k && !isnan(plain.threshold[k]))
            assert_true(fabs((hub.threshold[k] - plain.threshold[k]) -
                             (hub.threshold[0] - plain.threshold[0])) < 1e-6);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(strangers_set_the_threshold_and_probes_must_pass_it),
        TEST(a_rate_below_one_sighting_is_not_measured),
        TEST(the_wrong_name_is_no_hit_however_high_it_scores),
        TEST(a_stranger_weighs_the_same_with_many_photos),
        TEST(a_template_is_the_mean_of_its_photos),
        TEST(too_few_people_are_an_error_that_counts_them),
        TEST(the_rate_at_a_threshold_counts_strangers),
        TEST(the_fitted_table_gives_back_the_measured_rate),
        TEST(few_people_give_no_table),
        TEST(hubs_of_two_shift_all_scores_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
