/* GET /v1/students/{id}/export: everything held on a student, as JSON or as a zip file with the
 * JSON, a CSV a section and a page that explains. Handler threads; one read, all in memory, bounded
 * by EXPORT_MAX. Sections: store/export.h. */
#include "api/handlers.h"

#include "exchange/zip.h"
#include "reports/csv.h"
#include "store/export.h"
#include "store/keystore.h"
#include "store/mark.h"
#include "store/student.h"

#include <math.h>
#include <sodium.h>
#include <stdlib.h>

enum { EXPORT_MAX = 24 * MIB, SECTIONS_MAX = 32, HEX_MAX = 129, REAL_DIGITS = 6 };

struct export
{
    struct call *c;
    struct student_id student;
    struct student s;
    struct seal_key key; /* opens the reasons in the register */
    bool has_key;
    bool zip;
    struct buf json, csv[SECTIONS_MAX];
    struct csv writer; /* of the section at hand */
    int at;
    bool first; /* no row of the section yet */
};

/* Text as a JSON string. */
static void put_string(struct buf *out, struct str text)
{
    json_t *string = json_stringn(text.n ? text.p : "", text.n);
    char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    buf_puts(out, quoted ? quoted : "null");
    free(quoted);
    json_decref(string);
}

/* JSON as it is; what is not (sealed, or cut) as a string. */
static void put_json(struct buf *out, struct str text)
{
    json_t *parsed = json_loadb(text.p, text.n, JSON_DECODE_ANY, NULL);
    if (parsed)
        buf_append(out, text);
    else
        put_string(out, text);
    json_decref(parsed);
}

static struct str hex_of(struct str bytes, char text[static HEX_MAX])
{
    size_t n = bytes.n < (HEX_MAX - 1) / 2 ? bytes.n : (HEX_MAX - 1) / 2;
    sodium_bin2hex(text, HEX_MAX, (const unsigned char *)bytes.p, n);
    return str_from(text);
}

static void put_text(struct export *x, enum export_type type, struct str value, bool null)
{
    char text[HEX_MAX];
    struct error closed;
    struct str opened;
    if (type == EXPORT_JSON &&
        mark_payload_open(x->c->a, x->has_key ? &x->key : NULL, value, &opened, &closed) == ERR_OK)
        value = opened;
    if (type == EXPORT_HEX)
        value = hex_of(value, text);
    if (!value.n)
        buf_puts(&x->json, null || type == EXPORT_JSON ? "null" : "\"\"");
    else if (type == EXPORT_JSON)
        put_json(&x->json, value);
    else
        put_string(&x->json, value);
    csv_text(&x->writer, value);
}

static void put_time(struct export *x, usec_t at)
{
    char text[TIME_TEXT];
    time_format_iso(at, text);
    if (at)
        buf_printf(&x->json, "\"%s\"", text);
    else
        buf_puts(&x->json, "null");
    csv_time(&x->writer, at);
}

static void put_real(struct export *x, double value)
{
    if (isfinite(value))
        buf_printf(&x->json, "%.*f", REAL_DIGITS, value);
    else
        buf_puts(&x->json, "null");
    csv_real(&x->writer, value, REAL_DIGITS);
}

static void put_int(struct export *x, int64_t value, bool null)
{
    if (null) {
        buf_puts(&x->json, "null");
        csv_text(&x->writer, STR(""));
    } else {
        buf_printf(&x->json, "%lld", (long long)value);
        csv_int(&x->writer, value);
    }
}

static void put_cell(struct export *x, const struct export_column *column, struct db_rows *row)
{
    bool null = db_col_is_null(row, column->name);
    switch (column->type) {
    case EXPORT_TEXT:
    case EXPORT_JSON:
    case EXPORT_HEX:
        put_text(x, column->type, db_col_str(row, column->name), null);
        return;
    case EXPORT_TIME:
        put_time(x, db_col_int(row, column->name));
        return;
    case EXPORT_REAL:
        put_real(x, null ? NAN : db_col_real(row, column->name));
        return;
    case EXPORT_FLAG:
        buf_puts(&x->json, db_col_int(row, column->name) ? "true" : "false");
        csv_text(&x->writer, db_col_int(row, column->name) ? STR("yes") : STR("no"));
        return;
    case EXPORT_INT:
        put_int(x, db_col_int(row, column->name), null);
        return;
    }
}

static enum err on_row(void *ctx, const struct export_section *section, struct db_rows *row,
                       struct error *e)
{
    struct export *x = ctx;
    buf_puts(&x->json, x->first ? "\n  {" : ",\n  {");
    x->first = false;
    for (int i = 0; i < section->n; i++) {
        buf_printf(&x->json, "%s\"%s\":", i ? "," : "", section->columns[i].name);
        put_cell(x, &section->columns[i], row);
    }
    buf_putc(&x->json, '}');
    csv_end_row(&x->writer);
    if (x->json.failed || x->csv[x->at].failed)
        return error_set(e, ERR_TOO_LARGE, "more is held on this student than one answer takes");
    return ERR_OK;
}

