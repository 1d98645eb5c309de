/* Shared by the files of app/ only. */
#pragma once

#include "api/api.h"
#include "app/app.h"
#include "auth/auth.h"
#include "base/seal.h"
#include "jobs/jobs.h"

#include <pthread.h>
#include <stdatomic.h>

enum { APP_WARNINGS_MAX = 8, APP_WARNING_TEXT = 256, APP_PATH = 1200 };

struct app {
    struct config *cfg; /* borrowed; changed by app_settings_read alone */
    struct seal_key master, register_key, template_key, photo_key, answer_key, code_key;
    struct db *db;
    struct replica *replica; /* NULL: none */
    struct keystore *keystore;
    struct sign_key sign_key; /* of receipts */
    struct register_hasher hasher;
    struct heads *heads; /* of the register */
    struct auth *auth;
    struct engines *engines;
    app_calibrate_fn calibrate;
    enum liveness_policy liveness;
    pthread_mutex_t switching; /* see engines.c */
    struct queue *queue;
    struct bus *bus;
    struct api *api;
    struct http_server *http;
    struct jobs *jobs;
    struct scheduler *scheduler;
    _Atomic(struct jobs *) jobs_for_events;           /* set while jobs runs */
    _Atomic(struct scheduler *) scheduler_for_events; /* the same */
    _Atomic bool ready;
    char server_json[APP_PATH]; /* path; empty until written */
    char warning_text[APP_WARNINGS_MAX][APP_WARNING_TEXT];
    const char *warnings[APP_WARNINGS_MAX + 1];
    int n_warnings;
};

/* One more thing that an operator should know (GET /v1/system, the log). */
void app_warn(struct app *app, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* first_start.c: an admin and a one-time sign-in code when there is no user yet. */
NODISCARD enum err app_first_admin(struct app *app, char ret_code[static 24], struct error *e);
/* first_start.c: jobs that a crash left running go on at once, where the database is this process's
 * alone. */
NODISCARD enum err app_release_jobs(struct app *app, struct error *e);
/* first_start.c: tells the subscribers of running sessions that the queue was lost. */
void app_tell_restart(struct app *app);
/* scheduler.c: the periodic jobs. */
NODISCARD enum err app_scheduler_start(struct app *app, struct error *e);
/* calibrate.c: for struct api_system; ctx is the app. */
NODISCARD enum err app_calibrate(void *ctx, const struct api_calibration *wish, struct buf *out,
                                 struct error *e);
/* register.c: the installation key, of the configuration or of the key file (made when missing). */
/* Settings that an admin changed by the API: into app->cfg. */
NODISCARD enum err app_settings_read(struct app *app, struct error *e);
NODISCARD enum err app_master_key(const struct config *cfg, struct seal_key *ret_key,
                                  struct error *e);
/* database.c: the keystore, as the configuration names it. */
NODISCARD enum err app_open_keystore(const struct config *cfg, const struct seal_key *installation,
                                     struct keystore **ret_keystore, struct error *e);
/* register.c: opens the heads file and has every commit noted in it. */
NODISCARD enum err app_register_open(struct app *app, struct error *e);
/* register.c: signs what the heads file says now (store/signed_heads.h). */
NODISCARD enum err app_register_sign(struct app *app, struct error *e);
/* register.c: the newest signed copy, in `a`. Errors NOT_FOUND, TOO_LARGE, IO. */
NODISCARD enum err app_register_signed(struct app *app, struct arena *a, struct str *ret_text,
                                       struct error *e);
/* register.c: the hash of the register's chains, for the store. */
void app_register_hash(void *ctx, const struct register_event *event,
                       uint8_t ret_hash[static CHAIN_HASH_BYTES]);
