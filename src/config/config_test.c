/* The configuration: every row, every source, which wins, and every error text. */
#include "config/config.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config_doc.h"
#include "config/option.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { ARGS_MAX = 8 };

#define assert_has(text, part)                                                                     \
    do {                                                                                           \
        if (!strstr(text, part))                                                                   \
            fail_msg("'%s' is not in: %s", part, text);                                            \
    } while (0)

/* One run: a file's text (NULL = none), one variable, and arguments behind argv[0]. */
struct run {
    const char *file, *env_name, *env_value;
    const char *args[ARGS_MAX];
};

static const char *const own[] = {"session", "follow", NULL};
static char dir[] = "/tmp/rollcall-config-XXXXXX";
static char file_path[64];

static enum err load(const struct run *run, char **argv, int *argc, struct config **ret_config,
                     struct error *e)
{
    static char name[] = "rollcall";
    argv[0] = name;
    *argc = 1;
    for (int i = 0; i < ARGS_MAX - 1 && run->args[i]; i++)
        argv[(*argc)++] = (char *)run->args[i];
    argv[*argc] = NULL;
    if (run->file) {
        assert_int_equal(file_write(file_path, str_from(run->file), 0600, NULL), ERR_OK);
        setenv("ROLLCALL_CONFIG", file_path, 1);
    }
    if (run->env_name)
        setenv(run->env_name, run->env_value, 1);
    enum err r = config_load(argc, argv, own, ret_config, e);
    if (run->env_name)
        unsetenv(run->env_name);
    unsetenv("ROLLCALL_CONFIG");
    return r;
}

static struct config *loaded(const struct run *run)
{
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    struct config *c = NULL;
    struct error e = {.code = ERR_OK};
    if (load(run, argv, &argc, &c, &e))
        fail_msg("%s", e.msg);
    return c;
}

static void refused(const struct run *run, const char *const *parts)
{
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    struct config *c = NULL;
    struct error e = {.code = ERR_OK};
    assert_int_not_equal(load(run, argv, &argc, &c, &e), ERR_OK);
    assert_null(c);
    for (; *parts; parts++)
        assert_has(e.msg, *parts);
}

static void the_defaults_are_those_of_the_table(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *c = loaded(&(struct run){.file = NULL});
    for (enum option o = 0; o < OPTION_N; o++) {
        assert_string_equal(config_text(c, o), option_rows[o].text);
        assert_string_equal(config_origin(c, o), "default");
    }
    assert_int_equal(c->http_port, 8080);
    assert_string_equal(c->http_bind, "127.0.0.1");
    assert_int_equal(c->queue_max_bytes, 536870912);
    assert_true(fabs(c->match_margin - .03) < 1e-12);
    assert_false(c->http_access_log);
    assert_int_equal(c->detector, CONFIG_DETECTOR_AUTO);
    assert_string_equal(c->encoder, "facenet128");
    assert_false(c->flip);
    assert_string_equal(config_models_dir(c), "data/models");
    assert_string_equal(config_database_path(c), "data/rollcall.db");
    assert_true(config_workers(c) >= 1);
}

