/* What the vision folder says about one face; plain data shared by detector, quality and encoder.
 */
#pragma once

#include <stdint.h>

enum { FACE_POINTS = 5 }; /* eye on the image's left, eye right, nose, mouth left, mouth right */

struct face {
    float box[4];                 /* x, y, w, h in pixels of the picture it was found in */
    float points[FACE_POINTS][2]; /* x, y in the same pixels */
    float score;                  /* the detector's confidence 0..1 */
};

/* Why a face is not compared with the gallery. Stable words in the API (face_flaw_name). */
enum face_flaw { FACE_OK, FACE_TOO_SMALL, FACE_BLURRED, FACE_TOO_DARK, FACE_TOO_BRIGHT, FACE_POSE };
enum { FACE_FLAW_N = FACE_POSE + 1 };

const char *face_flaw_name(enum face_flaw flaw);
