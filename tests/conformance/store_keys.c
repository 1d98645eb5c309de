/* Conformance of the keystore, on every back end. */
#include "store_suite.h"

#include "base/file.h"

#include <stdio.h>

static const struct seal_key installation = {{7}};

static struct keystore *open_keys(struct fixture *f)
{
    struct keystore *k = NULL;
    assert_int_equal(keystore_open(f->db, &installation, &k, &f->e), ERR_OK);
    return k;
}

/* Forgets what is in memory; the fixture's database stays open. */
static struct keystore *open_again(struct fixture *f, struct keystore *k)
{
    keystore_close(k); /* closes the database, too */
    assert_int_equal(f->backend->open(f->folder, &f->db, &f->e), ERR_OK);
    return open_keys(f);
}

static struct student_id somebody(void)
{
    struct student_id s;
    id_new(s.text);
    return s;
}

static void shut_down(struct fixture *f, struct keystore *k)
{
    keystore_close(k);
    assert_int_equal(f->backend->open(f->folder, &f->db, &f->e), ERR_OK);
}

static void a_key_is_made_once_and_found_again(void **state)
{
    struct fixture *f = *state;
    struct keystore *k = open_keys(f);
    struct student_id ada = somebody(), bob = somebody();
    struct seal_key key, again, other, record;
    assert_int_equal(keystore_get(k, ada, KEY_FACE, &key, &f->e), ERR_NOT_FOUND);
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &key, &f->e), ERR_OK);
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &again, &f->e), ERR_OK);
    assert_memory_equal(&key, &again, sizeof key);
    assert_int_equal(keystore_make(k, ada, KEY_RECORD, &record, &f->e), ERR_OK);
    assert_int_equal(keystore_make(k, bob, KEY_FACE, &other, &f->e), ERR_OK);
    assert_memory_not_equal(&key, &record, sizeof key);
    assert_memory_not_equal(&key, &other, sizeof key);
    k = open_again(f, k);
    assert_int_equal(keystore_get(k, ada, KEY_FACE, &again, &f->e), ERR_OK);
    assert_memory_equal(&key, &again, sizeof key);
    shut_down(f, k);
}

static void a_destroyed_key_is_gone_and_tells_so(void **state)
{
    struct fixture *f = *state;
    struct keystore *k = open_keys(f);
    struct student_id ada = somebody();
    struct seal_key key, record, again;
    struct key_end end, second;
    assert_int_equal(keystore_destroy(k, ada, KEY_FACE, &end, &f->e), ERR_OK);
    assert_string_equal(end.fingerprint, "");
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &key, &f->e), ERR_OK);
    assert_int_equal(keystore_make(k, ada, KEY_RECORD, &record, &f->e), ERR_OK);
    assert_int_equal(keystore_destroy(k, ada, KEY_FACE, &end, &f->e), ERR_OK);
    assert_int_equal(strlen(end.fingerprint), KEY_FINGERPRINT - 1);
    assert_true(end.destroyed_at > 0);
    assert_int_equal(keystore_get(k, ada, KEY_FACE, &again, &f->e), ERR_NOT_FOUND);
    k = open_again(f, k);
    assert_int_equal(keystore_get(k, ada, KEY_FACE, &again, &f->e), ERR_NOT_FOUND);
    assert_int_equal(keystore_destroy(k, ada, KEY_FACE, &second, &f->e), ERR_OK);
    assert_string_equal(second.fingerprint, end.fingerprint);
    assert_int_equal(second.destroyed_at, end.destroyed_at);
    assert_int_equal(keystore_get(k, ada, KEY_RECORD, &again, &f->e), ERR_OK);
    assert_memory_equal(&record, &again, sizeof record);
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &again, &f->e), ERR_OK);
    assert_memory_not_equal(&key, &again, sizeof key);
    shut_down(f, k);
}

static void another_installation_key_opens_nothing(void **state)
{
    struct fixture *f = *state;
    struct keystore *k = open_keys(f);
    struct student_id ada = somebody();
    struct seal_key key;
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &key, &f->e), ERR_OK);
    keystore_close(k);
    assert_int_equal(f->backend->open(f->folder, &f->db, &f->e), ERR_OK);
    assert_int_equal(keystore_open(f->db, &(struct seal_key){{8}}, &k, &f->e), ERR_OK);
    assert_int_equal(keystore_get(k, ada, KEY_FACE, &key, &f->e), ERR_CORRUPT);
    shut_down(f, k);
}

