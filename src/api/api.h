/* The HTTP API: one route table; everything else is read from it.
 *
 * A handler decodes nothing and encodes nothing: the dispatcher authenticates, checks the route's
 * permission, decodes the body by the route's schema, calls the handler, and encodes its result or
 * the problem. Handlers run on the server's handler threads and may block on SQL.
 * Thread: api_new/free one (main); the callbacks as http/server.h says. */
#pragma once

#include "auth/auth.h"
#include "base/seal.h"
#include "base/sign.h"
#include "bus/bus.h"
#include "config/config.h"
#include "http/server.h"
#include "queue/queue.h"
#include "store/attendance.h"
#include "store/register_check.h"
#include "store/replica.h"

#include <stdatomic.h>

enum { API_ENGINE_WORD = 64, API_ENGINE_NAME = 256, API_WROTE_PLACES = 4096 };

/* What an engine is made of, in words. */
struct api_engine {
    char detector[API_ENGINE_WORD], encoder[API_ENGINE_NAME], preprocessing[API_ENGINE_WORD];
    char device[API_ENGINE_WORD], precision[API_ENGINE_WORD];
    /* Of the other engine of a switch, where it has templates of its own; else empty. */
    char other_encoder[API_ENGINE_NAME], other_preprocessing[API_ENGINE_WORD];
    char licence[API_ENGINE_NAME]; /* of the encoder's weights */
};

/* An engine that an operator asks for; NULL: as the active one has it. */
struct api_engine_wish {
    const char *detector, *encoder, *precision, *device;
};

/* The steps of a switch (docs/models.md); ctx is that of struct api_system. */
struct api_switch {
    enum err (*start)(void *ctx, const struct api_engine_wish *wish, struct error *e);
    enum err (*commit)(void *ctx, struct error *e);
    enum err (*back)(void *ctx, struct error *e);
    /* templates: to delete, exactly as many as there are; -1: none */
    enum err (*finish)(void *ctx, int64_t templates, struct error *e);
    /* What a face must score among everybody, by each; 0 where an engine is not loaded. */
    void (*thresholds)(void *ctx, double *ret_active, double *ret_shadow);
};

/* What to calibrate (docs/recognition.md); encoder NULL: of each that has templates. */
struct api_calibration {
    const char *encoder;
    bool apply, reset;
};

/* What operators see of the engine; filled by the composition root. */
struct api_system {
    const char *liveness;                                     /* off, report or enforce */
    void (*engine)(void *ctx, struct api_engine *ret_engine); /* the one that decides now */
    int64_t (*gallery_students)(void *ctx);
    void *ctx;
    struct api_switch engines;
    /* Appends lines for people. Takes seconds; called by one thread at a time. */
    enum err (*calibrate)(void *ctx, const struct api_calibration *wish, struct buf *out,
                          struct error *e);
    const char *const *warnings; /* NULL-terminated, static */
    bool (*ready)(void *ctx);
};

/* store/register_check.h with the keys of this installation. Thread: any. */
typedef enum err (*api_register_check_fn)(void *ctx, register_finding_fn fn, void *fn_ctx,
                                          struct register_report *ret_report, struct error *e);

struct api_env {
    const struct config *config;
    struct db *db;
    struct replica *replica; /* of db; NULL: none */
    struct queue *queue;
    struct bus *bus;
    struct auth *auth;
    struct keystore *keystore;
    struct sign_key sign_key; /* of receipts */
    struct seal_key answer_key, code_key;
    struct api_system system;
    struct mark_writer marks; /* for marks that the API writes itself */
    api_register_check_fn register_check;
    /* The newest signed copy of the register's heads, in `a`. Errors NOT_FOUND. */
    enum err (*register_signed)(void *ctx, struct arena *a, struct str *ret_text, struct error *e);
    void *register_ctx;
};

struct api {
    struct api_env env;
    struct http_server *http; /* the caller has http_open set it: before the first callback */
    struct waiters *waiters;
    struct router *router;
    usec_t started_at, started_mono;
    atomic_llong wrote[API_WROTE_PLACES]; /* when users last changed something; see recent.c */
    _Atomic bool checking_register;       /* one at a time */
    _Atomic bool calibrating;             /* the same */
    _Atomic bool importing;               /* the same */
};

NODISCARD enum err api_new(const struct api_env *env, struct api **ret_api, struct error *e);
void api_free(struct api *api);
/* The callbacks for http_open, whose ret_server must be &api->http. */
struct http_callbacks api_callbacks(struct api *api);
/* For the bus callback: every event of subscribed session topics. Never blocks. */
void api_event(struct api *api, const struct bus_event *event);
/* Every ~200 ms: requests that waited too long for a result are answered. */
void api_tick(struct api *api);

/* The OpenAPI 3.1 document, from the route table. */
NODISCARD enum err api_openapi(struct buf *out, struct error *e);
