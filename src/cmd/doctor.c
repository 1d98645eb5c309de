/* `rollcall doctor`: what is wrong on this machine, and how to mend it.
 *
 * Each check prints one line: ok, warn or bad, what was found, and for warn and bad what to do.
 * Changes nothing. Thread: main. Cost: the sha256 of the models, about a second. */
#include "base/file.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/settings.h"
#include "http/server.h"
#include "store/db.h"
#include "store/migrate.h"
#include "vision/device.h"
#include "vision/encoder_file.h"
#include "vision/liveness.h"
#include "vision/model_lock.h"
#include "vision/model_verify.h"
#include "vision/ort.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <sodium.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

enum level { LEVEL_OK, LEVEL_WARN, LEVEL_BAD };

enum { DISK_BAD_MIB = 100, DISK_WARN_MIB = 1024, MEMORY_WARN_MIB = 700, CPUINFO_MAX = 64 * 1024 };

/* 2026-01-01T00:00:00Z: this program did not exist before. */
#define CLOCK_LEAST (1767225600 * USEC_PER_SEC)

static const char about[] =
    "Checks configuration, data folder, disk, database, models, ONNX Runtime, devices, port, "
    "clock,\n"
    "processor and memory. Each line says ok, warn or bad, and what to do. Exit status 1 when one "
    "is bad.";

static const char examples[] = "  rollcall doctor\n"
                               "  rollcall doctor --data-dir /var/lib/rollcall";

struct exam {
    const struct config *config;
    struct arena *arena;
    bool server_answers;
    int n[LEVEL_BAD + 1];
};

/* Prints one finding; `remedy` is for warn and bad, else NULL. */
static void say(struct exam *x, enum level level, const char *what, const char *remedy,
                const char *fmt, ...) PRINTF_LIKE(5, 6);

static void say(struct exam *x, enum level level, const char *what, const char *remedy,
                const char *fmt, ...)
{
    static const char *const words[] = {"ok  ", "warn", "bad "};
    va_list ap;
    x->n[level]++;
    printf("%s  %-15s ", words[level], what);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    putchar('\n');
    if (remedy)
        printf("                      -> %s\n", remedy);
}

static void check_data_dir(struct exam *x)
{
    const char *dir = x->config->data_dir;
    struct stat st;
    if (stat(dir, &st) != 0) {
        say(x, LEVEL_WARN, "data folder", "rollcall migrate up makes it", "there is no %s", dir);
        return;
    }
    if (access(dir, R_OK | W_OK | X_OK) != 0)
        say(x, LEVEL_BAD, "data folder", "give it to the user that runs Rollcall (chown)",
            "%s cannot be written", dir);
    else if (st.st_mode & (S_IRWXG | S_IRWXO))
        say(x, LEVEL_WARN, "data folder", "chmod 700 it: it holds biometric data",
            "%s can be opened by others (mode %03o)", dir, (unsigned)st.st_mode & 0777u);
    else
        say(x, LEVEL_OK, "data folder", NULL, "%s", dir);
}

static void check_disk(struct exam *x)
{
    struct statvfs v;
    const char *dir = file_exists(x->config->data_dir) ? x->config->data_dir : ".";
    if (statvfs(dir, &v) != 0) {
        say(x, LEVEL_WARN, "disk", "look at the mount", "cannot ask for the free space");
        return;
    }
    long long free_mib = (long long)((double)v.f_bavail * (double)v.f_frsize / MIB);
    enum level level = free_mib < DISK_BAD_MIB    ? LEVEL_BAD
                       : free_mib < DISK_WARN_MIB ? LEVEL_WARN
                                                  : LEVEL_OK;
    say(x, level, "disk", level ? "make room: the database stops when the disk is full" : NULL,
        "%lld MiB free", free_mib);
}

