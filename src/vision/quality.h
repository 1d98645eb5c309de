/* Is a face fit to be compared? Size, sharpness, light and pose.
 *
 * The limits are conservative: they refuse what would certainly compare badly and let ordinary
 * photos through (docs and quality.c say what was measured). Pure; thread any. */
#pragma once

#include "vision/align.h"

/* Head pose estimated from the five points, degrees; 0 0 0 looks into the camera. Rough: +-10. */
struct face_pose {
    float yaw;   /* > 0: the nose points to the right of the picture */
    float pitch; /* > 0: looking down */
    float roll;  /* > 0: the head is turned clockwise in the picture */
};

struct face_quality {
    enum face_flaw flaw;
    float quality;   /* 0..1, 1 best: the product of what follows, each mapped to 0..1 */
    float sharpness; /* variance of the Laplacian over that of the luma, half-size crop */
    float luma;      /* mean, 0..255 */
    struct face_pose pose;
};

struct face_pose face_pose_of(const struct face *f);

/* Judges one aligned face: the rotated box, CROP_SIDE pixels wide (encoder_face_crop), whatever the
 * encoder sees. width_px: of the face's box in the pixels the crop was cut from;
 * min_face_px: below it FACE_TOO_SMALL. Cost 20 us. */
struct face_quality quality_of(const struct face *f, const struct crop *c, float width_px,
                               int min_face_px);
