/* Hub correction against brute force: rebuilt, changed, and with few students. */
#include "gallery/hub.h"

#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DIM = 20, PROBES = 70, MANY = 2300 };

static uint64_t seed = 42;

static float noise(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (float)((double)(seed >> 11) / (double)(1ull << 53) * 2 - 1);
}

/* Not evenly spread, so that there are hubs. */
static void unit_vector(float *vec)
{
    float sum = 0;
    for (int i = 0; i < DIM; i++) {
        vec[i] = noise() + (i == 0 ? .8f : 0);
        sum += vec[i] * vec[i];
    }
    for (int i = 0; i < DIM; i++)
        vec[i] /= sqrtf(sum);
}

static float cosine(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

struct crowd {
    size_t n;
    struct gallery_entry *entries;
    float *vecs;
};

static struct crowd crowd_new(size_t n)
{
    struct crowd c = {.n = n,
                      .entries = mem_array(n, sizeof *c.entries),
                      .vecs = mem_array(n * DIM, sizeof *c.vecs)};
    assert_true(c.entries && c.vecs);
    for (size_t i = 0; i < n; i++) {
        id_new(c.entries[i].student.text);
        unit_vector(c.vecs + i * DIM);
        c.entries[i].vec = c.vecs + i * DIM;
    }
    return c;
}

static void crowd_free(struct crowd *c)
{
    mem_free(c->entries);
    mem_free(c->vecs);
}

/* h of entry i, all others the cohort. */
static float brute_hub(const struct crowd *c, const struct gallery_entry *of)
{
    float *scores = mem_array(c->n + 1, sizeof *scores);
    size_t n = 0;
    for (size_t k = 0; k < c->n; k++)
        if (strcmp(c->entries[k].student.text, of->student.text) != 0)
            scores[n++] = cosine(of->vec, c->entries[k].vec);
    float h = gallery_hub_mean(scores, n);
    mem_free(scores);
    return h;
}

static void assert_searches(struct gallery *g, const struct crowd *c, const float *hubs)
{
    static float probes[PROBES * DIM];
    static struct gallery_match found[PROBES];
    for (int i = 0; i < PROBES; i++)
        unit_vector(probes + i * DIM);
    assert_int_equal(gallery_search(g, probes, PROBES, found, NULL), ERR_OK);
    for (int i = 0; i < PROBES; i++) {
        size_t best = 0;
        float top = -9;
        for (size_t k = 0; k < c->n; k++) {
            float score = cosine(probes + i * DIM, c->entries[k].vec) - hubs[k];
            if (score > top) {
                top = score;
                best = k;
            }
        }
        assert_true(found[i].hub);
        assert_float_equal(found[i].best[0].score, top, 1e-5);
        assert_string_equal(found[i].best[0].student.text, c->entries[best].student.text);
        assert_float_equal(found[i].best[0].cosine, cosine(probes + i * DIM, c->entries[best].vec),
                           1e-5);
        for (int k = 1; k < found[i].n; k++)
            assert_true(found[i].best[k].score <= found[i].best[k - 1].score);
    }
}

static struct gallery *gallery_with_hubs(const struct crowd *c, size_t n)
{
    struct gallery *g = NULL;
    assert_int_equal(gallery_new(DIM, &g, NULL), ERR_OK);
    gallery_set_hub_from(g, 1);
    assert_int_equal(gallery_rebuild(g, c->entries, n, NULL), ERR_OK);
    assert_true(gallery_is_hub(g));
    return g;
}

static void scores_are_those_of_brute_force(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 39, 40, 41, 150, 400};
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        struct crowd c = crowd_new(sizes[s]);
        float *hubs = mem_array(c.n, sizeof *hubs);
        struct gallery *g = gallery_with_hubs(&c, c.n);
        for (size_t i = 0; i < c.n; i++)
            hubs[i] = brute_hub(&c, &c.entries[i]);
        assert_searches(g, &c, hubs);
        gallery_free(g);
        mem_free(hubs);
        crowd_free(&c);
    }
}

static void a_new_template_touches_no_other(void **state)
{
    (void)state;
    enum { BEFORE = 300, AFTER = 310 };
    struct crowd c = crowd_new(AFTER), before = c;
    before.n = BEFORE;
    float hubs[AFTER];
    struct gallery *g = gallery_with_hubs(&c, BEFORE);
    for (size_t i = 0; i < BEFORE; i++)
        hubs[i] = brute_hub(&before, &c.entries[i]);
    for (size_t i = BEFORE; i < AFTER; i++) {
        assert_int_equal(gallery_put(g, &c.entries[i], NULL), ERR_OK);
        hubs[i] = brute_hub(&before, &c.entries[i]); /* the cohort is still the old one */
    }
    assert_searches(g, &c, hubs);
    unit_vector(c.vecs + 7 * DIM); /* a student of the cohort gets other photos */
    assert_int_equal(gallery_put(g, &c.entries[7], NULL), ERR_OK);
    hubs[7] = brute_hub(&before, &c.entries[7]);
    assert_searches(g, &c, hubs);
    gallery_free(g);
    crowd_free(&c);
}

