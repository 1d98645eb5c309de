/* Fuzz target: a time zone file. Whatever is taken answers at any time, within a day and two
 * hours (the file's list) or 25 hours (its rule). */
#include "base/tzif.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OFFSET_MAX_S = 26 * 3600, STEPS = 40 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(tzif_freep) struct tzif *z = NULL;
    const int64_t reach = (int64_t)1 << 40;
    if (tzif_new((struct str){(const char *)data, size}, &z, NULL))
        return 0;
    for (int64_t at = -reach; at <= reach; at += reach / STEPS) {
        int32_t offset = tzif_offset(z, at);
        if (offset < -OFFSET_MAX_S || offset > OFFSET_MAX_S)
            abort();
    }
    return 0;
}
