/* Signed heads: what was signed is believed, what was altered is found, and nothing older is signed
 * over what is newer. */
#include "store/signed_heads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

struct fixture {
    char folder[64], path[96], history[96], public[SIGN_PUBLIC_TEXT];
    struct sign_key key;
    struct heads_seen now;
    struct arena *a;
    int findings;
    char last[400];
};

static int setup(void **state)
{
    static const struct seal_key master = {.bytes = {7}};
    struct fixture *f = test_calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/signed-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/signed", f->folder);
    snprintf(f->history, sizeof f->history, "%s/signatures", f->folder);
    sign_key_derive(&master, &f->key);
    sign_public_text(&f->key, f->public);
    assert_int_equal(heads_seen_init(&f->now, NULL), ERR_OK);
    f->a = arena_new(16 * MIB);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    unlink(f->history);
    rmdir(f->folder);
    heads_seen_done(&f->now);
    arena_free(f->a);
    test_free(f);
    return 0;
}

static void on_finding(void *ctx, const char *text)
{
    struct fixture *f = ctx;
    f->findings++;
    snprintf(f->last, sizeof f->last, "%s", text);
}

static void put(struct fixture *f, const char *chain, int64_t seq)
{
    struct head head = {.seq = seq, .hash = {(uint8_t)seq}};
    snprintf(head.chain, sizeof head.chain, "%s", chain);
    assert_int_equal(heads_keep(&f->now, &head, NULL), ERR_OK);
}

static enum err sign(struct fixture *f, usec_t at, struct error *e)
{
    return signed_heads_write(f->path, f->history, &f->now, &f->key, at, e);
}

/* How many heads are believed. */
static size_t check(struct fixture *f, usec_t *ret_at)
{
    struct signed_heads s;
    f->findings = 0;
    assert_int_equal(signed_heads_read(f->path, f->history, f->public, on_finding, f, &s, NULL),
                     ERR_OK);
    size_t n = s.seen.heads.n;
    *ret_at = s.at;
    signed_heads_done(&s);
    return n;
}

static void what_is_signed_is_read_again(void **state)
{
    struct fixture *f = *state;
    usec_t at;
    assert_int_equal(check(f, &at), 0);
    assert_int_equal(f->findings, 0);
    assert_int_equal(at, 0);
    for (int day = 1; day <= 3; day++) {
        put(f, "a", day);
        put(f, day == 1 ? "b" : "c", 1);
        assert_int_equal(sign(f, day * USEC_PER_DAY, NULL), ERR_OK);
        assert_int_equal(check(f, &at), day == 1 ? 2 : 3);
        assert_int_equal(f->findings, 0);
        assert_int_equal(at, day * USEC_PER_DAY);
    }
    struct str history;
    assert_int_equal(file_read(f->history, MIB, f->a, &history, NULL), ERR_OK);
    int lines = 0;
    for (size_t i = 0; i < history.n; i++)
        lines += history.p[i] == '\n';
    assert_int_equal(lines, 3);
}

static void every_altered_byte_of_the_file_is_found(void **state)
{
    struct fixture *f = *state;
    struct str good;
    usec_t at;
    put(f, "a", 1);
    put(f, "b", 20);
    assert_int_equal(sign(f, USEC_PER_DAY, NULL), ERR_OK);
    assert_int_equal(file_read(f->path, MIB, f->a, &good, NULL), ERR_OK);
    for (size_t i = 0; i < good.n; i++) {
        struct str bad = arena_copy(f->a, good);
        ((char *)(uintptr_t)bad.p)[i] ^= 1;
        assert_int_equal(file_write(f->path, bad, 0600, NULL), ERR_OK);
        assert_int_equal(check(f, &at), 0);
        assert_true(f->findings > 0);
        assert_int_equal(sign(f, 2 * USEC_PER_DAY, NULL), ERR_CORRUPT);
    }
    for (size_t n = 0; n < good.n; n += 7) {
        assert_int_equal(file_write(f->path, (struct str){good.p, n}, 0600, NULL), ERR_OK);
        assert_int_equal(check(f, &at), 0);
        assert_true(f->findings > 0);
    }
    unlink(f->path);
    assert_int_equal(check(f, &at), 0);
    assert_non_null(strstr(f->last, "removed"));
    assert_int_equal(file_write(f->path, good, 0600, NULL), ERR_OK);
    assert_int_equal(check(f, &at), 2);
    assert_int_equal(f->findings, 0);
}

static void an_older_file_put_back_and_an_altered_history_are_found(void **state)
{
    struct fixture *f = *state;
    struct str first, history;
    usec_t at;
    put(f, "a", 1);
    assert_int_equal(sign(f, USEC_PER_DAY, NULL), ERR_OK);
    assert_int_equal(file_read(f->path, MIB, f->a, &first, NULL), ERR_OK);
    put(f, "a", 2);
    assert_int_equal(sign(f, 2 * USEC_PER_DAY, NULL), ERR_OK);
    assert_int_equal(file_write(f->path, first, 0600, NULL), ERR_OK);
    assert_int_equal(check(f, &at), 1);
    assert_int_equal(f->findings, 1);
    assert_non_null(strstr(f->last, "newer"));
    assert_int_equal(file_read(f->history, MIB, f->a, &history, NULL), ERR_OK);
    ((char *)(uintptr_t)history.p)[3] ^= 1;
    assert_int_equal(file_write(f->history, history, 0600, NULL), ERR_OK);
    check(f, &at);
    assert_int_equal(f->findings, 2);
}

static void another_installation_s_signature_is_not_believed(void **state)
{
    static const struct seal_key other = {.bytes = {8}};
    struct fixture *f = *state;
    usec_t at;
    put(f, "a", 1);
    assert_int_equal(sign(f, USEC_PER_DAY, NULL), ERR_OK);
    sign_key_derive(&other, &f->key);
    sign_public_text(&f->key, f->public);
    assert_int_equal(check(f, &at), 0);
    assert_int_equal(f->findings, 2);
}

static void heads_that_went_back_are_not_signed(void **state)
{
    struct fixture *f = *state;
    struct error e = {0};
    put(f, "a", 5);
    put(f, "b", 5);
    assert_int_equal(sign(f, USEC_PER_DAY, NULL), ERR_OK);
    struct head *head = hashmap_get(&f->now.heads, STR("a"));
    head->seq = 4;
    assert_int_equal(sign(f, 2 * USEC_PER_DAY, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "older"));
    head->seq = 5;
    head->hash[3] ^= 1;
    assert_int_equal(sign(f, 2 * USEC_PER_DAY, &e), ERR_CORRUPT);
    head->hash[3] ^= 1;
    assert_int_equal(sign(f, 2 * USEC_PER_DAY, &e), ERR_OK);
    assert_non_null(hashmap_remove(&f->now.heads, STR("b")));
    assert_int_equal(sign(f, 3 * USEC_PER_DAY, &e), ERR_CORRUPT);
    f->now.bad_line = 1;
    assert_int_equal(sign(f, 3 * USEC_PER_DAY, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.msg, "altered"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    static const struct CMUnitTest tests[] = {
        TEST(what_is_signed_is_read_again),
        TEST(every_altered_byte_of_the_file_is_found),
        TEST(an_older_file_put_back_and_an_altered_history_are_found),
        TEST(another_installation_s_signature_is_not_believed),
        TEST(heads_that_went_back_are_not_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
