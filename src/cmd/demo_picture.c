/* A picture without a face: bands of colour and a few rings, so that a detector has edges to look
 * at. Cost: one JPEG of 640x480. Any thread. */
#include "cmd/demo_picture.h"

#include <math.h>
#include <turbojpeg.h>

enum { WIDTH = 640, HEIGHT = 480, QUALITY = 90 };

static uint8_t level(double value) { return (uint8_t)(127.5 + 127.5 * value); }

enum err demo_picture_without_face(struct arena *a, struct str *ret_jpeg, struct error *e)
{
    uint8_t *rgb = arena_array(a, (size_t)WIDTH * HEIGHT, 3);
    unsigned long size = tjBufSize(WIDTH, HEIGHT, TJSAMP_420);
    uint8_t *jpeg = arena_alloc(a, size);
    tjhandle codec = tjInitCompress();
    if (!rgb || !jpeg || !codec) {
        if (codec)
            tjDestroy(codec);
        return error_set(e, ERR_NOMEM, "out of memory");
    }
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *p = rgb + ((size_t)y * WIDTH + (size_t)x) * 3;
            double ring = hypot(x - 460.0, y - 150.0) / 14.0;
            p[0] = level(sin(x / 40.0));
            p[1] = level(0.6 * sin(ring) + 0.4 * cos(y / 25.0));
            p[2] = level(cos((x + y) / 60.0));
        }
    }
    int r = tjCompress2(codec, rgb, WIDTH, WIDTH * 3, HEIGHT, TJPF_RGB, &jpeg, &size, TJSAMP_420,
                        QUALITY, TJFLAG_NOREALLOC);
    tjDestroy(codec);
    if (r != 0)
        return error_set(e, ERR_INTERNAL, "cannot write a JPEG");
    *ret_jpeg = (struct str){(const char *)jpeg, size};
    return ERR_OK;
}
