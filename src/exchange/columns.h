/* Which column of a CSV file is which: names and their synonyms in one table of each import.
 * Names are compared without regard to ASCII case, spaces, hyphens, underscores and dots, so
 * "External ID", "external_id" and "externalId" are one. Thread: any. */
#pragma once

#include "exchange/csv_table.h"
#include "exchange/report.h"

enum { COLUMNS_MAX = 24 };

struct column {
    const char *name;     /* as documents and messages have it */
    const char *synonyms; /* more names, parted by spaces, each in lower case without separators */
    bool required;
    int max_chars; /* of a cell; 0: 200 */
};

struct columns {
    const struct column *rows;
    int n;
    int at[COLUMNS_MAX]; /* which field of a row; -1: the file has no such column */
};

/* Finds the columns; unknown ones become a warning each. Errors INVALID: a required column is
 * missing (names it and what was there), or one is there twice. */
NODISCARD enum err columns_find(const struct column *rows, int n, const struct csv_table *table,
                                const char *file, struct import_report *report,
                                struct columns *ret_columns, struct error *e);
static inline bool columns_has(const struct columns *c, int column) { return c->at[column] >= 0; }
/* The cells of a row in their normal form (unicode_normal), one for each column: p NULL where the
 * file has no such column, empty where the row ends earlier. False: the line has an error, which
 * is said. */
bool columns_read(const struct columns *c, const struct csv_row *row, struct import_report *report,
                  struct import_line *line, struct str *ret_cells);
