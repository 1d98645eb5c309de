/* The API description: OpenAPI 3.1, made from the route table and the schemas it names.
 * `rollcall openapi` prints it; api/openapi.json is the committed copy. Milliseconds; any thread.
 */
#include "api/handlers.h"

#include "attendance/event.h"

#include <stdio.h>
#include <stdlib.h>

/* The schema and those inside it; what is there already is left. */
static void add_component(json_t *schemas, const struct schema *s)
{
    if (!s || json_object_get(schemas, s->name))
        return;
    json_object_set_new(schemas, s->name, schema_describe(s));
    for (int i = 0; i < s->n; i++)
        add_component(schemas, s->fields[i].sub);
}

/* Every schema once: problems, routes' and events'. */
static json_t *components(void)
{
    json_t *schemas = json_object();
    add_component(schemas, &problem_schema);
    for (int i = 0; i < event_schemas_n; i++)
        add_component(schemas, event_schemas[i]);
    for (int i = 0; i < routes_n; i++) {
        add_component(schemas, routes[i].in);
        add_component(schemas, routes[i].out);
    }
    return schemas;
}

static json_t *ref(const struct schema *s)
{
    char path[128];
    snprintf(path, sizeof path, "#/components/schemas/%s", s->name);
    return json_pack("{s:{s:{s:{s:s}}}}", "content", "application/json", "schema", "$ref", path);
}

static void add_problem(json_t *responses, enum err code)
{
    char status[8];
    snprintf(status, sizeof status, "%d", err_http_status(code));
    json_object_set_new(responses, status,
                        json_pack("{s:s,s:{s:{s:{s:s}}}}", "description", err_title(code),
                                  "content", "application/problem+json", "schema", "$ref",
                                  "#/components/schemas/Problem"));
}

static json_t *responses(const struct route *r)
{
    char status[8];
    json_t *all = json_object(), *good = json_object();
    snprintf(status, sizeof status, "%d", r->status);
    json_object_set_new(good, "description", json_string(r->summary));
    if (r->out) {
        json_t *content = ref(r->out);
        json_object_update(good, content);
        json_decref(content);
    }
    json_object_set_new(all, status, good);
    if (r->perm != PERM_PUBLIC) {
        add_problem(all, ERR_UNAUTHENTICATED);
        add_problem(all, ERR_FORBIDDEN);
    }
    if (r->body != BODY_NONE || r->n_query)
        add_problem(all, ERR_INVALID);
    if (r->body != BODY_NONE) {
        add_problem(all, ERR_LENGTH_REQUIRED);
        add_problem(all, ERR_TOO_LARGE);
    }
    if (idempotency_offered(r)) {
        add_problem(all, ERR_CONFLICT);
        add_problem(all, ERR_UNPROCESSABLE);
    }
    for (int code = 1; code < ERR_N; code++)
        if (r->errors >> code & 1)
            add_problem(all, (enum err)code);
    return all;
}

static json_t *binary(void) { return json_pack("{s:{}}", "schema"); }

static json_t *request_body(const struct route *r)
{
    json_t *content = json_object();
    switch (r->body) {
    case BODY_NONE:
        break;
    case BODY_JSON:
        json_decref(content);
        content = ref(r->in);
        json_object_set_new(content, "required", json_true());
        return content;
    case BODY_PHOTOS:
        json_object_set_new(content, "multipart/form-data",
                            json_pack("{s:{s:s,s:{s:{s:s,s:s}}}}", "schema", "type", "object",
                                      "properties", "photo", "type", "string", "format", "binary"));
        json_object_set_new(content, "image/jpeg", binary());
        break;
    case BODY_IMAGE:
        json_object_set_new(content, "image/jpeg", binary());
        json_object_set_new(content, "image/png", binary());
        json_object_set_new(content, "image/webp", binary());
        json_object_set_new(content, "image/heic", binary());
        break;
    case BODY_CSV:
        json_object_set_new(content, "text/csv", binary());
        break;
    case BODY_CALENDAR:
        json_object_set_new(content, "text/calendar", binary());
        break;
    case BODY_ZIP:
        json_object_set_new(content, "application/zip", binary());
        break;
    }
    return json_pack("{s:o,s:b}", "content", content, "required", 1);
}

