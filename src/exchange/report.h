/* What an import does, or would do: one line for each line of the file, counts of each kind, and
 * warnings about the file as a whole. Filled by the importers of this folder, shown by api/imports.
 * Everything lies in the arena of the import. Thread: one at a time. */
#pragma once

#include "base/arena.h"

/* X(code, word) */
#define IMPORT_ACTION_MAP(X)                                                                       \
    X(ERROR, "error")                                                                              \
    X(CREATE, "create")                                                                            \
    X(UPDATE, "update")                                                                            \
    X(REMOVE, "remove")                                                                            \
    X(IGNORE, "ignore")                                                                            \
    X(UNCHANGED, "unchanged")

enum import_action {
#define X(code, word) IMPORT_##code,
    IMPORT_ACTION_MAP(X)
#undef X
};
enum { IMPORT_ACTION_N = IMPORT_UNCHANGED + 1, IMPORT_CHANGES_MAX = 8, IMPORT_WARNINGS_MAX = 32 };

/* The words, NULL-terminated. */
extern const char *const import_actions[];

struct import_change {
    struct str field, from, to;
};

struct import_line {
    struct str file;   /* of a zip file: the entry; p NULL: the one file that was sent */
    int64_t line;      /* 0: none, the line is about what the file does not name */
    struct str entity; /* student, course, roster, instructor ...; p NULL where that is unknown */
    struct str action; /* a word of import_actions */
    struct str key;    /* how the file names it: the external id, "CS-101 2026W", ... */
    struct import_change *changes;
    int n_changes;
    struct str message; /* why, or what to know; p NULL: nothing to say */
    enum import_action kind;
};

struct import_report {
    struct arena *a;
    struct import_line *lines;
    int n_lines, capacity;
    int64_t counts[IMPORT_ACTION_N];
    struct str *warnings;
    int n_warnings;
    struct import_line spare; /* what did not fit */
    bool failed;              /* out of memory: nothing else of it is true */
};

void report_init(struct import_report *r, struct arena *a);
/* A new line, to be filled in further; never NULL. message: borrowed, may be NULL. */
struct import_line *report_line(struct import_report *r, int64_t line, const char *entity,
                                struct str key);
/* Says what happens to it, and counts it. Once for each line. */
void report_action(struct import_report *r, struct import_line *line, enum import_action action);
/* The same with a formatted message. */
void report_say(struct import_report *r, struct import_line *line, enum import_action action,
                const char *fmt, ...) PRINTF_LIKE(4, 5);
/* One field that changes; empty texts are shown as such. */
void report_change(struct import_report *r, struct import_line *line, const char *field,
                   struct str from, struct str to);
void report_warn(struct import_report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Errors NOMEM: the file is too large for an import. */
NODISCARD enum err report_check(const struct import_report *r, struct error *e);
