/* Router: which route of a table a method and a path mean.
 *
 * Patterns are paths whose segments are text, `{name}` (one segment, not empty) or, as the last
 * one,
 * `{name*}` (all that is left, at least one character). Text wins over `{name}`, `{name}` over
 * `{name*}`, segment by segment; where the winner leads nowhere for this method, the others are
 * tried. Knows nothing of handlers: the answer is an index into the table it was built from.
 * Thread: any, once built (it never changes). Cost: one step a segment, a few compares a step. */
#pragma once

#include "base/arena.h"
#include "http/server.h"

enum { ROUTE_PARAM_MAX = 8 };

struct route_pattern {
    enum http_method method;
    const char *pattern; /* "/v1/students/{id}/photos"; static text */
};

struct route_match {
    int route; /* index into the table */
    int n_params;
    struct str names[ROUTE_PARAM_MAX];  /* as in the pattern */
    struct str params[ROUTE_PARAM_MAX]; /* percent-decoded in the arena */
};

struct router;

/* Builds a router; the table itself is not kept. Errors INVALID (no leading '/', empty segment,
 * `{name*}` before the end, too many parameters, the same method and pattern twice), NOMEM. */
NODISCARD enum err router_new(const struct route_pattern *routes, int n, struct router **ret_router,
                              struct error *e);
void router_free(struct router *r);

/* Finds the route of an undecoded path without query. With a NULL no parameter is decoded (params
 * stay as sent): enough to know the route. Errors NOT_FOUND; METHOD (the path exists, the message
 * names the methods that would do); INVALID (bad escape), NOMEM. */
NODISCARD enum err router_match(const struct router *r, struct arena *a, enum http_method method,
                                struct str path, struct route_match *ret_match, struct error *e);

/* The methods the path may be asked with: bit 1 << enum http_method; 0 when there is no such path.
 */
unsigned router_methods(const struct router *r, struct str path);

/* The decoded value of a parameter of the match; p NULL when the pattern has no such name. */
struct str route_param(const struct route_match *m, const char *name);
