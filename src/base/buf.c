/* Growing byte buffers: see buf.h. Amortised O(1) per byte; doubles up to its maximum. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>

enum { BUF_FIRST = 256 };

void buf_init(struct buf *b, size_t max_bytes) { *b = (struct buf){.max_bytes = max_bytes}; }

void buf_done(struct buf *b)
{
    mem_free(b->p);
    *b = (struct buf){.max_bytes = b->max_bytes};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->failed = false;
}

/* Makes room for n more bytes and the terminator. */
static bool reserve(struct buf *b, size_t n)
{
    if (b->failed || n > b->max_bytes - b->n) {
        b->failed = true;
        return false;
    }
    size_t need = b->n + n + 1;
    if (need <= b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity : BUF_FIRST;
    while (capacity < need)
        capacity *= 2;
    char *p = mem_resize(b->p, capacity);
    if (!p) {
        b->failed = true;
        return false;
    }
    b->p = p;
    b->capacity = capacity;
    return true;
}

void buf_append(struct buf *b, struct str s)
{
    if (!reserve(b, s.n))
        return;
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = 0;
}

void buf_puts(struct buf *b, const char *s) { buf_append(b, str_from(s)); }

void buf_putc(struct buf *b, char c) { buf_append(b, (struct str){&c, 1}); }

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(b, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

enum err buf_check(const struct buf *b, struct error *e)
{
    if (b->failed)
        return error_set(e, ERR_NOMEM, "more than %zu bytes of output", b->max_bytes);
    return ERR_OK;
}
