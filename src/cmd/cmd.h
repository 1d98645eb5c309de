/* The subcommands: what main.c's table points at, and what they share with it.
 *
 * A command gets its own name as argv[0], reads its arguments with cmd/args.h, prints results on
 * standard output and complaints on standard error, and returns the exit status of the program. It
 * never calls exit(). Thread: main. */
#pragma once

#include "base/error.h"

/* What the shell sees. */
enum cmd_status {
    CMD_OK = 0,
    CMD_FAILED = 1, /* the work failed: one sentence on standard error says why */
    CMD_USAGE = 2,  /* the arguments were wrong: one line says which */
};

/* Prints "rollcall NAME: message" on standard error; returns CMD_FAILED. */
int cmd_fail(const char *name, const struct error *e);
/* The same for a wrong argument, with a hint at --help; returns CMD_USAGE. */
int cmd_bad_usage(const char *name, const char *fmt, ...) PRINTF_LIKE(2, 3);

int cmd_bench(int argc, char **argv);
int cmd_calibrate(int argc, char **argv);
int cmd_camera(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_enroll(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_openapi(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_user(int argc, char **argv);
int cmd_verify_receipt(int argc, char **argv);
int cmd_verify_register(int argc, char **argv);
