/* For back ends and their tests: what the opaque types of db.h begin with. A back end embeds each
 * as the first member of its own struct. */
#pragma once

#include "base/buf.h"
#include "store/db.h"

struct db {
    const struct db_driver *driver;
    db_note_fn listener; /* NULL: none */
    void *listener_ctx;
};

struct db_cx {
    const struct db_driver *driver;
    struct buf *notes; /* of the running transaction; NULL: nobody listens */
    size_t note_at;    /* where the last note begins in it, behind its length */
};

struct db_rows {
    const struct db_driver *driver;
};

/* Marks the calling thread as running a db_fn, so that a nested db_tx or db_read (which could wait
 * for itself) trips an assertion instead of hanging. Thread: any; enter and leave on the same. */
void db_fn_enter(void);
void db_fn_leave(void);
