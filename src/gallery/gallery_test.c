/* The gallery against brute force, through every kind of change and beside running searches. */
#include "gallery/gallery.h"

#include "base/mem.h"
#include "base/time.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { DIM = 32, PROBES = 70 };

/* What the gallery should hold: brute force over plain rows. */
struct model {
    size_t n, max;
    struct student_id *students;
    bool *alive;
    float *vecs; /* [max][DIM] */
};

static uint64_t seed = 42;

/* Uniform in -1..1; xorshift64, so that a failure repeats. */
static float noise(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (float)((double)(seed >> 11) / (double)(1ull << 53) * 2 - 1);
}

static void unit_vector(float *vec)
{
    float sum = 0;
    for (int i = 0; i < DIM; i++) {
        vec[i] = noise();
        sum += vec[i] * vec[i];
    }
    for (int i = 0; i < DIM; i++)
        vec[i] /= sqrtf(sum);
}

static struct model *model_new(size_t max)
{
    struct model *m = mem_alloc(sizeof *m);
    assert_non_null(m);
    m->max = max;
    m->students = mem_array(max, sizeof *m->students);
    m->alive = mem_array(max, sizeof *m->alive);
    m->vecs = mem_array(max * DIM, sizeof *m->vecs);
    assert_true(m->students && m->alive && m->vecs);
    return m;
}

static void model_free(struct model *m)
{
    mem_free(m->students);
    mem_free(m->alive);
    mem_free(m->vecs);
    mem_free(m);
}

static struct gallery_entry model_entry(const struct model *m, size_t i)
{
    return (struct gallery_entry){m->students[i], m->vecs + i * DIM};
}

/* n more students with random vectors. */
static void model_grow(struct model *m, size_t n)
{
    for (size_t end = m->n + n; m->n < end; m->n++) {
        assert_true(m->n < m->max);
        id_new(m->students[m->n].text);
        unit_vector(m->vecs + m->n * DIM);
        m->alive[m->n] = true;
    }
}

static float cosine(const float *a, const float *b)
{
    double sum = 0;
    for (int i = 0; i < DIM; i++)
        sum += (double)a[i] * (double)b[i];
    return (float)sum;
}

/* The best of the living, by looking at all of them for every place. */
static struct gallery_match model_search(const struct model *m, const float *probe)
{
    struct gallery_match best = {.n = 0};
    bool *taken = mem_array(m->n + 1, sizeof *taken);
    assert_non_null(taken);
    for (; best.n < GALLERY_BEST; best.n++) {
        size_t at = m->n;
        float top = -2;
        for (size_t i = 0; i < m->n; i++) {
            float score = m->alive[i] && !taken[i] ? cosine(probe, m->vecs + i * DIM) : -2;
            if (score > top) {
                top = score;
                at = i;
            }
        }
        if (at == m->n)
            break;
        taken[at] = true;
        best.best[best.n] = (struct gallery_hit){m->students[at], top, top};
    }
    mem_free(taken);
    return best;
}

/* The same scores; the same best student (after that ties may stand in any order). */
static void assert_match(const struct gallery_match *found, const struct gallery_match *want)
{
    assert_int_equal(found->n, want->n);
    if (want->n)
        assert_string_equal(found->best[0].student.text, want->best[0].student.text);
    for (int k = 0; k < want->n; k++) {
        assert_float_equal(found->best[k].score, want->best[k].score, 1e-5);
        for (int j = 0; j < k; j++)
            assert_string_not_equal(found->best[j].student.text, found->best[k].student.text);
    }
}

static size_t model_count(const struct model *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        n += m->alive[i];
    return n;
}

static void assert_same(struct gallery *g, const struct model *m)
{
    static float probes[PROBES * DIM];
    static struct gallery_match found[PROBES];
    assert_int_equal(gallery_count(g), model_count(m));
    for (size_t i = 0; i < PROBES; i++) {
        if (i % 2 && m->n) /* half of them are templates themselves, dead ones too */
            memcpy(probes + i * DIM, m->vecs + (i * 7919 % m->n) * DIM, DIM * sizeof(float));
        else
            unit_vector(probes + i * DIM);
    }
    assert_int_equal(gallery_search(g, probes, PROBES, found, NULL), ERR_OK);
    for (size_t i = 0; i < PROBES; i++) {
        struct gallery_match want = model_search(m, probes + i * DIM);
        assert_match(&found[i], &want);
    }
}

