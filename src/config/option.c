/* Options as data: see option.h. Each row knows its place in struct config; one small function a
 * type reads a value. Called when a configuration is loaded, by one thread; no state. */
#include "config/option.h"

#include <ctype.h>
#include <math.h>

#define RELOAD_NO 0
#define RELOAD_YES OPTION_RELOAD
#define SECRET OPTION_SECRET

const struct option_row option_rows[OPTION_N] = {
#define X(id, kind, flag, def, low, high, what, sentence)                                          \
    [OPTION_##id] = {.name = #id,                                                                  \
                     .type = OPTION_TYPE_##kind,                                                   \
                     .flags = (flag),                                                              \
                     .text = (def),                                                                \
                     .min = (low),                                                                 \
                     .max = (high),                                                                \
                     .unit = (what),                                                               \
                     .help = (sentence),                                                           \
                     .offset = offsetof(struct config, id)},
#define G(title)
    OPTIONS(X, G)
#undef X
#undef G
};

enum { NAME_MAX_BYTES = 64 }; /* longer names are not compared letter by letter */

static char folded(char c) { return c == '-' ? '_' : c; }

enum option option_find(struct str name)
{
    for (enum option o = 0; o < OPTION_N; o++) {
        const char *known = option_rows[o].name;
        size_t i = 0;
        while (i < name.n && known[i] && folded(name.p[i]) == known[i])
            i++;
        if (i == name.n && !known[i])
            return o;
    }
    return OPTION_N;
}

static int least(int a, int b) { return a < b ? a : b; }

/* Levenshtein distance by one row of the matrix at a time. */
static int distance(struct str a, const char *b)
{
    int row[NAME_MAX_BYTES + 1];
    int n = (int)strlen(b);
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; i < a.n; i++) {
        int diagonal = row[0];
        row[0] = (int)i + 1;
        for (int j = 1; j <= n; j++) {
            int changed = diagonal + (folded(a.p[i]) != b[j - 1]);
            diagonal = row[j];
            row[j] = least(changed, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

enum option option_nearest(struct str name, int *ret_distance)
{
    enum option best = OPTION_N;
    int best_distance = NAME_MAX_BYTES + 1;
    for (enum option o = 0; o < OPTION_N && name.n <= NAME_MAX_BYTES; o++) {
        int d = distance(name, option_rows[o].name);
        if (d < best_distance) {
            best_distance = d;
            best = o;
        }
    }
    *ret_distance = best_distance;
    return best;
}

static bool in_range(const struct option_row *row, double v)
{
    return v >= row->min && v <= row->max;
}

static bool read_int(const struct option_row *row, struct str s, int64_t *ret_value)
{
    return str_to_i64(s, ret_value, NULL) == ERR_OK && in_range(row, (double)*ret_value);
}

/* A whole number of bytes, or one of KiB, MiB or GiB: 64M. */
static bool read_size(const struct option_row *row, struct str s, int64_t *ret_value)
{
    static const char units[] = "KMG";
    int64_t factor = 1;
    const char *unit = s.n ? strchr(units, toupper((unsigned char)s.p[s.n - 1])) : NULL;
    if (unit && *unit) {
        factor = (int64_t)1 << (10 * (unit - units + 1));
        s.n--;
    }
    int64_t v = 0;
    if (str_to_i64(s, &v, NULL) || !in_range(row, (double)v * (double)factor))
        return false;
    *ret_value = v * factor;
    return true;
}

static bool read_real(const struct option_row *row, struct str s, double *ret_value)
{
    return str_to_double(s, ret_value, NULL) == ERR_OK && in_range(row, *ret_value);
}

static bool read_bool(struct str s, bool *ret_value)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq_nocase(s, str_from(words[i]))) {
            *ret_value = i % 2;
            return true;
        }
    return false;
}

static bool read_enum(const struct option_row *row, struct str s, int *ret_value)
{
    struct str rest = str_from(row->unit), choice;
    for (int i = 0; str_split(&rest, '|', &choice); i++)
        if (str_eq(choice, s)) {
            *ret_value = i;
            return true;
        }
    return false;
}

/* Texts are UTF-8 without control characters: they go into paths, headers and logs. */
static bool read_string(const struct option_row *row, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7F)
            return false;
    return str_is_utf8(s) && in_range(row, (double)s.n);
}

