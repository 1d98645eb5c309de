/* The measured way of a frame. See bench.h.
 *
 * Decode, detect, align, liveness and embed times are those vision_analyse reports; match is a
 * search in a gallery of 1,000; mark is a transaction of mark rows, register events and outbox rows
 * in a real SQLite file, committed and synchronised as in service, on the disk of the temporary
 * folder. Thread: main; bench_workers starts and joins its own. */
#include "cmd/bench.h"

#include "app/vision_options.h"
#include "attendance/chain.h"
#include "base/file.h"
#include "base/mem.h"
#include "gallery/gallery.h"
#include "store/course.h"
#include "store/mark.h"
#include "store/migrate.h"
#include "store/session.h"
#include "store/student.h"
#include "vision/vision.h"

#include <libswscale/swscale.h>
#include <math.h>
#include <pthread.h>
#include <sodium.h>
#include <turbojpeg.h>
#include <unistd.h>

enum { WORKERS_MEASURED = 2 };
enum { GALLERY_SIZE = 1000, FACES_MAX = 64, WARM_UP = 3, FRAME_ARENA = 256 * 1024 * 1024 };

struct bench {
    struct vision *vision;
    struct gallery *gallery;
    struct db *db;
    char folder[64];
    int64_t max_pixels;
    struct student_id students[GALLERY_SIZE];
    struct course_id course;
    struct session_id session;
    int next_student; /* each student is marked once a session; then a new session starts */
    double *samples[BENCH_STAGE_N]; /* [BENCH_SAMPLES_MAX] milliseconds, owned */
};

/* ---- set-up */

static void hash_event(void *ctx, const struct register_event *ev,
                       uint8_t ret_hash[static CHAIN_HASH_BYTES])
{
    const struct chain_event event = {.chain = ev->chain,
                                      .seq = ev->seq,
                                      .at = ev->at,
                                      .actor = ev->actor,
                                      .student = ev->student,
                                      .payload = ev->payload};
    chain_hash(ctx, ev->prev_hash, &event, ret_hash);
}

static enum err tx_session(struct db_cx *cx, void *ctx, struct error *e)
{
    struct bench *b = ctx;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct session s = {.course = b->course,
                        .title = STR("bench"),
                        .confirmations = 1,
                        .confirm_gap_ms = 300,
                        .confirm_window_s = 120,
                        .created_at = time_utc(),
                        .updated_at = time_utc()};
    bool changed = false;
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    id_new(s.id.text);
    b->session = s.id;
    b->next_student = 0;
    enum err r = session_insert(cx, &s, e);
    return r ? r : session_start(cx, a, s.id, time_utc(), &s, &changed, e);
}

static enum err tx_seed(struct db_cx *cx, void *ctx, struct error *e)
{
    struct bench *b = ctx;
    usec_t now = time_utc();
    struct course c = {.code = STR("BENCH"),
                       .title = STR("bench"),
                       .term = STR(""),
                       .confirmations = 1,
                       .created_at = now,
                       .updated_at = now};
    id_new(c.id.text);
    b->course = c.id;
    enum err r = course_insert(cx, &c, e);
    for (int i = 0; i < GALLERY_SIZE && !r; i++) {
        char external_id[16];
        snprintf(external_id, sizeof external_id, "%d", i);
        id_new(b->students[i].text);
        const struct student s = {.id = b->students[i],
                                  .external_id = str_from(external_id),
                                  .name = STR("bench"),
                                  .email = STR(""),
                                  .status = STR("active"),
                                  .created_at = now,
                                  .updated_at = now};
        r = student_insert(cx, &s, e);
    }
    return r;
}

static enum err open_database(struct bench *b, struct error *e)
{
    char path[96];
    int applied = 0;
    snprintf(b->folder, sizeof b->folder, "%s", "/tmp/rollcall-bench-XXXXXX");
    if (!mkdtemp(b->folder)) {
        b->folder[0] = 0;
        return error_set(e, ERR_IO, "cannot make a temporary folder");
    }
    snprintf(path, sizeof path, "%s/bench.db", b->folder);
    const struct db_options options = {.path = path, .readers = 1, .create = true};
    enum err r = db_sqlite_open(&options, &b->db, e);
    if (!r)
        r = migrate_up(b->db, &applied, e);
    if (!r)
        r = db_tx(b->db, tx_seed, b, e);
    return r ? r : db_tx(b->db, tx_session, b, e);
}

