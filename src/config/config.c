/* The configuration: see config.h.
 *
 * Model: every source is turned into (option, text, origin) and applied in order of precedence; the
 * whole is checked at the end. Everything lives in the configuration's own arena.
 * Cost: microseconds; called at start and on reload, by one thread. Invariant: a configuration that
 * config_load returned has every field in its allowed range. */
#include "config/config.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/mem.h"
#include "config/option.h"

#include <ctype.h>
#include <ini.h>
#include <unistd.h>

extern char **environ;

enum {
    CONFIG_ARENA_BYTES = 1 << 20,
    CONFIG_FILE_BYTES = 256 << 10,
    NEAR_LETTERS = 2, /* an unknown ROLLCALL_ variable this near to an option is a slip */
};

static const char default_file[] = "rollcall.ini";
static const char env_prefix[] = "ROLLCALL_";

static enum err out_of_memory(struct error *e)
{
    return error_set(e, ERR_NOMEM, "out of memory for the configuration");
}

/* One value from one source. */
static enum err apply(struct config *c, enum option o, struct str value, const char *origin,
                      struct error *e)
{
    const char *text = arena_strdup(c->arena, value);
    if (!text || !origin)
        return out_of_memory(e);
    enum err r = option_parse(o, text, c, e);
    if (r)
        return error_wrap(e, r, "%s", origin);
    c->texts[o] = text;
    c->origin[o] = origin;
    return ERR_OK;
}

/* An unknown name is an error that names the nearest option. */
static enum err unknown(const char *origin, struct str name, struct error *e)
{
    int letters = 0;
    enum option near = option_nearest(name, &letters);
    int shown = name.n < 60 ? (int)name.n : 60;
    if (near == OPTION_N || letters * 2 > shown)
        return error_set(e, ERR_INVALID,
                         "%s: there is no option '%.*s'; `rollcall config doc` lists them", origin,
                         shown, name.p);
    return error_set(e, ERR_INVALID, "%s: there is no option '%.*s'; did you mean '%s'?", origin,
                     shown, name.p, option_rows[near].name);
}

static enum err apply_defaults(struct config *c, struct error *e)
{
    for (enum option o = 0; o < OPTION_N; o++) {
        enum err r = apply(c, o, str_from(option_rows[o].text), "default", e);
        if (r)
            return r;
    }
    return ERR_OK;
}

/* ---- the file */

struct file_source {
    struct config *c;
    const char *path;
    struct str rest;
    int line;
    int set_at[OPTION_N]; /* line, 0 = not set */
    enum err err;         /* the first error wins; inih reads on */
    struct error *e;
};

static char *file_origin(const struct file_source *f)
{
    return arena_printf(f->c->arena, "%s:%d", f->path, f->line);
}

/* Gives inih the next line, without its indentation (inih would join it to the line before). */
static char *file_line(char *ret_line, int size, void *stream)
{
    struct file_source *f = stream;
    struct str line;
    if (f->err || f->rest.n == 0 || !str_split(&f->rest, '\n', &line))
        return NULL;
    f->line++;
    line = str_trim(line);
    if (line.n + 4 > (size_t)size) {
        f->err = error_set(f->e, ERR_INVALID, "%s:%d: the line is longer than %d bytes", f->path,
                           f->line, size - 4);
        return NULL;
    }
    snprintf(ret_line, (size_t)size, "%.*s\n", STR_ARGS(line));
    return ret_line;
}

static enum err file_set(struct file_source *f, const char *section, const char *name,
                         const char *value)
{
    char *origin = file_origin(f);
    if (!origin)
        return out_of_memory(f->e);
    if (*section)
        return error_set(f->e, ERR_INVALID, "%s: sections like [%.40s] are not used", origin,
                         section);
    enum option o = option_find(str_from(name));
    if (o == OPTION_N)
        return unknown(origin, str_from(name), f->e);
    if (f->set_at[o])
        return error_set(f->e, ERR_INVALID, "%s: %s was set on line %d already", origin, name,
                         f->set_at[o]);
    f->set_at[o] = f->line;
    return apply(f->c, o, str_from(value), origin, f->e);
}

