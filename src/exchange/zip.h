/* Zip files in memory: reading what strangers send, writing what is handed out.
 *
 * Reading is bounded before anything is inflated: the number of entries, the bytes of each and of
 * all together, and how much smaller than its text an entry may be (a bomb is not read at all).
 * The sizes that the file claims are checked against what comes out. Encrypted entries and names
 * that lead out of the folder are refused. Thread: one per object. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"

struct zip_limits {
    int entries_max;
    size_t entry_bytes_max, total_bytes_max; /* inflated */
    int ratio_max; /* inflated : deflated of one entry, from 1 MiB on; 0: any */
};

struct zip_item {
    struct str name;  /* as stored, such as "users.csv" or "export/users.csv" */
    struct str bytes; /* inflated */
};

/* All entries but folders, in the file's order, in `a`. Errors INVALID (not a zip file, damaged,
 * encrypted, a name with ".." or a leading slash), TOO_LARGE (a limit: says which), NOMEM. */
NODISCARD enum err zip_read(struct str bytes, const struct zip_limits *limits, struct arena *a,
                            struct zip_item **ret_items, int *ret_n, struct error *e);
/* A zip file of the items, deflated, appended to out (which bounds it). Errors TOO_LARGE (out is
 * full), NOMEM, INVALID (a name that is empty or twice there). */
NODISCARD enum err zip_write(const struct zip_item *items, int n, struct buf *out, struct error *e);
