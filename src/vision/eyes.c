/* The openness of eyes: see eyes.h. The face is turned level and scaled until the eyes lie
 * EYE_DISTANCE apart; around each eye point a window is searched for columns of dark pixels. Called
 * by workers, for frames of a challenge alone. The limits were set on two clips of one person with
 * six blinks (bench/challenge_figures.py). */
#include "vision/eyes.h"

#include "vision/align.h"

#include <stdlib.h>

enum {
    EYE_DISTANCE = 64,     /* pixels of the crop between the eye points */
    EYE_Y = CROP_SIDE / 2, /* both eyes' row */
    WINDOW_X = 10,
    WINDOW_Y = 9, /* half the size of the window */
    WINDOW_W = 2 * WINDOW_X + 1,
    WINDOW_H = 2 * WINDOW_Y + 1,
    SKIN_X = 16,
    SKIN_H = 18, /* the skin: half the width, and the height below the eye */
    SKIN_PIXELS = (2 * SKIN_X + 1) * SKIN_H,
    COLUMNS = 7, /* the darkest ones count: about the iris */
};

static const float dark_share = .65f;     /* of the skin's luma */
static const float skin_percentile = .8f; /* brighter than lashes, darker than highlights */

#define LEFT_X ((CROP_SIDE - EYE_DISTANCE) / 2)
#define RIGHT_X (LEFT_X + EYE_DISTANCE)

/* Where the eyes go; the other three only complete the square. */
static const float template[FACE_POINTS][2] = {{LEFT_X, EYE_Y},
                                               {RIGHT_X, EYE_Y},
                                               {LEFT_X + EYE_DISTANCE / 2, EYE_Y + EYE_DISTANCE},
                                               {LEFT_X, EYE_Y + EYE_DISTANCE},
                                               {RIGHT_X, EYE_Y + EYE_DISTANCE}};

static float luma(const struct crop *c, int x, int y) /* ITU-R BT.601 */
{
    size_t at = (size_t)y * CROP_SIDE + (size_t)x;
    return .299f * c->planes[0][at] + .587f * c->planes[1][at] + .114f * c->planes[2][at];
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float skin_luma(const struct crop *c, int cx)
{
    float skin[SKIN_PIXELS];
    int n = 0;
    for (int y = EYE_Y; y < EYE_Y + SKIN_H; y++)
        for (int x = cx - SKIN_X; x <= cx + SKIN_X; x++)
            skin[n++] = luma(c, x, y);
    qsort(skin, SKIN_PIXELS, sizeof *skin, by_size);
    return skin[(int)(skin_percentile * (SKIN_PIXELS - 1))];
}

static float eye_open(const struct crop *c, int cx)
{
    float dark[WINDOW_W], sum = 0, limit = dark_share * skin_luma(c, cx);
    for (int i = 0; i < WINDOW_W; i++) {
        dark[i] = 0;
        for (int y = EYE_Y - WINDOW_Y; y <= EYE_Y + WINDOW_Y; y++)
            dark[i] += luma(c, cx - WINDOW_X + i, y) < limit ? 1.f / WINDOW_H : 0;
    }
    qsort(dark, WINDOW_W, sizeof *dark, by_size);
    for (int i = WINDOW_W - COLUMNS; i < WINDOW_W; i++)
        sum += dark[i] / COLUMNS;
    return sum;
}

enum err eyes_open(struct arena *a, const struct image *im, const struct face *f, float *ret_open,
                   struct error *e)
{
    static const struct crop_spec spec = {
        .preprocessing = "eyes", .side = CROP_SIDE, .points = template};
    struct crop *crop = arena_alloc(a, sizeof *crop);
    if (!crop)
        return error_set(e, ERR_NOMEM, "no memory for the eyes");
    struct face level = *f; /* the eyes alone say how the face is turned: the square below them */
    float dx = f->points[1][0] - f->points[0][0], dy = f->points[1][1] - f->points[0][1];
    for (int i = 2; i < FACE_POINTS; i++) {
        float along = (template[i][0] - LEFT_X) / EYE_DISTANCE;
        level.points[i][0] = f->points[0][0] + along * dx - dy;
        level.points[i][1] = f->points[0][1] + along * dy + dx;
    }
    enum err r = align_face(a, im, &level, &spec, crop, e);
    if (!r)
        *ret_open = (eye_open(crop, LEFT_X) + eye_open(crop, RIGHT_X)) / 2;
    return r;
}
