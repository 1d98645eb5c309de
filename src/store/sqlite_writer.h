/* The one thread that writes to a SQLite file: transactions wait in a bounded queue and are
 * committed in groups, so that many callers share one flush to the disk. For sqlite.c only. */
#pragma once

#include "store/sqlite_conn.h"

struct sqlite_writer;

/* Starts the thread on conn, which it owns until sqlite_writer_free (the caller then closes conn).
 * waiting_max bounds the queue. Errors NOMEM, INTERNAL. */
NODISCARD enum err sqlite_writer_new(struct sqlite_conn *conn, int waiting_max,
                                     struct sqlite_writer **ret_writer, struct error *e);
/* Runs what still waits, then ends the thread. NULL is fine. */
void sqlite_writer_free(struct sqlite_writer *w);

/* How many transactions wait for their turn, and the same of an opened SQLite database: for tests.
 * Thread: any. */
int sqlite_writer_waiting(struct sqlite_writer *w);
int db_sqlite_waiting(struct db *db);

/* Queues fn and waits until the group that it ran in is committed and on the disk. See db_tx.
 * Thread: any but the writer's. */
NODISCARD enum err sqlite_writer_run(struct sqlite_writer *w, db_fn fn, void *ctx, struct error *e);
