/* Tests of cmd/args.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/args.h"
#include "cmd/cmd.h"

#include <string.h>

struct values {
    const char *text;
    int64_t whole;
    double real;
    bool flag;
};

static enum args_outcome parse(struct values *v, struct args *ret_args, const char *const *words)
{
    const struct arg_option options[] = {
        {.name = "text", .metavar = "T", .type = ARG_TEXT, .ret = &v->text},
        {.name = "whole", .metavar = "N", .type = ARG_INT, .ret = &v->whole, .min = 1, .max = 9},
        {.name = "real", .metavar = "R", .type = ARG_REAL, .ret = &v->real, .min = 0, .max = 1},
        {.name = "flag", .type = ARG_FLAG, .ret = &v->flag},
    };
    const struct arg_spec spec = {.command = "test",
                                  .synopsis = "[PATH]",
                                  .about = "about",
                                  .options = options,
                                  .n_options = ARRAY_LEN(options),
                                  .max_positional = 1};
    char *argv[16] = {0};
    int argc = 0;
    for (; words[argc]; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc];
    return args_parse(&spec, argc, argv, ret_args);
}

#define WORDS(...) ((const char *const[]){"test", __VA_ARGS__, NULL})

static void options_take_their_value_from_the_next_argument_or_after_an_equals_sign(void **state)
{
    struct values v = {.real = 0.5};
    struct args args;
    (void)state;
    assert_int_equal(parse(&v, &args, WORDS("--text", "a=b", "--whole=7", "--flag", "path")),
                     ARGS_RUN);
    assert_string_equal(v.text, "a=b");
    assert_int_equal(v.whole, 7);
    assert_true(v.flag);
    assert_true(v.real > 0.49 && v.real < 0.51);
    assert_int_equal(args.n, 1);
    assert_string_equal(args.positional[0], "path");
}

static void two_dashes_end_the_options(void **state)
{
    struct values v = {0};
    struct args args;
    (void)state;
    assert_int_equal(parse(&v, &args, WORDS("--", "--flag")), ARGS_RUN);
    assert_false(v.flag);
    assert_string_equal(args.positional[0], "--flag");
}

static void wrong_arguments_are_refused(void **state)
{
    static const char *const wrong[][4] = {
        {"test", "--nosuch", NULL},   {"test", "--text", NULL},      {"test", "--whole=0", NULL},
        {"test", "--whole=10", NULL}, {"test", "--whole=1.5", NULL}, {"test", "--real=x", NULL},
        {"test", "--real=nan", NULL}, {"test", "--flag=yes", NULL},  {"test", "-x", NULL},
        {"test", "one", "two", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct values v = {0};
        struct args args;
        assert_int_equal(parse(&v, &args, wrong[i]), ARGS_BAD);
        assert_int_equal(v.whole, 0);
    }
    assert_int_equal(args_status(ARGS_BAD), CMD_USAGE);
}

static void help_wins_over_everything_that_follows(void **state)
{
    struct values v = {0};
    struct args args;
    (void)state;
    assert_int_equal(parse(&v, &args, WORDS("--help", "--nosuch")), ARGS_DONE);
    assert_int_equal(args_status(ARGS_DONE), CMD_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_take_their_value_from_the_next_argument_or_after_an_equals_sign),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(help_wins_over_everything_that_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
