/* A camera at work: sends the frames of a source to a session and prints the feedback that comes
 * back over the session's event feed.
 *
 * Two threads: one takes frames and posts them at the pace asked for; the caller's reads the feed,
 * prints and counts. Every frame has a number: a post that is tried again is the same frame for the
 * server. Thread: live_run on main; it starts and joins the other. */
#pragma once

#include "cmd/feedback.h"
#include "cmd/frames.h"
#include "cmd/remote.h"

/* Told of every frame_result, after it was printed. Caller's thread. */
typedef void (*live_result_fn)(void *ctx, const char *frame_name, const json_t *event);

struct live_options {
    const char *session; /* id */
    const char *camera;  /* id of a registered camera, or "" */
    double fps;
    bool class_photos; /* pictures of the whole class: they are looked at longer */
    int in_flight_max; /* frames sent and not yet answered before the sender waits; 0: no limit */
    live_result_fn on_result; /* may be NULL */
    void *ctx;
    atomic_bool *stop; /* set by a signal handler to end early */
};

struct live_counts {
    int64_t sent;      /* frames taken from the source */
    int64_t accepted;  /* the server took them */
    int64_t processed; /* with a result */
    int64_t dropped;   /* accepted, and dropped by the server (it says why) */
    int64_t refused;   /* the server did not take them (not a picture, too large ...) */
    int64_t lost;      /* never reached the server, or no result came in time */
};

/* Runs until the source is over (and every frame has its result, or RESULT_WAIT passed), the
 * session ends, or stop is set. Errors: those of opening the feed; UNAVAILABLE when the server
 * stays away; CONFLICT when the session is not active. ret_counts is written in any case. */
NODISCARD enum err live_run(struct remote *remote, struct frames *source, struct feedback *feedback,
                            const struct live_options *o, struct live_counts *ret_counts,
                            struct error *e);
/* "sent 30, accepted 30, processed 30, dropped 0" and, when not 0, refused and lost. */
void live_print_counts(FILE *out, const struct live_counts *c);
/* Makes SIGINT and SIGTERM set the flag instead of ending the program. */
void live_stop_on_signals(atomic_bool *stop);
