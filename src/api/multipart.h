/* multipart/form-data (RFC 7578): the parts of a body that has been read whole.
 * Pure; any thread. Linear in the body. */
#pragma once

#include "base/arena.h"

enum { MULTIPART_PARTS_MAX = 100 };

struct multipart_part {
    struct str name, filename, type; /* p NULL when absent */
    struct str body;                 /* borrowed from the request's body */
};

struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    int n;
};

/* content_type carries the boundary. Errors INVALID: no boundary, no closing delimiter, too many
 * parts, a part without headers. */
NODISCARD enum err multipart_parse(struct str content_type, struct str body,
                                   struct multipart *ret_parts, struct error *e);
