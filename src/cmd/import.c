/* `rollcall import`: students, courses and rosters from a file, through the running server.
 *
 * Without --apply it is a dry run: what would happen is printed, and how to make it happen. What a
 * file may hold is in docs/imports.md; here nothing of it is read. Thread: main. */
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/remote.h"
#include "cmd/settings.h"
#include "cmd/words.h"

#include "base/file.h"

enum {
    FILE_BYTES_MAX = 256 * 1024 * 1024,
    KEY_COLUMNS = 28,
    WHAT_MAX = 4096,
    STATUS_REFUSED = 422
};

static const char about[] =
    "Imports students, courses or rosters from a CSV file, or all three from a OneRoster 1.1 zip\n"
    "file. Without --apply nothing is written: every line is shown with what would happen to it.\n"
    "With --apply all of the file is written, or nothing. docs/imports.md describes the files.";

static const char examples[] =
    "  rollcall import students students.csv\n"
    "  rollcall import students students.csv --apply\n"
    "  rollcall import rosters rosters.csv --missing --tz Europe/Berlin\n"
    "  rollcall import oneroster sis-export.zip --apply";

static const struct {
    const char *what, *type;
    const char *missing; /* what --missing asks for; NULL: it has no meaning */
} kinds[] = {
    {"students", "text/csv", "deactivate"},
    {"courses", "text/csv", NULL},
    {"rosters", "text/csv", "remove"},
    {"oneroster", "application/zip", "all"},
};

struct wish {
    const char *file, *tz;
    int kind;
    bool apply, missing, force, all;
};

static void add_query(struct buf *path, const char *name, const char *value)
{
    bool first = !memchr(path->p, '?', path->n);
    buf_printf(path, "%c%s=", first ? '?' : '&', name);
    url_encode(path, str_from(value));
}

static void make_path(const struct wish *w, struct buf *path)
{
    buf_printf(path, "/v1/imports/%s", kinds[w->kind].what);
    if (!w->apply)
        add_query(path, "dry_run", "1");
    if (w->missing)
        add_query(path, "missing", kinds[w->kind].missing);
    if (w->force)
        add_query(path, "force", "1");
    if (w->all)
        add_query(path, "all", "1");
    if (w->tz)
        add_query(path, "tz", w->tz);
}

/* ---- the report, for people */

static void append_value(struct buf *b, const json_t *value)
{
    const char *text = json_string_value(value);
    buf_puts(b, text && text[0] ? text : "nothing");
}

/* "name: Ann -> Anne; email: ..." and the message. */
static void append_what(struct buf *b, const json_t *line)
{
    size_t i;
    const json_t *change;
    json_array_foreach(json_object_get(line, "changes"), i, change)
    {
        buf_printf(b, "%s%s: ", i ? "; " : "", json_text(change, "field"));
        if (!json_is_null(json_object_get(change, "from"))) {
            append_value(b, json_object_get(change, "from"));
            buf_puts(b, " -> ");
        }
        append_value(b, json_object_get(change, "to"));
    }
    const char *message = json_text(line, "message");
    if (message[0])
        buf_printf(b, "%s%s", b->n ? "; " : "", message);
}

static void print_line(const json_t *line)
{
    _cleanup_(buf_done) struct buf out, what;
    buf_init(&out, 2 * WHAT_MAX);
    buf_init(&what, WHAT_MAX);
    append_what(&what, line);
    const char *file = json_text(line, "file");
    if (file[0])
        buf_printf(&out, "%-16s ", file);
    if (json_num(line, "line") > 0)
        buf_printf(&out, "%6.0f", json_num(line, "line"));
    else
        buf_puts(&out, "     -");
    buf_printf(&out, "  %-9s  %-7s  ", json_text(line, "action"), json_text(line, "entity"));
    text_fit(&out, str_from(json_text(line, "key")), KEY_COLUMNS, false);
    buf_puts(&out, "  ");
    text_fit(&out, buf_str(&what), text_columns(buf_str(&what)), false);
    printf("%.*s\n", STR_ARGS(buf_str(&out)));
}

