/* Errors: see error.h. A table look-up and two printf; constant cost, any thread. */
#include "base/error.h"

#include <stdio.h>

static const struct {
    const char *name;
    int http_status;
    bool retryable;
    const char *title;
} rows[ERR_N] = {
#define X(code, http, retry, text) [ERR_##code] = {#code, http, retry, text},
    ERR_MAP(X)
#undef X
};

enum err error_set_at(struct error *e, enum err code, const char *file, int line, const char *fmt,
                      ...)
{
    if (!e)
        return code;
    e->code = code;
    e->file = file;
    e->line = line;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return code;
}

enum err error_wrap_at(struct error *e, enum err code, const char *file, int line, const char *fmt,
                       ...)
{
    if (!e || code == ERR_OK)
        return code;
    char context[sizeof e->msg];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(context, sizeof context, fmt, ap);
    va_end(ap);
    char inner[sizeof e->msg];
    snprintf(inner, sizeof inner, "%s", e->msg);
    e->code = code;
    if (!e->file) {
        e->file = file;
        e->line = line;
    }
    int n = snprintf(e->msg, sizeof e->msg, "%s: ", context);
    if (n > 0 && (size_t)n < sizeof e->msg)
        snprintf(e->msg + n, sizeof e->msg - (size_t)n, "%s", inner);
    return code;
}

const char *err_name(enum err code) { return rows[code].name; }

int err_http_status(enum err code) { return rows[code].http_status; }

bool err_retryable(enum err code) { return rows[code].retryable; }

const char *err_title(enum err code) { return rows[code].title; }
