/* Reports inside api/: one engine for all of them, and what each kind adds.
 *
 * A report is a head, then rows that come page by page, each page one short read of the database,
 * then (in JSON) the totals of the rows and where a next page begins. So it needs the memory of a
 * page whatever its length, and a client that reads slowly holds nothing but that. The kinds are in
 * reports.c (session, course) and reports_term.c (student, term); the engine is report_stream.c. */
#pragma once

#include "api/handlers.h"
#include "attendance/counts.h"
#include "store/report.h"

/* Rows a page is made of; fewer where each is counted from the marks. */
enum {
    REPORT_CURSOR = 160,
    REPORT_PAGE = 200,
    REPORT_PAGE_TOTALS = 5000,
    REPORT_PAGE_COUNTED = 100
};

/* Counts as a report shows them. */
struct report_tally {
    int64_t present, late, left_early, absent, excused;
    double percent;
};
extern const struct schema report_tally_schema, report_verified_schema;
struct report_tally report_tally_of(const struct counts *t);

/* The register, as far as it is known without reading it. */
struct report_verified {
    usec_t at, signed_at;
    struct str state; /* never, whole, damaged */
    int64_t age_s, events, findings;
};

/* What every report begins with, and what some do; a kind's schema names the members it has. */
struct report_head {
    struct str title;
    usec_t generated_at, from, to;
    struct str tz;
    struct report_verified verified;
    struct report_tally counts;
    int64_t n_sessions, n_courses;
    struct str term;
    char session[ID_TEXT];
    struct str status;
    usec_t planned_start, started_at, ended_at;
    struct {
        char id[ID_TEXT];
        struct str code, title;
    } course;
    struct person student;
    void *list; /* of a course its sessions, of a student the courses */
    int n_list;
    /* filled by the engine, and only for the API description */
    void *items;
    int n_items;
    struct report_tally totals;
    struct str next;
};
#define REPORT_HEAD_FIELDS                                                                         \
    FIELD_STR(struct report_head, title, 0, 400, FIELD_REQUIRED, "What the report is about."),     \
        FIELD_TIME(struct report_head, generated_at, FIELD_REQUIRED, "When it was begun."),        \
        FIELD_TIME(struct report_head, from, FIELD_NULLABLE, "Sessions from this time on."),       \
        FIELD_TIME(struct report_head, to, FIELD_NULLABLE, "Sessions before this time."),          \
        FIELD_STR(struct report_head, tz, 0, TZ_NAME_MAX, FIELD_REQUIRED,                          \
                  "The time zone whose days and weekdays were meant."),                            \
        FIELD_OBJECT(struct report_head, verified, &report_verified_schema, FIELD_REQUIRED,        \
                     "When the register behind it was last verified.")
/* The last members: the engine writes them, REPORT_TAIL_N of them. */
#define REPORT_TAIL_FIELDS(row)                                                                    \
    FIELD_LIST(struct report_head, items, n_items, row, 1e9, FIELD_REQUIRED,                       \
               "The rows, in order of the cursor."),                                               \
        FIELD_OBJECT(struct report_head, totals, &report_tally_schema, FIELD_REQUIRED,             \
                     "The marks in these rows."),                                                  \
        FIELD_STR(struct report_head, next, 0, REPORT_CURSOR, FIELD_NULLABLE,                      \
                  "Pass as `after` for the next page; null: the end.")
enum { REPORT_TAIL_N = 3 };

struct report;

/* One page, made by a kind inside a db_read. Every row struct begins with a report_row. */
struct report_row {
    struct str cursor; /* passed as `after`, the page behind this row */
    struct counts tally;
};
struct report_page {
    char *rows; /* in `a`, structs of the row schema */
    int n;
    struct str cursor; /* behind the last row looked at, shown or not */
    bool last;         /* nothing is left */
};

struct report_kind {
    const char *name; /* of the file */
    const struct schema *out, *row;
    /* Reads what the head needs. Errors NOT_FOUND. Inside db_read, may run twice. */
    enum err (*head)(struct db_cx *cx, struct report *t, struct report_head *head, struct error *e);
    enum err (*page)(struct db_cx *cx, struct report *t, struct arena *a, struct report_page *page,
                     struct error *e);
};

/* A report on its way; lies in the request's arena. */
struct report {
    struct api *api;
    const struct report_kind *kind;
    struct arena *a; /* the request's */
    struct scope scope;
    bool fresh;       /* not from the replica */
    bool may_see_how; /* may tell who was seen by a camera: decision 24, codes */
    /* what was asked */
    bool csv, bom;
    int64_t limit; /* rows; 0: all */
    struct report_filter filter;
    double below;      /* NaN: any */
    int64_t late_over; /* minutes; -1: any */
    struct str status; /* empty: any */
    struct session_id session;
    struct student_id student;
    struct str term;
    /* how far it is */
    char after[REPORT_CURSOR];
    int64_t sent;
    struct counts totals;
    /* of the kind */
    struct course_id course;
    usec_t started, roster_at;
    struct str *columns; /* names of the list of texts in a row */
    int n_columns;
    void *more;
};

/* Answers the call with the report: sets the body and, for what follows, the stream. */
NODISCARD enum err report_answer(struct call *c, struct report *t, const struct report_kind *kind,
                                 struct error *e);
/* A report for this call, with format, bom, limit and after; report_answer reads from, to, tz and
 * weekday, whose zone depends on what the report is about. Errors INVALID, NOMEM. */
NODISCARD enum err report_ask(struct call *c, struct report **ret_report, struct error *e);
/* The id in a query parameter that must be there. Errors INVALID. */
NODISCARD enum err report_id(struct call *c, const char *name, char ret_text[static ID_TEXT],
                             struct error *e);
/* `status`, `late_over` and `below` of the kinds that have them. Errors INVALID. */
NODISCARD enum err report_marks_asked(struct call *c, struct report *t, struct error *e);
NODISCARD enum err report_below_asked(struct call *c, struct report *t, struct error *e);
/* Is this theirs? Errors NOT_FOUND. Inside db_read. */
NODISCARD enum err report_allowed(struct db_cx *cx, const struct report *t, enum access_to what,
                                  const char *id, struct error *e);
/* Does a mark pass `status` and `late_over`? */
bool report_mark_asked(const struct report *t, struct str status, int64_t late_min);
/* Takes what only a camera knows of a mark from who may not read the register. */
void report_hide_how(const struct report *t, usec_t first_seen, usec_t *last_seen,
                     int64_t *minutes);
/* Whole minutes from `from` to `to`; 0 when either is unknown. */
int64_t report_minutes(usec_t from, usec_t to);
/* The name shown for a student. */
struct str report_name(struct str name);
