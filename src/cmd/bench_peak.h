/* What this machine can compute at most: fused multiply-adds in registers. */
#pragma once

#include "base/error.h"

/* Billions of single-precision operations a second that n threads reach together, each on a loop of
 * independent fused multiply-adds (two operations each) for about 20 ms; the widest instructions
 * that the processor has. Memory plays no part, so no model run can be faster in fp32. Errors NOMEM
 * (no thread). Thread any. */
NODISCARD enum err bench_peak(int threads, double *ret_gflops, struct error *e);
/* "AVX-512", "AVX2", "portable": what bench_peak uses here. */
const char *bench_peak_kind(void);