static struct gallery *gallery_of(const struct model *m)
{
    struct gallery *g = NULL;
    assert_int_equal(gallery_new(DIM, &g, NULL), ERR_OK);
    struct gallery_entry *entries = mem_array(m->n, sizeof *entries);
    assert_non_null(entries);
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->alive[i])
            entries[n++] = model_entry(m, i);
    assert_int_equal(gallery_rebuild(g, entries, n, NULL), ERR_OK);
    mem_free(entries);
    return g;
}

static void put(struct gallery *g, const struct model *m, size_t i)
{
    struct gallery_entry entry = model_entry(m, i);
    assert_int_equal(gallery_put(g, &entry, NULL), ERR_OK);
}

static void an_empty_gallery_matches_nobody(void **state)
{
    (void)state;
    struct gallery *g = NULL;
    assert_int_equal(gallery_new(DIM, &g, NULL), ERR_OK);
    float probe[DIM];
    unit_vector(probe);
    struct gallery_match m = {.n = 1};
    assert_int_equal(gallery_search(g, probe, 1, &m, NULL), ERR_OK);
    assert_int_equal(m.n, 0);
    assert_int_equal(gallery_count(g), 0);
    assert_int_equal(gallery_dim(g), DIM);
    assert_int_equal(gallery_search(g, NULL, 0, NULL, NULL), ERR_OK);
    gallery_free(g);
    gallery_free(NULL);
}

static void one_student_has_no_second(void **state)
{
    (void)state;
    struct model *m = model_new(1);
    model_grow(m, 1);
    struct gallery *g = gallery_of(m);
    struct gallery_match found;
    assert_int_equal(gallery_search(g, m->vecs, 1, &found, NULL), ERR_OK);
    assert_int_equal(found.n, 1);
    assert_string_equal(found.best[0].student.text, m->students[0].text);
    assert_float_equal(found.best[0].score, 1, 1e-5);
    gallery_free(g);
    model_free(m);
}

static void a_rebuilt_gallery_finds_what_brute_force_finds(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 3, 7, 8, 9, 100, 3000};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct model *m = model_new(sizes[i] + 1);
        model_grow(m, sizes[i]);
        struct gallery *g = gallery_of(m);
        assert_same(g, m);
        gallery_free(g);
        model_free(m);
    }
}

static void a_rebuild_replaces_everything_and_the_later_entry_wins(void **state)
{
    (void)state;
    struct model *m = model_new(20);
    model_grow(m, 10);
    struct gallery *g = gallery_of(m);
    model_grow(m, 10);
    memset(m->alive, 0, 10);
    struct gallery_entry entries[20];
    for (size_t i = 0; i < 10; i++) {
        entries[i] = model_entry(m, 10 + i);
        entries[i].vec = m->vecs; /* an old vector of that student */
        entries[10 + i] = model_entry(m, 10 + i);
    }
    assert_int_equal(gallery_rebuild(g, entries, 20, NULL), ERR_OK);
    assert_same(g, m);
    gallery_free(g);
    model_free(m);
}

static void a_put_replaces_the_students_vector(void **state)
{
    (void)state;
    struct model *m = model_new(1000);
    model_grow(m, 1000);
    struct gallery *g = gallery_of(m);
    for (size_t i = 0; i < 40; i++) {
        unit_vector(m->vecs + i * DIM);
        put(g, m, i); /* first out of the base, */
        unit_vector(m->vecs + i * DIM);
        put(g, m, i); /* then out of the delta */
    }
    assert_same(g, m);
    gallery_free(g);
    model_free(m);
}

static void a_removed_student_is_never_found(void **state)
{
    (void)state;
    struct model *m = model_new(600);
    model_grow(m, 500);
    struct gallery *g = gallery_of(m);
    model_grow(m, 100);
    for (size_t i = 500; i < 600; i++)
        put(g, m, i);
    for (size_t i = 0; i < 600; i += 5) { /* 100 in the base, 20 in the delta */
        m->alive[i] = false;
        assert_int_equal(gallery_remove(g, m->students[i], NULL), ERR_OK);
        assert_int_equal(gallery_remove(g, m->students[i], NULL), ERR_OK);
    }
    assert_same(g, m);
    m->alive[0] = true; /* and may come back */
    put(g, m, 0);
    assert_same(g, m);
    gallery_free(g);
    model_free(m);
}

