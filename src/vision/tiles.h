/* Tiles: finding small faces in big pictures, at full resolution and without doubles.
 *
 * The picture is looked at in levels: as it is, and shrunk to a quarter again and again until one
 * tile holds it. Each level is cut into overlapping tiles. A face up to TILE_OVERLAP pixels high
 * lies whole in some tile of its level; a bigger one is that small on a later level, still above
 * the detector's smallest face. What tiles and levels find twice is merged. Thread: any. */
#pragma once

#include "vision/internal.h"
#include "vision/resize.h"

enum { TILE_SIDE = 640, TILE_OVERLAP = 160, TILE_LEVEL_STEP = 4, TILE_FACES_MAX = 1000 };

/* How one level is cut: columns x rows tiles of one size, spread evenly. */
struct tiling {
    int width, height; /* of the level */
    int columns, rows;
    int tile_width, tile_height;
};

struct tiling tiling_of(int width, int height);
/* Tile i of columns * rows, row by row. */
struct image_area tiling_area(const struct tiling *t, int i);

/* A face on its way to the merge. */
struct tile_face {
    struct face face; /* in pixels of the picture */
    int tile;         /* counted over all levels */
    bool cut;         /* touches an edge of its tile inside the picture: perhaps half a face */
};

/* Merges in place: a face that another tile has too (intersection over union above iou_max, or
 * TILE_COMMON of the smaller one common) stays once: whole before cut, then the better score.
 * Returns how many stay, at the front, in that order. Cost n * n. */
#define TILE_COMMON .65f
int tiles_merge(struct tile_face *faces, int n, float iou_max);

/* Called between tiles; may be NULL. */
typedef void (*tile_tick_fn)(void *ctx);

/* All faces of im, at most TILE_FACES_MAX, in `a`; ret_run_us inside the model. CONTRAST_AUTO
 * detects dark tiles once more, and all when nothing was found at all. Errors NOMEM, UNAVAILABLE.
 * Cost: one detection of 640x640 for each 0.2 megapixels. */
NODISCARD enum err tiles_find(const struct vision *v, struct arena *a, const struct image *im,
                              tile_tick_fn tick, void *ctx, struct face **ret_faces, int *ret_n,
                              int64_t *ret_run_us, struct error *e);
