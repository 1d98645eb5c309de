/* Attributes and tiny macros that every file may use; nothing here has behaviour of its own. */
#pragma once

#include <stddef.h>

#define NODISCARD __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

/* Runs fn(&variable) when the variable leaves its scope: _cleanup_(arena_freep) struct arena *a. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* The pointer, handed on: the variable becomes NULL so that its cleanup does nothing. */
#define TAKE(ptr)                                                                                  \
    __extension__({                                                                                \
        __auto_type take_ = (ptr);                                                                 \
        (ptr) = NULL;                                                                              \
        take_;                                                                                     \
    })

/* Compiled a second time for processors with AVX2 and chosen at load time: for loops over pixels.
 * No FMA, so both give the same bits. Sanitizers do not get along with the choice. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) &&             \
    !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define PIXEL_LOOP __attribute__((target_clones("avx2", "default")))
#else
#define PIXEL_LOOP
#endif

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#define KIB 1024u
#define MIB (1024u * KIB)