static void the_nearest_rows_may_all_be_dead(void **state)
{
    (void)state;
    struct model *m = model_new(200);
    model_grow(m, 200);
    for (size_t i = 1; i < 40; i++) /* forty look-alikes ... */
        memcpy(m->vecs + i * DIM, m->vecs, DIM * sizeof(float));
    struct gallery *g = gallery_of(m);
    for (size_t i = 0; i < 40; i++) { /* ... of whom none stays */
        m->alive[i] = false;
        assert_int_equal(gallery_remove(g, m->students[i], NULL), ERR_OK);
    }
    struct gallery_match found, want = model_search(m, m->vecs);
    assert_int_equal(gallery_search(g, m->vecs, 1, &found, NULL), ERR_OK);
    assert_match(&found, &want);
    for (size_t i = 40; i < 200; i++) {
        m->alive[i] = false;
        assert_int_equal(gallery_remove(g, m->students[i], NULL), ERR_OK);
    }
    assert_same(g, m);
    gallery_free(g);
    model_free(m);
}

static void deltas_fold_into_the_base_without_a_trace(void **state)
{
    (void)state;
    struct model *m = model_new(1500);
    struct gallery *g = gallery_of(m);
    for (size_t i = 0; i < 1500; i++) {
        model_grow(m, 1);
        put(g, m, i);
        if (i % 3 == 0) {
            size_t gone = i * 31 % (i + 1);
            m->alive[gone] = false;
            assert_int_equal(gallery_remove(g, m->students[gone], NULL), ERR_OK);
        }
        if (i % 250 == 249 || i == 256 || i == 257)
            assert_same(g, m);
    }
    gallery_free(g);
    model_free(m);
}

static void vectors_that_are_not_of_length_one_are_refused(void **state)
{
    (void)state;
    struct model *m = model_new(3);
    model_grow(m, 3);
    struct gallery *g = gallery_of(m);
    m->vecs[5] = NAN;
    for (int i = 0; i < DIM; i++)
        m->vecs[DIM + i] *= 2;
    m->students[2].text[0] = 0;
    for (size_t i = 0; i < 3; i++) {
        struct gallery_entry bad = model_entry(m, i);
        assert_int_equal(gallery_put(g, &bad, NULL), ERR_INVALID);
        assert_int_equal(gallery_rebuild(g, &bad, 1, NULL), ERR_INVALID);
    }
    assert_int_equal(gallery_count(g), 3);
    gallery_free(g);
    model_free(m);
}

static void a_probe_of_nan_matches_nobody(void **state)
{
    (void)state;
    struct model *m = model_new(400);
    model_grow(m, 400);
    struct gallery *g = gallery_of(m);
    assert_int_equal(gallery_remove(g, m->students[9], NULL), ERR_OK);
    float probe[DIM];
    for (int i = 0; i < DIM; i++)
        probe[i] = NAN;
    struct gallery_match found;
    assert_int_equal(gallery_search(g, probe, 1, &found, NULL), ERR_OK);
    assert_int_equal(found.n, 0);
    gallery_free(g);
    model_free(m);
}

static void bad_numbers_are_errors(void **state)
{
    (void)state;
    struct gallery *g = NULL;
    assert_int_equal(gallery_new(0, &g, NULL), ERR_INVALID);
    assert_int_equal(gallery_new(100000, &g, NULL), ERR_INVALID);
    assert_null(g);
    assert_int_equal(gallery_new(DIM, &g, NULL), ERR_OK);
    float probe[DIM] = {1};
    struct gallery_match found;
    assert_int_equal(gallery_search(g, probe, -1, &found, NULL), ERR_INVALID);
    gallery_free(g);
}

static void out_of_memory_changes_nothing(void **state)
{
    (void)state;
    struct model *m = model_new(301);
    model_grow(m, 300);
    struct gallery *g = gallery_of(m);
    assert_int_equal(gallery_remove(g, m->students[7], NULL), ERR_OK);
    m->alive[7] = false;
    model_grow(m, 1);
    m->alive[300] = false;
    struct gallery_entry entry = model_entry(m, 300);
    int failures = 0;
    for (int64_t nth = 0;; nth++) {
        mem_fail_after(nth);
        enum err r = gallery_put(g, &entry, NULL);
        mem_fail_after(-1);
        if (r == ERR_OK)
            break;
        assert_int_equal(r, ERR_NOMEM);
        assert_same(g, m);
        failures++;
    }
    assert_true(failures >= 4);
    for (int64_t nth = 0; nth < 4; nth++) {
        mem_fail_after(nth);
        assert_int_equal(gallery_rebuild(g, &entry, 1, NULL), ERR_NOMEM);
        struct gallery *none = NULL;
        mem_fail_after(nth);
        assert_int_equal(gallery_new(DIM, &none, NULL), ERR_NOMEM);
    }
    mem_fail_after(-1);
    m->alive[300] = true;
    assert_same(g, m);
    gallery_free(g);
    model_free(m);
}