static enum err read_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct export *x = ctx;
    char now[TIME_TEXT];
    enum err r = student_get(cx, x->c->a, x->student, &x->s, e);
    buf_reset(&x->json); /* a read may run more than once */
    time_format_iso(time_utc(), now);
    buf_printf(&x->json, "{\"student\":\"%s\",\"exported_at\":\"%s\"", x->student.text, now);
    for (x->at = 0; !r && x->at < export_sections_n; x->at++) {
        const struct export_section *section = &export_sections[x->at];
        buf_reset(&x->csv[x->at]);
        csv_begin(&x->writer, &x->csv[x->at], true);
        for (int i = 0; i < section->n; i++)
            csv_text(&x->writer, str_from(section->columns[i].name));
        csv_end_row(&x->writer);
        buf_printf(&x->json, ",\n\"%s\":[", section->name);
        x->first = true;
        r = export_each(cx, section, x->student, on_row, x, e);
        buf_putc(&x->json, ']');
    }
    buf_puts(&x->json, "}\n");
    return r;
}

static void explain(struct buf *out)
{
    buf_puts(out, "Everything that this installation of Rollcall holds on one student.\r\n"
                  "export.json has all of it; each .csv file is one part, for a spreadsheet.\r\n"
                  "Times are UTC.\r\n\r\n");
    for (int i = 0; i < export_sections_n; i++)
        buf_printf(out, "%s.csv\r\n    %s\r\n", export_sections[i].name, export_sections[i].about);
    buf_puts(out, "\r\nNot kept: camera frames, and photos once they are judged unless your "
                  "institution turned their\r\nretention on with your consent.\r\n");
}

static enum err pack(struct export *x, struct buf *out, struct error *e)
{
    struct zip_item items[SECTIONS_MAX + 2];
    _cleanup_(buf_done) struct buf readme;
    int n = 0;
    buf_init(&readme, 64 * KIB);
    explain(&readme);
    items[n++] = (struct zip_item){STR("README.txt"), buf_str(&readme)};
    items[n++] = (struct zip_item){STR("export.json"), buf_str(&x->json)};
    for (int i = 0; i < export_sections_n; i++) {
        char *name = arena_printf(x->c->a, "%s.csv", export_sections[i].name);
        if (!name)
            return error_set(e, ERR_NOMEM, "no memory for the export");
        items[n++] = (struct zip_item){str_from(name), buf_str(&x->csv[i])};
    }
    return zip_write(items, n, out, e);
}

/* The body lies in the request's memory. */
static enum err answer(struct export *x, struct error *e)
{
    struct call *c = x->c;
    _cleanup_(buf_done) struct buf zip;
    buf_init(&zip, EXPORT_MAX);
    enum err r = buf_check(&x->json, e);
    if (!r && x->zip)
        r = pack(x, &zip, e);
    if (r)
        return r;
    c->raw_body = arena_copy(c->a, x->zip ? buf_str(&zip) : buf_str(&x->json));
    c->raw_type = x->zip ? STR("application/zip") : STR("application/json");
    return c->raw_body.p ? ERR_OK : error_set(e, ERR_NOMEM, "no memory for the export");
}

static enum err wants_zip(struct call *c, bool *ret_zip, struct error *e)
{
    static const char *const formats[] = {"json", "zip", NULL};
    int format;
    enum err r = call_word(c, "format", formats, &format, e);
    struct str accept = http_header_get(c->req, "accept");
    if (!r)
        *ret_zip = format >= 0 ? format == 1
                               : accept.p && memmem(accept.p, accept.n, "application/zip", 15);
    return r;
}

enum err student_export(struct call *c, struct error *e)
{
    void *memory;
    enum err r = call_alloc(c, sizeof(struct export), &memory, e);
    if (r)
        return r;
    struct export *x = memory;
    x->c = c;
    buf_init(&x->json, EXPORT_MAX);
    for (int i = 0; i < SECTIONS_MAX; i++)
        buf_init(&x->csv[i], EXPORT_MAX);
    r = call_id(c, 0, x->student.text, e);
    if (!r)
        r = wants_zip(c, &x->zip, e);
    if (!r)
        r = keystore_get(c->api->env.keystore, x->student, KEY_RECORD, &x->key, e);
    x->has_key = r == ERR_OK;
    if (r == ERR_OK || r == ERR_NOT_FOUND)
        r = x->student.text[0] ? db_read(c->api->env.db, read_fn, x, e) : r;
    sodium_memzero(&x->key, sizeof x->key);
    if (!r)
        r = answer(x, e);
    buf_done(&x->json);
    for (int i = 0; i < SECTIONS_MAX; i++)
        buf_done(&x->csv[i]);
    return r;
}
