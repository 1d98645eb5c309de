/* Heap memory: see mem.h. Called from every thread; the only state is two counters, of calls and
 * for fault injection: atomics that cost one relaxed access each. */
#include "base/mem.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

/* The one file that may: base/banned.h forbids them everywhere else. */
#undef malloc
#undef calloc
#undef realloc
#include <malloc.h>

static _Atomic int64_t fail_countdown = -1;

static _Atomic int64_t calls;

static bool must_fail(void)
{
    atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) < 0)
        return false;
    return atomic_fetch_sub(&fail_countdown, 1) == 0;
}

void *mem_alloc(size_t n) { return must_fail() ? NULL : calloc(1, n ? n : 1); }

void *mem_array(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return mem_alloc(count * size);
}

void *mem_resize(void *p, size_t n) { return must_fail() ? NULL : realloc(p, n ? n : 1); }

char *mem_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    char *copy = mem_alloc(n);
    if (copy)
        memcpy(copy, s, n);
    return copy;
}

void mem_free(void *p) { free(p); }

void secure_free(void *p, size_t n)
{
    if (!p)
        return;
    sodium_memzero(p, n);
    free(p);
}

void mem_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int64_t mem_calls(void) { return atomic_load_explicit(&calls, memory_order_relaxed); }

int64_t mem_resident(void)
{
    long long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%lld %lld", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

void mem_freep(void *pointer_to_pointer)
{
    void **pp = pointer_to_pointer;
    free(*pp);
    *pp = NULL;
}

void mem_fail_after(int64_t n) { atomic_store(&fail_countdown, n); }
