/* See store_suite.h. */
#include "store_suite.h"

#include <ftw.h>
#include <stdio.h>
#include <unistd.h>

#include <libpq-fe.h>
#include <sodium.h>

enum { ARENA_MAX = 64 * MIB };

static enum err open_sqlite(const char *folder, struct db **ret_db, struct error *e)
{
    char path[128];
    snprintf(path, sizeof path, "%s/data/rollcall.db", folder);
    const struct db_options o = {.path = path, .readers = 3, .create = true};
    return db_sqlite_open(&o, ret_db, e);
}

static void forget_sqlite(const char *folder) { (void)folder; /* the file goes with it */ }

/* PostgreSQL: the address of a database in ROLLCALL_TEST_POSTGRES; each folder gets a schema of its
 * own, named like the folder. */
static const char *postgres_url(void) { return getenv("ROLLCALL_TEST_POSTGRES"); }

static const char *schema_of(const char *folder) { return strrchr(folder, '-') + 1; }

static void postgres_run(const char *verb, const char *folder, const char *end)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SET client_min_messages = error; %s \"%s\"%s", verb,
             schema_of(folder), end);
    PGconn *conn = PQconnectdb(postgres_url());
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
}

static enum err open_postgres(const char *folder, struct db **ret_db, struct error *e)
{
    char url[512];
    const char *base = postgres_url();
    snprintf(url, sizeof url, "%s%coptions=-csearch_path%%3D%%22%s%%22", base,
             strchr(base, '?') ? '&' : '?', schema_of(folder));
    postgres_run("CREATE SCHEMA IF NOT EXISTS", folder, "");
    const struct db_options o = {.path = url, .connections = 20};
    return db_postgres_open(&o, ret_db, e);
}

static void forget_postgres(const char *folder)
{
    postgres_run("DROP SCHEMA IF EXISTS", folder, " CASCADE");
}

const struct store_backend store_backends[] = {
    {"sqlite", open_sqlite, forget_sqlite},
    {"postgres", open_postgres, forget_postgres},
};
const int store_backend_n = ARRAY_LEN(store_backends);

static const struct store_backend *running = &store_backends[0];

int fixture_setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    f->backend = running;
    snprintf(f->folder, sizeof f->folder, "/tmp/store-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->a = arena_new(ARENA_MAX);
    sem_init(&f->begun, 0, 0);
    sem_init(&f->end, 0, 0);
    enum err r = f->backend->open(f->folder, &f->db, &f->e);
    if (!r)
        r = migrate_up(f->db, NULL, &f->e);
    if (r)
        fail_msg("%s: %s", f->folder, f->e.msg);
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
    (void)st, (void)flag, (void)walk;
    return remove(path);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    if (f->held)
        hold_end(f, ERR_INTERNAL);
    db_close(f->db);
    f->backend->forget(f->folder);
    arena_free(f->a);
    sem_destroy(&f->begun);
    sem_destroy(&f->end);
    nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    test_free(f);
    return 0;
}

int store_suite_run(const struct CMUnitTest *tests, size_t n)
{
    int failed = sodium_init() < 0;
    for (int i = 0; i < store_backend_n; i++) {
        running = &store_backends[i];
        if (running->open == open_postgres && !postgres_url()) {
            printf("# postgres is left out: ROLLCALL_TEST_POSTGRES names no server\n");
            continue;
        }
        failed += _cmocka_run_group_tests(running->name, tests, n, NULL, NULL);
    }
    return failed;
}

static enum err hold_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct fixture *f = ctx;
    f->cx = cx;
    sem_post(&f->begun);
    while (sem_wait(&f->end) != 0)
        ;
    return f->held_result ? error_set(e, f->held_result, "as the test asked") : ERR_OK;
}

static void *hold_main(void *arg)
{
    struct fixture *f = arg;
    enum err r = (f->write ? db_tx : db_read)(f->db, hold_fn, f, &f->e);
    f->held_result = r;
    return NULL;
}

static struct db_cx *hold_begin(struct fixture *f, bool write)
{
    assert_false(f->held);
    f->write = write;
    f->e = (struct error){0};
    assert_int_equal(pthread_create(&f->holder, NULL, hold_main, f), 0);
    f->held = true;
    while (sem_wait(&f->begun) != 0)
        ;
    return f->cx;
}

