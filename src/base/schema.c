/* Schemas: see schema.h. Decoding and encoding walk the rows; jansson parses and prints. Linear in
 * the body, whose size the HTTP layer has bounded; nesting is bounded by the tables (and jansson's
 * own limit of 2048). Called by handlers and workers, any thread. */
#include "base/schema.h"

#include "base/day.h"
#include "base/id.h"
#include "base/unicode.h"

#include <math.h>
#include <stdio.h>

/* 9 digits tell every float apart and print .67 as .67 */
#define PRINT_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(9))

static void complain(struct schema_errors *errs, const char *field, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

static void complain(struct schema_errors *errs, const char *field, const char *fmt, ...)
{
    if (errs->n == SCHEMA_ERRORS_MAX)
        return;
    snprintf(errs->rows[errs->n].field, sizeof errs->rows[0].field, "%s", field);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(errs->rows[errs->n].message, sizeof errs->rows[0].message, fmt, ap);
    va_end(ap);
    errs->n++;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return true;
    return false;
}

static bool one_of(struct str s, const char *const *choices)
{
    for (; *choices; choices++)
        if (str_is(s, *choices))
            return true;
    return false;
}

static void decode_str(const struct field *f, struct arena *a, json_t *v, void *at,
                       struct schema_errors *errs)
{
    struct str s = {json_string_value(v), json_string_length(v)};
    if (!s.p) {
        complain(errs, f->name, "must be a string");
        return;
    }
    struct error why = {0};
    bool control = has_control(s);
    enum err r = control || f->flags & FIELD_EXACT ? ERR_OK : unicode_normal(s, a, &s, &why);
    size_t n = str_characters(s);
    if (control)
        complain(errs, f->name, "must not contain control characters");
    else if (r)
        complain(errs, f->name, "%s", why.msg);
    else if ((double)n < f->min || (double)n > f->max)
        complain(errs, f->name, "must have %g to %g characters, has %zu", f->min, f->max, n);
    else if (f->choices && !one_of(s, f->choices))
        complain(errs, f->name, "is not one of the allowed words, see the API description");
    struct str copy = {0};
    if (unicode_nfc(s, a, &copy, NULL))
        complain(errs, f->name, "does not fit into the memory of one request");
    memcpy(at, &copy, sizeof copy);
}

static void decode_id(const struct field *f, json_t *v, char *at, struct schema_errors *errs)
{
    struct error e;
    struct str s = {json_string_value(v), json_string_length(v)};
    if (!s.p)
        complain(errs, f->name, "must be an id (a string)");
    else if (id_parse(s, at, &e))
        complain(errs, f->name, "%s", e.msg);
}

static void decode_time(const struct field *f, json_t *v, void *at, struct schema_errors *errs)
{
    struct error e;
    usec_t t = 0;
    struct str s = {json_string_value(v), json_string_length(v)};
    if (!s.p)
        complain(errs, f->name, "must be a time (a string such as 2026-11-22T08:59:00Z)");
    else if (time_parse_iso(s, &t, &e))
        complain(errs, f->name, "%s", e.msg);
    memcpy(at, &t, sizeof t);
}

/* A day, or a time of the day. */
static void decode_calendar(const struct field *f, json_t *v, void *at, struct schema_errors *errs)
{
    struct error e;
    int64_t n = 0;
    struct str s = {json_string_value(v), json_string_length(v)};
    if (!s.p)
        s = STR("");
    if ((f->type == FIELD_T_DAY ? day_parse : clock_parse)(s, &n, &e))
        complain(errs, f->name, "%s", e.msg);
    memcpy(at, &n, sizeof n);
}

static void decode_int(const struct field *f, json_t *v, void *at, struct schema_errors *errs)
{
    int64_t i = json_integer_value(v);
    if (!json_is_integer(v))
        complain(errs, f->name, "must be a whole number");
    else if ((double)i < f->min || (double)i > f->max)
        complain(errs, f->name, "must be between %.15g and %.15g", f->min, f->max);
    memcpy(at, &i, sizeof i);
}

static void decode_real(const struct field *f, json_t *v, void *at, struct schema_errors *errs)
{
    double d = json_number_value(v);
    if (!json_is_number(v))
        complain(errs, f->name, "must be a number");
    else if (d < f->min || d > f->max)
        complain(errs, f->name, "must be between %g and %g", f->min, f->max);
    memcpy(at, &d, sizeof d);
}

static void decode_bool(const struct field *f, json_t *v, void *at, struct schema_errors *errs)
{
    bool b = json_is_true(v);
    if (!json_is_boolean(v))
        complain(errs, f->name, "must be true or false");
    memcpy(at, &b, sizeof b);
}

static void decode_strings(const struct field *f, struct arena *a, json_t *v, char *out,
                           struct schema_errors *errs)
{
    size_t n = json_array_size(v);
    if (!json_is_array(v) || (double)n > f->max) {
        complain(errs, f->name, "must be a list of at most %g strings", f->max);
        return;
    }
    struct str *items = arena_array(a, n, sizeof *items);
    int count = (int)n;
    for (size_t i = 0; items && i < n; i++) {
        const struct field item = {.name = f->name, .max = 200};
        decode_str(&item, a, json_array_get(v, i), &items[i], errs);
    }
    memcpy(out + f->offset, &items, sizeof items);
    memcpy(out + f->count_offset, &count, sizeof count);
}

static void decode_member(const struct field *f, struct arena *a, json_t *v, char *out,
                          struct schema_errors *errs)
{
    char *at = out + f->offset;
    switch (f->type) {
    case FIELD_T_STR:
        decode_str(f, a, v, at, errs);
        return;
    case FIELD_T_ID:
        decode_id(f, v, at, errs);
        return;
    case FIELD_T_TIME:
        decode_time(f, v, at, errs);
        return;
    case FIELD_T_DAY:
    case FIELD_T_CLOCK:
        decode_calendar(f, v, at, errs);
        return;
    case FIELD_T_INT:
        decode_int(f, v, at, errs);
        return;
    case FIELD_T_REAL:
        decode_real(f, v, at, errs);
        return;
    case FIELD_T_BOOL:
        decode_bool(f, v, at, errs);
        return;
    case FIELD_T_STRINGS:
        decode_strings(f, a, v, out, errs);
        return;
    case FIELD_T_FLOATS:
    case FIELD_T_POINTS:
    case FIELD_T_OBJECT:
    case FIELD_T_POINTER:
    case FIELD_T_LIST:
    case FIELD_T_RAW:
        complain(errs, f->name, "cannot be written");
        return;
    }
}

static int row_named(const struct schema *s, const char *name)
{
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->fields[i].name, name) == 0)
            return i;
    return -1;
}

