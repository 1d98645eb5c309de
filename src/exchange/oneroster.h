/* OneRoster 1.1 (1EdTech, "OneRoster: CSV Tables", final release 1.1.1): what a zip file holds and
 * what of it is used here. Read by oneroster.c, planned by oneroster_plan.c.
 *
 * Used are users of role student (students) and teacher (users who are there), classes with the
 * titles of their courses and terms (courses), and enrollments of these roles (roster entries,
 * instructors of courses). The rest is counted as ignored.
 * Thread: one at a time. */
#pragma once

#include "exchange/sets.h"
#include "exchange/zip.h"

/* X(code, file name) */
#define ONEROSTER_FILE_MAP(X)                                                                      \
    X(SESSIONS, "academicSessions")                                                                \
    X(COURSES, "courses")                                                                          \
    X(USERS, "users")                                                                              \
    X(CLASSES, "classes")                                                                          \
    X(ENROLLMENTS, "enrollments")

enum oneroster_file {
#define X(code, name) ONEROSTER_##code,
    ONEROSTER_FILE_MAP(X)
#undef X
};
enum { ONEROSTER_FILE_N = ONEROSTER_ENROLLMENTS + 1, ONEROSTER_SYSTEM_MAX = 100 };

enum oneroster_mode { ONEROSTER_ABSENT, ONEROSTER_BULK, ONEROSTER_DELTA };

struct oneroster_table {
    enum oneroster_mode mode;
    const char *name; /* "users.csv" */
    struct csv_table csv;
};

struct oneroster {
    struct oneroster_table files[ONEROSTER_FILE_N];
    struct str system; /* source.systemCode of the manifest, else "oneroster" */
};

/* Reads the zip file: its manifest, and the tables that the manifest declares. Errors INVALID (no
 * manifest, another version, a file that is declared and not there ...), TOO_LARGE, NOMEM. */
NODISCARD enum err oneroster_read(const struct import_options *o, struct str bytes,
                                  struct oneroster *ret_data, struct error *e);
