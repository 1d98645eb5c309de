/* Templates and the gallery: sealed rows in the store, vectors in memory.
 *
 * The gallery vector of a student is the normalised mean of the student's rows for the active
 * (encoder, preprocessing). Loading all holds one student's sum at a time and hands the gallery the
 * whole set at once. Worker threads and the keeper; 1.3 us a row to open, one pass over the table.
 * Reading the store and changing the gallery is one step under `reading`: what is read later is put
 * later, so the gallery never falls back behind a change that it had. A leaf but for the store's.
 */
#include "jobs/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>

#include <sodium.h>

enum { CONTEXT_TEXT = 192, ROW_ARENA = 64 * KIB };

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER;

static struct str context_of(char text[static CONTEXT_TEXT], struct student_id student,
                             const char *encoder, const char *preprocessing)
{
    snprintf(text, CONTEXT_TEXT, "template|%s|%s|%s", student.text, encoder, preprocessing);
    return str_from(text);
}

enum err template_seal(const struct seal_key *key, const struct engine *engine, struct arena *a,
                       struct student_id student, const float *vec, struct str *ret_sealed,
                       struct error *e)
{
    char text[CONTEXT_TEXT];
    struct str context = context_of(text, student, vision_encoder(engine->vision),
                                    vision_preprocessing(engine->vision));
    struct str plain = {(const char *)vec, (size_t)vision_dim(engine->vision) * sizeof *vec};
    return seal(key, a, context, plain, ret_sealed, e);
}

/* Rows from before students had keys are sealed with one of the installation's. */
static enum err open_bytes(const struct seal_key *key, const struct seal_key *installation,
                           struct arena *a, const struct template_row *row, struct str *ret_vec,
                           struct error *e)
{
    char text[CONTEXT_TEXT], encoder[CONTEXT_TEXT], preprocessing[CONTEXT_TEXT];
    snprintf(encoder, sizeof encoder, "%.*s", STR_ARGS(row->encoder));
    snprintf(preprocessing, sizeof preprocessing, "%.*s", STR_ARGS(row->preprocessing));
    struct str context = context_of(text, row->student, encoder, preprocessing);
    struct error own;
    enum err r = key ? unseal(key, a, context, row->sealed, ret_vec, &own) : ERR_CORRUPT;
    if (r == ERR_CORRUPT)
        r = unseal(installation, a, context, row->sealed, ret_vec, e);
    else if (r && e)
        *e = own;
    if (r == ERR_CORRUPT && !key)
        return error_set(e, ERR_NOT_FOUND, "template %s is erased: its key is gone", row->id);
    return r ? error_wrap(e, r, "template %s", row->id) : ERR_OK;
}

enum err template_unseal(const struct template_keys *keys, struct arena *a,
                         const struct template_row *row, struct str *ret_vec, struct error *e)
{
    const struct seal_key *key = keys->ring ? keyring_find(keys->ring, row->student) : NULL;
    return open_bytes(key, &keys->installation, a, row, ret_vec, e);
}

static enum err as_floats(const struct engine *engine, const struct template_row *row,
                          struct str plain, const float **ret_vec, struct error *e)
{
    if (plain.n != (size_t)vision_dim(engine->vision) * sizeof **ret_vec)
        return error_set(e, ERR_CORRUPT, "template %s has %zu bytes", row->id, plain.n);
    *ret_vec = (const float *)(const void *)plain.p;
    return ERR_OK;
}

enum err template_open(const struct template_keys *keys, const struct engine *engine,
                       struct arena *a, const struct template_row *row, const float **ret_vec,
                       struct error *e)
{
    struct str plain;
    enum err r = template_unseal(keys, a, row, &plain, e);
    return r ? r : as_floats(engine, row, plain, ret_vec, e);
}

enum err template_open_one(const struct jobs_env *env, const struct seal_key *key,
                           const struct engine *engine, struct arena *a,
                           const struct template_row *row, const float **ret_vec, struct error *e)
{
    struct str plain;
    enum err r = open_bytes(key, &env->template_key, a, row, &plain, e);
    return r ? r : as_floats(engine, row, plain, ret_vec, e);
}

