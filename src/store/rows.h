/* Reading rows into structs: what every entity file does, once. For store/ only. Thread: any. */
#pragma once

#include "store/db.h"

/* The row being read; text goes to `a`, and an arena at its cap sets `failed`, which the functions
 * below report as NOMEM. */
struct row {
    struct db_rows *rows;
    struct arena *a;
    bool failed;
};

/* A copy of the text or blob, in the arena. */
struct str row_str(struct row *row, const char *name);

/* Fills *ret_item (zeroed before). */
typedef void (*row_fn)(struct row *row, void *ret_item);

/* The first row through fn. Errors NOT_FOUND "there is no <what>" when there is none. */
NODISCARD enum err rows_one(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                            struct arena *a, row_fn fn, void *ret_item, const char *what,
                            struct error *e);
/* All rows as an array of item_size structs in `a`; NULL when there are none. */
NODISCARD enum err rows_all(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                            struct arena *a, row_fn fn, size_t item_size, void *ret_items,
                            int *ret_n, struct error *e);
/* One integer of the first row; ret_has (may be NULL) tells whether there was one, without it no
 * row is NOT_FOUND. */
NODISCARD enum err rows_int(struct db_cx *cx, enum query q, const struct db_value *args, int n,
                            const char *column, int64_t *ret_value, bool *ret_has, struct error *e);

/* Text for a NOT NULL column: an empty str without a pointer is "", not NULL. */
static inline struct db_value text_of(struct str s) { return s.p ? db_str(s) : db_text(""); }
static inline struct db_value blob_of(struct str s) { return db_blob(s.p ? s : STR("")); }
/* at, or now when it was left 0. */
static inline struct db_value time_or_now(usec_t at) { return db_int(at ? at : time_utc()); }

/* The two arguments of a scope; nothing of it limits when NULL. */
#define SCOPE_VALUES(scope)                                                                        \
    db_text((scope) ? (scope)->instructor : ""), db_text((scope) ? (scope)->student : "")

/* For callers that know better than the driver what a CONFLICT or NOT_FOUND means: r with msg when
 * r == when, else r. */
NODISCARD enum err error_replace(struct error *e, enum err r, enum err when, enum err with,
                                 const char *msg);
