/* ONNX Runtime's C API behind ort.h: the only file that includes its header.
 *
 * Process-wide state: the API table, the environment with its shared CPU arena, and a description
 * of CPU memory, made with the first model and released with the last (mutex, reference count).
 * Every OrtStatus ends in status_error. Runs happen on the caller's thread plus threads - 1 others.
 */
#include "vision/ort.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/time.h"

#include <dlfcn.h>
#include <limits.h>
#include <onnxruntime_c_api.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { API_VERSION = 22 }; /* the oldest with the plug-in providers of later devices */

static struct {
    pthread_mutex_t lock;
    int users;
    const OrtApi *api;
    OrtEnv *env;
    OrtMemoryInfo *memory;
    bool openvino; /* its library is registered with env */
} runtime = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct ort_model {
    OrtSession *session;
};

#define OPENVINO "openvino" /* the name its library is registered by */
#define OPENVINO_LIBRARY "libonnxruntime_providers_openvino_plugin.so"

const char *ort_version(void) { return OrtGetApiBase()->GetVersionString(); }

/* OK for NULL; else releases the status and reports it. */
static enum err status_error(OrtStatus *status, const char *doing, struct error *e)
{
    if (!status)
        return ERR_OK;
    enum err code =
        runtime.api->GetErrorCode(status) == ORT_NO_SUCHFILE ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
    error_set(e, code, "ONNX Runtime, %s: %s", doing, runtime.api->GetErrorMessage(status));
    runtime.api->ReleaseStatus(status);
    return code;
}

/* Flush-to-zero and denormals-are-zero for the calling thread. The session option reaches the
 * library's own threads and the thread that made the first session, not the workers that call Run;
 * the old state comes back afterwards. */
static unsigned denormals_off(void)
{
#if defined(__SSE__)
    enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x0040 }; /* Intel SDM vol. 1, 10.2.3 */
    unsigned old = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(old | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
    return old;
#else
    return 0;
#endif
}

static void denormals_restore(unsigned old)
{
#if defined(__SSE__)
    __builtin_ia32_ldmxcsr(old);
#else
    (void)old;
#endif
}

static enum err register_arena(struct error *e)
{
    const OrtApi *api = runtime.api;
    const char *const keys[] = {"arena_extend_strategy"};
    const size_t values[] = {1}; /* grow by what is asked for */
    OrtArenaCfg *config = NULL;
    enum err r = status_error(api->CreateArenaCfgV2(keys, values, 1, &config), "arena", e);
    if (!r)
        r = status_error(api->CreateAndRegisterAllocator(runtime.env, runtime.memory, config),
                         "arena", e);
    api->ReleaseArenaCfg(config);
    return r;
}

static void runtime_stop(void)
{
    if (runtime.openvino)
        runtime.api->ReleaseStatus(
            runtime.api->UnregisterExecutionProviderLibrary(runtime.env, OPENVINO));
    runtime.openvino = false;
    if (runtime.memory)
        runtime.api->ReleaseMemoryInfo(runtime.memory);
    if (runtime.env)
        runtime.api->ReleaseEnv(runtime.env);
    runtime.memory = NULL;
    runtime.env = NULL;
}

static enum err runtime_start(struct error *e)
{
    runtime.api = OrtGetApiBase()->GetApi(API_VERSION);
    if (!runtime.api)
        return error_set(e, ERR_UNAVAILABLE, "ONNX Runtime %s is too old: API version %d is needed",
                         ort_version(), API_VERSION);
    const OrtApi *api = runtime.api;
    enum err r =
        status_error(api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "rollcall", &runtime.env), "start", e);
    if (!r)
        r = status_error(api->DisableTelemetryEvents(runtime.env), "start", e);
    if (!r)
        r = status_error(
            api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &runtime.memory),
            "memory", e);
    if (!r)
        r = register_arena(e);
    if (r)
        runtime_stop();
    return r;
}

static enum err runtime_ref(struct error *e)
{
    pthread_mutex_lock(&runtime.lock);
    enum err r = runtime.users ? ERR_OK : runtime_start(e);
    if (!r)
        runtime.users++;
    pthread_mutex_unlock(&runtime.lock);
    return r;
}

static void runtime_unref(void)
{
    pthread_mutex_lock(&runtime.lock);
    if (--runtime.users == 0)
        runtime_stop();
    pthread_mutex_unlock(&runtime.lock);
}

