/* Tables: see table.h. Walks the rows of a schema as base/schema.c does; no state. */
#include "reports/table.h"

#include <stdio.h>

enum { NAME_MAX_BYTES = 128, DECIMALS = 1 };

typedef void (*cell_fn)(struct csv *w, const void *at);

static void put_str(struct csv *w, const void *at) { csv_text(w, *(const struct str *)at); }
static void put_id(struct csv *w, const void *at) { csv_text(w, str_from(at)); }
static void put_time(struct csv *w, const void *at) { csv_time(w, *(const usec_t *)at); }
static void put_int(struct csv *w, const void *at) { csv_int(w, *(const int64_t *)at); }
static void put_real(struct csv *w, const void *at) { csv_real(w, *(const double *)at, DECIMALS); }
static void put_bool(struct csv *w, const void *at)
{
    csv_text(w, *(const bool *)at ? STR("true") : STR("false"));
}

/* Types that are one cell; the others have none of their own. */
static const cell_fn cells[FIELD_T_RAW + 1] = {
    [FIELD_T_STR] = put_str, [FIELD_T_ID] = put_id,     [FIELD_T_TIME] = put_time,
    [FIELD_T_INT] = put_int, [FIELD_T_REAL] = put_real, [FIELD_T_BOOL] = put_bool,
};

static void names_put(struct csv *w, const struct schema *s, const char *prefix,
                      const struct str *lists, int n)
{
    char name[NAME_MAX_BYTES];
    for (int i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] ? "_" : "", f->name);
        if (f->type == FIELD_T_OBJECT)
            names_put(w, f->sub, name, lists, n);
        else if (cells[f->type])
            csv_text(w, str_from(name));
        for (int k = 0; f->type == FIELD_T_STRINGS && k < n; k++)
            csv_text(w, lists[k]);
    }
}

void table_head(struct csv *w, const struct schema *s, const struct str *lists, int n)
{
    names_put(w, s, "", lists, n);
    csv_end_row(w);
}

static void strings_put(struct csv *w, const struct field *f, const char *in)
{
    const struct str *items;
    int n;
    memcpy(&items, in + f->offset, sizeof items);
    memcpy(&n, in + f->count_offset, sizeof n);
    for (int i = 0; i < n; i++)
        csv_text(w, items[i]);
}

static void cells_put(struct csv *w, const struct schema *s, const char *in)
{
    for (int i = 0; i < s->n; i++) {
        const struct field *f = &s->fields[i];
        if (f->type == FIELD_T_OBJECT)
            cells_put(w, f->sub, in + f->offset);
        else if (f->type == FIELD_T_STRINGS)
            strings_put(w, f, in);
        else if (cells[f->type])
            cells[f->type](w, in + f->offset);
    }
}

void table_row(struct csv *w, const struct schema *s, const void *in)
{
    cells_put(w, s, in);
    csv_end_row(w);
}
