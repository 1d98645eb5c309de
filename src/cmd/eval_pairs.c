/* The pairs that verification compares: see eval_pairs.h.
 *
 * Memory: 16 bytes a pair, at most EVAL_PAIRS_MAX of them. Thread: main. Invariant: rows are sorted
 * and counted before they are handed out. */
#include "cmd/eval_pairs.h"

#include "base/file.h"
#include "base/hashmap.h"
#include "base/mem.h"

enum { FILE_MAX = 64 * 1024 * 1024, STEM_MAX = 600, PHOTO_NUMBER_MAX = 9999 };

static double dot(const float *x, const float *y, int dim)
{
    double sum = 0;
    for (int i = 0; i < dim; i++)
        sum += (double)x[i] * (double)y[i];
    return sum;
}

/* Photos by name without its ending. */
static enum err index_photos(const struct eval_photos *p, struct hashmap *map, struct error *e)
{
    enum err r = ERR_OK;
    for (int i = 0; i < p->n && !r; i++) {
        const char *dot_at = strrchr(p->photos[i].name, '.');
        struct str stem = str_from(p->photos[i].name);
        if (dot_at)
            stem.n = (size_t)(dot_at - p->photos[i].name);
        r = hashmap_put(map, stem, &p->photos[i], e);
    }
    return r;
}

static const struct eval_photo *find_photo(const struct hashmap *map, struct str name,
                                           int64_t number)
{
    char stem[STEM_MAX];
    int n = snprintf(stem, sizeof stem, "%.*s/%.*s_%04lld", STR_ARGS(name), STR_ARGS(name),
                     (long long)number);
    const struct eval_photo *photo = NULL;
    if (n > 0 && (size_t)n < sizeof stem)
        photo = hashmap_get(map, (struct str){stem, (size_t)n});
    return photo && photo->state == EVAL_OK ? photo : NULL;
}

