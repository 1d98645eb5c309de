/* Non-maximum suppression, shared by the detectors. */
#pragma once

#include "vision/face.h"

/* Intersection over union of two boxes; and intersection over the smaller of the two. Thread any.
 */
float box_iou(const float a[4], const float b[4]);
float box_common(const float a[4], const float b[4]);

/* Keeps the best of overlapping faces, in place: greedy from the best score (equal scores: the
 * earlier one first), dropping all whose intersection over union with a kept one is above iou_max.
 * Returns how many stay, at the front, best first; at most max. Thread any. Cost kept x n. */
int nms(struct face *faces, int n, float iou_max, int max);
