/* CSV as RFC 4180 has it: the one writer of the project.
 *
 *     struct csv w;
 *     csv_begin(&w, &buf, false);
 *     csv_text(&w, student.name);
 *     csv_int(&w, minutes);
 *     csv_end_row(&w);
 *
 * UTF-8, commas, rows end in CRLF. A cell is quoted when it holds a comma, semicolon, quote, tab,
 * line end, or white space at an end. Spreadsheets run what looks like a formula, so text whose
 * first character is one of = + - @ tab CR LF, or a full-width one of the first four, gets an
 * apostrophe in front (OWASP, "CSV Injection"); numbers and times, which are made here, never.
 * Nothing is checked on the way: ask buf_check of the buffer at the end, or buf_failed.
 * Thread: any, one at a time. Cost: one pass over the text. */
#pragma once

#include "base/buf.h"
#include "base/time.h"

struct csv {
    struct buf *out; /* borrowed */
    bool in_row;     /* a cell of the current row is written */
};

/* Begins a file at the end of `out`. bom: first the byte order mark that Excel needs to take a file
 * for UTF-8. */
void csv_begin(struct csv *w, struct buf *out, bool bom);
/* One cell each. */
void csv_text(struct csv *w, struct str text);
void csv_int(struct csv *w, int64_t value);
/* decimals 0..9, with a point in every locale; NaN is an empty cell. */
void csv_real(struct csv *w, double value, int decimals);
/* RFC 3339 in UTC; 0 is an empty cell. */
void csv_time(struct csv *w, usec_t utc);
void csv_end_row(struct csv *w);
/* A row of text cells: the head of a table. */
void csv_row(struct csv *w, const char *const *cells, int n);
