/* Face quality: see quality.h. Pure arithmetic on the aligned crop and the five points.
 *
 * Sharpness is the variance of the Laplacian (Pech-Pacheco et al., "Diatom autofocusing in
 * brightfield microscopy", 2000) at half the crop's size, so that a small sharp face is not called
 * blurred, and divided by the variance of the luma, so that a flat light is not either. The limits
 * were set on 3,200 LFW photographs (faces 94 pixels wide), of which .2 % are refused; blurred with
 * a Gaussian of sigma 2, 3, 4 and 6 pixels, none, a third, most and all are. Called by workers,
 * once a face. */
#include "vision/quality.h"

#include <math.h>

enum { HALF = CROP_SIDE / 2, HALF_PIXELS = HALF * HALF };

static const float sharpness_min = .005f, sharpness_good = .03f;
static const float luma_min = 25, luma_max = 235, luma_margin = 35; /* of 255 */
static const float yaw_max = 65, pitch_max = 50, roll_max = 75;     /* degrees */
static const float width_good = 100;                                /* pixels */

/* A nose tip stands out of the eyes' plane by about .55 eye distances; .5 of eyes to mouth. */
static const float nose_depth_x = .55f, nose_depth_y = .5f, nose_level = .56f;

static float degrees(float radians) { return radians * 57.29578f; }

struct face_pose face_pose_of(const struct face *f)
{
    float dx = f->points[1][0] - f->points[0][0], dy = f->points[1][1] - f->points[0][1];
    float eyes = hypotf(dx, dy);
    struct face_pose pose = {.roll = degrees(atan2f(dy, dx))};
    if (!(eyes > 0)) {
        pose.yaw = 90;
        return pose;
    }
    float c = dx / eyes, s = dy / eyes;
    float mx = (f->points[0][0] + f->points[1][0]) / 2,
          my = (f->points[0][1] + f->points[1][1]) / 2;
    float nose_dx = f->points[2][0] - mx, nose_dy = f->points[2][1] - my;
    float mouth_dx = (f->points[3][0] + f->points[4][0]) / 2 - mx;
    float mouth_dy = (f->points[3][1] + f->points[4][1]) / 2 - my;
    float nose_x = c * nose_dx + s * nose_dy, nose_y = c * nose_dy - s * nose_dx;
    float mouth_x = c * mouth_dx + s * mouth_dy, mouth_y = c * mouth_dy - s * mouth_dx;
    float off = nose_x - mouth_x / 2; /* the middle of the face runs from the eyes to the mouth */
    pose.yaw = degrees(atan2f(off, nose_depth_x * eyes));
    if (mouth_y > 0)
        pose.pitch = degrees(atanf((nose_y / mouth_y - nose_level) / nose_depth_y));
    else
        pose.pitch = 90;
    return pose;
}

/* ITU-R BT.601 luma of 2 x 2 blocks, 0..255. */
static void half_luma(const struct crop *c, float luma[HALF_PIXELS])
{
    static const float weights[3] = {.299f / 4, .587f / 4, .114f / 4};
    for (int p = 0; p < 3; p++) {
        for (int y = 0; y < HALF; y++) {
            const uint8_t *row = c->planes[p] + (size_t)y * 2 * CROP_SIDE;
            float *out = luma + (size_t)y * HALF;
            for (int x = 0; x < HALF; x++) {
                int sum = row[2 * x] + row[2 * x + 1] + row[2 * x + CROP_SIDE] +
                          row[2 * x + 1 + CROP_SIDE];
                out[x] = (p ? out[x] : 0) + weights[p] * (float)sum;
            }
        }
    }
}

static float variance(const float *v, size_t n, float *ret_mean)
{
    float mean = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        mean += v[i];
    mean /= (float)n;
    for (size_t i = 0; i < n; i++)
        squares += (v[i] - mean) * (v[i] - mean);
    *ret_mean = mean;
    return squares / (float)n;
}

static void measure_light(const struct crop *c, float *ret_luma, float *ret_sharpness)
{
    enum { INNER = HALF - 2 };
    float luma[HALF_PIXELS], laplacian[INNER * INNER], unused;
    half_luma(c, luma);
    for (int y = 0; y < INNER; y++) {
        const float *row = luma + (size_t)(y + 1) * HALF + 1;
        for (int x = 0; x < INNER; x++)
            laplacian[y * INNER + x] =
                4 * row[x] - row[x - 1] - row[x + 1] - row[x - HALF] - row[x + HALF];
    }
    float contrast = variance(luma, HALF_PIXELS, ret_luma);
    *ret_sharpness = variance(laplacian, INNER * INNER, &unused) / (contrast > 1 ? contrast : 1);
}

static enum face_flaw find_flaw(const struct face_quality *q, float width_px, int min_face_px)
{
    if (width_px < (float)min_face_px)
        return FACE_TOO_SMALL;
    if (q->luma < luma_min)
        return FACE_TOO_DARK;
    if (q->luma > luma_max)
        return FACE_TOO_BRIGHT;
    if (fabsf(q->pose.yaw) > yaw_max || fabsf(q->pose.pitch) > pitch_max ||
        fabsf(q->pose.roll) > roll_max)
        return FACE_POSE;
    if (q->sharpness < sharpness_min)
        return FACE_BLURRED;
    return FACE_OK;
}

/* 0 at `bad`, 1 at `good` and beyond. */
static float ramp(float v, float bad, float good)
{
    float t = (v - bad) / (good - bad);
    return t < 0 ? 0 : t > 1 ? 1 : t;
}

struct face_quality quality_of(const struct face *f, const struct crop *c, float width_px,
                               int min_face_px)
{
    struct face_quality q = {.pose = face_pose_of(f)};
    measure_light(c, &q.luma, &q.sharpness);
    q.flaw = find_flaw(&q, width_px, min_face_px);
    float light = ramp(q.luma, luma_min, luma_min + luma_margin) *
                  ramp(q.luma, luma_max, luma_max - luma_margin);
    float pose = ramp(fabsf(q.pose.yaw), yaw_max, 0) * ramp(fabsf(q.pose.pitch), pitch_max, 0);
    q.quality = sqrtf(ramp(width_px, 0, width_good)) * sqrtf(ramp(q.sharpness, 0, sharpness_good)) *
                light * sqrtf(pose);
    return q;
}

static const char *const flaw_names[FACE_FLAW_N] = {
    [FACE_OK] = "ok",
    [FACE_TOO_SMALL] = "too_small",
    [FACE_BLURRED] = "blurred",
    [FACE_TOO_DARK] = "too_dark",
    [FACE_TOO_BRIGHT] = "too_bright",
    [FACE_POSE] = "pose",
};

const char *face_flaw_name(enum face_flaw flaw) { return flaw_names[flaw]; }
