/* The gallery: see gallery.h.
 *
 * Model: a `part` is an immutable FAISS index with its students, rows sorted by student id so that
 * a student is found by bisection. A `snapshot` is a large base part (shared by many snapshots), a
 * bitmap of the base rows that are still alive, and a small delta part of its own that has no dead
 * rows. A change builds the next snapshot beside the present one and swaps the pointer; whoever
 * searches keeps the one it took. Base, delta and bitmap die with their last reference, wiped.
 *
 * Hubs (hub.h): a snapshot with a cohort has rows of [vector, -h, zeros] and searches with [probe,
 * 1, zeros], so that FAISS finds the best corrected scores exactly. The cohort stays the same from
 * one rebuild to the next.
 *
 * Cost: search is one pass over base and delta (FAISS blocks; 2 ms a probe at 100,000 x 128). A put
 * copies the delta and the bitmap (at most 5 % of the base, or 256 rows); when delta and dead rows
 * pass that, everything is copied into a new base.
 * Threads: any. `change` serialises changes and is held while a snapshot is built; `swap` guards
 * the present pointer for a few instructions only, so a search never waits for a build. Lock order:
 * change, then swap.
 * Invariants: a student has at most one live row in base and delta together; a published snapshot
 * never changes but for its reference count.
 * Above 600 lines: building, changing and searching share the private layout of a snapshot. */
#include "gallery/gallery.h"

#include "base/mem.h"
#include "gallery/faiss_bridge.h"
#include "gallery/hub.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    DELTA_ROWS_MIN = 256, /* a smaller delta is never folded */
    DELTA_SHARE = 20,     /* folded beyond 1/20 = 5 % of the base */
    HITS_ASKED = 12,      /* of the base with dead rows: most often GALLERY_BEST of them live */
    PROBES_AT_ONCE = 64,  /* bounds the stack used by one search */
    GALLERY_DIM_MAX = 4096,
    ROW_ALIGN = 8, /* floats: rows of another length are slower to compare */
};

#define GALLERY_ROWS_MAX ((size_t)1 << 28)

struct part {
    _Atomic int refs;
    struct faiss_index *index;
    struct student_id *students; /* [count], rising */
    size_t capacity;             /* rows that students has room for */
};

struct snapshot {
    _Atomic int refs;
    struct part *base, *delta;
    struct hub_cohort *cohort; /* NULL: scores are cosines */
    int row_dim;               /* floats in a row of base and delta */
    uint8_t *live;             /* bitmap of base rows; NULL while all live */
    size_t dead;               /* base rows that do not */
};

struct gallery {
    int dim;
    pthread_mutex_t change, swap;
    struct snapshot *now; /* guarded by swap */
    _Atomic size_t hub_from;
};

static size_t part_count(const struct part *p) { return faiss_index_count(p->index); }

static size_t bitmap_bytes(size_t rows) { return (rows + 7) / 8; }

