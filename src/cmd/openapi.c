/* rollcall openapi: the API description, from the route table. Main thread. */
#include "api/api.h"
#include "cmd/args.h"
#include "cmd/cmd.h"

#include <stdio.h>

static const struct arg_spec spec = {
    .command = "openapi",
    .synopsis = "",
    .about = "Prints the description of the HTTP API (OpenAPI 3.1, JSON).",
    .examples = "  rollcall openapi > api/openapi.json\n",
};

enum { OPENAPI_MAX = 4 * MIB };

int cmd_openapi(int argc, char **argv)
{
    struct args args;
    enum args_outcome outcome = args_parse(&spec, argc, argv, &args);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    struct error e = {0};
    struct buf text;
    buf_init(&text, OPENAPI_MAX);
    enum err r = api_openapi(&text, &e);
    if (r == ERR_OK)
        fwrite(text.p, 1, text.n, stdout);
    buf_done(&text);
    return r ? cmd_fail("openapi", &e) : CMD_OK;
}
