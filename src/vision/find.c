/* Detection with the contrast that is asked for: see find.h. The picture is shrunk first, so CLAHE
 * costs what the detector's input costs and not what the camera sends. A second detection is paid
 * for by dark and empty pictures alone. Called by analyse.c and tiles.c on worker threads. */
#include "vision/find.h"

#include "vision/nms.h"

static enum err detect(const struct vision *v, struct arena *a, const struct image *im,
                       struct findings *ret_found, struct error *e)
{
    int longest = im->width > im->height ? im->width : im->height;
    return detector_find(&v->detector, a, im, longest, v->min_confidence, &ret_found->faces,
                         &ret_found->n, &ret_found->run_us, e);
}

static enum err detect_clahe(const struct vision *v, struct arena *a, const struct image *im,
                             struct findings *ret_found, struct error *e)
{
    struct image even;
    enum err r = image_clahe(a, im, &even, e);
    return r ? r : detect(v, a, &even, ret_found, e);
}

static bool is_among(const struct findings *known, int n, const struct face *f, float iou_max)
{
    for (int i = 0; i < n; i++)
        if (box_iou(known->faces[i].box, f->box) > iou_max)
            return true;
    return false;
}

/* Adds to `first` what only `second` has. */
static enum err merge(const struct vision *v, struct arena *a, struct findings *first,
                      const struct findings *second, struct error *e)
{
    int known = first->n;
    struct face *all = arena_array(a, (size_t)(known + second->n), sizeof *all);
    if (!all)
        return error_set(e, ERR_NOMEM, "no memory for %d faces", known + second->n);
    if (known)
        memcpy(all, first->faces, (size_t)known * sizeof *all);
    first->faces = all;
    for (int i = 0; i < second->n; i++)
        if (!is_among(first, known, &second->faces[i], v->detector.spec->nms_iou))
            all[first->n++] = second->faces[i];
    first->n = first->n < DETECTOR_FACES_MAX ? first->n : DETECTOR_FACES_MAX;
    first->run_us += second->run_us;
    return ERR_OK;
}

static enum err find_auto(const struct vision *v, struct arena *a, const struct image *im,
                          bool retry_empty, struct findings *found, struct error *e)
{
    struct findings more;
    enum err r = detect(v, a, im, found, e);
    bool again = (retry_empty && found->n == 0) || image_mean_luma(im) < CONTRAST_DARK_LUMA;
    if (r || !again)
        return r;
    r = detect_clahe(v, a, im, &more, e);
    return r ? r : merge(v, a, found, &more, e);
}

static enum err find_in(const struct vision *v, struct arena *a, const struct image *im,
                        enum contrast contrast, bool retry_empty, struct findings *found,
                        struct error *e)
{
    switch (contrast) {
    case CONTRAST_OFF:
        return detect(v, a, im, found, e);
    case CONTRAST_CLAHE:
        return detect_clahe(v, a, im, found, e);
    case CONTRAST_AUTO:
        return find_auto(v, a, im, retry_empty, found, e);
    }
    return ERR_OK;
}

enum err find_faces(const struct vision *v, struct arena *a, const struct image *im, int long_side,
                    enum contrast contrast, bool retry_empty, struct findings *ret_found,
                    struct error *e)
{
    struct image small;
    struct findings found = {0};
    float factor;
    enum err r = image_shrink(a, im, long_side, &small, &factor, e);
    if (!r)
        r = find_in(v, a, &small, contrast, retry_empty, &found, e);
    if (r)
        return r;
    for (int i = 0; i < found.n; i++)
        face_scale(&found.faces[i], (float)im->width / (float)small.width,
                   (float)im->height / (float)small.height);
    *ret_found = found;
    return ERR_OK;
}

enum err vision_detect(struct vision *v, struct arena *a, const struct image *im,
                       struct face **ret_faces, int *ret_n, int64_t *ret_run_us, struct error *e)
{
    return vision_detect_as(v, a, im, v->contrast, ret_faces, ret_n, ret_run_us, e);
}

enum err vision_detect_as(struct vision *v, struct arena *a, const struct image *im,
                          enum contrast contrast, struct face **ret_faces, int *ret_n,
                          int64_t *ret_run_us, struct error *e)
{
    struct findings found;
    enum err r = find_faces(v, a, im, v->long_side, contrast, true, &found, e);
    if (r)
        return r;
    *ret_faces = found.faces;
    *ret_n = found.n;
    *ret_run_us = found.run_us;
    return ERR_OK;
}
