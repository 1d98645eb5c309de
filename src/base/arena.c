/* Arenas: see arena.h. A list of blocks, bump allocation in the newest; O(1) per allocation. */
#include "base/arena.h"

#include "base/mem.h"

#include <stdio.h>

#include <sodium.h>

enum { ARENA_ALIGN = 64, ARENA_BLOCK_MIN = 16 * KIB };
/* What frames need stays for the next; what one very large picture took goes back. */
enum { ARENA_KEEP_MAX = 64 * MIB };

struct block {
    struct block *next;
    size_t size, used;
    char data[]; /* allocations are aligned by address, see block_gap */
};

struct arena {
    struct block *newest;
    size_t max_bytes, held_bytes, used_bytes;
    size_t first_bytes; /* size of the next first block; 0: the least */
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *a = mem_alloc(sizeof *a);
    if (a)
        a->max_bytes = max_bytes;
    return a;
}

static void block_free(struct block *b) { secure_free(b, sizeof *b); }

static void blocks_free(struct block *b)
{
    while (b) {
        struct block *next = b->next;
        sodium_memzero(b->data, b->used);
        block_free(b);
        b = next;
    }
}

void arena_free(struct arena *a)
{
    if (!a)
        return;
    blocks_free(a->newest);
    mem_free(a);
}

void arena_freep(struct arena **a)
{
    arena_free(*a);
    *a = NULL;
}

void arena_reset(struct arena *a)
{
    struct block *keep = a->newest;
    a->used_bytes = 0;
    if (!keep)
        return;
    if (!keep->next && keep->size <= ARENA_KEEP_MAX) {
        sodium_memzero(keep->data, keep->used);
        keep->used = 0;
        return;
    }
    /* Several blocks become one that has room for all. */
    a->first_bytes = a->held_bytes <= ARENA_KEEP_MAX ? a->held_bytes : 0;
    blocks_free(keep);
    a->newest = NULL;
    a->held_bytes = 0;
}

size_t arena_used(const struct arena *a) { return a->used_bytes; }

/* Padding that brings the block's next free byte to the alignment. */
static size_t block_gap(const struct block *b)
{
    return (ARENA_ALIGN - ((uintptr_t)(b->data + b->used) & (ARENA_ALIGN - 1))) & (ARENA_ALIGN - 1);
}

static struct block *block_new(struct arena *a, size_t need)
{
    size_t first = a->first_bytes ? a->first_bytes : ARENA_BLOCK_MIN;
    size_t size = a->newest ? a->newest->size * 2 : first;
    if (size > a->max_bytes - a->held_bytes)
        size = a->max_bytes - a->held_bytes;
    if (size < need)
        size = need;
    if (size > a->max_bytes - a->held_bytes)
        return NULL;
    struct block *b = mem_alloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    b->next = a->newest;
    a->newest = b;
    a->held_bytes += size;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > a->max_bytes)
        return NULL;
    struct block *b = a->newest;
    if (!b || b->size - b->used < n + block_gap(b)) {
        b = block_new(a, n + ARENA_ALIGN);
        if (!b)
            return NULL;
    }
    b->used += block_gap(b);
    void *p = b->data + b->used;
    b->used += n;
    a->used_bytes += n;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    return arena_alloc(a, count * size);
}

struct str arena_copy(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (!p)
        return (struct str){NULL, 0};
    if (s.n)
        memcpy(p, s.p, s.n);
    return (struct str){p, s.n};
}

char *arena_strdup(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (p && s.n)
        memcpy(p, s.p, s.n);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return NULL;
    char *p = arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}
