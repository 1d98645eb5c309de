/* Passwords from the terminal (no echo, asked twice) or from a pipe; never from arguments. */
#pragma once

#include "base/error.h"

enum { PASSWORD_MAX = 1025 };

/* Reads one line into ret_password. From a terminal: prompts on standard error, without echo, and
 * asks again to compare. Errors INVALID (empty, too long, the two differ), IO. The caller wipes it.
 * Thread: main. */
NODISCARD enum err password_read(const char *prompt, char ret_password[static PASSWORD_MAX],
                                 struct error *e);
