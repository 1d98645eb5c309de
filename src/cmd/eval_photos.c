/* The photos of an evaluation: see eval_photos.h.
 *
 * Threads take photo after photo from one counter; each has its own arena, and every result has
 * exactly one writer. Cost: the pipeline's, divided by the threads. The cache is a text line with
 * the key, a line a photo (state, flaw, size, change time, name), an empty line, then the vectors
 * of the usable photos as raw floats. */
#include "cmd/eval_photos.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/hashmap.h"
#include "base/mem.h"
#include "base/time.h"
#include "cmd/frames.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS_MAX = 256, SAME_FILE_MAX = 1 << 20, PHOTO_ARENA_MAX = 1 << 30, FIELDS = 5 };
enum { SIDE = 250, FAR_OFF_PX = 90, PROGRESS_MS = 200 };
#define ARENA_MAX ((size_t)8 << 30)
#define CACHE_MAX ((size_t)4 << 30)

int eval_main_face(const struct vision_result *r)
{
    int best = -1;
    double best_value = -INFINITY, scale = (double)SIDE / fmax(fmax(r->width, r->height), 1);
    for (int i = 0; i < r->n; i++) {
        const float *b = r->faces[i].face.box;
        double off = scale * (fabs((double)b[0] + (double)b[2] / 2 - r->width / 2.0) +
                              fabs((double)b[1] + (double)b[3] / 2 - r->height / 2.0));
        double value = scale * scale * (double)b[2] * (double)b[3] / 1000 - off / 5 -
                       (off > FAR_OFF_PX ? 1000 : 0);
        if (value > best_value) {
            best_value = value;
            best = i;
        }
    }
    return best;
}

/* The person whose folder is `name`, made when new: photos of a folder come one after the other. */
static int person_of(struct eval_photos *p, struct str name)
{
    if (p->n_people > 0 && str_is(name, p->people[p->n_people - 1]))
        return p->n_people - 1;
    p->people[p->n_people] = arena_strdup(p->arena, name);
    return p->people[p->n_people] ? p->n_people++ : -1;
}

static enum err add_photo(struct eval_photos *p, const struct frame_item *item, int64_t people_max,
                          struct error *e)
{
    const char *slash = strchr(item->name, '/');
    struct stat st;
    if (!slash)
        return ERR_OK;
    int person = person_of(p, (struct str){item->name, (size_t)(slash - item->name)});
    if (person < 0)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (people_max > 0 && person >= people_max) {
        p->n_people = (int)people_max;
        return ERR_OK;
    }
    if (stat(item->path, &st) != 0)
        return error_set(e, ERR_IO, "cannot read %.160s", item->path);
    p->photos[p->n++] = (struct eval_photo){.path = item->path,
                                            .name = item->name,
                                            .person = person,
                                            .size_bytes = st.st_size,
                                            .changed_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 +
                                                          st.st_mtim.tv_nsec};
    return ERR_OK;
}

static int find_person(const struct eval_photos *p, struct str name)
{
    for (int i = 0; i < p->n_people; i++)
        if (str_is(name, p->people[i]))
            return i;
    return -1;
}

/* Gives the photos of the second name of a line to the person of the first. */
static enum err merge_people(struct eval_photos *p, const char *file, struct error *e)
{
    struct str text, line;
    enum err r = file_read(file, SAME_FILE_MAX, p->arena, &text, e);
    while (!r && str_split(&text, '\n', &line)) {
        struct str first;
        line = str_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (!str_split(&line, ' ', &first) || str_trim(line).n == 0)
            return error_set(e, ERR_INVALID, "%.120s: a line is not 'FOLDER FOLDER'", file);
        int to = find_person(p, first), from = find_person(p, str_trim(line));
        for (int i = 0; i < p->n && to >= 0 && from >= 0; i++)
            if (p->photos[i].person == from)
                p->photos[i].person = to;
    }
    return r;
}

static enum err list_photos(struct eval_photos *p, const struct eval_photos_options *o,
                            struct error *e)
{
    struct frame_item *items = NULL;
    int n = 0;
    enum err r = frames_list_folder(o->folder, p->arena, &items, &n, e);
    if (r)
        return r;
    p->photos = arena_array(p->arena, (size_t)n + 1, sizeof *p->photos);
    p->people = arena_array(p->arena, (size_t)n + 1, sizeof *p->people);
    if (!p->photos || !p->people)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < n && !r; i++)
        r = add_photo(p, &items[i], o->people_max, e);
    if (!r && p->n == 0)
        return error_set(e, ERR_NOT_FOUND,
                         "there are no photos in %.120s: it must hold one folder for each person",
                         o->folder);
    return !r && o->same_file ? merge_people(p, o->same_file, e) : r;
}