/* Sums are turned into unit vectors; false for a zero sum. */
static bool normalise(float *vec, int dim)
{
    double norm = 0;
    for (int i = 0; i < dim; i++)
        norm += (double)vec[i] * (double)vec[i];
    if (norm <= 0)
        return false;
    float scale = (float)(1.0 / sqrt(norm));
    for (int i = 0; i < dim; i++)
        vec[i] *= scale;
    return true;
}

/* All students' sums, growing; rows come ordered by student. */
struct load {
    const struct jobs_env *env;
    struct engine *engine;
    struct arena *row; /* reset for each row */
    struct student_id *students;
    float *sums; /* [n][dim] */
    size_t n, capacity;
    int dim;
    struct template_keys keys;
    int64_t skipped, erased;
};

static bool load_grow(struct load *l)
{
    size_t capacity = l->capacity ? l->capacity * 2 : 64;
    struct student_id *students = mem_resize(l->students, capacity * sizeof *students);
    if (!students)
        return false;
    l->students = students;
    float *sums = mem_array(capacity, (size_t)l->dim * sizeof *sums);
    if (!sums)
        return false;
    if (l->n)
        memcpy(sums, l->sums, l->n * (size_t)l->dim * sizeof *sums);
    secure_free(l->sums, l->capacity * (size_t)l->dim * sizeof *sums);
    l->sums = sums;
    l->capacity = capacity;
    return true;
}

static enum err load_row(void *ctx, const struct template_row *t, struct error *e)
{
    struct load *l = ctx;
    const float *vec;
    arena_reset(l->row);
    enum err r = template_open(&l->keys, l->engine, l->row, t, &vec, e);
    if (r) {
        l->erased += r == ERR_NOT_FOUND; /* a crash came between the key's end and the row's */
        l->skipped += r != ERR_NOT_FOUND;
        return ERR_OK; /* one damaged row must not keep everybody else from being recognised */
    }
    bool same = l->n && strcmp(l->students[l->n - 1].text, t->student.text) == 0;
    if (!same) {
        if (l->n == l->capacity && !load_grow(l))
            return error_set(e, ERR_NOMEM, "no memory for %zu templates", l->n);
        l->students[l->n] = t->student;
        memset(l->sums + l->n * (size_t)l->dim, 0, (size_t)l->dim * sizeof *l->sums);
        l->n++;
    }
    float *sum = l->sums + (l->n - 1) * (size_t)l->dim;
    for (int i = 0; i < l->dim; i++)
        sum[i] += vec[i];
    return ERR_OK;
}

static enum err load_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct load *l = ctx;
    return template_each(cx, str_from(vision_encoder(l->engine->vision)),
                         str_from(vision_preprocessing(l->engine->vision)), load_row, l, e);
}

static enum err load_into_gallery(struct load *l, struct error *e)
{
    struct gallery_entry *entries = mem_array(l->n, sizeof *entries);
    if (!entries)
        return error_set(e, ERR_NOMEM, "no memory for %zu templates", l->n);
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++) {
        float *vec = l->sums + i * (size_t)l->dim;
        if (normalise(vec, l->dim))
            entries[n++] = (struct gallery_entry){.student = l->students[i], .vec = vec};
    }
    enum err r = gallery_rebuild(l->engine->gallery, entries, n, e);
    mem_free(entries);
    return r;
}

static void load_done(struct load *l)
{
    arena_free(l->row);
    keyring_free(l->keys.ring);
    sodium_memzero(&l->keys, sizeof l->keys);
    mem_free(l->students);
    secure_free(l->sums, l->capacity * (size_t)l->dim * sizeof *l->sums);
}