static int file_pair(void *user, const char *section, const char *name, const char *value)
{
    struct file_source *f = user;
    if (!f->err)
        f->err = file_set(f, section, name, value);
    return !f->err;
}

static enum err apply_file(struct config *c, const char *path, struct error *e)
{
    struct file_source f = {.c = c, .path = path, .e = e};
    enum err r = file_read(path, CONFIG_FILE_BYTES, c->arena, &f.rest, e);
    if (r)
        return error_wrap(e, r, "configuration file");
    if (!str_is_utf8(f.rest) || (f.rest.n && memchr(f.rest.p, 0, f.rest.n)))
        return error_set(e, ERR_INVALID, "%s: not a UTF-8 text file", path);
    int line = ini_parse_stream(file_line, &f, file_pair, &f);
    if (f.err)
        return f.err;
    if (line < 0)
        return out_of_memory(e);
    if (line > 0)
        return error_set(e, ERR_INVALID, "%s:%d: expected `name = value`", path, line);
    return ERR_OK;
}

/* ---- the environment */

/* Applies NAME=value; `pair` begins behind the prefix. */
static enum err apply_variable(struct config *c, const char *pair, struct error *e)
{
    struct str rest = str_from(pair), upper;
    if (!str_split(&rest, '=', &upper) || !rest.p)
        return ERR_OK;
    char *name = arena_strdup(c->arena, upper);
    char *origin = arena_printf(c->arena, "%s%.*s", env_prefix, STR_ARGS(upper));
    if (!name || !origin)
        return out_of_memory(e);
    for (char *p = name; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (strcmp(name, "config") == 0)
        return ERR_OK;
    enum option o = option_find(str_from(name));
    if (o != OPTION_N)
        return apply(c, o, rest, origin, e);
    int letters = 0;
    option_nearest(str_from(name), &letters);
    return letters <= NEAR_LETTERS ? unknown(origin, str_from(name), e) : ERR_OK;
}

static enum err apply_environment(struct config *c, struct error *e)
{
    for (char **p = environ; p && *p; p++) {
        if (strncmp(*p, env_prefix, sizeof env_prefix - 1) != 0)
            continue;
        enum err r = apply_variable(c, *p + sizeof env_prefix - 1, e);
        if (r)
            return r;
    }
    return ERR_OK;
}

/* ---- the command line */

/* A flag at argv[*at]: its name without dashes, and its value or p NULL. */
struct flag {
    struct str name, value;
};

/* False when argv[at] is no flag of ours; "--" ends all flags. */
static bool flag_at(char *const *argv, int at, const char *const *own, struct flag *ret_flag)
{
    if (strncmp(argv[at], "--", 2) != 0 || !argv[at][2])
        return false;
    struct str rest = str_from(argv[at] + 2);
    struct flag f = {.value = {NULL, 0}};
    if (!str_split(&rest, '=', &f.name))
        return false;
    f.value = rest; /* p NULL when there was no '=' */
    for (; own && *own; own++)
        if (str_is(f.name, *own))
            return false;
    *ret_flag = f;
    return true;
}

/* The flag's value, taking the next argument when it has none of its own. */
static enum err flag_value(struct flag *f, int argc, char *const *argv, int *at, struct error *e)
{
    if (f->value.p)
        return ERR_OK;
    if (*at + 1 >= argc)
        return error_set(e, ERR_INVALID, "--%.*s: a value is missing", STR_ARGS(f->name));
    f->value = str_from(argv[++*at]);
    return ERR_OK;
}

static enum err apply_flag(struct config *c, struct flag *f, int argc, char *const *argv, int *at,
                           struct error *e)
{
    if (str_is(f->name, "config"))
        return flag_value(f, argc, argv, at, e);
    enum option o = option_find(f->name);
    if (o == OPTION_N)
        return unknown("command line", f->name, e);
    const struct option_row *row = &option_rows[o];
    if (row->flags & OPTION_SECRET)
        return error_set(e, ERR_INVALID,
                         "--%.*s: a secret is seen by everybody on the command line; put it into "
                         "the file or the environment",
                         STR_ARGS(f->name));
    if (row->type == OPTION_TYPE_BOOL && !f->value.p)
        f->value = STR("true");
    enum err r = flag_value(f, argc, argv, at, e);
    if (r)
        return r;
    return apply(c, o, f->value, arena_printf(c->arena, "--%.*s", STR_ARGS(f->name)), e);
}

/* Applies our flags; ret_rest gets the other arguments, ret_n of them. */
static enum err apply_arguments(struct config *c, int argc, char *const *argv,
                                const char *const *own, char **ret_rest, int *ret_n,
                                struct error *e)
{
    int n = 0;
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        struct flag f;
        ended = ended || strcmp(argv[i], "--") == 0;
        if (i == 0 || ended || !flag_at(argv, i, own, &f)) {
            ret_rest[n++] = argv[i];
            continue;
        }
        enum err r = apply_flag(c, &f, argc, argv, &i, e);
        if (r)
            return r;
    }
    *ret_n = n;
    return ERR_OK;
}

