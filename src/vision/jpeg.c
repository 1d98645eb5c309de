/* JPEG by TurboJPEG: header, scaled decode, EXIF orientation. Stateless; a handle per call (20 us).
 *
 * Most of the cost is entropy decoding, so 1/2 and 1/4 save less than the pixels suggest (1280x886:
 * 2.6 ms at 1/1, 1.7 at 1/2, 1.4 at 1/4). A warning of the library is an error here, since part of
 * the picture was made up; but for stray bytes between markers, which webcams leave and which cost
 * no pixel. Called by workers. */
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

/* True when all pixels are there: no message, or one about stray bytes. */
static bool pixels_whole(tjhandle tj, int rc)
{
    return rc == 0 || (tjGetErrorCode(tj) == TJERR_WARNING &&
                       strstr(tjGetErrorStr2(tj), "extraneous bytes before marker"));
}

/* CMYK as Adobe writes it, inverted: each colour is darkened by black. */
static void cmyk_to_rgb(const uint8_t *cmyk, size_t pixels, uint8_t *rgb)
{
    for (size_t i = 0; i < pixels; i++)
        for (size_t c = 0; c < 3; c++)
            rgb[3 * i + c] = (uint8_t)((cmyk[4 * i + c] * cmyk[4 * i + 3] + 127) / 255);
}

/* All pixels of the file, as stored, at 1/scale. */
static enum err decompress(struct arena *a, tjhandle tj, struct str bytes, bool cmyk,
                           struct image *im, struct error *e)
{
    size_t pixels = (size_t)im->width * (size_t)im->height;
    uint8_t *out = cmyk ? arena_array(a, pixels, 4) : im->rgb;
    if (!out)
        return error_set(e, ERR_NOMEM, "no memory for %zu pixels", pixels);
    int rc = tjDecompress2(tj, bytes_of(bytes), bytes.n, out, im->width, 0, im->height,
                           cmyk ? TJPF_CMYK : TJPF_RGB, TJFLAG_LIMITSCANS);
    if (!pixels_whole(tj, rc))
        return error_set(e, ERR_UNPROCESSABLE, "damaged JPEG: %s", tjGetErrorStr2(tj));
    if (cmyk)
        cmyk_to_rgb(out, pixels, im->rgb);
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
    int full_width = 0, full_height = 0, subsampling = 0, colours = 0;
    if (tjDecompressHeader3(tj, bytes_of(bytes), bytes.n, &full_width, &full_height, &subsampling,
                            &colours))
        return error_set(e, ERR_UNPROCESSABLE, "damaged JPEG: %s", tjGetErrorStr2(tj));
    r = decompress(a, tj, bytes, colours == TJCS_CMYK || colours == TJCS_YCCK, &stored, e);
    if (r)
        return r;
    r = image_orient(a, &stored, h->orientation, ret_image, e);
    if (r)
        return r;
    *ret_scale = scale;
    return ERR_OK;
}

const struct image_codec jpeg_codec = {.matches = matches, .probe = probe, .decode = decode};
