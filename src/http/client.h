/* HTTP and WebSocket client for the command-line tools (camera, enroll, demo, user).
 *
 * Requests go through libcurl, the event feed through libwebsockets' client. Blocking calls for a
 * command's main thread; never used inside serve. Thread: one per object. */
#pragma once

#include "base/arena.h"
#include "base/time.h"
#include "http/server.h"

struct http_client;

/* base_url such as http://127.0.0.1:8080; token may be NULL. Errors INVALID, NOMEM. */
NODISCARD enum err http_client_new(const char *base_url, const char *token,
                                   struct http_client **ret_client, struct error *e);
void http_client_free(struct http_client *c);

/* One request; the response body lies in `a`. Any HTTP status is a success of the call; errors are
 * UNAVAILABLE (nobody answers there: says how to start the server) and TIMEOUT. */
NODISCARD enum err http_client_send(struct http_client *c, struct arena *a, enum http_method method,
                                    const char *path, const char *content_type, struct str body,
                                    int *ret_status, struct str *ret_body, struct error *e);

/* Seconds that the last answer asked to wait before trying again (Retry-After); 0: it did not say.
 */
int64_t http_client_retry_after(const struct http_client *c);

struct http_feed;

/* Opens the WebSocket at path (with query) and authorises with the token (NULL: none).
 * Errors INVALID (address), UNAVAILABLE, UNAUTHENTICATED, NOMEM. The server decides about the token
 * after the upgrade, so a refusal is usually the error of the first http_feed_next. */
NODISCARD enum err http_feed_open(const char *base_url, const char *token, const char *path,
                                  struct http_feed **ret_feed, struct error *e);
/* The next message in `a`, waiting at most timeout. Errors TIMEOUT, UNAVAILABLE (closed: open it
 * again with your last id), UNAUTHENTICATED (refused: the server's reason), TOO_LARGE, NOMEM. */
NODISCARD enum err http_feed_next(struct http_feed *f, struct arena *a, usec_t timeout,
                                  struct str *ret_message, struct error *e);
void http_feed_close(struct http_feed *f);