static void decode_object(const struct schema *s, struct arena *a, json_t *object, char *out,
                          struct schema_errors *errs)
{
    uint64_t has = 0;
    const char *name;
    json_t *v;
    json_object_foreach(object, name, v)
    {
        int i = row_named(s, name);
        if (i < 0) {
            complain(errs, name, "is not known here; check the spelling");
            continue;
        }
        const struct field *f = &s->fields[i];
        has |= (uint64_t)1 << i;
        if (!json_is_null(v))
            decode_member(f, a, v, out, errs);
        else if (!(f->flags & FIELD_NULLABLE))
            complain(errs, f->name, "must not be null");
    }
    for (int i = 0; i < s->n; i++)
        if ((s->fields[i].flags & FIELD_REQUIRED) && !(has >> i & 1))
            complain(errs, s->fields[i].name, "is required");
    if (s->has_offset != SIZE_MAX)
        memcpy(out + s->has_offset, &has, sizeof has);
}

enum err schema_decode(const struct schema *s, struct arena *a, struct str json, void *out,
                       struct schema_errors *errs, struct error *e)
{
    json_error_t where;
    errs->n = 0;
    json_t *object = json_loadb(json.n ? json.p : "", json.n, JSON_REJECT_DUPLICATES, &where);
    if (!object)
        return error_set(e, ERR_INVALID, "the body is not valid JSON: %s (line %d, column %d)",
                         where.text, where.line, where.column);
    if (!json_is_object(object)) {
        json_decref(object);
        return error_set(e, ERR_INVALID, "the body must be a JSON object: { ... }");
    }
    decode_object(s, a, object, out, errs);
    json_decref(object);
    if (errs->n)
        return error_set(e, ERR_INVALID, "%s %s", errs->rows[0].field, errs->rows[0].message);
    return ERR_OK;
}

