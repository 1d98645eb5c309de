/* The SQLite back end's own promises: files, locks, groups, full queues, and what it says when the
 * disk is full, memory runs out or the file is no database. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/course.h"
#include "store/mark.h"
#include "store/migrate.h"
#include "store/session.h"
#include "store/sqlite_writer.h"
#include "store/student.h"

enum { WAITING = 4 };

struct fixture {
    char folder[64], path[128];
    struct db *db;
    struct error e;
};

static enum err open_at(struct fixture *f, bool create)
{
    const struct db_options o = {
        .path = f->path, .readers = 2, .create = create, .waiting = WAITING};
    return db_sqlite_open(&o, &f->db, &f->e);
}

static int setup_empty(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/sqlite-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/data/rollcall.db", f->folder);
    *state = f;
    return 0;
}

static int setup(void **state)
{
    setup_empty(state);
    struct fixture *f = *state;
    assert_int_equal(open_at(f, true), ERR_OK);
    assert_int_equal(migrate_up(f->db, NULL, &f->e), ERR_OK);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
    (void)st, (void)flag, (void)walk;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    mem_fail_after(-1);
    db_close(f->db);
    nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    test_free(f);
    return 0;
}

static enum err script_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return cx->driver->script(cx, ctx, e);
}

static enum err script(struct fixture *f, const char *sql)
{
    return db_tx(f->db, script_fn, (void *)sql, &f->e);
}

static enum err count_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct student *list;
    return student_list(cx, a, NULL, STR(""), (struct student_id){""}, 1000, &list, ctx, e);
}

static int students(struct fixture *f)
{
    int n = -1;
    assert_int_equal(db_read(f->db, count_fn, &n, &f->e), ERR_OK);
    return n;
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct student s = {.name = STR("Ada"), .status = STR("active")};
    id_new(s.id.text);
    s.external_id = ctx ? str_from(ctx) : str_from(s.id.text);
    return student_insert(cx, &s, e);
}

static void files_are_for_their_owner_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    struct stat st;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    char folder[80];
    snprintf(folder, sizeof folder, "%s/data", f->folder);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
}

static void one_process_owns_the_file(void **state)
{
    struct fixture *f = *state;
    struct db *second = NULL;
    const struct db_options o = {.path = f->path};
    assert_int_equal(db_sqlite_open(&o, &second, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "another rollcall process"));
    assert_null(second);
    db_close(f->db);
    assert_int_equal(open_at(f, false), ERR_OK);
}

static void a_missing_file_is_made_only_when_asked(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(open_at(f, false), ERR_NOT_FOUND);
    assert_false(file_exists(f->path));
    assert_int_equal(open_at(f, true), ERR_OK);
    assert_true(file_exists(f->path));
}

static void what_is_no_database_is_corrupt(void **state)
{
    struct fixture *f = *state;
    static char junk[8192];
    memset(junk, 'j', sizeof junk);
    char folder[80];
    snprintf(folder, sizeof folder, "%s/data", f->folder);
    assert_int_equal(file_mkdirs(folder, &f->e), ERR_OK);
    assert_int_equal(file_write(f->path, (struct str){junk, sizeof junk}, 0600, &f->e), ERR_OK);
    assert_int_equal(open_at(f, false), ERR_CORRUPT);
    assert_non_null(strstr(f->e.msg, "not a Rollcall database"));
}

static void a_path_that_cannot_be_is_an_error(void **state)
{
    struct fixture *f = *state;
    snprintf(f->path, sizeof f->path, "/proc/none/rollcall.db");
    assert_int_not_equal(open_at(f, true), ERR_OK);
    assert_int_not_equal(open_at(f, false), ERR_OK);
    f->path[0] = 0;
    assert_int_equal(open_at(f, true), ERR_INVALID);
}

static void writes_are_synchronous_and_foreign_keys_on(void **state)
{
    struct fixture *f = *state;
    /* the CHECK fails when one of them is not as it should be */
    assert_int_equal(script(f, "CREATE TEMP TABLE t (a CHECK (a = 1));"
                               "INSERT INTO t SELECT foreign_keys FROM pragma_foreign_keys;"
                               "INSERT INTO t SELECT synchronous = 2 FROM pragma_synchronous;"
                               "INSERT INTO t SELECT journal_mode = 'wal' FROM "
                               "pragma_journal_mode;"),
                     ERR_OK);
}

