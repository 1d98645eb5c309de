/* Bring your own encoder: FILE.onnx, and beside it FILE.ini, which says how it is fed.
 *
 *     name = school-arcface           in templates and receipts as onnx:school-arcface
 *     licence = MIT, from example.org shown wherever the encoder is named
 *     dim = 512                       numbers it gives
 *     side = 112                      pixels of the square crop
 *     crop = points 38.3 51.7 73.5 51.5 56.0 71.7 41.5 92.4 70.7 92.2
 *     colour = rgb
 *     mean = 127.5                    (pixel - mean) * scale
 *     scale = 0.0078125
 *
 * docs/models.md has every key. The preprocessing id of its templates holds a hash of the model
 * file and of all that changes a vector, so templates made before a change are never compared with
 * those made after it. Thread any; no state. */
#pragma once

#include "vision/encoder.h"

#include <limits.h>

enum {
    ENCODER_FILE_NAME_TEXT = 32,     /* with "onnx:" */
    ENCODER_FILE_LICENCE_TEXT = 200, /* bytes, with the terminator */
    ENCODER_FILE_ID_TEXT = 48,
    ENCODER_FILE_PORT_TEXT = 64
};

/* What an option `encoder` begins with that names a file. */
#define ENCODER_FILE_PREFIX "onnx:"

/* Not to be copied or moved: spec points into the rest. */
struct encoder_file {
    struct encoder_spec spec;
    char name[ENCODER_FILE_NAME_TEXT];
    char licence[ENCODER_FILE_LICENCE_TEXT];
    char input[ENCODER_FILE_PORT_TEXT], output[ENCODER_FILE_PORT_TEXT];
    char preprocessing[DETECTOR_KIND_N][ENCODER_FILE_ID_TEXT];
    char path[PATH_MAX];            /* of the model */
    char sha256[MODEL_SHA256_TEXT]; /* of the model file */
    float points[FACE_POINTS][2];
};

/* Reads both files; `option` is "onnx:PATH/FILE.onnx". Errors NOT_FOUND (names the file and the
 * remedy), INVALID (what is wrong in the .ini, with its line), CORRUPT (the .ini has a sha256 and
 * it is not the file's), UNPROCESSABLE (weights outside the file, which no hash here would cover),
 * TOO_LARGE, IO, NOMEM. Cost: reads the model once. */
NODISCARD enum err encoder_file_read(const char *option, struct encoder_file *ret_file,
                                     struct error *e);
