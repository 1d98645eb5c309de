/* rollcall serve: the HTTP API, the WebSockets and, in the embedded default, the workers. Main
 * thread. */
#include "app/app.h"
#include "base/log.h"
#include "cmd/args.h"
#include "cmd/calibrate_site.h"
#include "cmd/cmd.h"
#include "cmd/settings.h"

#include <signal.h>
#include <stdio.h>

static const struct arg_spec spec = {
    .command = "serve",
    .synopsis = "[--http-port PORT] [--data-dir DIR] [--OPTION VALUE ...]",
    .about =
        "Serves the API and recognises, until Ctrl-C or SIGTERM. Listens on this machine alone\n"
        "until told otherwise. All options: rollcall config doc.",
    .examples = "  rollcall serve\n"
                "  rollcall serve --http-port 0 --data-dir /var/lib/rollcall\n",
};

/* Signals are taken by app_wait alone; a client that goes away must not end the process, nor a file
 * that reached its limit: both are errors of the call. */
static void prepare_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
}

static void greet(const struct app_hello *hello)
{
    if (hello->code[0])
        printf("one-time sign-in for admin: %s\n"
               "  curl -s %s/v1/login -H 'Content-Type: application/json' -d '{\"code\":\"%s\"}'\n",
               hello->code, hello->url, hello->code);
    printf("ready %s\n", hello->url); /* last: whoever waits for it has read the rest */
    fflush(stdout);
}

int cmd_serve(int argc, char **argv)
{
    struct args args;
    _cleanup_(config_freep) struct config *cfg = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &cfg);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    log_set_level((enum log_level)cfg->log_level);
    prepare_signals();
    struct app *app = NULL;
    struct app_hello hello;
    struct error e = {0};
    if (app_start(cfg, calibrate_for_server, &app, &hello, &e))
        return cmd_fail("serve", &e);
    greet(&hello);
    app_wait(app);
    app_stop(app);
    return CMD_OK;
}
