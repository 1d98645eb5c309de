/* Imports: see exchange/import.h and docs/imports.md. Handler threads; one import at a time, since
 * each holds its whole file and plan in memory.
 *
 * A dry run is always 200: errors of lines are what it is asked for. An import that is not written
 * because lines have errors is 422: a problem whose member `report` is the same report. */
#include "api/handlers.h"

#include "base/buf.h"
#include "exchange/import.h"

#include <stdatomic.h>
#include <stdio.h>

enum { RETRY_S = 5, LINES_EACH = 50, ANSWER_MAX = 64 * MIB, PROBLEM_ROWS = SCHEMA_ERRORS_MAX };
#define IMPORT_ARENA ((size_t)1024 * MIB)

struct import_counts {
    int64_t create, update, remove, unchanged, ignore, error;
};

struct import_out {
    bool dry_run, applied;
    struct import_counts counts;
    struct str *warnings;
    int n_warnings;
    struct import_line *lines;
    int n_lines;
    int64_t left_out;
    double write_ms;
};

static const struct field change_fields[] = {
    FIELD_STR(struct import_change, field, 0, 64, FIELD_REQUIRED, "What changes."),
    FIELD_STR(struct import_change, from, 0, 200, FIELD_NULLABLE, "What is; null: nothing yet."),
    FIELD_STR(struct import_change, to, 0, 200, FIELD_NULLABLE, "What will be."),
};
const struct schema import_change_schema =
    SCHEMA("ImportChange", struct import_change, change_fields);

static const struct field line_fields[] = {
    FIELD_STR(struct import_line, file, 0, 255, FIELD_NULLABLE,
              "The file within a zip file; null: the one that was sent."),
    FIELD_INT(struct import_line, line, 0, 1e9, FIELD_REQUIRED,
              "Where it begins in the file, 1 is the header; 0: what the file leaves out."),
    FIELD_STR(struct import_line, entity, 0, 32, FIELD_NULLABLE, "student, course, roster ..."),
    {.name = "action",
     .type = FIELD_T_STR,
     .offset = offsetof(struct import_line, action),
     .flags = FIELD_REQUIRED,
     .max = 16,
     .choices = import_actions,
     .doc = "What happens: error: nothing can, and nothing at all is written."},
    FIELD_STR(struct import_line, key, 0, 200, FIELD_NULLABLE, "How the file names it."),
    FIELD_LIST(struct import_line, changes, n_changes, &import_change_schema, IMPORT_CHANGES_MAX,
               FIELD_REQUIRED, "Fields that change."),
    FIELD_STR(struct import_line, message, 0, 256, FIELD_NULLABLE, "Why, or what to know."),
};
const struct schema import_line_schema = SCHEMA("ImportLine", struct import_line, line_fields);

static const struct field count_fields[] = {
    FIELD_INT(struct import_counts, create, 0, 1e9, FIELD_REQUIRED, "New."),
    FIELD_INT(struct import_counts, update, 0, 1e9, FIELD_REQUIRED, "Changed."),
    FIELD_INT(struct import_counts, remove, 0, 1e9, FIELD_REQUIRED, "Ended or made inactive."),
    FIELD_INT(struct import_counts, unchanged, 0, 1e9, FIELD_REQUIRED, "As the file has it."),
    FIELD_INT(struct import_counts, ignore, 0, 1e9, FIELD_REQUIRED, "Not of concern here."),
    FIELD_INT(struct import_counts, error, 0, 1e9, FIELD_REQUIRED, "Wrong."),
};
const struct schema import_counts_schema =
    SCHEMA("ImportCounts", struct import_counts, count_fields);

static const struct field import_fields[] = {
    FIELD_BOOL(struct import_out, dry_run, FIELD_REQUIRED, "It was asked what would happen."),
    FIELD_BOOL(struct import_out, applied, FIELD_REQUIRED, "It has happened; else nothing has."),
    FIELD_OBJECT(struct import_out, counts, &import_counts_schema, FIELD_REQUIRED,
                 "Lines of each kind, also of those left out below."),
    FIELD_STRINGS(struct import_out, warnings, n_warnings, IMPORT_WARNINGS_MAX, FIELD_REQUIRED,
                  "About the file as a whole."),
    FIELD_LIST(struct import_out, lines, n_lines, &import_line_schema, 1e6, FIELD_REQUIRED,
               "In the order of the file; the first 50 of each action, or all."),
    FIELD_INT(struct import_out, left_out, 0, 1e9, FIELD_REQUIRED, "Lines not shown; all=1 does."),
    FIELD_REAL(struct import_out, write_ms, 0, 1e9, FIELD_REQUIRED,
               "How long the transaction took that wrote it."),
};
const struct schema import_schema = SCHEMA("Import", struct import_out, import_fields);

