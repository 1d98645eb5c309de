/* ONNX Runtime: the one door to it. Models from files, runs with named float tensors.
 *
 * A model is one session, shared by all threads: ort_run is thread-safe. All models of the process
 * share one memory arena of the library, which grows by what is asked for (not by powers of two),
 * so that idle memory stays small. Inputs AND outputs live in the caller's memory: a run copies
 * nothing and the library allocates nothing that outlives it. Subnormal numbers are treated as zero
 * during a run (FaceNet's weights make them: 10x slower). */
#pragma once

#include "vision/device.h"

#include <stdint.h>

struct ort_model;

enum { ORT_RANK_MAX = 4, ORT_TENSORS_MAX = 16, ORT_NAME_TEXT = 64 };

struct ort_tensor {
    const char *name; /* of the input or output in the model */
    float *data;      /* product of dims values; borrowed for the run */
    int64_t dims[ORT_RANK_MAX];
    int rank;
};

/* Loads the .onnx file. threads >= 1: intra-op threads of each run.
 * Errors NOT_FOUND (no such file), UNAVAILABLE (the library is too old or refuses the model).
 * ret_model is the caller's (ort_close). Thread any. */
NODISCARD enum err ort_open(const char *path, int threads, struct ort_model **ret_model,
                            struct error *e);
/* Where a model runs, and how. */
struct ort_target {
    enum device device;
    enum precision precision; /* of the arithmetic; int8 comes with the file */
    int threads;              /* of one run, >= 1 */
    int callers;              /* threads that will call ort_run at once, >= 1 */
    const char *cache_dir;    /* tensorrt: folder for its engines; NULL keeps none */
};

/* ort_open on that device. Errors of ort_open; UNAVAILABLE too when the provider's library does not
 * load or finds no device. The first model of a provider loads its library for good. */
NODISCARD enum err ort_open_on(const char *path, const struct ort_target *t,
                               struct ort_model **ret_model, struct error *e);
/* Whether the libraries of the device's provider are installed: beside libonnxruntime.so,
 * OpenVINO's also where set-up puts it. Says nothing about hardware. */
bool ort_has_device(enum device d);
void ort_close(struct ort_model *m);

/* An input or output as the model file states it. */
struct ort_port {
    char name[ORT_NAME_TEXT];   /* empty: longer than that */
    int64_t dims[ORT_RANK_MAX]; /* -1: free */
    int rank;                   /* may be over ORT_RANK_MAX; then dims is not filled */
    bool is_float;              /* a tensor of 32-bit floats */
};

enum ort_side { ORT_INPUT, ORT_OUTPUT };

/* How many inputs or outputs the model has, and the i-th, 0 first. Errors UNAVAILABLE. */
NODISCARD enum err ort_port_count(const struct ort_model *m, enum ort_side side, int *ret_n,
                                  struct error *e);
NODISCARD enum err ort_port_at(const struct ort_model *m, enum ort_side side, int i,
                               struct ort_port *ret_port, struct error *e);

/* One inference. Output tensors state the shape that is expected; another shape is an error.
 * ret_us: wall clock of the run in microseconds. Errors UNAVAILABLE. Thread any. */
NODISCARD enum err ort_run(const struct ort_model *m, const struct ort_tensor *inputs, int n_inputs,
                           const struct ort_tensor *outputs, int n_outputs, int64_t *ret_us,
                           struct error *e);

/* "1.31.1" */
const char *ort_version(void);
