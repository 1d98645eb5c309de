/* The configuration: an immutable struct with one typed field per row of config/options.h.
 *
 *     cfg->http_port, cfg->data_dir, cfg->detector == CONFIG_DETECTOR_AUTO
 *
 * Sources, later ones win: the defaults; a file (--config PATH, else ROLLCALL_CONFIG, else
 * ./rollcall.ini when it exists) of `name = value` lines; the environment, ROLLCALL_HTTP_PORT; the
 * command line, --http-port=8080 or --http-port 8080 (a BOOL alone means true). Nothing unknown is
 * passed over, and every error names its source, the value and what is allowed. To reload, load
 * again and swap: a configuration in use never changes.
 * Thread: config_load one (it reads the environment); a loaded one is read by any. */
#pragma once

#include "base/buf.h"
#include "config/options.h"

enum option {
#define X(name, ...) OPTION_##name,
#define G(title)
    OPTIONS(X, G)
#undef X
#undef G
        OPTION_N
};

enum config_detector {
    CONFIG_DETECTOR_AUTO,
    CONFIG_DETECTOR_YUNET,
    CONFIG_DETECTOR_RETINAFACE,
    CONFIG_DETECTOR_MTCNN
};

/* The fields' types. An ENUM holds the place of its choice, the first being 0; log_level has the
 * values of base/log.h's enum log_level. */
typedef int64_t config_INT;
typedef int64_t config_SIZE;
typedef double config_REAL;
typedef bool config_BOOL;
typedef const char *config_STRING;
typedef int config_ENUM;
typedef const char *config_CHOICE;

struct arena;

struct config {
#define X(name, type, ...) config_##type name;
#define G(title)
    OPTIONS(X, G)
#undef X
#undef G
    struct arena *arena;          /* private: owns everything, this struct too */
    const char *texts[OPTION_N];  /* read by config_text */
    const char *origin[OPTION_N]; /* read by config_origin */
    const char *models_path, *database_path, *database_name;
};

/* Reads all sources. Options known here leave argv; positional arguments, "--" and all behind it,
 * short flags, and the flags in own[] (names without dashes, NULL at the end; the values that
 * follow them stay as well) remain in order, argv[0] first, and *argc is set. argv is untouched on
 * failure. Errors INVALID (what, where, what is allowed), NOT_FOUND (the file that was asked for),
 * IO, NOMEM.
 */
NODISCARD enum err config_load(int *argc, char **argv, const char *const *own,
                               struct config **ret_config, struct error *e);
/* Wipes and frees; NULL is fine. Also the cleanup helper: config_freep. */
void config_free(struct config *c);
void config_freep(struct config **c);

/* The value as text, "yunet"; lives as long as c. */
const char *config_text(const struct config *c, enum option o);
/* Where it came from: default, PATH:LINE, ROLLCALL_NAME or --name. */
const char *config_origin(const struct config *c, enum option o);

/* What may be shown to people: secrets masked, no password of the database. */
const char *config_shown(const struct config *c, enum option o);

#define CONFIG_ORIGIN_SETTING "setting"
/* Puts a value that was kept elsewhere in the place of the present one. For the start, before other
 * threads read c. Errors INVALID, NOMEM. */
NODISCARD enum err config_override(struct config *c, enum option o, struct str text,
                                   struct error *e);

/* Values that other options stand in for. Live as long as c. */
const char *config_models_dir(const struct config *c);    /* models_dir, or data_dir/models */
const char *config_database_path(const struct config *c); /* the SQLite file */
const char *config_database_url(const struct config *c);  /* PostgreSQL's address; NULL: SQLite */
const char *config_database_name(const struct config *c); /* either, for people: no password */
int config_workers(const struct config *c); /* workers, or the cores of this machine */

/* `name = value ; origin`, one line an option, secrets masked: `rollcall config show`. */
void config_print(const struct config *c, struct buf *b);