static json_t *header_parameter(const char *name, const char *doc)
{
    return json_pack("{s:s,s:s,s:b,s:s,s:{s:s}}", "name", name, "in", "header", "required", 0,
                     "description", doc, "schema", "type", "string");
}

/* An id, but for the few that are words. */
static json_t *path_parameter(struct str name)
{
    json_t *o = json_pack("{s:s%,s:s,s:b,s:{s:s}}", "name", name.p, name.n, "in", "path",
                          "required", 1, "schema", "type", "string");
    if (!str_is(name, "name") && !str_is(name, "job"))
        json_object_set_new(json_object_get(o, "schema"), "format", json_string("uuid"));
    return o;
}

static json_t *parameters(const struct route *r)
{
    json_t *all = json_array();
    struct str part, rest = str_from(r->path);
    while (str_split(&rest, '/', &part))
        if (part.n > 2 && part.p[0] == '{')
            json_array_append_new(all, path_parameter((struct str){part.p + 1, part.n - 2}));
    for (int i = 0; i < r->n_query; i++)
        json_array_append_new(all, json_pack("{s:s,s:s,s:b,s:s,s:{s:s}}", "name", r->query[i].name,
                                             "in", "query", "required", 0, "description",
                                             r->query[i].doc, "schema", "type", r->query[i].type));
    if (idempotency_offered(r))
        json_array_append_new(
            all, header_parameter("Idempotency-Key",
                                  "A name of your choice for this request, kept 24 h: sent again, "
                                  "it is answered again and not carried out again."));
    if (r->errors & E(PRECONDITION))
        json_array_append_new(
            all, header_parameter("If-Match", "The ETag read before: change only that version."));
    return all;
}

static json_t *operation(const struct route *r)
{
    json_t *o =
        json_pack("{s:s,s:s,s:[s],s:s,s:s,s:o,s:o}", "operationId", r->operation, "summary",
                  r->summary, "tags", r->tag, "x-permission", perm_name(r->perm), "x-rows",
                  row_rule_name(r->rows), "parameters", parameters(r), "responses", responses(r));
    if (r->body != BODY_NONE)
        json_object_set_new(o, "requestBody", request_body(r));
    if (r->perm == PERM_PUBLIC)
        json_object_set_new(o, "security", json_array());
    return o;
}

static json_t *paths(void)
{
    json_t *all = json_object();
    for (int i = 0; i < routes_n; i++) {
        json_t *path = json_object_get(all, routes[i].path);
        if (!path) {
            path = json_object();
            json_object_set_new(all, routes[i].path, path);
        }
        char method[8] = {0};
        const char *name = http_method_name(routes[i].method);
        for (size_t k = 0; name[k] && k < sizeof method - 1; k++)
            method[k] = (char)(name[k] | 0x20);
        json_object_set_new(path, method, operation(&routes[i]));
    }
    return all;
}

enum err api_openapi(struct buf *out, struct error *e)
{
    json_t *doc = json_pack(
        "{s:s,s:{s:s,s:s,s:s},s:[{s:[]}],s:o,s:{s:o,s:{s:{s:s,s:s}}}}", "openapi", "3.1.0", "info",
        "title", "Rollcall", "version", ROLLCALL_VERSION, "description",
        "Attendance by looking. Errors are application/problem+json; lists page by `after`.",
        "security", "bearer", "paths", paths(), "components", "schemas", components(),
        "securitySchemes", "bearer", "type", "http", "scheme", "bearer");
    char *text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
    json_decref(doc);
    if (!text)
        return error_set(e, ERR_NOMEM, "no memory for the API description");
    buf_puts(out, text);
    buf_putc(out, '\n');
    free(text);
    return buf_check(out, e);
}
