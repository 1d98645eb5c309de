/* The dispatcher's two entry points, for api.c. See dispatch.c. */
#pragma once

#include "api/internal.h"

/* Loop thread. Errors NOT_FOUND, METHOD. */
NODISCARD enum err dispatch_admit(struct api *api, enum http_method method, struct str path,
                                  size_t *ret_max_body, struct error *e);
/* Handler thread: who asks (c->who), may they ask for the route, and is the row that c->params
 * names theirs? Errors UNAUTHENTICATED, FORBIDDEN, NOT_FOUND. */
NODISCARD enum err dispatch_authorise(struct call *c, const struct route *r, struct error *e);
/* Handler thread. */
void dispatch_handle(struct api *api, struct http_request *req, struct http_response *res);
