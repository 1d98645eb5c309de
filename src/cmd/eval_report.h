/* What an evaluation found, as a text table and as JSON. Thread: main. */
#pragma once

#include "cmd/eval_run.h"

#include <stdio.h>

/* Tables for a terminal, at most 100 columns. */
void eval_report_print(FILE *out, const struct eval_run *run);
/* Writes {"rollcall", "folder", "command", "runs": [...]} to path; rates are shares 0..1, what
 * could not be measured is null. Errors IO, NOMEM. */
NODISCARD enum err eval_report_json(const char *path, const char *folder,
                                    const struct eval_run *runs, int n, struct error *e);
