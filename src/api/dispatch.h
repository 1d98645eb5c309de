/* The dispatcher's two entry points, for api.c. See dispatch.c. */
#pragma once

#include "api/internal.h"

/* Loop thread. Errors NOT_FOUND, METHOD. */
NODISCARD enum err dispatch_admit(struct api *api, enum http_method method, struct str path,
                                  size_t *ret_max_body, struct error *e);
/* Handler thread. */
void dispatch_handle(struct api *api, struct http_request *req, struct http_response *res);
