/* Which column is which. See columns.h. Cost: columns x header fields, once a file. */
#include "exchange/columns.h"

#include "base/unicode.h"

#include <stdio.h>

enum { NAME_MAX = 64, CELL_CHARS = 200, SHOWN_MAX = 40 };

/* The name as it is compared; cut when it is longer than any that is known. */
static void fold(struct str name, char out[static NAME_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < name.n && n + 1 < NAME_MAX; i++) {
        char c = name.p[i];
        if (c == ' ' || c == '-' || c == '_' || c == '.')
            continue;
        out[n++] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    out[n] = 0;
}

static bool column_is(const struct column *column, const char *folded)
{
    char name[NAME_MAX];
    struct str rest = str_from(column->synonyms), word;
    fold(str_from(column->name), name);
    if (strcmp(name, folded) == 0)
        return true;
    while (str_split(&rest, ' ', &word))
        if (str_is(word, folded))
            return true;
    return false;
}

static int find(const struct columns *c, struct str name)
{
    char folded[NAME_MAX];
    fold(name, folded);
    for (int i = 0; i < c->n; i++)
        if (column_is(&c->rows[i], folded))
            return i;
    return -1;
}

static int shown(struct str s) { return (int)(s.n < SHOWN_MAX ? s.n : SHOWN_MAX); }

static enum err check_required(const struct columns *c, const char *file, struct error *e)
{
    for (int i = 0; i < c->n; i++)
        if (c->rows[i].required && c->at[i] < 0)
            return error_set(e, ERR_INVALID,
                             "%s has no column '%s': its first line must name the columns", file,
                             c->rows[i].name);
    return ERR_OK;
}

enum err columns_find(const struct column *rows, int n, const struct csv_table *table,
                      const char *file, struct import_report *report, struct columns *ret_columns,
                      struct error *e)
{
    struct columns c = {.rows = rows, .n = n};
    for (int i = 0; i < n; i++)
        c.at[i] = -1;
    for (int f = 0; f < table->header.n; f++) {
        struct str name = table->header.fields[f];
        if (!str_is_utf8(name))
            return error_set(e, ERR_INVALID, "%s is not UTF-8: save it as 'CSV UTF-8'", file);
        int at = find(&c, name);
        if (at < 0 && name.n > 0)
            report_warn(report, "%s: the column '%.*s' is not known and is left out", file,
                        shown(name), name.p);
        if (at < 0)
            continue;
        if (c.at[at] >= 0)
            return error_set(e, ERR_INVALID, "%s has two columns '%s' (one is called '%.*s')", file,
                             rows[at].name, shown(name), name.p);
        c.at[at] = f;
    }
    *ret_columns = c;
    return check_required(&c, file, e);
}

static bool read_cell(const struct columns *c, int i, const struct csv_row *row,
                      struct import_report *report, struct import_line *line, struct str *ret_cell)
{
    struct error why = {0};
    const struct column *column = &c->rows[i];
    struct str raw = c->at[i] < row->n ? row->fields[c->at[i]] : STR("");
    enum err r = unicode_normal(raw, report->a, ret_cell, &why);
    size_t max = column->max_chars ? (size_t)column->max_chars : CELL_CHARS;
    if (r == ERR_NOMEM)
        report->failed = true;
    if (r)
        report_say(report, line, IMPORT_ERROR, "%s %s%s", column->name, why.msg,
                   str_is_utf8(raw) ? "" : ": save the file as 'CSV UTF-8'");
    else if (str_characters(*ret_cell) > max)
        report_say(report, line, IMPORT_ERROR, "%s has %zu characters, at most %zu are allowed",
                   column->name, str_characters(*ret_cell), max);
    else if (column->required && ret_cell->n == 0)
        report_say(report, line, IMPORT_ERROR, "%s is empty", column->name);
    else
        return true;
    return false;
}

bool columns_read(const struct columns *c, const struct csv_row *row, struct import_report *report,
                  struct import_line *line, struct str *ret_cells)
{
    for (int i = 0; i < c->n; i++) {
        ret_cells[i] = (struct str){0};
        if (c->at[i] >= 0 && !read_cell(c, i, row, report, line, &ret_cells[i]))
            return false;
    }
    return true;
}
