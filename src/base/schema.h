/* Schemas: the one description of a JSON body, read by decoder, validator, encoder and OpenAPI.
 *
 * A schema is a table of rows, each naming a JSON member, its type, where it lies in a C struct and
 * its limits. So a struct that comes in or goes out is described once:
 *
 *     static const struct field fields[] = {
 *         FIELD_STR(struct student_in, external_id, 1, 64, FIELD_REQUIRED, "The institution's
 * number."),
 *     };
 *     const struct schema student_in = SCHEMA("StudentIn", struct student_in, fields);
 *
 * Thread: any (tables are constant). Source: nginx's ngx_command_t, kore's validators. */
#pragma once

#include "base/arena.h"
#include "base/time.h"

#include <jansson.h>

enum field_type {
    FIELD_T_STR,     /* struct str; p NULL = null. min/max in characters; stored in NFC */
    FIELD_T_ID,      /* char[ID_TEXT]; empty = null */
    FIELD_T_TIME,    /* usec_t UTC; 0 = null. RFC 3339 in JSON */
    FIELD_T_DAY,     /* int64_t as base/day.h; 0 = null where nullable. 2026-11-22 in JSON */
    FIELD_T_CLOCK,   /* int64_t minute of the day. 09:15 in JSON */
    FIELD_T_INT,     /* int64_t within min..max */
    FIELD_T_REAL,    /* double within min..max; NaN = null */
    FIELD_T_BOOL,    /* bool */
    FIELD_T_FLOATS,  /* float[count] */
    FIELD_T_POINTS,  /* float[count][2] */
    FIELD_T_OBJECT,  /* the sub-schema's struct, in place */
    FIELD_T_POINTER, /* pointer to the sub-schema's struct; NULL = null */
    FIELD_T_LIST,    /* pointer to the sub-schema's structs, int count at count_offset */
    FIELD_T_STRINGS, /* pointer to struct str, int count at count_offset */
    FIELD_T_RAW,     /* struct str holding JSON text; p NULL = null. Encode only */
};

/* Text comes in Normalization Form C without white space at its ends (base/unicode.h), but for
 * FIELD_EXACT: passwords, which are hashed as they were typed. */
enum { FIELD_REQUIRED = 1, FIELD_NULLABLE = 2, FIELD_EXACT = 4 };

struct schema;

struct field {
    const char *name;
    enum field_type type;
    unsigned flags;
    size_t offset, count_offset;
    double min, max;
    int count;
    const char *const *choices; /* NULL-terminated words a FIELD_T_STR may be, or NULL */
    const struct schema *sub;
    const char *doc;
};

struct schema {
    const char *name; /* component name in OpenAPI */
    size_t size;
    const struct field *fields;
    int n;
    size_t has_offset; /* of a uint64_t whose bit i says that member i was there; SIZE_MAX: none */
};

#define SCHEMA(component, type, rows)                                                              \
    {                                                                                              \
        .name = (component), .size = sizeof(type), .fields = (rows), .n = ARRAY_LEN(rows),         \
        .has_offset = SIZE_MAX                                                                     \
    }
/* For PATCH bodies: the struct has a member `uint64_t has`. */
#define SCHEMA_PATCH(component, type, rows)                                                        \
    {                                                                                              \
        .name = (component), .size = sizeof(type), .fields = (rows), .n = ARRAY_LEN(rows),         \
        .has_offset = offsetof(type, has)                                                          \
    }

#define FIELD_AT(t, s, member, fl, text)                                                           \
    .name = #member, .type = (t), .flags = (fl), .offset = offsetof(s, member), .doc = (text)
#define FIELD_STR(s, member, lo, hi, fl, text)                                                     \
    {                                                                                              \
        FIELD_AT(FIELD_T_STR, s, member, fl, text), .min = (lo), .max = (hi)                       \
    }
#define FIELD_WORD(s, member, words, fl, text)                                                     \
    {                                                                                              \
        FIELD_AT(FIELD_T_STR, s, member, fl, text), .max = 64, .choices = (words)                  \
    }
#define FIELD_ID(s, member, fl, text)                                                              \
    {                                                                                              \
        FIELD_AT(FIELD_T_ID, s, member, fl, text)                                                  \
    }
