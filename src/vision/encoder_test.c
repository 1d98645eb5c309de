/* The rows of the encoders, what a face is fed as, and how a brought encoder is read. The models
 * themselves are held to their references by tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "vision/encoder_file.h"
#include "vision/model_lock.h"
#include "vision/ort.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#define GOOD                                                                                       \
    "name = mine\nlicence = MIT, from example.org\ndim = 4\nside = 16\ncolour = rgb\n"             \
    "crop = points 4 5 11 5 8 8 5 12 11 12\n"
#define GOOD_BOX "name = mine\nlicence = MIT\ndim = 4\nside = 16\ncolour = bgr\n"

static char dir[] = "/tmp/encoder-test-XXXXXX";
static char model[64], spec[64], option[80];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(model, sizeof model, "%s/mine.onnx", dir);
    snprintf(spec, sizeof spec, "%s/mine.ini", dir);
    snprintf(option, sizeof option, "onnx:%s", model);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(model);
    unlink(spec);
    return rmdir(dir);
}

static void put(const char *path, struct str bytes)
{
    assert_int_equal(file_write(path, bytes, 0600, NULL), ERR_OK);
}

/* Reads text as the .ini of a model file of these bytes. */
static enum err read_one(struct str model_bytes, const char *text, struct encoder_file *ret_file,
                         struct error *e)
{
    put(model, model_bytes);
    put(spec, str_from(text));
    return encoder_file_read(option, ret_file, e);
}

static struct encoder_file *good(const char *text, struct encoder_file *file)
{
    struct error e = {.msg = ""};
    if (read_one(STR("bytes of a model"), text, file, &e))
        fail_msg("%s", e.msg);
    return file;
}

static void sface_is_fed_as_opencv_feeds_it(void **state)
{
    (void)state;
    const struct encoder_spec *s;
    assert_int_equal(encoder_spec_of("sface", &s, NULL), ERR_OK);
    assert_int_equal(s->dim, 128);
    assert_int_equal(s->side, 112);
    assert_int_equal(s->scaling, CROP_RAW);
    assert_int_equal(s->colour, CROP_RGB); /* blobFromImage(.., swapRB = true) of a BGR picture */
    assert_false(s->linear);
    static const float points[FACE_POINTS][2] = {{38.2946f, 51.6963f},
                                                 {73.5318f, 51.5014f},
                                                 {56.0252f, 71.7366f},
                                                 {41.5493f, 92.3655f},
                                                 {70.7299f, 92.2041f}};
    for (int d = 0; d < DETECTOR_KIND_N; d++) {
        assert_int_equal(s->crops[d].side, 112);
        assert_memory_equal(s->crops[d].points, points, sizeof points);
        assert_non_null(s->crops[d].preprocessing);
    }
    const struct model_lock *lock = model_lock_find("sface");
    assert_non_null(lock);
    assert_false(lock->measured);
    assert_string_equal(lock->licence, "Apache-2.0");
}

static void what_is_not_there_is_named_with_its_remedy(void **state)
{
    (void)state;
    struct encoder enc;
    struct error e = {.msg = ""};
    const struct ort_target on = {.threads = 1, .callers = 1};
    assert_int_equal(encoder_open("sface", false, dir, &on, &enc, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "rollcall models pull sface"));
    assert_int_equal(encoder_open("arcface", false, dir, &on, &enc, &e), ERR_INVALID);
    assert_non_null(strstr(e.msg, "facenet512, dlib128, omz0095, sface or onnx:FILE.onnx"));
    assert_int_equal(encoder_open("onnx:/nowhere/x.onnx", false, dir, &on, &enc, &e),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "/nowhere/x.onnx is missing"));
    put(model, STR("bytes of a model"));
    assert_int_equal(encoder_open(option, false, dir, &on, &enc, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.msg, "mine.ini is missing"));
    put(spec, STR(GOOD));
    assert_int_equal(encoder_open(option, false, dir, &on, &enc, &e), ERR_UNAVAILABLE);
    unlink(spec);
}

static void the_option_must_name_an_onnx_file(void **state)
{
    (void)state;
    static const char *const wrong[] = {"onnx:", "onnx:.onnx", "onnx:/tmp/x.pt", "mine.onnx"};
    struct encoder_file file;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_int_equal(encoder_file_read(wrong[i], &file, NULL), ERR_INVALID);
}

