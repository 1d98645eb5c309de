/* The heads file: what is believed of it, and what it looks like afterwards. */
#include "store/heads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "base/file.h"

struct fixture {
    char folder[64], path[96];
    struct seal_key key;
    struct arena *a;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/heads-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/heads", f->folder);
    f->key.bytes[0] = 1;
    f->a = arena_new(16 * MIB);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    static const char *const ends[] = {"", ".lock", ".damaged"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", f->path, ends[i]);
        unlink(path);
    }
    rmdir(f->folder);
    arena_free(f->a);
    test_free(f);
    return 0;
}

static void note(struct heads *h, const char *chain, int64_t seq)
{
    uint8_t hash[CHAIN_HASH_BYTES] = {(uint8_t)seq};
    assert_int_equal(heads_note(h, str_from(chain), seq, hash, NULL), ERR_OK);
}

/* a 1, b 1, a 3, a 2 */
static void write_four(struct fixture *f)
{
    struct heads *h;
    bool damaged = true;
    assert_int_equal(heads_open(f->path, &f->key, &h, &damaged, NULL), ERR_OK);
    assert_false(damaged);
    note(h, "a", 1);
    note(h, "b", 1);
    note(h, "a", 3);
    note(h, "a", 2);
    heads_close(h);
}

static int64_t seq_of(const struct heads_seen *seen, const char *chain)
{
    const struct head *head = hashmap_get(&seen->heads, str_from(chain));
    if (head)
        assert_int_equal(head->hash[0], head->seq);
    return head ? head->seq : 0;
}

static void the_newest_head_of_each_chain_counts_whatever_the_order(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    write_four(f);
    assert_int_equal(heads_read(f->path, &f->key, &seen, NULL), ERR_OK);
    assert_int_equal(seen.bad_line, 0);
    assert_int_equal(seen.lines, 4);
    assert_int_equal(seq_of(&seen, "a"), 3);
    assert_int_equal(seq_of(&seen, "b"), 1);
    heads_seen_done(&seen);
}

static void a_missing_file_has_no_heads(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    assert_int_equal(heads_read(f->path, &f->key, &seen, NULL), ERR_OK);
    assert_int_equal(seen.lines + seen.bad_line + (int64_t)seen.heads.n, 0);
    heads_seen_done(&seen);
}

static void every_changed_byte_is_found(void **state)
{
    struct fixture *f = *state;
    struct str bytes;
    write_four(f);
    assert_int_equal(file_read(f->path, MIB, f->a, &bytes, NULL), ERR_OK);
    char *changed = arena_strdup(f->a, bytes);
    for (size_t i = 0; i + 1 < bytes.n; i++) {
        struct heads_seen seen;
        changed[i] ^= 1;
        assert_int_equal(file_write(f->path, (struct str){changed, bytes.n}, 0600, NULL), ERR_OK);
        assert_int_equal(heads_read(f->path, &f->key, &seen, NULL), ERR_OK);
        if (seen.bad_line == 0)
            fail_msg("byte %zu", i);
        heads_seen_done(&seen);
        changed[i] ^= 1;
    }
}

static void another_key_believes_nothing(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    struct seal_key other = {{2}};
    write_four(f);
    assert_int_equal(heads_read(f->path, &other, &seen, NULL), ERR_OK);
    assert_int_equal(seen.bad_line, 1);
    assert_int_equal(seen.heads.n, 0);
    heads_seen_done(&seen);
}

static void an_open_after_another_goes_on_where_it_ended(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    struct heads *h;
    write_four(f);
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    note(h, "c", 7);
    heads_close(h);
    assert_int_equal(heads_read(f->path, &f->key, &seen, NULL), ERR_OK);
    assert_int_equal(seen.bad_line, 0);
    assert_int_equal(seq_of(&seen, "c"), 7);
    heads_seen_done(&seen);
}

static void a_file_of_superseded_lines_is_written_anew_and_says_the_same(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    struct heads *h;
    enum { NOTES = 5000 };
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    for (int i = 1; i <= NOTES; i++)
        note(h, i % 2 ? "odd" : "even", i % 256);
    heads_close(h);
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    heads_close(h);
    assert_int_equal(heads_read(f->path, &f->key, &seen, NULL), ERR_OK);
    assert_int_equal(seen.lines, 2);
    assert_int_equal(seq_of(&seen, "odd"), 255);
    assert_int_equal(seq_of(&seen, "even"), 254);
    heads_seen_done(&seen);
}

static void a_second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct heads *first, *second;
    assert_int_equal(heads_open(f->path, &f->key, &first, NULL, NULL), ERR_OK);
    assert_int_equal(heads_open(f->path, &f->key, &second, NULL, NULL), ERR_CONFLICT);
    heads_close(first);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(the_newest_head_of_each_chain_counts_whatever_the_order),
        TEST(a_missing_file_has_no_heads),
        TEST(every_changed_byte_is_found),
        TEST(another_key_believes_nothing),
        TEST(an_open_after_another_goes_on_where_it_ended),
        TEST(a_file_of_superseded_lines_is_written_anew_and_says_the_same),
        TEST(a_second_writer_is_refused),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
