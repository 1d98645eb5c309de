/* Tests of base/file: limits, atomic replacement, locks between processes, checksums. */
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/rollcall-file-XXXXXX";
static char path[128];

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) && snprintf(path, sizeof path, "%s/a/b/file", folder) > 0 ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    unlink(path);
    snprintf(path, sizeof path, "%s/a/b", folder);
    rmdir(path);
    snprintf(path, sizeof path, "%s/a", folder);
    rmdir(path);
    return rmdir(folder);
}

static void folders_are_made_with_their_parents_and_private(void **state)
{
    (void)state;
    char deep[128];
    struct stat st;
    snprintf(deep, sizeof deep, "%s/a/b", folder);
    assert_int_equal(file_mkdirs(deep, NULL), ERR_OK);
    assert_int_equal(file_mkdirs(deep, NULL), ERR_OK);
    assert_int_equal(stat(deep, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_mkdirs("", NULL), ERR_INVALID);
    assert_int_equal(file_mkdirs("/dev/null/x", NULL), ERR_IO);
}

static void a_file_reads_back_and_a_limit_holds(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str bytes;
    struct error e = {0};
    assert_int_equal(file_read(path, 10, a, &bytes, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, path));
    assert_false(file_exists(path));
    assert_int_equal(file_write(path, STR("12345\0789"), 0600, NULL), ERR_OK);
    assert_true(file_exists(path));
    assert_int_equal(file_read(path, 9, a, &bytes, NULL), ERR_OK);
    assert_true(str_eq(bytes, STR("12345\0789")));
    assert_int_equal(file_read(path, 7, a, &bytes, NULL), ERR_TOO_LARGE);
    assert_int_equal(file_read(folder, 10, a, &bytes, NULL), ERR_IO);
}

static void writing_replaces_whole_and_leaves_no_other_file(void **state)
{
    (void)state;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    struct str bytes;
    struct stat st;
    char temporary[192];
    assert_int_equal(file_write(path, STR("a long first content"), 0600, NULL), ERR_OK);
    assert_int_equal(file_write(path, STR("second"), 0640, NULL), ERR_OK);
    assert_int_equal(file_read(path, 100, a, &bytes, NULL), ERR_OK);
    assert_true(str_is(bytes, "second"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    snprintf(temporary, sizeof temporary, "%s.%ld.tmp", path, (long)getpid());
    assert_false(file_exists(temporary));
    assert_int_equal(file_write("/nonexistent/x", STR("y"), 0600, NULL), ERR_NOT_FOUND);
}

static void a_lock_keeps_another_process_out_until_it_is_given_back(void **state)
{
    (void)state;
    int fd = -1, status = -1;
    assert_int_equal(file_lock(path, &fd, NULL), ERR_OK);
    for (int held = 1; held >= 0; held--) {
        pid_t child = fork();
        if (child == 0) {
            int mine = -1;
            _exit(file_lock(path, &mine, NULL) == (held ? ERR_CONFLICT : ERR_OK) ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        if (held)
            file_unlock(fd);
    }
    file_unlock(-1);
}

static void the_checksum_is_sha_256(void **state)
{
    (void)state;
    char hex[65];
    assert_int_equal(file_write(path, STR("abc"), 0600, NULL), ERR_OK);
    assert_int_equal(file_sha256(path, hex, NULL), ERR_OK);
    /* FIPS 180-2, appendix B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(file_sha256("/nonexistent/x", hex, NULL), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(folders_are_made_with_their_parents_and_private),
        cmocka_unit_test(a_file_reads_back_and_a_limit_holds),
        cmocka_unit_test(writing_replaces_whole_and_leaves_no_other_file),
        cmocka_unit_test(a_lock_keeps_another_process_out_until_it_is_given_back),
        cmocka_unit_test(the_checksum_is_sha_256),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
