/* A CSV file as rows of fields. See csv_table.h.
 *
 * libcsv does the parsing; it does not count lines, so it is fed one line at a time, and a row
 * begins with the line that was fed first since the row before ended. Whether a line end lies
 * inside quotation marks is told by their number: in strict mode, where a quotation mark inside an
 * unquoted field is an error, an odd number since the row began means inside.
 * Memory: fields and rows are counted first (delimiters and line ends bound both), and the text of
 * all fields is never longer than the file. Thread: any. */
#include "exchange/csv_table.h"

#include <csv.h>

enum { HEADER_LOOK = 64 * 1024 };

struct reading {
    struct csv_table *table;
    struct str *fields; /* of all rows, one after the other */
    char *text;         /* where the next field is copied to */
    size_t field_n, row_first;
    int line, row_line, rows_max;
    bool has_header;
    enum err failed; /* a callback cannot stop libcsv: it is asked after each line */
};

static int is_blank(unsigned char c) { return c == ' ' || c == '\t'; }
static int is_space(unsigned char c) { return c == ' '; }

static void on_field(void *field, size_t n, void *ctx)
{
    struct reading *r = ctx;
    if (r->failed)
        return;
    if (r->field_n - r->row_first >= CSV_FIELDS_MAX) {
        r->failed = ERR_TOO_LARGE;
        return;
    }
    memcpy(r->text, field, n);
    r->fields[r->field_n++] = str_trim((struct str){r->text, n});
    r->text += n;
}

static void on_row(int end, void *ctx)
{
    struct reading *r = ctx;
    (void)end;
    if (r->failed)
        return;
    struct csv_row row = {.line = r->row_line,
                          .n = (int)(r->field_n - r->row_first),
                          .fields = &r->fields[r->row_first]};
    r->row_first = r->field_n;
    if (!r->has_header) {
        r->table->header = row;
        r->has_header = true;
    } else if (r->table->n >= r->rows_max) {
        r->failed = ERR_FULL;
    } else {
        r->table->rows[r->table->n++] = row;
    }
}

/* The delimiter that the header has most of, outside quotation marks. */
static char find_delimiter(struct str bytes)
{
    static const char candidates[] = {',', ';', '\t'};
    size_t counts[ARRAY_LEN(candidates)] = {0}, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes.n && i < HEADER_LOOK; i++) {
        char c = bytes.p[i];
        if (!quoted && (c == '\n' || c == '\r'))
            break;
        if (c == '"')
            quoted = !quoted;
        for (size_t k = 0; k < ARRAY_LEN(candidates); k++)
            counts[k] += !quoted && c == candidates[k];
    }
    for (size_t k = 1; k < ARRAY_LEN(candidates); k++)
        if (counts[k] > counts[best])
            best = k;
    return candidates[best];
}

static enum err check_encoding(struct str *bytes, const char *name, struct error *e)
{
    if (str_starts(*bytes, STR("\xEF\xBB\xBF")))
        *bytes = (struct str){bytes->p + 3, bytes->n - 3};
    if (str_starts(*bytes, STR("\xFF\xFE")) || str_starts(*bytes, STR("\xFE\xFF")) ||
        (bytes->n >= 4 && (!bytes->p[0] || !bytes->p[1])))
        return error_set(e, ERR_INVALID, "%s is UTF-16: save it as 'CSV UTF-8' and send that",
                         name);
    return ERR_OK;
}

/* Room for all that can come. */
static enum err allocate(struct str bytes, struct arena *a, struct reading *r, struct error *e)
{
    size_t ends = 1, fields = 1;
    for (size_t i = 0; i < bytes.n; i++) {
        bool end = bytes.p[i] == '\n' || bytes.p[i] == '\r';
        ends += end;
        fields += end || bytes.p[i] == r->table->delimiter;
    }
    if (ends > (size_t)r->rows_max + 1)
        ends = (size_t)r->rows_max + 1;
    r->table->rows = arena_array(a, ends, sizeof *r->table->rows);
    r->fields = arena_array(a, fields, sizeof *r->fields);
    r->text = arena_alloc(a, bytes.n + 1);
    return r->table->rows && r->fields && r->text
               ? ERR_OK
               : error_set(e, ERR_NOMEM, "no memory for a file of %zu bytes", bytes.n);
}

/* Cuts the next line, its end included, off *rest. */
static struct str next_line(struct str *rest)
{
    size_t n = 0;
    while (n < rest->n && rest->p[n] != '\n' && rest->p[n] != '\r')
        n++;
    if (n < rest->n)
        n += rest->p[n] == '\r' && n + 1 < rest->n && rest->p[n + 1] == '\n' ? 2 : 1;
    struct str line = {rest->p, n};
    *rest = (struct str){rest->p + n, rest->n - n};
    return line;
}

static enum err problem(const struct reading *r, struct csv_parser *p, const char *name,
                        struct error *e)
{
    if (r->failed == ERR_FULL)
        return error_set(e, ERR_TOO_LARGE, "%s has more than %d lines of data: send it in parts",
                         name, r->rows_max);
    if (r->failed)
        return error_set(e, ERR_TOO_LARGE, "%s line %d has more than %d fields", name, r->row_line,
                         CSV_FIELDS_MAX);
    if (csv_error(p) != CSV_EPARSE)
        return error_set(e, ERR_NOMEM, "no memory to read %s", name);
    return error_set(e, ERR_INVALID,
                     "%s line %d: a quotation mark out of place; a field with quotation marks is "
                     "written \"so \"\"quoted\"\"\"",
                     name, r->line);
}

static enum err parse(struct csv_parser *p, struct reading *r, struct str bytes, const char *name,
                      struct error *e)
{
    bool inside = false;
    for (struct str rest = bytes; rest.n > 0;) {
        struct str line = next_line(&rest);
        r->line++;
        if (!inside)
            r->row_line = r->line;
        for (size_t i = 0; i < line.n; i++)
            inside ^= line.p[i] == '"';
        if (csv_parse(p, line.p, line.n, on_field, on_row, r) != line.n || r->failed)
            return problem(r, p, name, e);
    }
    if (csv_fini(p, on_field, on_row, r))
        return error_set(e, ERR_INVALID, "%s line %d: a quotation mark is opened and never closed",
                         name, r->row_line);
    return r->failed ? problem(r, p, name, e) : ERR_OK;
}

enum err csv_table_read(struct str bytes, const char *name, int rows_max, struct arena *a,
                        struct csv_table *ret_table, struct error *e)
{
    struct csv_table table = {0};
    struct reading reading = {.table = &table, .rows_max = rows_max};
    struct csv_parser p;
    enum err r = check_encoding(&bytes, name, e);
    table.delimiter = find_delimiter(bytes);
    if (!r)
        r = allocate(bytes, a, &reading, e);
    if (r)
        return r;
    if (csv_init(&p, CSV_STRICT | CSV_STRICT_FINI))
        return error_set(e, ERR_NOMEM, "no memory to read %s", name);
    csv_set_delim(&p, (unsigned char)table.delimiter);
    csv_set_space_func(&p, table.delimiter == '\t' ? is_space : is_blank);
    r = parse(&p, &reading, bytes, name, e);
    csv_free(&p);
    if (!r && !reading.has_header)
        r = error_set(e, ERR_INVALID, "%s is empty: its first line names the columns", name);
    if (!r)
        *ret_table = table;
    return r;
}
