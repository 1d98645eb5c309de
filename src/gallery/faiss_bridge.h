/* FAISS behind a C interface: an exact inner-product index over rows of floats.
 *
 * faiss_bridge.cc is the only C++ file of the project and the only one that sees FAISS (Debian
 * ships no C library for it). No exception leaves it: each becomes an enum err. Row numbers are
 * 0, 1, 2 ... in the order of adding. An index that is no longer added to may be searched by any
 * number of threads at once.
 * Thread: any, as said above. */
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

#include "base/error.h"

#include <stdint.h>

struct faiss_index;

/* One neighbour: a row and its inner product with the probe; row -1 = there are no more. */
struct faiss_hit {
    int64_t row;
    float score;
};

/* An empty index with room for `capacity` rows of dim floats. Memory for them is taken at once, so
 * that adding never leaves an unwiped copy behind. Errors NOMEM, UNAVAILABLE (FAISS). */
NODISCARD enum err faiss_index_new(int dim, size_t capacity, struct faiss_index **ret_index,
                                   struct error *e);
/* Wipes the rows, then frees. NULL is fine. */
void faiss_index_free(struct faiss_index *x);

/* Appends n rows [n][dim]. Errors FULL (beyond the capacity), NOMEM, UNAVAILABLE. */
NODISCARD enum err faiss_index_add(struct faiss_index *x, const float *rows, size_t n,
                                   struct error *e);
/* Rows added so far. */
size_t faiss_index_count(const struct faiss_index *x);
/* Row `row` [dim]; borrowed, valid until the index is added to or freed. */
const float *faiss_index_row(const struct faiss_index *x, size_t row);

/* The k rows of the highest inner product for each of n probes [n][dim], best first;
 * ret_hits [n][k].
 * live: a bitmap (bit row % 8 of byte row / 8) of the rows to look at, NULL = all. With a bitmap
 * FAISS goes row by row instead of by blocks: about six times slower.
 * Errors NOMEM, UNAVAILABLE. */
NODISCARD enum err faiss_index_search(const struct faiss_index *x, const float *probes, int n,
                                      int k, const uint8_t *live, struct faiss_hit *ret_hits,
                                      struct error *e);

#ifdef __cplusplus
}
#endif
