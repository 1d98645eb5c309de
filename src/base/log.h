/* Logging: one line per event on standard error, logfmt.
 *
 *     2026-11-22T08:59:00.123456Z info http listening port=8080
 *
 * `event` is a fixed word; what varies goes into key=value pairs. Never a name, a face, an
 * embedding or a token. Only app/, http/ and worker loops log above debug (STYLE section 8).
 * Thread: any; one write(2) a line, so lines never mix. */
#pragma once

#include "base/error.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Lines above `level` are dropped. Default LOG_INFO. */
void log_set_level(enum log_level level);
enum log_level log_level_of(void);

/* fmt gives the pairs: log_event(LOG_INFO, "http", "listening", "port=%d", port); "" for none. */
void log_event(enum log_level level, const char *area, const char *event, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* The same with the error's code, place and message as pairs in front. */
void log_failure(enum log_level level, const char *area, const char *event, const struct error *e);
