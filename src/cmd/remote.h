/* The running server, as the commands see it: where it is, and JSON in and out.
 *
 * The server is found in this order: --server and --token; the environment and the configuration
 * (settings_place); DATA_DIR/server.json, which `rollcall serve` writes for local tools and whose
 * token is used for that address alone. Thread: one per object. */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "http/client.h"

#include <jansson.h>

struct remote;

struct remote_place {
    const char *server;   /* NULL: the one of server.json */
    const char *token;    /* NULL: the one of server.json, if the address is that one */
    const char *data_dir; /* where server.json lies */
};

/* The two options that every command with a server has; add them to an arg_option table. */
#define REMOTE_OPTIONS(place)                                                                      \
    {.name = "server",                                                                             \
     .metavar = "URL",                                                                             \
     .type = ARG_TEXT,                                                                             \
     .ret = &(place).server,                                                                       \
     .help = "the server (default: the one running here)"},                                        \
    {                                                                                              \
        .name = "token", .metavar = "TOKEN", .type = ARG_TEXT, .ret = &(place).token,              \
        .help = "bearer token (default: that of the server running here)"                          \
    }

/* Finds the server; sends nothing yet. Errors NOT_FOUND (no server is known: says how to start
 * one), INVALID, NOMEM. */
NODISCARD enum err remote_open(const struct remote_place *place, struct remote **ret_remote,
                               struct error *e);
/* A second connection to the same server, for another thread. Errors NOMEM. */
NODISCARD enum err remote_copy(const struct remote *r, struct remote **ret_remote, struct error *e);
void remote_close(struct remote *r);
/* Cleanup attribute helper. */
void remote_closep(struct remote **r);

const char *remote_url(const struct remote *r);
const char *remote_token(const struct remote *r);

/* Looks at server.json again: a server that was restarted has another token, perhaps another
 * address. False (nothing done) when address and token did not come from there. */
bool remote_refresh(struct remote *r);

/* One request with a JSON body (`body` is consumed, also on failure; NULL for none). Status 2xx is
 * OK and ret_answer (may be NULL) is a new reference, or NULL for an empty body. Any other status
 * is the error that the problem+json body names. `a` is reset by nobody: the caller's. */
NODISCARD enum err remote_json(struct remote *r, struct arena *a, enum http_method method,
                               const char *path, json_t *body, json_t **ret_answer,
                               struct error *e);
/* The same with a body of any type. */
NODISCARD enum err remote_bytes(struct remote *r, struct arena *a, enum http_method method,
                                const char *path, const char *content_type, struct str body,
                                json_t **ret_answer, struct error *e);

/* Any status: ret_status and ret_answer (may be NULL there); for callers that treat 503 and the
 * like themselves. */
NODISCARD enum err remote_try(struct remote *r, struct arena *a, enum http_method method,
                              const char *path, const char *content_type, struct str body,
                              int *ret_status, json_t **ret_answer, struct error *e);

/* How long the last answer asked to wait (Retry-After), or `fallback` when it did not say. */
usec_t remote_retry_after(const struct remote *r, usec_t fallback);

/* Fills e with the code for the status and one sentence from the problem+json in answer (which may
 * be NULL): what, where (the fields), and the request id for the server's log. */
enum err remote_problem(int status, const json_t *answer, struct error *e);

/* Calls fn for every item of a list, page by page (`path` without query, `query` such as
 * "status=active" or ""); fn's error stops and is returned. */
typedef enum err (*remote_item_fn)(void *ctx, const json_t *item, struct error *e);
NODISCARD enum err remote_each(struct remote *r, const char *path, const char *query,
                               remote_item_fn fn, void *ctx, struct error *e);

/* The text of a member, or "" (never NULL); borrowed from the object. */
const char *json_text(const json_t *object, const char *key);
/* Milliseconds and the like: the number of a member, or 0. */
double json_num(const json_t *object, const char *key);
