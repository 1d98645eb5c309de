/* The program: a table of subcommands.
 *
 * Thread: main. Cost: none; everything is in cmd/. Invariant: the only place that turns a command's
 * status into the exit status of the process. */
#include "cmd/cmd.h"
#include "cmd/words.h"

#include <locale.h>
#include <signal.h>

struct subcommand {
    const char *name;
    int (*fn)(int argc, char **argv);
    const char *usage; /* one line of `rollcall help` */
};

static const struct subcommand subcommands[] = {
#ifdef HAVE_CMD_SERVE
    {"serve", cmd_serve, "the server: API, event feed and recognition"},
#endif
    {"camera", cmd_camera, "send pictures, a video or a camera to a session; print what is seen"},
    {"enroll", cmd_enroll, "enrol students from a folder of photos"},
    {"import", cmd_import, "students, courses and rosters from CSV or OneRoster files"},
    {"demo", cmd_demo, "a class of well-known people, enrolled and recognised"},
    {"user", cmd_user, "users: add, list, passwd, one-time sign-in code"},
    {"verify-receipt", cmd_verify_receipt, "is the receipt of an erasure true?"},
    {"verify-register", cmd_verify_register, "does the register tell its whole history?"},
    {"migrate", cmd_migrate, "the database's schema: up, status"},
    {"models", cmd_models, "the model files and which of them decide: list, verify, pull, switch"},
    {"doctor", cmd_doctor, "what is wrong on this machine and how to mend it"},
    {"config", cmd_config, "the configuration: show, doc"},
    {"calibrate", cmd_calibrate, "a table of false-match rates of your own people"},
    {"eval", cmd_eval, "how well faces are recognised, on photos whose people are known"},
    {"bench", cmd_bench, "how fast each stage is on this machine"},
#ifdef HAVE_CMD_OPENAPI
    {"openapi", cmd_openapi, "prints the API description (OpenAPI 3.1)"},
#endif
};

static int print_help(FILE *out)
{
    fprintf(out,
            "Rollcall takes attendance by looking.\n\nusage: rollcall COMMAND [ARGUMENTS]\n\n");
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
        fprintf(out, "  %-15s %s\n", subcommands[i].name, subcommands[i].usage);
    fprintf(out, "\nrollcall COMMAND --help tells more; rollcall --version tells the version.\n");
    return CMD_OK;
}

static const struct subcommand *find_subcommand(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    return NULL;
}

static int unknown(const char *word)
{
    const char *names[ARRAY_LEN(subcommands)];
    for (size_t i = 0; i < ARRAY_LEN(subcommands); i++)
        names[i] = subcommands[i].name;
    const char *nearest = nearest_name(word, names, (int)ARRAY_LEN(names));
    fprintf(stderr, "rollcall: there is no command '%s'", word);
    if (nearest)
        fprintf(stderr, "; did you mean '%s'?\n", nearest);
    else
        fprintf(stderr, "; try: rollcall help\n");
    return CMD_USAGE;
}

static int help(int argc, char **argv)
{
    if (argc < 3)
        return print_help(stdout);
    const struct subcommand *s = find_subcommand(argv[2]);
    char *arguments[] = {argv[2], (char[]){"--help"}, NULL};
    return s ? s->fn(2, arguments) : unknown(argv[2]);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        print_help(stderr);
        return CMD_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        printf("rollcall %s\n", ROLLCALL_VERSION);
        return CMD_OK;
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        return help(argc, argv);
    const struct subcommand *s = find_subcommand(word);
    return s ? s->fn(argc - 1, argv + 1) : unknown(word);
}
