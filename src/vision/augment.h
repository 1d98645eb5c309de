/* Augmentation: other pictures of one enrolment photo, so that its template is a mean over them.
 *
 * An option; off by default, because nothing was gained by it (`rollcall eval --augment` shows
 * that, docs/recognition.md has the figures). Pure but for augment_parse's error; thread any. */
#pragma once

#include "base/str.h"
#include "vision/align.h"

enum augment_kind {
    AUGMENT_ROTATE,     /* the face turned by 8 degrees, both ways */
    AUGMENT_BRIGHTNESS, /* a quarter darker, a quarter brighter */
    AUGMENT_CONTRAST,   /* a quarter less, a quarter more, about the crop's mean */
    AUGMENT_BLUR,       /* Gaussian, sigma one pixel of the crop */
    AUGMENT_FLIP        /* the mirror image */
};
enum { AUGMENT_KIND_N = AUGMENT_FLIP + 1, AUGMENT_VARIANTS_MAX = 8 };

/* A comma list of kinds, "rotate,flip"; empty: none. ret_kinds: bit k for kind k. Errors INVALID
 * (names the word and the choices). */
NODISCARD enum err augment_parse(struct str list, unsigned *ret_kinds, struct error *e);

/* One picture to make beside the photo itself. */
struct augment_variant {
    enum augment_kind kind;
    float amount; /* degrees; factor; sigma */
};

/* The variants of those kinds; returns their number. */
int augment_variants(unsigned kinds, struct augment_variant ret_variants[AUGMENT_VARIANTS_MAX]);

/* ROTATE: the face as it must be cut; other kinds: the face as it is. */
struct face augment_face(const struct face *f, const struct augment_variant *variant);
/* The other kinds: changes the cut crop; ROTATE: leaves it. */
void augment_crop(struct crop *c, const struct augment_variant *variant);