static void print_report(const json_t *report, bool all)
{
    size_t i;
    const json_t *item, *counts = json_object_get(report, "counts");
    json_array_foreach(json_object_get(report, "warnings"), i, item)
        printf("note: %s\n", json_string_value(item));
    json_array_foreach(json_object_get(report, "lines"), i, item)
    {
        if (all || strcmp(json_text(item, "action"), "unchanged") != 0)
            print_line(item);
    }
    if (json_num(report, "left_out") > 0)
        printf("... and %.0f lines more; --all shows them\n", json_num(report, "left_out"));
    printf("%.0f new, %.0f changed, %.0f removed, %.0f as they are, %.0f ignored, %.0f wrong\n",
           json_num(counts, "create"), json_num(counts, "update"), json_num(counts, "remove"),
           json_num(counts, "unchanged"), json_num(counts, "ignore"), json_num(counts, "error"));
}

/* What to do next; the exit status. */
static int print_end(const struct wish *w, const json_t *report)
{
    bool wrong = json_num(json_object_get(report, "counts"), "error") > 0;
    if (wrong) {
        printf("Nothing was written: mend the lines with errors, then import the file again.\n");
        return CMD_FAILED;
    }
    if (w->apply)
        printf("Written, in %.0f ms.\n", json_num(report, "write_ms"));
    else
        printf("Nothing was written. To do it: the same command with --apply\n");
    return CMD_OK;
}

static enum err import(struct remote *remote, const struct wish *w, int *ret_status,
                       struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new((size_t)4 * FILE_BYTES_MAX);
    _cleanup_(buf_done) struct buf path;
    struct str bytes;
    json_t *answer = NULL;
    int status = 0;
    buf_init(&path, 4 * KIB);
    make_path(w, &path);
    if (!a || path.failed)
        return error_set(e, ERR_NOMEM, "out of memory");
    enum err r = file_read(w->file, FILE_BYTES_MAX, a, &bytes, e);
    if (!r)
        r = remote_try(remote, a, HTTP_POST, path.p, kinds[w->kind].type, bytes, &status, &answer,
                       e);
    if (r)
        return r;
    const json_t *report = status == STATUS_REFUSED ? json_object_get(answer, "report") : answer;
    if (status / 100 != 2 && !(status == STATUS_REFUSED && report)) {
        r = remote_problem(status, answer, e);
    } else {
        print_report(report, w->all);
        *ret_status = print_end(w, report);
    }
    json_decref(answer);
    return r;
}

static int find_kind(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(word, kinds[i].what) == 0)
            return (int)i;
    return -1;
}

int cmd_import(int argc, char **argv)
{
    struct remote_place place = {0};
    struct wish w = {0};
    const struct arg_option options[] = {
        {.name = "apply", .type = ARG_FLAG, .ret = &w.apply, .help = "write it"},
        {.name = "missing",
         .type = ARG_FLAG,
         .ret = &w.missing,
         .help = "who is not in the file: students become inactive, roster entries end"},
        {.name = "force",
         .type = ARG_FLAG,
         .ret = &w.force,
         .help = "also when --missing takes more than a fifth"},
        {.name = "tz", .metavar = "ZONE", .ret = &w.tz, .help = "time zone of dates (UTC)"},
        {.name = "all", .type = ARG_FLAG, .ret = &w.all, .help = "show all lines"},
        REMOTE_OPTIONS(place),
    };
    const struct arg_spec spec = {.command = "import",
                                  .synopsis = "students|courses|rosters|oneroster FILE [--apply]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .min_positional = 2,
                                  .max_positional = 2};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    w.kind = find_kind(args.positional[0]);
    w.file = args.positional[1];
    if (w.kind < 0)
        return cmd_bad_usage("import", "'%s' is not students, courses, rosters or oneroster",
                             args.positional[0]);
    if (w.missing && !kinds[w.kind].missing)
        return cmd_bad_usage("import", "--missing has no meaning for courses");
    settings_place(config, &place);
    struct error e = {.code = ERR_OK};
    _cleanup_(remote_closep) struct remote *remote = NULL;
    int status = CMD_OK;
    enum err r = remote_open(&place, &remote, &e);
    if (!r)
        r = import(remote, &w, &status, &e);
    return r ? cmd_fail("import", &e) : status;
}