/* Random directions on the unit sphere: sums of uniform bytes are near enough to normal. */
static void random_unit(float *vec, int dim)
{
    double norm = 0;
    for (int i = 0; i < dim; i++) {
        uint8_t bytes[8];
        double sum = 0;
        randombytes_buf(bytes, sizeof bytes);
        for (size_t k = 0; k < sizeof bytes; k++)
            sum += bytes[k] - 127.5;
        vec[i] = (float)sum;
        norm += sum * sum;
    }
    for (int i = 0; i < dim; i++)
        vec[i] = (float)(vec[i] / sqrt(norm));
}

static enum err fill_gallery(struct bench *b, struct error *e)
{
    int dim = vision_dim(b->vision);
    _cleanup_(arena_freep) struct arena *a = arena_new(64 * MIB);
    float *vecs = a ? arena_array(a, (size_t)GALLERY_SIZE * (size_t)dim, sizeof *vecs) : NULL;
    struct gallery_entry *entries = a ? arena_array(a, GALLERY_SIZE, sizeof *entries) : NULL;
    if (!vecs || !entries)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < GALLERY_SIZE; i++) {
        float *vec = vecs + (size_t)i * (size_t)dim;
        random_unit(vec, dim);
        entries[i] = (struct gallery_entry){.student = b->students[i], .vec = vec};
    }
    enum err r = gallery_new(dim, &b->gallery, e);
    return r ? r : gallery_rebuild(b->gallery, entries, GALLERY_SIZE, e);
}

enum err bench_open(const struct config *c, int threads, struct bench **ret_bench, struct error *e)
{
    struct bench *b = mem_alloc(sizeof *b);
    enum err r = b && sodium_init() >= 0 ? ERR_OK : error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < BENCH_STAGE_N && !r; i++) {
        b->samples[i] = mem_array(BENCH_SAMPLES_MAX, sizeof(double));
        if (!b->samples[i])
            r = error_set(e, ERR_NOMEM, "out of memory");
    }
    struct vision_options options;
    app_vision_options(c, &options);
    options.threads = threads;
    options.callers = WORKERS_MEASURED;
    if (!r)
        r = vision_open(&options, &b->vision, e);
    if (!r)
        r = open_database(b, e);
    if (!r)
        r = fill_gallery(b, e);
    if (r) {
        bench_close(b);
        return r;
    }
    b->max_pixels = c->photo_max_pixels;
    *ret_bench = b;
    return ERR_OK;
}