static void a_ring_holds_the_living_keys_of_a_purpose(void **state)
{
    struct fixture *f = *state;
    struct keystore *k = open_keys(f);
    struct student_id ada = somebody(), bob = somebody(), eve = somebody();
    struct seal_key key, other;
    struct key_end end;
    struct keyring *ring = NULL;
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &key, &f->e), ERR_OK);
    assert_int_equal(keystore_make(k, bob, KEY_FACE, &other, &f->e), ERR_OK);
    assert_int_equal(keystore_make(k, eve, KEY_RECORD, &other, &f->e), ERR_OK);
    assert_int_equal(keystore_destroy(k, bob, KEY_FACE, &end, &f->e), ERR_OK);
    assert_int_equal(keyring_load(k, KEY_FACE, &ring, &f->e), ERR_OK);
    assert_memory_equal(keyring_find(ring, ada), &key, sizeof key);
    assert_null(keyring_find(ring, bob));
    assert_null(keyring_find(ring, eve));
    keyring_free(ring);
    shut_down(f, k);
}

/* How often the bytes are in the file, or 0 without it. */
static int found_in(struct arena *a, const char *path, struct str bytes)
{
    struct str all;
    int n = 0;
    if (file_read(path, 16 * MIB, a, &all, NULL))
        return 0;
    for (size_t i = 0; i + bytes.n <= all.n; i++)
        n += memcmp(all.p + i, bytes.p, bytes.n) == 0;
    return n;
}

static enum err sealed_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct str *sealed = ctx;
    _cleanup_(db_rows_done) struct db_rows *rows = NULL;
    bool has = false;
    enum err r = db_query(cx, Q_KEY_EACH, (struct db_value[]){db_text("face")}, 1, &rows, e);
    if (r == ERR_OK)
        r = db_next(rows, &has, e);
    assert_true(r || has);
    struct str got = db_col_str(rows, "sealed");
    memcpy((char *)(uintptr_t)sealed->p, got.p, got.n);
    sealed->n = got.n;
    return r;
}

/* SQLite alone: PostgreSQL keeps old rows until it is vacuumed (docs/privacy.md). */
static void no_byte_of_a_destroyed_key_stays_on_the_disk(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"keys.db", "keys.db-wal", "keys.db-journal"};
    char path[128], bytes[128];
    struct str sealed = {bytes, 0};
    struct student_id ada = somebody();
    struct seal_key key;
    struct key_end end;
    struct db *db = NULL;
    struct keystore *k = NULL;
    snprintf(path, sizeof path, "%s/keys.db", f->folder);
    const struct db_options o = {.path = path, .readers = 1, .create = true, .secret = true};
    assert_int_equal(db_sqlite_open(&o, &db, &f->e), ERR_OK);
    assert_int_equal(keystore_open(db, &installation, &k, &f->e), ERR_OK);
    assert_int_equal(keystore_make(k, ada, KEY_FACE, &key, &f->e), ERR_OK);
    assert_int_equal(db_read(db, sealed_fn, &sealed, &f->e), ERR_OK);
    assert_true(found_in(f->a, path, sealed) > 0);
    assert_int_equal(keystore_destroy(k, ada, KEY_FACE, &end, &f->e), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", f->folder, files[i]);
        assert_int_equal(found_in(f->a, path, (struct str){sealed.p, 16}), 0);
        assert_int_equal(found_in(f->a, path, (struct str){sealed.p + sealed.n - 16, 16}), 0);
    }
    keystore_close(k);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(a_key_is_made_once_and_found_again),
        TEST(a_destroyed_key_is_gone_and_tells_so),
        TEST(another_installation_key_opens_nothing),
        TEST(a_ring_holds_the_living_keys_of_a_purpose),
        TEST(no_byte_of_a_destroyed_key_stays_on_the_disk),
    };
    return store_suite_run(tests, ARRAY_LEN(tests));
}
