/* One picture's way through the pipeline of vision.h, over detector.c, align.c, quality.c and
 * batch.c and liveness.c.
 *
 * It allocates from the caller's arenas only: one picture and one detector input in `scratch`, the
 * faces where the batch keeps its tensors. Both may be one. Pictures over FULL_DECODE_PIXELS are
 * decoded smaller (long side still >= DECODE_LONG_SIDE, or the detector's if that is more): boxes
 * come back in full-size pixels, but the size test counts the pixels the encoder would get. Cost
 * beside the models: under 2 ms for one face at 640x480. */
#include "vision/internal.h"

#include "base/time.h"
#include "vision/augment.h"
#include "vision/image_codecs.h"
#include "vision/occlusion.h"
#include "vision/quality.h"

#include <math.h>

enum { FULL_DECODE_PIXELS = 2100000, DECODE_LONG_SIDE = 1600 };

/* Cuts one face, adding the time to align_us. */
static enum err cut(const struct crop_spec *spec, struct arena *a, const struct image *im,
                    const struct face *f, struct crop *crop, struct vision_timing *timing,
                    struct error *e)
{
    usec_t start = time_mono();
    enum err r = align_face(a, im, f, spec, crop, e);
    timing->align_us += time_mono() - start;
    return r;
}

enum err vision_embed(struct vision *v, struct arena *a, const struct image *im,
                      const struct face *faces, int n, float **ret_vec,
                      struct vision_timing *timing, struct error *e)
{
    struct vision_batch batch = {.v = v, .a = a};
    struct crop *crop = arena_alloc(a, sizeof *crop);
    float *vec = arena_array(a, (size_t)n * (size_t)vision_dim(v), sizeof *vec);
    if (!crop || !vec)
        return error_set(e, ERR_NOMEM, "no memory to embed %d faces", n);
    enum err r = batch_room(&batch, n, e);
    for (int i = 0; !r && i < n; i++) {
        r = cut(vision_crop(v), a, im, &faces[i], crop, timing, e);
        if (!r)
            batch_add(&batch, crop, vec + (size_t)i * (size_t)vision_dim(v), timing);
    }
    if (!r)
        r = vision_batch_end(&batch, e);
    if (!r)
        *ret_vec = vec;
    return r;
}

static float box_area(const struct face *f) { return f->box[2] * f->box[3]; }

/* Insertion sort: few faces, and equal areas keep the detector's order. */
static void sort_by_area(struct face *faces, int n)
{
    for (int i = 1; i < n; i++) {
        struct face f = faces[i];
        int k = i;
        for (; k > 0 && box_area(&faces[k - 1]) < box_area(&f); k--)
            faces[k] = faces[k - 1];
        faces[k] = f;
    }
}

/* Judges one face of a decoded picture and gives what can be embedded to the batch. */
static enum err describe_face(struct vision_batch *b, struct arena *scratch, const struct image *im,
                              const struct face *face, struct crop *crop,
                              struct vision_result *result, struct vision_face *out,
                              struct error *e)
{
    const struct vision *v = b->v;
    const struct crop_spec *judged = encoder_face_crop(v->detector.kind);
    enum err r = cut(judged, scratch, im, face, crop, &result->timing, e);
    if (r)
        return r;
    usec_t start = time_mono();
    struct face_quality q = quality_of(face, crop, face->box[2], v->min_face_px);
    bool covered = occlusion_of(face, crop, judged).covered;
    result->timing.align_us += time_mono() - start;
    *out = (struct vision_face){
        .face = *face, .flaw = q.flaw, .quality = q.quality, .covered = covered, .liveness = NAN};
    face_scale(&out->face, (float)result->width / (float)im->width,
               (float)result->height / (float)im->height);
    if (q.flaw != FACE_OK)
        return ERR_OK;
    if (vision_crop(v) != judged)
        r = cut(vision_crop(v), scratch, im, face, crop, &result->timing, e);
    float *vector = r ? NULL : arena_array(b->a, (size_t)vision_dim(v), sizeof *vector);
    if (!vector)
        return r ? r : error_set(e, ERR_NOMEM, "no memory for a vector");
    out->embedding = vector;
    batch_add(b, crop, vector, &result->timing);
    return ERR_OK;
}

static enum err describe_all(struct vision_batch *b, struct arena *scratch, const struct image *im,
                             const struct face *faces, struct vision_result *result,
                             struct error *e)
{
    struct crop *crop = arena_alloc(scratch, sizeof *crop);
    result->faces = arena_array(b->a, (size_t)result->n, sizeof *result->faces);
    if (!crop || !result->faces)
        return error_set(e, ERR_NOMEM, "no memory for %d faces", result->n);
    enum err r = batch_room(b, result->n, e);
    for (int i = 0; !r && i < result->n; i++)
        r = describe_face(b, scratch, im, &faces[i], crop, result, &result->faces[i], e);
    return r;
}

/* Measures the faces that are compared: the others lead to no mark anyway. faces are in pixels of
 * im, in the order of result->faces. */
