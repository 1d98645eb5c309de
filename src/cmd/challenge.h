/* `rollcall camera --challenge`: a kiosk in a terminal. Begins a liveness challenge, prints what
 * the person is to do, and posts frames until it is passed or failed. Thread: main. */
#pragma once

#include "cmd/frames.h"
#include "cmd/remote.h"

struct challenge_options {
    const char *session, *camera; /* ids; camera may be "" */
    double fps;                   /* of sources that are not live */
    const atomic_bool *stop;
};

/* ret_passed: how it ended; false also when the source ended before. Errors of the server and of
 * the source. */
NODISCARD enum err challenge_run(struct remote *remote, struct frames *source, FILE *out,
                                 const struct challenge_options *o, bool *ret_passed,
                                 struct error *e);
