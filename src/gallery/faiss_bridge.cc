/* FAISS behind a C interface: see faiss_bridge.h. One IndexFlatIP an index; a search is one pass
 * over all rows, called by gallery.c on any thread. Invariants: no exception passes a function of
 * the C interface; a searching thread computes alone (no OpenMP or OpenBLAS helpers), because the
 * workers are as many as the cores already. */
#include "gallery/faiss_bridge.h"

#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include <string.h>

#include <faiss/IndexFlat.h>
#include <faiss/impl/IDSelector.h>
#include <faiss/utils/distances.h>
#include <omp.h>

extern "C" void openblas_set_num_threads(int n);

struct faiss_index {
    faiss::IndexFlatIP flat;
    size_t capacity;

    faiss_index(int dim, size_t rows) : flat(dim), capacity(rows)
    {
        flat.codes.reserve(rows * flat.code_size);
    }
    ~faiss_index()
    {
        if (!flat.codes.empty())
            explicit_bzero(flat.codes.data(), flat.codes.size());
    }
};

namespace
{

/* Runs f and turns what it throws into an error. */
template <typename F> enum err guarded(struct error *e, F f)
{
    try {
        return f();
    } catch (const std::bad_alloc &) {
        return error_set(e, ERR_NOMEM, "out of memory in the vector index");
    } catch (const std::length_error &) {
        return error_set(e, ERR_NOMEM, "the vector index would be too large");
    } catch (const std::exception &x) {
        return error_set(e, ERR_UNAVAILABLE, "FAISS: %.200s", x.what());
    } catch (...) {
        return error_set(e, ERR_UNAVAILABLE, "FAISS failed");
    }
}

/* Process-wide settings, once. The threshold lets BLAS serve single probes too: measured 2.0 ms
 * instead of 13.2 ms for one probe among 100,000 rows of 128. */
void configure_once()
{
    static std::once_flag once;
    std::call_once(once, [] {
        faiss::distance_compute_blas_threshold = 1;
        openblas_set_num_threads(1);
    });
}

/* OpenMP's thread count is a setting of the calling thread. */
void search_alone()
{
    static thread_local bool set = false;
    if (!set)
        omp_set_num_threads(1);
    set = true;
}

} // namespace

enum err faiss_index_new(int dim, size_t capacity, struct faiss_index **ret_index, struct error *e)
{
    return guarded(e, [&] {
        configure_once();
        *ret_index = new faiss_index(dim, capacity);
        return ERR_OK;
    });
}

void faiss_index_free(struct faiss_index *x) { delete x; }

enum err faiss_index_add(struct faiss_index *x, const float *rows, size_t n, struct error *e)
{
    if (n > x->capacity - faiss_index_count(x))
        return error_set(e, ERR_FULL, "the vector index holds %zu rows at most", x->capacity);
    return guarded(e, [&] {
        x->flat.add(static_cast<faiss::Index::idx_t>(n), rows);
        return ERR_OK;
    });
}

size_t faiss_index_count(const struct faiss_index *x)
{
    return static_cast<size_t>(x->flat.ntotal);
}

const float *faiss_index_row(const struct faiss_index *x, size_t row)
{
    return x->flat.get_xb() + row * static_cast<size_t>(x->flat.d);
}

enum err faiss_index_search(const struct faiss_index *x, const float *probes, int n, int k,
                            const uint8_t *live, struct faiss_hit *ret_hits, struct error *e)
{
    return guarded(e, [&] {
        search_alone();
        size_t hits = static_cast<size_t>(n) * static_cast<size_t>(k);
        std::vector<float> scores(hits);
        std::vector<faiss::Index::idx_t> rows(hits);
        faiss::IDSelectorBitmap selector((faiss_index_count(x) + 7) / 8, live);
        faiss::SearchParameters only_live;
        only_live.sel = &selector;
        x->flat.search(n, probes, k, scores.data(), rows.data(), live ? &only_live : nullptr);
        for (size_t i = 0; i < hits; i++)
            ret_hits[i] = {rows[i], scores[i]};
        return ERR_OK;
    });
}
