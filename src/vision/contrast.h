/* Contrast for the detector: CLAHE, and when to use it. The encoder never sees its pictures.
 *
 * Contrast limited adaptive histogram equalisation makes faces visible that lie in the dark, at the
 * price of noise; docs/recognition.md has what it finds and what it costs the encoder.
 * Source: Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994;
 * the rule in integers is at the head of tests/golden/reference.py. Thread: any. */
#pragma once

#include "vision/image.h"

enum contrast { CONTRAST_OFF, CONTRAST_CLAHE, CONTRAST_AUTO };
enum { CONTRAST_N = CONTRAST_AUTO + 1 };

/* off, clahe, auto. Errors INVALID. */
NODISCARD enum err contrast_of(const char *name, enum contrast *ret_contrast, struct error *e);
const char *contrast_name(enum contrast c);

/* A picture whose mean luma (0..255) is below this is dark. At 1/16 of the light (mean 22) YuNet
 * and RetinaFace lose one face in 130, at 1/64 (mean 9) they begin to lose more; none of 443 photos
 * of groups, of the sample set and of LFW is as dark. */
enum { CONTRAST_DARK_LUMA = 24 };
/* Mean of (77 R + 150 G + 29 B + 128) >> 8 over every fourth row, rounded down. Cost: 0.06 ms for
 * 640x480. */
int image_mean_luma(const struct image *im);

/* 8 x 8 tiles (fewer in a picture of fewer pixels), clip limit 3, on luma; R, G and B move by what
 * luma moves. Errors NOMEM. Cost: 2 ms for 640x480. */
NODISCARD enum err image_clahe(struct arena *a, const struct image *src, struct image *ret_image,
                               struct error *e);
