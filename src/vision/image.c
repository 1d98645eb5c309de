/* Image formats: chooses the codec by the first bytes and holds the limit; see image.h.
 *
 * The pixels of a picture are allocated only after its header passed the limit, so what a hostile
 * header declares costs nothing. Called by workers (frames, photos) and by the intake (probe). */
#include "vision/image_codecs.h"

static const struct image_codec *const codecs[IMAGE_TYPE_N] = {
    [IMAGE_JPEG] = &jpeg_codec,
    [IMAGE_PNG] = &png_codec,
    [IMAGE_WEBP] = &webp_codec,
    [IMAGE_HEIF] = &heif_codec,
};

enum err image_new(struct arena *a, int width, int height, struct image *ret_image, struct error *e)
{
    uint8_t *rgb = arena_array(a, (size_t)width * (size_t)height, 3);
    if (!rgb)
        return error_set(e, ERR_NOMEM, "no memory for a picture of %dx%d pixels", width, height);
    *ret_image = (struct image){.width = width, .height = height, .rgb = rgb};
    return ERR_OK;
}

enum err image_probe(struct str bytes, int64_t max_pixels, struct image_header *ret_header,
                     struct error *e)
{
    if (bytes.n == 0)
        return error_set(e, ERR_UNSUPPORTED, "the picture is empty (0 bytes)");
    int type = 0;
    while (type < IMAGE_TYPE_N && !codecs[type]->matches(bytes))
        type++;
    if (type == IMAGE_TYPE_N)
        return error_set(e, ERR_UNSUPPORTED, "not a JPEG, PNG, WebP or HEIC picture");
    struct image_header h = {.type = (enum image_type)type, .orientation = 1};
    enum err r = codecs[type]->probe(bytes, &h, e);
    if (r)
        return r;
    if (h.width < 1 || h.height < 1)
        return error_set(e, ERR_UNPROCESSABLE, "the picture has no pixels");
    if ((int64_t)h.width * h.height > max_pixels)
        return error_set(e, ERR_TOO_LARGE, "the picture has %dx%d pixels, the limit is %lld",
                         h.width, h.height, (long long)max_pixels);
    *ret_header = h;
    return ERR_OK;
}

enum err image_decode(struct arena *a, struct str bytes, int64_t max_pixels, int want_long_side,
                      struct image *ret_image, int *ret_scale, struct error *e)
{
    struct image_header h;
    enum err r = image_probe(bytes, max_pixels, &h, e);
    if (r)
        return r;
    int scale = 1;
    r = codecs[h.type]->decode(a, bytes, &h, want_long_side, ret_image, &scale, e);
    if (r)
        return r;
    *ret_scale = scale;
    return ERR_OK;
}
