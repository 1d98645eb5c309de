/* Tests of cmd/frames.h: files and folders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "cmd/frames.h"

#include <unistd.h>

static char folder[64];
static const char *const files[] = {"img10.jpg", "img2.JPG", "notes.txt", "ann/1.png",
                                    ".hidden.jpg"};

static int make_folder(void **state)
{
    char path[128];
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/frames-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/ann", folder);
    if (file_mkdirs(path, NULL))
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        if (file_write(path, str_from(files[i]), 0600, NULL))
            return -1;
    }
    return 0;
}

static int remove_folder(void **state)
{
    char path[128];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/ann", folder);
    rmdir(path);
    return rmdir(folder);
}

static void a_folder_gives_its_pictures_in_natural_order_once(void **state)
{
    static const char *const expected[] = {"ann/1.png", "img2.JPG", "img10.jpg"};
    const struct frames_options options = {.fps = 1};
    struct arena *a = arena_new(MIB);
    struct frames *f = NULL;
    struct frame frame;
    bool end = false;
    (void)state;
    assert_int_equal(frames_open(folder, &options, &f, NULL), ERR_OK);
    assert_false(frames_is_live(f));
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_int_equal(frames_next(f, a, &frame, &end, NULL), ERR_OK);
        assert_false(end);
        assert_true(str_is(frame.name, expected[i]));
        assert_true(str_is(frame.bytes, expected[i]));
    }
    assert_int_equal(frames_next(f, a, &frame, &end, NULL), ERR_OK);
    assert_true(end);
    frames_close(f);
    arena_free(a);
}

static void a_looping_source_starts_again(void **state)
{
    const struct frame_item items[] = {{.name = "only", .bytes = STR("x")}};
    const struct frames_options options = {.fps = 1, .loop = true};
    struct arena *a = arena_new(MIB);
    struct frames *f = NULL;
    struct frame frame;
    bool end = true;
    (void)state;
    assert_int_equal(frames_open_list(items, 1, &options, &f, NULL), ERR_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(frames_next(f, a, &frame, &end, NULL), ERR_OK);
        assert_false(end);
    }
    frames_close(f);
    arena_free(a);
}

static void a_vanished_file_costs_one_frame(void **state)
{
    const struct frame_item items[] = {{.path = "/nonexistent/a.jpg", .name = "a"},
                                       {.name = "b", .bytes = STR("x")}};
    const struct frames_options options = {.fps = 1};
    struct arena *a = arena_new(MIB);
    struct frames *f = NULL;
    struct frame frame;
    bool end = false;
    (void)state;
    assert_int_equal(frames_open_list(items, 2, &options, &f, NULL), ERR_OK);
    assert_int_equal(frames_next(f, a, &frame, &end, NULL), ERR_NOT_FOUND);
    assert_int_equal(frames_next(f, a, &frame, &end, NULL), ERR_OK);
    assert_true(str_is(frame.name, "b"));
    frames_close(f);
    arena_free(a);
}

static void what_is_no_source_is_refused(void **state)
{
    const struct frames_options options = {.fps = 1};
    struct frames *f = NULL;
    char path[128];
    (void)state;
    assert_int_equal(frames_open("/nonexistent", &options, &f, NULL), ERR_NOT_FOUND);
    snprintf(path, sizeof path, "%s/notes.txt", folder);
    assert_int_not_equal(frames_open(path, &options, &f, NULL), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_gives_its_pictures_in_natural_order_once),
        cmocka_unit_test(a_looping_source_starts_again),
        cmocka_unit_test(a_vanished_file_costs_one_frame),
        cmocka_unit_test(what_is_no_source_is_refused),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
