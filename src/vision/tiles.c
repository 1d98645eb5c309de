/* Tiles: see tiles.h.
 *
 * Memory: the shrunk levels (1/15 of the picture) in the caller's arena, one tile at a time with
 * its detection in an arena of its own that is emptied for each, a bounded list of candidates.
 * Called by still.c on worker threads. */
#include "vision/tiles.h"

#include "vision/find.h"
#include "vision/nms.h"

enum { CANDIDATES_MAX = 4096, TILE_ARENA = 256 * MIB, CUT_PX = 4 };

/* Tiles needed along one side, and what they measure there. */
static int count_along(int size, int *ret_tile)
{
    const int stride = TILE_SIDE - TILE_OVERLAP;
    *ret_tile = size < TILE_SIDE ? size : TILE_SIDE;
    return size <= TILE_SIDE ? 1 : (size - TILE_OVERLAP + stride - 1) / stride;
}

struct tiling tiling_of(int width, int height)
{
    struct tiling t = {.width = width, .height = height};
    t.columns = count_along(width, &t.tile_width);
    t.rows = count_along(height, &t.tile_height);
    return t;
}

static int begin_of(int i, int n, int size, int tile)
{
    return n > 1 ? (int)((int64_t)i * (size - tile) / (n - 1)) : 0;
}

struct image_area tiling_area(const struct tiling *t, int i)
{
    return (struct image_area){
        .x = begin_of(i % t->columns, t->columns, t->width, t->tile_width),
        .y = begin_of(i / t->columns, t->rows, t->height, t->tile_height),
        .width = t->tile_width,
        .height = t->tile_height,
    };
}

static bool is_better(const struct tile_face *a, const struct tile_face *b)
{
    return a->cut != b->cut ? b->cut : a->face.score > b->face.score;
}

static bool is_same(const struct tile_face *a, const struct tile_face *b, float iou_max)
{
    return a->tile != b->tile && (box_iou(a->face.box, b->face.box) > iou_max ||
                                  box_common(a->face.box, b->face.box) > TILE_COMMON);
}

int tiles_merge(struct tile_face *faces, int n, float iou_max)
{
    int kept = 0;
    while (kept < n) {
        int best = kept;
        for (int i = kept + 1; i < n; i++)
            if (is_better(&faces[i], &faces[best]))
                best = i;
        struct tile_face f = faces[best];
        memmove(&faces[kept + 1], &faces[kept], (size_t)(best - kept) * sizeof *faces);
        faces[kept++] = f;
        int to = kept;
        for (int i = kept; i < n; i++)
            if (!is_same(&f, &faces[i], iou_max))
                faces[to++] = faces[i];
        n = to;
    }
    return kept;
}

struct search {
    const struct vision *v;
    const struct image *picture;
    struct arena *tile_arena;
    tile_tick_fn tick;
    void *ctx;
    struct tile_face *found; /* [CANDIDATES_MAX] */
    int n, tiles;
    int64_t run_us;
};

/* Copies one tile, since detectors take whole pictures. */
static enum err copy_tile(struct arena *a, const struct image *level, struct image_area area,
                          struct image *ret_tile, struct error *e)
{
    size_t row = (size_t)area.width * 3, stride = (size_t)level->width * 3;
    struct image tile = {.width = area.width, .height = area.height};
    tile.rgb = arena_array(a, (size_t)area.height, row);
    if (!tile.rgb)
        return error_set(e, ERR_NOMEM, "no memory for a tile of %dx%d", area.width, area.height);
    for (int y = 0; y < area.height; y++)
        memcpy(tile.rgb + (size_t)y * row,
               level->rgb + (size_t)(area.y + y) * stride + (size_t)area.x * 3, row);
    *ret_tile = tile;
    return ERR_OK;
}

/* The box crosses, or nearly, an edge of the tile that is none of the level. */
static bool is_cut(const struct face *f, struct image_area area, const struct tiling *t)
{
    float right = f->box[0] + f->box[2], bottom = f->box[1] + f->box[3];
    return (area.x > 0 && f->box[0] < CUT_PX) || (area.y > 0 && f->box[1] < CUT_PX) ||
           (area.x + area.width < t->width && right > (float)(area.width - CUT_PX)) ||
           (area.y + area.height < t->height && bottom > (float)(area.height - CUT_PX));
}

