/* Stills of many people: the pipeline of analyse.c, but at full resolution and in tiles.
 *
 * The pixels live in an arena of this call, so that a worker does not keep 150 MB for the next
 * frame: 3 bytes a pixel, twice that while a turned picture is set upright, up to 11 while a CMYK
 * one is decoded. Called by workers. */
#include "vision/tiles.h"

#include "base/time.h"
#include "vision/image_codecs.h"

enum { BYTES_A_PIXEL = 11, BESIDE_PIXELS = 96 * MIB };

static enum err look(struct vision_batch *b, struct arena *scratch, struct str bytes,
                     int64_t max_pixels, const struct vision_tick *tick,
                     struct vision_result *result, struct error *e)
{
    struct image im;
    struct face *faces;
    int scale;
    usec_t start = time_mono();
    enum err r = image_decode(scratch, bytes, max_pixels, 0, &im, &scale, e);
    if (r)
        return r;
    result->width = im.width;
    result->height = im.height;
    usec_t decoded = time_mono();
    result->timing.decode_us = decoded - start;
    r = tiles_find(b->v, scratch, &im, tick ? tick->fn : NULL, tick ? tick->ctx : NULL, &faces,
                   &result->n, &result->timing.detect_run_us, e);
    result->timing.detect_us = time_mono() - decoded;
    return r || result->n == 0 ? r : describe_faces(b, scratch, &im, faces, result, e);
}

enum err vision_analyse_still(struct vision *v, struct arena *a, struct str bytes,
                              int64_t max_pixels, const struct vision_tick *tick,
                              struct vision_result *ret_result, struct error *e)
{
    struct vision_batch batch = {.v = v, .a = a};
    struct vision_result result = {.width = 0};
    struct image_header h;
    enum err r = image_probe(bytes, max_pixels, &h, e);
    if (r)
        return r;
    size_t pixels = (size_t)h.width * (size_t)h.height;
    _cleanup_(arena_freep) struct arena *scratch =
        arena_new(pixels * BYTES_A_PIXEL + (size_t)BESIDE_PIXELS);
    if (!scratch)
        return error_set(e, ERR_NOMEM, "no memory for a picture of %zu pixels", pixels);
    r = look(&batch, scratch, bytes, max_pixels, tick, &result, e);
    if (!r)
        r = vision_batch_end(&batch, e);
    if (!r)
        *ret_result = result;
    return r;
}