static void an_encoder_is_a_known_name_or_a_file(void **state)
{
    (void)state;
    static const char *const right[] = {"facenet128", "sface", "onnx:models/mine.onnx"};
    static const char *const wrong[] = {"",     "facenet", "onnx:", "onnx:FILE\x01",
                                        "onnx", "sface:x", "ONNX:x"};
    for (size_t i = 0; i < ARRAY_LEN(right); i++) {
        _cleanup_(config_freep) struct config *c =
            loaded(&(struct run){.args = {"--encoder", right[i]}});
        assert_string_equal(c->encoder, right[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        refused(
            &(struct run){.args = {"--encoder", wrong[i]}},
            (const char *const[]){"facenet128|facenet512|dlib128|omz0095|sface|onnx:FILE", NULL});
}

static void every_row_is_named_bounded_and_explained(void **state)
{
    (void)state;
    for (enum option o = 0; o < OPTION_N; o++) {
        const struct option_row *row = &option_rows[o];
        size_t n = strlen(row->help);
        assert_true(n > 10 && row->help[n - 1] == '.');
        assert_true(strlen(row->name) < 40);
        assert_int_equal(option_find(str_from(row->name)), o);
        assert_true(row->min <= row->max);
        if (row->type != OPTION_TYPE_BOOL)
            assert_true(*row->unit);
    }
}

static void choices_have_the_values_of_their_enums(void **state)
{
    (void)state;
    static const struct {
        const char *arg;
        int detector, log;
    } cases[] = {
        {"--detector=auto", CONFIG_DETECTOR_AUTO, LOG_INFO},
        {"--detector=yunet", CONFIG_DETECTOR_YUNET, LOG_INFO},
        {"--detector=retinaface", CONFIG_DETECTOR_RETINAFACE, LOG_INFO},
        {"--detector=mtcnn", CONFIG_DETECTOR_MTCNN, LOG_INFO},
        {"--log-level=error", CONFIG_DETECTOR_AUTO, LOG_ERROR},
        {"--log-level=warn", CONFIG_DETECTOR_AUTO, LOG_WARN},
        {"--log-level=debug", CONFIG_DETECTOR_AUTO, LOG_DEBUG},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_(config_freep) struct config *c = loaded(&(struct run){.args = {cases[i].arg}});
        assert_int_equal(c->detector, cases[i].detector);
        assert_int_equal(c->log_level, cases[i].log);
    }
}

static void later_sources_win(void **state)
{
    (void)state;
    struct run run = {.file =
                          "\xEF\xBB\xBF; a comment\n# another\n\n  http_port = 1001 ; inline\r\n"
                          "data_dir: there\n"};
    struct config *c = loaded(&run);
    assert_int_equal(c->http_port, 1001);
    assert_string_equal(c->data_dir, "there");
    assert_has(config_origin(c, OPTION_http_port), "test.ini:4");
    config_free(c);
    run.env_name = "ROLLCALL_HTTP_PORT";
    run.env_value = "1002";
    c = loaded(&run);
    assert_int_equal(c->http_port, 1002);
    assert_string_equal(config_origin(c, OPTION_http_port), "ROLLCALL_HTTP_PORT");
    config_free(c);
    run.args[0] = "--http-port=1003";
    c = loaded(&run);
    assert_int_equal(c->http_port, 1003);
    assert_string_equal(config_origin(c, OPTION_http_port), "--http-port");
    assert_string_equal(config_models_dir(c), "there/models");
    config_free(c);
}

static void the_file_is_the_one_named_last(void **state)
{
    (void)state;
    assert_int_equal(file_write("rollcall.ini", STR("http_port = 1\n"), 0600, NULL), ERR_OK);
    struct config *c = loaded(&(struct run){.file = NULL});
    assert_int_equal(c->http_port, 1);
    assert_string_equal(config_origin(c, OPTION_http_port), "rollcall.ini:1");
    config_free(c);
    c = loaded(&(struct run){.file = "http_port = 2"});
    assert_int_equal(c->http_port, 2);
    config_free(c);
    assert_int_equal(file_write("third.ini", STR("http_port = 3"), 0600, NULL), ERR_OK);
    c = loaded(&(struct run){.file = "http_port = 2", .args = {"--config", "third.ini"}});
    assert_int_equal(c->http_port, 3);
    config_free(c);
    unlink("third.ini");
    unlink("rollcall.ini");
    static const char *const parts[] = {"configuration file", "third.ini", "No such file", NULL};
    refused(&(struct run){.args = {"--config=third.ini"}}, parts);
}

static void options_leave_argv_and_the_rest_stays_in_order(void **state)
{
    (void)state;
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    _cleanup_(config_freep) struct config *c = NULL;
    struct run run = {
        .args = {"camera", "--workers", "3", "--session=S", "photos", "--http_access_log", "--"}};
    assert_int_equal(load(&run, argv, &argc, &c, NULL), ERR_OK);
    static const char *const want[] = {"rollcall", "camera", "--session=S", "photos", "--"};
    assert_int_equal(argc, ARRAY_LEN(want));
    for (size_t i = 0; i < ARRAY_LEN(want); i++)
        assert_string_equal(argv[i], want[i]);
    assert_null(argv[argc]);
    assert_int_equal(config_workers(c), 3);
    assert_true(c->http_access_log);
}

static void behind_two_dashes_nothing_is_ours(void **state)
{
    (void)state;
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    _cleanup_(config_freep) struct config *c = NULL;
    struct run run = {.args = {"-v", "--follow", "--", "--http-port=9", "--config=none"}};
    assert_int_equal(load(&run, argv, &argc, &c, NULL), ERR_OK);
    assert_int_equal(argc, 6);
    assert_int_equal(c->http_port, 8080);
}

static void values_are_read_by_type(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *c = loaded(&(struct run){
        .file = "queue_max_bytes = 2g\nframe_max_bytes = 64K\nphoto_max_bytes = 2048\n"
                "risk_budget_per_10k = 1e1\nhttp_access_log = ON\nmodels_dir = /m\n"
                "database = sqlite:/x/y.db\nthreshold_override = 0.5\n"});
    assert_int_equal(c->queue_max_bytes, 2147483648);
    assert_int_equal(c->frame_max_bytes, 65536);
    assert_int_equal(c->photo_max_bytes, 2048);
    assert_true(fabs(c->risk_budget_per_10k - 10) < 1e-12);
    assert_true(c->http_access_log);
    assert_string_equal(config_models_dir(c), "/m");
    assert_string_equal(config_database_path(c), "/x/y.db");
}

static void an_error_names_the_source_the_value_and_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        struct run run;
        const char *parts[5];
    } cases[] = {
        {{.file = "\nhttp_port = 70000\n"},
         {"test.ini:2", "http_port", "70000", "a whole number from 0 to 65535 (port)"}},
        {{.env_name = "ROLLCALL_WORKERS", .env_value = "many"},
         {"ROLLCALL_WORKERS", "many", "a whole number from 0 to 1024 (threads)"}},
        {{.args = {"--match-margin", "nan"}},
         {"--match-margin", "nan", "a number from 0 to 1 (cosine)"}},
        {{.args = {"--match-margin=1.1"}}, {"1.1"}},
        {{.args = {"--http-access-log=maybe"}}, {"--http-access-log", "maybe", "true or false"}},
        {{.args = {"--detector=dlib"}}, {"--detector", "dlib", "auto|yunet|retinaface|mtcnn"}},
        {{.args = {"--frame-max-bytes=1T"}},
         {"1T", "1024 to 1073741824 bytes, K, M or G may follow"}},
        {{.args = {"--frame-max-bytes=9999999999999999G"}}, {"9999999999999999G"}},
        {{.args = {"--frame-max-bytes=-1K"}}, {"-1K"}},
        {{.args = {"--frame-max-bytes="}}, {"frame_max_bytes is ''"}},
        {{.args = {"--data-dir="}}, {"--data-dir", "a text of 1 to 1024 bytes (folder)"}},
        {{.args = {"--data-dir=a\tb"}}, {"--data-dir", "a text of"}},
        {{.args = {"--data-dir=\xff"}}, {"--data-dir", "a text of"}},
        {{.args = {"--http-port"}}, {"--http-port", "value is missing"}},
        {{.args = {"--config"}}, {"--config", "value is missing"}},
        {{.args = {"--token=abc"}}, {"--token", "secret", "environment"}},
        {{.file = "[server]\nhttp_port = 1\n"}, {"test.ini:2", "[server]", "not used"}},
        {{.file = "http_port = 1\nworkers = 1\nhttp_port = 2\n"},
         {"test.ini:3", "http_port was set on line 1 already"}},
        {{.file = "http_port = 1\nnonsense\n"}, {"test.ini:2", "name = value"}},
        {{.file = "http_port = 1\n\xff\n"}, {"test.ini", "UTF-8"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refused(&cases[i].run, cases[i].parts);
}

static void unknown_names_are_errors_that_name_the_nearest(void **state)
{
    (void)state;
    static const struct {
        struct run run;
        const char *parts[4];
    } cases[] = {
        {{.file = "http_prot = 1\n"}, {"test.ini:1", "'http_prot'", "did you mean 'http_port'?"}},
        {{.args = {"--http-prot=1"}}, {"'http-prot'", "did you mean 'http_port'?"}},
        {{.args = {"--quite-different=1"}}, {"'quite-different'", "config doc"}},
        {{.args = {"--=1"}}, {"''"}},
        {{.env_name = "ROLLCALL_WORKRES", .env_value = "1"},
         {"ROLLCALL_WORKRES", "did you mean 'workers'?"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refused(&cases[i].run, cases[i].parts);
    char name[200] = "--";
    memset(name + 2, 'x', sizeof name - 3);
    static const char *const parts[] = {"config doc", NULL};
    refused(&(struct run){.args = {name}}, parts);
}

static void variables_of_the_platform_are_passed_over(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *c =
        loaded(&(struct run){.env_name = "ROLLCALL_PORT_8080_TCP_ADDR", .env_value = "10.0.0.1"});
    assert_int_equal(c->http_port, 8080);
}

static void a_line_may_have_196_bytes(void **state)
{
    (void)state;
    char file[220] = "data_dir = ";
    memset(file + 11, 'd', 185);
    config_free(loaded(&(struct run){.file = file}));
    memset(file + 11, 'd', 186);
    static const char *const parts[] = {"test.ini:1", "longer than 196 bytes", NULL};
    refused(&(struct run){.file = file}, parts);
}

static void passwords_of_a_database_are_not_shown(void **state)
{
    (void)state;
    static const struct {
        const char *arg, *name;
    } cases[] = {
        {"--database=postgresql://u:s3cr:et@h:5432/d", "postgresql://u@h:5432/d"},
        {"--database=postgres://u@h/d?password=s3cr&x=1", "postgres://u@h/d"},
        {"--database=postgresql:///d?host=/run", "postgresql:///d"},
        {"--database=postgresql://u:s3cr@h/d?options=a@b", "postgresql://u@h/d"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_(config_freep) struct config *c = loaded(&(struct run){.args = {cases[i].arg}});
        assert_string_equal(config_database_name(c), cases[i].name);
        assert_non_null(config_database_url(c));
        _cleanup_(buf_done) struct buf b;
        buf_init(&b, MIB);
        config_print(c, &b);
        buf_printf(&b, "%c", 0);
        assert_null(strstr(b.p, "s3cr"));
    }
}

static void options_must_fit_together(void **state)
{
    (void)state;
    static const struct {
        struct run run;
        const char *parts[4];
    } cases[] = {
        {{.args = {"--database=mysql:"}}, {"--database", "sqlite:PATH", "postgresql://"}},
        {{.args = {"--queue-max-bytes=1M"}}, {"queue_max_bytes", "1M", "8388608"}},
        {{.args = {"--confirm-window-s=1", "--confirmations=5"}}, {"confirm_window_s = 1", "5"}},
        {{.env_name = "ROLLCALL_INSTALLATION_KEY", .env_value = "abc"},
         {"ROLLCALL_INSTALLATION_KEY", "64 hexadecimal"}},
        {{.env_name = "ROLLCALL_INSTALLATION_KEY",
          .env_value = "000000000000000000000000000000000000000000000000000000000000000g"},
         {"64 hexadecimal"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        refused(&cases[i].run, cases[i].parts);
    config_free(loaded(&(struct run){.args = {"--database="}}));
}

static void secrets_are_used_but_not_shown(void **state)
{
    (void)state;
    _cleanup_(config_freep) struct config *c =
        loaded(&(struct run){.file = "token = hush-hush\nhttp_port = 7\n"});
    assert_string_equal(c->token, "hush-hush");
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 64 * KIB);
    config_print(c, &b);
    assert_int_equal(buf_check(&b, NULL), ERR_OK);
    assert_null(strstr(b.p, "hush"));
    assert_has(b.p, "********");
    assert_has(b.p, "http_port                = 7 ");
    assert_has(b.p, "test.ini:2");
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    char text[4200] = "";
    memset(text, 'q', sizeof text - 1);
    struct error e = {.code = ERR_OK};
    struct run run = {.env_name = "ROLLCALL_TOKEN", .env_value = text};
    struct config *none = NULL;
    assert_int_equal(load(&run, argv, &argc, &none, &e), ERR_INVALID);
    assert_null(strstr(e.msg, "qqq"));
}

static void a_failure_leaves_argv_alone(void **state)
{
    (void)state;
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    struct config *c = NULL;
    struct run run = {.args = {"--http-port=1", "x", "--workers=none"}};
    assert_int_equal(load(&run, argv, &argc, &c, NULL), ERR_INVALID);
    assert_int_equal(argc, 4);
    assert_string_equal(argv[1], "--http-port=1");
}

static void running_out_of_memory_is_an_error(void **state)
{
    (void)state;
    char *argv[ARGS_MAX + 1];
    int argc = 0;
    struct config *c = NULL;
    struct run run = {.args = {"x"}};
    int failures = 0;
    for (int64_t nth = 0; nth < 100; nth++) {
        mem_fail_after(nth);
        enum err r = load(&run, argv, &argc, &c, NULL);
        mem_fail_after(-1);
        if (r == ERR_OK)
            break;
        assert_int_equal(r, ERR_NOMEM);
        failures++;
    }
    assert_non_null(c);
    assert_true(failures >= 2);
    config_free(c);
}

static void the_usage_names_every_flag_but_secrets(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 64 * KIB);
    config_usage(&b);
    assert_has(b.p, "--http-port=8080\n");
    assert_has(b.p, "--detector=auto  (auto|yunet|retinaface|mtcnn)\n");
    assert_null(strstr(b.p, "--token="));
}

static void the_committed_documentation_is_what_the_table_says(void **state)
{
    (void)state;
    _cleanup_(buf_done) struct buf b;
    _cleanup_(arena_freep) struct arena *a = arena_new(MIB);
    buf_init(&b, 64 * KIB);
    config_doc(&b);
    struct str committed;
    assert_int_equal(file_read(DOC_PATH, 64 * KIB, a, &committed, NULL), ERR_OK);
    if (!str_eq(committed, buf_str(&b)))
        fail_msg("docs/config.md is stale: write it anew with `rollcall config doc`");
    for (enum option o = 0; o < OPTION_N; o++)
        assert_has(b.p, option_rows[o].name);
}

/* An empty folder of its own: no rollcall.ini is found by chance. */
static int enter_folder(void **state)
{
    (void)state;
    if (!mkdtemp(dir) || chdir(dir))
        return -1;
    snprintf(file_path, sizeof file_path, "%s/test.ini", dir);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    unlink(file_path);
    return chdir("/") || rmdir(dir);
}

static int print_doc(void)
{
    _cleanup_(buf_done) struct buf b;
    buf_init(&b, 64 * KIB);
    config_doc(&b);
    return fwrite(b.p, 1, b.n, stdout) == b.n ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--doc") == 0)
        return print_doc();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_table),
        cmocka_unit_test(an_encoder_is_a_known_name_or_a_file),
        cmocka_unit_test(every_row_is_named_bounded_and_explained),
        cmocka_unit_test(choices_have_the_values_of_their_enums),
        cmocka_unit_test(later_sources_win),
        cmocka_unit_test(the_file_is_the_one_named_last),
        cmocka_unit_test(options_leave_argv_and_the_rest_stays_in_order),
        cmocka_unit_test(behind_two_dashes_nothing_is_ours),
        cmocka_unit_test(values_are_read_by_type),
        cmocka_unit_test(an_error_names_the_source_the_value_and_what_is_allowed),
        cmocka_unit_test(unknown_names_are_errors_that_name_the_nearest),
        cmocka_unit_test(variables_of_the_platform_are_passed_over),
        cmocka_unit_test(a_line_may_have_196_bytes),
        cmocka_unit_test(passwords_of_a_database_are_not_shown),
        cmocka_unit_test(options_must_fit_together),
        cmocka_unit_test(secrets_are_used_but_not_shown),
        cmocka_unit_test(a_failure_leaves_argv_alone),
        cmocka_unit_test(running_out_of_memory_is_an_error),
        cmocka_unit_test(the_usage_names_every_flag_but_secrets),
        cmocka_unit_test(the_committed_documentation_is_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