static void check_model(struct exam *x, const struct model_lock *m, bool needed)
{
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT], what[32];
    struct error e = {.code = ERR_OK};
    enum err r = model_verify(config_models_dir(x->config), m->name, path, sha256, &e);
    snprintf(what, sizeof what, "%.15s", m->name);
    if (!r)
        say(x, LEVEL_OK, what, NULL, "%s, sha256 as in the lock", m->file);
    else if (r == ERR_NOT_FOUND && !needed)
        say(x, m->tier == 1 ? LEVEL_WARN : LEVEL_OK, what,
            m->tier == 1 ? "tools/setup.sh run fetches it" : NULL, "not installed (optional)");
    else if (r == ERR_NOT_FOUND)
        say(x, LEVEL_BAD, what,
            m->tier == 1 ? "tools/setup.sh run fetches it"
                         : "`rollcall models pull NAME` fetches it",
            "%s is missing", path);
    else
        say(x, needed ? LEVEL_BAD : LEVEL_WARN, what,
            "remove the file, then tools/setup.sh run fetches it again", "%s", e.msg);
}

/* An encoder of one's own. */
static void check_brought(struct exam *x)
{
    struct error e = {.code = ERR_OK};
    const char *option = x->config->encoder;
    if (!str_starts(str_from(option), STR(ENCODER_FILE_PREFIX)))
        return;
    struct encoder_file *file = arena_alloc(x->arena, sizeof *file);
    if (!file)
        return;
    if (encoder_file_read(option, file, &e))
        say(x, LEVEL_BAD, "encoder", "docs/models.md tells of encoders of your own", "%s", e.msg);
    else
        say(x, LEVEL_OK, "encoder", NULL, "%s, licence %s, sha256 %.16s..", file->name,
            file->licence, file->sha256);
}

static void check_models(struct exam *x)
{
    char yunet[PATH_MAX];
    model_path(config_models_dir(x->config), "yunet", yunet);
    const char *detector = config_text(x->config, OPTION_detector);
    if (strcmp(detector, "auto") == 0)
        detector = file_exists(yunet) ? "yunet" : "retinaface";
    for (int i = 0; i < model_lock_n; i++) {
        const char *name = model_locks[i].name;
        bool needed = strncmp(name, detector, strlen(detector)) == 0 || /* mtcnn has three files */
                      strcmp(name, config_text(x->config, OPTION_encoder)) == 0;
        check_model(x, &model_locks[i], needed);
    }
    check_brought(x);
}

static void check_liveness(struct exam *x)
{
    enum liveness_policy policy = LIVENESS_OFF;
    struct error e = {.code = ERR_OK};
    if (liveness_choose(config_text(x->config, OPTION_liveness), config_models_dir(x->config),
                        &policy, &e))
        say(x, LEVEL_BAD, "liveness", "the server does not start like this", "%s", e.msg);
    else if (policy == LIVENESS_ENFORCE)
        say(x, LEVEL_OK, "liveness", NULL, "enforced at %g", x->config->liveness_threshold);
    else if (policy == LIVENESS_REPORT)
        say(x, LEVEL_WARN, "liveness",
            "measure it (rollcall eval --liveness DIR), then set liveness to enforce",
            "shown, not enforced: a picture of a face counts as the person");
    else
        say(x, LEVEL_WARN, "liveness", "install its models (docs/models.md), set liveness to auto",
            "off: a picture of a face counts as the person");
}

static void check_runtime(struct exam *x)
{
    const char *version = ort_version();
    if (version && version[0])
        say(x, LEVEL_OK, "ONNX Runtime", NULL, "%s", version);
    else
        say(x, LEVEL_BAD, "ONNX Runtime", "tools/setup.sh run installs it", "does not load");
}

static void check_libraries(struct exam *x)
{
    say(x, LEVEL_OK, "libraries", NULL, "SQLite %s, libwebsockets %s, libsodium %s, jansson %s",
        db_sqlite_version(), http_library_version(), sodium_version_string(),
        jansson_version_str());
}

