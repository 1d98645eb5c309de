/* Rows that a schema describes, as a CSV table: the same fields that JSON shows, flattened.
 *
 * A member of a sub-object becomes a column named object_member. A member that is a list of texts
 * becomes as many columns as the head was given names for. Other lists, numbers in lists and raw
 * JSON have no column. Thread: any. */
#pragma once

#include "base/schema.h"
#include "reports/csv.h"

/* The names of the columns; lists: what the members of the (one) list of texts are called. */
void table_head(struct csv *w, const struct schema *s, const struct str *lists, int n);
/* The row at `in`, a struct of s. */
void table_row(struct csv *w, const struct schema *s, const void *in);
