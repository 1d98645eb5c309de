/* `rollcall config`: what is configured, from where, and what can be. Thread: main. */
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/settings.h"
#include "config/config_doc.h"

static const char about[] =
    "show  every option, its value as it is now and where that came from; secrets are masked\n"
    "doc   what every option means (docs/config.md)";

static const char examples[] = "  rollcall config show\n"
                               "  rollcall config show --config /etc/rollcall.ini\n"
                               "  rollcall config doc > docs/config.md";

enum { OUTPUT_MAX = 1024 * 1024 };

int cmd_config(int argc, char **argv)
{
    const struct arg_spec spec = {.command = "config",
                                  .synopsis = "show | doc",
                                  .about = about,
                                  .examples = examples,
                                  .min_positional = 1,
                                  .max_positional = 1};
    struct args args;
    struct error e = {.code = ERR_OK};
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    bool doc = strcmp(args.positional[0], "doc") == 0;
    if (!doc && strcmp(args.positional[0], "show") != 0)
        return cmd_bad_usage("config", "'%s' is neither show nor doc", args.positional[0]);
    _cleanup_(buf_done) struct buf text;
    buf_init(&text, OUTPUT_MAX);
    if (doc)
        config_doc(&text);
    else
        config_print(config, &text);
    if (buf_check(&text, &e))
        return cmd_fail("config", &e);
    fwrite(text.p, 1, text.n, stdout);
    return CMD_OK;
}