static void a_spec_is_read_whole(void **state)
{
    (void)state;
    struct encoder_file file;
    const struct encoder_spec *s = &good(GOOD "mean = 127.5\nscale = 0.5, 0.25 0.125\n"
                                              "normalised = yes\ninput = data\noutput = fc1\n",
                                         &file)
                                        ->spec;
    assert_string_equal(s->name, "onnx:mine");
    assert_string_equal(s->licence, "MIT, from example.org");
    assert_int_equal(s->dim, 4);
    assert_int_equal(s->side, 16);
    assert_string_equal(s->input, "data");
    assert_string_equal(s->output, "fc1");
    assert_true(s->linear && s->normalised);
    assert_true(s->mean[2] == 127.5f && s->scale[1] == .25f && s->scale[2] == .125f);
    for (int d = 0; d < DETECTOR_KIND_N; d++) {
        assert_int_equal(s->crops[d].side, 16);
        assert_true(s->crops[d].points[2][1] == 8);
        assert_non_null(s->crops[d].preprocessing);
    }
    assert_int_equal(strncmp(s->crops[DETECTOR_YUNET].preprocessing, "points5-", 8), 0);
    assert_non_null(strstr(s->crops[DETECTOR_MTCNN].preprocessing, "-mtcnn"));
}

static void factors_of_a_box_fit_one_detector(void **state)
{
    (void)state;
    struct encoder_file file;
    const struct encoder_spec *s = &good(GOOD_BOX "crop = box 1.15 1.05\n", &file)->spec;
    assert_non_null(s->crops[DETECTOR_YUNET].preprocessing);
    assert_null(s->crops[DETECTOR_RETINAFACE].preprocessing);
    assert_null(s->crops[DETECTOR_YUNET].points);
    good(GOOD_BOX "crop = box 1.15 1.05\ndetector = mtcnn\nstandardise = yes\n", &file);
    assert_null(s->crops[DETECTOR_YUNET].preprocessing);
    assert_non_null(s->crops[DETECTOR_MTCNN].preprocessing);
    assert_int_equal(s->scaling, CROP_STANDARDISED);
}

static void a_wrong_spec_is_refused_with_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
        enum err err;
    } rows[] = {
        {"", "name is missing", ERR_INVALID},
        {GOOD "dims = 4\n", "unknown key 'dims'", ERR_INVALID},
        {GOOD "dim = 4\n", "dim stands twice", ERR_INVALID},
        {"name = Mine!\n", "allowed is 1 to 24 of a-z", ERR_INVALID},
        {"licence = \"MIT\"\n", "licence of the weights", ERR_INVALID},
        {"side = 224\n", "16 to 160", ERR_INVALID},
        {"dim = 1.5\n", "2 to 4096", ERR_INVALID},
        {"colour = grey\n", "rgb or bgr", ERR_INVALID},
        {"crop = circle\n", "box WIDTH HEIGHT", ERR_INVALID},
        {"crop = box 1.1\n", "box WIDTH HEIGHT", ERR_INVALID},
        {"crop = box 1.1 -1\n", "box WIDTH HEIGHT", ERR_INVALID},
        {"crop = points 1 2 3 4 5 6 7 8 9\n", "five x y", ERR_INVALID},
        {"crop = points 1 2 3 4 5 6 7 8 9 10 11\n", "five x y", ERR_INVALID},
        {GOOD_BOX "crop = points 4 5 11 5 8 8 5 12 11 99\n", "lies outside the 16 x 16",
         ERR_INVALID},
        {GOOD_BOX "crop = box 1.15 1.05\ndetector = any\n", "one detector", ERR_INVALID},
        {GOOD "detector = scrfd\n", "yunet, retinaface, mtcnn or any", ERR_INVALID},
        {GOOD "mean = a\n", "one number, or three", ERR_INVALID},
        {GOOD "scale = 0\n", "one number above 0", ERR_INVALID},
        {GOOD "mean = 1\nstandardise = yes\n", "leave out mean and scale", ERR_INVALID},
        {GOOD "normalised = maybe\n", "yes or no", ERR_INVALID},
        {GOOD "sha256 = 123\n", "64 lower-case hexadecimal", ERR_INVALID},
        {GOOD "sha256 = "
              "0000000000000000000000000000000000000000000000000000000000000000\n",
         "is not the file that", ERR_CORRUPT},
        {"[encoder]\n" GOOD, "sections", ERR_INVALID},
        {GOOD "nonsense\n", "expected `name = value`", ERR_INVALID},
        {"\xff\xfe", "not a UTF-8 text file", ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct encoder_file file;
        struct error e = {.msg = ""};
        if (read_one(STR("bytes of a model"), rows[i].text, &file, &e) != rows[i].err ||
            !strstr(e.msg, rows[i].part) || !strstr(e.msg, "mine.ini"))
            fail_msg("row %zu: %s", i, e.msg);
    }
}

