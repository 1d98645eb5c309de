/* PNG by libspng: any colour type and depth becomes 8-bit RGB, alpha is dropped. Stateless. */
#include "vision/image_codecs.h"

#include <spng.h>

/* Text and colour-profile chunks are of no use here; bigger ones are refused. */
enum { CHUNK_BYTES_MAX = 8 * MIB, CHUNK_CACHE_BYTES_MAX = 16 * MIB };

static void context_free(spng_ctx **c) { spng_ctx_free(*c); }

static bool matches(struct str bytes) { return str_starts(bytes, STR("\x89PNG\r\n\x1a\n")); }

static enum err open_png(spng_ctx *c, struct str bytes, struct spng_ihdr *ret_ihdr, struct error *e)
{
    if (!c)
        return error_set(e, ERR_NOMEM, "no memory for a PNG decoder");
    int r = spng_set_chunk_limits(c, CHUNK_BYTES_MAX, CHUNK_CACHE_BYTES_MAX);
    if (!r)
        r = spng_set_png_buffer(c, bytes.p, bytes.n);
    if (!r)
        r = spng_get_ihdr(c, ret_ihdr);
    return r ? error_set(e, ERR_UNPROCESSABLE, "damaged PNG: %s", spng_strerror(r)) : ERR_OK;
}

static enum err probe(struct str bytes, struct image_header *ret_header, struct error *e)
{
    _cleanup_(context_free) spng_ctx *c = spng_ctx_new(0);
    struct spng_ihdr ihdr = {0};
    enum err r = open_png(c, bytes, &ihdr, e);
    if (r)
        return r;
    ret_header->width = (int)ihdr.width; /* libspng refuses more than 2^31 - 1 */
    ret_header->height = (int)ihdr.height;
    return ERR_OK;
}

static enum err decode(struct arena *a, struct str bytes, const struct image_header *h,
                       int want_long_side, struct image *ret_image, int *ret_scale, struct error *e)
{
    (void)want_long_side;
    (void)ret_scale;
    _cleanup_(context_free) spng_ctx *c = spng_ctx_new(0);
    struct spng_ihdr ihdr = {0};
    enum err r = open_png(c, bytes, &ihdr, e);
    if (r)
        return r;
    struct image im;
    r = image_new(a, h->width, h->height, &im, e);
    if (r)
        return r;
    size_t size = (size_t)im.width * (size_t)im.height * 3;
    int code = spng_decode_image(c, im.rgb, size, SPNG_FMT_RGB8, 0);
    if (code)
        return error_set(e, ERR_UNPROCESSABLE, "damaged PNG: %s", spng_strerror(code));
    *ret_image = im;
    return ERR_OK;
}

const struct image_codec png_codec = {.matches = matches, .probe = probe, .decode = decode};
