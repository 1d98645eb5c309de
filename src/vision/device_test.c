/* What is asked for is what runs, or an error that says what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "vision/device.h"

#define ALL                                                                                        \
    {                                                                                              \
        true, true, true, true                                                                     \
    }

static const struct device_facts bare = {.library = {true}, .encoder = "facenet128"};
static const struct device_facts old_intel = {
    .library = {true, true}, .vnni = true, .encoder = "facenet128"};
static const struct device_facts amx = {.library = {true, true},
                                        .vnni = true,
                                        .bf16 = true,
                                        .f16 = true,
                                        .amx_bf16 = true,
                                        .int8_model = true,
                                        .encoder = "facenet128"};
static const struct device_facts amx_alone = {.library = {true},
                                              .vnni = true,
                                              .bf16 = true,
                                              .f16 = true,
                                              .amx_bf16 = true,
                                              .int8_model = true,
                                              .encoder = "facenet128"};
static const struct device_facts gpu = {.library = ALL, .encoder = "facenet128"};

struct row {
    const char *device, *precision;
    const struct device_facts *facts;
    enum device want_device;
    enum precision want_precision;
};

static void check(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct device_choice c;
        struct error e = {.msg = ""};
        if (device_choose(rows[i].device, rows[i].precision, rows[i].facts, &c, &e))
            fail_msg("row %zu: %s", i, e.msg);
        assert_string_equal(device_name(c.device), device_name(rows[i].want_device));
        assert_string_equal(precision_name(c.precision), precision_name(rows[i].want_precision));
        assert_true(c.why[0]);
    }
}

static void auto_is_the_cpu_in_fp32_unless_openvino_is_there_and_faster(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"auto", "auto", &bare, DEVICE_CPU, PRECISION_FP32},
        {"auto", "auto", &old_intel, DEVICE_CPU, PRECISION_FP32},
        {"auto", "auto", &amx_alone, DEVICE_CPU, PRECISION_FP32},
        {"auto", "auto", &gpu, DEVICE_CPU, PRECISION_FP32},
        {"auto", "auto", &amx, DEVICE_OPENVINO, PRECISION_BF16},
    };
    check(rows, ARRAY_LEN(rows));
}

static void nothing_asked_for_is_the_cpu_in_fp32(void **state)
{
    (void)state;
    const struct row rows[] = {{NULL, NULL, &amx, DEVICE_CPU, PRECISION_FP32},
                               {NULL, NULL, &bare, DEVICE_CPU, PRECISION_FP32}};
    check(rows, ARRAY_LEN(rows));
}

static void a_named_device_takes_its_best_precision(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"cpu", "auto", &amx, DEVICE_CPU, PRECISION_FP32},
        {"openvino", "auto", &amx, DEVICE_OPENVINO, PRECISION_BF16},
        {"openvino", "auto", &old_intel, DEVICE_OPENVINO, PRECISION_FP32},
        {"cuda", "auto", &gpu, DEVICE_CUDA, PRECISION_FP32},
        {"tensorrt", "auto", &gpu, DEVICE_TENSORRT, PRECISION_F16},
    };
    check(rows, ARRAY_LEN(rows));
}

static void a_named_precision_takes_a_device_that_runs_it(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"auto", "fp32", &amx, DEVICE_CPU, PRECISION_FP32},
        {"auto", "f16", &amx, DEVICE_OPENVINO, PRECISION_F16},
        {"auto", "bf16", &amx, DEVICE_OPENVINO, PRECISION_BF16},
        {"auto", "int8", &amx, DEVICE_OPENVINO, PRECISION_INT8},
        {"auto", "int8", &amx_alone, DEVICE_CPU, PRECISION_INT8},
    };
    check(rows, ARRAY_LEN(rows));
}

static void both_named_are_taken_as_they_are(void **state)
{
    (void)state;
    const struct row rows[] = {
        {"cpu", "int8", &amx, DEVICE_CPU, PRECISION_INT8},
        {"openvino", "fp32", &amx, DEVICE_OPENVINO, PRECISION_FP32},
        {"openvino", "f16", &amx, DEVICE_OPENVINO, PRECISION_F16},
        {"tensorrt", "fp32", &gpu, DEVICE_TENSORRT, PRECISION_FP32},
    };
    check(rows, ARRAY_LEN(rows));
}

struct refusal {
    const char *device, *precision;
    const struct device_facts *facts;
    enum err code;
    const char *words[3]; /* the message has them all */
};

static void check_refusals(const struct refusal *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct device_choice c = {.why = "untouched"};
        struct error e = {.msg = ""};
        assert_int_equal(device_choose(rows[i].device, rows[i].precision, rows[i].facts, &c, &e),
                         rows[i].code);
        assert_string_equal(c.why, "untouched");
        for (size_t w = 0; w < ARRAY_LEN(rows[i].words) && rows[i].words[w]; w++)
            if (!strstr(e.msg, rows[i].words[w]))
                fail_msg("row %zu: no '%s' in: %s", i, rows[i].words[w], e.msg);
    }
}

