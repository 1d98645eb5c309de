/* Migrations: from nothing, again, at once, altered, newer, failing. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/driver.h"
#include "store/migrate.h"

struct fixture {
    char folder[64];
    struct db *db;
    struct error e;
};

static enum err open_in(struct fixture *f)
{
    char path[128];
    snprintf(path, sizeof path, "%s/rollcall.db", f->folder);
    const struct db_options o = {.path = path, .readers = 1, .create = true};
    return db_sqlite_open(&o, &f->db, &f->e);
}

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/migrate-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(open_in(f), ERR_OK);
    *state = f;
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

#define TEXT(number, title, hash, text)                                                            \
    {                                                                                              \
        .version = (number), .name = (title), .sqlite = {.sha256 = (hash), .sql = (text) }         \
    }

static const struct migration_text good[] = {
    TEXT(1, "one", "h1", "CREATE TABLE a (x); INSERT INTO a VALUES (1);"),
    TEXT(2, "two", "h2", "CREATE TABLE b (x); INSERT INTO b SELECT x FROM a;"),
    TEXT(3, "three", "h3", "DROP TABLE a;"),
};

static void all_migrations_run_from_nothing_and_only_once(void **state)
{
    struct fixture *f = *state;
    int applied = 0;
    assert_int_equal(migrate_up(f->db, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, migration_text_n);
    assert_int_equal(migrate_up(f->db, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, 0);
}

static void status_tells_what_is_applied_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct migration_state *rows;
    int n;
    for (int round = 0; round < 2; round++) {
        assert_int_equal(migrate_status(f->db, a, &rows, &n, &f->e), ERR_OK);
        assert_int_equal(n, migration_text_n);
        assert_int_equal(rows[0].version, 1);
        assert_string_equal(rows[0].name, "initial");
        assert_int_equal(rows[0].applied, round);
        assert_int_equal(rows[0].applied_at > 0, round);
        assert_int_equal(migrate_up(f->db, NULL, &f->e), ERR_OK);
    }
}

static void a_newer_program_goes_on_where_the_older_stopped(void **state)
{
    struct fixture *f = *state;
    int applied = 0;
    assert_int_equal(migrate_apply(f->db, good, 1, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, 1);
    assert_int_equal(migrate_apply(f->db, good, 3, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, 2);
    assert_int_equal(script(f, "INSERT INTO b VALUES (2)"), ERR_OK);
    assert_int_not_equal(script(f, "INSERT INTO a VALUES (2)"), ERR_OK);
}

static void a_failing_migration_leaves_the_schema_as_it_was(void **state)
{
    struct fixture *f = *state;
    static const struct migration_text bad[] = {
        TEXT(1, "one", "h1", "CREATE TABLE a (x);"),
        TEXT(2, "two", "h2", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);"),
    };
    int applied = -1;
    assert_int_equal(migrate_apply(f->db, bad, 2, &applied, &f->e), ERR_INTERNAL);
    assert_non_null(strstr(f->e.msg, "migration 2 (two)"));
    assert_int_equal(applied, -1);
    assert_int_equal(script(f, "INSERT INTO a VALUES (1)"), ERR_OK);
    assert_int_not_equal(script(f, "INSERT INTO b VALUES (1)"), ERR_OK);
    assert_int_equal(migrate_apply(f->db, good, 3, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, 2);
}

static void what_does_not_fit_the_database_is_refused(void **state)
{
    static const struct {
        const char *damage, *says;
    } rows[] = {
        {"UPDATE migration SET checksum = 'x' WHERE version = 2", "altered"},
        {"INSERT INTO migration VALUES (4, 'four', 'h4', 1)", "newer program"},
        {"DELETE FROM migration WHERE version = 2", "missing"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(script(f, "DROP TABLE IF EXISTS migration; DROP TABLE IF EXISTS b;"),
                         ERR_OK);
        assert_int_equal(migrate_apply(f->db, good, 3, NULL, &f->e), ERR_OK);
        assert_int_equal(script(f, rows[i].damage), ERR_OK);
        assert_int_equal(migrate_apply(f->db, good, 3, NULL, &f->e), ERR_CONFLICT);
        assert_non_null(strstr(f->e.msg, rows[i].says));
    }
}

/* Opens as soon as the file is free, migrates, and exits with how many it applied. */
static void child_migrates(struct fixture *f)
{
    int applied = 0;
    for (int tries = 0; open_in(f) != ERR_OK; tries++) {
        if (tries > 2000)
            _exit(100);
        usleep(1000);
    }
    if (migrate_up(f->db, &applied, NULL) != ERR_OK)
        _exit(101);
    db_close(f->db);
    _exit(applied);
}

static void two_processes_at_once_apply_each_migration_once(void **state)
{
    struct fixture *f = *state;
    db_close(f->db);
    f->db = NULL;
    pid_t children[2];
    int applied = 0;
    for (int i = 0; i < 2; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            child_migrates(f);
    }
    for (int i = 0; i < 2; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        applied += WEXITSTATUS(status);
    }
    assert_int_equal(applied, migration_text_n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_migrations_run_from_nothing_and_only_once),
        TEST(status_tells_what_is_applied_and_changes_nothing),
        TEST(a_newer_program_goes_on_where_the_older_stopped),
        TEST(a_failing_migration_leaves_the_schema_as_it_was),
        TEST(what_does_not_fit_the_database_is_refused),
        TEST(two_processes_at_once_apply_each_migration_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
