/* ONNX Runtime: the one door to it. Models from files, runs with named float tensors.
 *
 * A model is one session, shared by all threads: ort_run is thread-safe. All models of the process
 * share one memory arena of the library, which grows by what is asked for (not by powers of two),
 * so that idle memory stays small. Inputs AND outputs live in the caller's memory: a run copies
 * nothing and the library allocates nothing that outlives it. Subnormal numbers are treated as zero
 * during a run (FaceNet's weights make them: 10x slower). */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct ort_model;

enum { ORT_RANK_MAX = 4, ORT_TENSORS_MAX = 16 };

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
void ort_close(struct ort_model *m);

/* One inference. Output tensors state the shape that is expected; another shape is an error.
 * ret_us: wall clock of the run in microseconds. Errors UNAVAILABLE. Thread any. */
NODISCARD enum err ort_run(const struct ort_model *m, const struct ort_tensor *inputs, int n_inputs,
                           const struct ort_tensor *outputs, int n_outputs, int64_t *ret_us,
                           struct error *e);

/* "1.31.1" */
const char *ort_version(void);
