/* Fuzz target: exchange/zip and exchange/oneroster. What comes out of a zip file is within the
 * limits, and names lead nowhere. */
#include "exchange/oneroster.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INFLATED_MAX = 1024 * 1024 };

static void check_items(struct str bytes, struct arena *a)
{
    static const struct zip_limits limits = {.entries_max = 16,
                                             .entry_bytes_max = INFLATED_MAX,
                                             .total_bytes_max = INFLATED_MAX,
                                             .ratio_max = 100};
    struct zip_item *items;
    size_t total = 0;
    int n = 0;
    if (zip_read(bytes, &limits, a, &items, &n, NULL))
        return;
    for (int i = 0; i < n; i++) {
        total += items[i].bytes.n;
        if (items[i].name.n == 0 || items[i].name.p[0] == '/')
            abort();
    }
    if (n > limits.entries_max || total > INFLATED_MAX)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(32 * MIB);
    struct str bytes = {(const char *)data, size};
    struct import_options o = {.a = a, .rows_max = 1000, .bytes_max = INFLATED_MAX / 8};
    struct oneroster m;
    if (!a)
        return 0;
    check_items(bytes, a);
    if (oneroster_read(&o, bytes, &m, NULL) == ERR_OK && m.system.n == 0)
        abort();
    return 0;
}
