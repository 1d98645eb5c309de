/* Batches: crops of one or several pictures, embedded in runs of up to batch_max faces.
 *
 * A run of eight faces costs the processor a fifth to a half less than eight runs of one (see
 * bench/RESULTS.md), so workers put the faces of all waiting frames into one batch. The tensors are
 * written where the encoder reads them; the vectors are copied out, a few hundred bytes each. A
 * failed run is kept until the end, since its faces may belong to any of the pictures. One thread
 * at a time. */
#include "vision/internal.h"

#include "base/time.h"

#include <assert.h>

enum err batch_room(struct vision_batch *b, int n, struct error *e)
{
    int want = b->several || n > b->v->batch_max ? b->v->batch_max : n;
    if (want <= b->capacity)
        return ERR_OK;
    assert(b->waiting == 0);
    b->tensors = arena_array(b->a, encoder_tensors(&b->v->encoder, want), sizeof *b->tensors);
    b->vectors = arena_array(b->a, encoder_vectors(&b->v->encoder, want), sizeof *b->vectors);
    b->slots = arena_array(b->a, (size_t)want, sizeof *b->slots);
    if (!b->tensors || !b->vectors || !b->slots)
        return error_set(e, ERR_NOMEM, "no memory to embed %d faces", want);
    b->capacity = want;
    return ERR_OK;
}

/* Each face is charged its share of the run. */
static void hand_out(struct vision_batch *b, int64_t embed_us, int64_t run_us)
{
    size_t dim = (size_t)vision_dim(b->v);
    for (int i = 0; i < b->waiting; i++) {
        struct vision_timing *t = b->slots[i].timing;
        memcpy(b->slots[i].to, b->vectors + (size_t)i * dim, dim * sizeof *b->vectors);
        t->embed_us += embed_us * (i + 1) / b->waiting - embed_us * i / b->waiting;
        t->embed_run_us += run_us * (i + 1) / b->waiting - run_us * i / b->waiting;
    }
}

static void flush(struct vision_batch *b)
{
    usec_t start = time_mono();
    int64_t run_us = 0;
    if (b->waiting > 0 && b->error.code == ERR_OK &&
        encoder_run(&b->v->encoder, b->tensors, b->waiting, b->vectors, &run_us, &b->error) ==
            ERR_OK)
        hand_out(b, time_mono() - start, run_us);
    b->waiting = 0;
}

void batch_add(struct vision_batch *b, const struct crop *c, float *ret_vector,
               struct vision_timing *timing)
{
    assert(b->waiting < b->capacity);
    usec_t start = time_mono();
    encoder_feed(&b->v->encoder, c, b->tensors + encoder_tensors(&b->v->encoder, b->waiting));
    b->slots[b->waiting++] = (struct batch_slot){.to = ret_vector, .timing = timing};
    timing->align_us += time_mono() - start;
    if (b->waiting == b->capacity)
        flush(b);
}

enum err vision_batch_new(struct vision *v, struct arena *a, struct vision_batch **ret_batch,
                          struct error *e)
{
    struct vision_batch *b = arena_alloc(a, sizeof *b);
    if (!b)
        return error_set(e, ERR_NOMEM, "no memory for a batch");
    *b = (struct vision_batch){.v = v, .a = a, .several = true};
    *ret_batch = b;
    return ERR_OK;
}

enum err vision_batch_end(struct vision_batch *b, struct error *e)
{
    flush(b);
    if (b->error.code && e)
        *e = b->error;
    return b->error.code;
}