/* The last --config of the command line, else the environment's, else the default file if it is
 * there, else NULL. */
static enum err file_path(struct config *c, int argc, char *const *argv, const char *const *own,
                          const char **ret_path, struct error *e)
{
    const char *path = getenv("ROLLCALL_CONFIG");
    if (!path || !*path)
        path = file_exists(default_file) ? default_file : NULL;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        struct flag f;
        if (!flag_at(argv, i, own, &f) || !str_is(f.name, "config"))
            continue;
        enum err r = flag_value(&f, argc, argv, &i, e);
        if (r)
            return r;
        path = arena_strdup(c->arena, f.value);
        if (!path)
            return out_of_memory(e);
    }
    *ret_path = path;
    return ERR_OK;
}

/* ---- the whole */

static bool is_postgres(struct str url)
{
    return str_starts(url, STR("postgres://")) || str_starts(url, STR("postgresql://"));
}

static enum err check_database(const struct config *c, struct error *e)
{
    struct str url = str_from(c->database), replica = str_from(c->database_replica);
    if (replica.n && !(is_postgres(replica) && is_postgres(url)))
        return error_set(e, ERR_INVALID,
                         "%s: database_replica is postgresql://..., beside a database that is, too",
                         c->origin[OPTION_database_replica]);
    if (url.n == 0 || str_starts(url, STR("sqlite:")) || is_postgres(url))
        return ERR_OK;
    /* The value may hold a password: not shown. */
    return error_set(e, ERR_INVALID,
                     "%s: database must be sqlite:, sqlite:PATH or "
                     "postgresql://USER:PASSWORD@HOST/DATABASE",
                     c->origin[OPTION_database]);
}

static enum err check_whole(const struct config *c, struct error *e)
{
    size_t key = strlen(c->installation_key);
    if (key && (key != 64 || strspn(c->installation_key, "0123456789abcdefABCDEF") != key))
        return error_set(e, ERR_INVALID, "%s: installation_key must be 64 hexadecimal digits",
                         c->origin[OPTION_installation_key]);
    if (c->frame_max_bytes > c->queue_max_bytes)
        return error_set(e, ERR_INVALID,
                         "%s: queue_max_bytes = %s holds no frame of frame_max_bytes = %s",
                         c->origin[OPTION_queue_max_bytes], c->texts[OPTION_queue_max_bytes],
                         c->texts[OPTION_frame_max_bytes]);
    if ((double)(c->confirmations - 1) * (double)c->confirm_gap_ms >
        (double)c->confirm_window_s * 1000)
        return error_set(e, ERR_INVALID,
                         "%s: %s confirmations %s ms apart do not fit into confirm_window_s = %s",
                         c->origin[OPTION_confirm_window_s], c->texts[OPTION_confirmations],
                         c->texts[OPTION_confirm_gap_ms], c->texts[OPTION_confirm_window_s]);
    return check_database(c, e);
}

/* postgresql://user:secret@host/db?password=secret -> postgresql://user@host/db */
static const char *without_password(struct arena *a, const char *url)
{
    const char *user = strstr(url, "://") + 3, *query = strchr(url, '?');
    size_t n = query ? (size_t)(query - url) : strlen(url);
    const char *at = memrchr(url, '@', n);
    const char *colon = at ? memchr(user, ':', (size_t)(at - user)) : NULL;
    return colon ? arena_printf(a, "%.*s%.*s", (int)(colon - url), url, (int)(url + n - at), at)
                 : arena_printf(a, "%.*s", (int)n, url);
}