static void who_goes_stays_in_the_cohort_until_the_rebuild(void **state)
{
    (void)state;
    struct crowd c = crowd_new(200), left = c;
    float hubs[200];
    struct gallery *g = gallery_with_hubs(&c, c.n);
    left.n = 199;
    assert_int_equal(gallery_remove(g, c.entries[199].student, NULL), ERR_OK);
    for (size_t i = 0; i < left.n; i++)
        hubs[i] = brute_hub(&c, &c.entries[i]);
    assert_searches(g, &left, hubs);
    assert_int_equal(gallery_rebuild(g, left.entries, left.n, NULL), ERR_OK);
    for (size_t i = 0; i < left.n; i++)
        hubs[i] = brute_hub(&left, &c.entries[i]);
    assert_searches(g, &left, hubs);
    gallery_free(g);
    crowd_free(&c);
}

static void folding_keeps_the_correction(void **state)
{
    (void)state;
    enum { ALL = 700 };
    struct crowd c = crowd_new(ALL), before = c;
    before.n = 200;
    float *hubs = mem_array(ALL, sizeof *hubs);
    struct gallery *g = gallery_with_hubs(&c, before.n);
    for (size_t i = 0; i < ALL; i++)
        hubs[i] = brute_hub(&before, &c.entries[i]);
    for (size_t i = before.n; i < ALL; i++)
        assert_int_equal(gallery_put(g, &c.entries[i], NULL), ERR_OK);
    assert_searches(g, &c, hubs);
    gallery_free(g);
    mem_free(hubs);
    crowd_free(&c);
}

static void the_correction_starts_with_a_rebuild_of_enough_students(void **state)
{
    (void)state;
    struct crowd c = crowd_new(151);
    struct gallery *g = NULL;
    assert_int_equal(gallery_new(DIM, &g, NULL), ERR_OK);
    gallery_set_hub_from(g, 150);
    assert_int_equal(gallery_rebuild(g, c.entries, 149, NULL), ERR_OK);
    assert_false(gallery_is_hub(g));
    assert_int_equal(gallery_put(g, &c.entries[149], NULL), ERR_OK);
    assert_int_equal(gallery_put(g, &c.entries[150], NULL), ERR_OK);
    assert_false(gallery_is_hub(g)); /* 151 students, but scores keep their kind */
    assert_int_equal(gallery_rebuild(g, c.entries, 150, NULL), ERR_OK);
    assert_true(gallery_is_hub(g));
    gallery_set_hub_from(g, 0);
    assert_true(gallery_is_hub(g));
    assert_int_equal(gallery_rebuild(g, c.entries, 151, NULL), ERR_OK);
    assert_false(gallery_is_hub(g));
    struct gallery_match m;
    assert_int_equal(gallery_search(g, c.vecs, 1, &m, NULL), ERR_OK);
    assert_false(m.hub);
    assert_float_equal(m.best[0].score, 1, 1e-5);
    assert_float_equal(m.best[0].cosine, 1, 1e-5);
    gallery_free(g);
    crowd_free(&c);
}

static void the_cohort_is_a_fixed_sample_of_2000(void **state)
{
    (void)state;
    struct crowd c = crowd_new(MANY);
    const struct gallery_entry **forth = mem_array(MANY, sizeof *forth);
    const struct gallery_entry **back = mem_array(MANY, sizeof *back);
    struct hub_cohort *x = NULL, *y = NULL;
    float hx[40], hy[40];
    for (size_t i = 0; i < MANY; i++)
        back[MANY - 1 - i] = forth[i] = &c.entries[i];
    assert_int_equal(hub_cohort_new(DIM, forth, MANY, &x, NULL), ERR_OK);
    assert_int_equal(hub_cohort_new(DIM, back, MANY, &y, NULL), ERR_OK);
    assert_int_equal(hub_cohort_measure(x, forth, 40, hx, NULL), ERR_OK);
    assert_int_equal(hub_cohort_measure(y, forth, 40, hy, NULL), ERR_OK);
    int as_all = 0;
    for (int i = 0; i < 40; i++) {
        assert_float_equal(hx[i], hy[i], 1e-6);
        as_all += fabsf(hx[i] - brute_hub(&c, &c.entries[i])) < 1e-6f;
        assert_float_equal(hx[i], brute_hub(&c, &c.entries[i]), .03); /* a sample of the same */
    }
    assert_true(as_all < 20); /* but a sample */
    hub_cohort_unref(x);
    hub_cohort_unref(y);
    hub_cohort_unref(NULL);
    mem_free(forth);
    mem_free(back);
    crowd_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_are_those_of_brute_force),
        cmocka_unit_test(a_new_template_touches_no_other),
        cmocka_unit_test(who_goes_stays_in_the_cohort_until_the_rebuild),
        cmocka_unit_test(folding_keeps_the_correction),
        cmocka_unit_test(the_correction_starts_with_a_rebuild_of_enough_students),
        cmocka_unit_test(the_cohort_is_a_fixed_sample_of_2000),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
