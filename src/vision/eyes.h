/* How far are the eyes of a face open? One number, for blinks.
 *
 * Five points do not tell: the eye points stay where they are when the lids close. So the pixels
 * around them are asked: iris, pupil and lashes are dark against the skin below the eye, and an
 * open eye is dark over a greater height than a closed one, of which a line of lashes is left.
 * The number depends on the person, the light and the size of the face: it says something only
 * beside the same person's open eyes a moment ago (attendance/challenge.h). What was measured, and
 * what not (dark glasses, very dark skin, faces under 100 pixels): docs/recognition.md.
 * Thread: any. */
#pragma once

#include "vision/face.h"
#include "vision/image.h"

/* ret_open: 0 no dark at all .. 1 dark all over; 90 of 100 open eyes .25 to .94, closed about half
 * of the same person's open ones. f is in pixels of im. Scratch memory from `a`. Errors NOMEM.
 * Cost: one crop (vision/align.h) and two small sorts. */
NODISCARD enum err eyes_open(struct arena *a, const struct image *im, const struct face *f,
                             float *ret_open, struct error *e);
