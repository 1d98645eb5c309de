/* Row rules: whose row a route is about, and may this caller have it (docs/access.md). One table,
 * asked by the dispatcher for every route, so that no handler has a rule of its own; what a list
 * shows is filtered in SQL by the caller's scope. Handler threads; one indexed query for roles that
 * do not reach everything, none for the others. Invariant: a row that is not theirs and one that
 * does not exist get the same answer. */
#include "api/internal.h"

static const struct {
    const char *name;
    bool path;           /* the path's first id names the row ... */
    enum access_to what; /* ... of this kind */
    const char *member;  /* of the body: the id of a course */
    bool whole;          /* only for roles that reach everything */
} rules[ROW_N] = {
    [ROW_UNSET] = {"unset", .whole = true},
    [ROW_NONE] = {"none"},
    [ROW_SELF] = {"self"},
    [ROW_ALL] = {"all", .whole = true},
    [ROW_LIST] = {"list"},
    [ROW_COURSE] = {"course", .path = true, .what = ACCESS_COURSE},
    [ROW_COURSE_IN] = {"course in the body", .member = "course"},
    [ROW_SESSION] = {"session", .path = true, .what = ACCESS_SESSION},
    [ROW_STUDENT] = {"student", .path = true, .what = ACCESS_STUDENT},
    [ROW_MARK] = {"mark", .path = true, .what = ACCESS_SESSION},
};

const char *row_rule_name(enum row_rule rule) { return rules[rule].name; }

struct row_ask {
    const struct scope *scope;
    enum access_to what;
    char id[ID_TEXT];
    bool theirs;
};

static enum err ask_fn(struct db_cx *cx, void *ctx, struct error *e)
{
    struct row_ask *ask = ctx;
    return access_check(cx, ask->scope, ask->what, ask->id, &ask->theirs, e);
}

static enum err not_theirs(struct error *e)
{
    return error_set(e, ERR_NOT_FOUND, "there is nothing with this id, or it is not yours");
}

/* A mark in somebody's own record: of a session of theirs, and their own. */
static bool is_of_other(const struct call *c, enum row_rule rule, const char *student)
{
    const char *own = c->who.scope.student;
    return rule == ROW_MARK && own[0] && strcmp(own, student) != 0;
}

enum err row_rule_path(struct call *c, enum row_rule rule, struct error *e)
{
    struct row_ask ask = {.scope = &c->who.scope, .what = rules[rule].what};
    char second[ID_TEXT] = "";
    if (scope_is_all(ask.scope))
        return ERR_OK;
    if (rules[rule].whole)
        return error_set(e, ERR_FORBIDDEN,
                         "this is about the whole institution: the role %s sees its own rows only",
                         role_name(c->who.role));
    if (!rules[rule].path)
        return ERR_OK;
    enum err r = call_id(c, 0, ask.id, e);
    if (r == ERR_OK && rule == ROW_MARK)
        r = call_id(c, 1, second, e);
    if (r == ERR_OK && is_of_other(c, rule, second))
        return not_theirs(e);
    if (r == ERR_OK)
        r = db_read(c->api->env.db, ask_fn, &ask, e);
    return r || ask.theirs ? r : not_theirs(e);
}

/* The id that the decoded body has under this name. */
static const char *member_id(const struct call *c, const struct schema *in, const char *name)
{
    for (int i = 0; i < in->n; i++)
        if (in->fields[i].type == FIELD_T_ID && strcmp(in->fields[i].name, name) == 0)
            return (const char *)c->in + in->fields[i].offset;
    return NULL;
}

enum err row_rule_body(struct call *c, const struct route *route, struct error *e)
{
    struct row_ask ask = {.scope = &c->who.scope, .what = ACCESS_COURSE};
    const char *member = rules[route->rows].member;
    if (!member || scope_is_all(ask.scope))
        return ERR_OK;
    const char *id = route->in ? member_id(c, route->in, member) : NULL;
    if (!id)
        return error_set(e, ERR_INTERNAL, "%s: the body has no id named %s", route->path, member);
    memcpy(ask.id, id, ID_TEXT);
    enum err r = db_read(c->api->env.db, ask_fn, &ask, e);
    return r || ask.theirs ? r : error_set(e, ERR_INVALID, "%s does not exist", member);
}
