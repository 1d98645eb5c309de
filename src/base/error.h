/* Errors: one table of codes, and the detail that travels with a failure.
 *
 * Every function that can fail returns `enum err` (ERR_OK = 0) and takes a last parameter
 * `struct error *e`, which may be NULL, is untouched on success, and on failure holds the code, the
 * place and a sentence for the person who reads it. Nothing is allocated, so it works when memory
 * has run out. The HTTP status, the title of a problem+json body and whether a retry may help all
 * come from ERR_MAP, so a new kind of failure is one line here.
 *
 *     r = student_read(db, id, &s, e);
 *     if (r)
 *         return error_wrap(e, r, "enrol %s", id.text);
 *
 * Thread: any (a struct error belongs to the caller's stack). */
#pragma once

#include "base/defs.h"

#include <stdarg.h>
#include <stdbool.h>

/* X(code, http status, retry may help, problem title) */
#define ERR_MAP(X)                                                                                 \
    X(OK, 200, false, "OK")                                                                        \
    X(INVALID, 400, false, "Invalid request")                                                      \
    X(UNAUTHENTICATED, 401, false, "Sign-in required")                                             \
    X(FORBIDDEN, 403, false, "Not allowed")                                                        \
    X(NOT_FOUND, 404, false, "Not found")                                                          \
    X(METHOD, 405, false, "Method not allowed")                                                    \
    X(CONFLICT, 409, false, "Conflict")                                                            \
    X(LENGTH_REQUIRED, 411, false, "Content-Length required")                                      \
    X(PRECONDITION, 412, false, "Changed by someone else")                                         \
    X(TOO_LARGE, 413, false, "Too large")                                                          \
    X(UNSUPPORTED, 415, false, "Unsupported media type")                                           \
    X(UNPROCESSABLE, 422, false, "Cannot be processed")                                            \
    X(RATE, 429, true, "Too many requests")                                                        \
    X(INTERNAL, 500, false, "Internal error")                                                      \
    X(IO, 500, true, "Input/output error")                                                         \
    X(CORRUPT, 500, false, "Corrupt data")                                                         \
    X(UNAVAILABLE, 503, true, "Unavailable")                                                       \
    X(FULL, 503, true, "Busy")                                                                     \
    X(NOMEM, 503, true, "Out of memory")                                                           \
    X(TIMEOUT, 504, true, "Timed out")

enum err {
#define X(code, http, retry, title) ERR_##code,
    ERR_MAP(X)
#undef X
};
enum { ERR_N = ERR_TIMEOUT + 1 };

struct error {
    enum err code;
    const char *file; /* where it was first set; static string */
    int line;
    char msg[256]; /* a sentence: what was wrong, and what to do; always terminated */
};

/* Fills e (when not NULL) and returns code: `return error_set(e, ERR_INVALID, "...", ...)`. */
#define error_set(e, code, ...) error_set_at(e, code, __FILE__, __LINE__, __VA_ARGS__)

/* Puts "context: " before the message that e already holds; returns code. Keeps the first place.
 * Wrapping ERR_OK does nothing: `return error_wrap(e, f(e), "camera")`. */
#define error_wrap(e, code, ...) error_wrap_at(e, code, __FILE__, __LINE__, __VA_ARGS__)

enum err error_set_at(struct error *e, enum err code, const char *file, int line, const char *fmt,
                      ...) PRINTF_LIKE(5, 6);
enum err error_wrap_at(struct error *e, enum err code, const char *file, int line, const char *fmt,
                       ...) PRINTF_LIKE(5, 6);

/* "INVALID", for logs and the `code` member of problem+json. */
const char *err_name(enum err code);
/* The HTTP status that tells a client of this code. */
int err_http_status(enum err code);
/* True when the same call may succeed later without a change by the caller. */
bool err_retryable(enum err code);
/* The title of the problem+json body. */
const char *err_title(enum err code);