enum err templates_load_all(const struct jobs_env *env, struct engine *engine, struct error *e)
{
    struct load l = {.env = env,
                     .engine = engine,
                     .row = arena_new(ROW_ARENA),
                     .dim = vision_dim(engine->vision),
                     .keys = {.installation = env->template_key}};
    pthread_mutex_lock(&reading);
    enum err r = l.row ? keyring_load(env->keystore, KEY_FACE, &l.keys.ring, e)
                       : error_set(e, ERR_NOMEM, "no memory to load");
    if (r == ERR_OK)
        r = db_read(env->db, load_fn, &l, e);
    if (r == ERR_OK)
        r = calibration_set_hubs(env, engine, e);
    if (r == ERR_OK)
        r = load_into_gallery(&l, e);
    pthread_mutex_unlock(&reading);
    if (l.skipped)
        log_event(LOG_ERROR, "jobs", "templates_unreadable",
                  "n=%lld help=\"was data/installation.key replaced? restore it from a backup\"",
                  (long long)l.skipped);
    if (l.erased)
        log_event(LOG_WARN, "jobs", "templates_erased",
                  "n=%lld help=\"an erasure was cut short: the job erasures ends it\"",
                  (long long)l.erased);
    atomic_store(&engine->loaded, r == ERR_OK || atomic_load(&engine->loaded));
    load_done(&l);
    return r;
}

struct one {
    const struct jobs_env *env;
    struct engine *engine;
    struct arena *a;
    struct student_id student;
    struct template_row *rows;
    int n;
};

static enum err one_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct one *o = ctx;
    return template_of_student(cx, o->a, o->student, str_from(vision_encoder(o->engine->vision)),
                               str_from(vision_preprocessing(o->engine->vision)), &o->rows, &o->n,
                               e);
}

static enum err reload_one(struct one *o, float *sum, struct error *e)
{
    const struct jobs_env *env = o->env;
    int dim = vision_dim(o->engine->vision);
    struct seal_key key;
    enum err r = keystore_get(env->keystore, o->student, KEY_FACE, &key, e);
    bool has_key = r == ERR_OK;
    if (r == ERR_OK || r == ERR_NOT_FOUND)
        r = db_read(env->db, one_fn, o, e);
    for (int k = 0; r == ERR_OK && k < o->n; k++) {
        const float *vec;
        struct error ignored;
        if (template_open_one(env, has_key ? &key : NULL, o->engine, o->a, &o->rows[k], &vec,
                              &ignored) == ERR_OK)
            for (int i = 0; i < dim; i++)
                sum[i] += vec[i];
    }
    sodium_memzero(&key, sizeof key);
    if (r)
        return r;
    const struct gallery_entry entry = {.student = o->student, .vec = sum};
    return normalise(sum, dim) ? gallery_put(o->engine->gallery, &entry, e)
                               : gallery_remove(o->engine->gallery, o->student, e);
}

enum err templates_reload(const struct jobs_env *env, struct engine *engine,
                          struct student_id student, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(16 * MIB);
    struct one o = {.env = env, .engine = engine, .a = a, .student = student};
    float *sum = a ? arena_array(a, (size_t)vision_dim(engine->vision), sizeof *sum) : NULL;
    if (!sum)
        return error_set(e, ERR_NOMEM, "no memory to reload a template");
    pthread_mutex_lock(&reading);
    enum err r = reload_one(&o, sum, e);
    pthread_mutex_unlock(&reading);
    return r;
}

static void count_templates(const struct engine_pair *pair)
{
    metric_set(METRIC_gallery_templates, (int64_t)gallery_count(pair->active->gallery));
}

enum err templates_load_both(const struct jobs_env *env, struct error *e)
{
    struct engine_pair pair = engines_get(env->engines);
    enum err r = templates_load_all(env, pair.active, e);
    if (r == ERR_OK && pair.shadow)
        r = templates_load_all(env, pair.shadow, e);
    count_templates(&pair);
    engine_pair_done(&pair);
    return r;
}

enum err templates_reload_both(const struct jobs_env *env, struct student_id student,
                               struct error *e)
{
    struct engine_pair pair = engines_get(env->engines);
    enum err r = templates_reload(env, pair.active, student, e);
    if (r == ERR_OK && pair.shadow)
        r = templates_reload(env, pair.shadow, student, e);
    count_templates(&pair);
    engine_pair_done(&pair);
    return r;
}
