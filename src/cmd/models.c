/* `rollcall models`: which model files are here, whether they are what the lock says, and getting
 * the optional ones. Thread: main. Invariant: a file takes its place only after its sha256 was
 * found right. */
#include "base/file.h"
#include "base/mem.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/models_switch.h"
#include "cmd/settings.h"
#include "vision/encoder_file.h"
#include "vision/model_lock.h"
#include "vision/model_verify.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MODEL_BYTES_MAX = 512 * 1024 * 1024, INSTALLER_CACHED = 10 };

#define PYTHON ".deps/venv/bin/python"
#define INSTALLER "tools/install_models.py"
#define INSTALLED "data/models"

static const char about[] =
    "list         every model this program knows, and the encoder of your own that is\n"
    "             configured: kind, licence, where from, whether it is here\n"
    "verify       compares each file that is here with its sha256 in models/models.lock\n"
    "pull NAME    gets one model: from a folder (--from), else from where the lock says\n"
    "switch STEP  changes encoder, detector or precision: rollcall models switch --help\n"
    "The folder holds finished NAME.onnx files of another installation, or the published files,\n"
    "which are then converted with set-up's Python (so in the source folder, after "
    "tools/setup.sh).";

static const char examples[] = "  rollcall models list\n"
                               "  rollcall models verify\n"
                               "  rollcall models pull yunet --from /media/stick/models";

static const char *kind_name(enum model_kind kind)
{
    switch (kind) {
    case MODEL_DETECTOR:
        return "detector";
    case MODEL_ENCODER:
        return "encoder";
    case MODEL_LIVENESS:
        return "liveness";
    }
    return "";
}

/* ok | missing | CHANGED, and in e what to do. */
static const char *state_of(const char *folder, const struct model_lock *m, struct error *e)
{
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    switch ((int)model_verify(folder, m->name, path, sha256, e)) {
    case ERR_OK:
        return "ok";
    case ERR_NOT_FOUND:
        return "missing";
    case ERR_CORRUPT:
        return "CHANGED";
    default:
        return "unreadable";
    }
}

/* The encoder of one's own that is configured, if one is; false when it cannot be used. */
static bool list_brought(const char *option)
{
    struct error e = {.code = ERR_OK};
    _cleanup_(mem_freep) struct encoder_file *file = NULL;
    if (!str_starts(str_from(option), STR(ENCODER_FILE_PREFIX)))
        return true;
    file = mem_alloc(sizeof *file);
    if (!file)
        return false;
    if (encoder_file_read(option, file, &e) == ERR_OK)
        printf("%-16s %-9s %-10s %-12s %s, your own, not measured (sha256 %.16s..)\n", file->name,
               "encoder", "yes", file->licence, file->path, file->sha256);
    else
        printf("%-16s %-9s %-10s %-12s %s\n", "onnx", "encoder", "UNUSABLE", "", e.msg);
    return e.code == ERR_OK;
}

static int list(const char *folder, const char *option)
{
    printf("%-16s %-9s %-10s %-12s %s\n", "name", "kind", "here", "licence", "from");
    for (int i = 0; i < model_lock_n; i++) {
        const struct model_lock *m = &model_locks[i];
        char path[PATH_MAX];
        model_path(folder, m->name, path);
        const char *here = file_exists(path) ? "yes" : m->tier == 1 ? "MISSING" : "no";
        printf("%-16s %-9s %-10s %-12s %s%s%s\n", m->name, kind_name(m->kind), here, m->licence,
               m->source_note, m->tier == 1 ? "" : " (optional)",
               m->measured ? "" : ", not measured");
    }
    bool brought_well = list_brought(option);
    printf("Folder: %s\n", folder);
    return brought_well ? CMD_OK : CMD_FAILED;
}

static int verify(const char *folder)
{
    int bad = 0;
    for (int i = 0; i < model_lock_n; i++) {
        const struct model_lock *m = &model_locks[i];
        struct error e = {.code = ERR_OK};
        const char *state = state_of(folder, m, &e);
        bool missing_optional = e.code == ERR_NOT_FOUND && m->tier > 1;
        bad += e.code != ERR_OK && !missing_optional;
        printf("%-16s %s%s%s\n", m->name, state, missing_optional ? " (optional)" : "",
               e.code == ERR_OK || missing_optional ? "" : ": ");
        if (e.code != ERR_OK && !missing_optional)
            printf("    %s\n", e.msg);
    }
    return bad ? CMD_FAILED : CMD_OK;
}

/* Verifies path against the lock and renames it into the models folder. */
static enum err install(const char *folder, const struct model_lock *m, const char *path,
                        struct error *e)
{
    char sha256[65], final[PATH_MAX];
    enum err r = file_sha256(path, sha256, e);
    if (r)
        return r;
    if (strcmp(sha256, m->sha256) != 0)
        return error_set(
            e, ERR_CORRUPT,
            "the file for %s is not the finished model (sha256 %.12s..., the lock wants "
            "%.12s...); if it is the published form, tools/setup.sh converts it: "
            "ROLLCALL_MODELS_FROM=DIR tools/setup.sh run",
            m->name, sha256, m->sha256);
    model_path(folder, m->name, final);
    if (rename(path, final) != 0)
        return error_set(e, ERR_IO, "cannot write %.180s", final);
    return ERR_OK;
}

