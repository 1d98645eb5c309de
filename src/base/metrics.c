/* Counters: see metrics.h. An array of atomics; any thread. */
#include "base/metrics.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdatomic.h>

static const struct {
    const char *name, *kind, *help;
} rows[] = {
#define X(name, kind, help) {#name, #kind, help},
    METRIC_MAP(X)
#undef X
};

static _Atomic int64_t values[ARRAY_LEN(rows)];

void metric_add(enum metric m, int64_t n)
{
    atomic_fetch_add_explicit(&values[m], n, memory_order_relaxed);
}

void metric_set(enum metric m, int64_t value)
{
    atomic_store_explicit(&values[m], value, memory_order_relaxed);
}

int64_t metric_get(enum metric m) { return atomic_load_explicit(&values[m], memory_order_relaxed); }

void metrics_print(struct buf *out)
{
    metric_set(METRIC_memory_resident_bytes, mem_resident());
    metric_set(METRIC_memory_allocations_total, mem_calls());
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        buf_printf(out, "# HELP rollcall_%s %s\n# TYPE rollcall_%s %s\nrollcall_%s %" PRId64 "\n",
                   rows[i].name, rows[i].help, rows[i].name, rows[i].kind, rows[i].name,
                   metric_get((enum metric)i));
}
