/* The way in that frames and class photos share (frames.c, class_photos.c). Thread: handlers. */
#pragma once

#include "api/handlers.h"
#include "queue/work.h"

/* One picture on its way into the queue. */
struct frame_in {
    struct work work;
    struct str boot, seq; /* p NULL: the picture has no name of its own */
    int part;             /* the place of a class photo in its request */
    bool wait;            /* the answer is the result */
};

/* Reads camera, boot, seq, captured_at, offline and wait. Errors INVALID. */
NODISCARD enum err frame_in_read(struct call *c, struct frame_in *in, struct error *e);
/* The session takes pictures now, and of this camera. Errors CONFLICT, NOT_FOUND, FORBIDDEN. */
NODISCARD enum err frame_in_session(struct call *c, struct work_frame *f, struct error *e);
/* A key that belongs to a camera sends as that one, to sessions that take it. Part of
 * frame_in_session. Errors FORBIDDEN. */
NODISCARD enum err frame_in_camera(struct call *c, struct work_frame *f, struct error *e);
/* The first bytes are those of a picture. Errors UNPROCESSABLE (empty), UNSUPPORTED. */
NODISCARD enum err frame_in_check(struct str image, struct error *e);
/* Queues work.frame.image and gives it its id, or the id it has when it is here already; with
 * `wait` the call stays pending for up to `patience`. Errors FULL: come back later. */
NODISCARD enum err frame_in_take(struct call *c, struct frame_in *in, usec_t patience,
                                 struct error *e);
