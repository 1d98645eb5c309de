/* The decision: who is in this frame, and what that means for the register (DESIGN section 3).
 *
 * Pure rules on plain data: no I/O, no clock, no allocation. The caller brings the gallery's best
 * match of each face, the roster and the thresholds, and learns the status of each face; for faces
 * that count as a sighting the caller then adds evidence (bus) and, with enough of it, marks.
 * Thread: any. */
#pragma once

#include "base/id.h"

/* Stable words in the API. */
#define FACE_STATUS_MAP(X)                                                                         \
    X(PRESENT, "present")                 /* this frame made the mark */                           \
    X(ALREADY_PRESENT, "already_present") /* marked by an earlier frame */                         \
    X(CONFIRMING, "confirming")           /* recognised; more sightings needed */                  \
    X(NOT_ENROLLED, "not_enrolled")       /* known student, not on this course's roster */         \
    X(UNKNOWN, "unknown")                 /* nobody we know well enough */                         \
    X(SPOOF, "spoof")                     /* not alive */                                          \
    X(LOW_QUALITY, "low_quality")         /* too small, blurred, dark ...: not compared */

enum face_status {
#define X(code, word) FACE_STATUS_##code,
    FACE_STATUS_MAP(X)
#undef X
};
enum { FACE_STATUS_N = FACE_STATUS_LOW_QUALITY + 1 };

const char *face_status_name(enum face_status s);

struct decide_thresholds {
    double roster;  /* score needed by somebody on the roster */
    double gallery; /* score needed to call somebody not_enrolled */
    double margin;  /* least distance to the next best student */
};

/* Students that the gallery offers for one face: more than the best, because the best may be
 * another face of the same frame. */
enum { DECIDE_CANDIDATES = 4 };

struct decide_candidate {
    struct student_id student;
    double score;        /* of the kind that the thresholds are of */
    bool on_roster;      /* now */
    double margin_extra; /* this student has a look-alike: needed above `margin`; else 0 */
};

/* One face as the gallery sees it. */
struct decide_face {
    bool usable; /* false: low_quality, candidates are not read */
    bool alive;  /* false: spoof (liveness enforced and failed) */
    int n;       /* candidates; 0 when the gallery is empty */
    struct decide_candidate best[DECIDE_CANDIDATES]; /* different students, falling scores */
};

/* What to do with one face. */
struct decide_result {
    enum face_status
        status;         /* CONFIRMING for every sighting of a roster member: the caller refines */
    double threshold;   /* the one that was applied; 0 when none was */
    bool names_student; /* the student may be shown: confirming or not_enrolled */
    int candidate;      /* whom status and threshold are about; 0 where it is nobody */
    double margin;      /* to the next student who could be this face; INFINITY: there is none */
};

/* Decides every face of one frame (decision 10 says why this way).
 * By itself a face is its best candidate, if that one has the score and the margin to the next. A
 * student counts once in a frame: of the faces that are the same student by themselves the best
 * keeps the name, the others become UNKNOWN. Where a face cannot tell two students apart (their
 * distance is less than the margin), it may be that one of them is another face of this frame,
 * nearer to that student by the margin: then it is not this face, and the face is the other one if
 * threshold and margin to all that remain allow. A face never gets a name that it would not have
 * within the margin of its best.
 * ret_results [n]. The order of the faces decides nothing but ties. */
void decide_frame(const struct decide_face *faces, int n, const struct decide_thresholds *t,
                  struct decide_result *ret_results);
