/* Greedy non-maximum suppression in place: see nms.h. Pure; needs no memory. Called by detectors.
 */
#include "vision/nms.h"

#include <stdbool.h>
#include <string.h>

static float area(const float box[4]) { return box[2] * box[3]; }

static float min_of(float a, float b) { return a < b ? a : b; }
static float max_of(float a, float b) { return a > b ? a : b; }

static float intersection(const float a[4], const float b[4])
{
    float w = min_of(a[0] + a[2], b[0] + b[2]) - max_of(a[0], b[0]);
    float h = min_of(a[1] + a[3], b[1] + b[3]) - max_of(a[1], b[1]);
    return max_of(w, 0) * max_of(h, 0);
}

float box_iou(const float a[4], const float b[4])
{
    float both = intersection(a, b), whole = area(a) + area(b) - both;
    return whole > 0 ? both / whole : 0;
}

float box_common(const float a[4], const float b[4])
{
    float smaller = min_of(area(a), area(b));
    return smaller > 0 ? intersection(a, b) / smaller : 0;
}

static bool overlaps(const float a[4], const float b[4], float iou_max)
{
    float both = intersection(a, b);
    return both > iou_max * (area(a) + area(b) - both);
}

static int best_of(const struct face *faces, int from, int n)
{
    int best = from;
    for (int i = from + 1; i < n; i++)
        if (faces[i].score > faces[best].score)
            best = i;
    return best;
}

int nms(struct face *faces, int n, float iou_max, int max)
{
    int kept = 0;
    while (kept < n && kept < max) {
        int best = best_of(faces, kept, n);
        struct face f = faces[best];
        memmove(&faces[kept + 1], &faces[kept], (size_t)(best - kept) * sizeof *faces);
        faces[kept++] = f;
        int to = kept;
        for (int i = kept; i < n; i++)
            if (!overlaps(f.box, faces[i].box, iou_max))
                faces[to++] = faces[i];
        n = to;
    }
    return kept;
}
