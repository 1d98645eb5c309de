/* `rollcall calibrate`: a false-match table of the site's own people.
 *
 * Opens every template (a photo each) of an encoder on the database itself, compares photos with
 * the templates of other students, fits, and shows what it would change; --apply keeps the result
 * as a setting, which workers read within cache_ttl_s. With --photos the people come from a folder
 * instead, for an encoder that nobody is enrolled with yet. Only curves and counts are kept.
 * Vectors lie in one arena, wiped at the end. Thread: main. */
#include "app/app.h"
#include "app/vision_options.h"
#include "cmd/args.h"
#include "cmd/calibrate_site.h"
#include "cmd/cmd.h"
#include "cmd/eval_photos.h"
#include "cmd/settings.h"
#include "store/migrate.h"

#include <stdio.h>

enum { REPORT_MAX = MIB };
#define VECTORS_MAX ((size_t)8 << 30)

static const char about[] =
    "Compares the photos behind your templates with the templates of other students, builds the\n"
    "table of false-match rates from that, and shows the thresholds before and after, with the\n"
    "number of comparisons behind them. It says whether hub correction finds more of your people;\n"
    "hub_correction = auto follows that. Nothing changes without --apply; --reset goes back to "
    "the\n"
    "tables that are shipped. Needs 284 students with a template. Two students who are one "
    "person,\n"
    "enrolled twice, spoil it: look through the look-alikes first.\n"
    "Works on the database itself: with SQLite, stop the server first.";

static const char examples[] = "  rollcall calibrate\n"
                               "  rollcall calibrate --apply\n"
                               "  rollcall calibrate --photos people --encoder onnx:mine.onnx\n"
                               "  rollcall calibrate --reset";

struct calibrate {
    struct calibrate_site site;
    const char *photos; /* folder */
};

static enum err run_photos(struct calibrate *c, struct error *e)
{
    const struct eval_photos_options options = {.folder = c->photos};
    struct vision_options o;
    struct vision *v = NULL;
    struct eval_photos *photos = NULL;
    struct eval_faces faces;
    app_vision_options(c->site.config, &o);
    enum err r = vision_open(&o, &v, e);
    if (!r)
        r = eval_photos_open(&options, &photos, e);
    const struct eval_analysis analysis = {.vision = v,
                                           .threads = 1,
                                           .max_pixels = c->site.config->photo_max_pixels,
                                           .max_bytes = c->site.config->photo_max_bytes,
                                           .key = ""};
    if (!r)
        r = eval_photos_analyse(photos, &analysis, e);
    if (!r)
        r = eval_photos_faces(photos, c->site.arena, &faces, NULL, e);
    if (!r)
        r = calibrate_faces(&c->site, vision_encoder(v), vision_preprocessing(v), &faces, e);
    eval_photos_close(photos);
    vision_close(v);
    return r;
}

static enum err run_templates(struct calibrate *c, struct error *e)
{
    enum err r = app_template_key(c->site.config, &c->site.key, e);
    return r ? r : calibrate_templates(&c->site, e);
}

static int run(struct calibrate *c)
{
    struct error e = {.code = ERR_OK};
    struct calibrate_site *s = &c->site;
    _cleanup_(buf_done) struct buf out;
    int applied = 0;
    buf_init(&out, REPORT_MAX);
    s->out = &out;
    s->arena = arena_new(VECTORS_MAX);
    enum err r = s->arena ? settings_open_db(s->config, c->photos != NULL, &s->db, &e)
                          : error_set(&e, ERR_NOMEM, "out of memory");
    if (!r && c->photos)
        r = migrate_up(s->db, &applied, &e); /* an encoder is measured before the first start */
    if (!r)
        r = c->photos ? run_photos(c, &e) : run_templates(c, &e);
    printf("%.*s", STR_ARGS(buf_str(&out)));
    if (!r && (s->apply || s->reset))
        printf("A running worker follows within cache_ttl_s; hub correction with the next rebuild "
               "of its gallery.\n");
    settings_close_db(&s->db);
    arena_free(s->arena);
    explicit_bzero(&s->key, sizeof s->key);
    return r ? cmd_fail("calibrate", &e) : CMD_OK;
}

int cmd_calibrate(int argc, char **argv)
{
    struct calibrate c = {0};
    const struct arg_option options[] = {
        {.name = "apply",
         .type = ARG_FLAG,
         .ret = &c.site.apply,
         .help = "use the result from now on"},
        {.name = "reset",
         .type = ARG_FLAG,
         .ret = &c.site.reset,
         .help = "go back to the tables that are shipped"},
        {.name = "only",
         .metavar = "ENCODER",
         .ret = &c.site.only,
         .help = "only the templates of this encoder (default: of each that there are)"},
        {.name = "photos",
         .metavar = "DIR",
         .ret = &c.photos,
         .help = "measure on DIR/PERSON/PHOTO.jpg with the configured encoder instead"},
    };
    const struct arg_spec spec = {.command = "calibrate",
                                  .synopsis = "[--apply | --reset] [--only ENCODER] [--photos DIR]",
                                  .about = about,
                                  .examples = examples,
                                  .options = options,
                                  .n_options = ARRAY_LEN(options)};
    struct args args;
    _cleanup_(config_freep) struct config *config = NULL;
    enum args_outcome outcome = settings_args(&spec, argc, argv, &args, &config);
    if (outcome != ARGS_RUN)
        return args_status(outcome);
    if (c.site.reset && (c.site.apply || c.photos))
        return cmd_bad_usage("calibrate", "--reset goes with neither --apply nor --photos");
    c.site.config = config;
    return run(&c);
}
