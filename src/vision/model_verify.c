/* Model verification: see model_verify.h. The table is model_lock.h's, compiled in. Called by
 * vision_open and by whoever wants to know whether a model is usable. */
#include "vision/model_verify.h"

#include "base/file.h"
#include "vision/model_lock.h"

#include <stdio.h>

void model_path(const char *models_dir, const char *name, char ret_path[static PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%s.onnx", models_dir, name);
}

static const struct model_lock *find_lock(const char *name)
{
    for (int i = 0; i < model_lock_n; i++)
        if (str_is(str_from(name), model_locks[i].name))
            return &model_locks[i];
    return NULL;
}

enum err model_verify(const char *models_dir, const char *name, char ret_path[static PATH_MAX],
                      char ret_sha256[static MODEL_SHA256_TEXT], struct error *e)
{
    const struct model_lock *lock = find_lock(name);
    if (!lock)
        return error_set(e, ERR_INVALID, "models/models.lock has no model '%s'", name);
    model_path(models_dir, name, ret_path);
    enum err r = file_sha256(ret_path, ret_sha256, e);
    if (r == ERR_NOT_FOUND)
        return error_set(e, r, "%s is missing: run `rollcall models pull %s`, or set models_dir",
                         ret_path, name);
    if (r)
        return r;
    if (!str_is(str_from(ret_sha256), lock->sha256))
        return error_set(e, ERR_CORRUPT,
                         "%s is not the file of models/models.lock (sha256 %.16s..): "
                         "remove it and run `rollcall models pull %s`",
                         ret_path, ret_sha256, name);
    return ERR_OK;
}