static void an_encoder_of_ones_own_is_never_taken_out_of_fp32_by_itself(void **state)
{
    (void)state;
    struct device_facts own = amx;
    own.encoder = "onnx:/srv/ours.onnx";
    const struct row rows[] = {{"auto", "auto", &own, DEVICE_CPU, PRECISION_FP32},
                               {"openvino", "bf16", &own, DEVICE_OPENVINO, PRECISION_BF16}};
    check(rows, ARRAY_LEN(rows));
    const struct refusal refusals[] = {
        {"cpu", "int8", &own, ERR_INVALID, {"an encoder of your own", "quantised"}}};
    check_refusals(refusals, ARRAY_LEN(refusals));
}

static void a_missing_library_is_named_with_its_package(void **state)
{
    (void)state;
    const struct refusal rows[] = {
        {"openvino",
         "auto",
         &bare,
         ERR_UNAVAILABLE,
         {"openvino_plugin.so", "onnxruntime-ep-openvino", "tools/setup.sh openvino"}},
        {"auto", "bf16", &amx_alone, ERR_UNAVAILABLE, {"openvino_plugin.so"}},
        {"cuda",
         "auto",
         &amx,
         ERR_UNAVAILABLE,
         {"libonnxruntime_providers_cuda.so", "providers_shared.so", "onnxruntime-gpu"}},
        {"tensorrt",
         "f16",
         &amx,
         ERR_UNAVAILABLE,
         {"libonnxruntime_providers_tensorrt.so", "onnxruntime-gpu"}},
    };
    check_refusals(rows, ARRAY_LEN(rows));
}

static void missing_instructions_are_named(void **state)
{
    (void)state;
    const struct device_facts no_vnni = {
        .library = {true}, .int8_model = true, .encoder = "facenet128"};
    const struct refusal rows[] = {
        {"openvino", "bf16", &old_intel, ERR_UNAVAILABLE, {"amx_bf16"}},
        {"openvino", "f16", &old_intel, ERR_UNAVAILABLE, {"avx512_fp16"}},
        {"cpu", "int8", &no_vnni, ERR_UNAVAILABLE, {"VNNI"}},
    };
    check_refusals(rows, ARRAY_LEN(rows));
}

static void a_missing_int8_model_is_named_with_its_remedy(void **state)
{
    (void)state;
    const struct refusal rows[] = {{"cpu",
                                    "int8",
                                    &old_intel,
                                    ERR_UNAVAILABLE,
                                    {"facenet128_int8.onnx", "tools/setup.sh int8"}}};
    check_refusals(rows, ARRAY_LEN(rows));
}

static void what_no_device_does_is_invalid(void **state)
{
    (void)state;
    const struct refusal rows[] = {
        {"npu", "auto", &amx, ERR_INVALID, {"npu", "openvino"}},
        {"cpu", "fp8", &amx, ERR_INVALID, {"fp8", "bf16"}},
        {"auto", "fp8", &amx, ERR_INVALID, {"fp8"}},
        {"cpu", "bf16", &amx, ERR_INVALID, {"cpu", "bf16", "openvino"}},
        {"cuda", "int8", &gpu, ERR_INVALID, {"cuda", "int8"}},
        {"tensorrt", "bf16", &gpu, ERR_INVALID, {"tensorrt", "bf16"}},
    };
    check_refusals(rows, ARRAY_LEN(rows));
}

static void this_machine_has_a_cpu(void **state)
{
    (void)state;
    struct device_facts f;
    device_facts_read("/nonexistent", "facenet128", &f);
    assert_true(f.library[DEVICE_CPU]);
    assert_false(f.int8_model);
    assert_true(f.bf16 || !f.amx_bf16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_is_the_cpu_in_fp32_unless_openvino_is_there_and_faster),
        cmocka_unit_test(nothing_asked_for_is_the_cpu_in_fp32),
        cmocka_unit_test(a_named_device_takes_its_best_precision),
        cmocka_unit_test(a_named_precision_takes_a_device_that_runs_it),
        cmocka_unit_test(both_named_are_taken_as_they_are),
        cmocka_unit_test(an_encoder_of_ones_own_is_never_taken_out_of_fp32_by_itself),
        cmocka_unit_test(a_missing_library_is_named_with_its_package),
        cmocka_unit_test(missing_instructions_are_named),
        cmocka_unit_test(a_missing_int8_model_is_named_with_its_remedy),
        cmocka_unit_test(what_no_device_does_is_invalid),
        cmocka_unit_test(this_machine_has_a_cpu),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}
