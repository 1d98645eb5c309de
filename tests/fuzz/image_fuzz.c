/* Fuzz target: image_probe and image_decode, all formats. Both must agree on the size, keep the
 * limit of pixels, and fill every pixel they return. */
#include "vision/image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_ARENA = 64 * MIB, PIXELS_MAX = 1 << 20, SMALL_SIDE = 16 };

static void decode(struct str bytes, int want, const struct image_header *h)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(FUZZ_ARENA);
    struct image im;
    int scale;
    volatile unsigned sum = 0;
    if (!a || image_decode(a, bytes, PIXELS_MAX, want, &im, &scale, NULL))
        return;
    if (im.width < 1 || im.height < 1 || (int64_t)im.width * im.height > PIXELS_MAX ||
        (scale != 1 && scale != 2 && scale != 4 && scale != 8) ||
        (scale == 1 && (im.width != h->width || im.height != h->height)))
        abort();
    for (size_t i = 0; i < (size_t)im.width * (size_t)im.height * 3; i++)
        sum += im.rgb[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str bytes = {(const char *)data, size};
    struct image_header h;
    if (image_probe(bytes, PIXELS_MAX, &h, NULL))
        return 0;
    if (h.width < 1 || h.height < 1 || (int64_t)h.width * h.height > PIXELS_MAX ||
        h.orientation < 1 || h.orientation > 8)
        abort();
    decode(bytes, 0, &h);
    decode(bytes, SMALL_SIDE, &h);
    return 0;
}