static void move_face(struct face *f, float x, float y)
{
    f->box[0] += x;
    f->box[1] += y;
    for (int p = 0; p < FACE_POINTS; p++) {
        f->points[p][0] += x;
        f->points[p][1] += y;
    }
}

/* Takes over what one tile of a level has; sx, sy: from the level to the picture. */
static void keep_found(struct search *s, const struct findings *found, struct image_area area,
                       const struct tiling *t, float sx, float sy)
{
    if (s->n + found->n > CANDIDATES_MAX)
        s->n = tiles_merge(s->found, s->n, s->v->detector.spec->nms_iou);
    for (int i = 0; i < found->n && s->n < CANDIDATES_MAX; i++) {
        struct tile_face *to = &s->found[s->n++];
        *to = (struct tile_face){.face = found->faces[i], .tile = s->tiles};
        to->cut = is_cut(&to->face, area, t);
        move_face(&to->face, (float)area.x, (float)area.y);
        face_scale(&to->face, sx, sy);
    }
    s->run_us += found->run_us;
}

static enum err search_level(struct search *s, const struct image *level, enum contrast contrast,
                             struct error *e)
{
    struct tiling t = tiling_of(level->width, level->height);
    float sx = (float)s->picture->width / (float)level->width;
    float sy = (float)s->picture->height / (float)level->height;
    enum err r = ERR_OK;
    for (int i = 0; !r && i < t.columns * t.rows; i++, s->tiles++) {
        struct image_area area = tiling_area(&t, i);
        struct image tile;
        struct findings found;
        arena_reset(s->tile_arena);
        r = copy_tile(s->tile_arena, level, area, &tile, e);
        if (!r)
            r = find_faces(s->v, s->tile_arena, &tile, TILE_SIDE, contrast, false, &found, e);
        if (!r)
            keep_found(s, &found, area, &t, sx, sy);
        if (s->tick)
            s->tick(s->ctx);
    }
    return r;
}

static int longest_of(const struct image *im)
{
    return im->width > im->height ? im->width : im->height;
}

static enum err search_all(struct search *s, struct arena *a, enum contrast contrast,
                           struct error *e)
{
    struct image level = *s->picture;
    enum err r = search_level(s, &level, contrast, e);
    while (!r && longest_of(&level) > TILE_SIDE) {
        struct image smaller;
        float factor;
        int side = (longest_of(&level) + TILE_LEVEL_STEP - 1) / TILE_LEVEL_STEP;
        r = image_shrink(a, &level, side, &smaller, &factor, e);
        level = r ? level : smaller;
        if (!r)
            r = search_level(s, &level, contrast, e);
    }
    s->n = tiles_merge(s->found, s->n, s->v->detector.spec->nms_iou);
    return r;
}

enum err tiles_find(const struct vision *v, struct arena *a, const struct image *im,
                    tile_tick_fn tick, void *ctx, struct face **ret_faces, int *ret_n,
                    int64_t *ret_run_us, struct error *e)
{
    _cleanup_(arena_freep) struct arena *tile_arena = arena_new(TILE_ARENA);
    struct search s = {.v = v, .picture = im, .tile_arena = tile_arena, .tick = tick, .ctx = ctx};
    s.found = arena_array(a, CANDIDATES_MAX, sizeof *s.found);
    struct face *faces = arena_array(a, TILE_FACES_MAX, sizeof *faces);
    if (!tile_arena || !s.found || !faces)
        return error_set(e, ERR_NOMEM, "no memory to look at a picture in tiles");
    enum err r = search_all(&s, a, v->contrast, e);
    if (!r && s.n == 0 && v->contrast == CONTRAST_AUTO)
        r = search_all(&s, a, CONTRAST_CLAHE, e);
    if (r)
        return r;
    *ret_n = s.n < TILE_FACES_MAX ? s.n : TILE_FACES_MAX;
    for (int i = 0; i < *ret_n; i++)
        faces[i] = s.found[i].face;
    *ret_faces = faces;
    *ret_run_us = s.run_us;
    return ERR_OK;
}
