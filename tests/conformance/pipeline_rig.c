/* The rig: see pipeline_suite.h. Opens and closes what app/ puts together, with back ends that the
 * chaos wraps. Workers, keeper and housekeeping are those of jobs/; all else runs on the test's
 * thread. */
#include "pipeline_suite.h"

#include "attendance/chain.h"
#include "base/file.h"
#include "base/log.h"
#include "store/consent.h"
#include "store/keystore.h"
#include "store/migrate.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    RIG_ARENA = 128 * MIB,
    DATABASE_MAX = 64 * MIB,
    QUEUE_ITEMS = 2000,
    HISTORY = 1000,
    WORKERS = 2,
    BATCH = 4,
    TRIES = 50,
    PATH_TEXT = 96
};
#define LEASE (400 * USEC_PER_MSEC)
#define JOB_LEASE (30 * USEC_PER_SEC)
#define CONFIRM_GAP (300 * USEC_PER_MSEC)
#define SETTLE_MAX (2 * USEC_PER_MIN) /* sanitizers on a loaded machine are slow */
#define POLL (5 * USEC_PER_MSEC)

static const uint8_t register_key[CHAIN_KEY_BYTES] = {7};

static void hash_event(void *ctx, const struct register_event *event,
                       uint8_t ret_hash[static CHAIN_HASH_BYTES])
{
    const struct chain_event ev = {.chain = event->chain,
                                   .seq = event->seq,
                                   .at = event->at,
                                   .actor = event->actor,
                                   .student = event->student,
                                   .payload = event->payload};
    (void)ctx;
    chain_hash(register_key, event->prev_hash, &ev, ret_hash);
}

static void must(enum err r, const struct error *e, const char *what)
{
    if (r)
        fail_msg("%s: %s", what, e->msg);
}

/* ---- queue and bus */

static void on_event(void *ctx, const struct bus_event *event)
{
    struct rig *r = ctx;
    struct jobs *jobs = atomic_load(&r->jobs_for_events);
    struct student_id student;
    if (!jobs)
        return;
    if (str_is(event->topic, EVENT_TOPIC_OUTBOX))
        jobs_outbox_changed(jobs);
    else if (str_is(event->topic, EVENT_TOPIC_GALLERY) &&
             id_parse(event->bytes, student.text, NULL) == ERR_OK)
        jobs_gallery_changed(jobs, student);
}

static enum err open_queue(void *ctx, struct queue **ret_queue, struct error *e)
{
    struct rig *r = ctx;
    return r->subject->durable ? survivor_queue_open(r->kept_queue, ret_queue, e)
                               : queue_memory_open(&r->queue_options, ret_queue, e);
}

/* Whoever opens the bus gets its events through the tap. */
static enum err open_bus(void *ctx, bus_event_fn fn, void *fn_ctx, struct bus **ret_bus,
                         struct error *e)
{
    struct rig *r = ctx;
    r->next_fn = fn;
    r->next_ctx = fn_ctx;
    return r->subject->durable ? survivor_bus_open(&r->kept_bus, tap_event, r, ret_bus, e)
                               : bus_memory_open(&r->bus_options, tap_event, r, ret_bus, e);
}

static void subscribe(struct rig *r, struct str topic)
{
    struct error e = {0};
    enum err err;
    do
        err = bus_subscribe(r->bus, topic, &e);
    while (err == ERR_UNAVAILABLE);
    must(err, &e, "subscribe");
}

static void open_traffic(struct rig *r)
{
    char topic[64];
    struct error e = {0};
    bool chaotic = r->subject->suite.chaotic;
    enum err err = chaotic ? chaos_queue_open(&r->queue_chaos, open_queue, r, &r->queue, &e)
                           : open_queue(r, &r->queue, &e);
    must(err, &e, "queue");
    err = chaotic ? chaos_bus_open(&r->bus_chaos, open_bus, r, on_event, r, &r->bus, &e)
                  : open_bus(r, on_event, r, &r->bus, &e);
    must(err, &e, "bus");
    event_topic(r->session, topic);
    subscribe(r, STR(EVENT_TOPIC_OUTBOX));
    subscribe(r, STR(EVENT_TOPIC_GALLERY));
    subscribe(r, str_from(topic));
}

static void close_traffic(struct rig *r)
{
    queue_close(r->queue);
    bus_close(r->bus);
    r->queue = NULL;
    r->bus = NULL;
}

/* ---- store */

static void store_path(const struct rig *r, char path[static PATH_TEXT])
{
    snprintf(path, PATH_TEXT, "%s/rollcall.db", r->folder);
}

static void keys_path(const struct rig *r, char path[static PATH_TEXT])
{
    snprintf(path, PATH_TEXT, "%s/keys.db", r->folder);
}

