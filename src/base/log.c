/* Logging: see log.h. Formats on the stack (lines over 1 KiB are cut), one write; any thread. */
#include "base/log.h"

#include "base/time.h"

#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int threshold = LOG_INFO;

void log_set_level(enum log_level level) { atomic_store(&threshold, (int)level); }

enum log_level log_level_of(void) { return (enum log_level)atomic_load(&threshold); }

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_ERROR:
        return "error";
    case LOG_WARN:
        return "warn";
    case LOG_INFO:
        return "info";
    case LOG_DEBUG:
        return "debug";
    }
    return "?";
}

void log_event(enum log_level level, const char *area, const char *event, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    char at[TIME_TEXT], line[1024];
    time_format_iso(time_utc(), at);
    int n = snprintf(line, sizeof line, "%s %s %s %s ", at, level_name(level), area, event);
    if (n < 0 || (size_t)n >= sizeof line - 1)
        return;
    va_list ap;
    va_start(ap, fmt);
    int m = vsnprintf(line + n, sizeof line - 1 - (size_t)n, fmt, ap);
    va_end(ap);
    size_t end = (size_t)n + (m > 0 ? (size_t)m : 0);
    if (end > sizeof line - 2)
        end = sizeof line - 2;
    for (size_t i = 0; i < end; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    line[end] = '\n';
    ssize_t written = write(STDERR_FILENO, line, end + 1);
    (void)written; /* nowhere left to report a failing standard error */
}

void log_failure(enum log_level level, const char *area, const char *event, const struct error *e)
{
    log_event(level, area, event, "code=%s at=%s:%d msg=\"%s\"", err_name(e->code),
              e->file ? e->file : "?", e->line, e->msg);
}
