/* What `rollcall bench` measures: the way of a frame, stage by stage, each on the real code. */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "config/config.h"

enum bench_stage {
    BENCH_DECODE,
    BENCH_DETECT,
    BENCH_ALIGN,
    BENCH_EMBED,
    BENCH_LIVENESS, /* 0 where it is off */
    BENCH_MATCH,
    BENCH_MARK,
    BENCH_OVERHEAD, /* everything but the models' Run */
    BENCH_NO_MARK,  /* the same for a frame that makes no mark: nearly all of a session's */
    BENCH_TOTAL,
};
enum { BENCH_STAGE_N = BENCH_TOTAL + 1, BENCH_SAMPLES_MAX = 20000 };

/* A picture to measure with. */
struct bench_picture {
    const char *label;
    struct str bytes; /* encoded */
};

struct bench_result {
    int width, height, faces;
    int frames; /* measured */
    double median_ms[BENCH_STAGE_N], p95_ms[BENCH_STAGE_N];
    double frames_per_s; /* of one worker */
};

struct bench;

/* Loads the models with `threads` threads a run, a gallery of 1,000 random unit vectors, and a
 * database in a temporary folder that bench_close removes. Errors of vision_open and store. */
NODISCARD enum err bench_open(const struct config *c, int threads, struct bench **ret_bench,
                              struct error *e);
void bench_close(struct bench *b);
/* The detector and encoder in use: "retinaface, facenet128". */
void bench_describe(const struct bench *b, char *ret_text, size_t n);
/* Runs the picture over and over for `duration`. Thread: one at a time for each bench. */
NODISCARD enum err bench_run(struct bench *b, const struct bench_picture *p, usec_t duration,
                             struct bench_result *ret_result, struct error *e);
/* Frames a second of `workers` threads that share the models of b (vision and match, no marks). */
NODISCARD enum err bench_workers(struct bench *b, const struct bench_picture *p, int workers,
                                 usec_t duration, double *ret_frames_per_s, struct error *e);

/* A JPEG of width x height with the picture in `bytes` scaled to fit on grey. In `a`.
 * Errors of image_decode. */
NODISCARD enum err bench_canvas(struct arena *a, struct str bytes, int width, int height,
                                struct str *ret_jpeg, struct error *e);
