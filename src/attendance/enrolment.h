/* The rules of enrolment: what a photo's verdict is called, which template gives way to a new one,
 * when a template is old, how many photos are enough.
 *
 * Pure rules on plain data: no I/O, no clock. Thread: any. */
#pragma once

#include "base/id.h"
#include "base/time.h"

/* Stable words in the API, and one sentence each that says what to do. */
#define VERDICT_MAP(X)                                                                             \
    X(ACCEPTED, "accepted", "")                                                                    \
    X(NO_FACE, "no_face", "No face was found: use a photo from the front, well lit.")              \
    X(MANY_FACES, "many_faces", "More than one face was found: crop the photo to one person.")     \
    X(TOO_SMALL, "too_small", "The face is too small: come closer or use a larger picture.")       \
    X(BLURRED, "blurred", "The face is blurred: hold the camera still and focus.")                 \
    X(TOO_DARK, "too_dark", "The face is too dark: add light from the front.")                     \
    X(TOO_BRIGHT, "too_bright", "The face is too bright: avoid direct sun and flash.")             \
    X(POSE, "pose", "The head is turned too far: look into the camera.")                           \
    X(OCCLUDED, "occluded", "The face is partly covered: take off what covers it.")                \
    X(SPOOF, "spoof", "This looks like a picture of a picture: photograph the person.")            \
    X(NOT_SAME_PERSON, "not_same_person",                                                          \
      "The face differs from the student's other photos: check whose photo this is.")              \
    X(DUPLICATE_OF, "duplicate_of",                                                                \
      "This face is enrolled as another student: check who it is, and only if they are two "       \
      "people alike upload it again with allow_look_alike=1.")                                     \
    X(DUPLICATE_PHOTO, "duplicate_photo",                                                          \
      "This very photo is part of the template already: use another one.")                         \
    X(UNREADABLE, "unreadable", "The picture cannot be read: use a whole JPEG, PNG, WebP or HEIC.")

enum verdict {
#define X(code, word, help) VERDICT_##code,
    VERDICT_MAP(X)
#undef X
};
enum { VERDICT_N = VERDICT_UNREADABLE + 1 };

const char *verdict_name(enum verdict v);
/* The sentence; empty for ACCEPTED. */
const char *verdict_help(enum verdict v);
/* Every word, NULL-terminated, for schemas. */
extern const char *const verdict_names[];

/* What the rule of replacement sees of a template. */
struct enrolled_photo {
    double quality; /* 0..1 */
    usec_t created_at;
};

/* Which of n >= 1 templates gives way to a new photo when a student may have no more: the one of
 * the lowest quality among those older than a year, else the one of the lowest quality; of equals
 * the oldest. The new photo itself stays: it shows the face of today. */
int enrolment_gives_way(const struct enrolled_photo *photos, int n, usec_t now);

/* True when the newest template (0: there is none) is older than that; max_age 0: never. */
bool enrolment_is_stale(usec_t newest, usec_t max_age, usec_t now);

/* With one photo .827 of the sightings get their name among 610 people, with two .932, with three
 * .962 (false names 1 %; facenet128 on LFW). */
enum { ENROLMENT_PHOTOS_ADVISED = 3 };
