/* Arenas: memory of one request or one job, freed whole, with a hard cap.
 *
 * What is allocated lives until arena_free or arena_reset. Passing the cap gives NULL, which the
 * caller reports as ERR_NOMEM: a request cannot take the process down. Memory is zeroed.
 * Thread: one at a time. Source: the pools of h2o (req->pool) and nginx. */
#pragma once

#include "base/str.h"

struct arena;

/* A new arena that may grow to max_bytes in all, or NULL. Owner: the caller. */
struct arena *arena_new(size_t max_bytes);
/* Frees the arena and all that came from it; contents are wiped first. NULL is fine. */
void arena_free(struct arena *a);
/* Cleanup attribute helper. */
void arena_freep(struct arena **a);
/* Empties it but keeps one block for reuse: jobs alike allocate nothing from the third on. More
 * than 64 MiB are given back. Contents wiped. */
void arena_reset(struct arena *a);
/* Bytes handed out since new or reset. */
size_t arena_used(const struct arena *a);

/* n zeroed bytes aligned to 64 (SIMD loads of pixels and vectors), or NULL at the cap. */
void *arena_alloc(struct arena *a, size_t n);
/* count * size, overflow-checked. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A terminated copy of s, or NULL. */
char *arena_strdup(struct arena *a, struct str s);
/* A copy of s (terminated behind its n bytes); p is NULL at the cap. */
struct str arena_copy(struct arena *a, struct str s);
/* A formatted, terminated string, or NULL. */
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
