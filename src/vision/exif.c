/* EXIF orientation: finds the EXIF segment of a JPEG, lets libexif read it, and turns pixels.
 *
 * A picture without the segment (every webcam frame) costs a walk over a few markers. Stateless. */
#include "vision/image_codecs.h"

#include <libexif/exif-data.h>

enum { MARKER_SOI = 0xd8, MARKER_SOS = 0xda, MARKER_APP1 = 0xe1 };
enum { ORIENTATION_LAST = 8 };
enum { SEGMENT_HEADER = 4 }; /* ff, marker, two bytes of length */

/* The APP1 segment that starts with "Exif", or an empty str. Segments: ITU-T T.81, B.1.1.4. */
static struct str find_segment(struct str jpeg)
{
    const uint8_t *p = (const uint8_t *)jpeg.p;
    size_t at = 2;
    while (at + SEGMENT_HEADER <= jpeg.n && p[at] == 0xff && p[at + 1] != MARKER_SOS) {
        if (p[at + 1] == 0xff) { /* fill byte */
            at++;
            continue;
        }
        size_t length = ((size_t)p[at + 2] << 8) + p[at + 3];
        if (length < 2 || length > jpeg.n - at - 2)
            break;
        struct str body = {jpeg.p + at + SEGMENT_HEADER, length - 2};
        if (p[at + 1] == MARKER_APP1 && str_starts(body, STR("Exif\0\0")))
            return body;
        at += 2 + length;
    }
    return (struct str){"", 0};
}

int exif_orientation(struct str jpeg)
{
    struct str segment = find_segment(jpeg);
    if (segment.n == 0)
        return 1;
    ExifData *data = exif_data_new_from_data((const unsigned char *)segment.p, (unsigned)segment.n);
    if (!data)
        return 1;
    int orientation = 1;
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2)
        orientation = exif_get_short(entry->data, exif_data_get_byte_order(data));
    exif_data_unref(data);
    return orientation >= 1 && orientation <= ORIENTATION_LAST ? orientation : 1;
}

/* How upright x and y walk through the stored pixels. */
static const struct {
    bool swap, flip_x, flip_y; /* rows are columns; from the stored right; from the stored bottom */
} turns[ORIENTATION_LAST + 1] = {
    [2] = {.flip_x = true},
    [3] = {.flip_x = true, .flip_y = true},
    [4] = {.flip_y = true},
    [5] = {.swap = true},
    [6] = {.swap = true, .flip_y = true},
    [7] = {.swap = true, .flip_x = true, .flip_y = true},
    [8] = {.swap = true, .flip_x = true},
};

enum err image_orient(struct arena *a, const struct image *src, int orientation,
                      struct image *ret_image, struct error *e)
{
    if (orientation == 1) {
        *ret_image = *src;
        return ERR_OK;
    }
    bool swap = turns[orientation].swap;
    struct image out;
    enum err r =
        image_new(a, swap ? src->height : src->width, swap ? src->width : src->height, &out, e);
    if (r)
        return r;
    ptrdiff_t pixel = 3, row = (ptrdiff_t)src->width * 3;
    const uint8_t *first = src->rgb + (turns[orientation].flip_x ? (src->width - 1) * pixel : 0) +
                           (turns[orientation].flip_y ? (src->height - 1) * row : 0);
    ptrdiff_t along_x = turns[orientation].flip_x ? -pixel : pixel;
    ptrdiff_t along_y = turns[orientation].flip_y ? -row : row;
    ptrdiff_t next = swap ? along_y : along_x, next_row = swap ? along_x : along_y;
    uint8_t *to = out.rgb;
    for (int y = 0; y < out.height; y++) {
        const uint8_t *from = first + y * next_row;
        for (int x = 0; x < out.width; x++, from += next, to += 3) {
            to[0] = from[0];
            to[1] = from[1];
            to[2] = from[2];
        }
    }
    *ret_image = out;
    return ERR_OK;
}
