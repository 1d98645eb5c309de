/* Encoded pictures for the image tests, made at run time with the libraries' own encoders. */
#pragma once

#include "vision/image.h"

enum { SAMPLE_BYTES_MAX = 1 << 20 };

/* Four flat quadrants: corners[] top left, top right, bottom left, bottom right; 0xrrggbb. */
struct image sample_quadrants(struct arena *a, int width, int height, const uint32_t corners[4]);

/* The picture in that format; n is 0 when the library cannot encode it (HEIC without x265). */
struct str sample_encode(struct arena *a, enum image_type type, const struct image *im);

/* The JPEG with an EXIF segment that holds this orientation; big- or little-endian. */
struct str sample_with_orientation(struct arena *a, struct str jpeg, int orientation, bool big);