static struct import_counts counts_of(const struct import_report *r)
{
    return (struct import_counts){.create = r->counts[IMPORT_CREATE],
                                  .update = r->counts[IMPORT_UPDATE],
                                  .remove = r->counts[IMPORT_REMOVE],
                                  .unchanged = r->counts[IMPORT_UNCHANGED],
                                  .ignore = r->counts[IMPORT_IGNORE],
                                  .error = r->counts[IMPORT_ERROR]};
}

/* Keeps the first of each action, in their order. */
static int shorten(struct import_line *lines, int n)
{
    int kept = 0, of[IMPORT_ACTION_N] = {0};
    for (int i = 0; i < n; i++)
        if (of[lines[i].kind]++ < LINES_EACH)
            lines[kept++] = lines[i];
    return kept;
}

static enum err print_report(struct call *c, struct import_result *result, bool dry_run,
                             struct str *ret_json, struct error *e)
{
    struct import_report *r = &result->report;
    bool all;
    enum err err = call_flag(c, "all", &all, e);
    int shown = all || err ? r->n_lines : shorten(r->lines, r->n_lines);
    struct import_out out = {.dry_run = dry_run,
                             .applied = result->applied,
                             .counts = counts_of(r),
                             .warnings = r->warnings,
                             .n_warnings = r->n_warnings,
                             .lines = r->lines,
                             .n_lines = shown,
                             .left_out = r->n_lines - shown,
                             .write_ms = (double)result->write_time / USEC_PER_MSEC};
    return err ? err : schema_print(&import_schema, &out, c->a, ret_json, e);
}

/* The first lines with errors, as members that are wrong. */
static void name_errors(const struct import_report *r, struct schema_errors *errs)
{
    for (int i = 0; i < r->n_lines && errs->n < PROBLEM_ROWS; i++) {
        const struct import_line *l = &r->lines[i];
        if (l->kind != IMPORT_ERROR)
            continue;
        snprintf(errs->rows[errs->n].field, sizeof errs->rows[0].field, "%.*s%sline %lld",
                 (int)(l->file.n < 40 ? l->file.n : 40), l->file.p ? l->file.p : "",
                 l->file.p ? " " : "", (long long)l->line);
        struct str m = l->message;
        size_t max = sizeof errs->rows[0].message - 1;
        m.n = m.n < max ? m.n : max;
        while (!str_is_utf8(m)) /* cut in the middle of a character */
            m.n--;
        snprintf(errs->rows[errs->n++].message, max + 1, "%.*s", STR_ARGS(m));
    }
}

static enum err answer_refused(struct call *c, const struct import_report *r, struct str json,
                               struct error *e)
{
    _cleanup_(buf_done) struct buf body;
    struct schema_errors errs = {0};
    struct error why;
    enum err code = error_set(&why, ERR_UNPROCESSABLE,
                              "nothing was imported: %lld lines have errors; mend them and send "
                              "the file again",
                              (long long)r->counts[IMPORT_ERROR]);
    name_errors(r, &errs);
    buf_init(&body, ANSWER_MAX);
    problem_print(&why, &errs, c->req->id, &body);
    if (body.n)
        body.n--; /* the closing brace: the report is one more member */
    buf_puts(&body, ",\"report\":");
    buf_append(&body, json);
    buf_putc(&body, '}');
    c->raw_body = arena_copy(c->a, buf_str(&body));
    c->raw_type = STR("application/problem+json");
    c->status = err_http_status(code);
    return body.failed || !c->raw_body.p
               ? error_set(e, ERR_NOMEM, "the report is too large: ask without all=1")
               : ERR_OK;
}

static enum err answer(struct call *c, struct import_result *result, bool dry_run, struct error *e)
{
    struct str json;
    bool refused = !dry_run && !result->applied;
    for (int i = 0; i < result->n_rosters; i++)
        live_roster_changed(c->api, result->rosters[i].course, result->rosters[i].version);
    enum err r = print_report(c, result, dry_run, &json, e);
    if (r)
        return r;
    if (refused)
        return answer_refused(c, &result->report, json, e);
    c->raw_body = json;
    c->raw_type = STR("application/json");
    return ERR_OK;
}

/* ---- what is asked for */

static enum err check_type(struct call *c, const char *const *types, struct error *e)
{
    struct str type = http_header_get(c->req, "content-type"), head = {0}, part;
    if (str_split(&type, ';', &head))
        for (int i = 0; types[i]; i++)
            if (str_eq_nocase(str_trim(head), str_from(types[i]))) {
                while (str_split(&type, ';', &part))
                    if (str_starts(str_trim(part), STR("charset=")) &&
                        !str_eq_nocase(str_trim(part), STR("charset=utf-8")))
                        return error_set(e, ERR_UNSUPPORTED, "send the file as UTF-8");
                return ERR_OK;
            }
    return error_set(e, ERR_UNSUPPORTED, "send the file as Content-Type: %s", types[0]);
}

