/* HEIC/HEIF by libheif: the primary picture, turned upright by the library. Stateless; 50 ms for
 * 1280x886. Decoding stays on the caller's thread: workers are as many as cores. */
#include "vision/image_codecs.h"

#include <libheif/heif.h>

enum { BRAND_BYTES = 12 }; /* what the type check needs: size, "ftyp", brand */
enum { SIDE_MAX = 32768 }; /* pixels; a library limit on top of the caller's */

struct heif {
    struct heif_context *context;
    struct heif_image_handle *handle;
    struct heif_image *image;
    struct heif_decoding_options *options;
};

static void heif_done(struct heif *h)
{
    if (h->image)
        heif_image_release(h->image);
    if (h->options)
        heif_decoding_options_free(h->options);
    if (h->handle)
        heif_image_handle_release(h->handle);
    if (h->context)
        heif_context_free(h->context);
}

static bool matches(struct str bytes)
{
    if (bytes.n < BRAND_BYTES)
        return false;
    enum heif_filetype_result t = heif_check_filetype((const uint8_t *)bytes.p, BRAND_BYTES);
    return t == heif_filetype_yes_supported || t == heif_filetype_maybe;
}

static enum err complain(struct heif_error code, struct error *e)
{
    return error_set(e, ERR_UNPROCESSABLE, "damaged or unknown HEIC: %s", code.message);
}

static enum err heif_open(struct heif *h, struct str bytes, struct error *e)
{
    h->context = heif_context_alloc();
    if (!h->context)
        return error_set(e, ERR_NOMEM, "no memory for a HEIC decoder");
    heif_context_set_maximum_image_size_limit(h->context, SIDE_MAX);
    heif_context_set_max_decoding_threads(h->context, 0);
    struct heif_error code =
        heif_context_read_from_memory_without_copy(h->context, bytes.p, bytes.n, NULL);
    if (code.code == heif_error_Ok)
        code = heif_context_get_primary_image_handle(h->context, &h->handle);
    return code.code == heif_error_Ok ? ERR_OK : complain(code, e);
}

static enum err probe(struct str bytes, struct image_header *ret_header, struct error *e)
{
    _cleanup_(heif_done) struct heif h = {0};
    enum err r = heif_open(&h, bytes, e);
    if (r)
        return r;
    ret_header->width = heif_image_handle_get_width(h.handle);
    ret_header->height = heif_image_handle_get_height(h.handle);
    return ERR_OK;
}

static enum err copy_pixels(struct arena *a, const struct heif_image *from, struct image *ret_image,
                            struct error *e)
{
    int stride = 0;
    const uint8_t *plane = heif_image_get_plane_readonly(from, heif_channel_interleaved, &stride);
    struct image im;
    enum err r = image_new(a, heif_image_get_width(from, heif_channel_interleaved),
                           heif_image_get_height(from, heif_channel_interleaved), &im, e);
    if (r)
        return r;
    size_t row = (size_t)im.width * 3;
    for (int y = 0; y < im.height; y++)
        memcpy(im.rgb + (size_t)y * row, plane + (ptrdiff_t)y * stride, row);
    *ret_image = im;
    return ERR_OK;
}

static enum err decode(struct arena *a, struct str bytes, const struct image_header *header,
                       int want_long_side, struct image *ret_image, int *ret_scale, struct error *e)
{
    (void)want_long_side;
    (void)ret_scale;
    _cleanup_(heif_done) struct heif h = {0};
    enum err r = heif_open(&h, bytes, e);
    if (r)
        return r;
    h.options = heif_decoding_options_alloc();
    if (!h.options)
        return error_set(e, ERR_NOMEM, "no memory for a HEIC decoder");
    h.options->convert_hdr_to_8bit = 1;
    h.options->strict_decoding = 1;
    struct heif_error code = heif_decode_image(h.handle, &h.image, heif_colorspace_RGB,
                                               heif_chroma_interleaved_RGB, h.options);
    if (code.code != heif_error_Ok)
        return complain(code, e);
    if (heif_image_get_width(h.image, heif_channel_interleaved) != header->width ||
        heif_image_get_height(h.image, heif_channel_interleaved) != header->height)
        return error_set(e, ERR_UNPROCESSABLE, "damaged HEIC: size differs from its header");
    return copy_pixels(a, h.image, ret_image, e);
}

const struct image_codec heif_codec = {.matches = matches, .probe = probe, .decode = decode};