static enum err pull_from(const char *folder, const struct model_lock *m, const char *from,
                          const char *part, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)MODEL_BYTES_MAX + MIB);
    char *source = a ? arena_printf(a, "%s/%s", from, m->file) : NULL;
    struct str bytes;
    struct error inner = {.code = ERR_OK};
    if (!source)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = file_read(source, MODEL_BYTES_MAX, a, &bytes, &inner);
    if (r == ERR_NOT_FOUND)
        return error_set(e, r, "there is no %s in %.180s", m->file, from);
    if (r)
        return error_set(e, r, "%s", inner.msg);
    r = file_write(part, bytes, 0644, e);
    return r ? r : install(folder, m, part, e);
}

/* Runs set-up's installer, which downloads from the sources in the lock, verifies and converts. */
static enum err run_installer(const struct model_lock *m, const char *from, struct error *e)
{
    const char *arguments[] = {"python", "-B", INSTALLER, NULL, NULL, NULL, NULL};
    size_t n = 3;
    pid_t pid = 0;
    int status = 0;
    if (!file_exists(PYTHON) || !file_exists(INSTALLER))
        return error_set(e, ERR_UNAVAILABLE,
                         "%s must be converted, which needs a source folder after tools/setup.sh "
                         "run; or pass --from with the models folder of another installation",
                         m->name);
    if (from) {
        arguments[n++] = "--from";
        arguments[n++] = from;
    } else if (m->tier > 1) {
        arguments[n++] = "--upstream";
    }
    arguments[n] = m->name;
    fflush(stdout);
    if (posix_spawn(&pid, PYTHON, NULL, NULL, (char *const *)arguments, environ) != 0 ||
        waitpid(pid, &status, 0) != pid)
        return error_set(e, ERR_IO, "cannot run %s", PYTHON);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    if (code == 0 || code == INSTALLER_CACHED)
        return ERR_OK;
    return error_set(e, ERR_UNAVAILABLE,
                     "%s could not be had: see above; models/README.md lists "
                     "the files to bring along for --from",
                     m->name);
}

/* The installer writes to data/models; brings the file to where the models are meant to be. */
static enum err pull_installed(const char *folder, const struct model_lock *m, const char *from,
                               const char *part, struct error *e)
{
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    enum err r = run_installer(m, from, e);
    if (r || model_verify(folder, m->name, path, sha256, NULL) == ERR_OK)
        return r;
    return pull_from(folder, m, INSTALLED, part, e);
}

static int pull(const char *folder, const char *name, const char *from)
{
    const struct model_lock *m = NULL;
    struct error e = {.code = ERR_OK};
    char part[PATH_MAX + 8], path[PATH_MAX];
    for (int i = 0; i < model_lock_n; i++)
        if (strcmp(model_locks[i].name, name) == 0)
            m = &model_locks[i];
    if (!m)
        return cmd_bad_usage("models", "there is no model %s (rollcall models list)", name);
    if (strcmp(state_of(folder, m, &e), "ok") == 0) {
        printf("%s is here and verified\n", name);
        return CMD_OK;
    }
    model_path(folder, name, path);
    snprintf(part, sizeof part, "%s.part", path);
    enum err r = file_mkdirs(folder, &e);
    if (!r)
        r = from ? pull_from(folder, m, from, part, &e) : ERR_NOT_FOUND;
    if (r == ERR_NOT_FOUND)
        r = pull_installed(folder, m, from, part, &e);
    (void)unlink(part);
    if (r)
        return cmd_fail("models", &e);
    printf("%s installed and verified: %s (licence of the weights: %s)\n", name, path, m->licence);
    return CMD_OK;
}

int cmd_models(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "switch") == 0)
        return cmd_models_switch(argc - 1, argv + 1);
    const char *from = NULL;
    const struct arg_option options[] = {
        {.name = "from", .metavar = "DIR", .ret = &from, .help = "pull: take it from this folder"},
    };
    const struct arg_spec spec = {.command = "models",
                                  .synopsis =
                                      "list | verify | pull NAME [--from DIR] | switch STEP",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 1,
                                  .max_positional = 2};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    const char *what = args.positional[0];
    bool is_pull = strcmp(what, "pull") == 0;
    if (is_pull != (args.n == 2))
        return cmd_bad_usage("models", "pull wants one name; list and verify want none");

    const char *folder = config_models_dir(config);
    if (is_pull)
        return pull(folder, args.positional[1], from);
    if (strcmp(what, "list") == 0)
        return list(folder, config->encoder);
    if (strcmp(what, "verify") == 0)
        return verify(folder);
    return cmd_bad_usage("models", "'%s' is none of list, verify, pull, switch", what);
}
