/* `rollcall verify-register`: does the register tell its whole history? Through the API when a
 * server runs, else on the database itself. Exit status 1 when something was found. Thread: main.
 */
#include "app/app.h"
#include "cmd/args.h"
#include "cmd/cmd.h"
#include "cmd/remote.h"
#include "cmd/settings.h"

#include <jansson.h>

static const char about[] =
    "Hashes every event of the register again, follows each session's chain to the end that the\n"
    "file register.heads in the data folder names, and compares every mark with its event. What\n"
    "was altered, removed, put in or moved without the installation key is found and named.\n"
    "Every day the ends of all chains are signed (register.signed). Not found: database and data\n"
    "folder taken back together to an older copy. Keep copies of register.signed elsewhere, and\n"
    "compare with one by --signed.";

static const char examples[] = "  rollcall verify-register\n"
                               "  rollcall verify-register --data-dir /var/lib/rollcall\n"
                               "  rollcall verify-register --signed /media/stick/register.signed";

static void print_finding(void *ctx, const char *text)
{
    (void)ctx;
    printf("  %s\n", text);
}

static int print_report(const struct register_report *report)
{
    printf("%lld chains, %lld events, %lld marks: ", (long long)report->chains,
           (long long)report->events, (long long)report->marks);
    if (report->findings == 0)
        printf("the register is whole\n");
    else
        printf("%lld findings\n"
               "Restore the last backup that verifies, and ask who can write to the database.\n",
               (long long)report->findings);
    if (report->signed_at) {
        char when[TIME_TEXT];
        time_format_iso(report->signed_at, when);
        printf("newest signature %s, by the key %s\n", when, report->public_key);
    } else {
        printf("no signature yet; the key is %s\n", report->public_key);
    }
    return report->findings == 0 ? CMD_OK : CMD_FAILED;
}

static enum err ask(struct remote *remote, struct arena *a, struct register_report *ret_report,
                    struct error *e)
{
    json_t *answer = NULL, *sentence;
    size_t i;
    enum err r = remote_json(remote, a, HTTP_GET, "/v1/register/verification", NULL, &answer, e);
    if (r)
        return r;
    json_array_foreach(json_object_get(answer, "sentences"), i, sentence)
        print_finding(NULL, json_string_value(sentence));
    *ret_report = (struct register_report){.chains = (int64_t)json_num(answer, "chains"),
                                           .events = (int64_t)json_num(answer, "events"),
                                           .marks = (int64_t)json_num(answer, "marks"),
                                           .findings = (int64_t)json_num(answer, "findings")};
    const char *key = json_string_value(json_object_get(answer, "public_key"));
    const char *when = json_string_value(json_object_get(answer, "signed_at"));
    snprintf(ret_report->public_key, sizeof ret_report->public_key, "%s", key ? key : "");
    if (when)
        r = time_parse_iso(str_from(when), &ret_report->signed_at, e);
    json_decref(answer);
    return r;
}

int cmd_verify_register(int argc, char **argv)
{
    struct remote_place place = {.server = NULL};
    const char *copy = NULL;
    const struct arg_option options[] = {
        {.name = "signed",
         .metavar = "FILE",
         .type = ARG_TEXT,
         .ret = &copy,
         .help = "compare with this copy of register.signed; no server may run"},
        REMOTE_OPTIONS(place)};
    const struct arg_spec spec = {.command = "verify-register",
                                  .synopsis = "",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options)};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    settings_place(config, &place);

    struct error e = {.code = ERR_OK};
    struct register_report report;
    _cleanup_(settings_close_db) struct db *db = NULL;
    _cleanup_(remote_closep) struct remote *remote = NULL;
    _cleanup_(arena_freep) struct arena *a = arena_new(16 * MIB);
    enum err r = !a     ? error_set(&e, ERR_NOMEM, "out of memory")
                 : copy ? settings_open_db(config, false, &db, &e)
                        : settings_reach(config, &place, a, &remote, &db, &e);
    if (!r)
        r = remote ? ask(remote, a, &report, &e)
                   : app_register_check(config, db, copy, print_finding, NULL, &report, &e);
    return r ? cmd_fail("verify-register", &e) : print_report(&report);
}
