/* The vision engine: encoded picture in, faces with embeddings out.
 *
 *     decode -> shrink -> contrast -> detect -> filter (confidence, size) -> quality -> align ->
 *     liveness (where asked for) -> embed (batched)
 *
 * One engine per process, shared by all worker threads: a model is one ONNX Runtime session and its
 * Run is thread-safe. Everything a call allocates comes from its arena; pixels are wiped with it.
 * Model files are verified against the lock (vision/model_lock.h) when the engine opens.
 * Thread: vision_open/close one; the rest any. */
#pragma once

#include "vision/contrast.h"
#include "vision/face.h"
#include "vision/image.h"

enum detector_kind { DETECTOR_YUNET, DETECTOR_RETINAFACE, DETECTOR_MTCNN };
enum { DETECTOR_KIND_N = DETECTOR_MTCNN + 1 };

struct vision_options {
    const char *models_dir; /* folder of NAME.onnx files */
    const char *detector;   /* auto | yunet | retinaface | mtcnn */
    const char *encoder;    /* facenet128 | facenet512 | dlib128 | omz0095 | sface | onnx:FILE */
    bool flip;              /* embed each face with its mirror image, see encoder.h */
    double min_confidence;  /* faces below are not reported */
    int min_face_px;        /* narrower faces are FACE_TOO_SMALL */
    int detector_long_side; /* pixels; the picture is shrunk to it for detection */
    const char *contrast;   /* off | clahe | auto: of what the detector sees; NULL: off */
    int mtcnn_min_face_px;  /* smallest face MTCNN looks for, pixels of that; 0: 20 */
    int threads;            /* ONNX Runtime intra-op threads per run; 1 is right on CPUs */
    int batch_max;          /* faces embedded in one run */
    const char *device;     /* of the encoder, see vision/device.h; NULL: cpu */
    const char *precision;  /* of the encoder, see vision/device.h; NULL: fp32 */
    int callers;            /* threads that will use the engine at once; 0: 1 */
    bool liveness;          /* load the liveness models and measure every usable face */
};

/* Microseconds of wall clock per stage of one call. */
struct vision_timing {
    int64_t decode_us, detect_us, align_us, embed_us, liveness_us;
    int64_t detect_run_us, embed_run_us, liveness_run_us; /* inside the models' Run alone */
};

struct vision_face {
    struct face face;       /* in pixels of the upright full-size picture */
    enum face_flaw flaw;    /* FACE_OK: embedded */
    float quality;          /* 0..1, 1 best; what enrolment and evidence show */
    float liveness;         /* 0..1, 1 real; NAN: not measured (no models asked for, or flawed) */
    bool covered;           /* mouth and chin are covered (occlusion.h); compared all the same */
    const float *embedding; /* [dim], L2 norm 1, in the call's arena; NULL when flawed */
};

struct vision_result {
    int width, height; /* of the upright full-size picture */
    struct vision_face *faces;
    int n;
    struct vision_timing timing;
    struct image image; /* as decoded, perhaps smaller; its pixels last as long as the scratch */
};

struct vision;

/* Loads and warms the models. Errors NOT_FOUND (model file missing: names it and the remedy),
 * CORRUPT (hash differs from the lock), INVALID (unknown name; an encoder that is not fitted to the
 * detector), UNAVAILABLE (ONNX Runtime). */
NODISCARD enum err vision_open(const struct vision_options *o, struct vision **ret_vision,
                               struct error *e);
void vision_close(struct vision *v);

/* What was chosen: "yunet"; "facenet128", "onnx:NAME"; "rot115x105w", with flip
 * "rot115x105w+flip"; 128. Valid until close. */
const char *vision_detector(const struct vision *v);
const char *vision_encoder(const struct vision *v);
const char *vision_preprocessing(const struct vision *v);
const char *vision_model_sha256(const struct vision *v); /* the encoder's file */
const char *vision_licence(const struct vision *v);      /* of the encoder's weights */
int vision_dim(const struct vision *v);
/* What the encoder runs on: "openvino", "bf16", and one sentence why. Valid until close. */
const char *vision_device(const struct vision *v);
const char *vision_precision(const struct vision *v);
const char *vision_device_why(const struct vision *v);

/* Finds and embeds every face of an encoded picture; faces in order of falling box area.
 * Errors of image_decode; UNAVAILABLE (inference failed). Cost: see `rollcall bench`. */
NODISCARD enum err vision_analyse(struct vision *v, struct arena *a, struct str bytes,
                                  int64_t max_pixels, struct vision_result *ret_result,
                                  struct error *e);

/* Called now and then by a long call, so that its caller can say that it is still at work. */
struct vision_tick {
    void (*fn)(void *ctx);
    void *ctx;
};

/* The same for a still of many people, looked at in full resolution (tiles.h): faces of 20 pixels
 * are found in 50 megapixels, each once. tick may be NULL. Pixels are gone when it returns. Cost:
 * seconds, one detection of 640x640 for each 0.2 megapixels; at most 1,000 faces. */
NODISCARD enum err vision_analyse_still(struct vision *v, struct arena *a, struct str bytes,
                                        int64_t max_pixels, const struct vision_tick *tick,
                                        struct vision_result *ret_result, struct error *e);

/* Several pictures whose faces share the encoder's runs: new, add for each picture, end. The batch
 * and the results live in `a`; scratch holds the picture and may be reset between two calls.
 * Thread: one at a time.
 *
 * add writes ret_result, also when it fails (then it is of no use), and leaves the other pictures
 * alone; it must stay where it is until end has filled in its embeddings and embed times. Errors of
 * vision_analyse for this picture.
 * end: UNAVAILABLE when a run failed: no embedding of the batch is valid then. */
struct vision_batch;
NODISCARD enum err vision_batch_new(struct vision *v, struct arena *a,
                                    struct vision_batch **ret_batch, struct error *e);
NODISCARD enum err vision_batch_add(struct vision_batch *b, struct arena *scratch, struct str bytes,
                                    int64_t max_pixels, struct vision_result *ret_result,
                                    struct error *e);
NODISCARD enum err vision_batch_end(struct vision_batch *b, struct error *e);

/* Embeds the face of a photo once more, as the mean over the photo and its augmented pictures
 * (augment.h); face as vision_analyse gave it, in full-size pixels. kinds 0: the photo alone.
 * ret_vec [dim], L2 norm 1. Errors of vision_analyse. Cost: a decode and a face for each picture.
 */
NODISCARD enum err vision_embed_augmented(struct vision *v, struct arena *a, struct str bytes,
                                          int64_t max_pixels, const struct face *face,
                                          unsigned kinds, float *ret_vec, struct error *e);

/* The steps on their own, for golden tests and bench. faces are in pixels of `im`. */
NODISCARD enum err vision_detect(struct vision *v, struct arena *a, const struct image *im,
                                 struct face **ret_faces, int *ret_n, int64_t *ret_run_us,
                                 struct error *e);
/* The same with another contrast than the engine was opened with: to compare them. */
NODISCARD enum err vision_detect_as(struct vision *v, struct arena *a, const struct image *im,
                                    enum contrast contrast, struct face **ret_faces, int *ret_n,
                                    int64_t *ret_run_us, struct error *e);
/* ret_vec [n][dim], L2 norm 1. */
NODISCARD enum err vision_embed(struct vision *v, struct arena *a, const struct image *im,
                                const struct face *faces, int n, float **ret_vec,
                                struct vision_timing *timing, struct error *e);
