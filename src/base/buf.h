/* Growing byte buffers with a maximum fixed at init.
 *
 * Appending past the maximum (or out of memory) makes the buffer fail: it keeps what it had, every
 * later append is ignored, and buf_failed tells. So a writer appends freely and checks once.
 * Thread: one at a time. Source: curl's dynbuf (`toobig`). */
#pragma once

#include "base/str.h"

struct buf {
    char *p; /* owned; terminated behind n bytes once anything was appended */
    size_t n, capacity, max_bytes;
    bool failed;
};

/* An empty buffer that may grow to max_bytes; allocates nothing yet. */
void buf_init(struct buf *b, size_t max_bytes);
/* Frees the bytes; the buffer may be init'ed again. Also the cleanup attribute helper. */
void buf_done(struct buf *b);
/* Empties it and clears `failed`; keeps the memory. */
void buf_reset(struct buf *b);

void buf_append(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* What has been appended; valid until the next append. */
static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p ? b->p : "", b->n};
}

/* OK, or NOMEM when an append did not fit. */
NODISCARD enum err buf_check(const struct buf *b, struct error *e);
