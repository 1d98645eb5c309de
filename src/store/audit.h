/* The audit trail: who asked for what, and how it ended. Rows are only written, read, and deleted
 * by age. They hold ids and words of the program, never names. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

enum { AUDIT_DETAIL_MAX = 2048 };

struct audit {
    char id[ID_TEXT]; /* made by audit_insert when empty */
    usec_t at;
    struct str actor;                 /* an id, "local", or empty */
    struct str actor_kind;            /* user | client | local | command | nobody */
    struct str action;                /* the operation of the API description */
    struct str subject_kind, subject; /* "students" and an id; may be empty */
    int64_t status;                   /* HTTP status of the answer */
    struct str address, request;
    struct str detail; /* JSON, at most AUDIT_DETAIL_MAX bytes; may be empty */
};

/* What to list; empty text and 0 do not filter. */
struct audit_filter {
    usec_t from, to; /* from <= at < to, to the millisecond */
    struct str actor, action, subject;
    char before[ID_TEXT]; /* the last id of the page before */
    int limit;
};

NODISCARD enum err audit_insert(struct db_cx *cx, const struct audit *row, struct error *e);
/* Newest first. */
NODISCARD enum err audit_list(struct db_cx *cx, struct arena *a, const struct audit_filter *f,
                              struct audit **ret_rows, int *ret_n, struct error *e);
/* Deletes what is older than `before`. */
NODISCARD enum err audit_purge(struct db_cx *cx, usec_t before, int64_t *ret_removed,
                               struct error *e);