static json_t *encode_floats(const float *v, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, json_real(round((double)v[i] * 100) / 100));
    return list;
}

static json_t *encode_points(const float *v, int n)
{
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list, encode_floats(v + (ptrdiff_t)2 * i, 2));
    return list;
}

/* An empty string that may be null is null: the store keeps no difference. */
static json_t *encode_str(const struct str *s, bool nullable)
{
    return s->p && (s->n || !nullable) ? json_stringn(s->p, s->n) : json_null();
}

static json_t *encode_time(usec_t t)
{
    char text[TIME_TEXT];
    if (!t)
        return json_null();
    time_format_iso(t, text);
    return json_string(text);
}

static json_t *encode_calendar(const struct field *f, int64_t n)
{
    char day[DAY_TEXT], clock[CLOCK_TEXT];
    if (f->type == FIELD_T_CLOCK) {
        clock_format(n, clock);
        return json_string(clock);
    }
    if (!n && f->flags & FIELD_NULLABLE)
        return json_null();
    day_format(n, day);
    return json_string(day);
}

static json_t *encode_list(const struct field *f, const char *in)
{
    const char *items;
    int n;
    memcpy(&items, in + f->offset, sizeof items);
    memcpy(&n, in + f->count_offset, sizeof n);
    json_t *list = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(list,
                              f->type == FIELD_T_LIST
                                  ? schema_encode(f->sub, items + (size_t)i * f->sub->size)
                                  : encode_str((const struct str *)(const void *)items + i, false));
    return list;
}

static json_t *encode_real(double d) { return isnan(d) ? json_null() : json_real(d); }

static json_t *encode_pointer(const struct field *f, const void *at)
{
    const void *sub;
    memcpy(&sub, at, sizeof sub);
    return sub ? schema_encode(f->sub, sub) : json_null();
}

static json_t *encode_raw(const struct str *s)
{
    json_t *v = s->p ? json_loadb(s->p, s->n, JSON_DECODE_ANY, NULL) : NULL;
    return v ? v : json_null();
}

static json_t *encode_member(const struct field *f, const char *in)
{
    const void *at = in + f->offset;
    switch (f->type) {
    case FIELD_T_STR:
        return encode_str(at, f->flags & FIELD_NULLABLE);
    case FIELD_T_ID:
        return *(const char *)at ? json_string(at) : json_null();
    case FIELD_T_TIME:
        return encode_time(*(const usec_t *)at);
    case FIELD_T_DAY:
    case FIELD_T_CLOCK:
        return encode_calendar(f, *(const int64_t *)at);
    case FIELD_T_INT:
        return json_integer(*(const int64_t *)at);
    case FIELD_T_REAL:
        return encode_real(*(const double *)at);
    case FIELD_T_BOOL:
        return json_boolean(*(const bool *)at);
    case FIELD_T_FLOATS:
        return encode_floats(at, f->count);
    case FIELD_T_POINTS:
        return encode_points(at, f->count);
    case FIELD_T_OBJECT:
        return schema_encode(f->sub, at);
    case FIELD_T_POINTER:
        return encode_pointer(f, at);
    case FIELD_T_LIST:
    case FIELD_T_STRINGS:
        return encode_list(f, in);
    case FIELD_T_RAW:
        return encode_raw(at);
    }
    return NULL;
}

json_t *schema_encode(const struct schema *s, const void *in)
{
    json_t *object = json_object();
    for (int i = 0; i < s->n; i++)
        if (json_object_set_new(object, s->fields[i].name, encode_member(&s->fields[i], in)) < 0) {
            json_decref(object);
            return NULL;
        }
    return object;
}

enum err schema_print(const struct schema *s, const void *in, struct arena *a, struct str *ret_json,
                      struct error *e)
{
    json_t *object = schema_encode(s, in);
    size_t n = object ? json_dumpb(object, NULL, 0, PRINT_FLAGS) : 0;
    char *text = n ? arena_alloc(a, n + 1) : NULL;
    if (text)
        json_dumpb(object, text, n, PRINT_FLAGS);
    json_decref(object);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory to write a %s", s->name);
    *ret_json = (struct str){text, n};
    return ERR_OK;
}

