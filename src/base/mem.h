/* Heap memory: the only place that calls malloc.
 *
 * Returned memory is zeroed. A failed allocation returns NULL and is an error the caller reports as
 * ERR_NOMEM. Tests make the Nth allocation fail with mem_fail_after, so every NOMEM path can run.
 * Thread: any. */
#pragma once

#include "base/defs.h"

#include <stdint.h>

/* n zeroed bytes, or NULL. n = 0 gives a pointer that may be freed. Owner: the caller (mem_free).
 */
void *mem_alloc(size_t n);

/* count * size zeroed bytes, or NULL when that product overflows or memory is out. */
void *mem_array(size_t count, size_t size);

/* p grown or shrunk to n bytes; on NULL the old block stays valid. Added bytes are not zeroed. */
void *mem_resize(void *p, size_t n);

/* A heap copy of the terminated string s, or NULL. */
char *mem_strdup(const char *s);

/* Frees; NULL is fine. */
void mem_free(void *p);

/* Wipes n bytes, then frees: pixels, embeddings and keys. */
void secure_free(void *p, size_t n);

/* Gives free memory back to the system; for after work that needed far more than will stay (loading
 * a model). Costs milliseconds. Does nothing where the C library cannot. */
void mem_trim(void);

/* How often memory was asked for since the program began (mem_alloc, mem_array, mem_resize,
 * mem_strdup): what does not move while work goes on costs no allocation. */
int64_t mem_calls(void);

/* Bytes of this process in physical memory now; 0 where the system does not say. */
int64_t mem_resident(void);

/* Cleanup attribute helper: _cleanup_(mem_freep) char *text = NULL. */
void mem_freep(void *pointer_to_pointer);

/* Test hook: the nth allocation from now on (0 = the next) fails, then all succeed again. -1 = off.
 */
void mem_fail_after(int64_t n);