struct db_cx *tx_begin(struct fixture *f) { return hold_begin(f, true); }
struct db_cx *read_begin(struct fixture *f) { return hold_begin(f, false); }

enum err hold_end(struct fixture *f, enum err result)
{
    f->held_result = result;
    f->held = false;
    sem_post(&f->end);
    pthread_join(f->holder, NULL);
    return f->held_result;
}

void tx_commit(struct fixture *f) { assert_int_equal(hold_end(f, ERR_OK), ERR_OK); }

struct student_id make_student(struct fixture *f, struct db_cx *cx, const char *external_id,
                               const char *name)
{
    struct student s = {
        .external_id = str_from(external_id), .name = str_from(name), .status = STR("active")};
    id_new(s.id.text);
    assert_int_equal(student_insert(cx, &s, &f->e), ERR_OK);
    return s.id;
}

struct consent make_consent(struct fixture *f, struct db_cx *cx, struct student_id student,
                            enum consent_purpose purpose)
{
    struct consent c = {.student = student,
                        .purpose = purpose,
                        .text_version = STR("2026-09"),
                        .recorded_by = STR("local"),
                        .given_at = 1000,
                        .live = true};
    id_new(c.id);
    assert_int_equal(consent_insert(cx, &c, &f->e), ERR_OK);
    return c;
}

struct course_id make_course(struct fixture *f, struct db_cx *cx, const char *code)
{
    struct course c = {.code = str_from(code), .title = STR("Databases"), .confirmations = 2};
    id_new(c.id.text);
    assert_int_equal(course_insert(cx, &c, &f->e), ERR_OK);
    return c.id;
}

struct session_id make_session(struct fixture *f, struct db_cx *cx, struct course_id course,
                               enum session_status status)
{
    struct session s = {.course = course, .status = status, .confirmations = 1};
    id_new(s.id.text);
    assert_int_equal(session_insert(cx, &s, &f->e), ERR_OK);
    return s.id;
}

static void hash_part(crypto_generichash_state *state, const void *p, size_t n)
{
    crypto_generichash_update(state, (const uint8_t *)&n, sizeof n);
    crypto_generichash_update(state, p, n);
}

static void hash_event(void *ctx, const struct register_event *event,
                       uint8_t ret_hash[static CHAIN_HASH_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, ctx, 32, CHAIN_HASH_BYTES);
    hash_part(&state, event->prev_hash, CHAIN_HASH_BYTES);
    hash_part(&state, &event->seq, sizeof event->seq);
    hash_part(&state, &event->at, sizeof event->at);
    hash_part(&state, event->chain.p, event->chain.n);
    hash_part(&state, event->actor.p, event->actor.n);
    hash_part(&state, event->student.p, event->student.n);
    hash_part(&state, event->payload.p, event->payload.n);
    crypto_generichash_final(&state, ret_hash, CHAIN_HASH_BYTES);
}

static uint8_t test_key[32] = {7};
const struct register_hasher test_hasher = {hash_event, test_key};

void assert_chain(const struct register_event *events, int n)
{
    static const uint8_t zeros[CHAIN_HASH_BYTES];
    for (int i = 0; i < n; i++) {
        uint8_t hash[CHAIN_HASH_BYTES];
        assert_int_equal(events[i].seq, i + 1);
        assert_memory_equal(events[i].prev_hash, i ? events[i - 1].hash : zeros, sizeof hash);
        test_hasher.fn(test_hasher.ctx, &events[i], hash);
        assert_memory_equal(events[i].hash, hash, sizeof hash);
    }
}

struct mark mark_of(struct session_id session, struct student_id student, const char *frame)
{
    struct mark m = {.session = session,
                     .student = student,
                     .status = STR("present"),
                     .source = frame ? STR("face") : STR("manual"),
                     .first_seen = 1000,
                     .last_seen = 1000,
                     .receipt = STR("{\"score\":0.75}")};
    if (frame)
        snprintf(m.frame.text, sizeof m.frame.text, "%s", frame);
    return m;
}

enum err mark_simple(struct db_cx *cx, struct arena *a, const struct mark *m,
                     enum mark_outcome *ret_outcome, struct error *e)
{
    return mark_insert(cx, a, m, STR("worker"), &test_hasher,
                       (struct outbox_event){STR("topic"), STR("{\"type\":\"mark_changed\"}")},
                       ret_outcome, NULL, e);
}
