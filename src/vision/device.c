/* The table of devices and precisions, and the choice; see device.h. Holds no state; called when
 * the engine opens and by `rollcall doctor` and `rollcall bench`. Cost: one read of /proc/cpuinfo.
 */
#include "vision/device.h"

#include "base/file.h"
#include "vision/model_verify.h"
#include "vision/ort.h"

#include <stdio.h>

enum { CPUINFO_MAX = 64 * 1024 };

/* What a device is called, what brings it, and which precisions it runs. */
static const struct device_row {
    const char *name, *needs, *remedy;
    bool runs[PRECISION_N];
} devices[DEVICE_N] = {
    [DEVICE_CPU] = {"cpu",
                    "ONNX Runtime",
                    "tools/setup.sh run installs it",
                    {[PRECISION_FP32] = true, [PRECISION_INT8] = true}},
    [DEVICE_OPENVINO] = {"openvino",
                         "libonnxruntime_providers_openvino_plugin.so",
                         "package onnxruntime-ep-openvino 1.8.1; tools/setup.sh openvino installs "
                         "it",
                         {true, true, true, true}},
    [DEVICE_CUDA] = {"cuda",
                     "libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so",
                     "package onnxruntime-gpu, of ONNX Runtime's own version: put them beside its "
                     "libonnxruntime.so and build with -Donnxruntime=DIR",
                     {[PRECISION_FP32] = true}},
    [DEVICE_TENSORRT] = {"tensorrt",
                         "libonnxruntime_providers_tensorrt.so and "
                         "libonnxruntime_providers_shared.so",
                         "package onnxruntime-gpu, of ONNX Runtime's own version: put them beside "
                         "its libonnxruntime.so and build with -Donnxruntime=DIR",
                         {[PRECISION_FP32] = true, [PRECISION_F16] = true}},
};

static const char *const precisions[PRECISION_N] = {[PRECISION_FP32] = "fp32",
                                                    [PRECISION_F16] = "f16",
                                                    [PRECISION_BF16] = "bf16",
                                                    [PRECISION_INT8] = "int8"};

const char *device_name(enum device d) { return devices[d].name; }
const char *precision_name(enum precision p) { return precisions[p]; }

/* Looks for the words of the first flags line. */
static void read_processor(struct device_facts *f)
{
    char text[CPUINFO_MAX];
    FILE *file = fopen("/proc/cpuinfo", "re");
    struct str rest = {text, file ? fread(text, 1, sizeof text, file) : 0}, line, word;
    if (file)
        fclose(file);
    bool found = false;
    while (!found && str_split(&rest, '\n', &line))
        found = str_starts(line, STR("flags"));
    while (found && str_split(&line, ' ', &word)) {
        f->amx_bf16 |= str_is(word, "amx_bf16");
        f->bf16 |= str_is(word, "amx_bf16") || str_is(word, "avx512_bf16");
        f->f16 |= str_is(word, "amx_fp16") || str_is(word, "avx512_fp16");
        f->vnni |= str_is(word, "avx512_vnni") || str_is(word, "avx_vnni");
    }
}

void device_facts_read(const char *models_dir, const char *encoder, struct device_facts *ret_facts)
{
    char name[NAME_MAX], path[PATH_MAX];
    *ret_facts = (struct device_facts){.encoder = encoder};
    for (int d = 0; d < DEVICE_N; d++)
        ret_facts->library[d] = ort_has_device((enum device)d);
    read_processor(ret_facts);
    snprintf(name, sizeof name, "%s_int8", encoder);
    model_path(models_dir, name, path);
    ret_facts->int8_model = file_exists(path);
}

