/* What the importers of this folder share: how a plan is made and written. Thread: any. */
#pragma once

#include "exchange/columns.h"
#include "exchange/import.h"

/* One import under way; an importer embeds it first. Both functions get the importer. */
struct plan {
    const struct import_options *o;
    struct import_result *result;
    /* Fills result->report from the file and the database; called again after a conflict. */
    enum err (*make)(struct db_cx *cx, void *plan, struct error *e);
    /* Writes what make planned. Errors CONFLICT, PRECONDITION: somebody else changed a row. */
    enum err (*write)(struct db_cx *cx, void *plan, struct error *e);
};

/* Makes the plan and, unless it is a dry run or has errors, writes it. */
NODISCARD enum err plan_run(struct plan *p, struct error *e);
/* Guards `missing`: `gone` of `all` would go. Errors CONFLICT: too many, say so and how to insist.
 */
NODISCARD enum err plan_guard(const struct plan *p, int64_t gone, int64_t all, const char *what,
                              struct error *e);
/* A cell that is a day (2026-09-01, at midnight of o->tz; of the day after when `end`) or a time
 * (RFC 3339). 0 for an empty cell. Errors INVALID. */
NODISCARD enum err plan_time(const struct plan *p, struct str cell, bool end, usec_t *ret_utc,
                             struct error *e);
/* A copy for the plan; memory that is missing fails the report. */
struct str plan_copy(const struct plan *p, struct str s);
/* False: the row has more fields than the header, which is said. */
bool plan_width(const struct plan *p, const struct csv_table *table, const struct csv_row *row,
                struct import_line *line);
/* "CS-101 2026W": how a line is called that is found by two cells, the second perhaps empty. */
struct str plan_key(const struct plan *p, struct str first, struct str second);
