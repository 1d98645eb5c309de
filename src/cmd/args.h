/* Command-line arguments from one table per command; --help is printed from the same table.
 *
 * Options are `--name VALUE`, `--name=VALUE` and flags; `--` ends them; everything else is a
 * positional argument. `-h` and `--help` print the help. Thread: main. */
#pragma once

#include "base/defs.h"

#include <stdbool.h>
#include <stdint.h>

enum arg_type { ARG_TEXT, ARG_INT, ARG_REAL, ARG_FLAG };
enum { ARG_TYPE_N = ARG_FLAG + 1, ARG_POSITIONAL_MAX = 64 };

struct arg_option {
    const char *name;    /* without the dashes */
    const char *metavar; /* what --help calls the value; NULL for a flag */
    enum arg_type type;
    void *ret;       /* const char ** (TEXT), int64_t * (INT), double * (REAL), bool * (FLAG) */
    double min, max; /* for INT and REAL, both included */
    const char *help;
};

struct arg_spec {
    const char *command;  /* "camera" */
    const char *synopsis; /* what follows `rollcall camera` in the usage line */
    const char *about;    /* paragraphs, each line <= 100 columns */
    const char *examples; /* lines, each starting with two spaces */
    const struct arg_option *options;
    int n_options;
    int min_positional, max_positional; /* <= ARG_POSITIONAL_MAX */
};

struct args {
    const char *positional[ARG_POSITIONAL_MAX];
    int n;
};

enum args_outcome {
    ARGS_RUN,  /* go on */
    ARGS_DONE, /* help was printed: return CMD_OK */
    ARGS_BAD,  /* a complaint was printed: return CMD_USAGE */
};

/* Reads argv (argv[0] is the command's name); values are borrowed from argv. Options not given keep
 * what their `ret` held. */
NODISCARD enum args_outcome args_parse(const struct arg_spec *spec, int argc, char **argv,
                                       struct args *ret_args);
/* The exit status that goes with an outcome other than ARGS_RUN. */
int args_status(enum args_outcome outcome);