static void part_unref(struct part *p)
{
    if (!p || atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    faiss_index_free(p->index);
    secure_free(p->students, p->capacity * sizeof *p->students);
    mem_free(p);
}

static struct part *part_ref(struct part *p)
{
    atomic_fetch_add(&p->refs, 1);
    return p;
}

static void part_unrefp(struct part **p) { part_unref(*p); }

static enum err part_new(int dim, size_t capacity, struct part **ret_part, struct error *e)
{
    if (capacity > GALLERY_ROWS_MAX)
        return error_set(e, ERR_NOMEM, "a gallery holds %zu students at most", GALLERY_ROWS_MAX);
    _cleanup_(part_unrefp) struct part *p = mem_alloc(sizeof *p);
    if (!p)
        return error_set(e, ERR_NOMEM, "out of memory for the gallery");
    atomic_init(&p->refs, 1);
    p->capacity = capacity;
    p->students = mem_array(capacity, sizeof *p->students);
    if (!p->students)
        return error_set(e, ERR_NOMEM, "out of memory for %zu students", capacity);
    enum err r = faiss_index_new(dim, capacity, &p->index, e);
    if (r)
        return r;
    *ret_part = TAKE(p);
    return ERR_OK;
}

static enum err part_add(struct part *p, struct student_id student, const float *vec,
                         struct error *e)
{
    size_t row = part_count(p);
    enum err r = faiss_index_add(p->index, vec, 1, e);
    if (r)
        return r;
    p->students[row] = student;
    return ERR_OK;
}

static int by_student(const struct student_id *a, const struct student_id *b)
{
    return strncmp(a->text, b->text, sizeof a->text);
}

/* The row of the first student not below `student`; *ret_found: it is that student's. */
static size_t part_find(const struct part *p, const struct student_id *student, bool *ret_found)
{
    size_t low = 0, high = part_count(p);
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (by_student(&p->students[mid], student) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = low < part_count(p) && by_student(&p->students[low], student) == 0;
    return low;
}

static bool row_lives(const struct snapshot *s, size_t row)
{
    return !s->live || (s->live[row / 8] >> (row % 8) & 1);
}

static void snapshot_unref(struct snapshot *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    mem_free(s->live);
    part_unref(s->base);
    part_unref(s->delta);
    hub_cohort_unref(s->cohort);
    mem_free(s);
}

static void snapshot_unrefp(struct snapshot **s) { snapshot_unref(*s); }

static int row_dim_of(int dim, const struct hub_cohort *cohort)
{
    return cohort ? (dim + 1 + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN : dim;
}

/* A snapshot over both parts and the cohort (may be NULL), which it takes references of. */
static enum err snapshot_new(struct part *base, struct part *delta, struct hub_cohort *cohort,
                             int row_dim, struct snapshot **ret_snapshot, struct error *e)
{
    struct snapshot *s = mem_alloc(sizeof *s);
    if (!s)
        return error_set(e, ERR_NOMEM, "out of memory for the gallery");
    atomic_init(&s->refs, 1);
    s->base = part_ref(base);
    s->delta = part_ref(delta);
    s->cohort = hub_cohort_ref(cohort);
    s->row_dim = row_dim;
    *ret_snapshot = s;
    return ERR_OK;
}

static struct snapshot *gallery_now(struct gallery *g)
{
    pthread_mutex_lock(&g->swap);
    struct snapshot *s = g->now;
    atomic_fetch_add(&s->refs, 1);
    pthread_mutex_unlock(&g->swap);
    return s;
}

/* Makes `next` the present snapshot; takes it over. */
static void gallery_publish(struct gallery *g, struct snapshot *next)
{
    pthread_mutex_lock(&g->swap);
    struct snapshot *old = g->now;
    g->now = next;
    pthread_mutex_unlock(&g->swap);
    snapshot_unref(old);
}

/* ---- building the next snapshot */

/* A copy of `delta` without `student`, and with its new row when row is not NULL. */
static enum err delta_changed(int row_dim, const struct part *delta,
                              const struct student_id *student, const float *row,
                              struct part **ret_part, struct error *e)
{
    bool found = false;
    size_t n = part_count(delta), at = part_find(delta, student, &found);
    _cleanup_(part_unrefp) struct part *p = NULL;
    enum err r = part_new(row_dim, n + 1, &p, e);
    for (size_t i = 0; !r && i <= n; i++) {
        if (i == at && row)
            r = part_add(p, *student, row, e);
        if (!r && i < n && !(found && i == at))
            r = part_add(p, delta->students[i], faiss_index_row(delta->index, i), e);
    }
    if (r)
        return r;
    *ret_part = TAKE(p);
    return ERR_OK;
}

/* Copies old's dead rows into s and adds `student`'s base row to them. */
static enum err base_changed(const struct snapshot *old, const struct student_id *student,
                             struct snapshot *s, struct error *e)
{
    bool found = false;
    size_t row = part_find(s->base, student, &found);
    if (!found && !old->live)
        return ERR_OK;
    size_t bytes = bitmap_bytes(part_count(s->base));
    s->live = mem_alloc(bytes);
    if (!s->live)
        return error_set(e, ERR_NOMEM, "out of memory for the gallery");
    if (old->live)
        memcpy(s->live, old->live, bytes);
    else
        memset(s->live, 0xFF, bytes);
    s->dead = old->dead;
    if (found && row_lives(s, row)) {
        s->live[row / 8] &= (uint8_t) ~(1u << (row % 8));
        s->dead++;
    }
    return ERR_OK;
}

/* The next row of base (alive) and delta in the order of students; false at the end. */
static bool merged_next(const struct snapshot *s, size_t *base_row, size_t *delta_row,
                        const struct part **ret_part, size_t *ret_row)
{
    while (*base_row < part_count(s->base) && !row_lives(s, *base_row))
        ++*base_row;
    bool base_left = *base_row < part_count(s->base);
    bool delta_left = *delta_row < part_count(s->delta);
    if (!base_left && !delta_left)
        return false;
    bool from_base = base_left && (!delta_left || by_student(&s->base->students[*base_row],
                                                             &s->delta->students[*delta_row]) < 0);
    *ret_part = from_base ? s->base : s->delta;
    *ret_row = from_base ? (*base_row)++ : (*delta_row)++;
    return true;
}

static size_t snapshot_count(const struct snapshot *s)
{
    return part_count(s->base) - s->dead + part_count(s->delta);
}

/* Everything alive in s as one new base; the delta is empty. */
static enum err snapshot_fold(const struct snapshot *s, struct snapshot **ret_snapshot,
                              struct error *e)
{
    _cleanup_(part_unrefp) struct part *base = NULL, *delta = NULL;
    enum err r = part_new(s->row_dim, snapshot_count(s), &base, e);
    if (!r)
        r = part_new(s->row_dim, 0, &delta, e);
    const struct part *part = NULL;
    size_t base_row = 0, delta_row = 0, row = 0;
    while (!r && merged_next(s, &base_row, &delta_row, &part, &row))
        r = part_add(base, part->students[row], faiss_index_row(part->index, row), e);
    return r ? r : snapshot_new(base, delta, s->cohort, s->row_dim, ret_snapshot, e);
}

static bool must_fold(const struct snapshot *s)
{
    size_t share = part_count(s->base) / DELTA_SHARE;
    return part_count(s->delta) + s->dead > (share > DELTA_ROWS_MIN ? share : DELTA_ROWS_MIN);
}

/* The present snapshot without `student`, and with its new row when row is not NULL. */
static enum err snapshot_changed(const struct snapshot *old, const struct student_id *student,
                                 const float *row, struct snapshot **ret_snapshot, struct error *e)
{
    _cleanup_(part_unrefp) struct part *delta = NULL;
    _cleanup_(snapshot_unrefp) struct snapshot *s = NULL;
    enum err r = delta_changed(old->row_dim, old->delta, student, row, &delta, e);
    if (!r)
        r = snapshot_new(old->base, delta, old->cohort, old->row_dim, &s, e);
    if (!r)
        r = base_changed(old, student, s, e);
    if (r)
        return r;
    if (must_fold(s))
        return snapshot_fold(s, ret_snapshot, e);
    *ret_snapshot = TAKE(s);
    return ERR_OK;
}

static enum err entry_check(const struct gallery *g, const struct gallery_entry *entry,
                            struct error *e)
{
    if (id_is_empty(entry->student.text))
        return error_set(e, ERR_INVALID, "a template without a student");
    float sum = 0;
    for (int i = 0; i < g->dim; i++)
        sum += entry->vec[i] * entry->vec[i];
    if (!isfinite(sum) || fabsf(sum - 1) > 1e-2f)
        return error_set(e, ERR_INVALID, "the template's length is %.4f, not 1", sqrt((double)sum));
    return ERR_OK;
}

/* ---- the interface */

enum err gallery_new(int dim, struct gallery **ret_gallery, struct error *e)
{
    if (dim < 1 || dim > GALLERY_DIM_MAX)
        return error_set(e, ERR_INVALID, "a gallery has 1..%d dimensions, not %d", GALLERY_DIM_MAX,
                         dim);
    struct gallery *g = mem_alloc(sizeof *g);
    if (!g)
        return error_set(e, ERR_NOMEM, "out of memory for the gallery");
    g->dim = dim;
    _cleanup_(part_unrefp) struct part *base = NULL, *delta = NULL;
    enum err r = part_new(dim, 0, &base, e);
    if (!r)
        r = part_new(dim, 0, &delta, e);
    if (!r)
        r = snapshot_new(base, delta, NULL, dim, &g->now, e);
    if (r) {
        mem_free(g);
        return r;
    }
    pthread_mutex_init(&g->change, NULL);
    pthread_mutex_init(&g->swap, NULL);
    *ret_gallery = g;
    return ERR_OK;
}

void gallery_free(struct gallery *g)
{
    if (!g)
        return;
    snapshot_unref(g->now);
    pthread_mutex_destroy(&g->change);
    pthread_mutex_destroy(&g->swap);
    mem_free(g);
}

/* Sorts entries by student; among equals the later entry comes first. */
static int by_entry(const void *a, const void *b)
{
    const struct gallery_entry *x = *(const struct gallery_entry *const *)a;
    const struct gallery_entry *y = *(const struct gallery_entry *const *)b;
    int order = by_student(&x->student, &y->student);
    return order ? order : (x < y) - (x > y);
}

/* Of equal students the first stays; returns how many there are. */
static size_t drop_doubles(const struct gallery_entry **sorted, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!kept || by_student(&sorted[i]->student, &sorted[kept - 1]->student) != 0)
            sorted[kept++] = sorted[i];
    return kept;
}

/* The row of a template in a snapshot with this cohort (NULL: none). */
static void row_of(int dim, int row_dim, const float *vec, float hub, float *ret_row)
{
    memset(ret_row, 0, (size_t)row_dim * sizeof *ret_row);
    memcpy(ret_row, vec, (size_t)dim * sizeof *ret_row);
    if (row_dim > dim)
        ret_row[dim] = -hub;
}

static enum err base_from(int dim, const struct gallery_entry *const *sorted, size_t n,
                          const struct hub_cohort *cohort, struct part *base, struct error *e)
{
    int row_dim = row_dim_of(dim, cohort);
    float row[GALLERY_DIM_MAX + ROW_ALIGN];
    _cleanup_(mem_freep) float *hubs = mem_array(n + 1, sizeof *hubs);
    if (!hubs)
        return error_set(e, ERR_NOMEM, "out of memory for %zu templates", n);
    enum err r = cohort ? hub_cohort_measure(cohort, sorted, n, hubs, e) : ERR_OK;
    for (size_t i = 0; !r && i < n; i++) {
        row_of(dim, row_dim, sorted[i]->vec, hubs[i], row);
        r = part_add(base, sorted[i]->student, row, e);
    }
    explicit_bzero(row, sizeof row);
    return r;
}

static void cohort_unrefp(struct hub_cohort **c) { hub_cohort_unref(*c); }

/* Entries sorted by student, each once, as the next snapshot. */
static enum err snapshot_from(const struct gallery *g, const struct gallery_entry *const *sorted,
                              size_t n, struct snapshot **ret_snapshot, struct error *e)
{
    _cleanup_(part_unrefp) struct part *base = NULL, *delta = NULL;
    _cleanup_(cohort_unrefp) struct hub_cohort *cohort = NULL;
    size_t hub_from = atomic_load(&g->hub_from);
    enum err r = ERR_OK;
    if (hub_from && n >= hub_from)
        r = hub_cohort_new(g->dim, sorted, n, &cohort, e);
    int row_dim = row_dim_of(g->dim, cohort);
    if (!r)
        r = part_new(row_dim, n, &base, e);
    if (!r)
        r = part_new(row_dim, 0, &delta, e);
    if (!r)
        r = base_from(g->dim, sorted, n, cohort, base, e);
    return r ? r : snapshot_new(base, delta, cohort, row_dim, ret_snapshot, e);
}

enum err gallery_rebuild(struct gallery *g, const struct gallery_entry *entries, size_t n,
                         struct error *e)
{
    _cleanup_(mem_freep) const struct gallery_entry **sorted = mem_array(n, sizeof(void *));
    if (!sorted)
        return error_set(e, ERR_NOMEM, "out of memory for %zu templates", n);
    for (size_t i = 0; i < n; i++) {
        enum err r = entry_check(g, &entries[i], e);
        if (r)
            return r;
        sorted[i] = &entries[i];
    }
    if (n)
        qsort(sorted, n, sizeof(void *), by_entry);
    struct snapshot *next = NULL;
    enum err r = snapshot_from(g, sorted, drop_doubles(sorted, n), &next, e);
    if (r)
        return r;
    pthread_mutex_lock(&g->change);
    gallery_publish(g, next);
    pthread_mutex_unlock(&g->change);
    return ERR_OK;
}

/* The row of a new template as the present snapshot has them. */
static enum err changed_row(const struct gallery *g, const struct gallery_entry *entry, float *row,
                            struct error *e)
{
    float hub = 0;
    enum err r = g->now->cohort ? hub_cohort_measure(g->now->cohort, &entry, 1, &hub, e) : ERR_OK;
    if (!r)
        row_of(g->dim, g->now->row_dim, entry->vec, hub, row);
    return r;
}

/* entry->vec NULL: the student goes. */
static enum err gallery_change(struct gallery *g, const struct gallery_entry *entry,
                               struct error *e)
{
    float row[GALLERY_DIM_MAX + ROW_ALIGN];
    struct snapshot *next = NULL;
    pthread_mutex_lock(&g->change);
    enum err r = entry->vec ? changed_row(g, entry, row, e) : ERR_OK;
    if (!r)
        r = snapshot_changed(g->now, &entry->student, entry->vec ? row : NULL, &next, e);
    if (!r)
        gallery_publish(g, next);
    pthread_mutex_unlock(&g->change);
    explicit_bzero(row, sizeof row);
    return r;
}

enum err gallery_put(struct gallery *g, const struct gallery_entry *entry, struct error *e)
{
    enum err r = entry_check(g, entry, e);
    return r ? r : gallery_change(g, entry, e);
}

enum err gallery_remove(struct gallery *g, struct student_id student, struct error *e)
{
    const struct gallery_entry entry = {.student = student};
    return gallery_change(g, &entry, e);
}

void gallery_set_hub_from(struct gallery *g, size_t students)
{
    atomic_store(&g->hub_from, students);
}

/* ---- searching */

/* Puts a hit into its place among the best; the last of them falls out. */
static void match_add(struct gallery_match *m, const struct student_id *student, float score,
                      float hub)
{
    int at = m->n;
    while (at > 0 && score > m->best[at - 1].score)
        at--;
    if (at == GALLERY_BEST)
        return;
    m->n += m->n < GALLERY_BEST;
    memmove(&m->best[at + 1], &m->best[at], (size_t)(m->n - 1 - at) * sizeof m->best[0]);
    m->best[at] = (struct gallery_hit){.student = *student, .score = score, .cosine = score + hub};
}

static float hub_of_row(const struct snapshot *s, int dim, const struct part *p, size_t row)
{
    return s->cohort ? -faiss_index_row(p->index, row)[dim] : 0;
}

/* The live ones among k hits, GALLERY_BEST at most; returns their number. */
static int matches_from(const struct snapshot *s, int dim, const struct part *p,
                        const struct faiss_hit *hits, int k, struct gallery_match *m)
{
    int taken = 0;
    for (int i = 0; i < k && taken < GALLERY_BEST; i++) {
        if (hits[i].row < 0)
            break;
        size_t row = (size_t)hits[i].row;
        if (p == s->base && !row_lives(s, row))
            continue;
        match_add(m, &p->students[row], hits[i].score, hub_of_row(s, dim, p, row));
        taken++;
    }
    return taken;
}

/* One probe among the live rows of the base alone: the slow pass, for the rare probe whose nearest
 * rows are mostly dead. */
static enum err search_live(const struct snapshot *s, int dim, const float *probe,
                            struct gallery_match *m, struct error *e)
{
    struct faiss_hit hits[GALLERY_BEST];
    enum err r = faiss_index_search(s->base->index, probe, 1, GALLERY_BEST, s->live, hits, e);
    if (!r)
        matches_from(s, dim, s->base, hits, GALLERY_BEST, m);
    return r;
}

/* Adds a part's best rows to the matches of n <= PROBES_AT_ONCE probes. */
static enum err search_part(const struct snapshot *s, const struct part *p, int dim,
                            const float *probes, int n, struct gallery_match *matches,
                            struct error *e)
{
    if (part_count(p) == 0)
        return ERR_OK;
    bool some_dead = p == s->base && s->dead;
    int k = some_dead ? HITS_ASKED : GALLERY_BEST;
    struct faiss_hit hits[PROBES_AT_ONCE * HITS_ASKED];
    enum err r = faiss_index_search(p->index, probes, n, k, NULL, hits, e);
    for (int i = 0; !r && i < n; i++) {
        struct gallery_match before = matches[i];
        int taken = matches_from(s, dim, p, hits + (size_t)i * (size_t)k, k, &matches[i]);
        if (some_dead && taken < GALLERY_BEST) {
            matches[i] = before;
            r = search_live(s, dim, probes + (size_t)i * (size_t)s->row_dim, &matches[i], e);
        }
    }
    return r;
}

/* n <= PROBES_AT_ONCE probes as rows of s are; rows [n][row_dim]. */
static void probe_rows(const struct snapshot *s, int dim, const float *probes, int n, float *rows)
{
    for (int i = 0; i < n; i++)
        row_of(dim, s->row_dim, probes + (size_t)i * (size_t)dim, -1,
               rows + (size_t)i * (size_t)s->row_dim);
}

static enum err search_some(const struct snapshot *s, int dim, const float *rows, int n,
                            struct gallery_match *ret_matches, struct error *e)
{
    struct gallery_match matches[PROBES_AT_ONCE];
    for (int i = 0; i < n; i++) {
        matches[i].n = 0;
        matches[i].hub = s->cohort != NULL;
    }
    enum err r = search_part(s, s->base, dim, rows, n, matches, e);
    if (!r)
        r = search_part(s, s->delta, dim, rows, n, matches, e);
    if (!r)
        memcpy(ret_matches, matches, (size_t)n * sizeof *matches);
    return r;
}

enum err gallery_search(struct gallery *g, const float *probes, int n,
                        struct gallery_match *ret_matches, struct error *e)
{
    if (n < 0)
        return error_set(e, ERR_INVALID, "%d probes", n);
    _cleanup_(snapshot_unrefp) struct snapshot *s = gallery_now(g);
    size_t bytes = s->cohort ? (size_t)PROBES_AT_ONCE * (size_t)s->row_dim * sizeof(float) : 0;
    float *rows = bytes ? mem_alloc(bytes) : NULL;
    if (bytes && !rows)
        return error_set(e, ERR_NOMEM, "out of memory for %d probes", n);
    enum err r = ERR_OK;
    for (int done = 0; !r && done < n; done += PROBES_AT_ONCE) {
        int some = n - done < PROBES_AT_ONCE ? n - done : PROBES_AT_ONCE;
        const float *from = probes + (size_t)done * (size_t)g->dim;
        if (rows)
            probe_rows(s, g->dim, from, some, rows);
        r = search_some(s, g->dim, rows ? rows : from, some, ret_matches + done, e);
    }
    secure_free(rows, bytes);
    return r;
}

bool gallery_is_hub(struct gallery *g)
{
    _cleanup_(snapshot_unrefp) struct snapshot *s = gallery_now(g);
    return s->cohort != NULL;
}

static float dot(const float *x, const float *y, int dim)
{
    float sum = 0;
    for (int i = 0; i < dim; i++)
        sum += x[i] * y[i];
    return sum;
}

/* Puts a neighbour into its place among the best `max`. */
static void near_add(struct gallery_hit *near, int max, int *n, const struct student_id *student,
                     float score)
{
    int at = *n < max ? (*n)++ : max - 1;
    for (; at > 0 && near[at - 1].score < score; at--)
        near[at] = near[at - 1];
    near[at] = (struct gallery_hit){.student = *student, .score = score, .cosine = score};
}

static void near_part(const struct snapshot *s, const struct part *p, const float *vec, int dim,
                      const struct student_id *except, float min_score, struct gallery_hit *near,
                      int max, int *n)
{
    for (size_t row = 0; row < part_count(p); row++) {
        if ((p == s->base && !row_lives(s, row)) || by_student(&p->students[row], except) == 0)
            continue;
        float score = dot(faiss_index_row(p->index, row), vec, dim);
        if (score >= min_score && (*n < max || score > near[max - 1].score))
            near_add(near, max, n, &p->students[row], score);
    }
}

enum err gallery_near(struct gallery *g, const float *vec, struct student_id except,
                      float min_score, struct gallery_hit *ret_near, int max, int *ret_n,
                      struct error *e)
{
    if (max < 1)
        return error_set(e, ERR_INVALID, "%d neighbours", max);
    _cleanup_(snapshot_unrefp) struct snapshot *s = gallery_now(g);
    *ret_n = 0;
    near_part(s, s->base, vec, g->dim, &except, min_score, ret_near, max, ret_n);
    near_part(s, s->delta, vec, g->dim, &except, min_score, ret_near, max, ret_n);
    return ERR_OK;
}

enum err gallery_get(struct gallery *g, struct student_id student, float *ret_vec, struct error *e)
{
    _cleanup_(snapshot_unrefp) struct snapshot *s = gallery_now(g);
    bool in_delta = false, in_base = false;
    size_t delta_row = part_find(s->delta, &student, &in_delta);
    size_t base_row = part_find(s->base, &student, &in_base);
    if (!in_delta && !(in_base && row_lives(s, base_row)))
        return error_set(e, ERR_NOT_FOUND, "the student has no template");
    const float *row = in_delta ? faiss_index_row(s->delta->index, delta_row)
                                : faiss_index_row(s->base->index, base_row);
    memcpy(ret_vec, row, (size_t)g->dim * sizeof *ret_vec);
    return ERR_OK;
}

size_t gallery_count(struct gallery *g)
{
    _cleanup_(snapshot_unrefp) struct snapshot *s = gallery_now(g);
    return snapshot_count(s);
}

int gallery_dim(const struct gallery *g) { return g->dim; }