/* words: those that the import knows, NULL: it has no `missing`. */
static enum err read_missing(struct call *c, const char *const *words, struct import_options *o,
                             struct error *e)
{
    int index = -1;
    enum err r = words ? call_word(c, "missing", words, &index, e) : ERR_OK;
    struct str word = str_from(r || index < 0 ? "keep" : words[index]);
    o->missing_students = str_is(word, "deactivate") || str_is(word, "all");
    o->missing_entries = str_is(word, "remove") || str_is(word, "all");
    return r;
}

static bool role_teaches(struct str word)
{
    enum role role;
    return role_parse(word, &role, NULL) == ERR_OK && role_may(role, PERM_SESSION_WRITE);
}

/* Users are made for those who may make users. */
static enum err read_teachers(struct call *c, struct import_options *o, struct error *e)
{
    static const char *const words[] = {"create", "keep", NULL};
    int index = -1;
    enum err r = call_word(c, "teachers", words, &index, e);
    o->may_teach = role_teaches;
    o->create_teachers = !r && index == 0;
    if (o->create_teachers && !principal_may(&c->who, PERM_USER_ADMIN))
        return error_set(e, ERR_FORBIDDEN, "teachers=create needs the permission %s",
                         perm_name(PERM_USER_ADMIN));
    return r;
}

static enum err read_options(struct call *c, const char *const *missing, struct import_options *o,
                             struct error *e)
{
    const struct config *cfg = c->api->env.config;
    enum err r = call_flag(c, "dry_run", &o->dry_run, e);
    if (!r)
        r = call_flag(c, "force", &o->force, e);
    if (!r)
        r = read_missing(c, missing, o, e);
    if (!r)
        r = call_query(c, "tz", &o->tz, e);
    if (!r)
        r = call_query(c, "course", &o->course_name, e);
    if (!r)
        r = read_teachers(c, o, e);
    o->confirm_gap_ms = cfg->confirm_gap_ms;
    o->confirm_window_s = cfg->confirm_window_s;
    o->db = c->api->env.db;
    o->bytes_max = (size_t)cfg->import_max_bytes;
    o->rows_max = (int)cfg->import_max_lines;
    o->now = time_utc();
    return r ? r : course_defaults(c, &o->course, e);
}

typedef enum err (*import_fn)(const struct import_options *o, struct str bytes,
                              struct import_result *ret_result, struct error *e);

static enum err import_one(struct call *c, import_fn fn, struct import_options *o, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(IMPORT_ARENA);
    struct import_result result;
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory for an import");
    o->a = a;
    enum err r = fn(o, c->req->body, &result, e);
    return r ? r : answer(c, &result, o->dry_run, e);
}

static enum err import(struct call *c, const char *const *types, import_fn fn,
                       const char *const *missing, struct error *e)
{
    struct import_options o = {0};
    enum err r = check_type(c, types, e);
    if (!r)
        r = read_options(c, missing, &o, e);
    if (r)
        return r;
    if (atomic_exchange(&c->api->importing, true)) {
        c->retry_after_s = RETRY_S;
        return error_set(e, ERR_UNAVAILABLE, "another import is under way: try again soon");
    }
    r = import_one(c, fn, &o, e);
    atomic_store(&c->api->importing, false);
    return r;
}

static const char *const csv_types[] = {"text/csv", "application/csv", "text/plain",
                                        "application/octet-stream", NULL};

enum err students_import(struct call *c, struct error *e)
{
    static const char *const missing[] = {"deactivate", "keep", NULL};
    return import(c, csv_types, import_students, missing, e);
}

enum err courses_import(struct call *c, struct error *e)
{
    return import(c, csv_types, import_courses, NULL, e);
}

enum err rosters_import(struct call *c, struct error *e)
{
    static const char *const missing[] = {"remove", "keep", NULL};
    return import(c, csv_types, import_rosters, missing, e);
}

enum err oneroster_import(struct call *c, struct error *e)
{
    static const char *const zip_types[] = {"application/zip", "application/x-zip-compressed",
                                            "application/octet-stream", NULL};
    static const char *const missing[] = {"remove", "deactivate", "all", "keep", NULL};
    return import(c, zip_types, import_oneroster, missing, e);
}

enum err calendar_import(struct call *c, struct error *e)
{
    static const char *const calendar_types[] = {"text/calendar", "text/plain",
                                                 "application/octet-stream", NULL};
    return import(c, calendar_types, import_icalendar, NULL, e);
}
