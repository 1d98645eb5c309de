/* The columns of a mark into struct mark, for queries of other files that select them. For store/
 * only. Thread: any. */
#pragma once

#include "store/mark.h"
#include "store/rows.h"

/* A row_fn; ret_item is a struct mark. */
void mark_read(struct row *row, void *ret_item);

/* mark_reason.c: the reason of an entry as a JSON object of one member. Errors NOMEM. */
NODISCARD enum err mark_reason_print(struct arena *a, const struct mark_entry *entry,
                                     struct str *ret_json, struct error *e);
