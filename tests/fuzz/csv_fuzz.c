/* Fuzz target: exchange/csv_table and what normalises its cells. Rows lie in the file's order,
 * fields are never NULL, and together they are no longer than the file. */
#include "base/unicode.h"
#include "exchange/csv_table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS_MAX = 1000 };

static size_t check_row(const struct csv_row *row, struct arena *a)
{
    size_t bytes = 0;
    if (row->n > CSV_FIELDS_MAX)
        abort();
    for (int i = 0; i < row->n; i++) {
        struct str normal = {0};
        if (!row->fields[i].p)
            abort();
        bytes += row->fields[i].n;
        if (!unicode_normal(row->fields[i], a, &normal, NULL) && !str_is_utf8(normal))
            abort();
    }
    return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(16 * MIB);
    struct str bytes = {(const char *)data, size};
    struct csv_table t;
    if (!a || csv_table_read(bytes, "f", ROWS_MAX, a, &t, NULL))
        return 0;
    size_t n = check_row(&t.header, a);
    int line = t.header.line;
    for (int i = 0; i < t.n; i++) {
        if (t.rows[i].line <= line)
            abort();
        line = t.rows[i].line;
        n += check_row(&t.rows[i], a);
    }
    if (t.n > ROWS_MAX || n > size)
        abort();
    return 0;
}
