/* Everything held on one student, row by row, for the copy that the person may ask for (GDPR,
 * article 15). One table of sections says what that is: a new entity that names students adds a
 * section and its query. Run inside db_read, so that all of it is of one moment. Thread: any. */
#pragma once

#include "base/id.h"
#include "store/db.h"

enum export_type {
    EXPORT_TEXT,
    EXPORT_INT,
    EXPORT_REAL,
    EXPORT_TIME, /* 0: none */
    EXPORT_FLAG,
    EXPORT_JSON, /* JSON text; empty: none */
    EXPORT_HEX,  /* bytes */
};

struct export_column {
    const char *name;
    enum export_type type;
};

struct export_section {
    const char *name, *about; /* "marks"; a sentence */
    enum query query;         /* $1: the student's id */
    const struct export_column *columns;
    int n;
};

extern const struct export_section export_sections[];
extern const int export_sections_n;

/* Called for each row; read the columns by db_col_*. */
typedef enum err (*export_row_fn)(void *ctx, const struct export_section *section,
                                  struct db_rows *row, struct error *e);
/* All rows of the section, in order. Errors of fn and of the database. */
NODISCARD enum err export_each(struct db_cx *cx, const struct export_section *section,
                               struct student_id student, export_row_fn fn, void *ctx,
                               struct error *e);
