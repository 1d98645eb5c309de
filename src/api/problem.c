/* Problems: the body of every error answer (RFC 9457), the same whoever found the error. */
#include "api/handlers.h"

#include <stdio.h>
#include <stdlib.h>

struct field_problem {
    struct str field, message;
};

struct problem {
    struct str type, title;
    int64_t status;
    struct str code, detail, request_id;
    struct field_problem *errors;
    int n_errors;
};

static const struct field field_problem_fields[] = {
    FIELD_STR(struct field_problem, field, 0, 64, FIELD_REQUIRED, "The member of the body."),
    FIELD_STR(struct field_problem, message, 0, 120, FIELD_REQUIRED, "What is wrong with it."),
};
const struct schema field_problem_schema =
    SCHEMA("FieldProblem", struct field_problem, field_problem_fields);

static const struct field problem_fields[] = {
    FIELD_STR(struct problem, type, 0, 64, FIELD_REQUIRED, "urn:rollcall:error:CODE."),
    FIELD_STR(struct problem, title, 0, 64, FIELD_REQUIRED, "The kind of error."),
    FIELD_INT(struct problem, status, 400, 599, FIELD_REQUIRED, "The HTTP status."),
    FIELD_STR(struct problem, code, 0, 32, FIELD_REQUIRED, "For programs: NOT_FOUND, INVALID ..."),
    FIELD_STR(struct problem, detail, 0, 256, FIELD_REQUIRED, "What was wrong and what to do."),
    FIELD_STR(struct problem, request_id, 0, 64, FIELD_NULLABLE, "Quote it when you ask for help."),
    FIELD_LIST(struct problem, errors, n_errors, &field_problem_schema, SCHEMA_ERRORS_MAX,
               FIELD_REQUIRED, "Member by member, when the body was wrong."),
};
const struct schema problem_schema = SCHEMA("Problem", struct problem, problem_fields);

void problem_print(const struct error *e, const struct schema_errors *errs, const char *request_id,
                   struct buf *out)
{
    struct field_problem rows[SCHEMA_ERRORS_MAX];
    char type[64];
    snprintf(type, sizeof type, "urn:rollcall:error:%s", err_name(e->code));
    struct problem p = {.type = str_from(type),
                        .title = str_from(err_title(e->code)),
                        .status = err_http_status(e->code),
                        .code = str_from(err_name(e->code)),
                        .detail = str_from(e->msg),
                        .errors = rows,
                        .n_errors = errs ? errs->n : 0};
    if (request_id)
        p.request_id = str_from(request_id);
    for (int i = 0; i < p.n_errors; i++)
        rows[i] = (struct field_problem){.field = str_from(errs->rows[i].field),
                                         .message = str_from(errs->rows[i].message)};
    json_t *json = schema_encode(&problem_schema, &p);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    buf_puts(out, text ? text : "{\"title\":\"Out of memory\",\"status\":503}");
    free(text);
    json_decref(json);
}