static void open_store(struct rig *r)
{
    char path[PATH_TEXT];
    int applied;
    struct error e = {0};
    store_path(r, path);
    const struct db_options o = {.path = path, .readers = WORKERS, .create = true};
    must(db_sqlite_open(&o, &r->db, &e), &e, "store");
    must(migrate_up(r->db, &applied, &e), &e, "migrate");
    keys_path(r, path);
    struct db *keys;
    const struct db_options k = {.path = path, .readers = 1, .create = true, .secret = true};
    must(db_sqlite_open(&k, &keys, &e), &e, "keys");
    must(keystore_open(keys, &(struct seal_key){{3}}, &r->keystore, &e), &e, "keystore");
}

static enum err people_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct rig *rig = ctx;
    struct course c = {.code = STR("TEST-1"), .title = STR("Test"), .confirmations = 1};
    id_new(c.id.text);
    rig->course = c.id;
    enum err r = course_insert(cx, &c, e);
    for (int i = 0; r == ERR_OK && i < PEOPLE; i++) {
        char number[2] = {(char)('1' + i), 0};
        struct student s = {.external_id = {number, 1},
                            .name = STR("Student"),
                            .email = STR(""),
                            .status = STR("active")};
        bool added;
        id_new(s.id.text);
        rig->students[i] = s.id;
        r = student_insert(cx, &s, e);
        struct consent agreed = {.student = s.id, .text_version = STR("test")};
        id_new(agreed.id);
        if (r == ERR_OK)
            r = consent_insert(cx, &agreed, e);
        if (r == ERR_OK && i < ROSTER)
            r = roster_add(cx, c.id, s.id, time_utc() - USEC_PER_MIN, &added, e);
    }
    return r;
}

struct session_ctx {
    struct rig *r;
    int64_t confirmations;
};

static enum err session_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct session_ctx *c = ctx;
    struct session s = {.id = c->r->session,
                        .course = c->r->course,
                        .title = STR(""),
                        .confirmations = c->confirmations,
                        .confirm_gap_ms = 300,
                        .confirm_window_s = 120,
                        .late_after_min = 10};
    struct session after;
    bool changed;
    enum err r = session_insert(cx, &s, e);
    return r ? r : session_start(cx, c->r->a, s.id, time_utc() - USEC_PER_MIN, &after, &changed, e);
}

/* ---- workers */

/* The world's engine with a gallery of its own. */
static struct engines *new_engines(struct gallery **ret_gallery)
{
    struct error e = {0};
    struct engine *engine = NULL;
    struct engines *engines = NULL;
    must(engine_new(world.vision, false, &engine, &e), &e, "engine");
    *ret_gallery = engine->gallery;
    must(engines_new(engine, &engines, &e), &e, "engines");
    return engines;
}

static void start_jobs(struct rig *r)
{
    struct error e = {0};
    r->engines = new_engines(&r->gallery);
    r->env.db = r->db;
    r->env.keystore = r->keystore;
    r->env.queue = r->queue;
    r->env.bus = r->bus;
    r->env.engines = r->engines;
    must(jobs_start(&r->env, &r->jobs, &e), &e, "workers");
    atomic_store(&r->jobs_for_events, r->jobs);
}

static void stop_jobs(struct rig *r)
{
    atomic_store(&r->jobs_for_events, NULL);
    jobs_stop(r->jobs);
    r->jobs = NULL;
    engines_free(r->engines);
    r->engines = NULL;
    r->gallery = NULL;
}

static usec_t or_else(usec_t value, usec_t otherwise) { return value ? value : otherwise; }

static void set_options(struct rig *r, const struct rig_options *o)
{
    int tries = o->max_tries ? o->max_tries : TRIES;
    r->queue_options = (struct queue_options){.max_items = QUEUE_ITEMS,
                                              .max_bytes = RIG_ARENA,
                                              .camera_share_items = o->share,
                                              .frame_ttl = o->frame_ttl,
                                              .lease = or_else(o->lease, LEASE),
                                              .max_tries = tries};
    r->bus_options = (struct bus_options){
        .history_max = HISTORY, .topics_max = 100, .cache_max_bytes = 16 * MIB};
    r->env = (struct jobs_env){.template_key = {{1}},
                               .photo_key = {{2}},
                               .hasher = {.fn = hash_event},
                               .workers = WORKERS,
                               .batch_frames = BATCH,
                               .max_tries = tries,
                               .image_max_pixels = 16000000,
                               .photo_max_pixels = 64000000,
                               .risk_budget_per_10k = 30,
                               .match_margin = 0.03,
                               .confirm_gap = CONFIRM_GAP,
                               .confirm_window = 2 * USEC_PER_MIN,
                               .cache_ttl = 30 * USEC_PER_SEC,
                               .job_lease = or_else(o->job_lease, JOB_LEASE),
                               .offline_grace = USEC_PER_DAY,
                               .gallery_rebuild = o->gallery_rebuild};
}

