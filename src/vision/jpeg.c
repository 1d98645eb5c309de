/* JPEG by TurboJPEG: header, scaled decode, EXIF orientation. Stateless; a handle per call (20 us).
 *
 * Most of the cost is entropy decoding, so 1/2 and 1/4 save less than the pixels suggest (1280x886:
 * 2.6 ms at 1/1, 1.7 at 1/2, 1.4 at 1/4). Any warning of the library is an error here: it means
 * that part of the picture was made up. Called by workers. */
#include "vision/image_codecs.h"

#include <turbojpeg.h>

enum { SCALE_MAX = 8 };         /* the DCT block is 8x8 */
enum { ORIENTATION_SWAPS = 5 }; /* from here on width and height change places */

static void handle_free(tjhandle *h)
{
    if (*h)
        tjDestroy(*h);
}

static bool matches(struct str bytes) { return str_starts(bytes, STR("\xff\xd8\xff")); }

static int long_side(const struct image_header *h)
{
    return h->width > h->height ? h->width : h->height;
}

static const unsigned char *bytes_of(struct str s) { return (const unsigned char *)s.p; }

static enum err probe(struct str bytes, struct image_header *ret_header, struct error *e)
{
    _cleanup_(handle_free) tjhandle tj = tjInitDecompress();
    if (!tj)
        return error_set(e, ERR_NOMEM, "no memory for a JPEG decoder");
    int width = 0, height = 0, subsampling, colours; /* a file of tables alone sets nothing */
    if (tjDecompressHeader3(tj, bytes_of(bytes), bytes.n, &width, &height, &subsampling, &colours))
        return error_set(e, ERR_UNPROCESSABLE, "damaged JPEG: %s", tjGetErrorStr2(tj));
    int orientation = exif_orientation(bytes);
    bool swap = orientation >= ORIENTATION_SWAPS;
    ret_header->width = swap ? height : width;
    ret_header->height = swap ? width : height;
    ret_header->orientation = orientation;
    return ERR_OK;
}

static enum err decode(struct arena *a, struct str bytes, const struct image_header *h,
                       int want_long_side, struct image *ret_image, int *ret_scale, struct error *e)
{
    _cleanup_(handle_free) tjhandle tj = tjInitDecompress();
    if (!tj)
        return error_set(e, ERR_NOMEM, "no memory for a JPEG decoder");
    int scale = 1;
    while (want_long_side > 0 && scale < SCALE_MAX &&
           (long_side(h) + 2 * scale - 1) / (2 * scale) >= want_long_side)
        scale *= 2;
    bool swap = h->orientation >= ORIENTATION_SWAPS;
    const tjscalingfactor factor = {1, scale};
    int width = TJSCALED(swap ? h->height : h->width, factor);
    int height = TJSCALED(swap ? h->width : h->height, factor);
    struct image stored;
    enum err r = image_new(a, width, height, &stored, e);
    if (r)
        return r;
    if (tjDecompress2(tj, bytes_of(bytes), bytes.n, stored.rgb, width, 0, height, TJPF_RGB,
                      TJFLAG_LIMITSCANS | TJFLAG_STOPONWARNING))
        return error_set(e, ERR_UNPROCESSABLE, "damaged JPEG: %s", tjGetErrorStr2(tj));
    r = image_orient(a, &stored, h->orientation, ret_image, e);
    if (r)
        return r;
    *ret_scale = scale;
    return ERR_OK;
}

const struct image_codec jpeg_codec = {.matches = matches, .probe = probe, .decode = decode};
