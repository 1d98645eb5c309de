/* What image.c asks of a format, one row each; private to the vision folder.
 *
 * A codec reads bytes from outside: it checks every number it takes from them, allocates pixels
 * only through image_new (after image.c compared the header with the caller's limit) and turns the
 * library's complaint into UNPROCESSABLE. Thread: any. */
#pragma once

#include "vision/image.h"

struct image_codec {
    /* True when the first bytes are this format's. */
    bool (*matches)(struct str bytes);
    /* Reads the header; width and height are those of the upright picture. Errors UNPROCESSABLE. */
    enum err (*probe)(struct str bytes, struct image_header *ret_header, struct error *e);
    /* Decodes to upright RGB; h is what probe gave. Only JPEG heeds want_long_side and writes
     * ret_scale (which is 1 before the call). Errors UNPROCESSABLE, NOMEM. */
    enum err (*decode)(struct arena *a, struct str bytes, const struct image_header *h,
                       int want_long_side, struct image *ret_image, int *ret_scale,
                       struct error *e);
};

extern const struct image_codec jpeg_codec, png_codec, webp_codec, heif_codec;

/* Room for width * height RGB pixels in `a`. Errors NOMEM. */
NODISCARD enum err image_new(struct arena *a, int width, int height, struct image *ret_image,
                             struct error *e);

/* The EXIF orientation of a JPEG, 1..8; 1 when it has none or the EXIF data make no sense. */
int exif_orientation(struct str jpeg);

/* Turns stored pixels upright. orientation 1..8 as in EXIF 2.3, section 4.6.4 (tag 0x0112).
 * ret_image is src itself for 1. Errors NOMEM. Cost: one pass over the pixels. */
NODISCARD enum err image_orient(struct arena *a, const struct image *src, int orientation,
                                struct image *ret_image, struct error *e);