static void set_chaos(struct rig *r)
{
    struct chaos_rates rates = {0};
    if (r->subject->suite.chaotic) {
        rates = chaos_rough;
        rates.restart = r->subject->restart;
    }
    chaos_init(&r->queue_chaos, r->seed, &rates);
    chaos_init(&r->bus_chaos, ~r->seed, &rates);
}

/* A store with students: new ones, or those of the world's database. */
static void open_people(struct rig *r, bool empty)
{
    char path[PATH_TEXT];
    struct error e = {0};
    store_path(r, path);
    if (!empty) {
        must(file_write(path, world.database, 0600, &e), &e, "database");
        keys_path(r, path);
        must(file_write(path, world.keys, 0600, &e), &e, "keys");
        memcpy(r->students, world.students, sizeof r->students);
        r->course = world.course;
    }
    open_store(r);
    if (empty)
        must(db_tx(r->db, people_fn, r, &e), &e, "people");
}

struct rig *rig_open(const struct pipeline_subject *subject, uint64_t seed,
                     const struct rig_options *o)
{
    static struct rig the_rig;
    struct rig *r = &the_rig;
    struct error e = {0};
    if (r->a)
        rig_close(r);
    *r = (struct rig){.subject = subject, .seed = seed, .a = arena_new(RIG_ARENA)};
    snprintf(r->folder, sizeof r->folder, "/tmp/rollcall-pipeline-XXXXXX");
    assert_non_null(r->a);
    assert_non_null(mkdtemp(r->folder));
    log_set_level(LOG_ERROR);
    pthread_mutex_init(&r->tap.lock, NULL);
    id_new(r->session.text);
    set_options(r, o);
    set_chaos(r);
    open_people(r, o->empty);
    struct session_ctx c = {.r = r, .confirmations = o->confirmations ? o->confirmations : 1};
    must(db_tx(r->db, session_fn, &c, &e), &e, "session");
    if (subject->durable) {
        must(queue_memory_open(&r->queue_options, &r->kept_queue, &e), &e, "queue");
        must(survivor_bus_init(&r->kept_bus, &r->bus_options, &e), &e, "bus");
    }
    open_traffic(r);
    start_jobs(r);
    return r;
}

void rig_second_process(struct rig *r)
{
    struct error e = {0};
    struct jobs_env env = r->env;
    r->other_engines = new_engines(&r->other_gallery);
    env.engines = r->other_engines;
    env.workers = 0;
    must(jobs_start(&env, &r->other_jobs, &e), &e, "workers");
}

void rig_restart(struct rig *r)
{
    stop_jobs(r);
    close_traffic(r);
    db_close(r->db);
    keystore_close(r->keystore);
    open_store(r);
    open_traffic(r);
    start_jobs(r);
}

static int remove_one(const char *path, const struct stat *s, int type, struct FTW *at)
{
    (void)s;
    (void)type;
    (void)at;
    return remove(path);
}

/* All but the folder. */
static void shut(struct rig *r)
{
    stop_jobs(r);
    jobs_stop(r->other_jobs);
    engines_free(r->other_engines);
    close_traffic(r);
    queue_close(r->kept_queue);
    survivor_bus_done(&r->kept_bus);
    db_close(r->db);
    keystore_close(r->keystore);
}

static void clear_away(struct rig *r)
{
    nftw(r->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    pthread_mutex_destroy(&r->tap.lock);
    arena_free(r->a);
    r->a = NULL;
}

void rig_close(struct rig *r)
{
    shut(r);
    clear_away(r);
}

void world_enrol(void)
{
    static const struct pipeline_subject plain = {.suite = {"memory", false}};
    char path[PATH_TEXT], job[ID_TEXT];
    struct error e = {0};
    struct rig *r = rig_open(&plain, 1, &(struct rig_options){.empty = true});
    for (int i = 0; i < PEOPLE; i++) {
        rig_upload(r, i, world.photos[i], PHOTOS, job);
        rig_notify(r, job);
    }
    rig_settle(r, 0);
    memcpy(world.students, r->students, sizeof world.students);
    world.course = r->course;
    shut(r);
    store_path(r, path);
    must(file_read(path, DATABASE_MAX, world.a, &world.database, &e), &e, "database");
    keys_path(r, path);
    must(file_read(path, DATABASE_MAX, world.a, &world.keys, &e), &e, "keys");
    clear_away(r);
}

/* ---- the end of a run */

void rig_calm(struct rig *r)
{
    atomic_store(&r->queue_chaos.calm, true);
    atomic_store(&r->bus_chaos.calm, true);
}

struct open_work {
    struct arena *a;
    struct outbox_row *outbox;
    int outbox_n, jobs_n;
};

static enum err open_work_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct open_work *w = ctx;
    struct job *jobs;
    int running = 0;
    enum err r = outbox_list(cx, w->a, INT64_MAX, 1, &w->outbox, &w->outbox_n, e);
    if (!r)
        r = job_list(cx, w->a, JOB_QUEUED, NULL, 1, &jobs, &w->jobs_n, e);
    if (!r)
        r = job_list(cx, w->a, JOB_RUNNING, NULL, 1, &jobs, &running, e);
    w->jobs_n += running;
    return r;
}

