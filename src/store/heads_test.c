/* The heads file: what is believed of it, and what it looks like afterwards. */
#include "store/heads.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/file.h"
#include "base/mem.h"

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

/* Turns the first byte of the file into another. */
static void damage(struct fixture *f)
{
    FILE *file = fopen(f->path, "r+");
    assert_non_null(file);
    int first = fgetc(file);
    rewind(file);
    fputc(first ^ 1, file);
    fclose(file);
}

static void a_damaged_file_is_kept_aside_every_time(void **state)
{
    struct fixture *f = *state;
    struct heads *h;
    bool damaged = false;
    assert_false(heads_were_damaged(f->path));
    for (int i = 0; i < 2; i++) {
        write_four(f);
        damage(f);
        assert_int_equal(heads_open(f->path, &f->key, &h, &damaged, NULL), ERR_OK);
        assert_true(damaged);
        heads_close(h);
        assert_true(heads_were_damaged(f->path));
    }
    char pattern[160];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s.damaged-*", f->path);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 1);
    unlink(found.gl_pathv[0]);
    globfree(&found);
}

static void a_damaged_file_that_cannot_be_kept_aside_stays(void **state)
{
    struct fixture *f = *state;
    struct heads *h;
    struct error e = {0};
    enum { LONGEST = 250 }; /* .lock fits a name of 255, .damaged does not */
    char path[512];
    size_t n = (size_t)snprintf(path, sizeof path, "%s/", f->folder);
    memset(path + n, 'h', LONGEST);
    path[n + LONGEST] = 0;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("nonsense\n", file);
    fclose(file);
    assert_int_equal(heads_open(path, &f->key, &h, NULL, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "cannot rename"));
    unlink(path);
    memcpy(path + n + LONGEST, ".lock", 6);
    unlink(path);
}

static void what_is_no_file_is_an_error(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *leads_to, *says;
    } links[] = {{"/dev/null", "not a file"}, {"/nowhere/at/all", "cannot write"}};
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        struct heads *h;
        struct error e = {0};
        assert_int_equal(symlink(links[i].leads_to, f->path), 0);
        assert_int_equal(heads_open(f->path, &f->key, &h, NULL, &e), ERR_IO);
        assert_non_null(strstr(e.msg, links[i].says));
        unlink(f->path);
    }
}

static void half_a_line_that_stays_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct heads *h;
    struct error e = {0};
    char memory[64];
    int fd = memfd_create("heads", MFD_ALLOW_SEALING); /* a file that may not become shorter */
    assert_true(fd >= 0 && write(fd, "half", 4) == 4);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    snprintf(memory, sizeof memory, "/proc/self/fd/%d", fd);
    assert_int_equal(symlink(memory, f->path), 0);
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, &e), ERR_IO);
    assert_non_null(strstr(e.msg, "cannot shorten"));
    close(fd);
}

static void without_memory_nothing_is_opened(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    struct heads *h;
    enum err r = ERR_NOMEM;
    write_four(f);
    heads_close(NULL);
    for (int n = 0; r; n++) {
        mem_fail_after(n);
        r = heads_read(f->path, &f->key, &seen, NULL);
        mem_fail_after(-1);
        assert_true(r == ERR_OK || r == ERR_NOMEM);
    }
    heads_seen_done(&seen);
    r = ERR_NOMEM;
    for (int n = 0; r; n++) {
        mem_fail_after(n);
        r = heads_open(f->path, &f->key, &h, NULL, NULL);
        mem_fail_after(-1);
        assert_true(r == ERR_OK || r == ERR_NOMEM);
    }
    heads_close(h);
}

static void more_heads_than_memory_are_an_error(void **state)
{
    struct fixture *f = *state;
    struct heads_seen seen;
    struct heads *h;
    enum err r = ERR_NOMEM;
    enum { CHAINS = 300 }; /* beyond a block of the arena */
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    for (int i = 1; i <= CHAINS; i++) {
        char name[16];
        snprintf(name, sizeof name, "chain-%d", i);
        note(h, name, 1);
    }
    heads_close(h);
    for (int n = 0; r; n++) {
        mem_fail_after(n);
        r = heads_read(f->path, &f->key, &seen, NULL);
        mem_fail_after(-1);
        assert_true(r == ERR_OK || r == ERR_NOMEM);
    }
    assert_int_equal(seen.heads.n, CHAINS);
    heads_seen_done(&seen);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
    struct fixture *f = *state;
    struct heads *h;
    const uint8_t hash[CHAIN_HASH_BYTES] = {0};
    char name[HEADS_CHAIN_MAX + 1];
    memset(name, 'c', HEADS_CHAIN_MAX);
    name[HEADS_CHAIN_MAX] = 0;
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    assert_int_equal(heads_note(h, str_from(name), 1, hash, NULL), ERR_INVALID);
    heads_close(h);
}

/* Files may grow to n bytes; the limit is the whole process's. */
static void files_end_at(rlim_t n)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = n;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_leaves_no_half_line(void **state)
{
    struct fixture *f = *state;
    const uint8_t hash[CHAIN_HASH_BYTES] = {9};
    struct heads_seen seen;
    struct heads *h;
    struct stat st;
    write_four(f);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    assert_int_equal(stat(f->path, &st), 0);
    for (int room = 0; room < 20; room += 10) {
        files_end_at((rlim_t)(st.st_size + room));
        assert_int_equal(heads_note(h, STR("a"), 9, hash, NULL), ERR_IO);
        files_end_at(RLIM_INFINITY);
    }
    note(h, "c", 2); /* there is room again */
    heads_close(h);
    assert_int_equal(heads_read(f->path, &f->key, &seen, NULL), ERR_OK);
    assert_int_equal(seen.bad_line, 0);
    assert_int_equal(seen.lines, 5);
    assert_int_equal(seq_of(&seen, "c"), 2);
    heads_seen_done(&seen);
}

static void a_half_line_that_cannot_be_taken_back_is_told(void **state)
{
    struct fixture *f = *state;
    const uint8_t hash[CHAIN_HASH_BYTES] = {9};
    struct heads *h;
    struct error e = {0};
    char memory[64];
    int fd = memfd_create("heads", MFD_ALLOW_SEALING); /* a file that may not become shorter */
    assert_true(fd >= 0);
    snprintf(memory, sizeof memory, "/proc/self/fd/%d", fd);
    assert_int_equal(symlink(memory, f->path), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(heads_open(f->path, &f->key, &h, NULL, NULL), ERR_OK);
    note(h, "a", 1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    files_end_at((rlim_t)(lseek(fd, 0, SEEK_END) + 10));
    assert_int_equal(heads_note(h, STR("a"), 9, hash, &e), ERR_IO);
    files_end_at(RLIM_INFINITY);
    assert_non_null(strstr(e.msg, "half a line is left"));
    heads_close(h);
    close(fd);
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
        TEST(a_damaged_file_is_kept_aside_every_time),
        TEST(a_damaged_file_that_cannot_be_kept_aside_stays),
        TEST(what_is_no_file_is_an_error),
        TEST(half_a_line_that_stays_is_an_error),
        TEST(without_memory_nothing_is_opened),
        TEST(more_heads_than_memory_are_an_error),
        TEST(a_name_that_is_too_long_is_refused),
        TEST(a_full_disk_leaves_no_half_line),
        TEST(a_half_line_that_cannot_be_taken_back_is_told),
    };
    return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
