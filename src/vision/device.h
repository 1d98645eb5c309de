/* Devices and precisions: what an encoder runs on, chosen once when the engine opens.
 *
 * The encoder alone goes to the device: boxes decide the crop, so detectors always run on the CPU
 * in fp32 and a face is cropped alike everywhere (docs/decisions/0009). What is asked for by name
 * and cannot be had is an error that says what is missing, never another device. `auto` takes only
 * what was measured and says why. Choosing is a pure function of the facts. Thread any. */
#pragma once

#include "base/error.h"

enum device { DEVICE_CPU, DEVICE_OPENVINO, DEVICE_CUDA, DEVICE_TENSORRT };
enum { DEVICE_N = DEVICE_TENSORRT + 1 };

enum precision { PRECISION_FP32, PRECISION_F16, PRECISION_BF16, PRECISION_INT8 };
enum { PRECISION_N = PRECISION_INT8 + 1, DEVICE_WHY_TEXT = 160 };

/* What the machine has. */
struct device_facts {
    bool library[DEVICE_N]; /* the provider's library is installed */
    bool vnni;              /* 8-bit dot products: avx512_vnni or avx_vnni */
    bool bf16, f16;         /* instructions: avx512_bf16 or amx_bf16; avx512_fp16 or amx_fp16 */
    bool amx_bf16;          /* the fast ones, of the processor measured */
    bool int8_model;        /* ENCODER_int8.onnx is in the models folder */
    const char *encoder;    /* for messages */
};

struct device_choice {
    enum device device;
    enum precision precision;
    char why[DEVICE_WHY_TEXT]; /* one sentence for people */
};

const char *device_name(enum device d);       /* "cpu" "openvino" "cuda" "tensorrt" */
const char *precision_name(enum precision p); /* "fp32" "f16" "bf16" "int8" */

/* Fills the facts of this machine: /proc/cpuinfo, the folder of ONNX Runtime, models_dir. */
void device_facts_read(const char *models_dir, const char *encoder, struct device_facts *ret_facts);

/* device: auto | cpu | openvino | cuda | tensorrt, precision: auto | fp32 | f16 | bf16 | int8; NULL
 * means cpu and fp32. Errors INVALID (unknown name, a precision the device does not have),
 * UNAVAILABLE (library, instructions or model missing: names it and where it comes from). */
NODISCARD enum err device_choose(const char *device, const char *precision,
                                 const struct device_facts *f, struct device_choice *ret_choice,
                                 struct error *e);
