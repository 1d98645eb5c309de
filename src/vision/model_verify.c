/* Model verification: see model_verify.h. The table is model_lock.h's, compiled in. Called by
 * vision_open and by whoever wants to know whether a model is usable. */
#include "vision/model_verify.h"

#include "base/file.h"
#include "vision/model_lock.h"

#include <stdio.h>

enum { LOCAL_LOCK_MAX = 16 * KIB };

void model_path(const char *models_dir, const char *name, char ret_path[static PATH_MAX])
{
    snprintf(ret_path, PATH_MAX, "%s/%s.onnx", models_dir, name);
}

const struct model_lock *model_lock_find(const char *name)
{
    for (int i = 0; i < model_lock_n; i++)
        if (str_is(str_from(name), model_locks[i].name))
            return &model_locks[i];
    return NULL;
}

enum err model_verify(const char *models_dir, const char *name, char ret_path[static PATH_MAX],
                      char ret_sha256[static MODEL_SHA256_TEXT], struct error *e)
{
    const struct model_lock *lock = model_lock_find(name);
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

/* True when a line of the lock is "SHA256  FILE". */
static bool lock_has(struct str lock, const char *sha256, const char *file)
{
    char wanted[MODEL_SHA256_TEXT + NAME_MAX + 2];
    struct str line;
    snprintf(wanted, sizeof wanted, "%s  %s", sha256, file);
    while (str_split(&lock, '\n', &line))
        if (str_is(line, wanted))
            return true;
    return false;
}

enum err model_verify_local(const char *models_dir, const char *name,
                            char ret_path[static PATH_MAX],
                            char ret_sha256[static MODEL_SHA256_TEXT], struct error *e)
{
    char file[NAME_MAX], path[PATH_MAX];
    snprintf(file, sizeof file, "%s_int8", name);
    model_path(models_dir, file, ret_path);
    enum err r = file_sha256(ret_path, ret_sha256, e);
    if (r == ERR_NOT_FOUND)
        return error_set(e, r, "%s is missing: tools/setup.sh int8 makes it", ret_path);
    if (r)
        return r;
    _cleanup_(arena_freep) struct arena *a = arena_new(2 * LOCAL_LOCK_MAX);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to read a lock");
    struct str lock = {0};
    snprintf(path, sizeof path, "%s/local.lock", models_dir);
    r = file_read(path, LOCAL_LOCK_MAX, a, &lock, e);
    if (r && r != ERR_NOT_FOUND)
        return r;
    snprintf(file, sizeof file, "%s_int8.onnx", name);
    if (r || !lock_has(lock, ret_sha256, file))
        return error_set(e, ERR_CORRUPT,
                         "%s is not the file of local.lock beside it (sha256 %.16s..): remove it "
                         "and run tools/setup.sh int8",
                         ret_path, ret_sha256);
    return ERR_OK;
}
