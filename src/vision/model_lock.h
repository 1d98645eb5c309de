/* The models this program may load, as a table: what models/models.lock says, compiled in.
 *
 * tools/embed_lock.py writes the table's C file at build time (a meson custom_target), so the
 * program needs no lock file beside it to know what a model must be, byte for byte. Rows stand in
 * the order of the lock: within a kind the registries' models come first. Constant. Thread any. */
#pragma once

#include <stdbool.h>

enum model_kind { MODEL_DETECTOR, MODEL_ENCODER, MODEL_LIVENESS };
enum { MODEL_KIND_N = MODEL_LIVENESS + 1 };

struct model_lock {
    const char *name; /* what options and commands call it: "facenet128" */
    enum model_kind kind;
    const char *file;        /* name in the models folder: "facenet128.onnx" */
    const char *sha256;      /* of that file: 64 lower-case hexadecimal digits */
    const char *licence;     /* of the weights, as their source states it: "MIT" */
    int tier;                /* 1: part of set-up, from package registries; 2: optional */
    bool measured;           /* false: how well it recognises was never measured here */
    const char *upstream;    /* the published files' addresses, a space between; "": a registry's */
    const char *source_note; /* one line for people: package and version, or project and files */
};

extern const struct model_lock model_locks[];
extern const int model_lock_n; /* rows of model_locks */