#define FIELD_TIME(s, member, fl, text)                                                            \
    {                                                                                              \
        FIELD_AT(FIELD_T_TIME, s, member, fl, text)                                                \
    }
#define FIELD_DAY(s, member, fl, text)                                                             \
    {                                                                                              \
        FIELD_AT(FIELD_T_DAY, s, member, fl, text)                                                 \
    }
#define FIELD_CLOCK(s, member, fl, text)                                                           \
    {                                                                                              \
        FIELD_AT(FIELD_T_CLOCK, s, member, fl, text)                                               \
    }
#define FIELD_INT(s, member, lo, hi, fl, text)                                                     \
    {                                                                                              \
        FIELD_AT(FIELD_T_INT, s, member, fl, text), .min = (lo), .max = (hi)                       \
    }
#define FIELD_REAL(s, member, lo, hi, fl, text)                                                    \
    {                                                                                              \
        FIELD_AT(FIELD_T_REAL, s, member, fl, text), .min = (lo), .max = (hi)                      \
    }
#define FIELD_BOOL(s, member, fl, text)                                                            \
    {                                                                                              \
        FIELD_AT(FIELD_T_BOOL, s, member, fl, text)                                                \
    }
#define FIELD_FLOATS(s, member, n_, fl, text)                                                      \
    {                                                                                              \
        FIELD_AT(FIELD_T_FLOATS, s, member, fl, text), .count = (n_)                               \
    }
#define FIELD_POINTS(s, member, n_, fl, text)                                                      \
    {                                                                                              \
        FIELD_AT(FIELD_T_POINTS, s, member, fl, text), .count = (n_)                               \
    }
#define FIELD_OBJECT(s, member, schema_, fl, text)                                                 \
    {                                                                                              \
        FIELD_AT(FIELD_T_OBJECT, s, member, fl, text), .sub = (schema_)                            \
    }
#define FIELD_POINTER(s, member, schema_, text)                                                    \
    {                                                                                              \
        FIELD_AT(FIELD_T_POINTER, s, member, FIELD_NULLABLE, text), .sub = (schema_)               \
    }
#define FIELD_LIST(s, member, counter, schema_, hi, fl, text)                                      \
    {                                                                                              \
        FIELD_AT(FIELD_T_LIST, s, member, fl, text), .sub = (schema_), .max = (hi),                \
                                                     .count_offset = offsetof(s, counter)          \
    }
#define FIELD_STRINGS(s, member, counter, hi, fl, text)                                            \
    {                                                                                              \
        FIELD_AT(FIELD_T_STRINGS, s, member, fl, text), .max = (hi),                               \
                                                        .count_offset = offsetof(s, counter)       \
    }
#define FIELD_RAW(s, member, text)                                                                 \
    {                                                                                              \
        FIELD_AT(FIELD_T_RAW, s, member, FIELD_NULLABLE, text)                                     \
    }

enum { SCHEMA_ERRORS_MAX = 8 };

/* What was wrong, member by member: the `errors` list of problem+json. */
struct schema_errors {
    int n;
    struct {
        char field[64];
        char message[120];
    } rows[SCHEMA_ERRORS_MAX];
};

/* Decodes a JSON object into the zeroed struct at out; text is copied into `a`. Unknown members,
 * wrong types, control characters and values beyond the limits are errors, collected in errs.
 * Errors INVALID (not JSON: says where; or the first of errs), NOMEM. */
NODISCARD enum err schema_decode(const struct schema *s, struct arena *a, struct str json,
                                 void *out, struct schema_errors *errs, struct error *e);
/* The struct as a JSON object; the caller owns the reference. NULL when out of memory. */
json_t *schema_encode(const struct schema *s, const void *in);
/* The same as text in `a`. Errors NOMEM. */
NODISCARD enum err schema_print(const struct schema *s, const void *in, struct arena *a,
                                struct str *ret_json, struct error *e);
/* The JSON Schema (draft 2020-12) of the struct; sub-schemas are $ref to #/components/schemas. */
json_t *schema_describe(const struct schema *s);
