/* Documentation of the options: see config_doc.h. One walk over the table; any thread; no state. */
#include "config/config_doc.h"

#include "config/option.h"

/* The table in reading order: a section's title, or an option. */
static const struct {
    const char *title;
    enum option option;
} lines[] = {
#define X(name, ...) {NULL, OPTION_##name},
#define G(title) {title, OPTION_N},
    OPTIONS(X, G)
#undef X
#undef G
};

static const char head[] =
    "# Configuration\n\n"
    "Every option can be set in a file, in the environment and on the command line; a later one of "
    "these wins.\n\n"
    "| source | example |\n| --- | --- |\n"
    "| file: `--config PATH`, else `ROLLCALL_CONFIG`, else `rollcall.ini` in the current folder if "
    "it exists | `http_port = 9000` |\n"
    "| environment | `ROLLCALL_HTTP_PORT=9000` |\n"
    "| command line | `--http-port=9000` or `--http-port 9000` |\n\n"
    "The file has one `name = value` a line, comments behind `;` (or `#` at the start of a line), "
    "lines of 196 bytes at most and no sections. A name that is not below, a value that is not "
    "allowed and a name set twice are errors. Of variables with the prefix `ROLLCALL_` only those "
    "that look like a misspelt option are errors, because container platforms add their own.\n"
    "`rollcall config show` prints the values in use and where each came from.\n\n"
    "This page is printed by `rollcall config doc`; do not edit it.\n";

/* Text for a table cell: '|' would end it. */
static void cell(struct buf *b, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '|')
            buf_putc(b, '\\');
        buf_putc(b, s.p[i]);
    }
}

static void doc_row(struct buf *b, enum option o)
{
    const struct option_row *row = &option_rows[o];
    struct buf allowed;
    buf_init(&allowed, KIB);
    option_allowed(o, &allowed);
    buf_printf(b, "| `%s` | %s%s%s | ", row->name, *row->text ? "`" : "", row->text,
               *row->text ? "`" : "empty");
    cell(b, buf_str(&allowed));
    buf_puts(b, " | ");
    cell(b, str_from(row->help));
    if (row->flags & OPTION_SECRET)
        buf_puts(b, " Secret: never shown; not taken from the command line.");
    buf_puts(b, " |\n");
    buf_done(&allowed);
}

void config_doc(struct buf *b)
{
    buf_puts(b, head);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (lines[i].title)
            buf_printf(b,
                       "\n## %s\n\n| name | default | allowed | what it is |\n"
                       "| --- | --- | --- | --- |\n",
                       lines[i].title);
        else
            doc_row(b, lines[i].option);
    }
}

/* --http-port=8080, and what it is on the next line. */
static void usage_row(struct buf *b, enum option o)
{
    const struct option_row *row = &option_rows[o];
    if (row->flags & OPTION_SECRET)
        return;
    buf_puts(b, "  --");
    for (const char *p = row->name; *p; p++)
        buf_putc(b, *p == '_' ? '-' : *p);
    buf_printf(b, "=%s", *row->text ? row->text : "...");
    if (row->type == OPTION_TYPE_ENUM || row->type == OPTION_TYPE_CHOICE)
        buf_printf(b, "  (%s)", row->unit);
    buf_printf(b, "\n      %s\n", row->help);
}

void config_usage(struct buf *b)
{
    buf_puts(b, "Options of every command, with their defaults (also ROLLCALL_NAME in the\n"
                "environment and name = value in the file of --config=PATH):\n");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (lines[i].title)
            buf_printf(b, "\n%s\n", lines[i].title);
        else
            usage_row(b, lines[i].option);
    }
}