/* The next word of a line, false at its end. */
static bool next_word(struct str *rest, struct str *ret_word)
{
    *rest = str_trim(*rest);
    size_t n = 0;
    while (n < rest->n && rest->p[n] != ' ' && rest->p[n] != '\t')
        n++;
    *ret_word = (struct str){rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return n > 0;
}

static int split_words(struct str line, struct str words[static 5])
{
    int n = 0;
    while (n < 5 && next_word(&line, &words[n]))
        n++;
    return n;
}

struct reader {
    const struct eval_photos *photos;
    struct hashmap map;
    struct eval_pairs *pairs;
    int64_t folds, half, row; /* row: of pairs, from 0 */
    size_t capacity;
};

static bool read_number(struct str word, int64_t *ret_number)
{
    return str_to_i64(word, ret_number, NULL) == ERR_OK && *ret_number >= 0 &&
           *ret_number <= PHOTO_NUMBER_MAX;
}

/* One line of a pair; the photos are NULL when they cannot be used. */
static bool read_pair(const struct reader *r, const struct str *words, int n,
                      const struct eval_photo *pair[static 2])
{
    int64_t i = 0, j = 0;
    if (n != 3 && n != 4)
        return false;
    if (!read_number(words[1], &i) || !read_number(words[n - 1], &j))
        return false;
    pair[0] = find_photo(&r->map, words[0], i);
    pair[1] = find_photo(&r->map, words[n == 3 ? 0 : 2], j);
    return true;
}

static enum err add_line(struct reader *r, struct str line, int64_t number, struct error *e)
{
    const struct eval_photo *pair[2] = {NULL};
    struct str words[5];
    int n = split_words(line, words);
    if (n == 0)
        return ERR_OK;
    if (!read_pair(r, words, n, pair))
        return error_set(e, ERR_INVALID,
                         "line %lld is neither 'NAME I J' nor 'NAME I NAME J': %.*s",
                         (long long)number, (int)(line.n < 80 ? line.n : 80), line.p);
    int64_t fold = r->row++ / (2 * r->half);
    if (fold >= r->folds || (size_t)r->row > r->capacity)
        return error_set(e, ERR_INVALID, "line %lld: more pairs than the first line says",
                         (long long)number);
    if (!pair[0] || !pair[1]) {
        r->pairs->left_out++;
        return ERR_OK;
    }
    struct eval_scores *s = &r->pairs->scores;
    s->rows[s->n++] =
        (struct eval_score){.score = (float)dot(pair[0]->vector, pair[1]->vector, r->photos->dim),
                            .a = pair[0]->person,
                            .b = pair[1]->person,
                            .fold = (int16_t)fold,
                            .same = pair[0]->person == pair[1]->person};
    return ERR_OK;
}

static enum err read_head(struct reader *r, struct str line, struct error *e)
{
    struct str words[5];
    int n = split_words(line, words);
    if (n != 2 || !read_number(words[0], &r->folds) ||
        str_to_i64(words[1], &r->half, NULL) != ERR_OK || r->folds < 2 ||
        r->folds > EVAL_FOLDS_MAX || r->half < 1 || r->half > EVAL_PAIRS_MAX / 2 / r->folds)
        return error_set(e, ERR_INVALID,
                         "the first line is not 'FOLDS PAIRS' with 2 to %d folds: %.*s",
                         EVAL_FOLDS_MAX, (int)(line.n < 80 ? line.n : 80), line.p);
    r->capacity = (size_t)(r->folds * r->half * 2);
    r->pairs->scores.folds = (int)r->folds;
    r->pairs->scores.rows = mem_array(r->capacity, sizeof *r->pairs->scores.rows);
    return r->pairs->scores.rows ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
}

static enum err read_lines(struct reader *r, struct str text, struct error *e)
{
    struct str line;
    int64_t number = 1;
    if (!str_split(&text, '\n', &line))
        return error_set(e, ERR_INVALID, "the file is empty");
    enum err code = read_head(r, line, e);
    while (!code && str_split(&text, '\n', &line))
        code = add_line(r, line, ++number, e);
    if (!code && r->pairs->scores.n == 0)
        code = error_set(e, ERR_UNPROCESSABLE,
                         "not one of its %lld pairs has both photos here and usable",
                         (long long)r->row);
    return code;
}

enum err eval_pairs_read(const char *path, const struct eval_photos *p, struct arena *a,
                         struct eval_pairs *ret_pairs, struct error *e)
{
    struct eval_pairs pairs = {.stride = 1, .scores = {.people = p->n_people}};
    struct reader reader = {.photos = p, .pairs = &pairs};
    struct str text;
    enum err r = file_read(path, FILE_MAX, a, &text, e);
    if (r)
        return r;
    hashmap_init(&reader.map);
    r = index_photos(p, &reader.map, e);
    if (!r)
        r = read_lines(&reader, text, e);
    hashmap_done(&reader.map);
    if (r) {
        mem_free(pairs.scores.rows);
        return error_wrap(e, r, "pairs file %.80s", path);
    }
    eval_scores_sort(&pairs.scores);
    *ret_pairs = pairs;
    return ERR_OK;
}

static int64_t pairs_of(int64_t n) { return n * (n - 1) / 2; }

static void add_all(const struct eval_faces *f, const int *owner, struct eval_pairs *pairs)
{
    struct eval_scores *s = &pairs->scores;
    int64_t impostors = 0;
    for (int i = 0; i < f->n; i++) {
        const float *x = f->x + (size_t)i * (size_t)f->dim;
        for (int j = i + 1; j < f->n; j++) {
            int a = owner[i], b = owner[j], fold = a % EVAL_PEOPLE_FOLDS;
            if (a != b && impostors++ % pairs->stride != 0)
                continue;
            s->rows[s->n++] = (struct eval_score){
                .score = (float)dot(x, f->x + (size_t)j * (size_t)f->dim, f->dim),
                .a = a,
                .b = b,
                .fold = (int16_t)(fold == b % EVAL_PEOPLE_FOLDS ? fold : -1),
                .same = a == b};
        }
    }
}

enum err eval_pairs_all(const struct eval_faces *f, struct eval_pairs *ret_pairs, struct error *e)
{
    struct eval_pairs pairs = {
        .scores = {.people = f->people, .folds = EVAL_PEOPLE_FOLDS, .balanced = true}};
    int *owner = mem_array((size_t)f->n, sizeof *owner);
    int64_t genuine = 0;
    for (int p = 0; p < f->people; p++)
        genuine += pairs_of(f->first[p + 1] - f->first[p]);
    int64_t impostors = pairs_of(f->n) - genuine;
    pairs.stride = 1 + impostors / EVAL_PAIRS_MAX;
    size_t n = (size_t)(genuine + impostors / pairs.stride + 1);
    if (owner)
        pairs.scores.rows = mem_array(n, sizeof *pairs.scores.rows);
    if (!pairs.scores.rows) {
        mem_free(owner);
        return error_set(e, ERR_NOMEM, "no memory for %zu pairs", n);
    }
    for (int p = 0; p < f->people; p++)
        for (int i = f->first[p]; i < f->first[p + 1]; i++)
            owner[i] = p;
    add_all(f, owner, &pairs);
    mem_free(owner);
    eval_scores_sort(&pairs.scores);
    *ret_pairs = pairs;
    return ERR_OK;
}
