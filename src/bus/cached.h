/* Read-through cache: the bus's copy if there is one, else the store's, which is then kept.
 *
 * The one way in which API and workers read what every frame needs (a session's state, a roster),
 * so both set-ups run the same code. The bus gone or empty means the loader runs: slower, never
 * wrong. Thread: any. */
#pragma once

#include "bus/bus.h"

/* Reads the value and its version from the store, into `a`. */
typedef enum err (*cached_load_fn)(void *ctx, struct arena *a, int64_t *ret_version,
                                   struct str *ret_bytes, struct error *e);

/* Errors: those of load. */
NODISCARD enum err bus_cached(struct bus *b, struct arena *a, struct str key, usec_t ttl,
                              cached_load_fn load, void *ctx, struct str *ret_bytes,
                              struct error *e);
