/* Router: see router.h. A tree of segments in one array: the children of a node are a chain of text
 * nodes, at most one `{name}` node and one `{name*}` node. Built once at start; matching walks it
 * with backtracking, at most as deep as the longest pattern. No thread of its own. Invariant: node
 * 0 is the root; index 0 as child or sibling means none. */
#include "http/router.h"

#include "base/mem.h"

struct node {
    struct str text; /* of the segment; borrowed from router.texts; empty for parameters */
    int sibling, child, param, tail;
    int route[HTTP_METHOD_N]; /* 0: none, else index + 1 */
};

struct router {
    struct node *nodes; /* owned */
    int n_nodes, n_routes;
    char **patterns; /* owned copies; their parameter names are what matches show */
};

static bool is_param(struct str s) { return s.n > 2 && s.p[0] == '{' && s.p[s.n - 1] == '}'; }

static bool is_tail(struct str s) { return is_param(s) && s.n > 3 && s.p[s.n - 2] == '*'; }

/* Cuts the segment after the leading '/' off *path. */
static bool segment_cut(struct str *path, struct str *ret_segment)
{
    if (path->n == 0 || path->p[0] != '/')
        return false;
    const char *start = path->p + 1;
    const char *end = memchr(start, '/', path->n - 1);
    size_t n = end ? (size_t)(end - start) : path->n - 1;
    *ret_segment = (struct str){start, n};
    *path = (struct str){start + n, path->n - 1 - n};
    return true;
}

static int node_new(struct router *r, struct str text)
{
    int at = r->n_nodes++;
    r->nodes[at].text = text;
    return at;
}

/* The child of `at` for this segment of a pattern, made when missing. */
static int node_child(struct router *r, int at, struct str segment)
{
    if (is_param(segment)) {
        int *place = is_tail(segment) ? &r->nodes[at].tail : &r->nodes[at].param;
        if (!*place)
            *place = node_new(r, STR(""));
        return *place;
    }
    for (int c = r->nodes[at].child; c; c = r->nodes[c].sibling) {
        if (str_eq(r->nodes[c].text, segment))
            return c;
    }
    int made = node_new(r, segment);
    r->nodes[made].sibling = r->nodes[at].child;
    r->nodes[at].child = made;
    return made;
}

static enum err route_add(struct router *r, enum http_method method, const char *pattern,
                          struct error *e)
{
    struct str rest = str_from(pattern), segment;
    int at = 0, params = 0;
    if (str_is(rest, "/"))
        rest.n = 0;
    else if (rest.n == 0 || rest.p[0] != '/')
        return error_set(e, ERR_INVALID, "the pattern '%s' must begin with '/'", pattern);
    while (segment_cut(&rest, &segment)) {
        if (segment.n == 0)
            return error_set(e, ERR_INVALID, "the pattern '%s' has an empty segment", pattern);
        if (is_tail(segment) && rest.n)
            return error_set(e, ERR_INVALID, "the pattern '%s' goes on after '*}'", pattern);
        params += is_param(segment);
        at = node_child(r, at, segment);
    }
    if (params > ROUTE_PARAM_MAX)
        return error_set(e, ERR_INVALID, "the pattern '%s' has more than %d parameters", pattern,
                         ROUTE_PARAM_MAX);
    if (r->nodes[at].route[method])
        return error_set(e, ERR_INVALID, "%s %s is in the table twice", http_method_name(method),
                         pattern);
    r->nodes[at].route[method] = ++r->n_routes;
    return ERR_OK;
}

static int segments_count(const char *pattern)
{
    int n = 0;
    for (; *pattern; pattern++)
        n += *pattern == '/';
    return n;
}

static enum err router_fill(struct router *r, const struct route_pattern *routes, int n,
                            struct error *e)
{
    int most = 1;
    for (int i = 0; i < n; i++)
        most += segments_count(routes[i].pattern);
    r->nodes = mem_array((size_t)most, sizeof *r->nodes);
    r->patterns = mem_array((size_t)n + 1, sizeof *r->patterns);
    if (!r->nodes || !r->patterns)
        return error_set(e, ERR_NOMEM, "no memory for %d routes", n);
    r->n_nodes = 1;
    for (int i = 0; i < n; i++) {
        r->patterns[i] = mem_strdup(routes[i].pattern);
        if (!r->patterns[i])
            return error_set(e, ERR_NOMEM, "no memory for %d routes", n);
        enum err err = route_add(r, routes[i].method, r->patterns[i], e);
        if (err)
            return err;
    }
    return ERR_OK;
}