static void weights_outside_the_file_are_refused(void **state)
{
    (void)state;
    struct encoder_file file;
    struct error e = {.msg = ""};
    assert_int_equal(read_one(STR("model\x0a\x08location\x12\x05w.bin"), GOOD, &file, &e),
                     ERR_UNPROCESSABLE);
    assert_non_null(strstr(e.msg, "save it as one file"));
}

/* The preprocessing id of a reading. */
static void id_of(struct str bytes, const char *text, char id[static ENCODER_FILE_ID_TEXT])
{
    struct encoder_file file;
    assert_int_equal(read_one(bytes, text, &file, NULL), ERR_OK);
    snprintf(id, ENCODER_FILE_ID_TEXT, "%s", file.spec.crops[DETECTOR_YUNET].preprocessing);
}

static void whatever_changes_a_vector_changes_the_preprocessing(void **state)
{
    (void)state;
    static const char *const changed[] = {
        GOOD "mean = 1\n",
        GOOD "scale = 2\n",
        GOOD "standardise = yes\n",
        GOOD "output = other\n",
        GOOD "input = x\n",
        GOOD_BOX "crop = box 1.1 1.05\n",
        GOOD_BOX "crop = points 4 5 11 5 8 8 5 12 11 12\n",
    };
    char first[ENCODER_FILE_ID_TEXT], other[ENCODER_FILE_ID_TEXT];
    id_of(STR("bytes of a model"), GOOD, first);
    id_of(STR("bytes of a model"), GOOD, other);
    assert_string_equal(first, other);
    id_of(STR("bytes of a model"), GOOD "normalised = no ; a check, no change\n", other);
    assert_string_equal(first, other);
    id_of(STR("bytes of another"), GOOD, other);
    assert_string_not_equal(first, other);
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        id_of(STR("bytes of a model"), changed[i], other);
        assert_string_not_equal(first, other);
    }
}

/* A crop of 2 x 2 pixels: 0 1 / 2 3 and more by ten a colour. */
static void small_crop(struct crop *c)
{
    c->side = 2;
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 4; i++)
            c->planes[k][i] = (uint8_t)(10 * k + i);
}

static void a_face_is_scaled_by_colour_and_mirrored_behind_itself(void **state)
{
    (void)state;
    const struct encoder_spec s = {.dim = 4,
                                   .side = 2,
                                   .scaling = CROP_RAW,
                                   .colour = CROP_BGR,
                                   .linear = true,
                                   .mean = {1, 2, 3},
                                   .scale = {1, 2, 4}};
    const struct encoder plain = {.spec = &s}, flip = {.spec = &s, .flip = true};
    static const float want[24] = {
        68, 72, 76, 80, 16, 18, 20, 22, -1, 0,  1, 2, /* blue, green, red */
        72, 68, 80, 76, 18, 16, 22, 20, 0,  -1, 2, 1, /* the mirror image */
    };
    struct crop crop;
    float got[24] = {0};
    small_crop(&crop);
    assert_int_equal(encoder_tensors(&plain, 2), 24);
    assert_int_equal(encoder_tensors(&flip, 1), 24);
    assert_int_equal(encoder_vectors(&flip, 3), 24);
    encoder_feed(&plain, &crop, got);
    assert_memory_equal(got, want, sizeof want / 2);
    assert_true(got[12] == 0);
    encoder_feed(&flip, &crop, got);
    assert_memory_equal(got, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sface_is_fed_as_opencv_feeds_it),
        cmocka_unit_test(what_is_not_there_is_named_with_its_remedy),
        cmocka_unit_test(the_option_must_name_an_onnx_file),
        cmocka_unit_test(a_spec_is_read_whole),
        cmocka_unit_test(factors_of_a_box_fit_one_detector),
        cmocka_unit_test(a_wrong_spec_is_refused_with_what_is_allowed),
        cmocka_unit_test(weights_outside_the_file_are_refused),
        cmocka_unit_test(whatever_changes_a_vector_changes_the_preprocessing),
        cmocka_unit_test(a_face_is_scaled_by_colour_and_mirrored_behind_itself),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