static void a_full_disk_is_unavailable_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(db_tx(f->db, insert_fn, NULL, &f->e), ERR_OK);
    assert_int_equal(script(f, "PRAGMA max_page_count = 1"), ERR_OK); /* no page more than now */
    enum err r = ERR_OK;
    int made = 1;
    for (int i = 0; i < 1000 && !r; i++) {
        r = db_tx(f->db, insert_fn, NULL, &f->e);
        made += !r;
    }
    assert_int_equal(r, ERR_UNAVAILABLE);
    assert_non_null(strstr(f->e.msg, "no space left"));
    assert_int_equal(students(f), made);
    assert_int_equal(script(f, "PRAGMA max_page_count = 100000"), ERR_OK);
    assert_int_equal(db_tx(f->db, insert_fn, NULL, &f->e), ERR_OK);
}

static void a_read_only_database_is_unavailable(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(script(f, "PRAGMA query_only = ON"), ERR_OK);
    assert_int_equal(db_tx(f->db, insert_fn, NULL, &f->e), ERR_UNAVAILABLE);
    assert_non_null(strstr(f->e.msg, "read-only"));
}

/* Refuses the commit that counts *ctx down to 0. */
static int refuse_commit(void *ctx)
{
    int *left = ctx;
    return --*left == 0;
}

static enum err hook_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    (void)e;
    sqlite3_commit_hook(((struct sqlite_conn *)cx)->handle, refuse_commit, ctx);
    return ERR_OK;
}

/* A transaction that waits until the test lets it go. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    bool inside, open;
};

static enum err gate_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct gate *g = ctx;
    pthread_mutex_lock(&g->lock);
    g->inside = true;
    pthread_cond_broadcast(&g->turn);
    while (!g->open)
        pthread_cond_wait(&g->turn, &g->lock);
    pthread_mutex_unlock(&g->lock);
    return cx ? ERR_OK : error_set(e, ERR_INTERNAL, "no connection");
}

struct writer {
    pthread_t id;
    struct db *db;
    db_fn fn;
    void *ctx;
    enum err result;
    struct error e;
};

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    w->result = db_tx(w->db, w->fn, w->ctx, &w->e);
    return NULL;
}

static void writer_start(struct writer *w, struct fixture *f, db_fn fn, void *ctx)
{
    *w = (struct writer){.db = f->db, .fn = fn, .ctx = ctx};
    assert_int_equal(pthread_create(&w->id, NULL, writer_main, w), 0);
}

static void gate_close(struct gate *g, struct writer *w, struct fixture *f)
{
    pthread_mutex_init(&g->lock, NULL);
    pthread_cond_init(&g->turn, NULL);
    g->inside = g->open = false;
    writer_start(w, f, gate_fn, g);
    pthread_mutex_lock(&g->lock);
    while (!g->inside)
        pthread_cond_wait(&g->turn, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void gate_open(struct gate *g, struct writer *w)
{
    pthread_mutex_lock(&g->lock);
    g->open = true;
    pthread_cond_broadcast(&g->turn);
    pthread_mutex_unlock(&g->lock);
    pthread_join(w->id, NULL);
}

static void wait_until_waiting(struct fixture *f, int n)
{
    while (db_sqlite_waiting(f->db) < n)
        usleep(1000);
}

/* Starts n writers of fn behind a gate, so that they form one group, and waits for all. */
static void group_of(struct fixture *f, struct writer *writers, int n, db_fn fn, void **ctx)
{
    struct gate gate;
    struct writer first;
    gate_close(&gate, &first, f);
    for (int i = 0; i < n; i++) {
        writer_start(&writers[i], f, fn, ctx ? ctx[i] : NULL);
        wait_until_waiting(f, i + 1); /* in this order */
    }
    gate_open(&gate, &first);
    for (int i = 0; i < n; i++)
        pthread_join(writers[i].id, NULL);
}

