/* Hub correction: see hub.h.
 *
 * Cost: making a cohort sorts n hashes and copies 2,000 vectors; measuring is one FAISS search of
 * the cohort, in batches. Called by gallery.c while a snapshot is built, on any thread. Invariant:
 * a cohort never changes but for its reference count. */
#include "gallery/hub.h"

#include "base/mem.h"
#include "gallery/faiss_bridge.h"

#include <stdatomic.h>

enum { BATCH = 64, HITS_MAX = GALLERY_COHORT_MAX / GALLERY_HUB_SHARE + 1 };

struct hub_cohort {
    _Atomic int refs;
    int dim;
    size_t n;
    struct faiss_index *index;
    struct student_id *students; /* [n], of the index's rows */
};

/* FNV-1a with a last mixing step (of splitmix64): ids that follow each other are spread out. */
static uint64_t hash_of(const struct student_id *student)
{
    uint64_t h = 0xCBF29CE484222325u;
    for (const char *p = student->text; *p; p++)
        h = (h ^ (uint8_t)*p) * 0x100000001B3u;
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9u;
    h = (h ^ h >> 27) * 0x94D049BB133111EBu;
    return h ^ h >> 31;
}

struct ranked {
    uint64_t hash;
    const struct gallery_entry *entry;
};

static int by_hash(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static enum err fill(struct hub_cohort *c, const struct gallery_entry *const *entries, size_t n,
                     struct error *e)
{
    _cleanup_(mem_freep) struct ranked *order = mem_array(n + 1, sizeof *order);
    if (!order)
        return error_set(e, ERR_NOMEM, "out of memory for %zu templates", n);
    for (size_t i = 0; i < n; i++)
        order[i] = (struct ranked){hash_of(&entries[i]->student), entries[i]};
    qsort(order, n, sizeof *order, by_hash);
    for (size_t i = 0; i < c->n; i++) {
        enum err r = faiss_index_add(c->index, order[i].entry->vec, 1, e);
        if (r)
            return r;
        c->students[i] = order[i].entry->student;
    }
    return ERR_OK;
}

enum err hub_cohort_new(int dim, const struct gallery_entry *const *entries, size_t n,
                        struct hub_cohort **ret_cohort, struct error *e)
{
    struct hub_cohort *c = mem_alloc(sizeof *c);
    if (!c)
        return error_set(e, ERR_NOMEM, "out of memory for the cohort");
    atomic_init(&c->refs, 1);
    c->dim = dim;
    c->n = n < GALLERY_COHORT_MAX ? n : GALLERY_COHORT_MAX;
    c->students = mem_array(c->n + 1, sizeof *c->students);
    enum err r = c->students ? faiss_index_new(dim, c->n, &c->index, e)
                             : error_set(e, ERR_NOMEM, "out of memory for the cohort");
    if (!r)
        r = fill(c, entries, n, e);
    if (r) {
        hub_cohort_unref(c);
        return r;
    }
    *ret_cohort = c;
    return ERR_OK;
}

struct hub_cohort *hub_cohort_ref(struct hub_cohort *c)
{
    if (c)
        atomic_fetch_add(&c->refs, 1);
    return c;
}

void hub_cohort_unref(struct hub_cohort *c)
{
    if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    faiss_index_free(c->index);
    secure_free(c->students, (c->n + 1) * sizeof *c->students);
    mem_free(c);
}

static size_t hub_size(size_t others)
{
    return others < 2 * GALLERY_HUB_SHARE ? 1 : others / GALLERY_HUB_SHARE;
}

/* The mean over the best hits that are not the student's own. */
static float mean_of(const struct hub_cohort *c, const struct faiss_hit *hits, int k,
                     const struct student_id *own)
{
    double sum = 0;
    size_t taken = 0, wanted = c->n;
    for (int i = 0; i < k; i++)
        if (hits[i].row >= 0 && strcmp(c->students[hits[i].row].text, own->text) == 0)
            wanted--; /* the own row, if it is one, is among the best */
    wanted = hub_size(wanted);
    for (int i = 0; i < k && taken < wanted; i++) {
        if (hits[i].row < 0 || strcmp(c->students[hits[i].row].text, own->text) == 0)
            continue;
        sum += (double)hits[i].score;
        taken++;
    }
    return taken ? (float)(sum / (double)taken) : 0;
}

enum err hub_cohort_measure(const struct hub_cohort *c, const struct gallery_entry *const *entries,
                            size_t n, float *ret_hubs, struct error *e)
{
    int k = c->n < HITS_MAX ? (int)c->n : HITS_MAX;
    size_t dim = (size_t)c->dim, probe_bytes = BATCH * dim * sizeof(float);
    _cleanup_(mem_freep) struct faiss_hit *hits = mem_array((size_t)BATCH * HITS_MAX, sizeof *hits);
    float *probes = mem_alloc(probe_bytes);
    enum err r =
        hits && probes ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory for %zu templates", n);
    for (size_t done = 0; !r && done < n; done += BATCH) {
        size_t some = n - done < BATCH ? n - done : BATCH;
        for (size_t i = 0; i < some; i++)
            memcpy(probes + i * dim, entries[done + i]->vec, dim * sizeof *probes);
        if (k)
            r = faiss_index_search(c->index, probes, (int)some, k, NULL, hits, e);
        for (size_t i = 0; !r && i < some; i++)
            ret_hubs[done + i] = mean_of(c, hits + i * (size_t)k, k, &entries[done + i]->student);
    }
    secure_free(probes, probes ? probe_bytes : 0);
    return r;
}

static int falling(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

float gallery_hub_mean(float *cosines, size_t n)
{
    double sum = 0;
    size_t k = hub_size(n);
    if (n == 0)
        return 0;
    qsort(cosines, n, sizeof *cosines, falling);
    for (size_t i = 0; i < k; i++)
        sum += (double)cosines[i];
    return (float)(sum / (double)k);
}
