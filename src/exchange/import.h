/* Imports: files of a student information system become students, courses and rosters.
 *
 * An import has two halves. The plan reads file and database and says of each line what will happen
 * (report.h); a dry run ends there. Only when no line has an error the plan is written, in ONE
 * transaction: all of it or nothing. What the plan saw must still be so when it is written (row
 * versions tell); where somebody changed it meanwhile, the plan is made again.
 * An import can be repeated: what is as the file says is `unchanged`.
 * Thread: any that may block on SQL; one import at a time is asked of the caller. */
#pragma once

#include "exchange/report.h"
#include "store/course.h"
#include "store/db.h"

struct import_options {
    struct db *db;
    struct arena *a; /* the file, the plan and the report live in it: some 2 KiB a line */
    bool dry_run;
    bool missing_students; /* whom the file leaves out becomes inactive */
    bool missing_entries;  /* who is on a roster of the file and not in it is taken off */
    bool create_teachers; /* teachers of OneRoster who are no users become some, without password */
    bool (*may_teach)(struct str role); /* NULL: every role */
    bool force;                         /* even when that is more than a fifth of them */
    size_t bytes_max;                   /* of the file */
    int rows_max;                       /* lines of one file */
    struct str tz;                      /* of dates without a time; empty: UTC */
    usec_t now;
    struct course course; /* the policy that new courses begin with */
    /* of sessions from calendars */
    struct str course_name; /* an id or a code; p NULL: each event says */
    int64_t confirm_gap_ms, confirm_window_s;
};

/* A roster that changed, for those who keep copies. */
struct import_roster {
    struct course_id course;
    int64_t version;
};

struct import_result {
    struct import_report report;
    bool applied; /* false: a dry run, or a line has an error; nothing was written */
    struct import_roster *rosters;
    int n_rosters;
    usec_t write_time; /* how long the transaction took */
};

/* CSV with external_id, name (or given_name, family_name), email, status. Errors of all three:
 * INVALID, TOO_LARGE (the file as a whole cannot be read), CONFLICT (missing_... would take more
 * than a fifth, or others change the same rows all the time), NOMEM, UNAVAILABLE. Errors of single
 * lines are in the report. */
NODISCARD enum err import_students(const struct import_options *o, struct str bytes,
                                   struct import_result *ret_result, struct error *e);
/* CSV with code, term, title, late_after_min, instructors (logins, parted by semicolons). */
NODISCARD enum err import_courses(const struct import_options *o, struct str bytes,
                                  struct import_result *ret_result, struct error *e);
/* CSV with course (a code), term, external_id, valid_from, valid_to, action (add, remove). */
NODISCARD enum err import_rosters(const struct import_options *o, struct str bytes,
                                  struct import_result *ret_result, struct error *e);
/* A zip file of OneRoster 1.1 CSV tables: users, classes and enrollments. missing_students is about
 * users in a bulk file, missing_entries about classes with their enrollments in one. */
NODISCARD enum err import_oneroster(const struct import_options *o, struct str bytes,
                                    struct import_result *ret_result, struct error *e);
/* Sessions from an iCalendar file (docs/timetable.md). */
NODISCARD enum err import_icalendar(const struct import_options *o, struct str bytes,
                                    struct import_result *ret_result, struct error *e);