/* ---- searches beside changes */

enum { STEADY = 300, CHANGING = 300, SEARCHERS = 3, WRITERS = 2, ROUNDS = 2 };

struct race {
    struct gallery *g;
    struct model *m; /* [0..STEADY) never change */
    _Atomic int searches, writers;
};

struct writer {
    struct race *race;
    size_t first;
};

static void *search_loop(void *arg)
{
    struct race *race = arg;
    size_t wrong = 0;
    for (size_t i = 0; atomic_load(&race->writers) || i < STEADY; i++) {
        const float *probe = race->m->vecs + i % STEADY * DIM;
        struct gallery_match found;
        if (gallery_search(race->g, probe, 1, &found, NULL) ||
            memcmp(&found.best[0].student, &race->m->students[i % STEADY], ID_TEXT) != 0 ||
            fabsf(found.best[0].score - 1) > 1e-5f || !(found.best[1].score < 1))
            wrong++;
        atomic_fetch_add(&race->searches, 1);
    }
    return (void *)wrong; /* cmocka asserts in the main thread only */
}

static void *change_loop(void *arg)
{
    struct writer *w = arg;
    struct race *race = w->race;
    size_t wrong = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = w->first; i < STEADY + CHANGING; i += WRITERS) {
            struct gallery_entry entry = model_entry(race->m, i);
            wrong += gallery_put(race->g, &entry, NULL) != ERR_OK;
            if (i % 3 == 0 || round + 1 == ROUNDS)
                wrong += gallery_remove(race->g, race->m->students[i], NULL) != ERR_OK;
        }
    }
    atomic_fetch_sub(&race->writers, 1);
    return (void *)wrong;
}

static void searches_beside_changes_see_whole_snapshots(void **state)
{
    (void)state;
    struct model *m = model_new(STEADY + CHANGING);
    model_grow(m, STEADY);
    struct race race = {.g = gallery_of(m), .m = m, .writers = WRITERS};
    model_grow(m, CHANGING);
    pthread_t searchers[SEARCHERS], writers[WRITERS];
    struct writer work[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        work[i] = (struct writer){&race, STEADY + i};
        assert_int_equal(pthread_create(&writers[i], NULL, change_loop, &work[i]), 0);
    }
    for (int i = 0; i < SEARCHERS; i++)
        assert_int_equal(pthread_create(&searchers[i], NULL, search_loop, &race), 0);
    void *wrong = NULL;
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_join(writers[i], &wrong), 0);
        assert_null(wrong);
    }
    for (int i = 0; i < SEARCHERS; i++) {
        assert_int_equal(pthread_join(searchers[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_true(atomic_load(&race.searches) >= SEARCHERS * STEADY);
    memset(m->alive + STEADY, 0, CHANGING);
    assert_same(race.g, m);
    gallery_free(race.g);
    model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_gallery_matches_nobody),
        cmocka_unit_test(one_student_has_no_second),
        cmocka_unit_test(a_rebuilt_gallery_finds_what_brute_force_finds),
        cmocka_unit_test(a_rebuild_replaces_everything_and_the_later_entry_wins),
        cmocka_unit_test(a_put_replaces_the_students_vector),
        cmocka_unit_test(a_removed_student_is_never_found),
        cmocka_unit_test(the_nearest_rows_may_all_be_dead),
        cmocka_unit_test(deltas_fold_into_the_base_without_a_trace),
        cmocka_unit_test(vectors_that_are_not_of_length_one_are_refused),
        cmocka_unit_test(a_probe_of_nan_matches_nobody),
        cmocka_unit_test(bad_numbers_are_errors),
        cmocka_unit_test(out_of_memory_changes_nothing),
        cmocka_unit_test(searches_beside_changes_see_whole_snapshots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