enum err eval_photos_open(const struct eval_photos_options *o, struct eval_photos **ret_photos,
                          struct error *e)
{
    struct eval_photos *p = mem_alloc(sizeof *p);
    if (!p)
        return error_set(e, ERR_NOMEM, "out of memory");
    p->arena = arena_new(ARENA_MAX);
    enum err r = p->arena ? list_photos(p, o, e) : error_set(e, ERR_NOMEM, "out of memory");
    if (r) {
        eval_photos_close(p);
        return r;
    }
    *ret_photos = p;
    return ERR_OK;
}

void eval_photos_close(struct eval_photos *p)
{
    if (!p)
        return;
    arena_free(p->arena);
    mem_free(p);
}

/* What the threads share. */
struct crew {
    struct eval_photos *photos;
    const struct eval_analysis *o;
    float *vectors;   /* [n][dim] */
    float *augmented; /* the same; NULL: not asked for */
    atomic_int next, done;
    atomic_bool failed;
    pthread_mutex_t lock; /* of error */
    struct error error;
};

/* The first photo of somebody who has another one to be found by. */
static bool is_template(const struct eval_photos *p, int at)
{
    bool first = at == 0 || p->photos[at - 1].person != p->photos[at].person;
    return first && at + 1 < p->n && p->photos[at + 1].person == p->photos[at].person;
}

static enum err augment_photo(struct crew *c, struct arena *a, int at, struct str bytes,
                              const struct vision_result *result, struct error *e)
{
    struct eval_photo *photo = &c->photos->photos[at];
    int which = eval_main_face(result);
    if (!c->augmented || which < 0 || !photo->vector || !is_template(c->photos, at))
        return ERR_OK;
    float *to = c->augmented + (size_t)at * (size_t)c->photos->dim;
    photo->augmented = to;
    return vision_embed_augmented(c->o->vision, a, bytes, c->o->max_pixels,
                                  &result->faces[which].face, c->o->augment, to, e);
}

static void keep_result(struct crew *c, int at, const struct vision_result *result)
{
    struct eval_photo *photo = &c->photos->photos[at];
    int which = eval_main_face(result);
    if (which < 0) {
        photo->state = EVAL_NO_FACE;
        return;
    }
    const struct vision_face *face = &result->faces[which];
    photo->flaw = face->flaw;
    photo->covered = face->covered;
    photo->state = face->embedding ? EVAL_OK : EVAL_FLAWED;
    if (face->embedding) {
        size_t dim = (size_t)c->photos->dim;
        memcpy(c->vectors + (size_t)at * dim, face->embedding, dim * sizeof(float));
        photo->vector = c->vectors + (size_t)at * dim;
    }
}

/* A photo that cannot be read is counted; an engine that fails ends the run. */
static enum err analyse_photo(struct crew *c, struct arena *a, int at, struct error *e)
{
    struct vision_result result;
    struct str bytes;
    const struct eval_photo *photo = &c->photos->photos[at];
    enum err r = file_read(photo->path, (size_t)c->o->max_bytes, a, &bytes, e);
    if (!r)
        r = vision_analyse(c->o->vision, a, bytes, c->o->max_pixels, &result, e);
    if (r == ERR_UNAVAILABLE || r == ERR_NOMEM || r == ERR_INTERNAL)
        return error_wrap(e, r, "%.100s", photo->name);
    c->photos->photos[at].known = true;
    if (r)
        c->photos->photos[at].state = EVAL_UNREADABLE;
    else
        keep_result(c, at, &result);
    if (!r)
        r = augment_photo(c, a, at, bytes, &result, e);
    if (r == ERR_UNAVAILABLE || r == ERR_NOMEM)
        return error_wrap(e, r, "%.100s", photo->name);
    return ERR_OK;
}