void bench_close(struct bench *b)
{
    static const char *const leftovers[] = {"bench.db", "bench.db-wal", "bench.db-shm",
                                            "bench.db.lock"};
    if (!b)
        return;
    if (b->db)
        db_close(b->db);
    for (size_t i = 0; i < ARRAY_LEN(leftovers) && b->folder[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", b->folder, leftovers[i]);
        (void)unlink(path);
    }
    if (b->folder[0])
        (void)rmdir(b->folder);
    gallery_free(b->gallery);
    if (b->vision)
        vision_close(b->vision);
    for (int i = 0; i < BENCH_STAGE_N; i++)
        mem_free(b->samples[i]);
    mem_free(b);
}

void bench_describe(const struct bench *b, char *ret_text, size_t n)
{
    snprintf(ret_text, n, "%s, %s (%s) on %s in %s", vision_detector(b->vision),
             vision_encoder(b->vision), vision_preprocessing(b->vision), vision_device(b->vision),
             vision_precision(b->vision));
}

/* ---- one frame */

struct mark_call {
    struct bench *bench;
    struct arena *arena;
    int n;
};

static enum err tx_mark(struct db_cx *cx, void *ctx, struct error *e)
{
    static uint8_t key[CHAIN_KEY_BYTES];
    struct mark_call *call = ctx;
    struct bench *b = call->bench;
    const struct register_hasher hasher = {.fn = hash_event, .ctx = key};
    const struct outbox_event event = {.topic = STR("bench"),
                                       .payload = STR("{\"type\":\"mark_changed\"}")};
    for (int i = 0; i < call->n; i++) {
        enum mark_outcome outcome;
        struct mark m = {.session = b->session,
                         .student = b->students[b->next_student + i],
                         .status = STR("present"),
                         .source = STR("face"),
                         .first_seen = time_utc(),
                         .last_seen = time_utc(),
                         .receipt = STR("{\"similarity\":0.8}"),
                         .created_at = time_utc()};
        id_new(m.frame.text);
        enum err r =
            mark_insert(cx, call->arena, &m, STR("bench"), &hasher, event, &outcome, NULL, e);
        if (r)
            return r;
    }
    return ERR_OK;
}

static enum err search(struct bench *b, struct arena *a, const struct vision_result *v,
                       struct error *e)
{
    int dim = vision_dim(b->vision), n = 0;
    float *probes = arena_array(a, (size_t)FACES_MAX * (size_t)dim, sizeof *probes);
    struct gallery_match matches[FACES_MAX];
    if (!probes)
        return error_set(e, ERR_NOMEM, "out of memory");
    for (int i = 0; i < v->n && n < FACES_MAX; i++)
        if (v->faces[i].embedding)
            memcpy(probes + (size_t)n++ * (size_t)dim, v->faces[i].embedding,
                   (size_t)dim * sizeof *probes);
    return n > 0 ? gallery_search(b->gallery, probes, n, matches, e) : ERR_OK;
}

static double ms(int64_t us) { return (double)us / 1000.0; }

/* Analyses, matches and marks one frame; ret_ms [BENCH_STAGE_N]. */
static enum err one_frame(struct bench *b, struct arena *a, const struct bench_picture *p,
                          struct vision_result *ret_vision, double *ret_ms, struct error *e)
{
    struct vision_result v = {0};
    usec_t start = time_mono();
    enum err r = vision_analyse(b->vision, a, p->bytes, b->max_pixels, &v, e);
    usec_t seen = time_mono();
    if (!r)
        r = search(b, a, &v, e);
    usec_t matched = time_mono();
    struct mark_call call = {.bench = b, .arena = a, .n = v.n < FACES_MAX ? v.n : FACES_MAX};
    if (!r && call.n > 0)
        r = db_tx(b->db, tx_mark, &call, e);
    usec_t marked = time_mono();
    if (r)
        return r;
    b->next_student += call.n;
    if (b->next_student + FACES_MAX > GALLERY_SIZE)
        r = db_tx(b->db, tx_session, b, e);
    ret_ms[BENCH_DECODE] = ms(v.timing.decode_us);
    ret_ms[BENCH_DETECT] = ms(v.timing.detect_us);
    ret_ms[BENCH_ALIGN] = ms(v.timing.align_us);
    ret_ms[BENCH_EMBED] = ms(v.timing.embed_us);
    ret_ms[BENCH_LIVENESS] = ms(v.timing.liveness_us);
    ret_ms[BENCH_MATCH] = ms(matched - seen);
    ret_ms[BENCH_MARK] = ms(marked - matched);
    ret_ms[BENCH_TOTAL] = ms(marked - start);
    ret_ms[BENCH_OVERHEAD] =
        ret_ms[BENCH_TOTAL] -
        ms(v.timing.detect_run_us + v.timing.embed_run_us + v.timing.liveness_run_us);
    ret_ms[BENCH_NO_MARK] = ret_ms[BENCH_OVERHEAD] - ret_ms[BENCH_MARK];
    *ret_vision = v;
    return r;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void summarise(struct bench *b, int n, struct bench_result *result)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += b->samples[BENCH_TOTAL][i];
    for (int s = 0; s < BENCH_STAGE_N; s++) {
        qsort(b->samples[s], (size_t)n, sizeof(double), compare_doubles);
        result->median_ms[s] = b->samples[s][n / 2];
        result->p95_ms[s] = b->samples[s][(n * 95) / 100 < n ? (n * 95) / 100 : n - 1];
    }
    result->frames = n;
    result->frames_per_s = 1000.0 * n / sum;
}

enum err bench_run(struct bench *b, const struct bench_picture *p, usec_t duration,
                   struct bench_result *ret_result, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(FRAME_ARENA);
    if (!a)
        return error_set(e, ERR_NOMEM, "out of memory");
    int n = -WARM_UP;
    for (usec_t until = time_mono() + duration;
         (time_mono() < until || n < 1) && n < BENCH_SAMPLES_MAX; n++) {
        double stages[BENCH_STAGE_N];
        struct vision_result v;
        enum err r = one_frame(b, a, p, &v, stages, e);
        if (r)
            return error_wrap(e, r, "%s", p->label);
        for (int s = 0; s < BENCH_STAGE_N && n >= 0; s++)
            b->samples[s][n] = stages[s];
        ret_result->width = v.width;
        ret_result->height = v.height;
        ret_result->faces = v.n;
        arena_reset(a);
    }
    summarise(b, n, ret_result);
    return ERR_OK;
}

/* ---- several workers */

struct worker {
    pthread_t thread;
    struct bench *bench;
    const struct bench_picture *picture;
    usec_t until;
    int frames;
    struct error error;
};

static void *worker_main(void *ctx)
{
    struct worker *w = ctx;
    struct arena *a = arena_new(FRAME_ARENA);
    enum err r = a ? ERR_OK : error_set(&w->error, ERR_NOMEM, "out of memory");
    while (!r && time_mono() < w->until) {
        struct vision_result v;
        r = vision_analyse(w->bench->vision, a, w->picture->bytes, w->bench->max_pixels, &v,
                           &w->error);
        if (!r)
            r = search(w->bench, a, &v, &w->error);
        w->frames += r == ERR_OK;
        arena_reset(a);
    }
    arena_free(a);
    return NULL;
}

enum err bench_workers(struct bench *b, const struct bench_picture *p, int workers, usec_t duration,
                       double *ret_frames_per_s, struct error *e)
{
    enum { WORKERS_MAX = 64 };
    struct worker w[WORKERS_MAX] = {0};
    int started = 0, frames = 0;
    enum err r = ERR_OK;
    usec_t start = time_mono();
    for (int n = workers < WORKERS_MAX ? workers : WORKERS_MAX; started < n && !r; started++) {
        w[started] = (struct worker){.bench = b, .picture = p, .until = start + duration};
        if (pthread_create(&w[started].thread, NULL, worker_main, &w[started]) != 0) {
            r = error_set(e, ERR_NOMEM, "cannot start a thread");
            break;
        }
    }
    for (int i = 0; i < started; i++) {
        pthread_join(w[i].thread, NULL);
        frames += w[i].frames;
        if (!r && w[i].error.code)
            r = error_set(e, w[i].error.code, "%s", w[i].error.msg);
    }
    *ret_frames_per_s = frames / ((double)(time_mono() - start) / USEC_PER_SEC);
    return r;
}

/* ---- pictures */

enum err bench_canvas(struct arena *a, struct str bytes, int width, int height,
                      struct str *ret_jpeg, struct error *e)
{
    enum { CANVAS_PIXELS_MAX = 64000000, GREY = 110, QUALITY = 90 };
    struct image im;
    int scale = 1;
    enum err r = image_decode(a, bytes, CANVAS_PIXELS_MAX, 0, &im, &scale, e);
    if (r)
        return r;
    double fit = fmin((double)width / im.width, (double)height / im.height);
    int w = (int)(im.width * fit), h = (int)(im.height * fit);
    size_t stride = (size_t)width * 3;
    unsigned long size = tjBufSize(width, height, TJSAMP_420);
    uint8_t *canvas = arena_array(a, (size_t)height, stride), *jpeg = arena_alloc(a, size);
    struct SwsContext *scaler = sws_getContext(im.width, im.height, AV_PIX_FMT_RGB24, w, h,
                                               AV_PIX_FMT_RGB24, SWS_BICUBIC, NULL, NULL, NULL);
    tjhandle codec = tjInitCompress();
    bool made = canvas && jpeg && scaler && codec;
    if (made) {
        memset(canvas, GREY, (size_t)height * stride);
        uint8_t *at = canvas + (size_t)((height - h) / 2) * stride + (size_t)((width - w) / 2) * 3;
        sws_scale(scaler, (const uint8_t *const[4]){im.rgb}, (int[4]){im.width * 3}, 0, im.height,
                  (uint8_t *[4]){at}, (int[4]){(int)stride});
        made = tjCompress2(codec, canvas, width, (int)stride, height, TJPF_RGB, &jpeg, &size,
                           TJSAMP_420, QUALITY, TJFLAG_NOREALLOC) == 0;
    }
    sws_freeContext(scaler);
    if (codec)
        tjDestroy(codec);
    if (!made)
        return error_set(e, ERR_NOMEM, "cannot make the picture to measure with");
    *ret_jpeg = (struct str){(const char *)jpeg, size};
    return ERR_OK;
}