static void a_failed_commit_fails_the_whole_group(void **state)
{
    struct fixture *f = *state;
    struct writer writers[WAITING];
    int refusals = 0;
    assert_int_equal(db_tx(f->db, hook_fn, &refusals, &f->e), ERR_OK);
    refusals = 2; /* the gate's commit is the first */
    struct gate gate;
    struct writer first;
    gate_close(&gate, &first, f);
    for (int i = 0; i < WAITING; i++)
        writer_start(&writers[i], f, insert_fn, NULL);
    wait_until_waiting(f, WAITING);
    gate_open(&gate, &first);
    assert_int_equal(first.result, ERR_OK);
    for (int i = 0; i < WAITING; i++) {
        pthread_join(writers[i].id, NULL);
        assert_int_not_equal(writers[i].result, ERR_OK);
    }
    assert_int_equal(students(f), 0);
    assert_int_equal(db_tx(f->db, insert_fn, NULL, &f->e), ERR_OK);
}

static enum err insert_then_rollback_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    enum err r = insert_fn(cx, NULL, e);
    if (!r && ctx)
        r = cx->driver->script(cx, ctx, e);
    return r;
}

static void a_transaction_lost_by_one_is_run_again_for_the_others(void **state)
{
    struct fixture *f = *state;
    struct writer writers[3];
    char rollback[] = "ROLLBACK";
    void *ctx[] = {NULL, rollback, NULL};
    group_of(f, writers, 3, insert_then_rollback_fn, ctx);
    assert_int_equal(writers[0].result, ERR_OK);
    assert_int_equal(writers[1].result, ERR_UNAVAILABLE);
    assert_int_equal(writers[2].result, ERR_OK);
    assert_int_equal(students(f), 2);
}

static void too_many_waiting_writers_are_refused(void **state)
{
    struct fixture *f = *state;
    struct writer first, waiting[WAITING];
    struct gate gate;
    gate_close(&gate, &first, f);
    for (int i = 0; i < WAITING; i++)
        writer_start(&waiting[i], f, insert_fn, NULL);
    wait_until_waiting(f, WAITING);
    assert_int_equal(db_tx(f->db, insert_fn, NULL, &f->e), ERR_FULL);
    gate_open(&gate, &first);
    for (int i = 0; i < WAITING; i++) {
        pthread_join(waiting[i].id, NULL);
        assert_int_equal(waiting[i].result, ERR_OK);
    }
    assert_int_equal(students(f), WAITING);
}

static void closing_finishes_what_waits(void **state)
{
    struct fixture *f = *state;
    struct writer writers[WAITING];
    group_of(f, writers, WAITING, insert_fn, NULL);
    db_close(f->db);
    f->db = NULL;
    assert_int_equal(open_at(f, false), ERR_OK);
    assert_int_equal(students(f), WAITING);
}

/* SQLite's own allocator, made to fail at the nth call. */
static sqlite3_mem_methods real_memory;
static _Atomic int sqlite_fail_after = -1;

static bool sqlite_must_fail(void) { return sqlite_fail_after >= 0 && sqlite_fail_after-- == 0; }

static void *failing_malloc(int n) { return sqlite_must_fail() ? NULL : real_memory.xMalloc(n); }

static void *failing_realloc(void *p, int n)
{
    return sqlite_must_fail() ? NULL : real_memory.xRealloc(p, n);
}

static int hook_memory(void **state)
{
    (void)state;
    sqlite3_mem_methods methods;
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory);
    methods = real_memory;
    methods.xMalloc = failing_malloc;
    methods.xRealloc = failing_realloc;
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
    return sqlite3_initialize();
}

struct attempt {
    struct arena *a;
    struct session_id session;
    struct student_id student;
};

static void hash_nothing(void *ctx, const struct register_event *event,
                         uint8_t ret_hash[static CHAIN_HASH_BYTES])
{
    (void)ctx;
    memset(ret_hash, (int)event->seq, CHAIN_HASH_BYTES);
}

