/* One call's way through the pipeline of vision.h, over detector.c, align.c, quality.c and
 * encoder.c.
 *
 * Per call it allocates from the caller's arena only: one picture, one detector input, one tensor
 * per face of a batch. Pictures over FULL_DECODE_PIXELS are decoded smaller (long side still >=
 * DECODE_LONG_SIDE, or the detector's if that is more): boxes come back in full-size pixels, but
 * the size test counts the pixels the encoder would get. Cost beside the models: under 2 ms for one
 * face at 640x480. */
#include "vision/internal.h"

#include "base/time.h"
#include "vision/image_codecs.h"
#include "vision/quality.h"

enum { FULL_DECODE_PIXELS = 2100000, DECODE_LONG_SIDE = 1600 };

enum err vision_detect(struct vision *v, struct arena *a, const struct image *im,
                       struct face **ret_faces, int *ret_n, int64_t *ret_run_us, struct error *e)
{
    return detector_find(&v->detector, a, im, v->long_side, v->min_confidence, ret_faces, ret_n,
                         ret_run_us, e);
}

/* Collects tensors and embeds them when batch_max are there. */
struct batch {
    struct vision *v;
    float *tensors; /* [capacity][3][side][side] */
    float *vectors; /* [all][dim]; the waiting ones begin at `done` */
    int capacity, waiting, done;
    struct vision_timing *timing;
};

static size_t tensor_of(const struct vision *v) { return encoder_tensor(v->encoder.spec); }

static enum err batch_init(struct batch *b, struct vision *v, struct arena *a, int n,
                           struct vision_timing *timing, struct error *e)
{
    *b = (struct batch){.v = v, .timing = timing};
    b->capacity = n < v->batch_max ? n : v->batch_max;
    b->tensors = arena_array(a, (size_t)b->capacity * tensor_of(v), sizeof *b->tensors);
    b->vectors = arena_array(a, (size_t)n * (size_t)vision_dim(v), sizeof *b->vectors);
    if (!b->tensors || !b->vectors)
        return error_set(e, ERR_NOMEM, "no memory to embed %d faces", n);
    return ERR_OK;
}

static enum err batch_flush(struct batch *b, struct error *e)
{
    if (b->waiting == 0)
        return ERR_OK;
    usec_t start = time_mono();
    int64_t run_us = 0;
    float *to = b->vectors + (size_t)b->done * (size_t)vision_dim(b->v);
    enum err r = encoder_run(&b->v->encoder, b->tensors, b->waiting, to, &run_us, e);
    if (r)
        return r;
    b->done += b->waiting;
    b->waiting = 0;
    b->timing->embed_us += time_mono() - start;
    b->timing->embed_run_us += run_us;
    return ERR_OK;
}

/* ret_vector is filled by a flush. */
static enum err batch_add(struct batch *b, const struct crop *c, float **ret_vector,
                          struct error *e)
{
    usec_t start = time_mono();
    const struct encoder_spec *spec = b->v->encoder.spec;
    crop_to_tensor(c, spec->scaling, spec->colour,
                   b->tensors + (size_t)b->waiting * tensor_of(b->v));
    *ret_vector = b->vectors + (size_t)(b->done + b->waiting) * (size_t)vision_dim(b->v);
    b->waiting++;
    b->timing->align_us += time_mono() - start;
    return b->waiting == b->capacity ? batch_flush(b, e) : ERR_OK;
}

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
    struct batch batch;
    struct crop *crop = arena_alloc(a, sizeof *crop);
    if (!crop)
        return error_set(e, ERR_NOMEM, "no memory for a face");
    enum err r = batch_init(&batch, v, a, n, timing, e);
    for (int i = 0; !r && i < n; i++) {
        float *vector;
        r = cut(vision_crop(v), a, im, &faces[i], crop, timing, e);
        if (!r)
            r = batch_add(&batch, crop, &vector, e);
    }
    if (!r)
        r = batch_flush(&batch, e);
    if (!r)
        *ret_vec = batch.vectors;
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

static void to_full_size(struct face *f, float sx, float sy)
{
    for (int i = 0; i < 4; i++)
        f->box[i] *= i % 2 ? sy : sx;
    for (int p = 0; p < FACE_POINTS; p++) {
        f->points[p][0] *= sx;
        f->points[p][1] *= sy;
    }
}

/* Judges and embeds the faces of a decoded picture into result->faces. */
static enum err describe_faces(struct vision *v, struct arena *a, const struct image *im,
                               const struct face *faces, struct vision_result *result,
                               struct error *e)
{
    struct batch batch;
    const struct crop_spec *judged = encoder_face_crop(v->detector.kind);
    struct crop *crop = arena_alloc(a, sizeof *crop);
    result->faces = arena_array(a, (size_t)result->n, sizeof *result->faces);
    if (!crop || !result->faces)
        return error_set(e, ERR_NOMEM, "no memory for %d faces", result->n);
    enum err r = batch_init(&batch, v, a, result->n, &result->timing, e);
    for (int i = 0; !r && i < result->n; i++) {
        struct vision_face *out = &result->faces[i];
        r = cut(judged, a, im, &faces[i], crop, &result->timing, e);
        if (r)
            return r;
        usec_t start = time_mono();
        struct face_quality q = quality_of(&faces[i], crop, faces[i].box[2], v->min_face_px);
        result->timing.align_us += time_mono() - start;
        *out = (struct vision_face){.face = faces[i], .flaw = q.flaw, .quality = q.quality};
        to_full_size(&out->face, (float)result->width / (float)im->width,
                     (float)result->height / (float)im->height);
        float *vector = NULL;
        if (q.flaw == FACE_OK && vision_crop(v) != judged)
            r = cut(vision_crop(v), a, im, &faces[i], crop, &result->timing, e);
        if (!r && q.flaw == FACE_OK)
            r = batch_add(&batch, crop, &vector, e);
        out->embedding = vector;
    }
    return r ? r : batch_flush(&batch, e);
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
    result->timing.decode_us = time_mono() - start;
    return ERR_OK;
}

enum err vision_analyse(struct vision *v, struct arena *a, struct str bytes, int64_t max_pixels,
                        struct vision_result *ret_result, struct error *e)
{
    struct vision_result result = {0};
    struct image im;
    enum err r = decode(v, a, bytes, max_pixels, &result, &im, e);
    if (r)
        return r;
    usec_t start = time_mono();
    struct face *faces;
    r = vision_detect(v, a, &im, &faces, &result.n, &result.timing.detect_run_us, e);
    if (r)
        return r;
    result.timing.detect_us = time_mono() - start;
    sort_by_area(faces, result.n);
    if (result.n > 0)
        r = describe_faces(v, a, &im, faces, &result, e);
    if (!r)
        *ret_result = result;
    return r;
}