static bool is_idle(struct rig *r)
{
    struct queue_stats s = {0};
    struct open_work w = {.a = r->a};
    if (queue_stats(r->queue, &s, NULL) || s.items + s.claimed > 0)
        return false;
    return db_read(r->db, open_work_fn, &w, NULL) == ERR_OK && w.outbox_n + w.jobs_n == 0;
}

static void fail_left_over(struct rig *r)
{
    struct queue_stats s = {0};
    struct open_work w = {.a = r->a};
    struct error e = {0};
    if (queue_stats(r->queue, &s, &e) || db_read(r->db, open_work_fn, &w, &e))
        fail_msg("%s: %s", r->subject->suite.name, e.msg);
    fail_msg("%s, seed %llu: left over: %zu items, %zu claimed, outbox %d, jobs %d",
             r->subject->suite.name, (unsigned long long)r->seed, s.items, s.claimed, w.outbox_n,
             w.jobs_n);
}

void rig_settle(struct rig *r, usec_t rough)
{
    usec_t start = time_mono();
    while (!is_idle(r)) {
        usec_t spent = time_mono() - start;
        if (spent >= rough)
            rig_calm(r);
        if (spent > SETTLE_MAX)
            fail_left_over(r);
        suite_sleep(POLL);
    }
    rig_calm(r);
}

/* ---- what the API does */

struct frame_id frame_new(void)
{
    struct frame_id frame;
    id_new(frame.text);
    return frame;
}

void rig_push_item(struct rig *r, const struct queue_push *item)
{
    struct error e = {0};
    enum err err;
    do
        err = queue_push(r->queue, item, &e);
    while (err == ERR_UNAVAILABLE);
    must(err, &e, "push");
}

void rig_push_work(struct rig *r, const struct work_frame *f, enum queue_lane lane)
{
    char tag[WORK_TAG];
    struct error e = {0};
    const struct work w = {.kind = WORK_FRAME, .frame = *f};
    struct queue_push item = {.lane = lane, .producer = STR("camera")};
    work_tag(f, tag);
    item.tag = str_from(tag);
    must(work_pack(r->a, &w, &item.bytes, &e), &e, "frame");
    rig_push_item(r, &item);
}

void rig_push(struct rig *r, struct frame_id frame, struct str image, usec_t captured_at)
{
    const struct work_frame f = {.session = r->session,
                                 .frame = frame,
                                 .captured_at = captured_at,
                                 .received_at = time_utc(),
                                 .image = image};
    rig_push_work(r, &f, QUEUE_LIVE);
}

struct upload {
    struct job job;
    struct job_photo photos[8];
    int n;
};

static enum err upload_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct upload *u = ctx;
    return job_insert(cx, &u->job, u->photos, u->n, e);
}

void rig_upload(struct rig *r, int person, const struct str *photos, int n,
                char ret_job[static ID_TEXT])
{
    struct upload u = {.n = n};
    char context[64];
    struct error e = {0};
    struct seal_key key;
    must(keystore_make(r->env.keystore, r->students[person], KEY_FACE, &key, &e), &e, "key");
    assert_true(n <= (int)ARRAY_LEN(u.photos));
    id_new(u.job.id);
    u.job.kind = STR("enrol");
    u.job.subject = str_from(r->students[person].text);
    u.job.created_at = u.job.updated_at = time_utc();
    snprintf(context, sizeof context, "photo|%s", u.job.id);
    for (int i = 0; i < n; i++) {
        u.photos[i].position = i;
        u.photos[i].name = STR("photo.jpg");
        must(seal(&key, r->a, str_from(context), photos[i], &u.photos[i].sealed, &e), &e, "photo");
    }
    must(db_tx(r->db, upload_fn, &u, &e), &e, "job");
    memcpy(ret_job, u.job.id, ID_TEXT);
}

void rig_notify(struct rig *r, const char *job)
{
    struct error e = {0};
    struct work w = {.kind = WORK_ENROL};
    struct queue_push item = {.lane = QUEUE_JOB};
    memcpy(w.job, job, ID_TEXT);
    must(work_pack(r->a, &w, &item.bytes, &e), &e, "notice");
    rig_push_item(r, &item);
}