enum err router_new(const struct route_pattern *routes, int n, struct router **ret_router,
                    struct error *e)
{
    struct router *r = mem_alloc(sizeof *r);
    if (!r)
        return error_set(e, ERR_NOMEM, "no memory for the router");
    enum err err = router_fill(r, routes, n, e);
    if (err) {
        router_free(r);
        return err;
    }
    *ret_router = r;
    return ERR_OK;
}

void router_free(struct router *r)
{
    if (!r)
        return;
    for (int i = 0; r->patterns && r->patterns[i]; i++)
        mem_free(r->patterns[i]);
    mem_free(r->patterns);
    mem_free(r->nodes);
    mem_free(r);
}

/* Walks down from `at`; the route's index + 1 or 0. Adds to *methods what each place found allows.
 */
static int walk(const struct router *r, int at, struct str path, enum http_method method,
                unsigned *methods)
{
    const struct node *node = &r->nodes[at];
    struct str rest = path, segment;
    if (path.n == 0) {
        for (int m = 0; m < HTTP_METHOD_N; m++)
            *methods |= node->route[m] ? 1u << m : 0;
        return node->route[method];
    }
    if (!segment_cut(&rest, &segment))
        return 0;
    int found = 0;
    for (int c = node->child; c && !found; c = r->nodes[c].sibling) {
        if (str_eq(r->nodes[c].text, segment))
            found = walk(r, c, rest, method, methods);
    }
    if (!found && node->param && segment.n)
        found = walk(r, node->param, rest, method, methods);
    if (!found && node->tail && path.n > 1)
        found = walk(r, node->tail, STR(""), method, methods);
    return found;
}

static int route_find(const struct router *r, enum http_method method, struct str path,
                      unsigned *ret_methods)
{
    *ret_methods = 0;
    if (str_is(path, "/"))
        path.n = 0;
    else if (path.n == 0)
        return 0;
    return walk(r, 0, path, method, ret_methods);
}

/* Lays the pattern beside the path: names and values of its parameters. */
static enum err params_read(const char *pattern, struct str path, struct arena *a,
                            struct route_match *m, struct error *e)
{
    struct str left = str_from(pattern), want, have;
    while (segment_cut(&left, &want)) {
        struct str whole = path;
        if (!segment_cut(&path, &have))
            break;
        if (!is_param(want))
            continue;
        bool tail = is_tail(want);
        if (tail)
            have = (struct str){whole.p + 1, whole.n - 1};
        int at = m->n_params++;
        m->names[at] = (struct str){want.p + 1, want.n - (tail ? 3 : 2)};
        m->params[at] = have;
        enum err r = a ? http_percent_decode(a, have, &m->params[at], e) : ERR_OK;
        if (r)
            return r;
    }
    return ERR_OK;
}

static enum err method_error(unsigned methods, enum http_method method, struct error *e)
{
    char names[64] = "";
    size_t n = 0;
    for (int m = 0; m < HTTP_OTHER; m++) {
        if (methods & (1u << m))
            n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "",
                                  http_method_name((enum http_method)m));
    }
    return error_set(e, ERR_METHOD, "%s is not possible here, only %s",
                     method == HTTP_OTHER ? "this method" : http_method_name(method), names);
}

enum err router_match(const struct router *r, struct arena *a, enum http_method method,
                      struct str path, struct route_match *ret_match, struct error *e)
{
    unsigned methods;
    int found = route_find(r, method, path, &methods);
    if (!found)
        return methods ? method_error(methods, method, e)
                       : error_set(e, ERR_NOT_FOUND, "there is nothing at this path");
    struct route_match m = {.route = found - 1};
    enum err err = params_read(r->patterns[m.route], path, a, &m, e);
    if (!err)
        *ret_match = m;
    return err;
}

unsigned router_methods(const struct router *r, struct str path)
{
    unsigned methods;
    /* OTHER is no route's method, so the walk visits every place the path could mean */
    (void)route_find(r, HTTP_OTHER, path, &methods);
    return methods;
}

struct str route_param(const struct route_match *m, const char *name)
{
    for (int i = 0; i < m->n_params; i++) {
        if (str_is(m->names[i], name))
            return m->params[i];
    }
    return (struct str){NULL, 0};
}
