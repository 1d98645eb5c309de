/* Model files are what the lock says, or they are not used. */
#pragma once

#include "base/error.h"

#include <limits.h>

enum { MODEL_SHA256_TEXT = 65 }; /* 64 hexadecimal digits and the terminator */

struct model_lock;

/* The row of that name; NULL when there is none. */
const struct model_lock *model_lock_find(const char *name);

/* DIR/NAME.onnx; cut short when longer than a path may be (then it does not exist). */
void model_path(const char *models_dir, const char *name, char ret_path[static PATH_MAX]);

/* Compares the file's SHA-256 with its row in the lock (vision/model_lock.h). Errors NOT_FOUND (no
 * such file, with the remedy), CORRUPT (another hash), INVALID (no row of that name), IO. Thread
 * any. Cost: one read, 0.3 s for 91 MB. */
NODISCARD enum err model_verify(const char *models_dir, const char *name,
                                char ret_path[static PATH_MAX],
                                char ret_sha256[static MODEL_SHA256_TEXT], struct error *e);

/* The int8 file of an encoder, NAME_int8.onnx, which `tools/setup.sh int8` makes on this machine:
 * its SHA-256 stands in DIR/local.lock (lines as sha256sum writes them), since no two processors
 * make the same bytes. Errors NOT_FOUND (no such file), CORRUPT (no line of it, or another hash),
 * IO. Thread any. */
NODISCARD enum err model_verify_local(const char *models_dir, const char *name,
                                      char ret_path[static PATH_MAX],
                                      char ret_sha256[static MODEL_SHA256_TEXT], struct error *e);