static void *crew_main(void *arg)
{
    struct crew *c = arg;
    _cleanup_(arena_freep) struct arena *a = arena_new(PHOTO_ARENA_MAX);
    struct error e = {.code = ERR_OK};
    enum err r = a ? ERR_OK : error_set(&e, ERR_NOMEM, "out of memory");
    while (!r && !atomic_load(&c->failed)) {
        int at = atomic_fetch_add(&c->next, 1);
        if (at >= c->photos->n)
            return NULL;
        if (c->photos->photos[at].known) { /* the cache had it */
            atomic_fetch_add(&c->done, 1);
            continue;
        }
        arena_reset(a);
        r = analyse_photo(c, a, at, &e);
        atomic_fetch_add(&c->done, 1);
    }
    if (r) {
        pthread_mutex_lock(&c->lock);
        c->error = e;
        pthread_mutex_unlock(&c->lock);
        atomic_store(&c->failed, true);
    }
    return NULL;
}

static void show_progress(struct crew *c)
{
    int n = c->photos->n, tty = isatty(STDERR_FILENO), last = -1;
    usec_t begun = time_mono();
    while (atomic_load(&c->done) < n && !atomic_load(&c->failed)) {
        int done = atomic_load(&c->done);
        double seconds = (double)(time_mono() - begun) / USEC_PER_SEC;
        if (tty || done / 1000 != last / 1000)
            fprintf(stderr, "%s%d of %d photos, %.1f a second%s", tty ? "\r" : "", done, n,
                    seconds > 0 ? done / seconds : 0, tty ? "   " : "\n");
        last = done;
        usleep(PROGRESS_MS * 1000);
    }
    fprintf(stderr, "%s%d of %d photos in %.0f s      \n", tty ? "\r" : "", atomic_load(&c->done),
            n, (double)(time_mono() - begun) / USEC_PER_SEC);
}

static enum err run_crew(struct crew *c, struct error *e)
{
    pthread_t threads[THREADS_MAX];
    int n = 0, wanted = c->o->threads < THREADS_MAX ? c->o->threads : THREADS_MAX;
    pthread_mutex_init(&c->lock, NULL);
    while (n < wanted && pthread_create(&threads[n], NULL, crew_main, c) == 0)
        n++;
    if (n > 0)
        show_progress(c);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&c->lock);
    if (n == 0)
        return error_set(e, ERR_UNAVAILABLE, "no thread could be started");
    if (atomic_load(&c->failed))
        return error_set(e, c->error.code, "%s", c->error.msg);
    return ERR_OK;
}

static bool cache_fields(struct str line, int64_t fields[static 4], struct str *ret_name)
{
    for (int i = 0; i < FIELDS - 1; i++) {
        struct str word;
        if (!str_split(&line, ' ', &word) || str_to_i64(word, &fields[i], NULL))
            return false;
    }
    *ret_name = line;
    return fields[0] >= 0 && fields[0] < EVAL_STATE_N && fields[1] >= 0 && fields[1] < FACE_FLAW_N;
}

/* Takes over what the cache knows of photos that are as they were. */
static void use_cache(struct crew *c, struct hashmap *map, struct str text)
{
    struct str line, name, lines = text;
    size_t bytes = (size_t)c->photos->dim * sizeof(float);
    while (str_split(&lines, '\n', &line) && line.n > 0)
        continue;
    while (str_split(&text, '\n', &line) && line.n > 0) {
        int64_t fields[4];
        if (!cache_fields(line, fields, &name))
            continue;
        const char *vector = NULL;
        if (fields[0] == EVAL_OK) {
            if (lines.n < bytes)
                return;
            vector = lines.p;
            lines = (struct str){lines.p + bytes, lines.n - bytes};
        }
        struct eval_photo *photo = hashmap_get(map, name);
        if (!photo || photo->size_bytes != fields[2] || photo->changed_ns != fields[3])
            continue;
        photo->known = true;
        photo->state = (enum eval_state)fields[0];
        photo->flaw = (enum face_flaw)fields[1];
        if (vector) {
            float *to = c->vectors + (photo - c->photos->photos) * c->photos->dim;
            memcpy(to, vector, bytes);
            photo->vector = to;
        }
        c->photos->cached++;
    }
}

/* A cache that is missing or of another key is no error: it will be written. */
static enum err read_cache(struct crew *c, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(CACHE_MAX);
    struct str text, key;
    struct hashmap map;
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    if (!file_exists(c->o->cache))
        return ERR_OK;
    enum err r = file_read(c->o->cache, CACHE_MAX / 2, a, &text, e);
    if (r || !str_split(&text, '\n', &key) || !str_is(key, c->o->key))
        return r;
    hashmap_init(&map);
    for (int i = 0; i < c->photos->n && !r; i++)
        r = hashmap_put(&map, str_from(c->photos->photos[i].name), &c->photos->photos[i], e);
    if (!r)
        use_cache(c, &map, text);
    hashmap_done(&map);
    return r;
}

