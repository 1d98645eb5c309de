/* What the two clients of http/client.h share: a server's address. Thread: any. */
#pragma once

#include "base/error.h"

struct client_url {
    char host[256]; /* without brackets */
    int port;
    bool tls;
};

/* Takes http://host:port apart. Errors INVALID (other schemes, a path, not an address), NOMEM. */
NODISCARD enum err client_url_read(const char *base_url, struct client_url *ret_url,
                                   struct error *e);

/* Fills e with what to do when nobody listens at base_url; returns UNAVAILABLE. */
enum err client_unreachable(const char *base_url, struct error *e);
