/* Test support: see image_samples.h. Linked into the image tests only. */
#include "vision/image_samples.h"

#include <libheif/heif.h>
#include <spng.h>
#include <stdlib.h>
#include <turbojpeg.h>
#include <webp/encode.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

enum { QUALITY = 95 };

struct image sample_quadrants(struct arena *a, int width, int height, const uint32_t corners[4])
{
    struct image im = {.width = width, .height = height};
    im.rgb = arena_array(a, (size_t)width * (size_t)height, 3);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint32_t v = corners[(y >= height / 2) * 2 + (x >= width / 2)];
            uint8_t *p = im.rgb + (y * width + x) * 3;
            p[0] = (uint8_t)(v >> 16);
            p[1] = (uint8_t)(v >> 8);
            p[2] = (uint8_t)v;
        }
    }
    return im;
}

static struct str encode_jpeg(struct arena *a, const struct image *im)
{
    tjhandle tj = tjInitCompress();
    unsigned char *p = NULL;
    unsigned long n = 0;
    tjCompress2(tj, im->rgb, im->width, 0, im->height, TJPF_RGB, &p, &n, TJSAMP_444, QUALITY, 0);
    struct str s = arena_copy(a, (struct str){(char *)p, n});
    tjFree(p);
    tjDestroy(tj);
    return s;
}

static struct str encode_png(struct arena *a, const struct image *im)
{
    spng_ctx *c = spng_ctx_new(SPNG_CTX_ENCODER);
    struct spng_ihdr ihdr = {.width = (uint32_t)im->width,
                             .height = (uint32_t)im->height,
                             .bit_depth = 8,
                             .color_type = SPNG_COLOR_TYPE_TRUECOLOR};
    size_t n = 0;
    int code = 0;
    spng_set_option(c, SPNG_ENCODE_TO_BUFFER, 1);
    spng_set_ihdr(c, &ihdr);
    spng_encode_image(c, im->rgb, (size_t)(im->width * im->height * 3), SPNG_FMT_PNG,
                      SPNG_ENCODE_FINALIZE);
    void *p = spng_get_png_buffer(c, &n, &code);
    struct str s = arena_copy(a, (struct str){p, n});
    free(p);
    spng_ctx_free(c);
    return s;
}

static struct str encode_webp(struct arena *a, const struct image *im)
{
    uint8_t *p = NULL;
    size_t n = WebPEncodeLosslessRGB(im->rgb, im->width, im->height, im->width * 3, &p);
    struct str s = arena_copy(a, (struct str){(char *)p, n});
    WebPFree(p);
    return s;
}

static struct heif_error keep_bytes(struct heif_context *c, const void *p, size_t n, void *user)
{
    (void)c;
    struct str *out = user;
    memcpy((char *)out->p, p, n < SAMPLE_BYTES_MAX ? n : 0);
    out->n = n;
    return (struct heif_error){.code = heif_error_Ok};
}

/* x265 keeps some memory for good: not a leak of ours. */
static void leaks_of_x265(bool allowed)
{
#ifdef __SANITIZE_ADDRESS__
    allowed ? __lsan_disable() : __lsan_enable();
#else
    (void)allowed;
#endif
}

static struct str encode_heif(struct arena *a, const struct image *im)
{
    struct heif_context *c = heif_context_alloc();
    struct heif_encoder *encoder = NULL;
    struct heif_image *picture = NULL;
    struct str s = {arena_alloc(a, SAMPLE_BYTES_MAX), 0};
    if (heif_context_get_encoder_for_format(c, heif_compression_HEVC, &encoder).code == 0) {
        int stride = 0;
        heif_image_create(im->width, im->height, heif_colorspace_RGB, heif_chroma_interleaved_RGB,
                          &picture);
        heif_image_add_plane(picture, heif_channel_interleaved, im->width, im->height, 8);
        uint8_t *plane = heif_image_get_plane(picture, heif_channel_interleaved, &stride);
        for (int y = 0; y < im->height; y++)
            memcpy(plane + y * stride, im->rgb + y * im->width * 3, (size_t)im->width * 3);
        heif_encoder_set_lossy_quality(encoder, QUALITY);
        struct heif_writer writer = {.writer_api_version = 1, .write = keep_bytes};
        if (heif_context_encode_image(c, picture, encoder, NULL, NULL).code == 0)
            heif_context_write(c, &writer, &s);
        heif_image_release(picture);
        heif_encoder_release(encoder);
    }
    heif_context_free(c);
    return s;
}

struct str sample_encode(struct arena *a, enum image_type type, const struct image *im)
{
    switch (type) {
    case IMAGE_JPEG:
        return encode_jpeg(a, im);
    case IMAGE_PNG:
        return encode_png(a, im);
    case IMAGE_WEBP:
        return encode_webp(a, im);
    case IMAGE_HEIF: {
        leaks_of_x265(true);
        struct str s = encode_heif(a, im);
        leaks_of_x265(false);
        return s;
    }
    }
    return (struct str){"", 0};
}

/* APP1, length 34; "Exif"; TIFF header; one entry: tag 0x0112, SHORT, count 1, the value; no next.
 */
#define EXIF_HEAD                                                                                  \
    "\xff\xe1\x00\x22"                                                                             \
    "Exif\0\0"
#define TIFF_BIG "MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0?\0\0\0\0\0\0"
#define TIFF_LITTLE "II\x2a\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0?\0\0\0\0\0\0\0"

struct str sample_with_orientation(struct arena *a, struct str jpeg, int orientation, bool big)
{
    enum { SOI = 2, HEAD = sizeof EXIF_HEAD - 1, TIFF = sizeof TIFF_BIG - 1 };
    char *p = arena_alloc(a, jpeg.n + HEAD + TIFF);
    memcpy(p, jpeg.p, SOI);
    memcpy(p + SOI, EXIF_HEAD, HEAD);
    memcpy(p + SOI + HEAD, big ? TIFF_BIG : TIFF_LITTLE, TIFF);
    *(char *)memchr(p + SOI + HEAD, '?', TIFF) = (char)orientation;
    memcpy(p + SOI + HEAD + TIFF, jpeg.p + SOI, jpeg.n - SOI);
    return (struct str){p, jpeg.n + HEAD + TIFF};
}