static enum err write_cache(const struct crew *c, struct error *e)
{
    struct buf b;
    const struct eval_photos *p = c->photos;
    buf_init(&b, CACHE_MAX);
    buf_printf(&b, "%s\n", c->o->key);
    for (int i = 0; i < p->n; i++) {
        const struct eval_photo *photo = &p->photos[i];
        buf_printf(&b, "%d %d %lld %lld %s\n", (int)photo->state, (int)photo->flaw,
                   (long long)photo->size_bytes, (long long)photo->changed_ns, photo->name);
    }
    buf_putc(&b, '\n');
    for (int i = 0; i < p->n; i++)
        if (p->photos[i].vector)
            buf_append(&b, (struct str){(const char *)p->photos[i].vector,
                                        (size_t)p->dim * sizeof(float)});
    enum err r = buf_check(&b, e);
    if (!r)
        r = file_write(c->o->cache, buf_str(&b), 0600, e);
    buf_done(&b);
    return r;
}

static void count_states(struct eval_photos *p)
{
    memset(p->counts, 0, sizeof p->counts);
    memset(p->flaws, 0, sizeof p->flaws);
    p->covered = 0;
    for (int i = 0; i < p->n; i++) {
        p->counts[p->photos[i].state]++;
        p->covered += p->photos[i].state == EVAL_OK && p->photos[i].covered;
        if (p->photos[i].state == EVAL_FLAWED)
            p->flaws[p->photos[i].flaw]++;
    }
}

enum err eval_photos_analyse(struct eval_photos *p, const struct eval_analysis *o, struct error *e)
{
    struct crew c = {.photos = p, .o = o};
    p->dim = vision_dim(o->vision);
    p->cached = 0;
    c.vectors = arena_array(p->arena, (size_t)p->n * (size_t)p->dim, sizeof *c.vectors);
    if (o->augment)
        c.augmented = arena_array(p->arena, (size_t)p->n * (size_t)p->dim, sizeof *c.augmented);
    if (!c.vectors || (o->augment && !c.augmented))
        return error_set(e, ERR_NOMEM, "no memory for the embeddings of %d photos", p->n);
    for (int i = 0; i < p->n; i++) {
        p->photos[i].known = false;
        p->photos[i].flaw = FACE_OK;
        p->photos[i].vector = NULL;
        p->photos[i].augmented = NULL;
    }
    enum err r = o->cache ? read_cache(&c, e) : ERR_OK;
    if (!r && p->cached < p->n) {
        r = run_crew(&c, e);
        if (!r && o->cache)
            r = write_cache(&c, e);
    }
    if (!r)
        count_states(p);
    return r;
}

enum err eval_photos_faces(const struct eval_photos *p, struct arena *a,
                           struct eval_faces *ret_faces, int **ret_photos, struct error *e)
{
    size_t n = (size_t)p->counts[EVAL_OK], dim = (size_t)p->dim;
    int *first = arena_array(a, (size_t)p->n_people + 1, sizeof *first);
    int *photos = arena_array(a, n + 1, sizeof *photos);
    float *x = arena_array(a, n * dim + 1, sizeof *x);
    int at = 0;
    if (!first || !photos || !x)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < p->n; i++)
        if (p->photos[i].vector)
            first[p->photos[i].person + 1]++;
    for (int k = 0; k < p->n_people; k++)
        first[k + 1] += first[k];
    /* Stable: photos are visited in order, and first[] runs ahead, then is set back. */
    for (int i = 0; i < p->n; i++)
        if (p->photos[i].vector)
            photos[first[p->photos[i].person]++] = i;
    for (int k = p->n_people; k > 0; k--)
        first[k] = first[k - 1];
    first[0] = 0;
    for (at = 0; at < (int)n; at++)
        memcpy(x + (size_t)at * dim, p->photos[photos[at]].vector, dim * sizeof *x);
    *ret_faces = (struct eval_faces){
        .x = x, .first = first, .n = (int)n, .dim = p->dim, .people = p->n_people};
    if (ret_photos)
        *ret_photos = photos;
    return ERR_OK;
}