/* The int8 model of set-up; not having one is fine. */
static void check_int8(struct exam *x, const struct device_facts *f, bool needed)
{
    char path[PATH_MAX], sha256[MODEL_SHA256_TEXT];
    struct error e = {.code = ERR_OK};
    if (!f->int8_model)
        say(x, LEVEL_OK, "int8 model", NULL, "not made (optional: tools/setup.sh int8)");
    else if (model_verify_local(config_models_dir(x->config), f->encoder, path, sha256, &e))
        say(x, needed ? LEVEL_BAD : LEVEL_WARN, "int8 model", "tools/setup.sh int8 makes it again",
            "%s", e.msg);
    else if (!f->vnni)
        say(x, LEVEL_WARN, "int8 model", "leave precision at auto, or remove the file",
            "is there, but this processor has no VNNI to run it");
    else
        say(x, LEVEL_OK, "int8 model", NULL, "%s_int8.onnx, sha256 as in local.lock", f->encoder);
}

static void check_devices(struct exam *x)
{
    struct device_facts f;
    struct device_choice c = {.device = DEVICE_CPU};
    struct error e = {.code = ERR_OK};
    device_facts_read(config_models_dir(x->config), config_text(x->config, OPTION_encoder), &f);
    if (device_choose(config_text(x->config, OPTION_device),
                      config_text(x->config, OPTION_precision), &f, &c, &e))
        say(x, LEVEL_BAD, "device", "install it, or set device and precision to auto", "%s", e.msg);
    else
        say(x, LEVEL_OK, "device", NULL, "%s in %s (%s)", device_name(c.device),
            precision_name(c.precision), c.why);
    for (enum device d = DEVICE_OPENVINO; d <= DEVICE_TENSORRT; d++)
        say(x, LEVEL_OK, device_name(d), NULL, "provider %s",
            f.library[d] ? "installed" : "not installed (optional)");
    check_int8(x, &f, c.precision == PRECISION_INT8);
}

/* A server of ours, or a free port. */
static void check_port(struct exam *x)
{
    struct remote_place place = {.data_dir = x->config->data_dir};
    struct error e = {.code = ERR_OK};
    _cleanup_(remote_closep) struct remote *remote = NULL;
    if (remote_open(&place, &remote, &e) == ERR_OK &&
        remote_json(remote, x->arena, HTTP_GET, "/healthz", NULL, NULL, &e) == ERR_OK) {
        x->server_answers = true;
        say(x, LEVEL_OK, "server", NULL, "answers at %s", remote_url(remote));
        return;
    }
    if (remote)
        say(x, LEVEL_WARN, "server", "it was killed; the next start tidies up",
            "server.json names %s, where nobody answers", remote_url(remote));
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)x->config->http_port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || inet_pton(AF_INET, x->config->http_bind, &at.sin_addr) != 1) {
        say(x, LEVEL_OK, "port", NULL, "not checked (%s is no IPv4 address)", x->config->http_bind);
    } else {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        bool is_free = bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
        say(x, is_free ? LEVEL_OK : LEVEL_BAD, "port",
            is_free ? NULL : "stop the other program, or set http_port (ROLLCALL_HTTP_PORT)",
            "%s:%lld is %s", x->config->http_bind, (long long)x->config->http_port,
            is_free ? "free" : "taken by another program");
    }
    if (fd >= 0)
        close(fd);
}

static void check_database(struct exam *x)
{
    struct error e = {.code = ERR_OK};
    struct migration_state *rows = NULL;
    int n = 0, waiting = 0;
    _cleanup_(settings_close_db) struct db *db = NULL;
    if (x->server_answers) {
        say(x, LEVEL_OK, "database", NULL, "in use by the running server");
        return;
    }
    enum err r = settings_open_db(x->config, false, &db, &e);
    if (!r)
        r = migrate_status(db, x->arena, &rows, &n, &e);
    if (r) {
        say(x, r == ERR_NOT_FOUND ? LEVEL_WARN : LEVEL_BAD, "database",
            r == ERR_NOT_FOUND  ? "rollcall migrate up"
            : r == ERR_CONFLICT ? "see what it says: nothing is damaged"
                                : "restore the last backup if it is damaged",
            "%s", e.msg);
        return;
    }
    for (int i = 0; i < n; i++)
        waiting += !rows[i].applied;
    say(x, waiting ? LEVEL_WARN : LEVEL_OK, "database", waiting ? "rollcall migrate up" : NULL,
        "%s, %d of %d migrations applied", config_database_name(x->config), n - waiting, n);
}

