/* Images: encoded bytes in, upright RGB pixels out.
 *
 * JPEG (TurboJPEG), PNG (libspng), WebP (libwebp) and HEIC/HEIF (libheif) are told apart by their
 * first bytes, never by a file name or a media type. Dimensions are read from the header and
 * checked against the limit BEFORE anything is decoded, so a decompression bomb costs nothing. EXIF
 * orientation (JPEG; HEIF applies its own) is applied: pixels are upright, and width/height are
 * those of the upright picture. A truncated or corrupt file is an error, never half a picture.
 * Thread: any (decoder handles are per call). */
#pragma once

#include "base/arena.h"

enum image_type { IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP, IMAGE_HEIF };
enum { IMAGE_TYPE_N = IMAGE_HEIF + 1 };

struct image {
    int width, height; /* pixels, upright */
    uint8_t *rgb;      /* [height][width][3], borrowed from the arena it was decoded into */
};

struct image_header {
    enum image_type type;
    int width, height; /* upright, full size */
    int orientation;   /* EXIF 1..8; 1 when absent */
};

/* Reads type and size without decoding. max_pixels bounds width * height.
 * Errors UNSUPPORTED (no known format; empty), TOO_LARGE (max_pixels), UNPROCESSABLE (bad header).
 */
NODISCARD enum err image_probe(struct str bytes, int64_t max_pixels,
                               struct image_header *ret_header, struct error *e);

/* Decodes to upright RGB. When want_long_side > 0 a JPEG may be decoded at 1/2, 1/4 or 1/8 as long
 * as its long side stays >= want_long_side (the DCT does the shrinking); 0 = full size. ret_scale
 * is full size / returned size, equal in both directions up to rounding (1, 2, 4 or 8). Errors as
 * image_probe, and NOMEM. Cost: 0.8 ms for a 640x480 JPEG, 2.6 ms for 1280x886. */
NODISCARD enum err image_decode(struct arena *a, struct str bytes, int64_t max_pixels,
                                int want_long_side, struct image *ret_image, int *ret_scale,
                                struct error *e);

/* Shrinks so that the long side is at most long_side; never enlarges (then the source is returned
 * as it is). The rule of tests/golden/reference.py: box average by floor(src/dst) when that is >=
 * 2, then bilinear with half-pixel centres, edges clamped, rounded to nearest. ret_factor = source
 * size / result size. Errors NOMEM. */
NODISCARD enum err image_shrink(struct arena *a, const struct image *src, int long_side,
                                struct image *ret_image, float *ret_factor, struct error *e);