static enum err device_of(const char *name, enum device *ret_device, struct error *e)
{
    for (int d = 0; d < DEVICE_N; d++) {
        if (str_is(str_from(name), devices[d].name)) {
            *ret_device = (enum device)d;
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID,
                     "unknown device '%s': choose auto, cpu, openvino, cuda or tensorrt", name);
}

static enum err precision_of(const char *name, enum precision *ret_precision, struct error *e)
{
    for (int p = 0; p < PRECISION_N; p++) {
        if (str_is(str_from(name), precisions[p])) {
            *ret_precision = (enum precision)p;
            return ERR_OK;
        }
    }
    return error_set(e, ERR_INVALID, "unknown precision '%s': choose auto, fp32, f16, bf16 or int8",
                     name);
}

/* An encoder of one's own: nobody compared its vectors with those of fp32. */
static bool is_brought(const struct device_facts *f)
{
    return str_starts(str_from(f->encoder), STR("onnx:"));
}

static enum err check_int8(const struct device_facts *f, struct error *e)
{
    if (is_brought(f))
        return error_set(e, ERR_INVALID,
                         "precision int8 is not made for an encoder of your own: bring a file that "
                         "is quantised, and leave precision at fp32");
    if (!f->int8_model)
        return error_set(e, ERR_UNAVAILABLE,
                         "precision int8 needs %s_int8.onnx in the models folder, which is not "
                         "there: tools/setup.sh int8 makes it (facenet128)",
                         f->encoder);
    return ERR_OK;
}

static enum err check_precision(const struct device_choice *c, const struct device_facts *f,
                                struct error *e)
{
    const char *name = precision_name(c->precision), *device = device_name(c->device);
    if (!devices[c->device].runs[c->precision])
        return error_set(e, ERR_INVALID, "the device %s does not run %s%s", device, name,
                         c->device == DEVICE_CPU ? ": the device openvino does, on processors that "
                                                   "have it"
                                                 : "");
    bool on_cpu = c->device == DEVICE_CPU || c->device == DEVICE_OPENVINO;
    if (on_cpu && ((c->precision == PRECISION_BF16 && !f->bf16) ||
                   (c->precision == PRECISION_F16 && !f->f16)))
        return error_set(e, ERR_UNAVAILABLE,
                         "precision %s needs a processor with %s, which this one has not", name,
                         c->precision == PRECISION_BF16 ? "amx_bf16 or avx512_bf16"
                                                        : "amx_fp16 or avx512_fp16");
    if (c->precision == PRECISION_INT8 && !f->vnni)
        return error_set(e, ERR_UNAVAILABLE,
                         "precision int8 needs a processor with VNNI (avx512_vnni or avx_vnni), "
                         "which this one has not: its sums would overflow");
    return c->precision == PRECISION_INT8 ? check_int8(f, e) : ERR_OK;
}

static enum err check_device(enum device d, const struct device_facts *f, struct error *e)
{
    if (f->library[d])
        return ERR_OK;
    return error_set(e, ERR_UNAVAILABLE, "device %s needs %s, which is not installed (%s)",
                     devices[d].name, devices[d].needs, devices[d].remedy);
}

/* What runs a precision that was asked for when the device was not. */
static enum device device_for(enum precision p, const struct device_facts *f)
{
    switch (p) {
    case PRECISION_FP32:
        return DEVICE_CPU; /* as fast as OpenVINO, and the reference */
    case PRECISION_F16:
    case PRECISION_BF16:
        return DEVICE_OPENVINO;
    case PRECISION_INT8:
        return f->library[DEVICE_OPENVINO] ? DEVICE_OPENVINO : DEVICE_CPU;
    }
    return DEVICE_CPU;
}

/* The best precision of a device that was asked for by name. */
static enum precision precision_for(enum device d, const struct device_facts *f)
{
    switch (d) {
    case DEVICE_OPENVINO:
        return f->amx_bf16 ? PRECISION_BF16 : PRECISION_FP32;
    case DEVICE_TENSORRT:
        return PRECISION_F16;
    case DEVICE_CPU:
    case DEVICE_CUDA:
        return PRECISION_FP32;
    }
    return PRECISION_FP32;
}

static void choose_freely(const struct device_facts *f, struct device_choice *c)
{
    c->device = DEVICE_CPU;
    c->precision = PRECISION_FP32;
    if (!f->library[DEVICE_OPENVINO])
        snprintf(c->why, sizeof c->why, "OpenVINO is not installed%s",
                 f->amx_bf16 ? " (tools/setup.sh openvino: several times faster here)" : "");
    else if (!f->amx_bf16)
        snprintf(c->why, sizeof c->why, "%s",
                 "OpenVINO is installed, but without amx_bf16 it is no faster in fp32");
    else if (is_brought(f))
        snprintf(c->why, sizeof c->why, "%s",
                 "bf16 was never measured with an encoder of your own: ask for it by name");
    else {
        c->device = DEVICE_OPENVINO;
        c->precision = PRECISION_BF16;
        snprintf(c->why, sizeof c->why, "%s",
                 "OpenVINO is installed and the processor has amx_bf16: the fastest of equal "
                 "accuracy");
    }
}

enum err device_choose(const char *device, const char *precision, const struct device_facts *f,
                       struct device_choice *ret_choice, struct error *e)
{
    struct device_choice c = {.why = "asked for"};
    struct str d = str_from(device ? device : "cpu"), p = str_from(precision ? precision : "fp32");
    bool any_device = str_is(d, "auto"), any_precision = str_is(p, "auto");
    enum err r = ERR_OK;
    if (any_device && any_precision) {
        choose_freely(f, &c);
    } else if (any_device) {
        r = precision_of(p.p, &c.precision, e);
        c.device = device_for(c.precision, f);
        snprintf(c.why, sizeof c.why, "what runs the precision that was asked for");
    } else {
        r = device_of(d.p, &c.device, e);
        if (!r && !any_precision)
            r = precision_of(p.p, &c.precision, e);
        if (!r && any_precision) {
            c.precision = precision_for(c.device, f);
            snprintf(c.why, sizeof c.why, "the best precision of the device that was asked for");
        }
    }
    if (!r)
        r = check_device(c.device, f, e);
    if (!r)
        r = check_precision(&c, f, e);
    if (!r)
        *ret_choice = c;
    return r;
}
