/* What an import does. See report.h. Lines grow by doubling inside the arena; a line that did not
 * fit is a spare one, and `failed` tells. Thread: one at a time. */
#include "exchange/report.h"

#include <stdio.h>

enum { LINES_FIRST = 64, MESSAGE_MAX = 256, CHANGES_FEW = 2 };

const char *const import_actions[] = {
#define X(code, word) word,
    IMPORT_ACTION_MAP(X)
#undef X
        NULL};

void report_init(struct import_report *r, struct arena *a)
{
    *r = (struct import_report){.a = a};
    r->warnings = arena_array(a, IMPORT_WARNINGS_MAX, sizeof *r->warnings);
    r->failed = !r->warnings;
}

static bool grow(struct import_report *r)
{
    if (r->n_lines < r->capacity)
        return true;
    int more = r->capacity ? 2 * r->capacity : LINES_FIRST;
    struct import_line *lines = arena_array(r->a, (size_t)more, sizeof *lines);
    if (!lines)
        return false;
    if (r->n_lines)
        memcpy(lines, r->lines, (size_t)r->n_lines * sizeof *lines);
    r->lines = lines;
    r->capacity = more;
    return true;
}

struct import_line *report_line(struct import_report *r, int64_t line, const char *entity,
                                struct str key)
{
    if (r->failed || !grow(r)) {
        r->failed = true;
        return &r->spare;
    }
    struct import_line *l = &r->lines[r->n_lines++];
    *l = (struct import_line){.line = line, .entity = str_from(entity), .key = key};
    return l;
}

void report_action(struct import_report *r, struct import_line *line, enum import_action action)
{
    if (r->failed)
        return;
    line->kind = action;
    line->action = str_from(import_actions[action]);
    r->counts[action]++;
}

static struct str format(struct import_report *r, const char *fmt, va_list args)
{
    char text[MESSAGE_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    struct str s = str_from(text);
    while (!str_is_utf8(s)) /* cut in the middle of a character */
        s.n--;
    struct str copy = arena_copy(r->a, s);
    r->failed = r->failed || !copy.p;
    return copy;
}

void report_say(struct import_report *r, struct import_line *line, enum import_action action,
                const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = format(r, fmt, args);
    va_end(args);
    if (r->failed)
        return;
    line->message = text;
    report_action(r, line, action);
}

void report_change(struct import_report *r, struct import_line *line, const char *field,
                   struct str from, struct str to)
{
    if (r->failed || line->n_changes >= IMPORT_CHANGES_MAX)
        return;
    if (line->n_changes == 0 || line->n_changes == CHANGES_FEW) {
        int more = line->n_changes ? IMPORT_CHANGES_MAX : CHANGES_FEW;
        struct import_change *changes = arena_array(r->a, (size_t)more, sizeof *changes);
        r->failed = !changes;
        if (!changes)
            return;
        if (line->n_changes)
            memcpy(changes, line->changes, (size_t)line->n_changes * sizeof *changes);
        line->changes = changes;
    }
    line->changes[line->n_changes++] =
        (struct import_change){.field = str_from(field), .from = from, .to = to};
}

void report_warn(struct import_report *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = format(r, fmt, args);
    va_end(args);
    if (!r->failed && r->n_warnings < IMPORT_WARNINGS_MAX)
        r->warnings[r->n_warnings++] = text;
}

enum err report_check(const struct import_report *r, struct error *e)
{
    return r->failed ? error_set(e, ERR_NOMEM, "the file is too large to import: send it in parts")
                     : ERR_OK;
}
