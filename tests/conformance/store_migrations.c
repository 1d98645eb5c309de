/* Conformance of migrations on every back end: newer, altered, failing, two at once; and limits. */
#include "store_suite.h"

/* The program's migrations and more behind them; `more` with the same SQL on every back end. */
struct texts {
    struct migration_text *all;
    int n;
};

#define SAME(number, title, hash, text)                                                            \
    {                                                                                              \
        .version = (number), .name = (title), .sqlite = {.sha256 = (hash), .sql = (text)},         \
        .postgres = {                                                                              \
            .sha256 = (hash),                                                                      \
            .sql = (text)                                                                          \
        }                                                                                          \
    }

static struct texts with(struct fixture *f, const struct migration_text *more, int n)
{
    struct texts t = {.n = migration_text_n + n};
    t.all = arena_array(f->a, (size_t)t.n, sizeof *t.all);
    assert_non_null(t.all);
    memcpy(t.all, migration_texts, (size_t)migration_text_n * sizeof *t.all);
    for (int i = 0; i < n; i++) {
        t.all[migration_text_n + i] = more[i];
        t.all[migration_text_n + i].version = migration_text_n + i + 1;
    }
    return t;
}

static enum err script_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return cx->driver->script(cx, ctx, e);
}

static enum err script(struct fixture *f, const char *sql)
{
    return db_tx(f->db, script_fn, (void *)sql, &f->e);
}

static void a_newer_database_is_refused(void **state)
{
    static const struct migration_text more[] = {
        SAME(0, "later", "h", "CREATE TABLE later (x bigint)")};
    struct fixture *f = *state;
    struct texts t = with(f, more, 1);
    int applied = 0;
    assert_int_equal(migrate_apply(f->db, t.all, t.n, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, 1);
    assert_int_equal(migrate_up(f->db, &applied, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "(later)"));
    assert_non_null(strstr(f->e.msg, "newer"));
}

static void an_altered_migration_is_refused(void **state)
{
    struct fixture *f = *state;
    struct texts t = with(f, NULL, 0);
    int applied = 0;
    t.all[1].sqlite.sha256 = t.all[1].postgres.sha256 = "another";
    assert_int_equal(migrate_apply(f->db, t.all, t.n, &applied, &f->e), ERR_CONFLICT);
    assert_non_null(strstr(f->e.msg, "altered"));
}

static void a_failing_migration_leaves_the_schema_as_it_was(void **state)
{
    static const struct migration_text more[] = {
        SAME(0, "good", "h1", "CREATE TABLE good (x bigint)"),
        SAME(0, "bad", "h2",
             "CREATE TABLE half (x bigint); INSERT INTO good VALUES (1); SELECT nonsense FROM "
             "half;"),
    };
    struct fixture *f = *state;
    struct texts t = with(f, more, 2);
    int applied = 0;
    assert_int_not_equal(migrate_apply(f->db, t.all, t.n, &applied, &f->e), ERR_OK);
    assert_non_null(strstr(f->e.msg, "(bad)"));
    assert_int_equal(script(f, "CREATE TABLE half (x bigint)"), ERR_OK); /* it is not there */
    assert_int_equal(migrate_apply(f->db, t.all, t.n - 1, &applied, &f->e), ERR_OK);
    assert_int_equal(applied, 0); /* and the good one is */
}

struct migrating {
    struct db *db;
    struct texts texts;
    int applied;
    enum err r;
};

static void *migrate_main(void *ctx)
{
    struct migrating *m = ctx;
    struct error e;
    m->r = migrate_apply(m->db, m->texts.all, m->texts.n, &m->applied, &e);
    return NULL;
}

static void many_at_once_apply_each_migration_once(void **state)
{
    enum { AT_ONCE = 4, MORE = 6 };
    static const struct migration_text more[MORE] = {
        SAME(0, "m0", "h0", "CREATE TABLE m0 (x bigint)"),
        SAME(0, "m1", "h1", "CREATE TABLE m1 (x bigint)"),
        SAME(0, "m2", "h2", "CREATE TABLE m2 (x bigint)"),
        SAME(0, "m3", "h3", "CREATE TABLE m3 (x bigint)"),
        SAME(0, "m4", "h4", "CREATE TABLE m4 (x bigint)"),
        SAME(0, "m5", "h5", "CREATE TABLE m5 (x bigint)"),
    };
    struct fixture *f = *state;
    struct migrating all[AT_ONCE];
    pthread_t threads[AT_ONCE];
    int applied = 0;
    for (int i = 0; i < AT_ONCE; i++) {
        all[i] = (struct migrating){.db = f->db, .texts = with(f, more, MORE)};
        assert_int_equal(pthread_create(&threads[i], NULL, migrate_main, &all[i]), 0);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(all[i].r, ERR_OK);
        applied += all[i].applied;
    }
    assert_int_equal(applied, MORE);
}

static void a_statement_of_postgres_has_a_time_limit_and_a_migration_none(void **state)
{
    static const char limit_is[] =
        "DO $$ BEGIN IF current_setting('statement_timeout') <> '%s' THEN "
        "RAISE 'the limit is %%', current_setting('statement_timeout'); END IF; END $$";
    struct fixture *f = *state;
    if (strcmp(f->backend->name, "postgres") != 0)
        return;
    const struct migration_text more[] = {SAME(0, "slow", "h", arena_printf(f->a, limit_is, "0"))};
    struct texts t = with(f, more, 1);
    int applied = 0;
    assert_int_equal(migrate_apply(f->db, t.all, t.n, &applied, &f->e), ERR_OK);
    assert_int_equal(script(f, arena_printf(f->a, limit_is, "30s")), ERR_OK);
    assert_int_equal(script(f, "SET LOCAL statement_timeout = '50ms'; SELECT pg_sleep(5)"),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(f->e.msg, "took too long"));
    assert_int_equal(script(f, arena_printf(f->a, limit_is, "30s")), ERR_OK);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_newer_database_is_refused),
        TEST(an_altered_migration_is_refused),
        TEST(a_failing_migration_leaves_the_schema_as_it_was),
        TEST(many_at_once_apply_each_migration_once),
        TEST(a_statement_of_postgres_has_a_time_limit_and_a_migration_none),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
