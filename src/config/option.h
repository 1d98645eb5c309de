/* The rows of config/options.h as data, and what can be said of a row without a configuration:
 * reading a value, naming what is allowed. Thread: any. */
#pragma once

#include "config/config.h"

enum option_type {
    OPTION_TYPE_INT,
    OPTION_TYPE_REAL,
    OPTION_TYPE_SIZE,
    OPTION_TYPE_BOOL,
    OPTION_TYPE_STRING,
    OPTION_TYPE_ENUM,
    OPTION_TYPE_CHOICE,
};

enum { OPTION_RELOAD = 1, OPTION_SECRET = 2 };

struct option_row {
    const char *name;
    enum option_type type;
    unsigned flags;
    const char *text; /* the default */
    double min, max;
    const char *unit; /* an ENUM's or CHOICE's choices */
    const char *help;
    size_t offset; /* of the field in struct config */
};

extern const struct option_row option_rows[OPTION_N];

/* May an admin change the option by the API, and when does that count? */
enum option_change { OPTION_CHANGE_NOW, OPTION_CHANGE_RESTART, OPTION_CHANGE_NEVER };
enum option_change option_change_of(enum option o);
enum { SETTING_NAME = 80 };
/* What its row in the `setting` table is called: "option:NAME". */
void option_setting_name(enum option o, char ret_name[static SETTING_NAME]);

/* The option of that name ('-' counts as '_'), or OPTION_N. */
enum option option_find(struct str name);
/* The option with the most similar name and, in ret_distance, how many letters differ. */
enum option option_nearest(struct str name, int *ret_distance);

/* Reads text and writes the field of c; a STRING or CHOICE borrows text. Errors INVALID: what is
 * allowed. */
NODISCARD enum err option_parse(enum option o, const char *text, struct config *c, struct error *e);
/* "a whole number from 0 to 65535 (port)". */
void option_allowed(enum option o, struct buf *b);
