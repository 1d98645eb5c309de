/* What lies in the queue: frames with their pixels, and notices of durable jobs.
 *
 * Bytes with a fixed head, so that producer and consumer may be different processes of the same
 * program version. Thread: any. */
#pragma once

#include "base/arena.h"
#include "base/id.h"
#include "base/time.h"

enum work_kind { WORK_FRAME = 1, WORK_ENROL = 2 };

struct work_frame {
    struct session_id session;
    struct frame_id frame;
    struct camera_id camera; /* empty: none named */
    usec_t captured_at;      /* UTC, by the server's clock */
    usec_t received_at;
    bool offline;            /* captured while the server was away */
    bool still;              /* a photo of the whole class, not a frame of a live camera */
    char challenge[ID_TEXT]; /* the liveness challenge it belongs to; empty: none */
    struct str image;        /* encoded picture; borrowed */
};

struct work {
    enum work_kind kind;
    struct work_frame frame; /* WORK_FRAME */
    char job[ID_TEXT];       /* WORK_ENROL: the job's id */
};

enum { WORK_TAG = 2 * (ID_TEXT - 1) + 1 };

NODISCARD enum err work_pack(struct arena *a, const struct work *w, struct str *ret_bytes,
                             struct error *e);
/* The image is borrowed from bytes. Errors CORRUPT. */
NODISCARD enum err work_unpack(struct str bytes, struct work *ret_work, struct error *e);

/* What a dropped frame is known by: session and frame. */
void work_tag(const struct work_frame *f, char ret_tag[static WORK_TAG]);
NODISCARD enum err work_tag_parse(struct str tag, struct session_id *ret_session,
                                  struct frame_id *ret_frame, struct error *e);
