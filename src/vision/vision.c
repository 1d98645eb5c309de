/* The vision engine's life: what is loaded, warmed and asked for by name (vision.h); analyse.c is
 * the pipeline. Immutable after vision_open, so any number of workers share one engine. */
#include "vision/internal.h"

#include "base/mem.h"
#include "vision/image_codecs.h"

#include <stdio.h>

enum { WARM_BYTES_MAX = 256 * MIB, BATCH_LIMIT = 64 };

/* One detection and one embedding of a grey picture, so that the first frame is as fast as the
 * second. */
static enum err warm_up(struct vision *v, struct error *e)
{
    _cleanup_(arena_freep) struct arena *a = arena_new(WARM_BYTES_MAX);
    if (!a)
        return error_set(e, ERR_NOMEM, "no memory to warm the models");
    struct image im;
    enum err r = image_new(a, v->long_side, v->long_side * 3 / 4, &im, e);
    if (r)
        return r;
    struct face *faces, middle = {.box = {0, 0, 64, 64},
                                  .points = {{16, 24}, {48, 24}, {32, 36}, {20, 48}, {44, 48}}};
    float *vec;
    int n;
    int64_t run_us;
    struct vision_timing timing = {0};
    r = vision_detect(v, a, &im, &faces, &n, &run_us, e);
    if (!r)
        r = vision_embed(v, a, &im, &middle, 1, &vec, &timing, e);
    float score;
    if (!r && v->has_liveness)
        r = liveness_score(&v->liveness, a, &im, &middle, 1, &score, &run_us, e);
    return r;
}

static enum err check_options(const struct vision_options *o, struct error *e)
{
    if (o->detector_long_side < DETECTOR_STRIDE)
        return error_set(e, ERR_INVALID, "detector_long_side is %d, at least %d is needed",
                         o->detector_long_side, DETECTOR_STRIDE);
    if (o->mtcnn_min_face_px && o->mtcnn_min_face_px < DETECTOR_MTCNN_LEAST_PX)
        return error_set(e, ERR_INVALID, "mtcnn_min_face_px is %d, at least %d is needed",
                         o->mtcnn_min_face_px, DETECTOR_MTCNN_LEAST_PX);
    if (o->threads < 1 || o->batch_max < 1 || o->batch_max > BATCH_LIMIT)
        return error_set(e, ERR_INVALID, "vision needs threads >= 1 and batch_max 1..%d",
                         BATCH_LIMIT);
    return ERR_OK;
}

static enum err open_encoder(struct vision *v, const struct vision_options *o, struct error *e)
{
    struct device_facts facts;
    device_facts_read(o->models_dir, o->encoder, &facts);
    enum err r = device_choose(o->device, o->precision, &facts, &v->choice, e);
    const struct ort_target on = {.device = v->choice.device,
                                  .precision = v->choice.precision,
                                  .threads = o->threads,
                                  .callers = o->callers > 0 ? o->callers : 1,
                                  .cache_dir = o->models_dir};
    return r ? r : encoder_open(o->encoder, o->flip, o->models_dir, &on, &v->encoder, e);
}

static enum err open_models(struct vision *v, const struct vision_options *o, struct error *e)
{
    enum detector_kind kind;
    enum err r = detector_kind_of(o->detector, o->models_dir, &kind, e);
    if (!r)
        r = detector_open(kind, o->models_dir, o->threads, &v->detector, e);
    if (!r)
        r = open_encoder(v, o, e);
    if (!r && o->liveness)
        r = liveness_open(o->models_dir, o->threads, &v->liveness, e);
    if (r)
        return r;
    v->has_liveness = o->liveness;
    if (o->mtcnn_min_face_px)
        v->detector.min_face_px = o->mtcnn_min_face_px;
    if (!vision_crop(v)->preprocessing)
        return error_set(e, ERR_INVALID,
                         "the encoder %s is not fitted to the faces of the detector %s: choose "
                         "another detector, or encoder",
                         vision_encoder(v), vision_detector(v));
    snprintf(v->preprocessing, sizeof v->preprocessing, "%s%s", vision_crop(v)->preprocessing,
             o->flip ? "+flip" : "");
    return warm_up(v, e);
}

enum err vision_open(const struct vision_options *o, struct vision **ret_vision, struct error *e)
{
    enum err r = check_options(o, e);
    if (r)
        return r;
    struct vision *v = mem_alloc(sizeof *v);
    if (!v)
        return error_set(e, ERR_NOMEM, "no memory for the vision engine");
    v->min_confidence = (float)o->min_confidence;
    v->min_face_px = o->min_face_px;
    v->long_side = o->detector_long_side;
    v->batch_max = o->batch_max;
    r = contrast_of(o->contrast ? o->contrast : "off", &v->contrast, e);
    if (!r)
        r = open_models(v, o, e);
    if (r) {
        vision_close(v);
        return r;
    }
    *ret_vision = v;
    return ERR_OK;
}

void vision_close(struct vision *v)
{
    if (!v)
        return;
    detector_close(&v->detector);
    encoder_close(&v->encoder);
    liveness_close(&v->liveness);
    mem_free(v);
}

const char *vision_detector(const struct vision *v) { return v->detector.spec->name; }
const char *vision_encoder(const struct vision *v) { return v->encoder.spec->name; }
const char *vision_preprocessing(const struct vision *v) { return v->preprocessing; }
const char *vision_licence(const struct vision *v) { return v->encoder.licence; }
const char *vision_model_sha256(const struct vision *v) { return v->encoder.sha256; }
int vision_dim(const struct vision *v) { return v->encoder.spec->dim; }
const char *vision_device(const struct vision *v) { return device_name(v->choice.device); }
const char *vision_precision(const struct vision *v) { return precision_name(v->choice.precision); }
const char *vision_device_why(const struct vision *v) { return v->choice.why; }
