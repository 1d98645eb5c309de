/* Fuzz target: api/multipart. The first line of the input is the Content-Type, the rest the body.
 * What is returned must lie inside the input. */
#include "api/multipart.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct str part, struct str in)
{
    if (part.n && (part.p < in.p || part.n > in.n || part.p + part.n > in.p + in.n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str type, body = {(const char *)data, size};
    struct multipart m;
    if (!str_split(&body, '\n', &type) || multipart_parse(type, body, &m, NULL))
        return 0;
    if (m.n < 0 || m.n > MULTIPART_PARTS_MAX)
        abort();
    for (int i = 0; i < m.n; i++) {
        check(m.parts[i].name, body);
        check(m.parts[i].filename, body);
        check(m.parts[i].type, body);
        check(m.parts[i].body, body);
    }
    return 0;
}