static enum err set_options(OrtSessionOptions *o, int threads, struct error *e)
{
    const OrtApi *api = runtime.api;
    static const char *const entries[][2] = {
        {"session.set_denormal_as_zero", "1"},
        {"session.use_env_allocators", "1"},
    };
    enum err r = status_error(api->SetIntraOpNumThreads(o, threads), "options", e);
    if (!r)
        r = status_error(api->SetInterOpNumThreads(o, 1), "options", e);
    if (!r)
        r = status_error(api->SetSessionGraphOptimizationLevel(o, ORT_ENABLE_ALL), "options", e);
    for (size_t i = 0; !r && i < ARRAY_LEN(entries); i++)
        r = status_error(api->AddSessionConfigEntry(o, entries[i][0], entries[i][1]), "options", e);
    return r;
}

/* ---- providers beside the CPU's */

/* FOLDER_OF_ONNX_RUNTIME/name; false when there is no such file. */
static bool library_path(const char *name, char ret_path[static PATH_MAX])
{
    Dl_info info;
    if (!dladdr((const void *)OrtGetApiBase, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    int n = slash ? (int)(slash - info.dli_fname) : 1;
    int length = snprintf(ret_path, PATH_MAX, "%.*s/%s", n, slash ? info.dli_fname : ".", name);
    return length < PATH_MAX && file_exists(ret_path);
}

static bool openvino_path(char ret_path[static PATH_MAX])
{
    return library_path(OPENVINO_LIBRARY, ret_path) ||
           library_path("../../openvino/onnxruntime_ep_openvino/" OPENVINO_LIBRARY, ret_path);
}

bool ort_has_device(enum device d)
{
    char path[PATH_MAX];
    switch (d) {
    case DEVICE_CPU:
        return true;
    case DEVICE_OPENVINO:
        return openvino_path(path);
    case DEVICE_CUDA:
        return library_path("libonnxruntime_providers_shared.so", path) &&
               library_path("libonnxruntime_providers_cuda.so", path);
    case DEVICE_TENSORRT:
        return library_path("libonnxruntime_providers_shared.so", path) &&
               library_path("libonnxruntime_providers_tensorrt.so", path);
    }
    return false;
}

/* Once for each environment. Lock held. */
static enum err register_openvino(struct error *e)
{
    char path[PATH_MAX];
    if (runtime.openvino)
        return ERR_OK;
    if (!openvino_path(path))
        return error_set(e, ERR_UNAVAILABLE, "%s is not installed", OPENVINO_LIBRARY);
    enum err r =
        status_error(runtime.api->RegisterExecutionProviderLibrary(runtime.env, OPENVINO, path),
                     "load OpenVINO", e);
    runtime.openvino = r == ERR_OK;
    return r;
}

static enum err find_openvino_cpu(const OrtEpDevice **ret_device, struct error *e)
{
    const OrtApi *api = runtime.api;
    const OrtEpDevice *const *devices;
    size_t n = 0;
    enum err r = status_error(api->GetEpDevices(runtime.env, &devices, &n), "list devices", e);
    if (r)
        return r;
    for (size_t i = 0; i < n; i++) {
        if (strstr(api->EpDevice_EpName(devices[i]), "OpenVINO") &&
            api->HardwareDevice_Type(api->EpDevice_Device(devices[i])) ==
                OrtHardwareDeviceType_CPU) {
            *ret_device = devices[i];
            return ERR_OK;
        }
    }
    return error_set(e, ERR_UNAVAILABLE, "OpenVINO finds no processor that it supports");
}

/* Precision and threads always stated: left alone, OpenVINO takes bf16 and every core. One stream
 * for each caller, else callers wait for each other. */
static enum err append_openvino(OrtSessionOptions *o, const struct ort_target *t, struct error *e)
{
    static const char *const hints[PRECISION_N] = {[PRECISION_FP32] = "f32",
                                                   [PRECISION_F16] = "f16",
                                                   [PRECISION_BF16] = "bf16",
                                                   [PRECISION_INT8] = "f32"};
    char config[256];
    const OrtEpDevice *device = NULL;
    pthread_mutex_lock(&runtime.lock);
    enum err r = register_openvino(e);
    pthread_mutex_unlock(&runtime.lock);
    if (!r)
        r = find_openvino_cpu(&device, e);
    if (r)
        return r;
    snprintf(config, sizeof config,
             "{\"CPU\":{\"INFERENCE_PRECISION_HINT\":\"%s\",\"INFERENCE_NUM_THREADS\":\"%d\","
             "\"NUM_STREAMS\":\"%d\",\"ENABLE_CPU_PINNING\":\"NO\"}}",
             hints[t->precision], t->threads * t->callers, t->callers);
    const char *const keys[] = {"load_config"};
    const char *const values[] = {config};
    return status_error(runtime.api->SessionOptionsAppendExecutionProvider_V2(
                            o, runtime.env, &device, 1, keys, values, 1),
                        "use OpenVINO", e);
}

static enum err append_cuda(OrtSessionOptions *o, struct error *e)
{
    OrtCUDAProviderOptionsV2 *options = NULL;
    enum err r = status_error(runtime.api->CreateCUDAProviderOptions(&options), "use CUDA", e);
    if (!r)
        r = status_error(runtime.api->SessionOptionsAppendExecutionProvider_CUDA_V2(o, options),
                         "use CUDA", e);
    if (options)
        runtime.api->ReleaseCUDAProviderOptions(options);
    return r;
}

static enum err append_tensorrt(OrtSessionOptions *o, const struct ort_target *t, struct error *e)
{
    const OrtApi *api = runtime.api;
    OrtTensorRTProviderOptionsV2 *options = NULL;
    const char *const keys[] = {"trt_fp16_enable", "trt_engine_cache_enable",
                                "trt_engine_cache_path"};
    const char *const values[] = {t->precision == PRECISION_F16 ? "1" : "0",
                                  t->cache_dir ? "1" : "0", t->cache_dir ? t->cache_dir : ""};
    enum err r = status_error(api->CreateTensorRTProviderOptions(&options), "use TensorRT", e);
    if (!r)
        r = status_error(
            api->UpdateTensorRTProviderOptions(options, keys, values, t->cache_dir ? 3 : 2),
            "use TensorRT", e);
    if (!r)
        r = status_error(api->SessionOptionsAppendExecutionProvider_TensorRT_V2(o, options),
                         "use TensorRT", e);
    if (options)
        api->ReleaseTensorRTProviderOptions(options);
    return r;
}

/* Nodes that the provider does not take run on the CPU. */
static enum err append_provider(OrtSessionOptions *o, const struct ort_target *t, struct error *e)
{
    switch (t->device) {
    case DEVICE_CPU:
        return ERR_OK;
    case DEVICE_OPENVINO:
        return append_openvino(o, t, e);
    case DEVICE_CUDA:
        return append_cuda(o, e);
    case DEVICE_TENSORRT:
        return append_tensorrt(o, t, e);
    }
    return error_set(e, ERR_INVALID, "unknown device");
}

static enum err session_new(const char *path, const struct ort_target *t, OrtSession **ret_session,
                            struct error *e)
{
    OrtSessionOptions *options = NULL;
    enum err r = status_error(runtime.api->CreateSessionOptions(&options), "options", e);
    if (!r)
        r = set_options(options, t->threads, e);
    if (!r)
        r = append_provider(options, t, e);
    if (!r)
        r = status_error(runtime.api->CreateSession(runtime.env, path, options, ret_session),
                         "load model", e);
    if (options)
        runtime.api->ReleaseSessionOptions(options);
    return r;
}

enum err ort_open_on(const char *path, const struct ort_target *t, struct ort_model **ret_model,
                     struct error *e)
{
    struct ort_model *m = mem_alloc(sizeof *m);
    if (!m)
        return error_set(e, ERR_NOMEM, "no memory for a model");
    enum err r = runtime_ref(e);
    if (r) {
        mem_free(m);
        return r;
    }
    unsigned fp = denormals_off();
    r = session_new(path, t, &m->session, e);
    denormals_restore(fp);
    if (r) {
        runtime_unref();
        mem_free(m);
        return r;
    }
    mem_trim(); /* loading leaves as much free memory behind as the model has weights */
    *ret_model = m;
    return ERR_OK;
}

enum err ort_open(const char *path, int threads, struct ort_model **ret_model, struct error *e)
{
    const struct ort_target cpu = {.device = DEVICE_CPU, .threads = threads, .callers = 1};
    return ort_open_on(path, &cpu, ret_model, e);
}

void ort_close(struct ort_model *m)
{
    if (!m)
        return;
    runtime.api->ReleaseSession(m->session);
    runtime_unref();
    mem_free(m);
}

enum err ort_port_count(const struct ort_model *m, enum ort_side side, int *ret_n, struct error *e)
{
    size_t n = 0;
    enum err r =
        status_error(side == ORT_INPUT ? runtime.api->SessionGetInputCount(m->session, &n)
                                       : runtime.api->SessionGetOutputCount(m->session, &n),
                     "count tensors", e);
    if (!r)
        *ret_n = (int)n;
    return r;
}

static enum err port_name(const struct ort_model *m, enum ort_side side, size_t i,
                          struct ort_port *port, struct error *e)
{
    const OrtApi *api = runtime.api;
    OrtAllocator *allocator = NULL;
    char *name = NULL;
    enum err r = status_error(api->GetAllocatorWithDefaultOptions(&allocator), "allocator", e);
    if (!r)
        r = status_error(side == ORT_INPUT
                             ? api->SessionGetInputName(m->session, i, allocator, &name)
                             : api->SessionGetOutputName(m->session, i, allocator, &name),
                         "name a tensor", e);
    if (r)
        return r;
    if (strlen(name) < sizeof port->name)
        snprintf(port->name, sizeof port->name, "%s", name);
    return status_error(api->AllocatorFree(allocator, name), "allocator", e);
}

static enum err port_shape(const OrtTypeInfo *type, struct ort_port *port, struct error *e)
{
    const OrtApi *api = runtime.api;
    const OrtTensorTypeAndShapeInfo *info = NULL;
    enum ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    size_t rank = 0;
    enum err r = status_error(api->CastTypeInfoToTensorInfo(type, &info), "type", e);
    if (r || !info) /* a sequence or map */
        return r;
    r = status_error(api->GetTensorElementType(info, &element), "type", e);
    if (!r)
        r = status_error(api->GetDimensionsCount(info, &rank), "shape", e);
    port->is_float = element == ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
    port->rank = (int)rank;
    if (r || rank > ORT_RANK_MAX)
        return r;
    return status_error(api->GetDimensions(info, port->dims, rank), "shape", e);
}

enum err ort_port_at(const struct ort_model *m, enum ort_side side, int i,
                     struct ort_port *ret_port, struct error *e)
{
    const OrtApi *api = runtime.api;
    struct ort_port port = {.rank = 0};
    OrtTypeInfo *type = NULL;
    size_t at = (size_t)i;
    enum err r = port_name(m, side, at, &port, e);
    if (!r)
        r = status_error(side == ORT_INPUT ? api->SessionGetInputTypeInfo(m->session, at, &type)
                                           : api->SessionGetOutputTypeInfo(m->session, at, &type),
                         "type of a tensor", e);
    if (!r)
        r = port_shape(type, &port, e);
    if (type)
        api->ReleaseTypeInfo(type);
    if (!r)
        *ret_port = port;
    return r;
}

/* The tensors of one side of a run, as the library wants them. */
struct values {
    const char *names[ORT_TENSORS_MAX];
    OrtValue *values[ORT_TENSORS_MAX];
    int n;
};

static void values_done(struct values *v)
{
    for (int i = 0; i < v->n; i++)
        runtime.api->ReleaseValue(v->values[i]);
}

static enum err values_init(struct values *v, const struct ort_tensor *tensors, int n,
                            struct error *e)
{
    if (n < 1 || n > ORT_TENSORS_MAX)
        return error_set(e, ERR_UNAVAILABLE, "a model run takes 1 to %d tensors", ORT_TENSORS_MAX);
    for (int i = 0; i < n; i++) {
        const struct ort_tensor *t = &tensors[i];
        size_t bytes = sizeof(float);
        for (int d = 0; d < t->rank; d++)
            bytes *= (size_t)t->dims[d];
        enum err r = status_error(runtime.api->CreateTensorWithDataAsOrtValue(
                                      runtime.memory, t->data, bytes, t->dims, (size_t)t->rank,
                                      ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &v->values[i]),
                                  t->name, e);
        if (r)
            return r;
        v->names[i] = t->name;
        v->n = i + 1;
    }
    return ERR_OK;
}

enum err ort_run(const struct ort_model *m, const struct ort_tensor *inputs, int n_inputs,
                 const struct ort_tensor *outputs, int n_outputs, int64_t *ret_us, struct error *e)
{
    _cleanup_(values_done) struct values in = {.n = 0}, out = {.n = 0};
    enum err r = values_init(&in, inputs, n_inputs, e);
    if (!r)
        r = values_init(&out, outputs, n_outputs, e);
    if (r)
        return r;
    usec_t start = time_mono();
    unsigned fp = denormals_off();
    OrtStatus *status =
        runtime.api->Run(m->session, NULL, in.names, (const OrtValue *const *)in.values,
                         (size_t)in.n, out.names, (size_t)out.n, out.values);
    denormals_restore(fp);
    r = status_error(status, "run", e);
    if (!r)
        *ret_us = time_mono() - start;
    return r;
}