/* One of the choices; where a choice is PREFIX:FILE, anything behind the prefix. */
static bool read_choice(const struct option_row *row, struct str s)
{
    struct str rest = str_from(row->unit), choice;
    while (str_split(&rest, '|', &choice)) {
        const struct str open = STR("FILE");
        struct str prefix = {choice.p, choice.n > open.n ? choice.n - open.n : choice.n};
        bool any = choice.n > open.n && str_eq((struct str){choice.p + prefix.n, open.n}, open);
        if (any ? s.n > prefix.n && str_starts(s, prefix) : str_eq(choice, s))
            return read_string(row, s);
    }
    return false;
}

static bool read_value(const struct option_row *row, const char *text, void *field)
{
    struct str s = str_from(text);
    switch (row->type) {
    case OPTION_TYPE_INT:
        return read_int(row, s, field);
    case OPTION_TYPE_SIZE:
        return read_size(row, s, field);
    case OPTION_TYPE_REAL:
        return read_real(row, s, field);
    case OPTION_TYPE_BOOL:
        return read_bool(s, field);
    case OPTION_TYPE_ENUM:
        return read_enum(row, s, field);
    case OPTION_TYPE_STRING:
        *(config_STRING *)field = text;
        return read_string(row, s);
    case OPTION_TYPE_CHOICE:
        *(config_CHOICE *)field = text;
        return read_choice(row, s);
    }
    return false;
}

enum err option_parse(enum option o, const char *text, struct config *c, struct error *e)
{
    const struct option_row *row = &option_rows[o];
    if (read_value(row, text, (char *)c + row->offset))
        return ERR_OK;
    struct buf allowed;
    buf_init(&allowed, KIB);
    option_allowed(o, &allowed);
    enum err r =
        error_set(e, ERR_INVALID, "%s is '%.60s', but allowed is %.*s", row->name,
                  row->flags & OPTION_SECRET ? "(not shown)" : text, STR_ARGS(buf_str(&allowed)));
    buf_done(&allowed);
    return r;
}

/* "a whole number from 0 to 65535": %.15g writes every bound in the table exactly. */
void option_allowed(enum option o, struct buf *b)
{
    const struct option_row *row = &option_rows[o];
    switch (row->type) {
    case OPTION_TYPE_INT:
        buf_printf(b, "a whole number from %.15g to %.15g (%s)", row->min, row->max, row->unit);
        return;
    case OPTION_TYPE_SIZE:
        buf_printf(b, "%.15g to %.15g bytes, K, M or G may follow", row->min, row->max);
        return;
    case OPTION_TYPE_REAL:
        buf_printf(b, "a number from %.15g to %.15g (%s)", row->min, row->max, row->unit);
        return;
    case OPTION_TYPE_BOOL:
        buf_puts(b, "true or false");
        return;
    case OPTION_TYPE_ENUM:
    case OPTION_TYPE_CHOICE:
        buf_puts(b, row->unit);
        return;
    case OPTION_TYPE_STRING:
        buf_printf(b, "a text of %.15g to %.15g bytes (%s)", row->min, row->max, row->unit);
        return;
    }
}

/* Few, and none that could lock everybody out or weaken recognition or sign-in. */
enum option_change option_change_of(enum option o)
{
    static const struct {
        enum option option;
        enum option_change change;
    } rows[] = {
        {OPTION_confirmations, OPTION_CHANGE_NOW},
        {OPTION_late_after_min, OPTION_CHANGE_NOW},
        {OPTION_sessions_auto, OPTION_CHANGE_RESTART},
        {OPTION_session_stop_grace_s, OPTION_CHANGE_RESTART},
        {OPTION_jobs_keep_days, OPTION_CHANGE_RESTART},
        {OPTION_sightings_halve_days, OPTION_CHANGE_RESTART},
        {OPTION_template_max_age_days, OPTION_CHANGE_RESTART},
        {OPTION_http_access_log, OPTION_CHANGE_RESTART},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].option == o)
            return rows[i].change;
    return OPTION_CHANGE_NEVER;
}

void option_setting_name(enum option o, char ret_name[static SETTING_NAME])
{
    snprintf(ret_name, SETTING_NAME, "option:%s", option_rows[o].name);
}
