/* Reading a command's arguments. See args.h.
 *
 * Cost: nothing that matters. Thread: main. Invariant: what is wrong is said in one line that names
 * the argument; nothing is written to an option that failed to parse. */
#include "cmd/args.h"

#include "base/str.h"
#include "cmd/cmd.h"

#include <stdarg.h>
#include <stdio.h>

int cmd_fail(const char *name, const struct error *e)
{
    fflush(stdout);
    fprintf(stderr, "rollcall %s: %s\n", name, e->msg);
    return CMD_FAILED;
}

int cmd_bad_usage(const char *name, const char *fmt, ...)
{
    va_list ap;
    fflush(stdout);
    fprintf(stderr, "rollcall %s: ", name);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "; try: rollcall %s --help\n", name);
    return CMD_USAGE;
}

int args_status(enum args_outcome outcome) { return outcome == ARGS_BAD ? CMD_USAGE : CMD_OK; }

static void print_help(const struct arg_spec *spec)
{
    printf("usage: rollcall %s %s\n\n%s\n", spec->command, spec->synopsis, spec->about);
    if (spec->n_options > 0)
        printf("\noptions\n");
    for (int i = 0; i < spec->n_options; i++) {
        const struct arg_option *o = &spec->options[i];
        char left[64];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->metavar ? " " : "",
                 o->metavar ? o->metavar : "");
        printf("  %-22s %s\n", left, o->help);
    }
    printf("  %-22s %s\n", "--help", "this text");
    if (spec->examples)
        printf("\nexamples\n%s\n", spec->examples);
}

static const struct arg_option *find_option(const struct arg_spec *spec, struct str name)
{
    for (int i = 0; i < spec->n_options; i++)
        if (str_is(name, spec->options[i].name))
            return &spec->options[i];
    return NULL;
}

static enum args_outcome store_number(const struct arg_spec *spec, const struct arg_option *o,
                                      const char *text)
{
    double number = 0;
    int64_t whole = 0;
    enum err r = o->type == ARG_INT ? str_to_i64(str_from(text), &whole, NULL)
                                    : str_to_double(str_from(text), &number, NULL);
    if (o->type == ARG_INT)
        number = (double)whole;
    if (r || !(number >= o->min && number <= o->max)) {
        cmd_bad_usage(spec->command, "--%s wants a%s number from %g to %g, not '%s'", o->name,
                      o->type == ARG_INT ? " whole" : "", o->min, o->max, text);
        return ARGS_BAD;
    }
    if (o->type == ARG_INT)
        *(int64_t *)o->ret = whole;
    else
        *(double *)o->ret = number;
    return ARGS_RUN;
}

/* Reads the option at argv[*at]; moves *at past a value taken from the next argument. */
static enum args_outcome take_option(const struct arg_spec *spec, int argc, char **argv, int *at)
{
    struct str rest = str_from(argv[*at] + 2), name = {0};
    (void)str_split(&rest, '=', &name);
    const struct arg_option *o = find_option(spec, name);
    if (!o) {
        cmd_bad_usage(spec->command, "there is no option --%.*s", STR_ARGS(name));
        return ARGS_BAD;
    }
    const char *value = argv[*at][2 + name.n] == '=' ? argv[*at] + 3 + name.n : NULL;
    if (o->type == ARG_FLAG) {
        if (value) {
            cmd_bad_usage(spec->command, "--%s takes no value", o->name);
            return ARGS_BAD;
        }
        *(bool *)o->ret = true;
        return ARGS_RUN;
    }
    if (!value) {
        if (*at + 1 >= argc) {
            cmd_bad_usage(spec->command, "--%s needs a value (%s)", o->name, o->metavar);
            return ARGS_BAD;
        }
        value = argv[++*at];
    }
    if (o->type != ARG_TEXT)
        return store_number(spec, o, value);
    *(const char **)o->ret = value;
    return ARGS_RUN;
}

static enum args_outcome take_positional(const struct arg_spec *spec, const char *text,
                                         struct args *args)
{
    if (args->n >= spec->max_positional || args->n >= ARG_POSITIONAL_MAX) {
        cmd_bad_usage(spec->command, "'%s' is one argument too many", text);
        return ARGS_BAD;
    }
    args->positional[args->n++] = text;
    return ARGS_RUN;
}

/* Options have two dashes here; "-5" or "-x" is a slip. */
static enum args_outcome refuse_dash(const struct arg_spec *spec, const char *text)
{
    cmd_bad_usage(spec->command, "there is no option %s", text);
    return ARGS_BAD;
}

enum args_outcome args_parse(const struct arg_spec *spec, int argc, char **argv,
                             struct args *ret_args)
{
    struct args args = {.n = 0};
    bool options_over = false;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        enum args_outcome outcome = ARGS_RUN;
        if (!options_over && (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)) {
            print_help(spec);
            return ARGS_DONE;
        }
        if (!options_over && strcmp(text, "--") == 0)
            options_over = true;
        else if (!options_over && text[0] == '-' && text[1] == '-')
            outcome = take_option(spec, argc, argv, &i);
        else if (!options_over && text[0] == '-' && text[1] != 0)
            return refuse_dash(spec, text);
        else
            outcome = take_positional(spec, text, &args);
        if (outcome != ARGS_RUN)
            return outcome;
    }
    if (args.n < spec->min_positional) {
        cmd_bad_usage(spec->command, "something is missing: rollcall %s %s", spec->command,
                      spec->synopsis);
        return ARGS_BAD;
    }
    *ret_args = args;
    return ARGS_RUN;
}