static void check_clock(struct exam *x)
{
    struct timex t = {.modes = 0};
    char now[TIME_TEXT];
    usec_t utc = time_utc();
    time_format_iso(utc, now);
    if (utc < CLOCK_LEAST)
        say(x, LEVEL_BAD, "clock", "set it (timedatectl): marks carry its time", "%s", now);
    else if (adjtimex(&t) == TIME_ERROR)
        say(x, LEVEL_WARN, "clock", "let it follow a time server (systemd-timesyncd, chrony)",
            "%s, not synchronised as far as the kernel knows", now);
    else
        say(x, LEVEL_OK, "clock", NULL, "%s, synchronised", now);
}

/* True when the flags line of /proc/cpuinfo has the word. */
static bool has_flag(struct str flags, const char *flag)
{
    struct str part;
    while (str_split(&flags, ' ', &part))
        if (str_is(part, flag))
            return true;
    return false;
}

static void check_processor(struct exam *x)
{
    struct str line = {0}, rest = {0}, flags = {0};
    FILE *f = fopen("/proc/cpuinfo", "re");
    char *text = arena_alloc(x->arena, CPUINFO_MAX);
    if (f && text)
        rest = (struct str){text, fread(text, 1, CPUINFO_MAX, f)};
    if (f)
        fclose(f);
    while (str_split(&rest, '\n', &line) && flags.n == 0)
        if (str_starts(line, STR("flags")))
            flags = line;
    bool avx2 = has_flag(flags, "avx2");
    bool vnni = has_flag(flags, "avx512_vnni") || has_flag(flags, "avx_vnni");
    bool amx = has_flag(flags, "amx_tile");
    say(x, avx2 || flags.n == 0 ? LEVEL_OK : LEVEL_WARN, "processor",
        avx2 || flags.n == 0 ? NULL : "recognition works, several times slower than on newer ones",
        "%ld cores%s%s%s", sysconf(_SC_NPROCESSORS_ONLN), avx2 ? ", AVX2" : "",
        vnni ? ", VNNI" : "", amx ? ", AMX" : "");
}

static void check_memory(struct exam *x)
{
    long long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    long long total_mib = sysconf(_SC_PHYS_PAGES) * page / (long long)MIB;
    long long free_mib = pages * page / (long long)MIB;
    bool tight = total_mib < MEMORY_WARN_MIB;
    say(x, tight ? LEVEL_WARN : LEVEL_OK, "memory",
        tight ? "use fewer workers (ROLLCALL_WORKERS=1)" : NULL, "%lld MiB, %lld MiB unused",
        total_mib, free_mib);
}

int cmd_doctor(int argc, char **argv)
{
    const struct arg_spec spec = {
        .command = "doctor", .synopsis = "", .about = about, .examples = examples};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    _cleanup_(arena_freep) struct arena *a = arena_new(4 * MIB);
    if (!a)
        return cmd_fail("doctor", &(struct error){.msg = "out of memory"});
    struct exam x = {.config = config, .arena = a};
    say(&x, LEVEL_OK, "configuration", NULL, "valid (rollcall config show)");
    check_data_dir(&x);
    check_disk(&x);
    check_port(&x);
    check_database(&x);
    check_runtime(&x);
    check_libraries(&x);
    check_models(&x);
    check_liveness(&x);
    check_devices(&x);
    check_clock(&x);
    check_processor(&x);
    check_memory(&x);
    printf("%d ok, %d to look at, %d bad\n", x.n[LEVEL_OK], x.n[LEVEL_WARN], x.n[LEVEL_BAD]);
    return x.n[LEVEL_BAD] ? CMD_FAILED : CMD_OK;
}
