/* Fuzz target: a JSON body decoded into a struct by base/schema, as POST /v1/students takes it.
 * What was decoded keeps the limits of its fields and is written as JSON that decodes again. */
#include "api/handlers.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_ARENA = 16 * MIB, STRUCT_MAX = 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(FUZZ_ARENA);
    const struct schema *const schemas[] = {&student_in_schema, &student_patch_schema};
    for (size_t i = 0; a && i < ARRAY_LEN(schemas); i++) {
        _Alignas(64) char out[STRUCT_MAX] = {0}, again[STRUCT_MAX] = {0};
        struct schema_errors errs = {0};
        struct error e = {0};
        struct str text;
        if (schemas[i]->size > sizeof out)
            abort();
        enum err r =
            schema_decode(schemas[i], a, (struct str){(const char *)data, size}, out, &errs, &e);
        if (errs.n < 0 || errs.n > SCHEMA_ERRORS_MAX || (r != ERR_OK) != (e.code != ERR_OK))
            abort();
        if (r == ERR_OK && schemas[i] == &student_in_schema &&
            (schema_print(schemas[i], out, a, &text, &e) ||
             schema_decode(schemas[i], a, text, again, &errs, &e)))
            abort();
    }
    return 0;
}
