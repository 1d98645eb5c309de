/* Shrinking by whole numbers: the box average that image_shrink and the face crop share. */
#pragma once

#include "vision/image.h"

/* Which part of the averaged picture is wanted, in its own pixels. */
struct image_area {
    int x, y, width, height;
};

/* Averages factor x factor blocks: out = (sum + factor^2 / 2) / factor^2 in integers, blocks
 * counted from the top left corner of src, incomplete ones dropped. area lies inside the
 * (src->width / factor) x (src->height / factor) result and says which of it to compute.
 * factor 2..BOX_FACTOR_MAX. Errors NOMEM. Thread any. Cost: reads each pixel once. */
enum { BOX_FACTOR_MAX = 2047 };
NODISCARD enum err image_box_average(struct arena *a, const struct image *src, int factor,
                                     struct image_area area, struct image *ret_image,
                                     struct error *e);
