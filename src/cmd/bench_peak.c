/* The machine's peak: see bench_peak.h. Twelve accumulators hide the latency of the multiply-add
 * (4 cycles, 2 a cycle) with room to spare and fit the registers. Chosen at run time. Pure.
 * Sanitizers stay out: they would be what is measured, and AddressSanitizer of GCC 12 places
 * 64-byte vectors of a thread where AVX-512 cannot read them. */
#include "cmd/bench_peak.h"

#include "base/time.h"

#include <pthread.h>
#include <stdbool.h>

enum { ACCUMULATORS = 12, ROUNDS = 20000, THREADS_MAX = 256 };
#define DURATION (20 * USEC_PER_MSEC)

/* ROUNDS x ACCUMULATORS multiply-adds of *ret_lanes numbers; what it returns keeps the compiler
 * from leaving them out. */
typedef float (*peak_fn)(float factor, int *ret_lanes);

/* The compiler makes one fused instruction of x * f + f where the target has it. */
#define PEAK(name, attribute, LANES)                                                               \
    __attribute__((no_sanitize_address)) attribute static float name(float factor, int *ret_lanes) \
    {                                                                                              \
        typedef float lanes_of __attribute__((vector_size((LANES) * sizeof(float))));              \
        lanes_of x[ACCUMULATORS], f = (lanes_of){0} + factor, sum = {0};                           \
        for (int i = 0; i < ACCUMULATORS; i++)                                                     \
            x[i] = f * (float)i;                                                                   \
        for (int n = 0; n < ROUNDS; n++)                                                           \
            _Pragma("GCC unroll 12") for (int i = 0; i < ACCUMULATORS; i++) x[i] = x[i] * f + f;   \
        for (int i = 0; i < ACCUMULATORS; i++)                                                     \
            sum += x[i];                                                                           \
        *ret_lanes = (LANES);                                                                      \
        return sum[0];                                                                             \
    }

#if defined(__x86_64__)
PEAK(peak_512, __attribute__((target("avx512f"))), 16)
PEAK(peak_256, __attribute__((target("avx2,fma"))), 8)
#endif
PEAK(peak_portable, , 4)

static peak_fn choose(const char **ret_kind)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) {
        *ret_kind = "AVX-512";
        return peak_512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        *ret_kind = "AVX2";
        return peak_256;
    }
#endif
    *ret_kind = "portable";
    return peak_portable;
}

const char *bench_peak_kind(void)
{
    const char *kind;
    (void)choose(&kind);
    return kind;
}

static void *run(void *ret_gflops)
{
    const char *kind;
    peak_fn fn = choose(&kind);
    volatile float factor = .999f, kept = 0;
    int lanes = 0;
    double operations = 0;
    usec_t start = time_mono(), now = start;
    for (; now - start < DURATION; now = time_mono()) {
        kept = fn(factor, &lanes);
        operations += 2.0 * ROUNDS * ACCUMULATORS * lanes;
    }
    (void)kept;
    *(double *)ret_gflops = operations / (double)(now - start) / 1000;
    return NULL;
}

enum err bench_peak(int threads, double *ret_gflops, struct error *e)
{
    pthread_t ids[THREADS_MAX];
    double each[THREADS_MAX], sum = 0;
    int n = 0;
    while (n < threads && n < THREADS_MAX && pthread_create(&ids[n], NULL, run, &each[n]) == 0)
        n++;
    for (int i = 0; i < n; i++) {
        pthread_join(ids[i], NULL);
        sum += each[i];
    }
    if (n < threads)
        return error_set(e, ERR_NOMEM, "cannot start %d threads", threads);
    *ret_gflops = sum;
    return ERR_OK;
}