static json_t *reference(const struct schema *s)
{
    char path[128];
    snprintf(path, sizeof path, "#/components/schemas/%s", s->name);
    return json_pack("{s:s}", "$ref", path);
}

static json_t *describe_str(const struct field *f)
{
    json_t *o = json_pack("{s:s}", "type", "string");
    if (f->min > 0)
        json_object_set_new(o, "minLength", json_integer((json_int_t)f->min));
    if (f->max > 0)
        json_object_set_new(o, "maxLength", json_integer((json_int_t)f->max));
    if (f->choices) {
        json_t *words = json_array();
        for (const char *const *c = f->choices; *c; c++)
            json_array_append_new(words, json_string(*c));
        json_object_set_new(o, "enum", words);
    }
    return o;
}

static json_t *describe_number(const struct field *f, const char *type)
{
    json_t *o = json_pack("{s:s}", "type", type);
    if (f->min < f->max) {
        bool whole = f->type == FIELD_T_INT;
        json_object_set_new(o, "minimum",
                            whole ? json_integer((json_int_t)f->min) : json_real(f->min));
        json_object_set_new(o, "maximum",
                            whole ? json_integer((json_int_t)f->max) : json_real(f->max));
    }
    return o;
}

static json_t *describe_type(const struct field *f)
{
    switch (f->type) {
    case FIELD_T_STR:
        return describe_str(f);
    case FIELD_T_ID:
        return json_pack("{s:s,s:s}", "type", "string", "format", "uuid");
    case FIELD_T_TIME:
        return json_pack("{s:s,s:s}", "type", "string", "format", "date-time");
    case FIELD_T_DAY:
        return json_pack("{s:s,s:s}", "type", "string", "format", "date");
    case FIELD_T_CLOCK:
        return json_pack("{s:s,s:s}", "type", "string", "pattern",
                         "^([01][0-9]|2[0-3]):[0-5][0-9]$");
    case FIELD_T_INT:
        return describe_number(f, "integer");
    case FIELD_T_REAL:
        return describe_number(f, "number");
    case FIELD_T_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case FIELD_T_FLOATS:
        return json_pack("{s:s,s:{s:s},s:i,s:i}", "type", "array", "items", "type", "number",
                         "minItems", f->count, "maxItems", f->count);
    case FIELD_T_POINTS:
        return json_pack("{s:s,s:{s:s,s:{s:s},s:i,s:i},s:i,s:i}", "type", "array", "items", "type",
                         "array", "items", "type", "number", "minItems", 2, "maxItems", 2,
                         "minItems", f->count, "maxItems", f->count);
    case FIELD_T_OBJECT:
    case FIELD_T_POINTER:
        return reference(f->sub);
    case FIELD_T_LIST:
        return json_pack("{s:s,s:o}", "type", "array", "items", reference(f->sub));
    case FIELD_T_STRINGS:
        return json_pack("{s:s,s:{s:s}}", "type", "array", "items", "type", "string");
    case FIELD_T_RAW:
        return json_object();
    }
    return NULL;
}

static json_t *describe_member(const struct field *f)
{
    json_t *o = describe_type(f);
    if ((f->flags & FIELD_NULLABLE) && f->type != FIELD_T_RAW)
        o = json_pack("{s:[o,{s:s}]}", "anyOf", o, "type", "null");
    json_object_set_new(o, "description", json_string(f->doc));
    return o;
}

json_t *schema_describe(const struct schema *s)
{
    json_t *properties = json_object(), *required = json_array();
    for (int i = 0; i < s->n; i++) {
        json_object_set_new(properties, s->fields[i].name, describe_member(&s->fields[i]));
        if (s->fields[i].flags & FIELD_REQUIRED)
            json_array_append_new(required, json_string(s->fields[i].name));
    }
    json_t *o = json_pack("{s:s,s:o}", "type", "object", "properties", properties);
    if (json_array_size(required))
        json_object_set(o, "required", required);
    json_decref(required);
    return o;
}
