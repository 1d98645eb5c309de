/* Registered cameras by name, for the commands that send frames. Thread: one. */
#pragma once

#include "cmd/remote.h"

/* The id of the camera called `name`; registers one when there is none. Errors of the server. */
NODISCARD enum err camera_find_or_add(struct remote *r, const char *name,
                                      char ret_id[static ID_TEXT], struct error *e);
