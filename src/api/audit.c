/* The audit trail: one row for every request that could change something or that reads what is
 * sensitive, written before its answer is sent (docs/api.md). Which routes: their method and flags.
 * Handler threads; one transaction a row. Rows hold ids and words of the program: the members of a
 * body are named, never their values. */
#include "api/handlers.h"

#include "base/log.h"
#include "base/metrics.h"
#include "store/audit.h"

#include <stdlib.h>

static const struct field audit_fields[] = {
    FIELD_ID(struct audit, id, FIELD_REQUIRED, "The row's id."),
    FIELD_TIME(struct audit, at, FIELD_REQUIRED, "When the answer was ready."),
    FIELD_STR(struct audit, actor, 0, 64, FIELD_NULLABLE,
              "The user's or API client's id; null: nobody signed in, or the local token."),
    FIELD_STR(struct audit, actor_kind, 0, 16, FIELD_REQUIRED,
              "user, client, local (the token of the data folder), command (the command line), "
              "nobody."),
    FIELD_STR(struct audit, action, 0, 64, FIELD_REQUIRED, "The operationId of the request."),
    FIELD_STR(struct audit, subject_kind, 0, 64, FIELD_REQUIRED, "students, courses ..."),
    FIELD_STR(struct audit, subject, 0, 64, FIELD_NULLABLE, "What it was done to: an id."),
    FIELD_INT(struct audit, status, 0, 599, FIELD_REQUIRED, "HTTP status of the answer."),
    FIELD_STR(struct audit, address, 0, 64, FIELD_NULLABLE, "Where the request came from."),
    FIELD_STR(struct audit, request, 0, 64, FIELD_NULLABLE, "X-Request-Id of the answer."),
    FIELD_RAW(struct audit, detail,
              "More ids of the path, members of the body (not their values), an error's code."),
};
const struct schema audit_schema = SCHEMA("AuditRow", struct audit, audit_fields);
LIST_SCHEMA(audit_list, "AuditList", audit_schema)

bool audit_wanted(const struct route *r)
{
    return r->flags & ROUTE_AUDIT || (r->method != HTTP_GET && !(r->flags & ROUTE_UNAUDITED));
}

static void name_params(const struct call *c, const struct route *route, json_t *detail)
{
    struct str part, rest = str_from(route->path);
    for (int i = 0; i < CALL_PARAMS_MAX && str_split(&rest, '/', &part);) {
        if (part.n < 3 || part.p[0] != '{')
            continue;
        char name[32] = {0}, id[ID_TEXT];
        memcpy(name, part.p + 1, part.n - 2 < sizeof name ? part.n - 2 : sizeof name - 1);
        if (i && id_parse(c->params[i], id, NULL) == ERR_OK)
            json_object_set_new(detail, name, json_string(id));
        i++;
    }
}

static void name_members(const struct call *c, const struct route *route, json_t *detail)
{
    uint64_t has;
    if (!c->in || !route->in || route->in->has_offset == SIZE_MAX)
        return;
    memcpy(&has, (const char *)c->in + route->in->has_offset, sizeof has);
    json_t *members = json_array();
    for (int i = 0; i < route->in->n; i++)
        if (has >> i & 1)
            json_array_append_new(members, json_string(route->in->fields[i].name));
    json_object_set_new(detail, "members", members);
}

/* Cut to nothing rather than to broken JSON; NULL members are left out. */
static struct str detail_of(struct call *c, const struct route *route, const struct error *e)
{
    json_t *detail = json_object();
    name_params(c, route, detail);
    name_members(c, route, detail);
    if (c->replayed)
        json_object_set_new(detail, "replayed", json_true());
    if (e)
        json_object_set_new(detail, "code", json_string(err_name(e->code)));
    char *text = json_object_size(detail) ? json_dumps(detail, JSON_COMPACT) : NULL;
    struct str copy = text && strlen(text) <= AUDIT_DETAIL_MAX ? arena_copy(c->a, str_from(text))
                                                               : (struct str){0};
    free(text);
    json_decref(detail);
    return copy;
}

/* What the handler said, the first id of the path, or what was made. */
static struct str subject_of(struct call *c)
{
    char id[ID_TEXT];
    if (c->subject.p)
        return c->subject;
    if (c->params[0].p && id_parse(c->params[0], id, NULL) == ERR_OK)
        return arena_copy(c->a, str_from(id));
    struct str last = {0}, rest = c->location;
    while (rest.p && str_split(&rest, '/', &last))
        ;
    return last;
}

static struct str actor_kind(const struct principal *who)
{
    if (!who->user[0])
        return STR("nobody");
    if (who->client)
        return STR("client");
    return who->login[0] ? STR("user") : STR("local");
}

static enum err insert_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    return audit_insert(cx, ctx, e);
}

bool audit_write(struct call *c, const struct route *route, int status, const struct error *problem)
{
    struct error e = {0};
    struct audit row = {.at = time_utc(),
                        .actor = c->who.login[0] || c->who.client ? str_from(c->who.user)
                                                                  : (struct str){0},
                        .actor_kind = actor_kind(&c->who),
                        .action = str_from(route->operation),
                        .subject_kind = str_from(route->tag),
                        .subject = subject_of(c),
                        .status = status,
                        .address = str_from(c->req->peer_ip),
                        .request = str_from(c->req->id),
                        .detail = detail_of(c, route, problem)};
    if (db_tx(c->api->env.db, insert_fn, &row, &e) == ERR_OK)
        return true;
    metric_add(METRIC_audit_lost_total, 1);
    log_failure(LOG_ERROR, "api", "audit_lost", &e);
    return false;
}

/* ---- GET /v1/audit */

struct index_ctx {
    struct call *c;
    struct audit_filter filter;
    struct audit *rows;
    int n;
};

static enum err index_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct index_ctx *t = ctx;
    return audit_list(cx, t->c->a, &t->filter, &t->rows, &t->n, e);
}

enum err audit_index(struct call *c, struct error *e)
{
    struct index_ctx t = {.c = c};
    struct audit_filter *f = &t.filter;
    int limit;
    enum err r = call_page(c, &limit, f->before, e);
    if (r == ERR_OK)
        r = call_time(c, "from", &f->from, e);
    if (r == ERR_OK)
        r = call_time(c, "to", &f->to, e);
    if (r == ERR_OK)
        r = call_query(c, "actor", &f->actor, e);
    if (r == ERR_OK)
        r = call_query(c, "action", &f->action, e);
    if (r == ERR_OK)
        r = call_query(c, "subject", &f->subject, e);
    f->limit = limit + 1;
    if (r == ERR_OK)
        r = call_read(c, index_fn, &t, e);
    return r ? r : call_list(c, t.rows, t.n, limit, sizeof *t.rows, offsetof(struct audit, id), e);
}
