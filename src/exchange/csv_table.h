/* A CSV file as rows of fields, with the line on which each row begins.
 *
 * What registrars send: UTF-8 with or without a byte order mark, lines ended by LF, CRLF or CR,
 * fields parted by a comma, a semicolon or a tab (told from the header), quoted by RFC 4180 with
 * line ends inside quotation marks. Spaces around a field do not belong to it. Empty lines are
 * skipped. UTF-16 is refused with a sentence that says how to save the file instead. A row that is
 * not UTF-8 or holds a zero byte is no error here: text_problem tells, so that every line of a file
 * can be judged.
 * Cost: one pass; all memory is asked for at once, at most about 17 bytes a field beside the text.
 * Thread: any. */
#pragma once

#include "base/arena.h"

enum { CSV_FIELDS_MAX = 128 };

struct csv_row {
    int line; /* 1 is the first of the file */
    int n;
    struct str *fields; /* trimmed of spaces and tabs; never NULL */
};

struct csv_table {
    struct csv_row header;
    struct csv_row *rows;
    int n;
    char delimiter;
};

/* Reads a whole file; what is returned lies in `a` and borrows nothing. `name` is how messages call
 * the file. Errors INVALID (empty, UTF-16, a quotation mark out of place: says the line), TOO_LARGE
 * (more than rows_max rows after the header, more than CSV_FIELDS_MAX fields in one), NOMEM. */
NODISCARD enum err csv_table_read(struct str bytes, const char *name, int rows_max, struct arena *a,
                                  struct csv_table *ret_table, struct error *e);
