/* What is not the locked model file is not loaded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "vision/model_verify.h"
#include "vision/ort.h"
#include "vision/vision.h"

#include <stdio.h>
#include <unistd.h>

static char dir[] = "/tmp/model-verify-test-XXXXXX";

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    char path[PATH_MAX];
    model_path(dir, "yunet", path);
    unlink(path);
    return rmdir(dir);
}

static void put_garbage(void)
{
    char path[PATH_MAX];
    model_path(dir, "yunet", path);
    assert_int_equal(file_write(path, STR("not a model"), 0600, NULL), ERR_OK);
}

static void a_missing_file_is_named_with_its_remedy(void **state)
{
    (void)state;
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    struct error e;
    assert_int_equal(model_verify(dir, "facenet128", path, sha256, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "facenet128.onnx"));
    assert_non_null(strstr(e.msg, "rollcall models pull facenet128"));
}

static void a_file_with_another_hash_is_corrupt(void **state)
{
    (void)state;
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    put_garbage();
    assert_int_equal(model_verify(dir, "yunet", path, sha256, NULL), ERR_CORRUPT);
}

static void a_model_outside_the_lock_is_invalid(void **state)
{
    (void)state;
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    assert_int_equal(model_verify(dir, "../yunet", path, sha256, NULL), ERR_INVALID);
}

static void the_runtime_refuses_garbage_and_missing_files(void **state)
{
    (void)state;
    char path[PATH_MAX];
    struct ort_model *m = NULL;
    put_garbage();
    model_path(dir, "yunet", path);
    assert_int_equal(ort_open(path, 1, &m, NULL), ERR_UNAVAILABLE);
    assert_int_equal(ort_open("/nonexistent.onnx", 1, &m, NULL), ERR_NOT_FOUND);
    assert_null(m);
}

static void the_engine_checks_its_options_before_it_loads(void **state)
{
    (void)state;
    const struct vision_options good = {.models_dir = dir,
                                        .detector = "retinaface",
                                        .encoder = "facenet128",
                                        .detector_long_side = 640,
                                        .threads = 1,
                                        .batch_max = 8};
    struct vision_options o = good;
    struct vision *v = NULL;
    assert_int_equal(vision_open(&o, &v, NULL), ERR_NOT_FOUND); /* no file there */
    o.detector = "hog";
    assert_int_equal(vision_open(&o, &v, NULL), ERR_INVALID);
    o = good;
    o.detector_long_side = 8;
    assert_int_equal(vision_open(&o, &v, NULL), ERR_INVALID);
    o = good;
    o.batch_max = 0;
    assert_int_equal(vision_open(&o, &v, NULL), ERR_INVALID);
    assert_null(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_file_is_named_with_its_remedy),
        cmocka_unit_test(a_file_with_another_hash_is_corrupt),
        cmocka_unit_test(a_model_outside_the_lock_is_invalid),
        cmocka_unit_test(the_runtime_refuses_garbage_and_missing_files),
        cmocka_unit_test(the_engine_checks_its_options_before_it_loads),
    };
    return cmocka_run_group_tests_name("model_verify", tests, make_dir, remove_dir);
}