/* Makes course, session, student and mark: most statements, one transaction. */
static enum err attempt_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct attempt *t = ctx;
    static const struct register_hasher hasher = {hash_nothing, NULL};
    struct student s = {.external_id = STR("1"), .name = STR("Ada"), .status = STR("active")};
    struct course c = {.code = STR("C"), .title = STR("C")};
    id_new(s.id.text);
    id_new(c.id.text);
    struct session se = {.course = c.id, .status = SESSION_ACTIVE};
    id_new(se.id.text);
    struct mark m = {
        .session = se.id, .student = s.id, .status = STR("present"), .source = STR("face")};
    enum mark_outcome outcome;
    enum err r = student_insert(cx, &s, e);
    if (!r)
        r = course_insert(cx, &c, e);
    if (!r)
        r = session_insert(cx, &se, e);
    if (!r)
        r = mark_insert(cx, t->a, &m, STR("w"), &hasher,
                        (struct outbox_event){STR("topic"), STR("{}")}, &outcome, NULL, e);
    return r;
}

/* Fails the nth allocation of attempt_fn, for every n that there is; `arm` sets it up. */
static void assert_all_or_nothing(struct fixture *f, void (*arm)(int64_t n))
{
    struct attempt t = {.a = arena_new(MIB)};
    int failures = 0;
    for (int n = 0;; n++) {
        arena_reset(t.a);
        arm(n);
        enum err r = db_tx(f->db, attempt_fn, &t, &f->e);
        arm(-1);
        if (!r)
            break;
        failures++;
        assert_int_equal(r, ERR_NOMEM);
        assert_int_equal(students(f), 0);
        db_close(f->db); /* so that the statements are prepared again */
        f->db = NULL;
        assert_int_equal(open_at(f, false), ERR_OK);
    }
    assert_true(failures > 3);
    assert_int_equal(students(f), 1);
    arena_free(t.a);
}

static void out_of_memory_in_our_own_code_leaves_nothing_behind(void **state)
{
    assert_all_or_nothing(*state, mem_fail_after);
}

static void sqlite_fail(int64_t n) { sqlite_fail_after = (int)n; }

static void out_of_memory_inside_sqlite_leaves_nothing_behind(void **state)
{
    assert_all_or_nothing(*state, sqlite_fail);
}

static void out_of_memory_while_opening_is_an_error(void **state)
{
    struct fixture *f = *state;
    db_close(f->db);
    f->db = NULL;
    int failures = 0;
    for (int n = 0; n < 2; n++) {
        for (int64_t k = 0;; k++, failures++) {
            (n ? sqlite_fail : mem_fail_after)(k);
            enum err r = open_at(f, false);
            (n ? sqlite_fail : mem_fail_after)(-1);
            if (!r)
                break;
            assert_null(f->db);
        }
        db_close(f->db);
        f->db = NULL;
    }
    assert_true(failures > 10);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_EMPTY(name) cmocka_unit_test_setup_teardown(name, setup_empty, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(files_are_for_their_owner_alone),
        TEST(one_process_owns_the_file),
        TEST_EMPTY(a_missing_file_is_made_only_when_asked),
        TEST_EMPTY(what_is_no_database_is_corrupt),
        TEST_EMPTY(a_path_that_cannot_be_is_an_error),
        TEST(writes_are_synchronous_and_foreign_keys_on),
        TEST(a_full_disk_is_unavailable_and_leaves_nothing),
        TEST(a_read_only_database_is_unavailable),
        TEST(a_failed_commit_fails_the_whole_group),
        TEST(a_transaction_lost_by_one_is_run_again_for_the_others),
        TEST(too_many_waiting_writers_are_refused),
        TEST(closing_finishes_what_waits),
        TEST(out_of_memory_in_our_own_code_leaves_nothing_behind),
        TEST(out_of_memory_inside_sqlite_leaves_nothing_behind),
        TEST(out_of_memory_while_opening_is_an_error),
    };
    return cmocka_run_group_tests(tests, hook_memory, NULL);
}
