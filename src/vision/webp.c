/* WebP by libwebp: lossy and lossless stills; animations are refused. Stateless. */
#include "vision/image_codecs.h"

#include <webp/decode.h>

enum { RIFF_HEADER = 12 }; /* "RIFF", size, "WEBP" */

static bool matches(struct str bytes)
{
    return bytes.n >= RIFF_HEADER && memcmp(bytes.p, "RIFF", 4) == 0 &&
           memcmp(bytes.p + 8, "WEBP", 4) == 0;
}

static enum err probe(struct str bytes, struct image_header *ret_header, struct error *e)
{
    WebPBitstreamFeatures f;
    if (WebPGetFeatures((const uint8_t *)bytes.p, bytes.n, &f) != VP8_STATUS_OK)
        return error_set(e, ERR_UNPROCESSABLE, "damaged WebP: no valid header");
    if (f.has_animation)
        return error_set(e, ERR_UNPROCESSABLE, "animated WebP: send a still picture");
    ret_header->width = f.width;
    ret_header->height = f.height;
    return ERR_OK;
}

static enum err decode(struct arena *a, struct str bytes, const struct image_header *h,
                       int want_long_side, struct image *ret_image, int *ret_scale, struct error *e)
{
    (void)want_long_side;
    (void)ret_scale;
    struct image im;
    enum err r = image_new(a, h->width, h->height, &im, e);
    if (r)
        return r;
    size_t size = (size_t)im.width * (size_t)im.height * 3;
    if (!WebPDecodeRGBInto((const uint8_t *)bytes.p, bytes.n, im.rgb, size, im.width * 3))
        return error_set(e, ERR_UNPROCESSABLE, "damaged WebP: truncated or corrupt");
    *ret_image = im;
    return ERR_OK;
}

const struct image_codec webp_codec = {.matches = matches, .probe = probe, .decode = decode};