static enum err judge_faces(struct vision *v, struct arena *a, const struct image *im,
                            const struct face *faces, struct vision_result *result, struct error *e)
{
    usec_t start = time_mono();
    int n = 0;
    struct face *usable = arena_array(a, (size_t)result->n, sizeof *usable);
    float *scores = arena_array(a, (size_t)result->n, sizeof *scores);
    if (!usable || !scores)
        return error_set(e, ERR_NOMEM, "no memory to judge %d faces", result->n);
    for (int i = 0; i < result->n; i++)
        if (result->faces[i].flaw == FACE_OK)
            usable[n++] = faces[i];
    enum err r = ERR_OK;
    if (n > 0)
        r = liveness_score(&v->liveness, a, im, usable, n, scores, &result->timing.liveness_run_us,
                           e);
    if (r)
        return r;
    for (int i = result->n - 1; i >= 0; i--)
        if (result->faces[i].flaw == FACE_OK)
            result->faces[i].liveness = scores[--n];
    result->timing.liveness_us = time_mono() - start;
    return ERR_OK;
}

enum err describe_faces(struct vision_batch *b, struct arena *scratch, const struct image *im,
                        struct face *faces, struct vision_result *result, struct error *e)
{
    sort_by_area(faces, result->n);
    enum err r = describe_all(b, scratch, im, faces, result, e);
    return r || !b->v->has_liveness ? r : judge_faces(b->v, scratch, im, faces, result, e);
}

static enum err decode(const struct vision *v, struct arena *a, struct str bytes,
                       int64_t max_pixels, struct vision_result *result, struct image *ret_image,
                       struct error *e)
{
    usec_t start = time_mono();
    struct image_header h;
    enum err r = image_probe(bytes, max_pixels, &h, e);
    if (r)
        return r;
    int want = v->long_side > DECODE_LONG_SIDE ? v->long_side : DECODE_LONG_SIDE, scale;
    if ((int64_t)h.width * h.height <= FULL_DECODE_PIXELS)
        want = 0;
    r = image_decode(a, bytes, max_pixels, want, ret_image, &scale, e);
    if (r)
        return r;
    result->width = h.width;
    result->height = h.height;
    result->image = *ret_image;
    result->timing.decode_us = time_mono() - start;
    return ERR_OK;
}

enum err vision_batch_add(struct vision_batch *b, struct arena *scratch, struct str bytes,
                          int64_t max_pixels, struct vision_result *ret_result, struct error *e)
{
    struct vision *v = b->v;
    struct vision_result *result = ret_result;
    struct image im;
    struct face *faces;
    *result = (struct vision_result){.width = 0};
    enum err r = decode(v, scratch, bytes, max_pixels, result, &im, e);
    if (r)
        return r;
    usec_t start = time_mono();
    r = vision_detect(v, scratch, &im, &faces, &result->n, &result->timing.detect_run_us, e);
    if (r)
        return r;
    result->timing.detect_us = time_mono() - start;
    return result->n > 0 ? describe_faces(b, scratch, &im, faces, result, e) : ERR_OK;
}

enum err vision_analyse(struct vision *v, struct arena *a, struct str bytes, int64_t max_pixels,
                        struct vision_result *ret_result, struct error *e)
{
    struct vision_batch batch = {.v = v, .a = a};
    struct vision_result result;
    enum err r = vision_batch_add(&batch, a, bytes, max_pixels, &result, e);
    if (!r)
        r = vision_batch_end(&batch, e);
    if (!r)
        *ret_result = result;
    return r;
}

static void add_normalised(const struct vision *v, const float *vectors, int n, float *ret_vec)
{
    double norm = 0;
    for (int i = 0; i < vision_dim(v); i++) {
        ret_vec[i] = 0;
        for (int k = 0; k < n; k++)
            ret_vec[i] += vectors[(size_t)k * (size_t)vision_dim(v) + (size_t)i];
        norm += (double)ret_vec[i] * (double)ret_vec[i];
    }
    for (int i = 0; i < vision_dim(v); i++)
        ret_vec[i] = (float)((double)ret_vec[i] / sqrt(norm > 0 ? norm : 1));
}

enum err vision_embed_augmented(struct vision *v, struct arena *a, struct str bytes,
                                int64_t max_pixels, const struct face *face, unsigned kinds,
                                float *ret_vec, struct error *e)
{
    struct augment_variant variants[AUGMENT_VARIANTS_MAX];
    int n = augment_variants(kinds, variants);
    size_t dim = (size_t)vision_dim(v);
    struct vision_result seen = {0};
    struct vision_batch batch = {.v = v, .a = a};
    struct image im;
    struct crop *crop = arena_alloc(a, sizeof *crop);
    float *vectors = arena_array(a, (size_t)(n + 1) * dim, sizeof *vectors);
    if (!crop || !vectors)
        return error_set(e, ERR_NOMEM, "no memory to augment a photo");
    enum err r = decode(v, a, bytes, max_pixels, &seen, &im, e);
    if (r == ERR_OK)
        r = batch_room(&batch, n + 1, e);
    for (int i = 0; r == ERR_OK && i <= n; i++) {
        struct face f = i ? augment_face(face, &variants[i - 1]) : *face;
        face_scale(&f, (float)im.width / (float)seen.width, (float)im.height / (float)seen.height);
        r = cut(vision_crop(v), a, &im, &f, crop, &seen.timing, e);
        if (r == ERR_OK && i)
            augment_crop(crop, &variants[i - 1]);
        if (r == ERR_OK)
            batch_add(&batch, crop, vectors + (size_t)i * dim, &seen.timing);
    }
    if (r == ERR_OK)
        r = vision_batch_end(&batch, e);
    if (r == ERR_OK)
        add_normalised(v, vectors, n + 1, ret_vec);
    return r;
}