/* The values that stand in for empty ones. */
static enum err derive(struct config *c, struct error *e)
{
    struct str url = str_from(c->database), scheme = STR("sqlite:");
    const char *file = url.n > scheme.n ? c->database + scheme.n : NULL;
    c->models_path =
        *c->models_dir ? c->models_dir : arena_printf(c->arena, "%s/models", c->data_dir);
    c->database_path = file ? file : arena_printf(c->arena, "%s/rollcall.db", c->data_dir);
    c->database_name =
        is_postgres(url) ? without_password(c->arena, c->database) : c->database_path;
    return c->models_path && c->database_path && c->database_name ? ERR_OK : out_of_memory(e);
}

static enum err config_new(struct config **ret_config, struct error *e)
{
    struct arena *a = arena_new(CONFIG_ARENA_BYTES);
    struct config *c = a ? arena_alloc(a, sizeof *c) : NULL;
    if (!c) {
        arena_free(a);
        return out_of_memory(e);
    }
    c->arena = a;
    *ret_config = c;
    return ERR_OK;
}

enum err config_load(int *argc, char **argv, const char *const *own, struct config **ret_config,
                     struct error *e)
{
    _cleanup_(config_freep) struct config *c = NULL;
    _cleanup_(mem_freep) char **rest = mem_array((size_t)*argc + 1, sizeof *rest);
    if (!rest)
        return out_of_memory(e);
    const char *path = NULL;
    int n = 0;
    enum err r = config_new(&c, e);
    if (!r)
        r = file_path(c, *argc, argv, own, &path, e);
    if (!r)
        r = apply_defaults(c, e);
    if (!r && path)
        r = apply_file(c, path, e);
    if (!r)
        r = apply_environment(c, e);
    if (!r)
        r = apply_arguments(c, *argc, argv, own, rest, &n, e);
    if (!r)
        r = check_whole(c, e);
    if (!r)
        r = derive(c, e);
    if (r)
        return r;
    memcpy(argv, rest, (size_t)n * sizeof *rest);
    if (n < *argc)
        argv[n] = NULL;
    *argc = n;
    *ret_config = TAKE(c);
    return ERR_OK;
}

void config_free(struct config *c)
{
    if (c)
        arena_free(c->arena);
}

void config_freep(struct config **c) { config_free(*c); }

const char *config_text(const struct config *c, enum option o) { return c->texts[o]; }

const char *config_origin(const struct config *c, enum option o) { return c->origin[o]; }

const char *config_models_dir(const struct config *c) { return c->models_path; }

const char *config_database_path(const struct config *c) { return c->database_path; }

const char *config_database_url(const struct config *c)
{
    return is_postgres(str_from(c->database)) ? c->database : NULL;
}

const char *config_database_name(const struct config *c) { return c->database_name; }

int config_workers(const struct config *c)
{
    long cores = c->workers ? (long)c->workers : sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 1;
}

const char *config_shown(const struct config *c, enum option o)
{
    if (o == OPTION_database && config_database_url(c))
        return c->database_name;
    return option_rows[o].flags & OPTION_SECRET && *c->texts[o] ? "********" : c->texts[o];
}

enum err config_override(struct config *c, enum option o, struct str text, struct error *e)
{
    char *copy = arena_strdup(c->arena, text);
    if (!copy)
        return error_set(e, ERR_NOMEM, "no memory for a setting");
    enum err r = option_parse(o, copy, c, e);
    if (r)
        return r;
    c->texts[o] = copy;
    c->origin[o] = CONFIG_ORIGIN_SETTING;
    return ERR_OK;
}

void config_print(const struct config *c, struct buf *b)
{
    for (enum option o = 0; o < OPTION_N; o++)
        buf_printf(b, "%-24s = %-24s ; %s\n", option_rows[o].name, config_shown(c, o),
                   c->origin[o]);
}
