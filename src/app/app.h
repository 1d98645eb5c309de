/* The composition root: from a configuration to a running program.
 *
 * The only place that knows concrete back ends. It opens them in the order in which they need each
 * other and closes them in reverse: key, database, sign-in, vision, gallery, queue, bus, API, HTTP,
 * workers. Thread: main. */
#pragma once

#include "base/seal.h"
#include "config/config.h"
#include "store/register_check.h"

struct api_calibration;
struct app;
struct buf;
struct db;
struct template_keys;

/* What the person at the terminal should be told once. */
struct app_hello {
    char url[320];
    char code[24]; /* one-time sign-in of the admin made just now; empty when there was one */
};

/* Measures and, when wished, stores a table; lines for people go to out. The commands have it.
 * Thread: any, one at a time. */
typedef enum err (*app_calibrate_fn)(const struct config *cfg, struct db *db,
                                     const struct template_keys *keys,
                                     const struct api_calibration *wish, struct buf *out,
                                     struct error *e);

/* Opens everything and serves; calibrate may be NULL. Errors are sentences for the person who
 * starts it. */
NODISCARD enum err app_start(struct config *cfg, app_calibrate_fn calibrate, struct app **ret_app,
                             struct app_hello *ret_hello, struct error *e);
/* Waits for SIGINT or SIGTERM (which the caller has blocked in every thread). */
void app_wait(struct app *app);
/* Takes no more, finishes what is in hand within shutdown_timeout_s, closes. */
void app_stop(struct app *app);

/* Checks the register of a database: store/register_check.h, with the keys and the heads file of
 * the configuration, and with what was signed of it: in the data folder, or, when given, in a copy
 * that was kept elsewhere. Errors as there; of the key file. Thread: any. */
NODISCARD enum err app_register_check(const struct config *cfg, struct db *db,
                                      const char *signed_copy, register_finding_fn fn, void *ctx,
                                      struct register_report *ret_report, struct error *e);

/* The keys that open templates, for commands that work on the database itself; free the ring
 * (keyring_free) and wipe the rest. Errors INVALID, CORRUPT, IO, those of the keystore. Thread:
 * any.
 */
NODISCARD enum err app_template_keys(const struct config *cfg, struct template_keys *ret_keys,
                                     struct error *e);
/* The database alone, as the configuration names it; create: makes an SQLite file and its folder
 * when missing. Errors of db_sqlite_open and db_postgres_open. Thread: any. */
NODISCARD enum err app_open_database(const struct config *cfg, bool create, struct db **ret_db,
                                     struct error *e);
/* Its replica, where the configuration names one; *ret_replica is left alone otherwise. Errors of
 * replica_open. Thread: any. */
struct replica;
NODISCARD enum err app_open_replica(const struct config *cfg, struct db *primary,
                                    struct replica **ret_replica, struct error *e);
